import Maths

/// What an analog device says at one moment: where its axes stand and which buttons are down. Axes are in the robot's
/// sense.
package struct DeviceReading: Equatable, Sendable {
    /// What buttons of devices mean, whatever the device calls them.
    package enum Button: String, CaseIterable, Sendable {
        case deadMan
        case emergencyStop
        case resetEmergencyStop
        case toggleGripper
        case home
        case faster
        case slower
        case changeFrame
        case recordGoal
        case episode
        case success
    }
    /// Shares of the full deflection, -1...1: forward, left, up.
    package var linear: Vector3 = .zero
    /// Shares of the full deflection, -1...1: about forward, left, up.
    package var angular: Vector3 = .zero
    package var pressed: Set<Button> = []
    /// The device has a dead-man button, without which nothing that it says moves the arm. Without one, moving its axes
    /// is holding it.
    package var hasSwitch = false

    package init() {}

    package var isAtRest: Bool { linear == .zero && angular == .zero }
}

/// Puts a raw axis into -1...1, with a zone about the middle that counts as nothing; what is left spans all speeds.
struct AxisShape: Equatable, Sendable {
    var minimum: Int
    var maximum: Int
    /// Dead zone, as a share of the deflection.
    var deadZone: Double

    /// The deflection of an axis, -1...1.
    /// - Parameter raw: raw value of the axis, which may be beyond the limits.
    func share(_ raw: Int) -> Double {
        guard maximum > minimum else { return 0 }
        let middle = (Double(minimum) + Double(maximum)) / 2
        let share = min(max((Double(raw) - middle) / ((Double(maximum) - Double(minimum)) / 2), -1), 1)
        guard abs(share) > deadZone else { return 0 }
        let rest = (abs(share) - deadZone) / (1 - deadZone)
        return share < 0 ? -rest : rest
    }
}
