/// What waits to be written to a file, bounded in bytes: when it is full messages are dropped, and their numbers kept.
struct MCAPRecordQueue {
    enum Entry: Equatable, Sendable {
        case schema(MCAP.Schema)
        case channel(MCAP.Channel)
        case message(MCAP.Message)
        case attachment(MCAP.Attachment)
        case metadata(MCAP.Metadata)
    }

    /// A message's share besides its data.
    private static let overhead = 96
    /// Beyond that, gaps of a channel run together.
    private static let mostRanges = 1000

    let limit: Int
    private(set) var bytes = 0
    private(set) var drops: [UInt16: MCAPFileWriter.Drops] = [:]
    private var entries: [Entry] = []

    init(limit: Int) { self.limit = limit }

    var isEmpty: Bool { entries.isEmpty }

    /// - Returns: false when a message has been dropped. Other records are few, and always taken.
    mutating func append(_ entry: Entry) -> Bool {
        if case .message(let message) = entry {
            let size = message.data.count + Self.overhead
            guard bytes + size <= limit else {
                drops[message.channelID, default: .init()].add(message.sequence, most: Self.mostRanges)
                return false
            }
            bytes += size
        }
        entries.append(entry)
        return true
    }

    mutating func takeAll() -> [Entry] {
        bytes = 0
        defer { entries = [] }
        return entries
    }
}
