import Maths
import Messages

/// Whether it is certain where the arm stands. After a pause, or servos that took hold anew, it is not: it has to be
/// read at one place twice in a row before anything is sent. Pure; real-time safe.
struct PlaceSearch: Sendable, BitwiseCopyable {
    private enum State: Sendable, BitwiseCopyable {
        case known
        /// The reading of the tick before; nil when that was not whole.
        case sought(seen: JointState?)
    }

    private var state = State.known
    /// Whether a setpoint has been sent since the process began: only then is a search a pause.
    private(set) var hasMoved = false
    /// How far each joint may have come from one reading to the next, radians.
    private let reach: JointVector
    /// How far the gripper may have come, openings.
    private let stroke: Double

    /// Makes a search for an arm whose place is known.
    /// - Parameters:
    ///   - travel: the most that each joint moves in a tick, radians.
    ///   - stroke: the most that the gripper moves in a tick, openings.
    init(travel: JointVector, stroke: Double) {
        // Or what encoders are uncertain by, where a tick is short.
        var reach = travel
        for joint in 0..<travel.count { reach[joint] = max(travel[joint], 0.01) }
        self.reach = reach
        self.stroke = max(stroke, 0.01)
    }

    /// Whether the place is not certain.
    var isSought: Bool { if case .sought = state { true } else { false } }

    /// Begins to look for the place, which is not certain from now on.
    mutating func begin() { if !isSought { state = .sought(seen: nil) } }

    /// Notes that a setpoint has been sent.
    mutating func noteMoved() { hasMoved = true }

    /// Takes one tick's reading.
    /// - Parameter reading: the tick's reading; nil when not every joint was read.
    /// - Returns: whether the place is certain now.
    mutating func look(_ reading: JointState?) -> Bool {
        guard case .sought(let seen) = state else { return true }
        if let reading, let seen, isOnePlace(seen, reading) {
            state = .known
            return true
        }
        state = .sought(seen: reading)
        return false
    }

    private func isOnePlace(_ one: JointState, _ other: JointState) -> Bool {
        for joint in 0..<reach.count where abs(one.positions[joint] - other.positions[joint]) > reach[joint] {
            return false
        }
        return abs(one.gripper - other.gripper) <= stroke
    }
}
