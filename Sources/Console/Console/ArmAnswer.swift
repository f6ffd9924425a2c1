import Maths
import Messages
import Time

/// Whether the arm has done what it was asked. It answers commands by its state alone.
struct ArmAnswer: Sendable {
    /// How long the arm has to stand still after an emergency stop was asked for.
    static let stopPatience = Duration.seconds(1)
    static let patience = Duration.seconds(3)
    /// A setpoint that is slower than this stands, radians per second.
    private static let standstill = 1e-3

    let action: ArmCommand.Action
    let asked: MonotonicTime
    /// Mode in which the arm was when it was asked; nil before its first state.
    private let before: ArmMode?

    init(to action: ArmCommand.Action, in state: ArmState?, at now: MonotonicTime) {
        self.action = action
        asked = now
        before = state?.mode
    }

    var deadline: MonotonicTime { asked + (action == .emergencyStop ? Self.stopPatience : Self.patience) }

    /// Words of success, once `state` shows it.
    /// - Returns: nil as long as it does not; a state from before the question never does.
    func success(in state: ArmState) -> String? {
        guard state.measured.time > asked else { return nil }
        let stands = (0..<state.setpoint.velocities.count).allSatisfy {
            abs(state.setpoint.velocities[$0]) < Self.standstill
        }
        switch (action, state.mode) {
        case (.emergencyStop, .holding(.emergencyStop)) where stands: return "the arm holds: emergency stop"
        case (.emergencyStop, _): return nil
        case (.resetEmergencyStop, .holding(.emergencyStop)): return nil
        case (.resetEmergencyStop, .holding(.awaitingResume)):
            return "the stop is reset; the policy waits until you let it go on (resume)"
        case (.resetEmergencyStop, let mode): return mode == before ? nil : "reset: \(Self.words(of: mode))"
        case (.resume, .holding(.awaitingResume)), (.resume, .holding(.emergencyStop)): return nil
        case (.resume, _): return "the policy may move the arm again"
        case (.clearFault, .holding(let reason)):
            return Self.faults.contains(reason) ? nil : "cleared: \(reason)"
        case (.clearFault, let mode): return "cleared: \(Self.words(of: mode))"
        case (.recover, .recovering): return "the arm moves back inside its limits"
        case (.recover, .holding(.beyondLimits)): return nil
        case (.recover, let mode): return "recovered: \(Self.words(of: mode))"
        }
    }

    /// Words for a person whose wish did not come true in time.
    func failure(in state: ArmState?) -> String {
        let found = state.map { "it says: \(Self.words(of: $0.mode))" } ?? "it says nothing at all"
        guard action == .emergencyStop else {
            return "the arm did not do it within \(Self.patience.inSeconds) s; \(found)"
        }
        return "NOT STOPPED: the arm did not say within \(Self.stopPatience.inSeconds) s that it stands; \(found). "
            + "If it moves, switch its power off."
    }

    private static let faults: [HoldReason] = [.driverFault, .stalled, .overloaded, .overheated, .notFollowing]

    static func words(of mode: ArmMode) -> String {
        switch mode {
        case .executing: "the policy moves it"
        case .holding(let reason): "it holds: \(reason)"
        case .manual: "an operator moves it"
        case .recovering: "it moves back inside its limits"
        }
    }
}
