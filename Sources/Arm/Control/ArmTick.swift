import Messages

/// The outcome of one control tick.
package struct ArmTick: Equatable, Sendable, BitwiseCopyable {
    /// What the driver is told, and the rest of what the arm is doing.
    package var state: ArmState
    /// What became of a chunk; at most one per tick, the others follow.
    package var report: ChunkReport?
    /// Whether the servos are to let go instead of taking the setpoint.
    package var isLimp = false
    /// Whether nothing is to be sent, because it is not certain yet where the arm stands. The servos keep the goals
    /// that they have.
    package var isWithheld = false

    /// What the driver is told.
    package var setpoint: JointSetpoint { state.setpoint }
}
