import Messages
import Time

/// An operator's wish to move the arm, and whether it is heard. Pure; real-time safe.
struct OperatorHand: Sendable, BitwiseCopyable {
    /// The newest command; nil when none lasts.
    private var command: ManualCommand?
    /// Whether the dead-man switch was seen let go since the arm last refused to be moved by hand.
    private(set) var isArmed = true

    /// Takes the newest command.
    mutating func take(_ command: ManualCommand) { self.command = command }

    /// Forgets the command: whoever sends nonsense does not steer.
    mutating func forget() { command = nil }

    /// Requires that the dead-man switch is let go before the arm is moved by hand again.
    mutating func disarm() { isArmed = false }

    /// The command of an operator who holds the dead-man switch; nil when nobody does.
    /// - Parameter timeout: how long a command holds after its stamp.
    mutating func held(at now: MonotonicTime, timeout: Duration) -> ManualCommand? {
        if let command, now - command.time >= timeout { self.command = nil }
        guard let command, command.isDeadManHeld else {
            isArmed = true
            return nil
        }
        return command
    }
}

extension ManualCommand {
    /// Whether the command asks for finite numbers, of an arm of `jointCount` joints.
    func isUsable(jointCount: Int) -> Bool {
        guard gripper.map(\.isFinite) ?? true else { return false }
        return switch motion {
        case .joints(let velocities): velocities.isFinite && velocities.count == jointCount
        case .twist(let linear, let angular):
            linear.x.isFinite && linear.y.isFinite && linear.z.isFinite && angular.x.isFinite && angular.y.isFinite
                && angular.z.isFinite
        case .positions(let positions, let speed):
            positions.isFinite && positions.count == jointCount && speed > 0 && speed <= 1
        }
    }
}
