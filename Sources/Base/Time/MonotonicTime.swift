import CShims

/// A point on the machine's one clock for control and latency, CLOCK_MONOTONIC.
///
/// V4L2 stamps frames with the same clock. `ContinuousClock` reads CLOCK_BOOTTIME on Linux and wall time can jump, so
/// neither may meet a stamp in a comparison.
package struct MonotonicTime: Comparable, Hashable, Sendable, BitwiseCopyable {
    /// Time since an arbitrary start (boot, on Linux), nanoseconds.
    package var nanoseconds: Int64

    @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The clock's origin. Tests start here and move only when told.
    package static let zero = MonotonicTime(nanoseconds: 0)

    /// Reads the clock. Only shells do this; cores are handed the time. clock_gettime(2).
    package static func now() -> MonotonicTime { MonotonicTime(nanoseconds: octo_monotonic_ns()) }

    @inlinable package static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }

    @inlinable package static func + (time: Self, duration: Duration) -> Self {
        Self(nanoseconds: time.nanoseconds + duration.nanoseconds)
    }
    @inlinable package static func - (time: Self, duration: Duration) -> Self {
        Self(nanoseconds: time.nanoseconds - duration.nanoseconds)
    }
    /// The time from `earlier` to `later`; negative when they are swapped.
    @inlinable package static func - (later: Self, earlier: Self) -> Duration {
        .nanoseconds(later.nanoseconds - earlier.nanoseconds)
    }
    @inlinable package static func += (time: inout Self, duration: Duration) { time = time + duration }
}

extension Duration {
    /// Whole nanoseconds; exact for the ±292 years that fit in 64 bits.
    @inlinable package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
    /// The duration in seconds, as a floating-point number.
    @inlinable package var inSeconds: Double { Double(nanoseconds) * 1e-9 }
    /// The duration in milliseconds, as a floating-point number.
    @inlinable package var inMilliseconds: Double { Double(nanoseconds) * 1e-6 }
    /// A duration of `seconds`, rounded to the nanosecond; at most ±2^61 ns (73 years), so that it can still be added
    /// to a stamp. What is no number is zero.
    @inlinable package static func fromSeconds(_ seconds: Double) -> Duration {
        guard !seconds.isNaN else { return .zero }
        return .nanoseconds(Int64(min(max((seconds * 1e9).rounded(), -0x1p61), 0x1p61)))
    }
}
