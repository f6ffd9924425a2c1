import Maths
import Time

/// Joints of one arm, and its gripper, which comes after the last joint.
package struct JointSet: Equatable, Sendable, BitwiseCopyable {
    /// Bit n is joint n, from 0 at the base; the bit after the last joint is the gripper.
    package var bits: UInt16

    package init(bits: UInt16 = 0) { self.bits = bits }

    package var isEmpty: Bool { bits == 0 }
    package func contains(_ joint: Int) -> Bool { bits >> UInt16(joint) & 1 == 1 }
    package mutating func insert(_ joint: Int) { bits |= 1 << UInt16(joint) }
}

/// What the encoders say. Every position in it was read from its encoder; there is no state before each has been read
/// once.
package struct JointState: Equatable, Sendable, BitwiseCopyable {
    package var time: MonotonicTime
    /// Joints whose encoders did not answer at `time`: their numbers are those of their last answer.
    package var unread: JointSet
    /// Joint angles, radians.
    package var positions: JointVector
    /// Joint velocities, radians per second.
    package var velocities: JointVector
    /// Opening, 0 closed ... 1 open.
    package var gripper: Double
    /// How hard each joint's servos push, as a share of the most they may: 1 is the configured current limit (or the
    /// rated load where a servo measures no current), signed as the joint turns. Nil where the driver cannot tell. A
    /// joint that is moved by several servos has the value of the one that is farthest from 0.
    package var load: JointVector?
    /// Temperature of the hottest servo of each joint, degrees Celsius; nil where the driver cannot tell.
    package var temperatures: JointVector?
    /// How hard the gripper's servo pushes, 0...1 as `load`; nil where the driver cannot tell.
    package var gripperLoad: Double?
    /// Temperature of the gripper's servo, degrees Celsius; nil where the driver cannot tell.
    package var gripperTemperature: Double?

    package init(
        time: MonotonicTime, positions: JointVector, velocities: JointVector, gripper: Double,
        load: JointVector? = nil, temperatures: JointVector? = nil, gripperLoad: Double? = nil,
        gripperTemperature: Double? = nil, unread: JointSet = JointSet()
    ) {
        self.time = time
        self.unread = unread
        self.positions = positions
        self.velocities = velocities
        self.gripper = gripper
        self.load = load
        self.temperatures = temperatures
        self.gripperLoad = gripperLoad
        self.gripperTemperature = gripperTemperature
    }
}

/// What the servos are told, once per control tick, after interpolation and safety.
package struct JointSetpoint: Equatable, Sendable, BitwiseCopyable {
    /// Joint angles, radians.
    package var positions: JointVector
    /// Joint velocities, radians per second, feed-forward.
    package var velocities: JointVector
    /// Opening, 0 closed ... 1 open.
    package var gripper: Double

    package init(positions: JointVector, velocities: JointVector, gripper: Double) {
        self.positions = positions
        self.velocities = velocities
        self.gripper = gripper
    }
}

/// Why the arm stands still. Raw values travel on the bus: only add.
package enum HoldReason: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case waitingForFirstChunk = 1
    case chunkExhausted = 2
    case noFreshChunk = 3
    case stopping = 4
    case driverFault = 5
    /// An emergency stop, which is latched: only an explicit reset ends it.
    case emergencyStop = 6
    /// A joint does not follow although it pushes: something is in its way.
    case stalled = 7
    /// A joint pushes harder than it may for longer than it may.
    case overloaded = 8
    /// A joint was found beyond its limits and the way back must be asked for.
    case beyondLimits = 9
    /// The operator has let go; a new chunk, or the operator, moves the arm again.
    case released = 10
    /// A joint's servo is hotter than it may be.
    case overheated = 11
    /// A joint is away from its setpoint and does not push towards it: it has no torque, or does not hear.
    case notFollowing = 12
    /// An emergency stop was reset; the policy has the arm again when a person says so. An operator may move it
    /// meanwhile.
    case awaitingResume = 13
}

extension HoldReason {
    /// The command with which a person ends it; nil where it ends by itself, or by something else than a command.
    package var command: String? {
        switch self {
        case .emergencyStop: "octo-arm reset, then octo-arm resume"
        case .awaitingResume: "octo-arm resume"
        case .driverFault, .stalled, .overloaded, .overheated, .notFollowing: "octo-arm clear"
        case .beyondLimits: "octo-arm jog, key b"
        case .waitingForFirstChunk, .chunkExhausted, .noFreshChunk, .stopping, .released: nil
        }
    }
}

extension HoldReason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .waitingForFirstChunk: "waiting for the first chunk"
        case .chunkExhausted: "all steps of the last chunk are done and no new one came"
        case .noFreshChunk: "no fresh chunk within the watchdog"
        case .stopping: "stopping"
        case .driverFault: "the servos cannot be driven"
        case .emergencyStop: "emergency stop: reset it to go on"
        case .stalled: "a joint is blocked"
        case .overloaded: "a joint is overloaded"
        case .beyondLimits: "a joint is beyond its limits: ask for recovery, or move it back by hand"
        case .released: "the operator has let go"
        case .overheated: "a joint's servo is too hot"
        case .notFollowing: "a joint does not follow and does not push"
        case .awaitingResume: "the policy waits until it is told to go on"
        }
    }
}

