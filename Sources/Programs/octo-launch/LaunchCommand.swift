import ArgumentParser
import CShims
import Foundation
import Launch
import Manifests
import Messages
import NodeShell
import Time

/// `octo-launch robot.json`: runs a robot, or looks at what it would be.
struct LaunchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Start, watch and stop the processes of a robot.",
        usage: """
            octo-launch <manifest> [--set <path=value> ...] [--for <seconds>] [--json] [--quiet] [--run-folder <folder>]
            octo-launch <manifest> --console
            octo-launch <manifest> --check
            octo-launch <manifest> --graph
            octo-launch <manifest> --host <name> [--check] [--json] [--quiet]
            """,
        discussion: """
            The manifest says what the robot consists of; launch/schema.json describes every key. Ctrl-C or SIGTERM \
            stops the arm first (it holds), then the rest; a second one ends everything at once. No process is left \
            behind whatever way octo-launch ends.

            Exit codes: 0 it ran and stopped as it should, 2 the command line or the manifest cannot be used, 3 a \
            process failed, 4 another octo-launch runs this robot, 5 it stopped, but not all that was recorded is on \
            the disk.

            Environment: OCTO_RUN_BASE is where run folders lie (else $XDG_RUNTIME_DIR/octo, else /tmp/octo-<uid>); \
            OCTO_BIN_DIR is where the nodes' programs are looked for first (else beside octo-launch, then in PATH); \
            OCTO_KEYS is the folder of this user's keys (else octo in $XDG_CONFIG_HOME, else ~/.config/octo).
            """)

    /// Another octo-launch runs this robot; nothing was started.
    private static let busy = ExitCode(4)
    /// Exit code for a run of which not all that was recorded is on the disk.
    private static let recordIncomplete = ExitCode(5)

    @Argument(help: "The robot's manifest, for example launch/replay.json.")
    var manifest: String?

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp(
            "Put a value into the manifest before it is checked, for example arm.control_rate_hz=250. What is not "
                + "JSON is taken as a string; paths given here are seen from the current folder. May be repeated.",
            valueName: "path=value"))
    var overrides: [String] = []

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("Stop after this time, counted from when all processes are ready.", valueName: "seconds"))
    var seconds: Double?

    @Option(
        help: ArgumentHelp(
            "Use this folder for sockets and run.json. Without it, one named after the robot.", valueName: "folder"))
    var runFolder: String?

    @Option(
        help: ArgumentHelp(
            "Be this machine of the manifest's hosts: compute the policy for robots that want it as this file has it. "
                + "'octo-launch serve' has more options.",
            valueName: "name"))
    var host: String?

    @Flag(help: "Only say what is wrong with the manifest, and what it names that this machine lacks.")
    var check = false

    @Flag(help: "Print the processes and topics as a Mermaid flowchart.")
    var graph = false

    @Flag(help: "Print the summary, or what --check found, as one JSON object on standard output.")
    var json = false

    @Flag(help: "Leave out what the processes write and what is as it should be.")
    var quiet = false

    @Flag(
        name: .customLong("console"),
        help: "Show the run in the browser, too, as the manifest's \"console\" does; --set console.port=9000 moves it.")
    var showsConsole = false

    @Flag(help: "Print the JSON Schema of manifests, as launch/schema.json holds it.")
    var printSchema = false

    mutating func validate() throws {
        // Also from elsewhere: launch/sim.json is that of the project, or the one that was installed.
        manifest = manifest.map { ShippedFile.path($0) }
        if manifest == nil, !printSchema {
            throw ValidationError("No manifest was given; expected one. Try: octo-launch launch/replay.json")
        }
        if let seconds, !(seconds > 0 && seconds <= 1e8) {
            throw ValidationError("--for \(seconds): expected a number of seconds above 0.")
        }
        if host != nil, !overrides.isEmpty || seconds != nil || runFolder != nil || graph || showsConsole {
            throw ValidationError(
                "--host computes the policy as the file has it; expected none of --set, --for, --run-folder, --graph "
                    + "and --console with it.")
        }
    }

    func run() throws {
        if printSchema { return print(ManifestSchema.text, terminator: "") }
        if let host {
            var serving = ServingMachine(json: json, isQuiet: quiet)
            serving.manifestPath = manifest
            serving.host = host
            return check ? try serving.check() : try serving.serve()
        }
        // Before any thread exists, so that all of them leave these signals to the main loop.
        let signals = octo_signal_fd()
        guard signals >= 0 else {
            throw Console.refuse(
                "receiving signals: \(String(cString: strerror(-signals))). Start octo-launch again.", .badInput)
        }
        // Whoever reads our output may go away (`| head`); the robot still has to be stopped in order.
        signal(SIGPIPE, SIG_IGN)
        let manifest: Manifest
        let readiness: ReadinessCheck?
        do throws(ManifestError) {
            var parsed: [ManifestOverride] =
                showsConsole ? [.adding(section: Manifest.consoleNode)] : []
            for text in overrides { parsed.append(try ManifestOverride(parsing: text)) }
            readiness = check ? try ReadinessCheck(self.manifest ?? "", overrides: parsed) : nil
            if let readiness {
                manifest = readiness.manifest
            } else {
                // A drawing needs no checkpoint, and no camera.
                manifest = try Manifest.load(self.manifest ?? "", overrides: parsed, asksForFiles: !graph)
            }
        } catch {
            throw Console.refuse(error.description, .badInput)
        }
        if let readiness { return try tell(readiness) }
        if graph { return print(ProcessGraph(manifest).mermaid) }
        try launch(manifest, signals: signals)
    }

    private func tell(_ readiness: ReadinessCheck) throws {
        print(json ? readiness.json.text() : readiness.text)
        if !readiness.isReady { throw ExitCode.badInput }
    }

    private func launch(_ manifest: Manifest, signals: Int32) throws {
        let environment = ProcessInfo.processInfo.environment
        let console = Console(isQuiet: quiet)
        defer { console.flush() }
        try makeKey(manifest, environment, console)
        let folder = try claimFolder(environment, manifest)
        defer { folder.removeRemains() }
        console.report(.note, "robot '\(manifest.name)', run folder \(folder.path)")
        let description = try publish(manifest, in: folder)
        let registration = try register(description)
        defer { registration?.end() }
        let summary = try supervise(description, environment, signals, console)
        // Everything has ended: who does not want to wait for the terminal may end this, too.
        for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_DFL) }
        if json {
            console.result(summary.json.text())
        } else if summary.outcome == .done || summary.duration > .zero {
            console.result(summary.text)
        }
        guard summary.outcome == .done else { throw ExitCode(summary.outcome.rawValue) }
        guard summary.isRecordWhole else { throw Self.recordIncomplete }
        folder.removeLatch()
        console.report(
            .note,
            "next: \(Self.nextStep(after: manifest)); look at a running robot with octo-bus hz; README.md has more")
    }

    /// Makes the user's own key where the run needs one and there is none, and warns of one that does without.
    private func makeKey(_ manifest: Manifest, _ environment: [String: String], _ console: Console) throws {
        if manifest.bus.transport == .tcp, manifest.bus.isInsecure {
            console.report(
                .warning, "bus.insecure: \(Manifest.Bus.insecurityAdvice(at: manifest.bus.address))")
        }
        guard manifest.needsOwnKey else { return }
        let (key, isNew) = try OwnKey.ofUser(environment)
        guard isNew else { return }
        console.report(.note, "this user has a key now: \(key.publicKey)")
        if let host = manifest.policyHost, case .known = host.key {
            console.report(
                .note,
                "\(host.name) lets this robot in after, there: octo-bus keys allow \(manifest.name) '\(key.publicKey)' "
                    + "--role robot")
        }
    }

    private static func nextStep(after manifest: Manifest) -> String {
        let camera = manifest.cameras[0]
        return switch camera.source {
        case .images: "your own frames with --set cameras.\(camera.name).folder=DIR"
        case .simulated: "your own checkpoint with --set policy.checkpoint=DIR, its success rate with octo-eval"
        case .device: "octo-launch --help"
        }
    }

    private func claimFolder(_ environment: [String: String], _ manifest: Manifest) throws -> RunFolder {
        do throws(RunFolderError) {
            return try RunFolder.claim(runFolder ?? RunFolder.base(environment) + "/" + manifest.name)
        } catch {
            if case .busy = error { throw Console.refuse(error.description, Self.busy) }
            throw Console.refuse(error.description, .badInput)
        }
    }

    private func publish(_ manifest: Manifest, in folder: borrowing RunFolder) throws -> RunDescription {
        do throws(RunFolderError) {
            var generator = SystemRandomNumberGenerator()
            let description = try RunDescription.beginning(
                manifest, manifestPath: self.manifest ?? "", folder: folder.path, using: &generator)
            try folder.publish(description)
            return description
        } catch {
            throw Console.refuse(error.description, .badInput)
        }
    }

    /// Registers the run's arm: while its process is being restarted, the launcher's word is what `octo-arm stop`
    /// finds.
    private func register(_ description: RunDescription) throws -> ArmRegistration? {
        do throws(RunFolderError) {
            guard let arm = LiveArm(description) else { return nil }
            return try ArmRegistry.standard.register(arm)
        } catch {
            throw Console.refuse(error.description, .badInput)
        }
    }

    private func supervise(
        _ description: RunDescription, _ environment: [String: String], _ signals: Int32, _ console: Console
    ) throws -> RunSummary {
        var launcher: Launcher
        do {
            launcher = try Launcher(
                description, duration: seconds.map { .fromSeconds($0) }, environment: environment, signals: signals,
                console: console)
        } catch {
            throw Console.refuse("\(error)", .badInput)
        }
        do {
            return try launcher.runToTheEnd()
        } catch {
            launcher.abandon()
            throw Console.refuse("\(error)", ExitCode(Supervisor.Outcome.nodeFailed.rawValue))
        }
    }
}
