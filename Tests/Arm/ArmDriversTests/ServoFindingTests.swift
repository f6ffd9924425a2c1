import ArmDrivers
import ServoEmulation
import ServoProtocol
import TestSupport
import Testing

/// What a driver says of servos that do not answer as they should, and that it moves none of them.
@Suite struct ServoFindingTests {
    private func dynamixel(
        _ change: (EmulatedDynamixelBus) -> Void
    ) -> (error: ServoStartError?, bus: EmulatedDynamixelBus) {
        let bus = TestArm.widowXBus(at: TestArm.start)
        change(bus)
        do throws(ServoStartError) {
            _ = try DynamixelArm(port: EmulatedPort(bus), baud: 1_000_000, layout: TestArm.widowX, portName: "p")
            return (nil, bus)
        } catch {
            return (error, bus)
        }
    }

    private func feetech(_ change: (EmulatedFeetechBus) -> Void) -> (error: ServoStartError?, bus: EmulatedFeetechBus) {
        let bus = TestArm.feetechBus(at: TestArm.start)
        change(bus)
        do throws(ServoStartError) {
            _ = try FeetechArm(port: EmulatedPort(bus), baud: 1_000_000, layout: TestArm.feetech, portName: "p")
            return (nil, bus)
        } catch {
            return (error, bus)
        }
    }

    @Test func twoServosWithOneIdAreNamed() {
        let (error, bus) = dynamixel { $0.apply(.duplicate, to: 4) }
        #expect(error == .sameID(servo: 4, port: "p"))
        #expect(error?.description.contains("two servos with the id 4") == true)
        #expect(error?.description.contains("octo-arm setup") == true)
        #expect(bus.ids.allSatisfy { bus.value(of: .torqueEnable, at: $0) == 0 })
        #expect(feetech { $0.apply(.duplicate, to: 2) }.error == .sameID(servo: 2, port: "p"))
    }

