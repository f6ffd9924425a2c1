import Synchronization

/// Hands the newest value of a stream from one thread to another, without locks, waiting or allocation: a triple
/// buffer. The writer never waits for the reader; values that nobody took are replaced.
///
/// Exactly one thread may call `put` and exactly one may call `take`.
///
/// Of three slots one is the writer's, one the reader's, and one lies between them; both sides only ever exchange their
/// own for the one between, in one atomic step.
// Sendable: a slot is touched only by the side that owns it. Ownership moves through `between` (release by the one who
// gives a slot away, acquire by the one who takes it), `back` belongs to the writer alone, `front` to the reader alone.
package final class LatestMailbox<Value: BitwiseCopyable & Sendable>: @unchecked Sendable {
    /// Bit that is set in `between` when that slot holds something the reader has not seen.
    @usableFromInline static var fresh: UInt8 { 4 }

    @usableFromInline let slots: UnsafeMutablePointer<Value>
    @usableFromInline let between = Atomic<UInt8>(1)
    @usableFromInline var back: UInt8 = 0
    @usableFromInline var front: UInt8 = 2

    /// Makes an empty mailbox.
    /// - Parameter initial: fills the slots; it is not handed out.
    package init(initial: Value) {
        slots = .allocate(capacity: 3)
        slots.initialize(repeating: initial, count: 3)
    }

    deinit { slots.deallocate() }

    /// Leaves `value` for the reader. Real-time safe.
    @inlinable
    package func put(_ value: Value) {
        slots[Int(back)] = value
        back = between.exchange(back | Self.fresh, ordering: .acquiringAndReleasing) & 3
    }

    /// Takes the newest value, or nil if there is none since the last time. Real-time safe.
    @inlinable
    package func take() -> Value? {
        guard between.load(ordering: .relaxed) & Self.fresh != 0 else { return nil }
        front = between.exchange(front, ordering: .acquiringAndReleasing) & 3
        return slots[Int(front)]
    }
}
