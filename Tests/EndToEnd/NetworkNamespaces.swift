import Foundation
import Synchronization
import Testing
import Time

/// Computers of a small network that a test makes: a network namespace each, joined by a switch, whose cables it can
/// pull. The files are the same everywhere.
///
/// Needs root and iproute2; a kernel without `tc netem` will do, delay and loss are `TCPRelay`'s. Where the test may
/// not, it uses this computer's loopback with a relay in between (`TwoMachines`).
final class NetworkNamespaces {
    /// Whether this process may make them, tried once.
    static let areAllowed: Bool = {
        guard geteuid() == 0, program != nil else { return false }
        do {
            return try NetworkNamespaces(["one", "two"]).address(of: "two") == "\(network)2"
        } catch {
            print("no network namespaces for the tests: \(error)")
            return false
        }
    }()
    static let lack: Comment = "network namespaces need root, iproute2, and a kernel with veth and bridges"

    private static let program = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }
    private static let made = Atomic<Int>(0)

    private let prefix: String
    private let machines: [String]
    /// The last number of each machine's address.
    private var numbers: [String: Int] = [:]
    private static let network = "10.74.74."

    /// Makes a namespace for each name, and one for the switch.
    init(_ machines: [String]) throws {
        prefix = "octo-test-\(getpid())-\(Self.made.add(1, ordering: .relaxed).newValue)"
        self.machines = machines
        try Self.removeLeftOvers()
        do {
            try Self.ip(["netns", "add", namespace("switch")])
            try Self.ip(["-n", namespace("switch"), "link", "add", "bridge", "type", "bridge"])
            try Self.ip(["-n", namespace("switch"), "link", "set", "bridge", "up"])
            for (index, machine) in machines.enumerated() { try plugIn(machine, number: index + 1) }
        } catch {
            remove()
            throw error
        }
    }

    deinit { remove() }

    private func namespace(_ machine: String) -> String { "\(prefix)-\(machine)" }
    private func cable(_ machine: String) -> String { "to-\(machine)" }

    private func plugIn(_ machine: String, number: Int) throws {
        let (own, far) = (namespace(machine), namespace("switch"))
        try Self.ip(["netns", "add", own])
        try Self.ip(["-n", own, "link", "set", "lo", "up"])
        try Self.ip(
            ["link", "add", "eth0", "netns", own, "type", "veth", "peer", "name", cable(machine), "netns", far])
        try Self.ip(["-n", far, "link", "set", cable(machine), "master", "bridge", "up"])
        numbers[machine] = number
        try Self.ip(["-n", own, "address", "add", "\(address(of: machine))/24", "dev", "eth0"])
        try Self.ip(["-n", own, "link", "set", "eth0", "up"])
    }

    func address(of machine: String) -> String { "\(Self.network)\(numbers[machine] ?? 0)" }

    /// Takes the machine's cable out of the switch: its interface has no carrier, and keeps its address.
    func pull(_ machine: String) throws {
        try Self.ip(["-n", namespace("switch"), "link", "set", cable(machine), "down"])
    }

    func plug(_ machine: String) throws {
        try Self.ip(["-n", namespace("switch"), "link", "set", cable(machine), "up"])
    }

    /// Gives the machine another address, as a router does that was restarted.
    func move(_ machine: String, to number: Int) throws {
        let own = namespace(machine)
        try Self.ip(["-n", own, "address", "flush", "dev", "eth0"])
        numbers[machine] = number
        try Self.ip(["-n", own, "address", "add", "\(address(of: machine))/24", "dev", "eth0"])
    }

    /// Words before a command line that make it run on the machine, under the process id that it would have anyway.
    func prefix(on machine: String) -> [String] {
        [Self.program ?? "ip", "netns", "exec", namespace(machine)]
    }

    /// Processes that run on the machine. ip-netns(8), pids.
    func processes(on machine: String) throws -> [Int32] {
        try Self.ip(["netns", "pids", namespace(machine)]).split(whereSeparator: \.isWhitespace).compactMap {
            Int32($0)
        }
        .filter(isAlive)
    }

    private func remove() {
        for machine in machines + ["switch"] {
            do {
                for process in try processes(on: machine) { kill(process, SIGKILL) }
                try Self.ip(["netns", "delete", namespace(machine)])
            } catch {
                print("\(namespace(machine)) stays: \(error)")
            }
        }
    }

    /// Removes namespaces of test processes that were killed.
    private static func removeLeftOvers() throws {
        for line in try ip(["netns", "list"]).split(separator: "\n") {
            let name = line.prefix { $0 != " " }
            let words = name.split(separator: "-")
            guard name.hasPrefix("octo-test-"), words.count > 3, let owner = Int32(words[2]), !isAlive(owner) else {
                continue
            }
            try ip(["netns", "delete", String(name)])
        }
    }

    @discardableResult
    private static func ip(_ arguments: [String]) throws -> String {
        guard let program else { throw TimedOut(description: "iproute2 is not installed") }
        let outcome = try RunningProgram(executable: program, arguments).waitForEnd(limit: 20)
        guard outcome.exitCode == 0 else {
            throw TimedOut(description: "ip \(arguments.joined(separator: " ")): \(outcome.errors)")
        }
        return outcome.output
    }
}
