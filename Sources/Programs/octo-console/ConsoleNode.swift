import ArgumentParser
import Bus
import Console
import Files
import Glibc
import Manifests
import Messages
import NodeShell
import Time
import Wire

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Show a run in the browser; octo-launch starts this.",
        discussion: "The manifest's \"console\" says where, and who may see it.")

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        let isCheck = arguments.check
        try NodeProcess.run(arguments) { context in try ConsoleNode(context, isCheck: isCheck) }
    }
}

/// The console node: a page beside the run it belongs to.
struct ConsoleNode: NodeBody {
    private let server: ConsoleServer
    private let turn: BusTurn
    private let address: String
    private var nextOwnStatus = MonotonicTime.zero

    /// Opens the port, and says where it is.
    /// - Parameter isCheck: whether only what is missing is asked for: nothing listens then.
    /// - Throws: `WorkFailure`, and what is wrong with the token file or the page's files.
    init(_ context: NodeContext, isCheck: Bool) throws {
        let settings = context.run.manifest.console ?? Manifest.Console(port: 0)
        Priority.giveWay()
        server = try ConsoleServer(settings, shelves: try Shelves(of: context.run))
        turn = try BusTurn(server, on: context.bus)
        guard !isCheck else {
            try ConsoleServer.probe(settings)
            address = ""
            return
        }
        // Before anybody can come: a page that is told of no run turns to what is on the disk.
        server.turn(to: ConsoleRun(context.run, isLive: true), at: .now())
        address = try server.start()
        try FileSystem.replace(context.run.folder + "/" + RunFolder.consoleAddress, with: "\(address)\n")
        context.log.info("console: \(address)")
    }

    var wakeDescriptors: [Int32] { [server.wakeDescriptor] }

    mutating func turn(at now: MonotonicTime) throws -> MonotonicTime? {
        if let failure = server.withState({ $0.failure }) { throw WorkFailure("the page at \(address): \(failure)") }
        // The bus brings nobody his own words.
        if now >= nextOwnStatus {
            nextOwnStatus = now + .milliseconds(500)
            let status = status(at: now)
            server.withState { $0.hub.receive(own: status, at: now) }
        }
        return try turn.turn(at: now)
    }

    mutating func stop(at now: MonotonicTime) -> Bool {
        server.shelves.jobs.stop()
        return true
    }

    func status(at now: MonotonicTime) -> NodeStatus {
        let count = server.withState { $0.sockets.count }
        return NodeStatus(
            node: Manifest.consoleNode, processID: getpid(), state: .ready,
            headline: address + (count == 0 ? "" : ", \(count) watching"),
            counters: [.init(name: "viewers", value: Int64(count))])
    }
}

/// The page is no part of the run: whatever computes for the robot goes first.
enum Priority {
    /// Nice value of the console. setpriority(2).
    private static let nice: Int32 = 5

    static func giveWay() { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, nice) }
}
