import ArgumentParser
import CShims
import Files
import Foundation
import JSONTree
import Keys
import Launch
import Manifests
import NodeShell

/// A machine that computes policies for robots elsewhere: the end of `octo-launch serve` and of `octo-launch MANIFEST
/// --host NAME`.
struct ServingMachine {
    var manifestPath: String?
    var host: String?
    var bind: String?
    var port: Int?
    var folder: String?
    var runsNodes = false
    let json: Bool
    let isQuiet: Bool

    init(json: Bool, isQuiet: Bool) {
        self.json = json
        self.isQuiet = isQuiet
    }

    /// Serves until it is told to stop. Call it before any thread exists, so that all of them leave the signals to the
    /// main loop.
    func serve() throws {
        let signals = octo_signal_fd()
        guard signals >= 0 else {
            throw Console.refuse(
                "receiving signals: \(SystemError(-signals)). Start octo-launch again.", .badInput)
        }
        signal(SIGPIPE, SIG_IGN)
        let environment = ProcessInfo.processInfo.environment
        let console = Console(isQuiet: isQuiet)
        defer { console.flush() }
        let (plan, manifest) = try plan()
        try tellKeys(plan, environment, console)
        var programs: [ServeLauncher.Program] = []
        do throws(SpawnError) {
            let finder = ProgramFinder(environment: environment)
            programs.append(
                .init(
                    node: ServeRun.node, path: try finder.find(NodeProgram.of(ServeRun.node).name),
                    arguments: plan.arguments(json: json),
                    environment: manifest.map { NodeProgram.environment(of: ServeRun.node, in: $0, from: environment) }
                        ?? NodeProgram.withoutBLASCore(environment)))
            if runsNodes {
                programs.append(
                    .init(
                        node: ServeRun.nodesHost, path: try finder.find("octo-bus"), arguments: plan.argumentsForNodes,
                        environment: environment))
            }
        } catch {
            throw Console.refuse("\(error)", .badInput)
        }
        var launcher = ServeLauncher(
            programs, supervision: manifest?.supervision ?? .usual, signals: signals, console: console)
        let summary = launcher.runToTheEnd()
        // Everything has ended: who does not want to wait for the terminal may end this, too.
        for number in [SIGINT, SIGTERM, SIGHUP] { Glibc.signal(number, SIG_DFL) }
        if json {
            console.result(summary.json.text())
        } else if summary.duration > .zero {
            console.result(summary.text)
        }
        guard summary.outcome == .done else { throw ExitCode(summary.outcome.rawValue) }
    }

    /// Says whether this machine has the files of the manifest's policy. Opens no port.
    func check() throws {
        let (plan, manifest) = try plan()
        guard let manifest, let section = manifest.tree[Manifest.policyNode] else { return }
        var problem: AskedPolicyError?
        do throws(AskedPolicyError) {
            _ = try AskedPolicy(section, folder: plan.folder)
        } catch {
            problem = error
        }
        let path = manifestPath ?? ""
        if json {
            let findings = (problem?.problems ?? []).map { found in
                JSONNode.object([
                    "path": JSONNode("\(found.path)"), "severity": "missing", "found": JSONNode(found.found),
                    "fix": JSONNode("expected \(found.allowed)"),
                ])
            }
            print(
                JSONNode.object([
                    "manifest": JSONNode(path), "host": JSONNode(plan.name), "ready": JSONNode(.bool(problem == nil)),
                    "findings": JSONNode(.array(findings)),
                ]).text())
        } else if let problem {
            print("\(path): '\(plan.name)' cannot compute its policy here, seen from \(plan.folder): \(problem)")
        } else {
            print("\(path): '\(plan.name)' has what its policy needs here, seen from \(plan.folder)")
        }
        if problem != nil { throw ExitCode.badInput }
    }

    private func plan() throws -> (plan: ServePlan, manifest: Manifest?) {
        let workingFolder = FileSystem.workingFolder
        let folder = FileSystem.absolute(folder ?? workingFolder, from: workingFolder)
        guard FileProbe.disk.kind(folder) == .folder else {
            throw Console.refuse(
                "looking at --folder \(folder): found no folder, expected the one that policies' paths are seen from.",
                .badInput)
        }
        do {
            // Cameras and calibration are the robot's, and so are their files.
            let manifest = try manifestPath.map { try Manifest.load($0, asksForFiles: false) }
            let plan = try ServePlan(
                bind: bind, port: port, folder: folder,
                manifest: manifest.flatMap { content in
                    manifestPath.map { (FileSystem.absolute($0, from: workingFolder), content) }
                }, host: host)
            return (plan, manifest)
        } catch {
            throw Console.refuse("\(error)", .badInput)
        }
    }

    /// Makes the key that robots recognise this machine by, and says what they need of it.
    private func tellKeys(_ plan: ServePlan, _ environment: [String: String], _ console: Console) throws {
        if plan.isInsecure {
            return console.report(.warning, "\(plan.bind):\(plan.port) is open without keys, as the manifest says")
        }
        let (key, isNew) = try OwnKey.ofUser(environment)
        if isNew { console.report(.note, "this user has a key now: \(key.publicKey)") }
        let allowed: AllowList
        do throws(KeyError) {
            allowed = try KeyFolder.standard(environment).allowed()
        } catch {
            throw Console.refuse("\(error)", .badInput)
        }
        let hasRobots = allowed.entries.contains { $0.role == .robot }
        for line in plan.hints(key: "\(key.publicKey)", hasRobots: hasRobots) { console.report(.note, line) }
    }
}
