import Maths
import Time

/// What a person does to the simulated world while it runs.
package struct SimulationCommand: Equatable, Sendable {
    /// What is done to the world.
    package enum Action: Equatable, Sendable {
        /// Moves the primary camera by metres along its own axes (right, down, forward) and turns it by radians about
        /// its line of sight, clockwise as the picture is seen.
        case nudgeCamera(offset: Vector3, roll: Double)
        /// Puts the primary camera back to the scene's own place.
        case resetCamera
        /// Sets the lamp's brightness, 0...1.
        case setBrightness(Double)
        /// Puts an object there, metres in the arm's base frame, as it stands.
        case placeObject(name: String, position: Vector3)
    }
    /// Chosen by the sender; the same command sent again keeps it.
    package var id: UInt64
    /// Who asks, as "octo-teleop (pid 1234)"; never empty.
    package var operatorID: String
    package var action: Action
    package var time: MonotonicTime

    package init(id: UInt64, operatorID: String, action: Action, time: MonotonicTime) {
        self.id = id
        self.operatorID = operatorID
        self.action = action
        self.time = time
    }
}

/// What became of a `SimulationCommand`.
package struct SimulationResult: Equatable, Sendable {
    /// Id of the command, with the operator who sent it.
    package var id: UInt64
    package var operatorID: String
    package var isAccepted: Bool
    package var message: String
    package var time: MonotonicTime

    package init(id: UInt64, operatorID: String, isAccepted: Bool, message: String, time: MonotonicTime) {
        self.id = id
        self.operatorID = operatorID
        self.isAccepted = isAccepted
        self.message = message
        self.time = time
    }
}
