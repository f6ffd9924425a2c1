import ArgumentParser
import Bus
import Episodes
import Foundation
import Launch
import Logging
import Messages
import NodeShell
import Recording
import Time
import Wire

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Records a run; octo-launch starts this.",
        discussion: "The manifest's \"record\" says where, when and how.")

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        try NodeProcess.run(arguments) { context in try RecorderNode(context) }
    }
}

/// The recorder node: everything that is said on the bus goes through the core into a file.
struct RecorderNode: NodeBody {
    private static let statePeriod = Duration.milliseconds(500)
    /// While nothing comes for so long at the end, all others have ended.
    private static let lastWords = Duration.milliseconds(100)
    /// Below it a person should look.
    private static let littleSpace: UInt64 = 1 << 30

    private let log: Logger
    private let options: Manifest.Record
    private let session: SessionFolder
    private let inbox = Inbox()
    private let commands: Subscription<EpisodeCommand>
    private let results: Publisher<EpisodeResult>
    private let states: Publisher<EpisodeState>
    private let fingerprints: Fingerprints
    private var core: RecorderCore
    private var writer: MCAPFileWriter?
    private var path = ""
    /// Files that are being finished, each by a thread, for that may wait for the disk.
    private var closing: [ClosingFile] = []
    private var openProblem: String?
    private var nextState = MonotonicTime.zero
    private var quietSince: MonotonicTime?
    private var refused: Int64 = 0
    /// Of the file that was closed last.
    private var droppedInLast: Int64 = 0

    /// - Throws: `SessionFolder.Failure`, `BusError`.
    init(_ context: NodeContext) throws {
        let manifest = context.run.manifest
        log = context.log
        options = manifest.record
        session = try SessionFolder(in: options.folder, name: manifest.name, time: context.run.started)
        let facts = RunFacts(context.run, at: .now())
        core = RecorderCore(
            .init(ring: options.ring, ringBytes: options.memoryBytes, startsByItself: options.start == .withRun),
            attachments: facts.attachments, facts: facts.facts)
        fingerprints = Fingerprints(checkpoint: manifest.policy.checkpoint, step: manifest.policy.step)
        results = context.bus.publisher(Topics.episodeResult)
        states = context.bus.publisher(Topics.episodeState)
        commands = try context.bus.subscribe(Topics.episodeCommand)
        let inbox = inbox
        try context.bus.observeAll(prefix: "") { inbox.messages.append($0) }
    }

    mutating func turn(at now: MonotonicTime) throws -> MonotonicTime? {
        for fact in fingerprints.take() { try perform(core.add(fact), at: now) }
        try record()
        while let received = commands.take() {
            var command = received.message
            if command.action == .start { command.text = session.freeName(command.text) }
            try perform(core.receive(command, at: now, wallTime: Self.wallTime), at: now)
            nextState = now
        }
        finishClosing()
        if now >= nextState {
            try states.publish(state(at: now), at: now)
            nextState = now + Self.statePeriod
        }
        return nextState
    }

    mutating func stop(at now: MonotonicTime) -> Bool {
        do {
            if try record() > 0 || quietSince == nil { quietSince = now }
            guard let quietSince, now - quietSince > Self.lastWords else { return false }
            for fact in fingerprints.take() { try perform(core.add(fact), at: now) }
            try perform(core.end(at: now), at: now)
        } catch {
            log.error("\(error)")
        }
        finishClosing()
        guard closing.isEmpty else { return false }
        // A bus that fails now has nobody left to tell.
        try? states.publish(state(at: now), at: now)
        return true
    }

    // MARK: Messages

    /// - Returns: how many came.
    @discardableResult
    private mutating func record() throws -> Int {
        let messages = inbox.messages
        inbox.messages.removeAll(keepingCapacity: true)
        for message in messages {
            do throws(WireError) {
                let actions = try core.receive(
                    topic: message.topic, envelope: message.envelope, body: message.body, bulk: message.bulk,
                    at: message.receivedTime, wallTime: Self.wallTime)
                try perform(actions, at: message.receivedTime)
            } catch {
                refused += 1
                if refused == 1 { log.warning("a message of \(message.topic) is not recorded: \(error)") }
            }
            if message.topic == Topics.goalCurrent.name { try attachRecord(of: message) }
        }
        return messages.count
    }

    /// A goal of the library has its record beside its pictures.
    private mutating func attachRecord(of message: RawMessage) throws {
        // The pointer does not leave the call.
        let goal = message.body.withUnsafeBytes { try? Goal(body: $0, bulk: message.bulk) }
        guard let goal, !goal.isNone, let content = FileManager.default.contents(atPath: goal.source + "/goal.json") else { return }
        let record = MCAP.Attachment(json: content, named: "goals/\(goal.name)/goal.json", at: message.receivedTime)
        try perform(core.add(record), at: message.receivedTime)
    }

