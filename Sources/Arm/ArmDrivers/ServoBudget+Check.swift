import Time

extension ServoBudget {
    /// Holds what a control tick costs on the line against the time that it has.
    ///
    /// Half of all answers have to be there in time: that is the line. That one in a hundred is late may be a busy
    /// machine, and is told.
    /// - Parameters:
    ///   - cost: measured cost of a tick's questions; nil where there is no such line.
    ///   - timer: the adapter's latency timer, where it has one.
    ///   - refusal: the errno with which low latency was refused, as `SerialPort` tells it; 0 if it was not.
    /// - Returns: what is wrong although it may do, for people; nil when nothing is.
    /// - Throws: `.notEnoughTime`, `.slowLine`.
    package func check(
        _ cost: LineCost?, rate: Rate, timer: (milliseconds: Int, file: String)?, refusal: Int32
    ) throws(ServoStartError) -> String? {
        guard rate.hertz <= highestHertz else {
            throw .notEnoughTime(
                rateHertz: rate.hertz, highestHertz: highestHertz, bytes: bytesPerTick, baud: baud)
        }
        guard let cost else { return nil }
        let period = rate.period.inSeconds
        let cause = SlowLine(cost, self, period: period, timer: timer, refusal: refusal)
        guard cost.p50 <= 0.9 * period else {
            throw .slowLine(cost, rateHertz: rate.hertz, cause: "\(cause)")
        }
        return cost.p99 > period ? "some answers take longer than a control tick: \(cost). \(cause)" : nil
    }
}
