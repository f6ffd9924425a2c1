import Synchronization

/// Hands every value of a stream from one thread to another in order, without locks, waiting or allocation, as long as
/// the reader keeps up. When the ring is full the new value is dropped and counted.
///
/// Exactly one thread may call `push` and exactly one may call `pop`.
// Sendable: slots from `head` to `tail` belong to the reader, the others to the writer. Each side moves only its own
// index (release), and reads the other's (acquire) before it touches a slot that changed hands.
package final class EventRing<Value: BitwiseCopyable & Sendable>: @unchecked Sendable {
    @usableFromInline let slots: UnsafeMutablePointer<Value>
    @usableFromInline let mask: Int
    /// Values read so far; only the reader moves it.
    @usableFromInline let head = Atomic<Int>(0)
    /// Values written so far; only the writer moves it.
    @usableFromInline let tail = Atomic<Int>(0)
    @usableFromInline let droppedCount = Atomic<Int64>(0)

    /// Makes an empty ring.
    /// - Parameter capacity: number of values that can wait, at least 1; rounded up to a power of two.
    package init(capacity: Int) {
        precondition(capacity >= 1 && capacity <= 1 << 24, "a ring holds 1 to 2^24 values")
        var size = 1
        while size < capacity { size *= 2 }
        mask = size - 1
        slots = .allocate(capacity: size)
    }

    // No values to deinitialise: they are BitwiseCopyable.
    deinit { slots.deallocate() }

    /// How many values can wait.
    package var capacity: Int { mask + 1 }
    /// Values that found the ring full, since it was made.
    package var dropped: Int64 { droppedCount.load(ordering: .relaxed) }

    /// Appends `value`. Real-time safe.
    /// - Returns: false if the ring was full; then `value` is lost and counted.
    @inlinable @discardableResult
    package func push(_ value: Value) -> Bool {
        let end = tail.load(ordering: .relaxed)
        guard end - head.load(ordering: .acquiring) <= mask else {
            droppedCount.add(1, ordering: .relaxed)
            return false
        }
        (slots + (end & mask)).initialize(to: value)
        tail.store(end + 1, ordering: .releasing)
        return true
    }

    /// Takes the oldest value, or nil if none waits. Real-time safe.
    @inlinable
    package func pop() -> Value? {
        let start = head.load(ordering: .relaxed)
        guard start != tail.load(ordering: .acquiring) else { return nil }
        let value = slots[start & mask]
        head.store(start + 1, ordering: .releasing)
        return value
    }
}
