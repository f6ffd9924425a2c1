import Maths
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
    /// Gets every position that an answer tells, once the whole answer has left the adapter for the host.
    var onReading: ((PositionReading) -> Void)? { get set }

    /// Takes what the host has sent.
    func receive(_ bytes: UnsafeRawBufferPointer, at now: MonotonicTime)

    /// Lets the servos move and their watchdogs run until `now`.
    func advance(to now: MonotonicTime)

    /// Bytes that have left the adapter for the host by `now`, in order.
    func takeReplies(at now: MonotonicTime) -> [UInt8]

    /// Time at which something happens on the line next: bytes are due, or a frozen line thaws.
    var nextReplyTime: MonotonicTime? { get }

    /// Position of a servo, pulses as its position register says; nil for an unknown id.
    func position(of id: UInt8) -> Int?

    /// Stance of a servo: where it stands, where it is told to go, and whether it does; nil for an unknown id.
    func stance(of id: UInt8) -> ServoStance?

    /// Puts something in a servo's way, pulses as its position register says; nil takes it away.
    func setObstacle(_ pulses: ClosedRange<Int>?, at id: UInt8)

    /// A hand turns a servo, to where its position register says `pulses`; one with torque on does not give way.
    func turn(_ id: UInt8, to pulses: Int)

    /// A hardware error, as the protocol's bits.
    func setHardwareError(_ bits: UInt8, at id: UInt8)

    /// Sets the temperature of a servo, degrees Celsius.
    func setTemperature(_ degrees: Int, at id: UInt8)

    /// Switches the power off and on: torque is off, and all that is not kept without power is as it was at first.
    func cyclePower()
}

extension SplitMix64 {
    /// Puts some position of one turn in place of the one that the bytes hold from `start` on.
    mutating func garble(_ data: inout [UInt8], at start: Int, width: Int) {
        let pulses = next() % 4_096
        for index in 0..<width { data[start + index] = UInt8(truncatingIfNeeded: pulses >> UInt64(8 * index)) }
    }

    /// Flips one bit of one byte.
    mutating func damage(_ bytes: inout [UInt8]) {
        if bytes.isEmpty { return }
        bytes[Int(next() % UInt64(bytes.count))] ^= 1 << UInt8(next() % 8)
    }
}
