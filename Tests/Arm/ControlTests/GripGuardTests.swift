import Control
import Maths
import Messages
import TestSupport
import Testing
import Time

@Suite struct GripGuardTests {
    private static let period = 0.01

    private func reading(_ gripper: Double, load: Double?) -> JointState {
        JointState(time: .zero, positions: [0], velocities: [0], gripper: gripper, gripperLoad: load)
    }

    /// A gripper that closes on something `at` this opening, told 0.
    private func gripped(at place: Double) -> GripGuard {
        var guardian = GripGuard(limits: ServoLimits(), period: Self.period)
        for _ in 0..<100 { _ = guardian.eased(0, measured: reading(place, load: 0.9)) }
        return guardian
    }

    @Test func aGripperThatMeetsSomethingPushesOnlyALittleBeyondIt() {
        var guardian = GripGuard(limits: ServoLimits(), period: Self.period)
        var sent: [Double] = []
        for _ in 0..<100 { sent.append(guardian.eased(0, measured: reading(0.4, load: 0.9))) }
        #expect(sent[0] == 0 && sent[48] == 0, "it may push for half a second")
        #expect(abs((sent.last ?? 0) - (0.4 - GripGuard.squeeze)) < 1e-12)
        #expect(guardian.isGripping)
    }

    @Test func openingLetsGoAtOnce() {
        var guardian = gripped(at: 0.4)
        #expect(guardian.eased(0.8, measured: reading(0.4, load: 0.9)) == 0.8)
        #expect(!guardian.isGripping)
    }

    @Test func whatGivesWayIsFollowed() {
        var guardian = gripped(at: 0.4)
        #expect(abs(guardian.eased(0, measured: reading(0.3, load: 0.2)) - (0.3 - GripGuard.squeeze)) < 1e-12)
        // All the way: then it is told what it wants.
        #expect(guardian.eased(0, measured: reading(0.04, load: 0.2)) == 0)
        #expect(!guardian.isGripping)
    }

    @Test func aGripperThatMovesOrDoesNotPushIsLeftAlone() {
        var guardian = GripGuard(limits: ServoLimits(), period: Self.period)
        for tick in 0..<100 {
            #expect(guardian.eased(0, measured: reading(1 - 0.009 * Double(tick), load: 0.9)) == 0)
        }
        for _ in 0..<100 { #expect(guardian.eased(0, measured: reading(0.4, load: 0.1)) == 0) }
        for _ in 0..<100 { #expect(guardian.eased(0, measured: reading(0.4, load: nil)) == 0) }
        for _ in 0..<100 { #expect(guardian.eased(0, measured: reading(.nan, load: .nan)) == 0) }
    }

    @Test func whatIsSentLiesBetweenWhereItIsAndWhereItShallGo() {
        var generator = SeededGenerator(seed: 20_261_123)
        print("seed 20261123")
        var guardian = GripGuard(limits: ServoLimits(), period: Self.period)
        var (place, wanted, obstacle) = (1.0, 1.0, 0.0)
        for _ in 0..<200_000 {
            if generator.next() % 300 == 0 { wanted = Double(generator.next() % 1_001) / 1_000 }
            if generator.next() % 500 == 0 { obstacle = Double(generator.next() % 1_001) / 1_000 }
            let sent = guardian.eased(wanted, measured: reading(place, load: abs(place - wanted) > 0.02 ? 0.8 : 0.1))
            #expect(sent >= min(place, wanted) - GripGuard.squeeze && sent <= max(place, wanted) + GripGuard.squeeze)
            place = max(place + min(max(sent - place, -0.03), 0.03), min(obstacle, place))
        }
    }

    @Test func theArmGoesOnWhileItsGripperHolds() throws {
        let arm = try widowX()
        var controller = controller(of: arm, watchdog: .seconds(5))
        var measured = standing(at: arm.neutral)
        var now = MonotonicTime.zero
        controller.receive(
            try chunk(Array(repeating: [0.02, 0, 0, 0, 0, 0, 0], count: 12), observedAt: 0, space: .jointDelta), at: now
        )
        var last: ArmTick?
        for _ in 0..<150 {
            now += .milliseconds(10)
            let tick = controller.tick(at: now, measured: measured)
            measured.positions = tick.setpoint.positions
            measured.gripper = max(tick.setpoint.gripper, 0.5)
            measured.gripperLoad = tick.setpoint.gripper < 0.5 ? 0.9 : 0
            last = tick
        }
        let tick = try #require(last)
        if case .executing = tick.state.mode {} else { Issue.record("\(tick.state.mode)") }
        #expect(abs(tick.setpoint.gripper - (0.5 - GripGuard.squeeze)) < 1e-9)
    }

    @Test func aGripperThatIsTooHotHoldsTheArmAndIsNamed() throws {
        let arm = try widowX()
        var controller = controller(of: arm)
        var measured = standing(at: arm.neutral)
        measured.gripperTemperature = 71
        let tick = controller.tick(at: .zero + .milliseconds(10), measured: measured)
        #expect(tick.state.mode == .holding(.overheated) && tick.state.blamedJoint == arm.joints.count)
    }
}
