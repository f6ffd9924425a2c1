import Time

/// "1.2 MB".
package func byteText(_ count: UInt64) -> String {
    switch count {
    case ..<1_000: "\(count) B"
    case ..<1_000_000: "\((Double(count) / 1e3).decimals(1)) kB"
    case ..<1_000_000_000: "\((Double(count) / 1e6).decimals(1)) MB"
    default: "\((Double(count) / 1e9).decimals(2)) GB"
    }
}

/// Writes ranges of numbers, "3-7 9": the first few of them.
package func rangesText(_ ranges: [ClosedRange<UInt64>], most: Int = 8) -> String {
    ranges.prefix(most).map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        .joined(separator: " ") + (ranges.count > most ? " and \(ranges.count - most) more" : "")
}
