import ArmDrivers
import Control
import Maths
import Messages
import RealTime

/// How an arm is, for people: what is wrong, what the arm does meanwhile, and what a person does next.
package struct ArmCondition: Equatable, Sendable {
    /// How the node that drives the arm is.
    package var state: NodeStatus.State
    /// One line for people.
    package var headline: String

    /// The way on, the same for every latched fault, whoever moves the arm afterwards; and after an emergency stop.
    private static let goOn = "run 'octo-arm clear' (or press c where you drive it)"
    private static let reset = "run 'octo-arm reset' (or press x where you drive it)"

    /// How the arm is, by the control loop's snapshot.
    /// - Parameters:
    ///   - jointNames: the joints from the base on; the gripper comes last.
    ///   - earlierCause: what an earlier process of the run wrote down about its driver; nil if there is nothing.
    ///   - isSimulated: whether the servos are another process's, which may be late; they have no cable.
    ///   - operators: who moves and who stopped the arm, as far as that is known.
    package init(
        _ snapshot: ArmLoopSnapshot, jointNames: [String], earlierCause: String? = nil, isSimulated: Bool = false,
        operators: ArmOperators = ArmOperators()
    ) {
        let state = snapshot.state
        let joint = state.blamedJoint.flatMap { $0 < jointNames.count ? jointNames[$0] : nil } ?? "a joint"
        let holds = snapshot.isLimp ? "The arm is without torque" : "The arm holds"
        switch state.mode {
        case .executing: self.init(.ready, "executing chunks")
        case .manual: self.init(.ready, "moved by \(operators.mover ?? "an operator")")
        case .recovering: self.init(.degraded, "moving back slowly from beyond a joint's limit")
        case .holding(let reason):
            switch reason {
            case .waitingForFirstChunk, .chunkExhausted, .noFreshChunk, .stopping, .released:
                self.init(.ready, "holding: \(reason)")
            case .awaitingResume:
                self.init(
                    .ready,
                    "holding: the emergency stop is reset. The policy moves the arm again after 'octo-arm resume' (or "
                        + "m where you drive it)")
            case .driverFault:
                let cause =
                    snapshot.cause.map { isSimulated ? Self.simulated($0) : $0.description } ?? earlierCause
                    ?? "the servos could not be driven."
                let servo = state.blamedJoint == nil ? "" : " (\(joint))"
                let answers = snapshot.driverWorks ? " The servos answer." : ""
                self.init(
                    .fault,
                    "holding\(servo): \(cause) The arm holds, or is limp where torque is off, until a person says go "
                        + "on.\(answers) Then \(Self.goOn)")
            case .emergencyStop:
                let by = operators.stopper.map { " by \($0)" } ?? ""
                self.init(
                    .degraded,
                    "emergency stop\(by). \(holds). When it is safe, \(Self.reset), and for the policy then 'octo-arm "
                        + "resume' (m)")
            case .stalled:
                self.init(
                    .degraded,
                    "\(joint) is blocked: it pushes and does not come on. \(holds). Free it, then \(Self.goOn)")
            case .overloaded:
                self.init(
                    .degraded, "\(joint) pushes harder than it may. \(holds). Take the load off it, then \(Self.goOn)")
            case .overheated:
                self.init(
                    .degraded,
                    "\(joint)'s servo is too hot\(Self.heat(state)). \(holds). Let it cool, then \(Self.goOn)")
            case .notFollowing:
                self.init(
                    .degraded,
                    "\(joint) is away from its setpoint and does not push: its servo has no torque, or does not hear. "
                        + "\(holds). Check its cable and power, then \(Self.goOn)")
            case .beyondLimits:
                self.init(
                    .degraded,
                    "\(joint) is beyond its limits. \(holds). Press b in octo-arm jog to move it back slowly, or move "
                        + "it back by hand, then \(Self.goOn)")
            }
        }
    }

    /// How the arm's process is: as the arm is, unless something around it is wrong.
    /// - Parameters:
    ///   - arm: how the arm is; nil before the control loop's first tick.
    ///   - rejection: why the newest chunk was not taken; nil when it was. A fault goes before it.
    ///   - rights: what the control loop runs with. Lacking rights are loud, in every status, but the arm is as ready
    ///     as it will be.
    package init(of arm: ArmCondition?, rejection: ChunkRejection?, rights: RealTimeReport) {
        guard let arm else {
            self.init(.starting, "waiting for the control loop's first tick")
            return
        }
        if let rejection, arm.state != .fault {
            self.init(.degraded, rejection.description)
            return
        }
        let lacking = rights.refused.map { "\($0.right)" }.joined(separator: ", ")
        self.init(
            arm.state,
            arm.headline
                + (rights.isComplete ? "" : "; WITHOUT \(lacking): 'octo-launch --check' says how to get it"))
    }

    /// What is the matter with servos that a simulation plays.
    private static func simulated(_ error: ArmDriverError) -> String {
        switch error {
        case .noReply(let servo), .lateReply(let servo), .stoppedItself(let servo):
            "talking to the simulated arm: servo \(servo) did not answer in time: the simulation was late. Is the "
                + "machine busy, or has octo-sim stopped?"
        case .systemCall: "talking to the simulated arm: octo-sim has ended, or is being started again."
        case .wrongJointCount, .setpointNotFinite, .implausible, .dynamixelError, .feetechError, .torqueLost, .notReady:
            error.description
        }
    }

    private init(_ state: NodeStatus.State, _ headline: String) {
        self.state = state
        self.headline = headline
    }

    private static func heat(_ state: ArmState) -> String {
        guard let joint = state.blamedJoint else { return "" }
        let isJoint = joint < state.measured.positions.count
        let degrees = isJoint ? state.measured.temperatures.map { $0[joint] } : state.measured.gripperTemperature
        return degrees.map { " (\(Int($0.rounded())) °C)" } ?? ""
    }
}
