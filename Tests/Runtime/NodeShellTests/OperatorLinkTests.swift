import Bus
import Foundation
import ManifestSamples
import Manifests
import Messages
import NodeShell
import Synchronization
import TestSupport
import Testing
import Threads
import Time
import Wire

/// The exchange over real sockets.
@Suite struct OperatorLinkTests {
    private let scratch: TemporaryFolder
    private let run: RunDescription

    init() throws {
        scratch = try TemporaryFolder()
        var generator = SeededGenerator(seed: 1)
        run = try RunDescription.beginning(
            Sample.read(Sample.minimal), manifestPath: "/robots/one/robot.json", folder: scratch.path,
            using: &generator)
    }

    private func link() throws -> OperatorLink {
        try OperatorLink(to: run, commanding: [Manifest.goalNode], program: "octo-test")
    }

    private func command(of link: OperatorLink) -> GoalCommand {
        GoalCommand(id: link.makeID(), operatorID: "\(link.name)", action: .clear, time: .now())
    }

    /// A goal node on a thread of its own, until `isDone`. It passes the first `ignored` commands over, as if they had
    /// been lost, and answers somebody else first.
    private func startNode(ignoring ignored: Int, until isDone: @escaping @Sendable () -> Bool) throws {
        let run = run
        try NamedThread("goal node") {
            do {
                let bus = try BusNode(
                    BusOptions(
                        node: Manifest.goalNode, runID: run.runID, endpoint: run.endpoint(of: Manifest.goalNode),
                        peers: [], commandEndpoint: run.commandEndpoints[Manifest.goalNode]))
                defer { bus.close() }
                let commands = try bus.subscribe(Topics.goalCommand)
                let results = bus.publisher(Topics.goalResult)
                var count = 0
                while !isDone() {
                    try bus.wait(until: .now() + .milliseconds(10))
                    while let received = commands.take()?.message {
                        count += 1
                        guard count > ignored else { continue }
                        for name in ["somebody else", received.operatorID] {
                            try results.publish(
                                GoalResult(
                                    id: received.id, operatorID: name, isAccepted: true, goalID: "", goalName: "",
                                    path: "", message: name, time: .now()), at: .now())
                        }
                    }
                }
            } catch {
                Issue.record("\(error)")
            }
        }
    }

    @Test func aCommandThatWasLostIsSaidAgainAndTheAnswerIsOurs() throws {
        let isDone = Flag()
        try startNode(ignoring: 1) { isDone.isSet }
        defer { isDone.set() }
        let link = try link()
        defer { link.bus.close() }
        let answer = try link.exchange(
            command(of: link), on: Topics.goalCommand, answers: Topics.goalResult, by: Manifest.goalNode,
            patience: .seconds(20))
        #expect(answer.message == "\(link.name)")
    }

    @Test func nobodyIsThere() throws {
        let link = try link()
        defer { link.bus.close() }
        let patience = Duration.milliseconds(100)
        let error = #expect(throws: NodeSilence.self) {
            _ = try link.exchange(
                command(of: link), on: Topics.goalCommand, answers: Topics.goalResult, by: Manifest.goalNode,
                patience: patience)
        }
        #expect(error == NodeSilence(of: [Manifest.goalNode], for: patience, unheardOn: Topics.goalCommand.name))
        #expect(try link.next(of: link.bus.subscribe(Topics.armState), within: patience) == nil)
    }

    @Test func aNodeThatTakesNoCommandsIsNamed() {
        let error = #expect(throws: NoCommandEndpoint.self) {
            _ = try OperatorLink(to: run, commanding: [Manifest.simulationNode], program: "octo-test")
        }
        #expect(error?.description.contains("'simulation'") == true)
    }

    /// Set by one thread, seen by another.
    private final class Flag: Sendable {
        private let value = Mutex(false)
        var isSet: Bool { value.withLock { $0 } }
        func set() { value.withLock { $0 = true } }
    }
}
