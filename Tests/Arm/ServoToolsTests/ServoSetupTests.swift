import ArmDrivers
import ServoEmulation
import ServoProtocol
import ServoTools
import TestSupport
import Testing

/// One servo that gets its id and its rate.
@Suite struct ServoSetupTests {
    /// The tool at a bus whose servos hear only their own rate.
    private func setup(_ bus: any EmulatedBus) -> ServoSetup<EmulatedPort> {
        final class Last { weak var line: ServoLine<EmulatedPort>? }
        let port = EmulatedPort(bus)
        let last = Last()
        return ServoSetup { (step: ServoScan.Step) throws(ServoSetupError) -> ServoLine<EmulatedPort>? in
            #expect(last.line == nil, "a port has one owner: the line before is to be let go first")
            bus.hostBaud = step.baud
            let line = ServoLine(port: port, baud: step.baud, servoProtocol: step.servoProtocol)
            last.line = line
            return line
        }
    }

    private func writes(_ bus: any EmulatedBus) -> () -> Int {
        final class Log { var count = 0 }
        let log = Log()
        bus.onWrite = { _ in log.count += 1 }
        return { log.count }
    }

    @Test func aDynamixelServoFromTheBoxGetsItsIdAndRate() throws {
        let bus = EmulatedDynamixelBus([.init(id: 1)], baud: 57_600)
        let setup = setup(bus)
        var tried = 0
        let servo = try setup.theOnlyServo { index, count, _ in
            tried += 1
            #expect(index == tried && count == 16)
        }
        #expect(servo.text == "id 1 in Dynamixel protocol 2.0 at 57600 baud" && tried == 16)
        let plan = try setup.plan(for: servo, id: 7, baud: 1_000_000, servoProtocol: .dynamixel)
        #expect(plan.changes == ["id 1 becomes 7", "57600 baud become 1000000"])
        let reading = try setup.perform(plan)
        #expect(reading.id == 7 && bus.ids == [7])
        #expect(bus.value(of: .baudRate, at: 7) == 3)
        // Once more, and there is nothing to change.
        let again = try setup.plan(for: try setup.theOnlyServo(), id: 7, baud: 1_000_000, servoProtocol: nil)
        #expect(again.changes.isEmpty && again.servoProtocol == .dynamixel)
        #expect(try setup.perform(again).id == 7)
    }

    @Test func aFeetechServoKeepsItWithoutPower() throws {
        let bus = EmulatedFeetechBus([.init(id: 1)], baud: 115_200)
        bus.apply(.answerLevel(0), to: 1)
        bus.apply(.phase(28), to: 1)
        let setup = setup(bus)
        let plan = try setup.plan(for: try setup.theOnlyServo(), id: 4, baud: 1_000_000, servoProtocol: .feetech)
        #expect(try setup.perform(plan).id == 4)
        bus.cyclePower()
        #expect(bus.ids == [4] && bus.value(of: .baudRate, at: 4) == 0)
        #expect(bus.value(of: .responseStatusLevel, at: 4) == 1 && bus.value(of: .phase, at: 4) == 12)
        #expect(bus.value(of: .lock, at: 4) == 1)
    }

    @Test func aServoWithTorqueOnIsLetGoFirst() throws {
        let bus = EmulatedDynamixelBus([.init(id: 3)])
        bus.apply(.torque(isOn: true), to: 3)
        let setup = setup(bus)
        _ = try setup.perform(try setup.plan(for: try setup.theOnlyServo(), id: 5, baud: 2_000_000, servoProtocol: nil))
        #expect(bus.ids == [5] && bus.value(of: .torqueEnable, at: 5) == 0 && bus.value(of: .baudRate, at: 5) == 4)
    }

    @Test(arguments: [0, 1])
    func aServoThatAnswersLittleIsSetUpAllTheSame(level: Int) throws {
        let bus = EmulatedDynamixelBus([.init(id: 1)])
        bus.apply(.answerLevel(level), to: 1)
        let setup = setup(bus)
        #expect(
            try setup.perform(try setup.plan(for: try setup.theOnlyServo(), id: 2, baud: 57_600, servoProtocol: nil)).id
                == 2)
        #expect(bus.value(of: .statusReturnLevel, at: 2) == 2)
    }

    @Test func aServoOfTheFirstProtocolIsSetToTheSecond() throws {
        let bus = EmulatedDynamixelBus([.init(id: 1, model: .xl430w250)], baud: 57_600)
        bus.apply(.protocolVersion(1), to: 1)
        let setup = setup(bus)
        let servo = try setup.theOnlyServo()
        #expect(servo.text == "id 1 in Dynamixel protocol 1.0 at 57600 baud")
        let plan = try setup.plan(for: servo, id: 8, baud: 1_000_000, servoProtocol: .dynamixel)
        #expect(plan.changes == ["protocol 1.0 becomes 2.0", "id 1 becomes 8", "57600 baud become 1000000"])
        #expect(try setup.perform(plan).modelName == "XL430-W250")
        #expect(bus.value(of: .protocolType, at: 8) == 2)
    }

    @Test func severalServosAreRefusedAndNotTouched() throws {
        let two = EmulatedDynamixelBus([.init(id: 1), .init(id: 2)])
        var count = writes(two)
        #expect(
            throws: ServoSetupError.several([
                "id 1 in Dynamixel protocol 2.0 at 1000000 baud", "id 2 in Dynamixel protocol 2.0 at 1000000 baud",
            ])
        ) { try setup(two).theOnlyServo() }
        #expect(count() == 0)
        let same = EmulatedFeetechBus([.init(id: 1)])
        same.apply(.duplicate, to: 1)
        count = writes(same)
        let error = #expect(throws: ServoSetupError.self) { try setup(same).theOnlyServo() }
        #expect(error?.description.contains("as of two with one id that talk at one time") == true)
        #expect(count() == 0)
        #expect(throws: ServoSetupError.none) { try setup(EmulatedFeetechBus([])).theOnlyServo() }
    }

    @Test func aServoOfTheOtherMakerIsRefused() throws {
        let setup = setup(EmulatedFeetechBus([.init(id: 1)]))
        let servo = try setup.theOnlyServo()
        #expect(throws: ServoSetupError.otherMaker("id 1 in Feetech's protocol at 1000000 baud", expected: .dynamixel))
        {
            try setup.plan(for: servo, id: 1, baud: 1_000_000, servoProtocol: .dynamixel)
        }
        #expect(throws: ServoSetupError.noSuchRate(2_000_000, .feetech)) {
            try setup.plan(for: servo, id: 1, baud: 2_000_000, servoProtocol: nil)
        }
    }

    @Test func everyErrorSaysWhatToDo() {
        let errors: [ServoSetupError] = [
            .none, .several(["a", "b"]), .sameID("a"), .otherMaker("a", expected: .feetech), .unknownModel("a"),
            .noSuchRate(5, .feetech), .unconfirmed(id: 1, baud: 2), .tool(.sameID(servo: 1)),
            .tool(.answersPingsOnly(servo: 1)),
            .tool(.doesNotFit(servo: 1, field: .id, value: 300)),
        ]
        for error in errors {
            #expect(
                error.description.contains(": ") && error.description.hasSuffix(".") && error.description.count > 80,
                "\(error)")
        }
    }
}
