import Chance
import ServoProtocol
import Time

/// A chain of emulated servos behind a serial line: bytes in, bytes out, each at its time.
///
/// Without clock or line of its own: `receive` and `advance` are told the time, which must not run backwards.
package protocol EmulatedBus: ServoFaultBus {
    var faults: BusFaults { get set }
    /// Ids of the servos, in the order of the chain.
    var ids: [UInt8] { get }
    /// Gets every accepted write.
    var onWrite: ((RegisterWrite) -> Void)? { get set }

    /// What the host has sent.
    func receive(_ bytes: UnsafeRawBufferPointer, at now: MonotonicTime)

    /// Lets the servos move and their watchdogs run until `now`.
    func advance(to now: MonotonicTime)

    /// Bytes that are on the line by `now`, in order.
    func takeReplies(at now: MonotonicTime) -> [UInt8]

    /// When the next bytes are due.
    var nextReplyTime: MonotonicTime? { get }

    /// Where a servo stands, pulses as its position register says; nil for an unknown id.
    func position(of id: UInt8) -> Int?

    /// Puts something in a servo's way, pulses as its position register says; nil takes it away.
    func setObstacle(_ pulses: ClosedRange<Int>?, at id: UInt8)

    /// A hand turns a servo, to where its position register says `pulses`; one with torque on does not give way.
    func turn(_ id: UInt8, to pulses: Int)

    /// A hardware error, as the protocol's bits.
    func setHardwareError(_ bits: UInt8, at id: UInt8)

    /// Degrees Celsius.
    func setTemperature(_ degrees: Int, at id: UInt8)

    /// Power off and on: torque is off, and all that is not kept without power is as it was at first.
    func cyclePower()
}

/// Answers on their way to the host, at the speed of the line.
struct ReplyQueue {
    private struct Reply {
        var due: MonotonicTime
        var bytes: [UInt8]
    }
    private var waiting: [Reply] = []
    /// The line is busy until then.
    private var free = MonotonicTime.zero
    private let secondsPerByte: Double

    /// - Parameter baud: bits per second; a byte has ten bits.
    init(baud: Int) { secondsPerByte = 10 / Double(baud) }

    /// Time that so many bytes take, seconds.
    func duration(_ bytes: Int) -> Double { secondsPerByte * Double(bytes) }

    /// The host has begun to send at `now`: what is answered comes after it.
    mutating func hostSends(_ bytes: Int, at now: MonotonicTime) {
        free = max(free, now) + .fromSeconds(duration(bytes))
    }

    /// - Parameter delay: between what is on the line and this, seconds.
    mutating func append(_ bytes: [UInt8], delay: Double) {
        free = free + .fromSeconds(delay + duration(bytes.count))
        waiting.append(Reply(due: free, bytes: bytes))
    }

    var next: MonotonicTime? { waiting.first?.due }

    mutating func take(at now: MonotonicTime) -> [UInt8] {
        var bytes: [UInt8] = []
        while let first = waiting.first, first.due <= now {
            bytes += first.bytes
            waiting.removeFirst()
        }
        return bytes
    }

    mutating func removeAll() { waiting = [] }
}

extension SplitMix64 {
    /// One bit of one byte.
    mutating func damage(_ bytes: inout [UInt8]) {
        if bytes.isEmpty { return }
        bytes[Int(next() % UInt64(bytes.count))] ^= 1 << UInt8(next() % 8)
    }
}
