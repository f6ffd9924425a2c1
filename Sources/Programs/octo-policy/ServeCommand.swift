import ArgumentParser
import CShims
import Files
import Glibc
import Keys
import Link
import Manifests
import Messages
import NodeShell
import Time

/// Computes the policies of robots that are elsewhere.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Compute the policies of other machines' robots; octo-launch serve starts this.",
        discussion: """
            Robots whose manifest has this machine as policy.host send their pictures and get chunks, each with its \
            own goal; those with the same checkpoint share its weights. Only robots whose key is allowed come in \
            ('octo-bus keys allow NAME KEY --role robot'), and this user's own.

            At most 16 robots and 2 checkpoints at once; a checkpoint that nobody uses is kept for 10 minutes. Exit \
            codes: 0 ended by SIGTERM or Ctrl-C, 1 it failed while it ran, 2 it cannot be started like this.
            """)

    @Option(help: ArgumentHelp("The IPv4 address of this machine to listen at; 0.0.0.0 for all.", valueName: "address"))
    var bind = Manifest.Console.loopback

    @Option(help: ArgumentHelp("The port to listen at.", valueName: "port"))
    var port = Manifest.Host.usualPort

    @Option(
        help: ArgumentHelp("Paths of robots' policies are seen from here, and none leaves it.", valueName: "folder"))
    var folder = "."

    @Option(help: ArgumentHelp("Compute the policy of this manifest alone.", valueName: "file"))
    var manifest: String?

    @Option(help: ArgumentHelp("What the manifest calls this machine; without it, its policy.host.", valueName: "name"))
    var host: String?

    @Flag(help: "Ask nobody for a key, and encrypt nothing: on a loopback address alone.")
    var insecure = false

    @Flag(help: "Print the summary as JSON, and everything else on standard error.")
    var json = false

    func validate() throws {
        guard (1...65_535).contains(port) else { throw ValidationError("--port: give 1 to 65535.") }
        guard host == nil || manifest != nil else {
            throw ValidationError("--host names a machine of a manifest: give that with --manifest.")
        }
    }

    func run() throws {
        umask(0o077)
        // Before any thread exists, so that all of them leave the signals to this one.
        let signals = octo_signal_fd()
        guard signals >= 0 else {
            throw WorkFailure(
                "preparing for the end: the system refused a descriptor (error \(-signals)). Raise 'ulimit -n'.")
        }
        signal(SIGPIPE, SIG_IGN)
        guard let served = ServedFolder(folder) else {
            throw ValidationError("--folder \(folder): found no folder, expected the one with the checkpoints.")
        }
        let (only, isOpen) = try readManifest()
        let isInsecure = insecure || isOpen
        guard !insecure || Manifest.Console.isLoopback(bind) == true else {
            throw ValidationError(
                "--bind \(bind) without keys: found an address that others can reach, expected 127.0.0.1. Leave "
                    + "--insecure out, and allow the robots' keys with 'octo-bus keys allow'.")
        }
        let core = ServeCore(LinkServer(), answering: ServedWording(), folder: served, only: only)
        let keys = isInsecure ? nil : try KeyFolder.ofUser()
        _ = try keys?.ownOrMade()
        let socket = try LinkServerSocket(bind: "tcp://\(bind):\(port)", keys: keys, admitting: [.robot])
        let lines = LineWriter(json ? STDERR_FILENO : STDOUT_FILENO)
        lines.write("listening at \(socket.endpoint), folder \(served.path)")
        lines.write(socket.ownKey.map { "public key \($0)" } ?? "without keys: every program of this machine may come")
        var desk = ServeDesk(core: core, socket: socket, bench: try ServeBench(), lines: lines)
        let hasEnded: Bool
        do {
            hasEnded = try desk.run(until: signals)
        } catch {
            lines.flush(limit: .milliseconds(200))
            throw WorkFailure("\(error)")
        }
        tell(desk.summary, lines)
        // The network's thread can be in the middle of a load for seconds, and a process that exits meanwhile can hang
        // in its libraries: nothing is left to be done, not even by them.
        if !hasEnded { _exit(0) }
    }

    private func tell(_ summary: ServeSummary, _ lines: LineWriter) {
        let output = json ? LineWriter(STDOUT_FILENO) : lines
        for line in json ? [summary.json.text()] : summary.lines { output.write(line) }
        lines.flush(limit: .milliseconds(100))
        output.flush(limit: .milliseconds(100))
    }

    /// What the manifest says of this machine.
    /// - Returns: the policy that alone is computed, and whether nobody is asked for a key.
    private func readManifest() throws -> (only: ServeCore.Only?, isInsecure: Bool) {
        guard let path = manifest else { return (nil, false) }
        // Paths of the policy are judged when a robot asks for it.
        let content = try Manifest.load(path, overrides: [], asksForFiles: false)
        let known = content.hosts.map(\.name)
        guard let wanted = host ?? content.policy.host, let machine = content.hosts.first(where: { $0.name == wanted })
        else {
            throw ValidationError(
                "--host \(host ?? ""): \(path) has the hosts [\(known.joined(separator: ", "))], expected one of them.")
        }
        guard content.policy.host == wanted, let section = content.tree["policy"] else {
            throw ValidationError("--host \(wanted): the policy of \(path) is not on that machine (policy.host).")
        }
        guard machine.mayListen(at: bind) else {
            throw ValidationError(
                "--bind \(bind) without keys (hosts.\(machine.name).insecure in \(path)): found an address that others "
                    + "can reach, expected 127.0.0.1. Give that machine's key instead.")
        }
        return (.init(section: section), machine.isInsecure)
    }
}
