import Foundation
import Manifests
import TestSupport
import Testing

/// A robot's computer and a big one that computes its policy, each with its user's keys, and what lies between them.
///
/// Where the test may make network namespaces, they are computers with cables, else folders of keys on this one with
/// a relay between their ports.
final class TwoMachines {
    /// What lies between the two.
    enum Network {
        /// Cables, where namespaces may be made; else a relay.
        case cables
        /// This computer's loopback, through a relay.
        case relay
    }
    static let robot = "robot"
    static let big = "big"
    /// A computer that nobody let in.
    static let third = "third"
    /// The checkpoint of the replay manifest.
    static let checkpoint = Fixture.url("octo/case1_primary_goal_w1/checkpoint").path

    let namespaces: NetworkNamespaces?
    private(set) var relay: TCPRelay?
    /// The big machine's public key, and the port of its own at which it answers.
    let (key, port): (String, Int)
    private let folder: URL

    /// Makes the machines and their keys; the big one lets the robot in.
    init(_ network: Network = .cables) throws {
        folder = try TemporaryFolder.make("keys")
        for name in [Self.robot, Self.big, Self.third] {
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent("arms-" + name), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        }
        let isCabled = network == .cables && NetworkNamespaces.areAllowed
        namespaces = isCabled ? try NetworkNamespaces([Self.robot, Self.big, Self.third]) : nil
        // A namespace has all of its ports.
        port = isCabled ? 7_400 : Int.random(in: 20_000..<30_000)
        let machine = Self.machine(namespaces, folder)
        key = try Self.makeKey(machine(Self.big))
        let robot = try Self.makeKey(machine(Self.robot))
        let allowed = try machine(Self.big).run("octo-bus", ["keys", "allow", "my-robot", robot, "--role", "robot"])
        try #require(allowed.exitCode == 0, "\(allowed.errors)")
        if !isCabled { relay = try TCPRelay(to: "127.0.0.1:\(port)") }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private static func machine(_ namespaces: NetworkNamespaces?, _ folder: URL) -> (String) -> TestMachine {
        { name in
            TestMachine(
                prefix: namespaces?.prefix(on: name) ?? [],
                // Which arms there are is known to each machine for itself.
                environment: [
                    "OCTO_KEYS": folder.appendingPathComponent(name).path,
                    ArmRegistry.variable: folder.path + "/arms-" + name,
                ])
        }
    }

    func machine(_ name: String) -> TestMachine { Self.machine(namespaces, folder)(name) }

    /// Makes a user's key.
    /// - Returns: the public one, as `octo-bus keys make` prints it.
    static func makeKey(_ machine: TestMachine) throws -> String {
        let made = try machine.run("octo-bus", ["keys", "make"])
        try #require(made.exitCode == 0, "\(made.errors)")
        let words = made.output.split(whereSeparator: \.isWhitespace).map(String.init)
        return try #require(
            words.first { $0.utf8.count == 40 }, "no key in '\(made.output)'")
    }

    /// The secret key of a machine's user, in Z85.
    func secret(of machine: String) throws -> String {
        let file = folder.appendingPathComponent("\(machine)/own.key")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        return try #require(lines.count == 2 ? String(lines[1]) : nil, "\(file.path) has not two lines")
    }

    /// Where the big machine listens.
    var bind: String { namespaces == nil ? "127.0.0.1" : "0.0.0.0" }
    /// Where the robot finds it.
    var host: String { namespaces?.address(of: Self.big) ?? "127.0.0.1" }
    private var hostPort: Int { relay?.port ?? port }

    /// Starts the big machine's launcher.
    func serve(_ arguments: [String] = []) throws -> RunningProgram {
        try machine(Self.big).start("octo-launch", ["serve", "--bind", bind, "--port", "\(port)"] + arguments)
    }

    /// What makes a manifest's policy one of the big machine.
    var settings: [String] {
        [
            #"hosts={"big": {"address": "\#(host)", "port": \#(hostPort), "key": "\#(key)"}}"#, "policy.host=big",
            "policy.checkpoint=\(Self.checkpoint)",
        ]
    }

    /// Starts the robot.
    func robot(_ settings: [String] = [], arguments: [String] = []) throws -> Pipeline {
        try Pipeline(self.settings + settings, arguments: arguments, on: machine(Self.robot))
    }

    /// The link is gone.
    func pull() throws {
        if let namespaces { try namespaces.pull(Self.robot) } else { try relay?.order(.cut) }
    }

    func plug() throws {
        if let namespaces { try namespaces.plug(Self.robot) } else { try relay?.order(.restore) }
    }
}

/// A process and all that it started, and they.
func family(of process: Int32) -> [Int32] {
    var parents: [Int32: Int32] = [:]
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
        guard let id = Int32(name), let stat = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
            let close = stat.lastIndex(of: ")")
        else { continue }
        // After the name in parentheses: state, parent. proc(5).
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        if fields.count > 1 { parents[id] = Int32(fields[1]) }
    }
    var found = [process]
    var next = 0
    while next < found.count {
        found += parents.filter { $0.value == found[next] }.map(\.key).sorted()
        next += 1
    }
    return found
}
