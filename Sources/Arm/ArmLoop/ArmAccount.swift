import Control
import Manifests
import Messages
import RealTime
import Time

/// What the arm's process tells of itself: what it counted, how long things took, and how the arm is. Pure.
package struct ArmAccount: Sendable {
    /// Names of the joints; the gripper comes last.
    private let jointNames: [String]
    /// Whether the servos are those of `octo-sim run`.
    private let isSimulated: Bool
    /// What an earlier process of the run wrote down about its driver.
    private let earlierCause: String?
    /// What the control loop runs with.
    private let rights: RealTimeReport

    /// Who moves and who stopped the arm.
    package var operators = ArmOperators()
    /// The control loop's newest snapshot; nil before its first tick.
    package private(set) var snapshot: ArmLoopSnapshot?
    /// Why the newest chunk was not taken; nil when it was.
    private var rejection: ChunkRejection?
    private var chunks: Int64 = 0
    private var rejectedChunks: Int64 = 0
    private var clampedSteps: Int64 = 0
    private var ticks: Int64 = 0
    private var overruns: Int64 = 0
    private var jitter = LatencyHistogram()
    private var frameToSetpoint = LatencyHistogram()

    /// Makes an account that has counted nothing yet.
    /// - Parameters:
    ///   - jointNames: the joints from the base on, without the gripper.
    ///   - isSimulated: whether the servos are another process's, which may be late; they have no cable.
    ///   - earlierCause: what an earlier process of the run wrote down about its driver; nil if there is nothing.
    package init(jointNames: [String], isSimulated: Bool, earlierCause: String?, rights: RealTimeReport) {
        self.jointNames = jointNames + ["gripper"]
        self.isSimulated = isSimulated
        self.earlierCause = earlierCause
        self.rights = rights
    }

    /// Takes the control loop's newest snapshot.
    package mutating func receive(_ snapshot: ArmLoopSnapshot) { self.snapshot = snapshot }

    /// Notes that a chunk has come.
    /// - Parameter rejection: why it is not for this arm; nil when it went to the control loop.
    package mutating func noteChunk(_ rejection: ChunkRejection?) {
        chunks += 1
        self.rejection = rejection
    }

    /// Notes what became of a chunk.
    package mutating func note(_ report: ChunkReport) {
        if report.outcome == .rejected { rejectedChunks += 1 }
        clampedSteps += Int64(report.stepsClamped)
        if report.firstSetpointTime > .zero { frameToSetpoint.record(report.firstSetpointTime - report.captureTime) }
    }

    /// Notes how punctual the control loop was since the report before.
    package mutating func note(_ report: LoopReport) {
        ticks += report.ticks
        overruns += report.overruns
        for bucket in report.jitter { jitter.add(bucket) }
    }

    /// How the arm is, whatever its process lacks; nil before the control loop's first tick.
    package var armCondition: ArmCondition? {
        snapshot.map {
            ArmCondition(
                $0, jointNames: jointNames, earlierCause: earlierCause, isSimulated: isSimulated,
                operators: operators)
        }
    }

    /// What the node says of itself.
    /// - Parameter droppedEvents: how many events found a channel of the control loop full.
    package func status(droppedEvents: Int64) -> NodeStatus {
        let condition = ArmCondition(of: armCondition, rejection: rejection, rights: rights)
        return NodeStatus(
            node: Manifest.armNode, processID: 0, state: condition.state, headline: condition.headline,
            counters: [
                .init(name: "chunks", value: chunks), .init(name: "rejected_chunks", value: rejectedChunks),
                .init(name: "clamped_steps", value: clampedSteps), .init(name: "ticks", value: ticks),
                .init(name: "overruns", value: overruns),
                .init(name: "read_faults", value: Int64(clamping: snapshot?.readFaults ?? 0)),
                .init(name: "write_faults", value: Int64(clamping: snapshot?.writeFaults ?? 0)),
                .init(name: "emergency_stops", value: Int64(clamping: snapshot?.counts.emergencyStops ?? 0)),
                .init(name: "pauses", value: Int64(clamping: snapshot?.counts.pauses ?? 0)),
                .init(name: "interventions", value: Int64(clamping: snapshot?.counts.interventions ?? 0)),
                .init(name: "dropped_events", value: droppedEvents),
            ],
            latencies: [
                .init(name: "loop_jitter", of: jitter), .init(name: "frame_to_first_setpoint", of: frameToSetpoint),
            ])
    }
}
