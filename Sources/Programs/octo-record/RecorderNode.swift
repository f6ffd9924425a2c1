import ArgumentParser
import Bus
import Files
import Foundation
import Logging
import MCAPFiles
import Manifests
import Messages
import NodeShell
import Recording
import Time
import Wire

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Record a run; octo-launch starts this.",
        discussion: "The manifest's \"record\" says where, when and how.")

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        try NodeProcess.run(arguments) { context in try RecorderNode(context) }
    }
}

/// The recorder node: everything that is said on the bus goes through the core into a file.
struct RecorderNode: NodeBody {
    private static let statePeriod = Duration.milliseconds(500)
    /// An answer waits so long for the disk to have what it is about, less than an operator waits for the answer.
    private static let answerPatience = Duration.milliseconds(1500)
    /// Silence at the end after which all others have ended.
    private static let lastWords = Duration.milliseconds(100)

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
    /// Episode that an earlier process of this run left cut.
    private let leftover: LeftoverEpisode
    /// Answers that are given when the disk has what they say.
    private var pending: [PendingAnswer] = []
    /// Promise that what has just been decided is on the disk; nil: nothing was.
    private var promise: DiskPromise?
    private var nextState = MonotonicTime.zero
    private var quietSince: MonotonicTime?
    /// Number of messages dropped of the file that was closed last.
    private var droppedInLast: Int64 = 0

    /// Makes the node, with the session's folder.
    /// - Throws: `SessionFolder.Failure`, `BusError`.
    init(_ context: NodeContext) throws {
        let manifest = context.run.manifest
        log = context.log
        options = manifest.record
        umask(options.mode.mask)
        session = try SessionFolder(
            in: options.folder, name: manifest.name, time: context.run.started, runID: context.run.runID)
        let facts = RunFacts(context.run, at: .now(), log: context.log)
        core = RecorderCore(
            .init(
                ring: options.ring, ringBytes: options.memoryBytes, startsByItself: options.start == .withRun,
                awaitedNodes: Set(context.run.endpoints.keys).subtracting([Manifest.recorderNode]),
                packsFrames: options.packsFrames, longestStart: manifest.supervision.readyTimeout),
            attachments: facts.attachments, facts: facts.facts)
        leftover = LeftoverEpisode(in: session)
        fingerprints = Fingerprints(checkpoint: manifest.policy.checkpoint, step: manifest.policy.step)
        results = context.bus.publisher(Topics.episodeResult)
        states = context.bus.publisher(Topics.episodeState)
        commands = try context.bus.subscribe(Topics.episodeCommand)
        let inbox = inbox
        try context.bus.observeAll(prefix: "") { inbox.messages.append($0) }
    }

    mutating func turn(at now: MonotonicTime) throws -> MonotonicTime? {
        for fact in fingerprints.take() { perform(core.add(fact), at: now) }
        adoptLeftover()
        record()
        while let received = commands.take() {
            var command = received.message
            if command.action == .start { command.text = session.freeName(command.text) }
            perform(core.receive(command, at: now, wallTime: Self.wallTime), at: now)
            nextState = now
        }
        finishClosing()
        giveAnswers(at: now)
        if let warning = core.takeRawFrameWarning(at: now) { log.warning("\(warning)") }
        if now >= nextState {
            try states.publish(state(at: now), at: now)
            nextState = now + Self.statePeriod
        }
        return pending.isEmpty ? nextState : min(nextState, now + .milliseconds(20))
    }

    mutating func stop(at now: MonotonicTime) -> Bool {
        if record() > 0 || quietSince == nil { quietSince = now }
        guard let quietSince, now - quietSince > Self.lastWords else { return false }
        for fact in fingerprints.take() { perform(core.add(fact), at: now) }
        perform(core.end(at: now), at: now)
        finishClosing()
        giveAnswers(at: now)
        guard closing.isEmpty else {
            if now >= nextState {
                try? states.publish(state(at: now), at: now)
                nextState = now + Self.statePeriod
            }
            return false
        }
        // What the disk did not take by now it will not take.
        giveAnswers(at: now + Self.answerPatience)
        session.removeIfEmpty()
        // A bus that fails now has nobody left to tell.
        try? states.publish(state(at: now), at: now)
        return true
    }

    var bytesLeft: Int? { closing.isEmpty ? nil : closing.reduce(0) { $0 + $1.bytesLeft } }

    // MARK: Messages

    /// Records the messages that have come.
    /// - Returns: number of messages that had come.
    @discardableResult
    private mutating func record() -> Int {
        let messages = inbox.messages
        inbox.messages.removeAll(keepingCapacity: true)
        for message in messages {
            do throws(WireError) {
                let actions = try core.receive(
                    topic: message.topic, envelope: message.envelope, body: message.body, bulk: message.bulk,
                    at: message.receivedTime, wallTime: Self.wallTime)
                perform(actions, at: message.receivedTime)
            } catch {
                if core.refused == 1 { log.warning("a message of \(message.topic) is not recorded: \(error)") }
            }
        }
        return messages.count
    }