    private mutating func perform(_ actions: [RecorderCore.Action], at now: MonotonicTime) throws(WireError) {
        for action in actions {
            switch action {
            case .open(let name): open(name)
            case .define(let schema): writer?.define(schema)
            case .attach(let attachment): writer?.attach(attachment)
            case .describe(let channel): writer?.define(channel)
            case .write(let message): writer?.append(message)
            case .note(let metadata): writer?.note(metadata)
            case .close(let closing): close(closing)
            case .amend(let name, let metadata): amend(name, metadata)
            case .answer(let result): answer(result, at: now)
            }
        }
    }

    private func answer(_ result: EpisodeResult, at now: MonotonicTime) {
        var result = result
        if let openProblem, result.isAccepted, !core.isRecording, writer == nil {
            result.isAccepted = false
            result.message = openProblem
        }
        do { try results.publish(result, at: now) } catch { log.error("\(error)") }
    }

    // MARK: Files

    private mutating func open(_ name: String) {
        openProblem = nil
        path = session.path(of: session.freeName(name))
        do throws(MCAPError) {
            var format = MCAPWriter.Options()
            format.compression = .init(options.compression)
            format.header = .init(profile: "", library: "octo-runtime")
            writer = try MCAPFileWriter(creating: path, options: .init(format: format, queueBytes: options.memoryBytes))
            log.info("recording \(path)")
        } catch {
            writer = nil
            core.couldNotOpen()
            openProblem = "\(error)"
            log.error("nothing is recorded: \(error). 'octo-record start' tries again.")
        }
    }

    private mutating func close(_ end: EpisodeClosing) {
        guard let writer else { return }
        self.writer = nil
        closing.append(ClosingFile(writer, end))
    }

    private mutating func finishClosing() {
        closing.removeAll { file in
            guard let status = file.status else { return false }
            if status.lostBytes > 0 || status.refusal != nil {
                let problem = status.refusal.map { "\($0)" } ?? status.problem.map { "\($0)" } ?? "the disk took not all"
                // A warning: the launcher keeps the errors of a node that ends well to itself.
                log.warning("\(file.path) is not whole: \(problem). 'octo-replay recover \(file.path)' mends it.")
            } else {
                log.info("\(file.path): \(status.writtenBytes) bytes, \(file.missing(status)) messages missing")
            }
            droppedInLast = Self.dropped(status)
            return true
        }
    }

    private mutating func amend(_ name: String, _ metadata: MCAP.Metadata) {
        // Its file may still be on its way to the disk.
        for file in closing where file.path == session.path(of: name) { file.finish() }
        do throws(MCAPError) {
            try MCAPAmendment.amend(session.path(of: name), adding: [metadata])
        } catch {
            log.error("adding to \(session.path(of: name)): \(error)")
        }
    }

    // MARK: What it says of itself

    private static var wallTime: String {
        WallTime.now().description.map { $0 == ":" ? "-" : String($0) }.joined().trimmingCharacters(in: ["Z"])
    }

    private static func dropped(_ status: MCAPFileWriter.Status) -> Int64 {
        status.drops.values.reduce(0) { $0 + Int64(clamping: $1.count) }
    }

    private func state(at now: MonotonicTime) -> EpisodeState {
        core.state(at: now, path: path, dropped: writer.map { Self.dropped($0.status) } ?? droppedInLast)
    }

    func status(at now: MonotonicTime) -> NodeStatus {
        let state = state(at: now)
        let file = writer?.status
        var (health, headline) = (NodeStatus.State.ready, "not recording; 'octo-record start' begins")
        if state.isRecording {
            headline = "recording \(state.name): \(state.messages) messages, \(state.bytes >> 20) MB, \(state.missing) missing"
        }
        if let openProblem {
            (health, headline) = (.degraded, openProblem)
        } else if let file, file.isStuck, let problem = file.problem {
            (health, headline) = (.degraded, "the disk takes nothing (\(problem)); \(state.missing) messages are lost so far")
        } else if state.isRecording, let free = session.freeBytes, free < Self.littleSpace {
            (health, headline) = (.degraded, "\(free >> 20) MB are left in \(session.path)")
        }
        return NodeStatus(
            node: "", processID: 0, state: health, headline: headline,
            counters: [
                .init(name: "messages", value: state.messages), .init(name: "bytes", value: state.bytes),
                .init(name: "missing", value: state.missing), .init(name: "refused", value: refused),
                .init(name: "disk_failures", value: Int64(file?.failures ?? 0)),
            ])
    }
}

/// What came since the last turn.
private final class Inbox {
    var messages: [RawMessage] = []
}

extension MCAP.Compression {
    fileprivate init(_ compression: ManifestRecordingCompression) {
        self =
            switch compression {
            case .zstd: .zstd(level: 1)
            case .lz4: .lz4
            case .none: .none
            }
    }
}
