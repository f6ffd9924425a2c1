import ArmDrivers
import Maths
import Messages
import ServoEmulation
import ServoProtocol
import TestSupport
import Testing
import Time

@Suite struct FeetechArmTests {
    private struct Setup {
        let bus: EmulatedFeetechBus
        let port: EmulatedPort

        init(at positions: JointVector = TestArm.start) {
            bus = TestArm.feetechBus(at: positions)
            port = EmulatedPort(bus)
        }

        func driver() throws(ServoStartError) -> TimedArm<FeetechArm<EmulatedPort>> {
            TimedArm(
                driver: try FeetechArm(port: port, baud: 1_000_000, layout: TestArm.feetech, portName: "test"),
                port: port)
        }
    }

    @Test func doesWhatEveryDriverDoes() throws {
        try ArmDriverConformance { try Setup(at: $0).driver() }.check()
    }

    /// Whatever goal was left in the servos: torque holds the arm where it stands.
    @Test func startingMovesNothing() throws {
        let setup = Setup()
        let buffer = PacketBuffer(capacity: 100)
        for id: UInt8 in 1...6 { Feetech.appendWrite(3_000, to: .goalPosition, of: id, in: buffer) }
        setup.bus.receive(buffer.bytes, at: setup.port.now)
        let before = setup.bus.ids.map { setup.bus.position(of: $0) }
        _ = try setup.driver()
        setup.port.wait(until: .zero + .seconds(100))
        #expect(setup.bus.ids.map { setup.bus.position(of: $0) } == before)
        #expect(setup.bus.ids.allSatisfy { setup.bus.value(of: .torqueEnable, at: $0) == 1 })
    }

    @Test func anArmThatIsLetGoIsWithoutTorqueUntilItIsToldWhereToStand() throws {
        let setup = Setup()
        var arm = try setup.driver()
        var now = MonotonicTime.zero
        try arm.release(at: now)
        now += .milliseconds(10)
        _ = try arm.read(at: now)
        #expect(setup.bus.ids.allSatisfy { setup.bus.value(of: .torqueEnable, at: $0) == 0 })
        // By hand; then it takes hold there, and nothing jumps.
        setup.bus.turn(setup.bus.ids[0], to: 2_600)
        let place = try arm.read(at: now).positions
        let before = setup.bus.ids.map { setup.bus.position(of: $0) }
        for _ in 0..<20 {
            now += .milliseconds(10)
            let gripper = try arm.read(at: now).gripper
            try arm.write(TestArm.setpoint(place, gripper: gripper), at: now)
        }
        #expect(setup.bus.ids.allSatisfy { setup.bus.value(of: .torqueEnable, at: $0) == 1 })
        for (id, was) in zip(setup.bus.ids, before) {
            #expect(abs((setup.bus.position(of: id) ?? 0) - (was ?? 0)) <= 1, "servo \(id)")
        }
    }

