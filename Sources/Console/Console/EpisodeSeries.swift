import JSONTree
import MCAPFiles
import Messages
import Recording
import Time
import Wire

/// What an episode's messages say over its time, for charts and for finding its pictures; pixels are not kept.
package struct EpisodeSeries: Equatable, Sendable {
    /// Place of a camera's picture in the file.
    package struct Frame: Equatable, Sendable {
        package var capture: MonotonicTime
        /// Time at which the recorder had it: by this it is found.
        package var logged: MonotonicTime
    }
    /// Which of a camera's pictures.
    package enum End: Sendable {
        case first, last
    }
    /// A chunk, with what became of it.
    package struct Chunk: Equatable, Sendable {
        package var chunk: ActionChunk
        /// The arm's report; nil where none is in the file.
        package var report: ChunkReport?
    }
    /// Most states that are kept; of more, every second, fourth … is.
    package static let mostStates = 2_000
    /// Most chunks and events that are kept, the first ones.
    package static let mostChunks = 5_000
    package static let mostEvents = 2_000

    /// Pictures by camera, in the order in which they came.
    package private(set) var frames: [String: [Frame]] = [:]
    /// Names of the joints, from the base on.
    package private(set) var joints: [String] = []
    package private(set) var states: [ArmState] = []
    package private(set) var chunks: [Chunk] = []
    package private(set) var events: [RunEvent] = []
    /// The first thing that could not be read, in words.
    package private(set) var problem: String?
    private var stride = 1
    private var stateCount = 0
    private var newestState: ArmState?
    private var chunkPlaces: [UInt64: Int] = [:]

    /// Reads all of a file. A message that cannot be read is passed over, damage ends the reading; either is the
    /// problem.
    package init(reading file: EpisodeFile) {
        let topics = file.reader.topics.filter { topic in
            Self.camera(topic) != nil || Topics.allEvents.matches(topic)
                || [Topics.armState.name, Topics.policyChunk.name, Topics.armChunk.name].contains(topic)
        }
        var messages = file.reader.messages(of: Set(topics))
        do throws(MCAPError) {
            while let item = try messages.next() {
                do throws(WireError) {
                    try receive(item, schema: file.reader.schemas[item.channel.schemaID])
                } catch {
                    problem = problem ?? "a message of \(item.channel.topic): \(error)"
                }
            }
        } catch {
            problem = problem ?? "\(error)"
        }
        if let newestState, states.last != newestState { states.append(newestState) }
        joints = Self.jointNames(in: file, count: states.first?.setpoint.positions.count ?? 0)
    }

    /// The camera of a topic; nil for one that is of none.
    package static func camera(_ topic: String) -> String? {
        guard topic.hasPrefix("camera/"), topic.hasSuffix("/image") else { return nil }
        return String(topic.dropFirst("camera/".count).dropLast("/image".count))
    }

    /// The number of a camera's newest picture that was taken at a time or before; nil where there is none.
    package func newest(of camera: String, at time: MonotonicTime) -> Int? {
        var found: (index: Int, time: MonotonicTime)?
        for (index, frame) in (frames[camera] ?? []).enumerated() where frame.capture <= time {
            if found.map({ frame.capture >= $0.time }) ?? true { found = (index, frame.capture) }
        }
        return found?.index
    }

    // MARK: Reading

    private mutating func receive(_ item: MCAPMessages.Item, schema: MCAP.Schema?) throws(WireError) {
        let topic = item.channel.topic
        if let camera = Self.camera(topic) {
            if let frame = Frame(item) { frames[camera, default: []].append(frame) }
            return
        }
        let schema = schema?.name ?? item.channel.metadata["bus_schema"] ?? ""
        let opened = try RecordedMessage(schema: schema, data: item.message.data).opened()
        func content<Message: WireMessage>(_: Message.Type) throws(WireError) -> Message {
            // The pointer does not leave the call.
            try opened.body.withUnsafeBufferPointer { bytes throws(WireError) in
                try Message(body: UnsafeRawBufferPointer(bytes), bulk: opened.bulk)
            }
        }
        switch opened.envelope.schema {
        case ArmState.schemaName: receive(try content(ArmState.self))
        case ActionChunk.schemaName: receive(try content(ActionChunk.self))
        case ChunkReport.schemaName:
            let report = try content(ChunkReport.self)
            if let place = chunkPlaces[report.chunkID] { chunks[place].report = report }
        case RunEvent.schemaName:
            let event = try content(RunEvent.self)
            if events.count < Self.mostEvents { events.append(event) }
        default: break
        }
    }

    private mutating func receive(_ state: ArmState) {
        let count = states.first?.setpoint.positions.count ?? state.setpoint.positions.count
        guard state.setpoint.positions.count == count, state.measured.positions.count == count else { return }
        newestState = state
        if stateCount % stride == 0 {
            if states.count == Self.mostStates - 1 {
                // Every second one goes, and from now on comes half as often: the points stay evenly spaced.
                states = states.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
                stride *= 2
            }
            if stateCount % stride == 0 { states.append(state) }
        }
        stateCount += 1
    }

    private mutating func receive(_ chunk: ActionChunk) {
        guard chunks.count < Self.mostChunks else { return }
        // A policy that was started again counts from 0: the last one of a number is the one that is reported on.
        chunkPlaces[chunk.id] = chunks.count
        chunks.append(Chunk(chunk: chunk))
    }

    /// Joint names of the calibration that is attached, where one is and fits; else "joint 1" and so on.
    private static func jointNames(in file: EpisodeFile, count: Int) -> [String] {
        let numbers = (0..<count).map { "joint \($0 + 1)" }
        do {
            guard let text = try file.attachment(named: "calibration/arm.json") else { return numbers }
            let names = try JSONNode(parsing: text)["joints"]?.array?.compactMap { $0["name"]?.string } ?? []
            return names.count == count ? names : numbers
        } catch {
            return numbers
        }
    }
}

extension EpisodeSeries.Frame {
    /// The place of a camera's message; nil where it is none.
    init?(_ item: MCAPMessages.Item) {
        guard let capture = CaptureStamp.read(item.message.data) else { return nil }
        self.init(capture: capture, logged: MonotonicTime(nanoseconds: Int64(clamping: item.message.logTime)))
    }
}
