import Control
import Maths
import Messages
import Testing
import Time

@Suite struct ServoMonitorTests {
    private let limits = ServoLimits(
        stallError: 0.2, stallLoad: 0.5, stallMotion: 0.02, stallTime: .milliseconds(50), overloadLoad: 0.9,
        overloadTime: .milliseconds(100), temperature: 70)

    private func state(
        _ positions: JointVector, load: JointVector? = nil, temperatures: JointVector? = nil
    ) -> JointState {
        var state = standing(at: positions)
        state.load = load
        state.temperatures = temperatures
        return state
    }

    /// Ticks until something is found, at 100 Hz.
    private func ticks(
        _ setpoint: JointVector, most: Int = 100, _ reading: (Int) -> JointState
    ) -> (Int, ServoMonitor.Finding)? {
        var monitor = ServoMonitor(limits: limits, period: 0.01)
        for tick in 1...most {
            if let finding = monitor.check(reading(tick), setpoint: setpoint) { return (tick, finding) }
        }
        return nil
    }

    @Test func aJointThatPushesAndDoesNotComeOnIsBlocked() throws {
        let found = try #require(ticks([0, 0.5, 0]) { _ in state([0, 0.2, 0], load: [0, 0.6, 0]) })
        #expect(found.0 == 5)
        #expect(found.1 == .init(reason: .stalled, joint: 1))
    }

    @Test func oneThatIsSlowButComesOnIsNot() {
        #expect(ticks([0, 3]) { state([0, Double($0) * 0.01], load: [0, 0.8]) } == nil)
    }

    @Test func oneThatNeitherPushesNorComesOnHasNoTorqueOrDoesNotHear() throws {
        let found = try #require(ticks([0, 0.5]) { _ in state([0, 0], load: [0, 0.1]) })
        #expect(found == (5, .init(reason: .notFollowing, joint: 1)))
        #expect(ticks([0, 3]) { state([0, Double($0) * 0.01], load: [0, 0.1]) } == nil)
    }

    @Test func withoutALoadThePositionAloneDecides() throws {
        let found = try #require(ticks([0, 0.5]) { _ in state([0, 0]) })
        #expect(found.1.reason == .stalled && found.0 == 5)
    }

    @Test func aLoadThatLastsIsAnOverload() throws {
        let found = try #require(ticks([0, 0]) { _ in state([0, 0], load: [0, -0.95]) })
        #expect(found == (10, .init(reason: .overloaded, joint: 1)))
        #expect(ticks([0, 0]) { state([0, 0], load: [0, $0.isMultiple(of: 8) ? 0.1 : 1.2]) } == nil)
    }

    @Test func heatIsFoundAtOnce() throws {
        let found = try #require(ticks([0, 0]) { _ in state([0, 0], temperatures: [71, 20]) })
        #expect(found == (1, .init(reason: .overheated, joint: 0)))
    }

    @Test func numbersThatAreNoneAreNoFinding() {
        #expect(ticks([0, 0]) { _ in state([0, 0], load: [.nan, .infinity], temperatures: [.nan, 20]) } == nil)
    }

    @Test func restartForgets() {
        var monitor = ServoMonitor(limits: limits, period: 0.01)
        for _ in 0..<4 { #expect(monitor.check(state([0]), setpoint: [1]) == nil) }
        monitor.restart()
        for _ in 0..<4 { #expect(monitor.check(state([0]), setpoint: [1]) == nil) }
        #expect(monitor.check(state([0]), setpoint: [1]) != nil)
    }
}
