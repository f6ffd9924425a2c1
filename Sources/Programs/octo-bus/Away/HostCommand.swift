import ArgumentParser
import CShims
import Files
import Foundation
import Glibc
import Keys
import Link
import Manifests
import NodeShell
import Time

/// Runs nodes of robots elsewhere; octo-launch serve --nodes starts it.
struct HostCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host",
        abstract: "Run nodes of robots elsewhere; 'octo-launch serve --nodes' starts this.",
        discussion: """
            Robots whose manifest names this machine for their goal, record or console have these nodes run here, if \
            'octo-bus keys allow NAME KEY --role robot' has let them in. What the nodes leave is below the folder.
            """)

    @Option(help: ArgumentHelp("Listen at this IPv4 address.", valueName: "address"))
    var bind = "127.0.0.1"
    @Option(help: "Listen at this port.")
    var port = Manifest.Host.usualPort + 1
    @Option(
        help: ArgumentHelp("Put what nodes leave below this folder. Without it, the current one.", valueName: "folder"))
    var folder: String?
    @Flag(help: "Let robots in without a key: at 127.x.x.x alone.")
    var insecure = false

    func validate() throws {
        guard (1...65_535).contains(port) else {
            throw ValidationError("--port \(port): expected a number from 1 to 65535.")
        }
        guard !insecure || bind.hasPrefix("127.") else {
            throw ValidationError(
                "--insecure at \(bind), which others can reach; expected 127.0.0.1. Leave it out, and allow the "
                    + "robots' keys with 'octo-bus keys allow'.")
        }
    }

    func run() throws {
        umask(0o077)
        let signals = octo_signal_fd()
        guard signals >= 0 else { throw ExitCode.failure }
        signal(SIGPIPE, SIG_IGN)
        let lines = LineWriter(STDOUT_FILENO)
        do {
            let keys = insecure ? nil : try KeyFolder.ofUser()
            _ = try keys?.ownOrMade()
            let socket = try LinkServerSocket(bind: "tcp://\(bind):\(port)", keys: keys, admitting: [.robot])
            lines.write("listening for nodes at \(socket.endpoint)")
            var desk = try HostDesk(
                socket, home: FileSystem.absolute(folder ?? ".", from: FileSystem.workingFolder),
                environment: ProcessInfo.processInfo.environment, signals: signals, lines: lines)
            try desk.runToTheEnd()
            lines.flush(limit: .milliseconds(500))
        } catch {
            lines.flush(limit: .milliseconds(500))
            LineWriter.standardError.write("error: \(error)")
            LineWriter.standardError.flush(limit: .milliseconds(500))
            throw ExitCode.badInput
        }
    }
}
