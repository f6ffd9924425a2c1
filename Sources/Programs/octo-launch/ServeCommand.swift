import ArgumentParser
import Manifests
import NodeShell

/// `octo-launch serve`: computes policies for robots elsewhere.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Compute policies for robots elsewhere.",
        discussion: """
            Robots whose manifest names this machine (hosts, policy.host) are answered, those that 'octo-bus keys \
            allow NAME KEY --role robot' has let in. Each brings its policy section, whose paths are seen from here; \
            with a manifest, only robots that want the policy that it has. The process is started again when it fails; \
            Ctrl-C or SIGTERM stops it.

            Exit codes: 0 it served and stopped as it should, 2 the command line, the manifest or a key file cannot be \
            used, 3 the process failed.
            """)

    @Argument(help: "Answer only robots that want the policy of this manifest.")
    var manifest: String?

    @Option(
        help: ArgumentHelp(
            "What robots' manifests call this machine. Without it, 'big', or the machine of the manifest's policy.",
            valueName: "name"))
    var host: String?

    @Option(
        help: ArgumentHelp(
            "Listen at this IPv4 address; 0.0.0.0 is all that the machine has. Without it, 127.0.0.1, or the "
                + "manifest's.", valueName: "address"))
    var bind: String?

    @Option(help: "Listen at this port. Without it, 7400, or the manifest's.")
    var port: Int?

    @Option(
        help: ArgumentHelp(
            "See relative paths of policies from this folder. Without it, the current one.", valueName: "folder"))
    var folder: String?

    @Flag(
        help: "Also run nodes of robots (goal, record, console) whose manifest says so, at the port after this one.")
    var nodes = false

    @Flag(help: "Only say what is wrong with the manifest's policy on this machine.")
    var check = false

    @Flag(help: "Print the summary as one JSON object on standard output.")
    var json = false

    @Flag(help: "Leave out what the process writes and what is as it should be.")
    var quiet = false

    mutating func validate() throws {
        manifest = manifest.map { ShippedFile.path($0) }
        if let port, !(1...65535).contains(port) {
            throw ValidationError("--port \(port): expected a number from 1 to 65535.")
        }
        if check, manifest == nil {
            throw ValidationError("--check without a manifest has nothing to look at. Give one, or leave it out.")
        }
    }

    func run() throws {
        var serving = ServingMachine(json: json, isQuiet: quiet)
        serving.manifestPath = manifest
        serving.host = host
        serving.bind = bind
        serving.port = port
        serving.folder = folder
        serving.runsNodes = nodes
        return check ? try serving.check() : try serving.serve()
    }
}
