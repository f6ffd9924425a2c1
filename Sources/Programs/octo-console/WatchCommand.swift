import ArgumentParser
import Bus
import CShims
import Console
import Files
import Glibc
import Manifests
import Messages
import NodeShell
import Replay
import Time

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Show a run, or recorded episodes, in the browser.",
        discussion: """
            Without arguments it shows the run that is alive, from beside: the run knows nothing of it, and a page \
            stays open when the run ends and begins again. With episodes, files or folders of them, it shows what is \
            on the disk.

              octo-console                        the run that is alive
              octo-console episodes               what was recorded
              octo-launch robot.json --console    a console as part of the run

            The page is for browsers of this machine. From another one, 'ssh -L 8080:localhost:8080 ROBOT' brings it \
            to you; --bind 0.0.0.0 --token-file FILE shows it to a network ('octo-console token' makes the file).

            Exit codes: 0 ended by Ctrl-C, 1 the port cannot be had, 2 there is no such run, episode or token file.
            """)

    @Argument(help: "Show these episodes: files, or folders with such; 'last' is the newest below episodes.")
    var episodes: [String] = []

    @Option(
        name: .customLong("run"),
        help: ArgumentHelp("Join the run in this folder, now or when it begins.", valueName: "folder"))
    var folder: String?

    @Option(help: "Listen at this port; 0 takes one that is free.")
    var port = 8080

    @Option(help: "Listen at this address.")
    var bind = Manifest.Console.loopback

    @Option(help: ArgumentHelp("Ask everybody for a token of this file.", valueName: "file"))
    var tokenFile: String?

    @Option(help: "Let at most so many watch at the same time, 1 to 64.")
    var viewers = Manifest.Console.usualViewers

    mutating func validate() throws {
        if !episodes.isEmpty, folder != nil {
            throw ValidationError("Both episodes and --run were given; expected one of them.")
        }
        guard (0...65535).contains(port) else { throw ValidationError("--port \(port): expected 0 to 65535.") }
        guard (1...64).contains(viewers) else { throw ValidationError("--viewers \(viewers): expected 1 to 64.") }
        guard let isLoopback = Manifest.Console.isLoopback(bind) else {
            throw ValidationError("--bind \(bind): expected an IPv4 or IPv6 address of this machine.")
        }
        if !isLoopback, tokenFile == nil {
            throw ValidationError(
                "--bind \(bind) without --token-file: whoever reaches the page could move the arm. Make a file of "
                    + "tokens with 'octo-console token FILE', or leave --bind out.")
        }
    }

    func run() throws {
        let signals = octo_signal_fd()
        guard signals >= 0 else { throw WorkFailure("receiving signals: errno \(-signals). Start octo-console again.") }
        signal(SIGPIPE, SIG_IGN)
        Priority.giveWay()
        let settings = Manifest.Console(port: port, bind: bind, tokenFile: tokenFile, viewers: viewers)
        if episodes.isEmpty {
            let folder =
                try folder.map { FileSystem.absolute($0, from: FileSystem.workingFolder) } ?? RunSearch.folder(nil)
            let server = try ConsoleServer(settings, shelves: try Shelves())
            var watch = RunWatch(of: folder, for: server, signals: signals)
            try watch.begin()
            Terminal.say("console: \(try server.start()) (Ctrl-C ends it; the run goes on)")
            defer { server.shelves.jobs.stop() }
            try watch.run()
        } else {
            let paths = episodes.map { EpisodePaths.newest($0) ?? $0 }
            // Looked for now, so that a wrong path is told at once; one folder is looked at anew each time.
            let files = try EpisodePaths.files(paths)
            let isFolder = paths.count == 1 && files != paths
            let shelves = try isFolder ? Shelves(episodesIn: paths[0]) : Shelves(episodes: files)
            let server = try ConsoleServer(settings, shelves: shelves)
            defer { server.shelves.jobs.stop() }
            Terminal.say("console: \(try server.start()) (Ctrl-C ends it)")
            while octo_signal_read(signals) == 0 {
                if let failure = server.withState({ $0.failure }) { throw WorkFailure(failure) }
                octo_event_consume(server.wakeDescriptor)
                let now = MonotonicTime.now()
                _ = server.withState { state in state.hub.tick(at: now) { _ in false } }
                server.ring(at: now)
                var descriptors = [signals, server.wakeDescriptor].map {
                    pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
                }
                _ = octo_poll_until_ns(&descriptors, 2, (now + .milliseconds(500)).nanoseconds)
            }
        }
    }
}

/// A console beside a run: it joins the run, follows it to its end, and waits for the next one in the same folder.
struct RunWatch {
    private static let period = Duration.milliseconds(500)

    private let folder: String
    private let server: ConsoleServer
    private let signals: Int32
    private var link: OperatorLink?

    init(of folder: String, for server: ConsoleServer, signals: Int32) {
        self.folder = folder
        self.server = server
        self.signals = signals
    }

    /// Looks whether the folder can be a run's, and turns to the one that is alive there: the first page is told of it.
    /// - Throws: `RunSearchError`, `RunFolderError`.
    mutating func begin() throws {
        guard RunFolder.isLive(folder) else { return }
        let run = try RunDescription.load(folder: RunSearch.folder(folder))
        server.turn(to: ConsoleRun(run, isLive: true), at: .now())
    }

    /// Runs until a signal comes.
    mutating func run() throws {
        while true {
            guard try present().map({ try follow($0) }) ?? rest() else { return }
        }
    }

    /// The run that is alive in the folder; nil while there is none, or it is only beginning.
    private func present() -> RunDescription? {
        guard RunFolder.isLive(folder) else { return nil }
        do {
            return try RunDescription.load(folder: RunSearch.folder(folder))
        } catch {
            return nil
        }
    }

    /// Follows a run to its end.
    /// - Returns: false when a signal came.
    private func follow(_ run: RunDescription) throws -> Bool {
        let link = try OperatorLink(
            to: run, commanding: run.commandEndpoints.keys.sorted(), program: "octo-console")
        defer { link.bus.close() }
        let turn = try BusTurn(server, on: link.bus)
        var nextLook = MonotonicTime.zero
        server.turn(to: ConsoleRun(run, isLive: true), at: .now())
        while true {
            if let failure = server.withState({ $0.failure }) { throw WorkFailure(failure) }
            let now = MonotonicTime.now()
            if octo_signal_read(signals) != 0 { return false }
            let wake = try turn.turn(at: now)
            if now >= nextLook {
                nextLook = now + Self.period
                guard present()?.runID == run.runID else {
                    server.turn(to: ConsoleRun(run, isLive: false), at: now)
                    return true
                }
            }
            try link.bus.wait(until: min(wake, nextLook), alsoOn: [signals, server.wakeDescriptor])
        }
    }

    /// Waits a little without a run.
    /// - Returns: false when a signal came.
    private func rest() throws -> Bool {
        if let failure = server.withState({ $0.failure }) { throw WorkFailure(failure) }
        if octo_signal_read(signals) != 0 { return false }
        octo_event_consume(server.wakeDescriptor)
        let now = MonotonicTime.now()
        let effects = server.withState { state in state.hub.tick(at: now) { _ in false } }
        for case .answer(let request, let response) in effects { server.answer(request, response) }
        server.ring(at: now)
        var descriptors = [signals, server.wakeDescriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        _ = octo_poll_until_ns(&descriptors, 2, (now + Self.period).nanoseconds)
        return true
    }
}
