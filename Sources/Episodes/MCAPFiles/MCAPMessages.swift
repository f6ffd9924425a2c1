/// A file's messages in the order of their log times. Holds those chunks in memory whose times overlap.
package struct MCAPMessages {
    /// A message with the channel that it came on.
    package struct Item: Equatable, Sendable {
        package var channel: MCAP.Channel
        package var message: MCAP.Message
    }

    private struct Place {
        let time: UInt64
        let position: Int
    }

    private struct OpenChunk {
        let ordinal: Int
        let content: MCAPChunkContent
        var places: [Place]
        var next = 0

        var time: UInt64? { next < places.count ? places[next].time : nil }
    }

    private let reader: MCAPReader
    private let times: ClosedRange<UInt64>
    private let wanted: [UInt16: MCAP.Channel]
    private let decompressor = ChunkDecompressor()
    /// Chunks that are not opened yet, by start time.
    private var waiting: [(ordinal: Int, place: MCAPReader.ChunkPlace)]
    private var nextWaiting = 0
    private var open: [OpenChunk] = []
    private var loose: [MCAPReader.LoosePlace]
    private var nextLoose = 0

    init(_ reader: MCAPReader, topics: Set<String>?, times: ClosedRange<UInt64>) {
        self.reader = reader
        self.times = times
        let wanted = reader.channels.filter { topics?.contains($0.value.topic) ?? true }
        self.wanted = wanted
        waiting = reader.chunks.enumerated().filter { _, place in
            let index = place.index
            let hasWanted =
                index.messageIndexOffsets.isEmpty || index.messageIndexOffsets.keys.contains { wanted[$0] != nil }
            return index.startTime <= times.upperBound && index.endTime >= times.lowerBound && hasWanted
        }.map { (ordinal: $0.offset, place: $0.element) }
        waiting.sort { ($0.place.index.startTime, $0.ordinal) < ($1.place.index.startTime, $1.ordinal) }
        loose = reader.loose.filter { times.contains($0.time) && wanted[$0.channelID] != nil }
        loose.sort { ($0.time, $0.offset) < ($1.time, $1.offset) }
    }

    /// The next message; nil at the end.
    package mutating func next() throws(MCAPError) -> Item? {
        while true {
            let first = open.indices.min {
                (open[$0].time ?? .max, open[$0].ordinal) < (open[$1].time ?? .max, open[$1].ordinal)
            }
            let time = first.flatMap { open[$0].time }
            // A chunk that begins at the same time may hold an earlier message of that time.
            if nextWaiting < waiting.count, (time ?? .max) >= waiting[nextWaiting].place.index.startTime {
                try openNext()
                continue
            }
            if nextLoose < loose.count, time.map({ loose[nextLoose].time < $0 }) ?? true { return try takeLoose() }
            guard let first, time != nil else { return nil }
            return try take(from: first)
        }
    }

    private mutating func openNext() throws(MCAPError) {
        let (ordinal, place) = waiting[nextWaiting]
        nextWaiting += 1
        let offset = place.index.chunkStart
        let bytes = try reader.content(at: offset, length: place.index.chunkLength, orLess: place.isDamaged)
        guard bytes[0] == MCAP.Opcode.chunk.rawValue else { throw .misplaced(.chunk, offset: offset) }
        let content = bytes[MCAP.recordPrefixBytes...]
        let limit = reader.limits.chunkBytes
        let opened: MCAPChunkContent
        if place.isDamaged {
            opened = try MCAPChunkContent(salvaging: content, at: offset, limit: limit, by: decompressor)
        } else {
            opened = try MCAPChunkContent(content, at: offset, limit: limit, by: decompressor)
        }
        var places: [Place] = []
        var walk = opened
        do throws(MCAPError) {
            while let (position, header) = try walk.nextPlace() {
                guard let header else { continue }
                guard reader.channels[header.channelID] != nil || place.isDamaged else {
                    throw .undefined(.channel, id: header.channelID, offset: offset)
                }
                if wanted[header.channelID] != nil && times.contains(header.logTime) {
                    places.append(Place(time: header.logTime, position: position))
                }
            }
        } catch {
            if !place.isDamaged { throw error }
        }
        places.sort { ($0.time, $0.position) < ($1.time, $1.position) }
        if !places.isEmpty { open.append(OpenChunk(ordinal: ordinal, content: opened, places: places)) }
    }

    private mutating func take(from index: Int) throws(MCAPError) -> Item? {
        let place = open[index].places[open[index].next]
        var content = open[index].content
        content.move(to: place.position)
        open[index].next += 1
        if open[index].next == open[index].places.count { open.remove(at: index) }
        return try item(content.next(), offset: content.offset)
    }

    private mutating func takeLoose() throws(MCAPError) -> Item? {
        let place = loose[nextLoose]
        nextLoose += 1
        return try item(reader.record(at: place.offset, length: place.length), offset: place.offset)
    }

    private func item(_ record: MCAP.Record?, offset: UInt64) throws(MCAPError) -> Item {
        guard case .message(let message)? = record, let channel = wanted[message.channelID] else {
            throw .misplaced(.message, offset: offset)
        }
        return Item(channel: channel, message: message)
    }
}
