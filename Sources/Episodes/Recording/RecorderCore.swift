import DequeModule
import Files
import Images
import MCAPFiles
import Messages
import Time
import Wire

/// Decides what becomes of each message that comes by: into the episode's file, into the memory of the last seconds, or
/// nowhere. Opens no file and has no clock; its actions say what the shell does.
package struct RecorderCore {
    /// Rules for when episodes begin, and how much of the time before is kept.
    package struct Options: Equatable, Sendable {
        /// How far back the memory reaches that is written first when an episode begins.
        package var ring: Duration
        package var ringBytes: Int
        /// Whether an episode begins with the run, and again after each episode that was not stopped by a person.
        package var startsByItself: Bool
        /// Nodes of the run: it has begun when all of them are past their start, or when the arm does anything but
        /// hold. A start that fails leaves no episode.
        package var awaitedNodes: Set<String>
        /// Whether frames that come uncompressed are packed without loss.
        package var packsFrames: Bool
        /// A run has begun after so long, whatever its nodes say.
        package var longestStart: Duration

        package init(
            ring: Duration = .seconds(10), ringBytes: Int = 64 << 20, startsByItself: Bool = true,
            awaitedNodes: Set<String> = [], packsFrames: Bool = false, longestStart: Duration = .seconds(60)
        ) {
            self.ring = ring
            self.ringBytes = ringBytes
            self.startsByItself = startsByItself
            self.awaitedNodes = awaitedNodes
            self.packsFrames = packsFrames
            self.longestStart = longestStart
        }
    }

    /// What the shell does with the episode's file and the operator, in order.
    package enum Action: Equatable, Sendable {
        /// A new file of this name, without folder and ending; all that follows goes into it.
        case open(name: String)
        case define(MCAP.Schema)
        case attach(MCAP.Attachment)
        /// The file at `path`, if it is there, belongs into this episode and those that follow: `add` it under `name`.
        case attachFile(path: String, name: String)
        case describe(MCAP.Channel)
        case write(MCAP.Message)
        case note(MCAP.Metadata)
        /// Ends the file.
        case close(EpisodeClosing)
        /// Belongs to an episode whose file is closed.
        case amend(name: String, MCAP.Metadata)
        /// Goes to the operator once the actions before it are carried out, as `settled` makes it.
        case answer(EpisodeResult)
    }

    /// One message that waits for an episode to begin.
    private struct Kept {
        var topic: String
        var envelope: Envelope
        var recorded: RecordedMessage
        var time: MonotonicTime
    }

    private struct Episode {
        var name: String
        var startTime: MonotonicTime
        var wallTime: String
        var outcome = EpisodeState.Outcome.open
        var notes: [String] = []
        var interventions: [ClosedRange<MonotonicTime>] = []
        var interventionStart: MonotonicTime?
        var goals: [String] = []
        var proof = SequenceProof()
        var messages: Int64 = 0
        var bytes: Int64 = 0
        /// Bytes of frames that came uncompressed, by topic, and what they are in the file; nil once their rate has
        /// been told.
        var rawBytes: [String: (came: Int, kept: Int)]? = [:]
        var channels: [String: UInt16] = [:]
        var schemas: [String: UInt16] = [:]
    }

    private let options: Options
    /// Attachments of each file: manifest, calibration, versions, machine.
    private var attachments: [MCAP.Attachment]
    private var facts: [MCAP.Metadata]
    /// The name of the goal that is set, as far as it is known.
    private var goal: String?
    private var current: Episode?
    private var last: Episode?
    private var isStoppedByHand = false
    /// Why the file of the episode that was to begin last could not be made.
    package private(set) var openProblem: String?
    /// The command that began the last episode; nil where none did.
    private var beginner: (operatorID: String, id: UInt64)?
    /// Number of messages that could not be recorded.
    package private(set) var refused: Int64 = 0
    private var ring: Deque<Kept> = []
    private var ringBytes = 0
    /// The last message of topics that speak only when something changes: an episode begins with them.
    private var standing: [String: Kept] = [:]
    private var answered: [(operatorID: String, result: EpisodeResult)] = []
    private var episodeCount = 0
    /// Nodes that have not come past their start yet.
    private var awaited: Set<String>
    private var firstTime: MonotonicTime?

    package init(_ options: Options = Options(), attachments: [MCAP.Attachment] = [], facts: [MCAP.Metadata] = []) {
        self.options = options
        awaited = options.awaitedNodes
        self.attachments = attachments
        self.facts = facts
    }

    package var isRecording: Bool { current != nil }

    /// Puts an attachment into the present file and into all that follow, in place of one with the same name.
    package mutating func add(_ attachment: MCAP.Attachment) -> [Action] {
        guard !attachments.contains(attachment) else { return [] }
        attachments.removeAll { $0.name == attachment.name }
        attachments.append(attachment)
        return isRecording ? [.attach(attachment)] : []
    }

    /// Puts metadata into the present file and into all that follow, in place of those with the same name.
    package mutating func add(_ fact: MCAP.Metadata) -> [Action] {
        facts.removeAll { $0.name == fact.name }
        facts.append(fact)
        return isRecording ? [.note(fact)] : []
    }

    /// An episode of an earlier process of this run: what people say of the last one is about it until another begins.
    package mutating func adopt(_ former: FormerEpisode) {
        guard current == nil, last == nil else { return }
        var episode = Episode(name: former.name, startTime: former.startTime, wallTime: former.wallTime)
        episode.outcome = former.outcome
        episode.notes = former.notes
        episode.messages = former.messages
        last = episode
    }

    /// The file of the episode that has just begun cannot be made: nothing is recorded until a person begins again.
    package mutating func couldNotOpen(_ problem: String) {
        current = nil
        isStoppedByHand = true
        openProblem = problem
        guard let beginner,
            let index = answered.lastIndex(where: {
                $0.operatorID == beginner.operatorID && $0.result.id == beginner.id
            })
        else { return }
        answered[index].result.isAccepted = false
        answered[index].result.message = problem
    }

    /// What an operator is told when the actions before the answer are carried out: an episode whose file could not be
    /// made has not begun.
    package func settled(_ answer: EpisodeResult) -> EpisodeResult {
        answered.last { $0.operatorID == answer.operatorID && $0.result.id == answer.id }?.result ?? answer
    }

    /// The recorder's state, as it is published: of the current episode, or else of the last.
    /// - Parameter path: path of the last file that was opened, which the shell knows.
    package func state(at now: MonotonicTime, path: String, dropped: Int64 = 0) -> EpisodeState {
        let episode = current ?? last
        return EpisodeState(
            isRecording: current != nil, name: episode?.name ?? "", path: path, outcome: episode?.outcome ?? .open,
            startTime: episode?.startTime ?? .zero, messages: episode?.messages ?? 0, bytes: episode?.bytes ?? 0,
            missing: min(
                Int64(clamping: episode?.proof.missingCount ?? 0).addingSaturating(dropped), EpisodeState.largestCount),
            time: now)
    }

    // MARK: Uncompressed frames

    /// An episode is this old when their rate is known.
    private static let rawFrameTime = Duration.seconds(3)
    /// Rate of raw frames that nobody needs to hear of, bytes per second.
    private static let littleRaw = 4e6

    /// What a person should know of frames that come uncompressed, once for each episode; nil: nothing, or not yet.
    package mutating func takeRawFrameWarning(at now: MonotonicTime) -> String? {
        guard let episode = current, let bytes = episode.rawBytes, now - episode.startTime >= Self.rawFrameTime else {
            return nil
        }
        current?.rawBytes = nil
        let seconds = (now - episode.startTime).inSeconds
        let rate = Double(bytes.values.reduce(0) { $0 + $1.came }) / seconds
        let kept = Double(bytes.values.reduce(0) { $0 + $1.kept }) / seconds
        guard rate >= Self.littleRaw else { return nil }
        func megabytes(_ rate: Double) -> Int { Int((rate / 1e6).rounded()) }
        let cameras = bytes.keys.sorted().map { String($0.split(separator: "/").dropFirst().first ?? "") }
        return "frames of \(cameras.joined(separator: ", ")) come uncompressed, \(megabytes(rate)) MB each second, "
            + "of which the episode keeps \(megabytes(kept)) MB; where a camera can, \"format\": \"mjpeg\" in "
            + "cameras.\(cameras.first ?? "NAME") makes that a tenth"
    }

    // MARK: Messages

    /// Whether a topic's last message still holds when an episode begins.
    private static func isStanding(_ topic: String) -> Bool {
        topic == Topics.goalCurrent.name || Topics.allNodeStatuses.matches(topic)
    }

    /// A message of any topic, in the order of arrival.
    /// - Parameter wallTime: time for the name of an episode that begins: "2026-01-31T12-00-00".
    /// - Throws: `WireError` when the message cannot be recorded; nothing has changed then but `refused`.
    package mutating func receive(
        topic: String, envelope: Envelope, body: [UInt8], bulk: SharedBytes?, at now: MonotonicTime, wallTime: String
    ) throws(WireError) -> [Action] {
        let recorded: RecordedMessage
        do {
            recorded = try RecordedMessage(
                envelope: envelope, body: body, bulk: bulk, packsFrames: options.packsFrames)
        } catch {
            refused += 1
            throw error
        }
        let kept = Kept(topic: topic, envelope: envelope, recorded: recorded, time: now)
        var actions: [Action] = []
        if hasBegun(topic, body, at: now), current == nil && options.startsByItself && !isStoppedByHand {
            actions = begin(named: "", at: now, wallTime: wallTime)
        }
        if Self.isStanding(topic) { standing[topic] = kept }
        if current != nil {
            actions += write(kept)
        } else {
            keep(kept)
        }
        if envelope.schema == RunEvent.schemaName { noteEvent(body) }
        if Topics.allNodeStatuses.matches(topic) { noteSent(body, envelope) }
        if topic == Topics.goalCurrent.name { actions += noteGoal(body, bulk) }
        return actions
    }

    /// Whether the run is past its start, given one more message.
    private mutating func hasBegun(_ topic: String, _ body: [UInt8], at now: MonotonicTime) -> Bool {
        if awaited.isEmpty { return true }
        let first = firstTime ?? now
        firstTime = first
        // The pointers do not leave the calls. What cannot be read says nothing.
        if Topics.allNodeStatuses.matches(topic),
            let status = body.withUnsafeBytes({ try? NodeStatus(body: $0, bulk: nil) }),
            status.state == .ready || status.state == .degraded
        {
            awaited.remove(status.node)
        } else if topic == Topics.armState.name,
            let state = body.withUnsafeBytes({ try? ArmState(body: $0, bulk: nil) })
        {
            if case .holding = state.mode {} else { awaited = [] }
        }
        if now - first >= options.longestStart { awaited = [] }
        return awaited.isEmpty
    }

    private mutating func keep(_ kept: Kept) {
        ring.append(kept)
        ringBytes += kept.recorded.data.count
        while let oldest = ring.first, ringBytes > options.ringBytes || kept.time - oldest.time > options.ring {
            ringBytes -= oldest.recorded.data.count
            ring.removeFirst()
        }
    }

    private mutating func write(_ kept: Kept) -> [Action] {
        guard var episode = current else { return [] }
        defer { current = episode }
        var actions: [Action] = []
        let channel: UInt16
        if let known = episode.channels[kept.topic + "\n" + kept.recorded.schema] {
            channel = known
        } else {
            guard episode.channels.count < Int(UInt16.max) - 1 else { return [] }
            channel = UInt16(episode.channels.count + 1)
            episode.channels[kept.topic + "\n" + kept.recorded.schema] = channel
            let (schema, definition) = schemaID(of: kept.recorded.schema, in: &episode)
            if let definition { actions.append(.define(definition)) }
            actions.append(
                .describe(
                    MCAP.Channel(
                        id: channel, schemaID: schema, topic: kept.topic, messageEncoding: "protobuf",
                        metadata: ["source_node": kept.envelope.sourceNode, "bus_schema": kept.envelope.schema])))
        }
        if let bytes = kept.recorded.rawFrameByteCount, kept.time >= episode.startTime {
            episode.rawBytes?[kept.topic, default: (0, 0)].came += bytes
            episode.rawBytes?[kept.topic, default: (0, 0)].kept += kept.recorded.data.count
        }
        episode.proof.receive(kept.envelope, on: kept.topic)
        episode.messages += 1
        episode.bytes += Int64(kept.recorded.data.count)
        actions.append(
            .write(
                MCAP.Message(
                    channelID: channel, sequence: UInt32(truncatingIfNeeded: kept.envelope.sequence),
                    logTime: UInt64(max(0, kept.time.nanoseconds)),
                    publishTime: UInt64(max(0, kept.envelope.publishTime.nanoseconds)), data: kept.recorded.data)))
        return actions
    }

    /// The id of a schema in the episode's file.
    /// - Returns: the id, with the schema if it is new; id 0 for a type that is not known, whose messages are kept all
    ///   the same.
    private func schemaID(of name: String, in episode: inout Episode) -> (UInt16, MCAP.Schema?) {
        if let known = episode.schemas[name] { return (known, nil) }
        guard let data = MessageSchemas.descriptorSet(of: name) else { return (0, nil) }
        let id = UInt16(episode.schemas.count + 1)
        episode.schemas[name] = id
        return (id, MCAP.Schema(id: id, name: name, encoding: "protobuf", data: data))
    }

    /// Takes what a node says that it has sent.
    private mutating func noteSent(_ body: [UInt8], _ envelope: Envelope) {
        // The pointer does not leave the call.
        guard current != nil, let status = body.withUnsafeBytes({ try? NodeStatus(body: $0, bulk: nil) }) else {
            return
        }
        current?.proof.hear(status, from: envelope.instanceID)
    }

    private mutating func noteEvent(_ body: [UInt8]) {
        // The pointer does not leave the call. What is no event is in the file as it came.
        guard let event = body.withUnsafeBytes({ try? RunEvent(body: $0, bulk: nil) }) else { return }
        switch event.kind {
        case .interventionBegan: current?.interventionStart = event.time
        case .interventionEnded:
            if let start = current?.interventionStart, start <= event.time {
                current?.interventions.append(start...event.time)
            }
            current?.interventionStart = nil
        case .goalChanged, .goalRecorded, .fitChanged, .policyHeld, .policyReleased, .emergencyStop,
            .emergencyStopReset, .armHeld,
            .armReleased:
            break
        }
    }

    /// Notes the goal that is pursued from now on.
    /// - Returns: the action that keeps the record of a goal of the library, which lies beside its pictures; none for
    ///   other goals.
    private mutating func noteGoal(_ body: [UInt8], _ bulk: SharedBytes?) -> [Action] {
        // As above.
        guard let found = body.withUnsafeBytes({ try? Goal(body: $0, bulk: bulk) }) else { return [] }
        goal = found.isNone ? nil : found.name
        if let goal, current?.goals.last != goal { current?.goals.append(goal) }
        guard case .library(let folder) = found.origin else { return [] }
        return [.attachFile(path: folder + "/goal.json", name: "goals/\(found.name)/goal.json")]
    }

    // MARK: Episodes

    /// Obeys an operator; the same command sent again gets the same answer.
    package mutating func receive(_ command: EpisodeCommand, at now: MonotonicTime, wallTime: String) -> [Action] {
        let before = answered.last { $0.operatorID == command.operatorID && $0.result.id == command.id }
        if let before { return [.answer(before.result)] }
        var (actions, isAccepted, text) = obey(command, at: now, wallTime: wallTime)
        let result = EpisodeResult(
            id: command.id, operatorID: command.operatorID, isAccepted: isAccepted, message: text, time: now)
        answered.append((command.operatorID, result))
        if answered.count > 64 { answered.removeFirst() }
        actions.append(.answer(result))
        return actions
    }

    private mutating func obey(
        _ command: EpisodeCommand, at now: MonotonicTime, wallTime: String
    ) -> (actions: [Action], isAccepted: Bool, text: String) {
        switch command.action {
        case .start:
            if let current {
                return ([], false, "episode \(current.name) is being recorded; stop it first")
            }
            guard Self.isName(command.text) else {
                return (
                    [], false,
                    "'\(command.text.prefix(80))' is no name for a file; take letters, digits, '-', '_' and '.'"
                )
            }
            isStoppedByHand = false
            let actions = begin(named: command.text, at: now, wallTime: wallTime)
            beginner = (command.operatorID, command.id)
            return (actions, true, "recording \(current?.name ?? "")")
        case .stop:
            guard let name = current?.name else {
                return ([], false, "nothing is being recorded; start an episode first")
            }
            if !command.text.isEmpty { current?.notes.append(command.text) }
            isStoppedByHand = true
            return (end(at: now), true, "stopped \(name)")
        case .markSuccess: return mark(.success, command.text, "marked as success")
        case .markFailure: return mark(.failure, command.text, "marked as failure")
        case .discard:
            let (actions, isAccepted, text) = mark(.discarded, command.text, "discarded")
            guard current != nil else { return (actions, isAccepted, text) }
            isStoppedByHand = true
            return (actions + end(at: now), isAccepted, text)
        case .note:
            if command.text.isEmpty { return ([], false, "the note is empty; give it a text") }
            return mark(nil, command.text, "noted")
        }
    }

    /// Sets the outcome and adds the note of the present episode, or else of the last one.
    private mutating func mark(
        _ outcome: EpisodeState.Outcome?, _ note: String, _ done: String
    ) -> (actions: [Action], isAccepted: Bool, text: String) {
        if var episode = current {
            episode.outcome = outcome ?? episode.outcome
            if !note.isEmpty { episode.notes.append(note) }
            current = episode
            return ([.note(Self.said(of: episode))], true, "\(episode.name) \(done)")
        }
        guard var episode = last else { return ([], false, "there is no episode yet; start one first") }
        episode.outcome = outcome ?? episode.outcome
        if !note.isEmpty { episode.notes.append(note) }
        last = episode
        let amended = MCAP.Metadata(
            name: RecordName.amended,
            metadata: ["outcome": "\(episode.outcome)", "notes": episode.notes.joined(separator: "\n")])
        return ([.amend(name: episode.name, amended)], true, "\(episode.name) \(done)")
    }

    /// The run ends: so does the episode.
    package mutating func end(at now: MonotonicTime) -> [Action] {
        guard var episode = current else { return [] }
        if let start = episode.interventionStart, start <= now { episode.interventions.append(start...now) }
        current = nil
        last = episode
        var topics: [UInt16: String] = [:]
        for (key, channel) in episode.channels { topics[channel] = String(key.prefix { $0 != "\n" }) }
        return [
            .close(EpisodeClosing(summary: Self.summary(of: episode, at: now), proof: episode.proof, topics: topics))
        ]
    }

    private mutating func begin(named name: String, at now: MonotonicTime, wallTime: String) -> [Action] {
        openProblem = nil
        beginner = nil
        episodeCount += 1
        let number = String(episodeCount)
        let ordinal = String(repeating: "0", count: max(0, 3 - number.count)) + number
        let name = name.isEmpty ? "\(wallTime)-\(ordinal)" : name
        current = Episode(name: name, startTime: now, wallTime: wallTime)
        if let goal { current?.goals = [goal] }
        // What is known at the beginning is written then: the end may never come.
        let beginning = MCAP.Metadata(
            name: RecordName.begin,
            metadata: [
                "name": name, "wall_start": wallTime, "clock": "CLOCK_MONOTONIC", "start_ns": String(now.nanoseconds),
            ])
        var actions =
            [Action.open(name: name), .note(beginning)] + attachments.map { .attach($0) } + facts.map { .note($0) }
        let kept = ring
        let held = Dictionary(kept.map { ($0.topic, true) }, uniquingKeysWith: { first, _ in first })
        for (topic, message) in standing.sorted(by: { $0.key < $1.key }) where held[topic] == nil {
            actions += write(message)
        }
        for message in kept { actions += write(message) }
        ring = []
        ringBytes = 0
        return actions
    }

    private static func isName(_ text: String) -> Bool {
        guard text.utf8.count <= 120, !text.hasPrefix(".") else { return false }
        return text.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || $0.properties.numericType != nil || "-_.".unicodeScalars.contains($0)
        }
    }

    // MARK: What the file says of itself

    /// Metadata with outcome and notes so far.
    private static func said(of episode: Episode) -> MCAP.Metadata {
        MCAP.Metadata(
            name: RecordName.said,
            metadata: ["outcome": "\(episode.outcome)", "notes": episode.notes.joined(separator: "\n")])
    }

    private static func summary(of episode: Episode, at now: MonotonicTime) -> MCAP.Metadata {
        MCAP.Metadata(
            name: RecordName.end,
            metadata: [
                "name": episode.name, "outcome": "\(episode.outcome)", "notes": episode.notes.joined(separator: "\n"),
                "wall_start": episode.wallTime, "clock": "CLOCK_MONOTONIC",
                "start_ns": String(episode.startTime.nanoseconds), "end_ns": String(now.nanoseconds),
                "interventions_ns": episode.interventions
                    .map { "\($0.lowerBound.nanoseconds)-\($0.upperBound.nanoseconds)" }.joined(separator: " "),
                "goals": episode.goals.joined(separator: "\n"),
            ])
    }
}
