import Foundation
import JSONTree
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// A robot in motion whose policy is on another machine, and a link that breaks in every way there is: the arm
    /// brakes and holds by the rule for any chunk that does not come, and all goes on by itself.
    @Suite(.serialized) struct RemotePolicyLinkTests {
        /// What happens to the link, and how long it lasts, seconds.
        enum Outage: CustomStringConvertible, Sendable {
            /// The robot's cable is pulled; where there is none, nothing passes the relay.
            case cable(Double)
            /// What was on its way comes afterwards, late.
            case late(Double)
            /// The other end is gone without a word: TCP is half open.
            case blackhole(Double)
            /// Connections are reset, and new ones refused.
            case refused(Double)
            /// The big machine sleeps, and wakes with what it was doing.
            case sleep(Double)

            var seconds: Double {
                switch self {
                case .cable(let seconds), .late(let seconds), .blackhole(let seconds), .refused(let seconds),
                    .sleep(let seconds):
                    seconds
                }
            }
            fileprivate var network: TwoMachines.Network { if case .cable = self { .cables } else { .relay } }
            var description: String {
                switch self {
                case .cable(let seconds): "cable pulled for \(seconds) s"
                case .late(let seconds): "nothing passes for \(seconds) s, all comes late"
                case .blackhole(let seconds): "half-open TCP for \(seconds) s"
                case .refused(let seconds): "connections refused for \(seconds) s"
                case .sleep(let seconds): "the server sleeps for \(seconds) s"
                }
            }

            fileprivate func begin(_ machines: TwoMachines, server: [Int32]) throws {
                switch self {
                case .cable: try machines.pull()
                case .late: try machines.relay?.order(.cut)
                case .blackhole: try machines.relay?.order(.blackhole)
                case .refused: try machines.relay?.order(.close)
                case .sleep: for process in server { kill(process, SIGSTOP) }
                }
            }

            fileprivate func end(_ machines: TwoMachines, server: [Int32]) throws {
                switch self {
                case .cable: try machines.plug()
                case .late, .blackhole, .refused: try machines.relay?.order(.restore)
                case .sleep: for process in server { kill(process, SIGCONT) }
                }
            }
        }

        /// As long as nobody sees the link as lost, the arm rests at most for a moment.
        @Test(arguments: [Outage.cable(0.3), .late(0.3)])
        func aShortBreakEndsNothing(outage: Outage) throws {
            let servos = try EmulatedServos()
            let machines = try TwoMachines(outage.network)
            let server = try machines.serve()
            let robot = try machines.robot(servos.settings)
            try robot.waitUntilMoving()
            try outage.begin(machines, server: [])
            usleep(UInt32(outage.seconds * 1e6))
            try outage.end(machines, server: [])
            try robot.waitForMotion(in: "the arm after \(outage)")
            let (summary, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
            try ServoEnvelope(servos.arm).expectEveryTick(servos.goals(), summary: summary)
            #expect(server.process.isRunning)
        }

        /// A pulled cable of a minute differs from one of 15 s in nothing but the test's length: no wait here is longer
        /// than 2 s, and TCP starts anew each time.
        @Test(arguments: [
            Outage.cable(5), .cable(15), .late(3), .blackhole(3), .refused(3), .sleep(3),
        ])
        func theArmHoldsAndAllGoesOnByItself(outage: Outage) throws {
            let servos = try EmulatedServos()
            let machines = try TwoMachines(outage.network)
            let server = try machines.serve()
            let robot = try machines.robot(servos.settings + ["record.enabled=true"])
            try robot.waitUntilMoving()
            let policy = try robot.processID(of: "policy")
            let family = family(of: server.process.processIdentifier)

            try outage.begin(machines, server: family)
            // Whatever fails: a process that is stopped could not be ended.
            defer { for process in family { kill(process, SIGCONT) } }
            let begun = MonotonicTime.now()
            try robot.wait(for: "the policy to say that the link broke") { isLost($0) }
            // Noticed within a second; the other one is what a busy machine may need.
            #expect(MonotonicTime.now() - begun < .seconds(2))
            #expect(robot.status["policy"]?.headline.contains(TwoMachines.big) == true)
            try robot.wait(for: "the arm to hold") { $0.isAtRest }
            let held = MonotonicTime.now()
            while robot.chunks.take() != nil {}
            try robot.wait(for: "the end of the outage", limit: 60) { _ in
                MonotonicTime.now() - begun > .fromSeconds(outage.seconds)
            }
            #expect(robot.isAtRest && isLost(robot))
            #expect(try ServoEnvelope(servos.arm).movingTicks(servos.goals(), after: held) == 0)
            #expect(robot.chunks.take() == nil, "a chunk came while there was no link")

            let ended = MonotonicTime.now()
            try outage.end(machines, server: family)
            var chunks: [ActionChunk] = []
            try robot.wait(for: "motion after \(outage)", limit: 60) { robot in
                while let chunk = robot.chunks.take() { chunks.append(chunk.message) }
                return robot.isExecuting && (robot.armState?.measured.time ?? .zero) > ended
            }
            // What the earlier session was asked was seen before the outage; frames come at 5 Hz.
            #expect(!chunks.isEmpty && chunks.allSatisfy { $0.observationTime > ended - .milliseconds(500) })
            #expect(try robot.processID(of: "policy") == policy)
            let (summary, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
            try ServoEnvelope(servos.arm).expectEveryTick(servos.goals(), summary: summary)
            try RemotePolicyTests.expectVerified(summary)
            #expect(server.process.isRunning)
        }

        @Test(.enabled(if: NetworkNamespaces.areAllowed, NetworkNamespaces.lack))
        func anotherAddressOfTheRobotIsASessionMore() throws {
            let machines = try TwoMachines()
            let network = try #require(machines.namespaces)
            let server = try machines.serve()
            let robot = try machines.robot()
            try robot.waitUntilMoving()
            try network.move(TwoMachines.robot, to: 77)
            try robot.wait(for: "the policy to say that the link broke") { isLost($0) }
            let lost = MonotonicTime.now()
            try robot.wait(for: "motion from the new address", limit: 60) {
                $0.isExecuting && ($0.armState?.measured.time ?? .zero) > lost && $0.status["policy"]?.state == .ready
            }
            let (summary, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
            #expect(server.process.isRunning)
        }

        /// Chunks grow no older the longer the line is too slow: what does not fit is not asked.
        @Test func alongASlowLineOldPicturesDoNotQueue() throws {
            let machines = try TwoMachines(.relay)
            let relay = try #require(machines.relay)
            let server = try machines.serve()
            let robot = try machines.robot()
            try robot.waitUntilMoving()
            try robot.wait(for: "ten chunks") { $0.count("remote_chunks", of: "policy") > 10 }
            // Five requests a second are made, and half of them fit.
            let request =
                Double(robot.count("remote_bytes", of: "policy"))
                / Double(robot.count("remote_chunks", of: "policy"))
            try relay.order(.rate(megabits: request * 8 * 2.5 * 1e-6))
            while robot.chunks.take() != nil {}
            var ages: [Double] = []
            try robot.wait(for: "chunks over a slow line", limit: 90) { robot in
                while let chunk = robot.chunks.take() {
                    ages.append((chunk.receivedTime - chunk.message.observationTime).inSeconds)
                }
                return ages.count > 25
            }
            let last = ages.suffix(5)
            #expect(last.allSatisfy { $0 < 2 }, "\(ages)")
            try relay.order(.rate(megabits: 0))
            try robot.waitForMotion(in: "the arm on a fast line")
            let (summary, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
            #expect(server.process.isRunning)
        }

        /// Far away and lossy: the arm may rest between chunks, but moves.
        @Test func overALongAndLossyLineTheArmGoesOnMoving() throws {
            let servos = try EmulatedServos()
            let machines = try TwoMachines(.relay)
            let relay = try #require(machines.relay)
            let server = try machines.serve()
            let robot = try machines.robot(servos.settings + ["record.enabled=true"])
            try robot.waitUntilMoving()
            try relay.order(.delay(milliseconds: 20))
            try relay.order(.loss(percent: 1))
            let chunks = robot.count("chunks", of: "policy")
            try robot.wait(for: "forty more chunks", limit: 60) { $0.count("chunks", of: "policy") > chunks + 40 }
            #expect(try relay.count().lostSegments > 0)
            try robot.waitForMotion(in: "the arm on a lossy line")
            let (summary, outcome) = try robot.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
            try ServoEnvelope(servos.arm).expectEveryTick(servos.goals(), summary: summary)
            try RemotePolicyTests.expectVerified(summary)
            #expect(server.process.isRunning)
        }

        private func isLost(_ robot: Pipeline) -> Bool {
            robot.status["policy"].map { $0.state == .degraded || $0.state == .fault } ?? false
        }
    }
}