/// What the arm does at present.
package enum ArmMode: Equatable, Sendable, BitwiseCopyable {
    case executing(chunkID: UInt64, step: Int)
    /// Decelerating to, or standing at, a fixed position.
    case holding(HoldReason)
    /// An operator moves it.
    case manual
    /// The arm is on its way back, slowly, from beyond a limit.
    case recovering
}

/// The arm as the rest of the system sees it.
package struct ArmState: Equatable, Sendable, BitwiseCopyable {
    /// Control tick, from 0.
    package var tick: UInt64
    package var mode: ArmMode
    package var measured: JointState
    package var setpoint: JointSetpoint
    /// Pose of the end effector: forward kinematics of `measured`.
    package var baseFromEEF: Pose
    /// The pose that end-effector deltas accumulate on.
    package var commandedBaseFromEEF: Pose
    /// The joint, counted from 0 at the base, that the hold or the recovery is about; nil when it is about none.
    package var blamedJoint: Int?

    package init(
        tick: UInt64, mode: ArmMode, measured: JointState, setpoint: JointSetpoint, baseFromEEF: Pose,
        commandedBaseFromEEF: Pose, blamedJoint: Int? = nil
    ) {
        self.tick = tick
        self.mode = mode
        self.measured = measured
        self.setpoint = setpoint
        self.baseFromEEF = baseFromEEF
        self.commandedBaseFromEEF = commandedBaseFromEEF
        self.blamedJoint = blamedJoint
    }
}

/// What became of one chunk; published once the arm is done with it.
package struct ChunkReport: Equatable, Sendable, BitwiseCopyable {
    /// How the arm was done with a chunk. Raw values travel on the bus: only add.
    package enum Outcome: UInt8, CaseIterable, Sendable, BitwiseCopyable {
        case executed = 1
        /// Ended early because a newer chunk took over.
        case superseded = 2
        /// All its steps had elapsed before it arrived.
        case tooLate = 3
        /// Refused: NaN or infinity, or more steps or dimensions than the arm can take.
        case rejected = 4
        /// Ended by a hold.
        case interrupted = 5
    }
    package var chunkID: UInt64
    package var outcome: Outcome
    package var captureTime: MonotonicTime
    package var observationTime: MonotonicTime
    /// Time at which the arm took it; zero if it never reached the control loop.
    package var receivedTime: MonotonicTime
    /// Time at which the first setpoint derived from it went to the driver; zero if none did.
    package var firstSetpointTime: MonotonicTime
    /// Steps dropped because they had elapsed on arrival.
    package var stepsSkipped: Int
    package var stepsExecuted: Int
    /// Steps whose target was clamped to a limit, the workspace, or the reach of the arm.
    package var stepsClamped: Int

    package init(
        chunkID: UInt64, outcome: Outcome, captureTime: MonotonicTime, observationTime: MonotonicTime,
        receivedTime: MonotonicTime = .zero, firstSetpointTime: MonotonicTime, stepsSkipped: Int, stepsExecuted: Int,
        stepsClamped: Int
    ) {
        self.chunkID = chunkID
        self.outcome = outcome
        self.captureTime = captureTime
        self.observationTime = observationTime
        self.receivedTime = receivedTime
        self.firstSetpointTime = firstSetpointTime
        self.stepsSkipped = stepsSkipped
        self.stepsExecuted = stepsExecuted
        self.stepsClamped = stepsClamped
    }
}

extension ChunkReport {
    /// Time from the observation until the arm had the chunk, as the stamps say; nil if the arm never had it.
    package var delay: Duration? { receivedTime > .zero ? receivedTime - observationTime : nil }
}

/// How punctual the control loop was since the previous report.
package struct LoopReport: Equatable, Sendable {
    package var rateHertz: Double
    package var ticks: Int64
    /// Deadlines skipped because a tick ran too long.
    package var overruns: Int64
    /// Lateness of the wake-ups, by bucket.
    package var jitter: [LatencyHistogram.Bucket]
    /// Time from wake-up until the setpoint was with the driver.
    package var work: [LatencyHistogram.Bucket]
    /// What the loop runs with, and what it was refused: "SCHED_FIFO 80, memory locked".
    package var rights: String
    package var hasRealTimeRights: Bool

    package init(
        rateHertz: Double, ticks: Int64, overruns: Int64, jitter: [LatencyHistogram.Bucket],
        work: [LatencyHistogram.Bucket], rights: String, hasRealTimeRights: Bool
    ) {
        self.rateHertz = rateHertz
        self.ticks = ticks
        self.overruns = overruns
        self.jitter = jitter
        self.work = work
        self.rights = rights
        self.hasRealTimeRights = hasRealTimeRights
    }
}
