import Time

/// Bounds how many messages, and how many bytes of them, one viewer sends: two buckets that fill with time, and from
/// which each message takes.
package struct MessageBudget: Sendable {
    /// What a bucket gets in a second, and what it holds.
    private struct Bucket: Sendable {
        let perSecond: Double
        let size: Double
        var content: Double

        init(perSecond: Double, size: Double) {
            (self.perSecond, self.size, content) = (perSecond, size, size)
        }

        mutating func fill(over time: Duration) {
            content = min(size, content + perSecond * max(0, time.inSeconds))
        }
    }

    private var messages: Bucket
    private var bytes: Bucket
    private var last: MonotonicTime
    /// Messages that were not admitted.
    package private(set) var refused = 0

    /// - Parameters:
    ///   - now: from when time counts; both buckets are full.
    ///   - messagesPerSecond, messageBurst: messages on average, and at once.
    ///   - bytesPerSecond, byteBurst: bytes on average, and at once; a message of more is never admitted.
    package init(
        at now: MonotonicTime, messagesPerSecond: Double = ServerLimits.messagesPerSecond,
        messageBurst: Double = ServerLimits.messageBurst, bytesPerSecond: Double = ServerLimits.messageBytesPerSecond,
        byteBurst: Double = ServerLimits.messageBurstBytes
    ) {
        messages = Bucket(perSecond: messagesPerSecond, size: messageBurst)
        bytes = Bucket(perSecond: bytesPerSecond, size: byteBurst)
        last = now
    }

    /// Whether a message may be looked at. One that may not takes nothing: who slows down is heard again.
    /// - Parameter count: bytes of its payload.
    package mutating func admit(bytes count: Int, at now: MonotonicTime) -> Bool {
        // A time before the last is taken as the last.
        messages.fill(over: now - last)
        bytes.fill(over: now - last)
        last = max(last, now)
        guard count >= 0, messages.content >= 1, bytes.content >= Double(count) else {
            refused += 1
            return false
        }
        messages.content -= 1
        bytes.content -= Double(count)
        return true
    }
}
