import ArmDrivers
import ServoEmulation
import Time

/// A line to emulated servos, in a time of its own: waiting costs nothing.
package final class EmulatedPort: ServoPort {
    package let bus: any EmulatedBus
    package private(set) var now = MonotonicTime.zero + .seconds(10)
    /// What every call fails with; nil when the line works.
    package var failure: Int32?
    package private(set) var reopened = 0
    /// What is told now is thrown away.
    package private(set) var isDiscarding = false
    /// Gets everything that is sent, before the servos hear it.
    package var onSend: ((UnsafeRawBufferPointer) -> Void)?
    /// The line has been opened again.
    package var onReopen: (() -> Void)?
    private var pending: [UInt8] = []

    package init(_ bus: any EmulatedBus) { self.bus = bus }

    /// Lets time pass up to `time` after the beginning.
    package func wait(until time: MonotonicTime) { advance(to: MonotonicTime.zero + .seconds(10) + (time - .zero)) }

    /// Lets time pass up to `time` of the port's own clock.
    package func advance(to time: MonotonicTime) {
        now = max(now, time)
        bus.advance(to: now)
    }

    package func send(_ bytes: UnsafeRawBufferPointer) throws(ServoPortError) {
        if let failure { throw ServoPortError(errno: failure) }
        bus.advance(to: now)
        onSend?(bytes)
        bus.receive(bytes, at: now)
    }

    package func receive(
        into target: UnsafeMutableRawBufferPointer, until deadline: MonotonicTime
    ) throws(ServoPortError) -> Int {
        if let failure { throw ServoPortError(errno: failure) }
        // A moment at which something happens on the line need not bring bytes.
        while pending.isEmpty {
            guard let next = bus.nextReplyTime, next <= deadline else {
                now = max(now, deadline)
                return 0
            }
            now = max(now, next)
            bus.advance(to: now)
            pending = bus.takeReplies(at: now)
        }
        let count = min(target.count, pending.count)
        target.copyBytes(from: pending[..<count])
        pending.removeFirst(count)
        return count
    }

    package func discardInput() {
        pending = []
        isDiscarding = true
        _ = bus.takeReplies(at: now)
        isDiscarding = false
    }

    package func reopen() throws(ServoPortError) {
        reopened += 1
        if let failure { throw ServoPortError(errno: failure) }
        onReopen?()
    }
}
