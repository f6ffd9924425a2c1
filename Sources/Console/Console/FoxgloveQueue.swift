/// Messages that wait for a viewer to take them, oldest first. Of pictures only the newest of each channel waits; of
/// all else the oldest are dropped when there are too many.
struct FoxgloveQueue: Sendable {
    /// What was left out.
    struct Dropped: Equatable, Sendable {
        /// Pictures that a newer one overtook.
        var pictures = 0
        var messages = 0
    }

    private struct Waiting {
        var message: FoxgloveMessage
        /// Grows with each message that comes to wait.
        var place: UInt64
    }

    private let limits: FoxgloveSession.Limits
    private(set) var dropped = Dropped()
    /// Messages that wait, from `first` on; the room before it goes when it is half of all.
    private var messages: [Waiting?] = []
    private var first = 0
    private var bytes = 0
    /// By channel.
    private var pictures: [Int: Waiting] = [:]
    private var places: UInt64 = 0

    init(limits: FoxgloveSession.Limits) { self.limits = limits }

    /// Bytes of all messages that wait, with the pictures.
    var byteCount: Int { pictures.values.reduce(bytes) { $0 + $1.message.data.count } }

    mutating func append(_ message: FoxgloveMessage) {
        places += 1
        guard !message.channel.isPictures else {
            // It keeps the place of the one that it replaces: else a viewer that is always behind would see none.
            let replaced = pictures[message.channel.id]
            if replaced != nil { dropped.pictures += 1 }
            pictures[message.channel.id] = Waiting(message: message, place: replaced?.place ?? places)
            return
        }
        messages.append(Waiting(message: message, place: places))
        bytes += message.data.count
        // The newest is kept, however large.
        while messages.count - first > 1, messages.count - first > limits.messages || bytes > limits.bytes {
            removeFirstMessage()
            dropped.messages += 1
        }
    }

    /// The message that has waited longest.
    var next: FoxgloveMessage? { nextPicture?.message ?? nextMessage?.message }

    /// Takes out the message that has waited longest.
    mutating func removeNext() {
        if let picture = nextPicture {
            pictures[picture.message.channel.id] = nil
        } else if nextMessage != nil {
            removeFirstMessage()
        }
    }

    /// Takes out what waits on a channel; it does not count as dropped.
    mutating func removeAll(of channel: Int) {
        pictures[channel] = nil
        messages = messages[first...].filter { $0?.message.channel.id != channel }
        first = 0
        bytes = messages.reduce(0) { $0 + ($1?.message.data.count ?? 0) }
    }

    private var nextMessage: Waiting? { first < messages.count ? messages[first] : nil }

    /// The picture that has waited longest, if it has waited longer than all other messages.
    private var nextPicture: Waiting? {
        let end = nextMessage?.place ?? .max
        return pictures.values.min { $0.place < $1.place }.flatMap { $0.place < end ? $0 : nil }
    }

    private mutating func removeFirstMessage() {
        bytes -= messages[first]?.message.data.count ?? 0
        messages[first] = nil
        first += 1
        if first >= 32 && first * 2 >= messages.count {
            messages.removeSubrange(..<first)
            first = 0
        }
    }
}
