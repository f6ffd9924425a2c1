import Histogram

/// Durations counted in buckets that are exact to three significant digits, from 1 µs to a minute.
///
/// Longer values are counted in the last bucket, negative ones in the first. Recording does not allocate.
package struct LatencyHistogram: Sendable {
    /// One bucket with its count, as it travels in a report; reports of several intervals can be added up.
    package struct Bucket: Hashable, Sendable {
        /// Duration for which all members of the bucket stand, nanoseconds.
        package var nanoseconds: Int64
        package var count: Int64

        package init(nanoseconds: Int64, count: Int64) {
            self.nanoseconds = nanoseconds
            self.count = count
        }
    }

    // Microsecond resolution would lose a 1 kHz loop's jitter, so values are kept in units of 100 ns.
    private static let unit: Int64 = 100
    private static let highest: UInt64 = 600_000_000
    private var histogram = Histogram<UInt64>(
        lowestDiscernibleValue: 1, highestTrackableValue: LatencyHistogram.highest,
        numberOfSignificantValueDigits: .three)

    package init() {}

    /// How many durations were recorded.
    package var count: Int64 { Int64(histogram.totalCount) }
    /// The longest duration, zero when there is none.
    package var maximum: Duration { quantile(1) }

    /// Counts one duration.
    package mutating func record(_ duration: Duration) { add(Bucket(nanoseconds: duration.nanoseconds, count: 1)) }

    /// Counts all durations of a bucket of another histogram.
    package mutating func add(_ bucket: Bucket) {
        guard bucket.count > 0 else { return }
        let value = min(UInt64(max(bucket.nanoseconds, 0) / Self.unit), Self.highest)
        histogram.record(value, count: UInt64(bucket.count))
    }

    /// Counts all durations of another histogram.
    package mutating func add(_ other: LatencyHistogram) { for bucket in other.buckets { add(bucket) } }

    /// The duration that a fraction `q` (0...1) of all records does not exceed; zero when there is none.
    package func quantile(_ q: Double) -> Duration {
        guard count > 0 else { return .zero }
        return .nanoseconds(Int64(histogram.valueAtPercentile(q * 100)) * Self.unit)
    }

    /// The buckets that are not empty, in ascending order.
    package var buckets: [Bucket] {
        histogram.recordedValues().map {
            Bucket(nanoseconds: Int64($0.value) * Self.unit, count: Int64($0.count))
        }
    }

    package mutating func removeAll() { histogram.reset() }
}
