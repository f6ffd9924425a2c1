import Maths
import Messages

// What an operator's command is in motion of the joints.
extension BoundedMotion {
    /// Moves for one tick as an operator asks.
    mutating func obey(_ motion: ManualCommand.Motion) {
        switch motion {
        case .joints(let asked):
            var velocities = asked
            for joint in 0..<asked.count {
                let top = envelope.velocity[joint]
                velocities[joint] = min(max(asked[joint], -top), top)
            }
            moveInside(at: velocities)
        case .twist(let linear, let angular):
            // All joints alike, so that the direction stays.
            let velocities = inverseKinematics.velocities(linear: linear, angular: angular, at: positions)
            var excess = 1.0
            for joint in 0..<velocities.count {
                excess = max(excess, abs(velocities[joint]) / envelope.velocity[joint])
            }
            moveInside(at: velocities * (1 / excess))
        case .positions(let target, let speed):
            approach(target, atMost: envelope.velocity * speed)
        }
    }

    /// Moves for one tick at these joint velocities (radians per second), slower where the tool would leave the
    /// workspace.
    private mutating func moveInside(at velocities: JointVector) {
        move(at: velocities * workspaceShare(of: velocities))
    }

    /// How much of these joint velocities (0...1) still lets the tool stop inside the workspace box; outside of it,
    /// whether it moves further out (0) or not (1).
    private func workspaceShare(of velocities: JointVector) -> Double {
        let jacobian = inverseKinematics.chain.jacobian(positions)
        let tool = jacobian.baseFromEEF.translation
        var toolVelocity = Vector3.zero
        var stopping = envelope.period
        for joint in 0..<velocities.count {
            toolVelocity += jacobian[joint].linear * velocities[joint]
            stopping = max(stopping, envelope.period + abs(velocities[joint]) / envelope.acceleration[joint])
        }
        var share = 1.0
        for axis in 0..<3 where toolVelocity[axis] != 0 {
            let wall = toolVelocity[axis] > 0 ? workspace.upper[axis] : workspace.lower[axis]
            let room = max(0, (wall - tool[axis]) * (toolVelocity[axis] > 0 ? 1 : -1))
            // Twice the way that braking takes: the wall is approached, not run into.
            share = min(share, room / (abs(toolVelocity[axis]) * stopping))
        }
        return share
    }
}
