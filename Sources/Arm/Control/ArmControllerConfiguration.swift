import Maths
import Time

/// How the controller executes chunks and what it watches for.
package struct ArmControllerConfiguration: Equatable, Sendable, BitwiseCopyable {
    /// Control ticks per second.
    package var rate: Rate
    package var strategy: ChunkStrategy
    package var gripper: GripperRule
    /// How long the arm goes on without a fresh chunk; after that it holds.
    package var watchdog: Duration
    /// How long an arm that holds waits with a chunk before it starts it, unless that would cost a step.
    ///
    /// Policy and arm keep step: without a margin, each change of chunks would fall on the very moment that the next
    /// one arrives, and whenever that is a little late one of a step earlier would be taken. A quarter of a step covers
    /// the jitter of inference and costs that quarter once.
    package var startMargin: Duration
    /// Limits from which on a joint counts as blocked, overloaded or too hot; nil does not watch.
    package var servoLimits: ServoLimits?
    /// How long an operator's command holds after its stamp.
    package var deadManTimeout: Duration
    /// What an emergency stop does once the arm stands.
    package var emergencyStop: EmergencyStopRule
    /// How fast the arm is moved back from beyond a limit, radians per second.
    package var recoverySpeed: Double

    package init(
        rate: Rate, strategy: ChunkStrategy, gripper: GripperRule = .absolute, watchdog: Duration,
        startMargin: Duration = .zero, servoLimits: ServoLimits? = ServoLimits(),
        deadManTimeout: Duration = .milliseconds(250), emergencyStop: EmergencyStopRule = .hold,
        recoverySpeed: Double = 0.2
    ) {
        precondition(strategy.isValid, "the parameters of the chunk strategy are out of range")
        precondition(gripper.isValid, "the parameters of the gripper rule are out of range")
        precondition(watchdog > .zero && deadManTimeout > .zero, "watchdog times must be positive")
        precondition(recoverySpeed > 0 && recoverySpeed.isFinite, "the recovery speed must be positive and finite")
        self.rate = rate
        self.strategy = strategy
        self.gripper = gripper
        self.watchdog = watchdog
        self.startMargin = startMargin
        self.servoLimits = servoLimits
        self.deadManTimeout = deadManTimeout
        self.emergencyStop = emergencyStop
        self.recoverySpeed = recoverySpeed
    }

    /// Configures receding horizon, and for the rest the defaults.
    /// - Parameter executionHorizon: actions executed of a chunk before a newer one takes over, at least 1.
    package init(rate: Rate, executionHorizon: Int, watchdog: Duration, startMargin: Duration = .zero) {
        self.init(
            rate: rate, strategy: .recedingHorizon(executionHorizon: executionHorizon), watchdog: watchdog,
            startMargin: startMargin)
    }
}

/// What becomes of the servos' torque in an emergency stop. In either case the arm brakes first.
package enum EmergencyStopRule: Equatable, Sendable, BitwiseCopyable {
    /// The servos keep their torque, and hold.
    case hold
    /// The servos let go: the arm sinks under its weight, and can be moved by hand.
    case torqueOff
}

/// Who asks for something that is not undone by itself; a number that fits into the control loop's channels.
package struct OperatorID: Equatable, Sendable, BitwiseCopyable {
    /// FNV-1a of the name, never 0.
    package let hash: UInt64

    /// Makes the id of a name; nil for an empty one: what was asked for must be someone's wish.
    package init?(_ name: String) {
        guard !name.isEmpty else { return nil }
        let hash = FNV1a(name).value
        self.hash = hash == 0 ? 1 : hash
    }
}
