import ArmDrivers
import Maths
import Messages
import ServoEmulation
import TestSupport
import Testing
import Time

/// A loop that was sent to sleep between its tick's stamp and its question: the servos have gone on meanwhile, and what
/// they tell is true.
@Suite struct LateLoopTests {
    @Test func aFeetechArmsTruthIsBelievedHoweverLateItWasAskedFor() throws {
        let port = EmulatedPort(TestArm.feetechBus(at: TestArm.start))
        try check(FeetechArm(port: port, baud: 1_000_000, layout: TestArm.feetech, portName: "test"), port)
    }

    @Test func aDynamixelArmsTruthIsBelievedHoweverLateItWasAskedFor() throws {
        let port = EmulatedPort(TestArm.widowXBus(at: TestArm.start))
        try check(DynamixelArm(port: port, baud: 1_000_000, layout: TestArm.widowX, portName: "test"), port)
    }

    private func check(_ driver: some ArmDriver, _ port: EmulatedPort) throws {
        var arm = driver
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        let start = port.now
        var goal = TestArm.start
        var fastest = 0.0
        for tick in 1...500 {
            let stamp = max(port.now, start + .milliseconds(20) * tick)
            // The stamp is taken; the thread is woken again only after some time, as the scheduler likes.
            let isLate = Double.random(in: 0...1, using: &random) < 0.2
            port.advance(to: stamp + .fromSeconds(isLate ? .random(in: 0...0.09, using: &random) : 0))
            let state = try arm.read(at: stamp)
            #expect(state.unread.isEmpty, "tick \(tick): \(state.unread) not believed at \(state.velocities)")
            fastest = max(fastest, state.velocities.magnitude)
            // As far and as fast as the servos can: across, and back before they are there.
            if tick % 15 == 1 {
                for joint in 0..<goal.count { goal[joint] = TestArm.start[joint] + (tick % 30 == 1 ? 0.5 : -0.5) }
            }
            try arm.write(TestArm.setpoint(goal, gripper: tick % 30 < 15 ? 0.9 : 0.1), at: stamp)
        }
        #expect(fastest > 2)
    }
}
