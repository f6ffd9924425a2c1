import Glibc

/// Why a line is slower than a control tick, as far as this machine can tell.
package enum SlowLine: Equatable, Sendable {
    /// The USB adapter keeps answers back for so many milliseconds; its file in sysfs; why its driver refused to hand
    /// bytes over at once (TIOCSSERIAL), errno(3), 0 when it did not.
    case latencyTimer(milliseconds: Int, file: String, refusal: Int32)
    /// The bytes alone take longer than a tick.
    case baud(Int, wireSeconds: Double)
    case unknown

    /// Finds why the line takes longer than the period, as far as this machine can tell.
    /// - Parameters:
    ///   - cost: measured cost of a tick's questions.
    ///   - budget: time that the bytes alone should take.
    ///   - timer: the adapter's latency timer, milliseconds, and its file; nil where it has none.
    ///   - refusal: the errno with which low latency was refused, as `SerialPort` tells it; 0 if it was not.
    package init(
        _ cost: LineCost, _ budget: ServoBudget, period: Double, timer: (milliseconds: Int, file: String)?,
        refusal: Int32 = 0
    ) {
        if budget.tickSeconds > 0.8 * period {
            self = .baud(budget.baud, wireSeconds: budget.tickSeconds)
        } else if let timer, timer.milliseconds > 2, cost.p50 - budget.tickSeconds > Double(timer.milliseconds) * 0.4e-3
        {
            self = .latencyTimer(milliseconds: timer.milliseconds, file: timer.file, refusal: refusal)
        } else {
            self = .unknown
        }
    }

    /// The latency timer of a USB serial adapter; nil for a port that has none.
    /// - Parameter port: "/dev/ttyUSB0", or a link to it.
    package static func latencyTimer(of port: String) -> (milliseconds: Int, file: String)? {
        guard let resolved = realpath(port, nil) else { return nil }
        defer { free(resolved) }
        let name = String(cString: resolved).split(separator: "/").last.map(String.init) ?? ""
        let file = "/sys/class/tty/\(name)/device/latency_timer"
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return nil }
        let digits = bytes[..<count].prefix { (48...57).contains($0) }
        return Int(String(decoding: digits, as: UTF8.self)).map { ($0, file) }
    }
}

extension SlowLine: CustomStringConvertible {
    package var description: String {
        switch self {
        case .latencyTimer(let milliseconds, let file, let refusal):
            "The adapter keeps answers back for \(milliseconds) ms (\(file)"
                + (refusal == 0 ? "" : "; its driver refused low latency: \(String(cString: strerror(refusal)))")
                + "): set it to 1 with 'echo 1 | sudo tee \(file)', and for good with the udev rule ACTION==\"add\", "
                + "SUBSYSTEM==\"usb-serial\", ATTR{latency_timer}=\"1\"."
        case .baud(let baud, let wire):
            "At \(baud) baud the bytes alone take \((wire * 10_000).rounded() / 10) ms: raise the servos' rate with "
                + "'octo-arm setup', or lower arm.control_rate_hz."
        case .unknown:
            "Plug the adapter into the machine itself, not into a hub; look whether the machine is busy; raise the "
                + "servos' rate, or lower arm.control_rate_hz."
        }
    }
}
