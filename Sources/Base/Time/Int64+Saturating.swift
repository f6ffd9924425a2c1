extension Int64 {
    /// The sum, or the largest or smallest number where it does not fit: for totals of what others say, which may be
    /// anything, and must never end a program.
    package func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}