    private mutating func perform(_ actions: [RecorderCore.Action], at now: MonotonicTime) {
        for action in actions {
            switch action {
            case .open(let name): open(name)
            case .define(let schema): writer?.define(schema)
            case .attach(let attachment): writer?.attach(attachment)
            case .attachFile(let path, let name):
                do throws(FileError) {
                    let content = try FileSystem.read(path)
                    perform(core.add(MCAP.Attachment(json: content, named: name, at: now)), at: now)
                } catch .missing {
                    // A goal that was deleted meanwhile has no record any more.
                    continue
                } catch {
                    log.warning("the episode goes without \(name): \(error)")
                }
            case .describe(let channel): writer?.define(channel)
            case .write(let message): writer?.append(message)
            case .note(let metadata):
                writer?.note(metadata)
                promise = writer.map { .bytes($0, $0.commit()) }
            case .close(let closing): close(closing)
            case .amend(let name, let metadata):
                amend(name, metadata)
                promise = nil
            case .answer(let result): answer(core.settled(result), at: now)
            }
        }
    }

    private mutating func answer(_ result: EpisodeResult, at now: MonotonicTime) {
        pending.append(PendingAnswer(result: result, promise: promise, deadline: now + Self.answerPatience))
        promise = nil
        giveAnswers(at: now)
    }

    /// Gives the answers of which the disk has everything, and those that have waited long enough, with a word of it.
    private mutating func giveAnswers(at now: MonotonicTime) {
        pending.removeAll { answer in
            var result = answer.result
            if let promise = answer.promise, !promise.isKept {
                guard now >= answer.deadline else { return false }
                result.message += "; the disk does not have it yet: it takes too long"
            }
            do { try results.publish(result, at: now) } catch { log.error("\(error)") }
            return true
        }
    }

    /// Adopts what an earlier process of this run had open, which is over; what people still say of it reaches it.
    private mutating func adoptLeftover() {
        guard let found = leftover.take() else { return }
        switch found {
        case .mended(let episode):
            core.adopt(episode)
            if path.isEmpty { path = session.path(of: episode.name) }
            let next = options.start == .withRun ? "" : "; 'octo-record start' begins another"
            log.warning(
                """
                episode \(episode.name) ended with the process that recorded it: \(episode.messages) messages are in \
                its file\(next)
                """
            )
        case .unreadable(let path, let problem):
            log.warning("\(path) was cut and could not be mended: \(problem)")
        }
    }

    // MARK: Files

    private mutating func open(_ name: String) {
        path = session.path(of: session.freeName(name))
        do throws(MCAPError) {
            var format = MCAPWriter.Options()
            format.compression = .init(options.compression)
            format.header = .init(profile: "", library: OctoRuntime.writer)
            writer = try MCAPFileWriter(creating: path, options: .init(format: format, queueBytes: options.memoryBytes))
            log.info("recording \(path)")
        } catch {
            writer = nil
            core.couldNotOpen("\(error)")
            log.error("nothing is recorded: \(error). 'octo-record start' tries again.")
        }
    }

    private mutating func close(_ end: EpisodeClosing) {
        guard let writer else { return }
        self.writer = nil
        let file = ClosingFile(writer, end)
        promise = .file(file)
        closing.append(file)
    }

    private mutating func finishClosing() {
        closing.removeAll { file in
            guard let status = file.status else { return false }
            if status.lostBytes > 0 || status.refusal != nil {
                let problem =
                    status.refusal.map { "\($0)" } ?? status.problem.map { "\($0)" } ?? "the disk took not all"
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
        core.status(
            state(at: now),
            disk: .init(
                file: writer?.status, queueBytes: options.memoryBytes, freeBytes: session.freeBytes,
                folder: session.path))
    }
}

/// An answer that waits until the disk has what it says.
private struct PendingAnswer {
    var result: EpisodeResult
    var promise: DiskPromise?
    var deadline: MonotonicTime
}

/// Something that is to be on the disk.
private enum DiskPromise {
    /// Everything that was given to a writer until a commit.
    case bytes(MCAPFileWriter, UInt64)
    /// A whole file.
    case file(ClosingFile)

    var isKept: Bool {
        switch self {
        case .bytes(let writer, let number): writer.status.committed >= number
        case .file(let file): file.status != nil
        }
    }
}

/// Messages that came since the last turn.
private final class Inbox {
    var messages: [RawMessage] = []
}

extension MCAP.Compression {
    fileprivate init(_ compression: Manifest.Record.Compression) {
        self =
            switch compression {
            case .zstd: .zstd(level: 1)
            case .lz4: .lz4
            case .none: .none
            }
    }
}