    @Test func aServoOfTheFirstProtocolIsNamed() {
        let (error, _) = dynamixel { $0.apply(.protocolVersion(1), to: 7) }
        #expect(
            error
                == .otherProtocol(
                    servo: 7, speaks: .firstDynamixel(model: 1_020), expected: .secondDynamixel, port: "p"))
        #expect(
            error?.description.contains("answers in Dynamixel protocol 1.0, expected Dynamixel protocol 2.0") == true)
        #expect(error?.description.contains("sets it to protocol 2.0") == true)
    }

    @Test func servosOfAnotherMakerAreNamed() {
        #expect(
            throws: ServoStartError.otherProtocol(servo: 1, speaks: .feetech, expected: .secondDynamixel, port: "p")
        ) {
            _ = try DynamixelArm(
                port: EmulatedPort(TestArm.feetechBus(at: TestArm.start)), baud: 1_000_000, layout: TestArm.widowX,
                portName: "p")
        }
        #expect(
            throws: ServoStartError.otherProtocol(servo: 1, speaks: .secondDynamixel, expected: .feetech, port: "p")
        ) {
            _ = try FeetechArm(
                port: EmulatedPort(TestArm.widowXBus(at: TestArm.start)), baud: 1_000_000, layout: TestArm.feetech,
                portName: "p")
        }
        let bus = TestArm.widowXBus(at: TestArm.start)
        for id in bus.ids { bus.apply(.protocolVersion(1), to: id) }
        #expect(
            throws: ServoStartError.otherProtocol(
                servo: 1, speaks: .firstDynamixel(model: 1_020), expected: .feetech, port: "p")
        ) {
            _ = try FeetechArm(port: EmulatedPort(bus), baud: 1_000_000, layout: TestArm.feetech, portName: "p")
        }
    }

    @Test(arguments: [0, 1])
    func aServoThatAnswersLittleIsSetToAnswerEverything(level: Int) {
        let (error, bus) = dynamixel { bus in for id in bus.ids { bus.apply(.answerLevel(level), to: id) } }
        #expect(error == nil)
        #expect(bus.ids.allSatisfy { bus.value(of: .statusReturnLevel, at: $0) == 2 })
        let (other, feetechBus) = feetech { bus in for id in bus.ids { bus.apply(.answerLevel(0), to: id) } }
        #expect(other == nil)
        #expect(feetechBus.ids.allSatisfy { feetechBus.value(of: .responseStatusLevel, at: $0) == 1 })
    }

    @Test func aFeetechServoThatCountsTurnsIsRefused() {
        let (error, bus) = feetech { $0.apply(.phase(28), to: 3) }
        #expect(error == .countsTurns(servo: 3, phase: 28))
        #expect(error?.description.contains("octo-arm calibrate") == true)
        #expect(bus.ids.allSatisfy { bus.value(of: .torqueEnable, at: $0) == 0 })
    }

    @Test func anOffsetThatADynamixelServoDoesNotHeedIsRefused() throws {
        let bus = TestArm.widowXBus(at: TestArm.start)
        let port = EmulatedPort(bus)
        _ = try DynamixelClient(port: port, baud: 1_000_000).write(1_500, to: .homingOffset, of: 1)
        var layout = TestArm.widowX
        layout.joints[0].homingOffset = 1_500
        #expect(throws: ServoStartError.offsetNotHeeded(servo: 1, offset: 1_500)) {
            _ = try DynamixelArm(port: port, baud: 1_000_000, layout: layout, portName: "p")
        }
    }

    @Test func aWriteThatIsNotAnsweredIsReadBack() throws {
        let bus = EmulatedDynamixelBus([.init(id: 1)])
        bus.apply(.answerLevel(1), to: 1)
        let client = DynamixelClient(port: EmulatedPort(bus), baud: 1_000_000)
        #expect(try client.write(1, to: .torqueEnable, of: 1)?.number == 0)
        #expect(try client.write(16, to: .operatingMode, of: 1) == nil, "torque is on: refused, and nobody says so")
        let other = EmulatedFeetechBus([.init(id: 1)])
        other.apply(.answerLevel(0), to: 1)
        let feetech = FeetechClient(port: EmulatedPort(other), baud: 1_000_000)
        #expect(try feetech.write(1_500, to: .goalPosition, of: 1))
        #expect(try !feetech.write(1_500, to: .presentPosition, of: 1))
    }

    /// The answer to one question comes while another is asked: it is as long, and says something else.
    @Test func aLateAnswerIsNotTakenForAnother() throws {
        let bus = EmulatedDynamixelBus([.init(id: 1, pulses: 1_234)])
        let client = DynamixelClient(port: EmulatedPort(bus), baud: 1_000_000)
        bus.faults.delay = 0.08
        #expect(try client.read(.presentPosition, of: 1, tries: 1) == nil)
        bus.faults.delay = 0
        #expect(try client.read(.homingOffset, of: 1, tries: 1) == 0)
        let other = EmulatedFeetechBus([.init(id: 1, pulses: 1_234)])
        let feetech = FeetechClient(port: EmulatedPort(other), baud: 1_000_000)
        other.faults.delay = 0.08
        #expect(try feetech.read(.presentPosition, of: 1, tries: 1) == nil)
        other.faults.delay = 0
        #expect(try feetech.read(.minimumPosition, of: 1, tries: 1) == 0)
    }

    @Test func echoesTellSilenceFromDamage() throws {
        let bus = EmulatedDynamixelBus([1, 2, 3].map { .init(id: $0) }, seed: 3)
        bus.apply(.duplicate, to: 2)
        let client = DynamixelClient(port: EmulatedPort(bus), baud: 1_000_000)
        #expect(try client.echo(of: 1) == .answer)
        #expect(try client.echo(of: 2) == .damage)
        #expect(try client.echo(of: 9) == .silence)
        // A bad line damages some answers, and a servo that is alone is still found.
        bus.faults.corruptProbability = 0.3
        for _ in 0..<50 { #expect(try client.echo(of: 1, tries: 20) == .answer) }
    }
}
