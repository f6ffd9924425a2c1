import ArgumentParser
import Bus
import JSONTree
import Manifests
import Messages
import NodeShell
import Time
import Wire

/// Options that the commands to the recorder of a run share.
struct RecorderOptions: ParsableArguments {
    @OptionGroup var runOption: RunOption
    @OptionGroup var json: JSONFlag

    init() {}

    func join() throws -> OperatorLink {
        try OperatorLink(to: runOption.load(), commanding: [Manifest.recorderNode], program: "octo-record")
    }

    /// Sends a command to the recorder, and prints its answer.
    /// - Throws: `WorkFailure` when the recorder refuses, `ExitCode.failure` where that was printed as JSON; and what
    ///   the bus throws.
    func send(_ action: EpisodeCommand.Action, _ text: String = "") throws {
        let link = try join()
        let command = EpisodeCommand(
            id: link.makeID(), operatorID: "\(link.name)", action: action, text: text, time: .now())
        let result = try link.exchange(
            command, on: Topics.episodeCommand, answers: Topics.episodeResult, by: Manifest.recorderNode)
        guard json.isWanted else {
            guard result.isAccepted else { throw WorkFailure(result.message) }
            return print(result.message)
        }
        print(
            JSONNode.object([
                "accepted": JSONNode(.bool(result.isAccepted)), "message": JSONNode(result.message),
            ]).text())
        if !result.isAccepted { throw ExitCode.failure }
    }
}

private let exitCodes = "Exit codes: 0 done, 1 refused, 2 there is no such run, or it has no recorder."

struct StartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Begin an episode.",
        discussion: "What happened in the seconds before (record.ring_s) is in it, too. \(exitCodes)")

    @Argument(help: "The episode's name; without one, the time.")
    var name: String = ""

    @OptionGroup var options: RecorderOptions

    func run() throws { try options.send(.start, name) }
}

struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "End the episode; nothing is recorded until the next 'start'.",
        discussion: exitCodes)

    @Argument(help: "A note that is kept with the episode.")
    var note: [String] = []

    @OptionGroup var options: RecorderOptions

    func run() throws { try options.send(.stop, note.joined(separator: " ")) }
}

struct SuccessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "success", abstract: "Mark the current (or else the last) episode as a success.",
        discussion: exitCodes)

    @Argument(help: "A note that is kept with the episode.")
    var note: [String] = []

    @OptionGroup var options: RecorderOptions

    func run() throws { try options.send(.markSuccess, note.joined(separator: " ")) }
}

struct FailureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "failure", abstract: "Mark the current (or else the last) episode as failed.",
        discussion: exitCodes)

    @Argument(help: "A note on why, which is kept with the episode.")
    var note: [String] = []

    @OptionGroup var options: RecorderOptions

    func run() throws { try options.send(.markFailure, note.joined(separator: " ")) }
}

struct DiscardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard", abstract: "End the episode and mark it, or else the last one, as not to be used.",
        discussion: "The file stays where it is; exports leave it out. \(exitCodes)")

    @Argument(help: "A note on why, which is kept with the episode.")
    var note: [String] = []

    @OptionGroup var options: RecorderOptions

    func run() throws { try options.send(.discard, note.joined(separator: " ")) }
}

struct NoteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "note", abstract: "Add words to the episode, or else to the last one.", discussion: exitCodes)

    @Argument(help: "The words to add.")
    var words: [String]

    @OptionGroup var options: RecorderOptions

    func run() throws { try options.send(.note, words.joined(separator: " ")) }
}

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Say what is being recorded, where, and whether anything is missing.",
        discussion: exitCodes)

    @OptionGroup var options: RecorderOptions

    func run() throws {
        let link = try options.join()
        guard let state = try link.next(of: link.bus.subscribe(Topics.episodeState), within: NodeExchange.patience)
        else { throw NodeSilence(of: [Manifest.recorderNode], missing: "state", for: NodeExchange.patience) }
        print(options.json.isWanted ? Self.node(state).text() : Self.words(state))
    }

    private static func words(_ state: EpisodeState) -> String {
        guard !state.name.isEmpty else { return "nothing has been recorded yet" }
        let size = "\(state.messages) messages, \(state.bytes >> 20) MB, \(state.missing) missing"
        return state.isRecording
            ? "recording \(state.path) for \(Int((state.time - state.startTime).inSeconds)) s: \(size)"
            : "not recording; the last was \(state.path) (\(state.outcome)): \(size)"
    }

    private static func node(_ state: EpisodeState) -> JSONNode {
        .object([
            "recording": JSONNode(.bool(state.isRecording)), "name": JSONNode(state.name), "path": JSONNode(state.path),
            "outcome": JSONNode("\(state.outcome)"), "messages": JSONNode(Int(state.messages)),
            "bytes": JSONNode(Int(state.bytes)), "missing": JSONNode(Int(state.missing)),
        ])
    }
}
