import ArmDrivers
import Maths
import Messages
import ServoEmulation
import ServoProtocol
import TestSupport
import Testing
import Time

@Suite struct DynamixelArmTests {
    private struct Setup {
        let bus: EmulatedDynamixelBus
        let port: EmulatedPort

        init(at positions: JointVector = TestArm.start, knowsFastSyncRead: Bool = true) {
            bus = TestArm.widowXBus(at: positions, knowsFastSyncRead: knowsFastSyncRead)
            port = EmulatedPort(bus)
        }

        func driver(watchdog: Duration? = nil) throws(ServoStartError) -> TimedArm<DynamixelArm<EmulatedPort>> {
            TimedArm(
                driver: try DynamixelArm(
                    port: port, baud: 1_000_000, layout: TestArm.widowX, watchdog: watchdog, portName: "test"),
                port: port)
        }
    }

    @Test(arguments: [true, false])
    func doesWhatEveryDriverDoes(knowsFastSyncRead: Bool) throws {
        try ArmDriverConformance { positions in
            try Setup(at: positions, knowsFastSyncRead: knowsFastSyncRead).driver()
        }.check()
    }

    @Test func startingMovesNothingAndTorqueComesLast() throws {
        let setup = Setup()
        var written: [RegisterWrite] = []
        setup.bus.onWrite = { written.append($0) }
        let before = setup.bus.ids.map { setup.bus.position(of: $0) }
        var arm = try setup.driver(watchdog: .milliseconds(200))
        setup.port.wait(until: .zero + .seconds(50))
        #expect(setup.bus.ids.map { setup.bus.position(of: $0) } == before)
        #expect(setup.bus.ids.allSatisfy { setup.bus.value(of: .busWatchdog, at: $0) == 0 }, "the loop has not begun")
        let state = try arm.read(at: .zero + .seconds(50))
        try arm.write(TestArm.setpoint(state.positions), at: .zero + .seconds(50))
        #expect(setup.bus.ids.allSatisfy { setup.bus.value(of: .busWatchdog, at: $0) == 10 })
        setup.port.wait(until: .zero + .seconds(100))
        for id in setup.bus.ids {
            #expect(setup.bus.value(of: .torqueEnable, at: id) == 1)
            // Nothing was said for longer than the watchdog waits: it has tripped.
            #expect(setup.bus.value(of: .busWatchdog, at: id) == 255)
            let own = written.filter { $0.id == id }
            let torque = try #require(own.firstIndex { $0.address == DynamixelRegister.torqueEnable.address })
            #expect(own[..<torque].contains { $0.address == DynamixelRegister.goalPosition.address })
            #expect(!own[torque...].contains { $0.address < DynamixelRegister.firstRAMAddress })
        }
        #expect(setup.bus.value(of: .returnDelayTime, at: 3) == 0)
    }

