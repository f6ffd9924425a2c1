import Glibc
import Maths
import Messages
import Time

/// An arm without hardware: every joint, and the gripper, follows its setpoint as a first-order lag.
///
/// q(t) = s + (q₀ - s) e^(-t/τ). The state is that of the servos, not of the process: with `SimulatedServoMemory` it
/// outlives the driver, as a real arm outlives its driver's crash, and goes on to the last setpoint meanwhile.
package struct SimulatedArm: ArmDriver {
    /// Seconds after which a joint has covered 63 % of the way.
    package let timeConstant: Duration
    private let memory: SimulatedServoMemory?
    private var servos: SimulatedServos

    /// Makes an arm of first-order servos, which remembers nothing beyond the process.
    /// - Parameters:
    ///   - positions: the joints' angles at first, radians.
    ///   - gripper: the gripper's opening at first, 0...1.
    ///   - timeConstant: time constant of the servos, positive; 40 ms is about what a small servo does.
    package init(
        positions: JointVector, gripper: Double = 1, timeConstant: Duration = .milliseconds(40)
    ) {
        precondition(timeConstant > .zero, "the time constant must be positive")
        self.timeConstant = timeConstant
        memory = nil
        servos = SimulatedServos(positions: positions, gripper: gripper)
    }

    /// An arm whose servos live in `memory`, and stand where they were left.
    package init(memory: SimulatedServoMemory, timeConstant: Duration = .milliseconds(40)) {
        precondition(timeConstant > .zero, "the time constant must be positive")
        self.timeConstant = timeConstant
        self.memory = memory
        servos = memory.servos
    }

    package var jointCount: Int { servos.positions.count }

    package mutating func read(at now: MonotonicTime) throws(ArmDriverError) -> JointState {
        advance(to: now)
        let velocities = (servos.goal - servos.positions) * (1 / timeConstant.inSeconds)
        return JointState(
            time: now, positions: servos.positions, velocities: velocities, gripper: servos.gripper)
    }

    package mutating func write(_ setpoint: JointSetpoint, at now: MonotonicTime) throws(ArmDriverError) {
        guard setpoint.positions.count == jointCount else {
            throw .wrongJointCount(found: setpoint.positions.count, expected: jointCount)
        }
        for joint in 0..<jointCount where !setpoint.positions[joint].isFinite { throw .setpointNotFinite(joint: joint) }
        guard setpoint.gripper.isFinite else { throw .setpointNotFinite(joint: jointCount) }
        advance(to: now)
        servos.goal = setpoint.positions
        servos.gripperGoal = setpoint.gripper
        memory?.servos = servos
    }

    /// Lets the arm go, which stays where it is: nothing weighs.
    package mutating func release(at now: MonotonicTime) throws(ArmDriverError) {
        advance(to: now)
        servos.goal = servos.positions
        servos.gripperGoal = servos.gripper
        memory?.servos = servos
    }

    /// Lets the servos run until `now` towards the setpoint they have.
    private mutating func advance(to now: MonotonicTime) {
        // The clock starts anew with the machine; a memory from before then has a stamp from the future.
        let elapsed = servos.time.map { max(0, (now - $0).inSeconds) } ?? 0
        let left = exp(-elapsed / timeConstant.inSeconds)
        servos.positions = servos.goal + (servos.positions - servos.goal) * left
        servos.gripper = servos.gripperGoal + (servos.gripper - servos.gripperGoal) * left
        servos.time = now
        memory?.servos = servos
    }
}

/// The state of all servos of a simulated arm.
package struct SimulatedServos: Equatable, Sendable, BitwiseCopyable {
    /// Time at which `positions` were true; nil before the first use.
    package var time: MonotonicTime?
    /// Positions of the joints, radians.
    package var positions: JointVector
    /// Opening of the gripper, 0 closed ... 1 open.
    package var gripper: Double
    /// The setpoint they move to, radians.
    package var goal: JointVector
    /// The opening the gripper moves to.
    package var gripperGoal: Double

    /// Makes servos that stand still.
    package init(positions: JointVector, gripper: Double) {
        self.positions = positions
        self.gripper = gripper
        goal = positions
        gripperGoal = gripper
    }
}
