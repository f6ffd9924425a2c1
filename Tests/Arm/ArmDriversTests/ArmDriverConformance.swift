import ArmDrivers
import Maths
import Messages
import Testing
import Time

/// What the control loop may rely on in every driver. A driver's tests run this against the real thing or its emulator.
struct ArmDriverConformance<Driver: ArmDriver> {
    /// Makes a driver whose arm stands at `positions`, from scratch.
    let makeDriver: (_ positions: JointVector) throws -> Driver
    /// How near to a setpoint the arm must come, radians and opening.
    var tolerance = 0.01
    /// How long it may take for a way of 0.1 rad.
    var settlingTime = Duration.seconds(1)

    private let start: JointVector = [0.1, -0.5, 0.4, 0, 0.6, -0.2]
    private let tick = Duration.milliseconds(10)

    func check() throws {
        try readsWhereTheArmStands()
        try movesToTheSetpointAndStaysThere()
        try readingDoesNotMoveTheArm()
        try stampsDoNotGoBack()
        try refusesASetpointForAnotherArm()
        try refusesASetpointThatIsNotFinite()
        try anErrorLeavesTheSetpointInForce()
        try anArmThatWasLetGoTakesHoldAgain()
    }

    private func setpoint(_ positions: JointVector, gripper: Double = 0.5) -> JointSetpoint {
        JointSetpoint(
            positions: positions, velocities: JointVector(repeating: 0, count: positions.count), gripper: gripper)
    }

    /// Writes `goal` at every tick for the settling time.
    private func settle(_ driver: inout Driver, _ goal: JointSetpoint, from time: MonotonicTime) throws -> MonotonicTime
    {
        var now = time
        while now - time < settlingTime {
            now += tick
            _ = try driver.read(at: now)
            try driver.write(goal, at: now)
        }
        return now
    }

    private func readsWhereTheArmStands() throws {
        var driver = try makeDriver(start)
        let state = try driver.read(at: .zero)
        #expect(driver.jointCount == start.count)
        #expect(state.positions.count == start.count && state.velocities.count == start.count)
        #expect((state.positions - start).magnitude < tolerance)
        #expect(state.velocities.isFinite && state.gripper.isFinite)
    }

    private func movesToTheSetpointAndStaysThere() throws {
        var driver = try makeDriver(start)
        let goal = start + JointVector(repeating: 0.1, count: start.count)
        let arrival = try settle(&driver, setpoint(goal, gripper: 0.25), from: .zero)
        for seconds in [0, 1, 60] {
            let state = try driver.read(at: arrival + .seconds(seconds))
            #expect((state.positions - goal).magnitude < tolerance, "after \(seconds) s")
            #expect(abs(state.gripper - 0.25) < tolerance, "after \(seconds) s")
            #expect(state.velocities.magnitude < 10 * tolerance, "after \(seconds) s")
        }
    }

    private func readingDoesNotMoveTheArm() throws {
        var driver = try makeDriver(start)
        for milliseconds in 0..<100 {
            let state = try driver.read(at: .zero + .milliseconds(milliseconds))
            #expect((state.positions - start).magnitude < tolerance)
        }
    }

    private func stampsDoNotGoBack() throws {
        var driver = try makeDriver(start)
        var last: MonotonicTime?
        for milliseconds in [0, 0, 10, 20, 20, 500] {
            let now = MonotonicTime.zero + .milliseconds(milliseconds)
            let stamp = try driver.read(at: now).time
            #expect(stamp <= now)
            if let last { #expect(stamp >= last) }
            last = stamp
        }
    }

    private func refusesASetpointForAnotherArm() throws {
        var driver = try makeDriver(start)
        #expect(throws: ArmDriverError.wrongJointCount(found: 2, expected: start.count)) {
            try driver.write(setpoint([0, 0]), at: .zero)
        }
    }

    private func refusesASetpointThatIsNotFinite() throws {
        var driver = try makeDriver(start)
        var bad = start
        bad[3] = .nan
        #expect(throws: ArmDriverError.setpointNotFinite(joint: 3)) { try driver.write(setpoint(bad), at: .zero) }
        bad[3] = -.infinity
        #expect(throws: ArmDriverError.setpointNotFinite(joint: 3)) { try driver.write(setpoint(bad), at: .zero) }
        #expect(throws: ArmDriverError.setpointNotFinite(joint: start.count)) {
            try driver.write(setpoint(start, gripper: .nan), at: .zero)
        }
    }

    private func anErrorLeavesTheSetpointInForce() throws {
        var driver = try makeDriver(start)
        let goal = start + JointVector(repeating: -0.1, count: start.count)
        try driver.write(setpoint(goal), at: .zero)
        #expect(throws: ArmDriverError.self) { try driver.write(setpoint([0]), at: .zero + tick) }
        let arrival = MonotonicTime.zero + settlingTime
        let state = try driver.read(at: arrival)
        #expect((state.positions - goal).magnitude < tolerance)
    }

    private func anArmThatWasLetGoTakesHoldAgain() throws {
        var driver = try makeDriver(start)
        let goal = start + JointVector(repeating: 0.1, count: start.count)
        var now = MonotonicTime.zero
        try driver.write(setpoint(goal), at: now)
        now += tick
        let place = try driver.read(at: now).positions
        // It does not go on to the goal it had.
        for _ in 0..<50 {
            try driver.release(at: now)
            now += tick
            let state = try driver.read(at: now)
            #expect((state.positions - place).magnitude < 0.05)
        }
        let left = try driver.read(at: now).positions
        try driver.write(setpoint(left), at: now)
        now = try settle(&driver, setpoint(goal), from: now)
        #expect((try driver.read(at: now).positions - goal).magnitude < tolerance)
    }
}
