import Foundation
import Messages
import Simulation
import Synchronization
import TestSupport
import Testing
import Time

/// Robots with a console beside them.
enum ConsoleStage {
    static let canSimulate = (try? World.libraryVersion()) != nil
    private static let simulation = Fixture.packageRoot.appendingPathComponent("launch/sim.json").path

    /// Starts the simulated robot as `octo-launch launch/sim.json --console` does.
    /// - Parameter port: 0 takes a free one.
    static func simulated(_ settings: [String] = [], port: Int = 0) throws -> Pipeline {
        try Pipeline(
            [#"console={"port": \#(port)}"#] + settings, arguments: ["--console"], manifest: simulation)
    }

    /// A port that nobody has at the moment. bind(2), getsockname(2).
    /// - Parameter isHeld: whether a listener keeps it until the process ends.
    static func freePort(isHeld: Bool = false) throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { if !isHeld { close(descriptor) } }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound, !isHeld || listen(descriptor, 1) == 0 else {
            throw TimedOut(description: "no free port: errno \(errno)")
        }
        return Int(in_port_t(bigEndian: address.sin_port))
    }

    /// Kilobytes of memory that a process has, from proc_pid_status(5).
    static func residentKilobytes(of process: Int32) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return try #require(line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
    }
}

extension Pipeline {
    /// The port at which the console of this run is, as it says itself; nil before it has said so.
    var consolePort: Int? {
        guard let status = status["console"], status.state == .ready,
            let start = status.headline.firstRange(of: "http://127.0.0.1:")?.upperBound
        else { return nil }
        return Int(status.headline[start...].prefix { $0.isNumber })
    }

    /// Waits until the page can be had.
    func waitForConsole() throws -> Int {
        try wait(for: "the console", limit: 60) { $0.consolePort != nil && $0.armState != nil }
        return try #require(consolePort)
    }

    /// Whether the arm stands for a stop.
    var isStopped: Bool { armState?.mode == .holding(.emergencyStop) && isAtRest }
}

/// One robot with a console for all tests of a suite.
struct SharedConsole: SuiteTrait, TestScoping {
    /// The robot, which one test at a time looks at.
    final class Run: Sendable {
        let port: Int
        /// Of the console.
        let process: Int32
        let folder: URL
        private let pipeline: Mutex<Pipeline>

        /// The recorded pictures come fast, so that there is something to lose.
        init() throws {
            let pipeline = try Pipeline(
                Pipeline.wristCamera + [
                    #"console={"port": 0}"#, "cameras.primary.rate_hz=60", "cameras.wrist.rate_hz=60",
                ], arguments: ["--console"])
            try pipeline.waitUntilMoving()
            port = try pipeline.waitForConsole()
            process = try pipeline.processID(of: "console")
            folder = pipeline.folder
            self.pipeline = Mutex(pipeline)
        }

        func look(_ body: (Pipeline) throws -> Void) rethrows { try pipeline.withLock { try body($0) } }
    }
    @TaskLocal private static var current: Run?

    static var run: Run {
        get throws { try #require(current) }
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
    ) async throws {
        let run = try Run()
        try await Self.$current.withValue(run) { try await body() }
        try run.look { pipeline in
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
        }
    }
}

extension Trait where Self == SharedConsole {
    /// One robot for the whole suite, which must have ended without a restart.
    static var sharedConsole: Self { Self() }
}
