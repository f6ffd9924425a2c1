/// Queue of what waits to be written to a file, bounded in bytes: when it is full messages are dropped, and their
/// numbers kept.
struct MCAPRecordQueue {
    enum Entry: Equatable, Sendable {
        case schema(MCAP.Schema)
        case channel(MCAP.Channel)
        case message(MCAP.Message)
        case attachment(MCAP.Attachment)
        case metadata(MCAP.Metadata)
        /// A mark: all before it is to be on the disk at once; its number comes back when it is.
        case commit(UInt64)
    }

    /// A message's share besides its data.
    private static let overhead = 96
    /// Most gaps of a channel that are kept apart; beyond that they run together.
    private static let mostRanges = 1000

    let limit: Int
    private(set) var bytes = 0
    private(set) var drops: [UInt16: MCAPFileWriter.Drops] = [:]
    private var entries: [Entry] = []

    init(limit: Int) { self.limit = limit }

    var isEmpty: Bool { entries.isEmpty }

    /// Queues a record, or drops a message for which there is no room.
    /// - Returns: false when a message has been dropped. Other records are few, and always taken.
    mutating func append(_ entry: Entry) -> Bool {
        let size = Self.size(of: entry)
        if case .message(let message) = entry {
            guard bytes + size <= limit else {
                drops[message.channelID, default: .init()].add(message.sequence, most: Self.mostRanges)
                return false
            }
            bytes += size
        }
        entries.append(entry)
        return true
    }

    /// A message's share of the limit; what is few and always taken has none.
    static func size(of entry: Entry) -> Int {
        if case .message(let message) = entry { message.data.count + overhead } else { 0 }
    }

    mutating func takeAll() -> [Entry] {
        bytes = 0
        defer { entries = [] }
        return entries
    }
}
