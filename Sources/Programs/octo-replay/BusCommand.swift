import ArgumentParser
import CShims
import Foundation
import NodeShell
import Recording
import Replay
import Time

struct BusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bus",
        abstract: "Publish an episode's messages again, when they are due.",
        discussion: """
            It takes the places of the nodes that recorded the episode, in a run folder of its own, made of the \
            manifest in the file. Stamps are moved to the present, so that nobody finds the messages too old. Commands \
            (arm/command, arm/manual, goal/command, ...) are played only where --topics names them.

              octo-replay bus EPISODE --loop &                octo-bus hz arm/state
              octo-replay bus EPISODE --from 10 --to 20 --speed 0.5
              octo-replay bus EPISODE --step                  a policy step with each line (Enter)
              octo-replay bus EPISODE --live policy --wait &  a live policy on the recorded pictures:
              octo-policy run --run FOLDER --node policy      (FOLDER as it was printed)

            Readers that are slower hold the playing up: nothing is dropped on this side. At the end it says what was \
            sent. Exit codes: 0 played, or ended by Ctrl-C; 1 it failed on the way; 2 it cannot be played.
            """)

    @Argument(help: EpisodeArgument.help)
    var episode: EpisodeArgument

    @Option(help: "Play so many times as fast as recorded.")
    var speed = 1.0

    @Flag(help: "Wait for a line on standard input before each policy step.")
    var step = false

    @Flag(help: "With --step: wait before each message.")
    var everyMessage = false

    @Option(
        help: ArgumentHelp(
            "Begin so long after the first message. Goal and statuses that hold then are played first.",
            valueName: "seconds"))
    var from: Double?

    @Option(help: ArgumentHelp("End so long after the first message.", valueName: "seconds"))
    var to: Double?

    @Flag(help: "Begin again at the end.")
    var loop = false

    @Option(help: ArgumentHelp("Play only these topics, with commas; 'camera/' means all below.", valueName: "names"))
    var topics: String?

    @Option(help: ArgumentHelp("Leave these topics out, with commas.", valueName: "names"))
    var without: String?

    @Option(help: ArgumentHelp("Play only what these nodes published, with commas.", valueName: "nodes"))
    var source: String?

    @Option(
        help: ArgumentHelp(
            "Leave out what these nodes published, with commas: they run themselves.", valueName: "nodes"))
    var live: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Publish a topic under another name. May be repeated.", valueName: "old=new"))
    var rename: [String] = []

    @Option(
        name: .customLong("run"),
        help: ArgumentHelp(
            "Play in this run folder: as the missing nodes of the run that is alive there, else in a run of its own.",
            valueName: "folder"))
    var runFolder: String?

    @Option(help: ArgumentHelp("Make the run of this manifest, in place of the one in the file.", valueName: "file"))
    var manifest: String?

    @Flag(help: "Begin when somebody listens.")
    var wait = false

    @Flag(help: "Leave all stamps as they were recorded.")
    var originalStamps = false

    func validate() throws {
        guard speed >= 0.001, speed <= 1000 else {
            throw ValidationError("--speed: found \(speed), give a number from 0.001 to 1000.")
        }
        if everyMessage, !step { throw ValidationError("--every-message belongs to --step.") }
        if let from, from < 0 || !from.isFinite {
            throw ValidationError("--from: found \(from), give 0 or more seconds.")
        }
        if let to, to < 0 || !to.isFinite || to > 1e9 {
            throw ValidationError("--to: found \(to), give 0 or more seconds.")
        }
        if let from, let to, from > to { throw ValidationError("--from \(from) lies behind --to \(to): swap them.") }
        for text in rename where renamed(text) == nil {
            throw ValidationError("--rename: found '\(text)', give OLD=NEW, two topics' names.")
        }
    }

    private func renamed(_ text: String) -> (old: String, new: String)? {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts.allSatisfy({ (1...255).contains($0.utf8.count) }) else { return nil }
        return (parts[0], parts[1])
    }

    private var selection: ReplaySelection {
        func list(_ text: String?) -> [String]? { text.map { $0.split(separator: ",").map(String.init) } }
        let names = rename.compactMap(renamed).map { ($0.old, $0.new) }
        return ReplaySelection(
            topics: list(topics)?.map { .init($0) }, without: (list(without) ?? []).map { .init($0) },
            nodes: list(source).map(Set.init), live: Set(list(live) ?? []), names: Dictionary(names) { $1 })
    }

    func run() throws {
        // Its sockets are for this user alone.
        umask(0o077)
        let signals = octo_signal_fd()
        guard signals >= 0 else { throw BusPlayError.signalsUnavailable(code: -signals) }
        let file = try EpisodeFile(path: episode.path)
        let options = EpisodePlayback.Options(
            selection: selection, schedule: .init(speed: speed, isStepping: step),
            from: from.map { .fromSeconds($0) },
            to: to.map { .fromSeconds($0) }, loops: loop, stepsByMessage: everyMessage)
        let player = try BusPlayer(
            file, options, run: runFolder, manifest: manifest, keepsStamps: originalStamps, signals: signals)
        defer { player.end() }
        try working { try player.play(waitingForReaders: wait) }
    }
}

enum BusPlayError: Error, CustomStringConvertible {
    case signalsUnavailable(code: Int32)

    var description: String {
        switch self {
        case .signalsUnavailable(let code):
            "preparing for Ctrl-C: signalfd failed (error \(code)), expected a descriptor. Raise the limit of open "
                + "files (ulimit -n)."
        }
    }
}
