import Glibc

/// Time of day, for people, file names and ages: never for control or latency, for it can jump.
package struct WallTime: Comparable, Hashable, Sendable, BitwiseCopyable {
    /// Time since 1970-01-01 UTC, seconds.
    package var seconds: Double

    package init(seconds: Double) { self.seconds = seconds }

    /// The time of day. CLOCK_REALTIME; it may jump, so nothing is measured by it.
    package static func now() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(seconds: Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9)
    }

    /// Reads what `description` writes.
    /// - Returns: nil for anything but `2026-11-23T21:04:59Z`.
    package init?(_ text: String) {
        let digits = text.utf8.map { $0 }
        let form = Array("dddd-dd-ddTdd:dd:ddZ".utf8)
        guard digits.count == form.count else { return nil }
        var numbers = [0]
        for (byte, sign) in zip(digits, form) {
            if sign == UInt8(ascii: "d") {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                numbers[numbers.count - 1] = numbers[numbers.count - 1] * 10 + Int(byte - UInt8(ascii: "0"))
            } else {
                guard byte == sign else { return nil }
                numbers.append(0)
            }
        }
        guard (1...12).contains(numbers[1]), (1...31).contains(numbers[2]), numbers[3] < 24, numbers[4] < 60,
            numbers[5] <= 60
        else { return nil }
        var fields = tm()
        fields.tm_year = Int32(numbers[0]) - 1900
        fields.tm_mon = Int32(numbers[1]) - 1
        fields.tm_mday = Int32(numbers[2])
        fields.tm_hour = Int32(numbers[3])
        fields.tm_min = Int32(numbers[4])
        fields.tm_sec = Int32(numbers[5])
        seconds = Double(timegm(&fields))
    }

    package static func < (a: Self, b: Self) -> Bool { a.seconds < b.seconds }

    /// Time from `earlier` to `later`, seconds.
    package static func - (later: Self, earlier: Self) -> Double { later.seconds - earlier.seconds }
}

extension WallTime: CustomStringConvertible {
    /// The time in ISO 8601: UTC, whole seconds. gmtime_r(3).
    package var description: String {
        var (whole, fields) = (time_t(seconds.rounded(.down)), tm())
        gmtime_r(&whole, &fields)
        func padded(_ number: Int32, to count: Int = 2) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        return "\(padded(fields.tm_year + 1900, to: 4))-\(padded(fields.tm_mon + 1))-\(padded(fields.tm_mday))T"
            + "\(padded(fields.tm_hour)):\(padded(fields.tm_min)):\(padded(fields.tm_sec))Z"
    }
}