    @Test func anotherArmsCalibrationIsRefused() throws {
        let bus = EmulatedFeetechBus(
            (1...7).map { .init(id: $0, homingOffset: $0 == 4 ? 90 : 100, limits: 200...3900) })
        #expect(throws: ServoStartError.otherCalibration(servo: 4, register: "homing offset", found: 90, file: 100)) {
            _ = try FeetechArm(
                port: EmulatedPort(bus), baud: 1_000_000, layout: TestArm.feetech, portName: "test")
        }
        #expect(bus.ids.allSatisfy { bus.value(of: .torqueEnable, at: $0) == 0 })
    }

    @Test func limitsThatWereSweptOnAnotherDayAreRefused() throws {
        var chain: [EmulatedFeetechBus.Servo] = (1...6).map {
            .init(id: $0, pulses: 2148, homingOffset: 100, limits: 200...3900)
        }
        chain.append(.init(id: 7, limits: 1400...2601))
        let bus = EmulatedFeetechBus(chain)
        #expect(
            throws: ServoStartError.otherCalibration(servo: 7, register: "maximum position", found: 2601, file: 2600)
        ) {
            _ = try FeetechArm(port: EmulatedPort(bus), baud: 1_000_000, layout: TestArm.feetech, portName: "test")
        }
    }

    @Test func missingAndFaultyServosAreNamed() throws {
        let setup = Setup()
        setup.bus.faults.missing = [2]
        #expect(throws: ServoStartError.missing(found: [1, 3, 4, 5, 6, 7], expected: Array(1...7), port: "test")) {
            try setup.driver()
        }
        setup.bus.faults.missing = []
        setup.bus.setHardwareError(32, at: 5)
        #expect(throws: ServoStartError.hardwareError(servo: 5, errors: "overload")) { try setup.driver() }
    }

    @Test func overloadHoldsAndNamesTheServo() throws {
        let setup = Setup()
        var arm = try setup.driver()
        _ = try arm.read(at: .zero)
        setup.bus.setHardwareError(32, at: 3)
        #expect(throws: ArmDriverError.feetechError(servo: 3, .overload)) {
            try arm.read(at: .zero + .milliseconds(10))
        }
    }

    @Test(arguments: [0.01, 0.2])
    func damagedAnswersDoNotStopTheArm(probability: Double) throws {
        let setup = Setup()
        var arm = try setup.driver()
        setup.bus.faults.corruptProbability = probability
        var failures = 0
        for tick in 1...5_000 {
            let now = MonotonicTime.zero + .milliseconds(10 * tick)
            do {
                let state = try arm.read(at: now)
                #expect((state.positions - TestArm.start).magnitude < 0.02)
                try arm.write(TestArm.setpoint(TestArm.start), at: now)
            } catch {
                failures += 1
            }
        }
        #expect(arm.driver.missedAnswers > 0)
        #expect(failures <= (probability < 0.1 ? 0 : 150))
    }

    @Test func anAdapterThatComesBackIsSetUpAnewOnceAPersonSaysSo() throws {
        let setup = Setup()
        var arm = try setup.driver()
        var now = MonotonicTime.zero + .milliseconds(10)
        _ = try arm.read(at: now)
        setup.port.failure = 19
        #expect(throws: ArmDriverError.systemCall(errno: 19)) { try arm.read(at: now + .milliseconds(10)) }
        setup.bus.cyclePower()
        setup.port.failure = nil
        now += .seconds(1)
        #expect((try arm.read(at: now).positions - TestArm.start).magnitude < 0.01)
        #expect(arm.isSuspended && setup.bus.value(of: .torqueEnable, at: 1) == 0)
        arm.resume()
        #expect((try arm.read(at: now + .milliseconds(10)).positions - TestArm.start).magnitude < 0.01)
        #expect(setup.bus.value(of: .torqueEnable, at: 1) == 1)
    }

    @Test func directionsAndTheGripperAreAsInTheLayout() throws {
        let setup = Setup()
        var arm = try setup.driver()
        var goals: [UInt8: Int] = [:]
        setup.bus.onWrite = { write in
            goals[write.id] = write.data.withUnsafeBytes { FeetechRegister.goalPosition.value(in: $0, base: 42) }
        }
        try arm.write(TestArm.setpoint(JointVector(repeating: 0.5, count: 6), gripper: 0.25), at: .zero)
        #expect(goals == [1: 2374, 2: 2374, 3: 1722, 4: 2374, 5: 2374, 6: 2374, 7: 1750])
        try arm.write(TestArm.setpoint(JointVector(repeating: 9, count: 6), gripper: 1), at: .zero)
        #expect(goals == [1: 3900, 2: 3900, 3: 200, 4: 3900, 5: 3900, 6: 3900, 7: 2500])
    }

    @Test func torqueThatGoesOffByItselfIsNamed() throws {
        let setup = Setup()
        var arm = try setup.driver()
        setup.bus.setHardwareError(32, at: 2)
        setup.bus.setHardwareError(0, at: 2)
        var error: ArmDriverError?
        for tick in 1...50 where error == nil {
            do throws(ArmDriverError) { _ = try arm.read(at: .zero + .milliseconds(10 * tick)) } catch let found {
                error = found
            }
        }
        #expect(error == .torqueLost(servo: 2))
    }

    /// These servos go to their limits by themselves once torque is on.
    @Test func aServoBeyondItsOwnLimitsGetsNoTorque() throws {
        let setup = Setup()
        setup.bus.turn(4, to: 4_000)
        #expect(throws: ServoStartError.beyondOwnLimits(servo: 4, found: 4_000, limits: 200...3_900)) {
            try setup.driver()
        }
        #expect(setup.bus.ids.allSatisfy { setup.bus.value(of: .torqueEnable, at: $0) == 0 })
    }

    @Test func theBudgetIsWhatIsOnTheWire() throws {
        #expect(try Setup().driver().driver.budget.bytesPerTick == 15 + 7 * 21 + 29)
    }
}