    @Test func aServoThatTurnsTheOtherWayRoundIsRefused() throws {
        let setup = Setup()
        var layout = TestArm.widowX
        layout.joints[4].isReversed = false
        #expect(
            throws: ServoStartError.otherCalibration(servo: 7, register: "drive mode, reverse bit", found: 1, file: 0)
        ) {
            _ = try DynamixelArm(port: setup.port, baud: 1_000_000, layout: layout, portName: "test")
        }
        layout.joints[4].isReversed = true
        layout.joints[0].homingOffset = -12
        #expect(throws: ServoStartError.otherCalibration(servo: 1, register: "homing offset", found: 0, file: -12)) {
            _ = try DynamixelArm(port: setup.port, baud: 1_000_000, layout: layout, portName: "test")
        }
        #expect(setup.bus.ids.allSatisfy { setup.bus.value(of: .torqueEnable, at: $0) == 0 })
    }

    @Test func torqueThatIsOnStaysOn() throws {
        let setup = Setup()
        _ = try setup.driver()
        var torqueWrites = 0
        setup.bus.onWrite = { if $0.address == DynamixelRegister.torqueEnable.address { torqueWrites += 1 } }
        _ = try setup.driver()
        #expect(torqueWrites == 0)
    }

    @Test func goalsStayWithinTheLimitsOfFileAndServo() throws {
        let setup = Setup()
        var arm = try setup.driver()
        var goals: [UInt8: Int] = [:]
        setup.bus.onWrite = { write in
            guard write.address == DynamixelRegister.goalPosition.address else { return }
            goals[write.id] = write.data.withUnsafeBytes { $0.littleEndian(at: 0, width: 4) }
        }
        _ = try arm.read(at: .zero)
        try arm.write(TestArm.setpoint(JointVector(repeating: 3, count: 6), gripper: 9), at: .zero)
        #expect(goals == [1: 4004, 2: 3345, 3: 3345, 4: 3094, 5: 3094, 6: 4004, 7: 3447, 8: 4004, 9: 2726])
        try arm.write(TestArm.setpoint(JointVector(repeating: -9, count: 6), gripper: -9), at: .zero)
        #expect(goals == [1: 0, 2: 819, 3: 819, 4: 648, 5: 648, 6: 0, 7: 910, 8: 0, 9: 1024])
    }

    @Test func loadsAndTemperaturesAreTold() throws {
        let setup = Setup()
        var arm = try setup.driver()
        setup.bus.setTemperature(55, at: 4)
        setup.bus.setObstacle(0...TestArm.pulse(0.15), at: 1)
        var state = try arm.read(at: .zero)
        var goal = state.positions
        goal[0] += 0.3
        for tick in 1...500 {
            let now = MonotonicTime.zero + .milliseconds(2 * tick)
            state = try arm.read(at: now)
            try arm.write(TestArm.setpoint(goal), at: now)
        }
        let load = try #require(state.load)
        #expect(load[0] > 0.99 && abs(load[3]) < 0.1)
        #expect(try #require(state.temperatures)[2] == 55)
        #expect(abs(state.positions[0] - 0.15) < 0.002)
    }

    // MARK: - What goes wrong

    @Test(arguments: [0.01, 0.2])
    func damagedAnswersDoNotStopTheArm(probability: Double) throws {
        let setup = Setup()
        var arm = try setup.driver()
        setup.bus.faults.corruptProbability = probability
        var failures = 0
        var largestJump = 0.0
        var last: JointVector?
        for tick in 1...5_000 {
            let now = MonotonicTime.zero + .milliseconds(10 * tick)
            do {
                let state = try arm.read(at: now)
                if let last { largestJump = max(largestJump, (state.positions - last).magnitude) }
                last = state.positions
                try arm.write(TestArm.setpoint(TestArm.start), at: now)
            } catch {
                failures += 1
            }
        }
        #expect(arm.driver.missedAnswers > 0)
        // A plain retry inside the tick and three more ticks: all of them lost is rare.
        #expect(failures <= (probability < 0.1 ? 0 : 150))
        #expect(largestJump < 0.02, "what is missing is never made up far away")
    }

    @Test func aServoThatFallsSilentIsUnreadWhereItWasAndFailsTheReadAfterAFifthOfASecond() throws {
        let setup = Setup()
        var arm = try setup.driver()
        let before = try arm.read(at: .zero + .milliseconds(10))
        setup.bus.faults.missing = [4]
        for tick in 2...21 {
            let state = try arm.read(at: .zero + .milliseconds(10 * tick))
            #expect(state.unread == JointSet(bits: 0b100))
            #expect(state.positions[2] == before.positions[2], "nothing is made up")
        }
        #expect(!arm.isSuspended)
        #expect(throws: ArmDriverError.noReply(servo: 4)) { try arm.read(at: .zero + .milliseconds(220)) }
        #expect(arm.isSuspended && arm.driver.joint(blamedBy: .noReply(servo: 4)) == 2)
        setup.bus.faults.missing = []
        let state = try arm.read(at: .zero + .milliseconds(230))
        #expect(state.unread.isEmpty && arm.isSuspended, "it reads again, and waits for a person")
        arm.resume()
        _ = try arm.read(at: .zero + .milliseconds(240))
        #expect(!arm.isSuspended)
    }

    /// What the loop was told before it was late, or the adapter held back, is no news.
    @Test func aLateAnswerIsNotTakenForTheNextQuestions() throws {
        let setup = Setup()
        var arm = try setup.driver()
        var now = MonotonicTime.zero + .milliseconds(10)
        _ = try arm.read(at: now)
        // Every answer takes longer than the loop waits: it comes while the next question is open.
        setup.bus.faults.delay = 0.011
        var error: ArmDriverError?
        for _ in 0..<60 where error == nil {
            now += .milliseconds(10)
            do throws(ArmDriverError) {
                #expect(try !arm.read(at: now).unread.isEmpty)
            } catch let found {
                error = found
            }
        }
        #expect(error == .lateReply(servo: error?.servo ?? 0), "its cause is told, too: \(String(describing: error))")
    }

    @Test func aPlaceThatNoJointCanHaveReachedIsRefused() throws {
        let setup = Setup()
        var arm = try setup.driver()
        let before = try arm.read(at: .zero + .milliseconds(10))
        // Somebody else's numbers with a right checksum: the shaft does not move like this.
        setup.bus.setShaft(EmulatedShaft(position: 3_000, velocity: 0, effort: 0), of: 1)
        let state = try arm.read(at: .zero + .milliseconds(20))
        #expect(state.unread == JointSet(bits: 1) && state.positions[0] == before.positions[0])
    }

    @Test func torqueThatGoesOffByItselfIsNamed() throws {
        let setup = Setup()
        var arm = try setup.driver()
        // What switching its power off and on leaves behind: no error, and no torque.
        setup.bus.setHardwareError(DynamixelHardwareError.overload.rawValue, at: 5)
        setup.bus.setHardwareError(0, at: 5)
        #expect(setup.bus.value(of: .torqueEnable, at: 5) == 0)
        var error: ArmDriverError?
        for tick in 1...50 where error == nil {
            do throws(ArmDriverError) { _ = try arm.read(at: .zero + .milliseconds(10 * tick)) } catch let found {
                error = found
            }
        }
        #expect(error == .torqueLost(servo: 5), "a shadow, which tells no positions, too")
        #expect(arm.driver.joint(blamedBy: .torqueLost(servo: 5)) == 2)
        arm.resume()
        _ = try arm.read(at: .zero + .milliseconds(600))
        #expect(setup.bus.value(of: .torqueEnable, at: 5) == 1)
    }

    @Test func aShadowThatIsHotOrGoneIsSeen() throws {
        let setup = Setup()
        var arm = try setup.driver()
        setup.bus.setTemperature(68, at: 3)
        var hottest = 0.0
        for tick in 1...50 {
            hottest = try #require(try arm.read(at: .zero + .milliseconds(10 * tick)).temperatures)[1]
        }
        #expect(hottest == 68)
        setup.bus.faults.missing = [3]
        var error: ArmDriverError?
        for tick in 51...130 where error == nil {
            do throws(ArmDriverError) { _ = try arm.read(at: .zero + .milliseconds(10 * tick)) } catch let found {
                error = found
            }
        }
        #expect(error == .noReply(servo: 3))
    }

    @Test func nothingBeginsOnALineThatLosesEveryOtherAnswer() throws {
        let setup = Setup()
        setup.bus.faults.dropProbability = 0.2
        do throws(ServoStartError) {
            _ = try setup.driver()
            Issue.record("it began")
        } catch {
            switch error {
            case .unsteady, .missing: break
            default: Issue.record("\(error)")
            }
        }
    }

    @Test func aHardwareErrorIsToldWithItsServo() throws {
        let setup = Setup()
        var arm = try setup.driver()
        setup.bus.setHardwareError(DynamixelHardwareError.overload.rawValue, at: 6)
        #expect(throws: ArmDriverError.dynamixelError(servo: 6, .overload)) { try arm.read(at: .zero) }
    }

    @Test func anAdapterThatComesBackIsSetUpAnewWithoutAJumpOnceAPersonSaysSo() throws {
        let setup = Setup()
        var arm = try setup.driver(watchdog: .milliseconds(200))
        var now = MonotonicTime.zero + .milliseconds(10)
        let before = try arm.read(at: now)
        setup.port.failure = 5
        var errors = 0
        for _ in 0..<200 {
            now += .milliseconds(10)
            do { _ = try arm.read(at: now) } catch { errors += 1 }
        }
        #expect(errors == 200 && setup.port.reopened == 3, "one try each half second")
        // The power went with it.
        setup.bus.cyclePower()
        setup.port.failure = nil
        var state: JointState?
        for _ in 0..<60 where state == nil {
            now += .milliseconds(10)
            state = try? arm.read(at: now)
        }
        #expect(try #require(state).positions == before.positions)
        #expect(arm.isSuspended && setup.bus.ids.allSatisfy { setup.bus.value(of: .torqueEnable, at: $0) == 0 })
        try arm.write(TestArm.setpoint(TestArm.start), at: now)
        #expect(setup.bus.value(of: .torqueEnable, at: 1) == 0, "nothing is sent")
        arm.resume()
        now += .milliseconds(10)
        _ = try arm.read(at: now)
        #expect(setup.bus.ids.allSatisfy { setup.bus.value(of: .torqueEnable, at: $0) == 1 })
    }

    @Test func aLoopThatWasLateSetsUpTheTrippedServosAnew() throws {
        let setup = Setup()
        var arm = try setup.driver(watchdog: .milliseconds(100))
        var now = MonotonicTime.zero + .milliseconds(10)
        _ = try arm.read(at: now)
        try arm.write(TestArm.setpoint(TestArm.start), at: now)
        now += .seconds(1)
        #expect(setup.bus.value(of: .busWatchdog, at: 2) == 5)
        _ = try arm.read(at: now)
        #expect(!arm.isSuspended, "it was our own lateness")
        try arm.write(TestArm.setpoint(TestArm.start), at: now)
        #expect(setup.bus.value(of: .busWatchdog, at: 2) == 5)
        var goal = TestArm.start
        goal[0] += 0.2
        for _ in 0..<50 {
            now += .milliseconds(10)
            _ = try arm.read(at: now)
            try arm.write(TestArm.setpoint(goal), at: now)
        }
        #expect(abs(try arm.read(at: now).positions[0] - goal[0]) < 0.01)
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

    // MARK: - What is refused at the start

    private func refusal(_ change: (Setup) -> Void) -> ServoStartError? {
        let setup = Setup()
        change(setup)
        do throws(ServoStartError) {
            _ = try setup.driver()
            return nil
        } catch {
            return error
        }
    }

    @Test func whatIsWrongIsNamedBeforeTorqueIsOn() throws {
        #expect(
            refusal { $0.bus.faults.missing = [5, 9] }
                == .missing(found: [1, 2, 3, 4, 6, 7, 8], expected: [1, 2, 3, 4, 5, 6, 7, 8, 9], port: "test"))
        #expect(
            refusal { $0.bus.faults.isUnplugged = true } == .missing(found: [], expected: Array(1...9), port: "test"))
        #expect(
            refusal { $0.bus.setHardwareError(DynamixelHardwareError.overheating.rawValue, at: 2) }
                == .hardwareError(servo: 2, errors: "overheating"))
        #expect(refusal { $0.port.failure = 5 } == .port(errno: 5, port: "test"))
    }

    @Test func servosThatWorkAgainstEachOtherAreRefused() throws {
        let bus = EmulatedDynamixelBus(
            (1...9).map { id in
                .init(
                    id: id, pulses: id == 3 ? 4_096 - 2_200 : 2_048, secondaryID: id == 3 ? 2 : id == 5 ? 4 : 255,
                    isReversed: [3, 5, 7].contains(id))
            })
        #expect(throws: ServoStartError.shadowApart(leader: 2, shadow: 3, pulses: 152)) {
            _ = try DynamixelArm(
                port: EmulatedPort(bus), baud: 1_000_000, layout: TestArm.widowX, portName: "test")
        }
    }

    @Test func everyErrorSaysWhatToDo() {
        let errors: [ServoStartError] = [
            .missing(found: [1], expected: [1, 2], port: "p"), .missing(found: [], expected: [1], port: "p"),
            .port(errno: 5, port: "p"), .refused(servo: 1, register: "r", reason: "x"),
            .unconfirmed(servo: 1, register: "r", wrote: 1, found: 2), .hardwareError(servo: 1, errors: "overload"),
            .torqueIsOn(servo: 1, register: "r", found: 1, expected: 2),
            .otherCalibration(servo: 1, register: "r", found: 1, file: 2),
            .shadowApart(leader: 1, shadow: 2, pulses: 90),
            .notEnoughTime(rateHertz: 500, highestHertz: 200.7, bytes: 100, baud: 57_600), .sameID(servo: 1, port: "p"),
            .otherProtocol(servo: 1, speaks: .feetech, expected: .secondDynamixel, port: "p"),
            .otherProtocol(servo: 1, speaks: .firstDynamixel(model: 12), expected: .secondDynamixel, port: "p"),
            .answersTooLittle(servo: 1), .countsTurns(servo: 1, phase: 28),
            .offsetNotHeeded(servo: 1, offset: 1_500),
        ]
        for error in errors {
            #expect(error.description.contains(": ") && error.description.hasSuffix("."))
            #expect(error.description.count > 80)
        }
        #expect(errors[9].description.contains("at most 200"))
    }

    @Test func theBudgetIsWhatIsOnTheWire() throws {
        let arm = try Setup().driver().driver
        // Seven servos: 21 bytes out, 8 + 7 · 21 back, of which up to seven tell questions apart, 14 + 7 · 5 out.
        #expect(arm.budget.bytesPerTick == 21 + 155 + 49)
        #expect(arm.budget.highestHertz > 250 && arm.budget.highestHertz < 300)
        let slow = try Setup(knowsFastSyncRead: false).driver().driver
        #expect(slow.budget.bytesPerTick == 21 + 196 + 49)
    }

    @Test func theGripperFollowsItsLinkage() throws {
        let setup = Setup()
        var arm = try setup.driver()
        var now = MonotonicTime.zero + .seconds(1)
        for (opening, pulse) in [(0.0, 1024), (0.2, 1802), (0.48, 2159), (1.0, 2726)] {
            try arm.write(TestArm.setpoint(TestArm.start, gripper: opening), at: now)
            now += .seconds(2)
            setup.port.wait(until: now)
            #expect(abs(try #require(setup.bus.position(of: 9)) - pulse) <= 1)
            #expect(abs(try arm.read(at: now).gripper - opening) < 0.002)
        }
    }
}
