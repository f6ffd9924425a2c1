import JSONTree
import Manifests
import Messages
import Time

/// A machine that computes for robots, as its launcher sees it: a process that computes, and where it is wanted one
/// that runs nodes, watched and restarted by the rules for nodes. They are on no bus: that one lives and has found its
/// words is all that is known of it. Performs nothing itself.
package struct ServeRun: Sendable {
    /// Names of the processes in what people read.
    package static let node = Manifest.policyNode
    package static let nodesHost = "nodes"
    /// A process that has not ended by then and says nothing has what it needs.
    private static let silentStart = Duration.seconds(2)

    package private(set) var supervisor: Supervisor
    /// Its own summary: the last line that is a JSON object.
    package private(set) var served: JSONNode?
    private struct Life: Sendable {
        let processID: Int32
        let started: MonotonicTime
        var hasSpoken = false
    }
    private var lives: [String: Life] = [:]

    /// - Parameter runsNodes: whether nodes of robots run here, too.
    package init(_ supervision: Manifest.Supervision = .usual, runsNodes: Bool = false) {
        supervisor = Supervisor(
            .init(
                stages: [[Self.node] + (runsNodes ? [Self.nodesHost] : [])], stopsFirst: Self.node,
                supervision: supervision, duration: nil))
    }

    package mutating func started(
        _ node: String = Self.node, processID: Int32, at now: MonotonicTime
    ) -> [Supervisor.Action] {
        lives[node] = Life(processID: processID, started: now)
        return supervisor.started(node, processID: processID, at: now)
    }

    package mutating func couldNotStart(
        _ node: String = Self.node, _ reason: String, at now: MonotonicTime
    ) -> [Supervisor.Action] { supervisor.couldNotStart(node, reason, at: now) }

    /// A line that the process wrote.
    /// - Returns: whether it is to be shown now.
    package mutating func wrote(_ line: String, by node: String = Self.node) -> Bool {
        if line.hasPrefix("{"), let summary = Self.object(line) {
            served = summary
            return false
        }
        let isShown = supervisor.wrote(line, by: node)
        if isShown { lives[node]?.hasSpoken = true }
        return isShown
    }

    package mutating func exited(
        _ node: String = Self.node, processID: Int32, _ ending: Supervisor.Ending, at now: MonotonicTime
    ) -> [Supervisor.Action] {
        if lives[node]?.processID == processID { lives[node] = nil }
        return supervisor.exited(node, processID: processID, ending, at: now)
    }

    package mutating func stopRequested(_ reason: String, at now: MonotonicTime) -> [Supervisor.Action] {
        supervisor.stopRequested(reason, at: now)
    }

    /// Time has passed. Called several times a second.
    package mutating func tick(at now: MonotonicTime) -> [Supervisor.Action] {
        var actions: [Supervisor.Action] = []
        for (node, life) in lives.sorted(by: { $0.key < $1.key }) where isUp {
            let isReady = life.hasSpoken || now - life.started >= Self.silentStart
            actions += supervisor.received(
                NodeStatus(node: node, processID: life.processID, state: isReady ? .ready : .starting, headline: ""),
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
