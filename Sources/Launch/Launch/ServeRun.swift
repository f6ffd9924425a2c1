import JSONTree
import Manifests
import Messages
import Time

/// A machine that computes for robots, as its launcher sees it: one process, watched and restarted by the rules for
/// nodes. It is on no bus: that it lives and has found its words is all that is known of it. Performs nothing itself.
package struct ServeRun: Sendable {
    /// Name of the process in what people read.
    package static let node = Manifest.policyNode
    /// A process that has not ended by then and says nothing has what it needs.
    private static let silentStart = Duration.seconds(2)

    package private(set) var supervisor: Supervisor
    /// Its own summary: the last line that is a JSON object.
    package private(set) var served: JSONNode?
    private var processID: Int32?
    private var started = MonotonicTime.zero
    private var hasSpoken = false

    package init(_ supervision: Manifest.Supervision = .usual) {
        supervisor = Supervisor(
            .init(stages: [[Self.node]], stopsFirst: Self.node, supervision: supervision, duration: nil))
    }

    package mutating func started(processID: Int32, at now: MonotonicTime) -> [Supervisor.Action] {
        (self.processID, started, hasSpoken) = (processID, now, false)
        return supervisor.started(Self.node, processID: processID, at: now)
    }

    package mutating func couldNotStart(_ reason: String, at now: MonotonicTime) -> [Supervisor.Action] {
        supervisor.couldNotStart(Self.node, reason, at: now)
    }

    /// A line that the process wrote.
    /// - Returns: whether it is to be shown now.
    package mutating func wrote(_ line: String) -> Bool {
        if line.hasPrefix("{"), let summary = Self.object(line) {
            served = summary
            return false
        }
        let isShown = supervisor.wrote(line, by: Self.node)
        hasSpoken = hasSpoken || isShown
        return isShown
    }

    package mutating func exited(
        processID: Int32, _ ending: Supervisor.Ending, at now: MonotonicTime
    )
        -> [Supervisor.Action]
    {
        if self.processID == processID { self.processID = nil }
        return supervisor.exited(Self.node, processID: processID, ending, at: now)
    }

    package mutating func stopRequested(_ reason: String, at now: MonotonicTime) -> [Supervisor.Action] {
        supervisor.stopRequested(reason, at: now)
    }

    /// Time has passed. Called several times a second.
    package mutating func tick(at now: MonotonicTime) -> [Supervisor.Action] {
        var actions: [Supervisor.Action] = []
        if let processID, isUp {
            let isReady = hasSpoken || now - started >= Self.silentStart
            actions = supervisor.received(
                NodeStatus(node: Self.node, processID: processID, state: isReady ? .ready : .starting, headline: ""),
                at: now)
        }
        return actions + supervisor.tick(at: now)
    }

    private var isUp: Bool {
        switch supervisor.phase {
        case .startingUp, .running: true
        case .stopping, .finished: false
        }
    }

    private static func object(_ line: String) -> JSONNode? {
        do throws(JSONSyntaxError) {
            return try JSONNode(parsing: line.utf8)
        } catch {
            return nil
        }
    }
}

/// What came of it, for people and programs.
package struct ServeSummary: Equatable, Sendable {
    package var outcome: Supervisor.Outcome
    /// Time since it was ready first; zero where it never was.
    package var duration: Duration
    package var restarts: Int
    /// What the process says itself; nil where it said nothing.
    package var served: JSONNode?

    package init(_ run: ServeRun, outcome: Supervisor.Outcome, at now: MonotonicTime) {
        self.outcome = outcome
        duration = run.supervisor.readySince.map { now - $0 } ?? .zero
        restarts = run.supervisor.restarts.reduce(0) { $0 + $1.count }
        served = run.served
    }

    package var text: String {
        "served for \((duration.inSeconds).decimals(1)) s, \(restarts) restart\(restarts == 1 ? "" : "s")"
    }

    package var json: JSONNode {
        .object([
            "exit_code": JSONNode(Int(outcome.rawValue)),
            "duration_s": JSONNode(number: (duration.inSeconds * 1e3).rounded() / 1e3),
            "restarts": JSONNode(restarts), "policy": served ?? JSONNode(.null),
        ])
    }
}
