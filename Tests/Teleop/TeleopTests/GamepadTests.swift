import Maths
import Teleop
import TestSupport
import Testing

private typealias Bytes = RecordedBytes

@Suite struct GamepadTests {
    @Test func anEventIsReadFromItsBytes() {
        let press: [UInt8] = [
            0x00, 0xf1, 0x53, 0x65, 0, 0, 0, 0, 0x40, 0xe2, 0x01, 0, 0, 0, 0, 0, 0x01, 0x00, 0x30, 0x01, 0x01, 0, 0, 0,
        ]
        var decoder = EventDecoder()
        #expect(decoder.receive(press) == [InputEvent(type: 1, code: 0x130, value: 1)])
        #expect(decoder.receive(Bytes.axis(0, -200)) == [InputEvent(type: 3, code: 0, value: -200)])
        #expect(Bytes.axis(0, -200).suffix(8) == [0x03, 0, 0, 0, 0x38, 0xff, 0xff, 0xff])
    }

    @Test func eventsMayComeInPieces() {
        let bytes = Bytes.button(0x136, 1) + Bytes.axis(1, -32_768) + Bytes.report
        let whole = padReadings(bytes)
        for piece in [1, 5, 7, 23, 25, 50] {
            var decoder = EventDecoder()
            var pad = Gamepad()
            var readings: [DeviceReading] = []
            for start in stride(from: 0, to: bytes.count, by: piece) {
                readings += pad.receive(decoder.receive(bytes[start..<min(start + piece, bytes.count)]))
            }
            #expect(readings == whole, "in pieces of \(piece)")
        }
        #expect(whole.count == 1)
    }

    /// Stick forward is forward, left is left, right stick up is up and left turns left about the vertical.
    @Test(
        arguments: [
            (1, -32_768, [1, 0, 0], [0, 0, 0]), (0, -32_768, [0, 1, 0], [0, 0, 0]),
            (4, -32_768, [0, 0, 1], [0, 0, 0]),
            (3, -32_768, [0, 0, 0], [0, 0, 1]), (0x10, 1, [0, 0, 0], [1, 0, 0]), (0x11, 1, [0, 0, 0], [0, 1, 0]),
        ] as [(UInt16, Int32, Vector3, Vector3)])
    func eachAxisHasItsDirection(code: UInt16, value: Int32, linear: Vector3, angular: Vector3) throws {
        let reading = try #require(padReadings(Bytes.axis(code, value) + Bytes.report).last)
        #expect(reading.linear == linear && reading.angular == angular)
        #expect(reading.hasSwitch && !reading.pressed.contains(.deadMan))
    }

    @Test func theMiddleOfAWornStickIsNothingAndTheEndIsAll() throws {
        func forward(_ value: Int32) throws -> Double {
            try #require(padReadings(Bytes.axis(1, -value) + Bytes.report).last).linear.x
        }
        #expect(try forward(0) == 0 && forward(3_800) == 0 && forward(-3_800) == 0)
        let (little, half) = (try forward(4_000), try forward(16_384))
        #expect(little > 0 && little < 0.01, "it begins without a jump")
        #expect(half > 0.4 && half < 0.5)
        #expect(try forward(40_000) == 1 && forward(-40_000) == -1, "beyond its range is its end")
    }

    @Test func theRangeAndTheFlatZoneOfTheDriverCount() throws {
        let ranges: [UInt16: Gamepad.AxisRange] = [0: .init(minimum: 0, maximum: 255, flat: 51)]
        func left(_ value: Int32) throws -> Double {
            try #require(padReadings(Bytes.axis(0, value) + Bytes.report, ranges: ranges).last).linear.y
        }
        #expect(try left(0) == 1 && left(255) == -1)
        #expect(try left(127) == 0 && left(80) == 0 && left(175) == 0, "40 % of the deflection is flat")
        #expect(try left(70) > 0)
        // What no driver should say moves nothing, and traps nothing.
        let broken: [UInt16: Gamepad.AxisRange] = [
            1: .init(minimum: 5, maximum: 5, flat: 0), 0: .init(minimum: 0, maximum: 1, flat: .max),
        ]
        _ = padReadings(Bytes.axis(0, 1) + Bytes.axis(1, .max) + Bytes.report, ranges: broken)
    }

    @Test(
        arguments: [
            (0x136, .deadMan), (0x131, .emergencyStop), (0x13b, .resetEmergencyStop), (0x137, .toggleGripper),
            (0x13a, .home),
            (0x133, .recordGoal), (0x134, .episode), (0x130, .success),
        ] as [(UInt16, DeviceReading.Button)])
    func eachButtonIsHeldUntilItIsLetGo(code: UInt16, button: DeviceReading.Button) {
        let readings = padReadings(
            Bytes.button(code, 1) + Bytes.report + Bytes.button(code, 2) + Bytes.report + Bytes.button(code, 0)
                + Bytes.report)
        #expect(readings.map(\.pressed) == [[button], []], "a repeat is the kernel's word")
    }

    @Test func nothingCountsBeforeItsReport() {
        #expect(padReadings(Bytes.button(Bytes.deadManCode, 1) + Bytes.axis(1, -32_768)) == [])
    }

    /// The kernel's buffer was full: the switch may have been let go in what is lost.
    @Test func aLossLetsEverythingGo() {
        let readings = padReadings(
            Bytes.button(Bytes.deadManCode, 1) + Bytes.axis(1, -32_768) + Bytes.report
                + Bytes.dropped + Bytes.axis(1, -30_000) + Bytes.button(Bytes.deadManCode, 2) + Bytes.report
                + Bytes.axis(0, -32_768) + Bytes.report)
        #expect(readings.count == 3)
        #expect(readings[0].pressed == [.deadMan] && readings[0].linear.x == 1)
        #expect(readings[1].pressed == [] && readings[1].isAtRest)
        #expect(readings[2].pressed == [] && readings[2].linear == [0, 1, 0], "what is half known does not count")
    }

    @Test func anEmergencyStopBeforeALossIsHeard() {
        let readings = padReadings(
            Bytes.button(Bytes.emergencyStopCode, 1) + Bytes.report + Bytes.dropped + Bytes.report)
        #expect(readings.first?.pressed == [.emergencyStop])
    }

    /// What was pressed in what is lost is known from what the device says of itself: of that the stop counts alone.
    @Test func afterALossTheDevicesOwnWordIsAskedFor() {
        var (decoder, pad) = (EventDecoder(), Gamepad())
        let before = pad.receive(
            decoder.receive(Bytes.button(Bytes.deadManCode, 1) + Bytes.axis(1, -32_768) + Bytes.report))
        #expect(before.count == 1 && !pad.needsState)
        _ = pad.receive(decoder.receive(Bytes.dropped))
        #expect(pad.needsState)
        let held = pad.resynchronise(
            held: [Bytes.deadManCode, Bytes.emergencyStopCode, 0x13a, 0x137], axes: [1: -32_768, 0: 0])
        #expect(held.pressed == [.emergencyStop] && held.linear == [1, 0, 0] && !pad.needsState)
        let later = pad.receive(decoder.receive(Bytes.report + Bytes.button(Bytes.emergencyStopCode, 0) + Bytes.report))
        #expect(later.map(\.pressed) == [[]])
        // Pressed anew, the switch counts again.
        let again = pad.receive(
            decoder.receive(Bytes.button(Bytes.deadManCode, 0) + Bytes.button(Bytes.deadManCode, 1) + Bytes.report))
        #expect(again.map(\.pressed) == [[.deadMan]] && again.map(\.linear) == [[1, 0, 0]])
    }

    @Test func aDeviceThatCannotTellHasNothingHeld() {
        var (decoder, pad) = (EventDecoder(), Gamepad())
        _ = pad.receive(
            decoder.receive(Bytes.button(Bytes.deadManCode, 1) + Bytes.axis(1, -32_768) + Bytes.report + Bytes.dropped))
        let reading = pad.resynchronise(held: [], axes: [:])
        #expect(reading.pressed == [] && reading.isAtRest && reading.hasSwitch)
    }

    @Test func aRepeatHoldsNothing() {
        let readings = padReadings(Bytes.button(Bytes.deadManCode, 2) + Bytes.report)
        #expect(readings == [], "the kernel says it, not the pad")
    }

    // MARK: What the device says of itself while the switch is held

    @Test func aSwitchThatIsUpInTheDeviceIsLetGo() {
        var (decoder, pad) = (EventDecoder(), Gamepad())
        _ = pad.receive(decoder.receive(Bytes.button(Bytes.deadManCode, 1) + Bytes.axis(1, -32_768) + Bytes.report))
        #expect(pad.isSwitchHeld)
        #expect(pad.verify(held: [Bytes.deadManCode], axes: [1: -32_768, 0: 0]) == nil, "as it was")
        let moved = pad.verify(held: [Bytes.deadManCode], axes: [1: 0])
        #expect(moved?.isAtRest == true && moved?.pressed == [.deadMan])
        let released = pad.verify(held: [], axes: [1: -32_768])
        #expect(released?.pressed == [] && !pad.isSwitchHeld)
        #expect(pad.verify(held: [Bytes.deadManCode], axes: [:]) == nil, "pressed is what an event said")
    }

    @Test func anEmergencyStopThatIsDownInTheDeviceCounts() {
        var (decoder, pad) = (EventDecoder(), Gamepad())
        _ = pad.receive(decoder.receive(Bytes.button(Bytes.deadManCode, 1) + Bytes.report))
        let reading = pad.verify(held: [Bytes.deadManCode, Bytes.emergencyStopCode], axes: [2: 99])
        #expect(reading?.pressed == [.deadMan, .emergencyStop] && reading?.isAtRest == true)
    }

    // MARK: The joystick interface

    private func joystickReadings(_ bytes: [UInt8]) -> [DeviceReading] {
        var decoder = JoystickDecoder()
        var pad = Gamepad()
        return pad.receive(decoder.receive(bytes))
    }

    @Test func joystickEventsSayTheSame() throws {
        let recorded: [UInt8] = [0xe8, 0x03, 0, 0, 0x01, 0x80, 0x02, 0x01]
        #expect(recorded == Bytes.joystick(2, 1, -32_767))
        let forward = try #require(joystickReadings(recorded).last)
        #expect(abs(forward.linear.x - 1) < 1e-4 && forward.linear.y == 0)
        #expect(joystickReadings([0xe8, 0x03, 0, 0, 0x01, 0, 0x01, 0]).map(\.pressed) == [[.success]])
        let held = joystickReadings(Bytes.joystick(1, 4, 1) + Bytes.joystick(1, 4, 0))
        #expect(held.map(\.pressed) == [[.deadMan], []])
        #expect(joystickReadings(Bytes.joystick(2, 6, 32_767)).last?.angular == [1, 0, 0], "a hat is all or nothing")
    }

    /// A pad with two more buttons: those behind them have other numbers.
    @Test func theDevicesOwnOrderOfButtonsCounts() {
        var (decoder, pad) = (
            JoystickDecoder(
                axes: [0, 1, 0x10, 0x11, 3, 4],
                buttons: [0x130, 0x131, 0x133, 0x134, 0x136, 0x137, 0x138, 0x139, 0x13a, 0x13b, 0x13c, 0x13d, 0x13e]),
            Gamepad()
        )
        func pressed(_ number: UInt8) -> Set<DeviceReading.Button>? {
            let readings = pad.receive(decoder.receive(Bytes.joystick(1, number, 1) + Bytes.joystick(1, number, 0)))
            return readings.first?.pressed
        }
        #expect(
            pressed(1) == [.emergencyStop] && pressed(7) == [] && pressed(8) == [.home]
                && pressed(9) == [.resetEmergencyStop])
        #expect(joystickReadings(Bytes.joystick(1, 7, 1)).last?.pressed == [.resetEmergencyStop], "in the usual order")
        let up = pad.receive(decoder.receive(Bytes.joystick(2, 5, -32_767)))
        #expect(up.last.map { abs($0.linear.z - 1) < 1e-4 } == true)
        #expect(pad.receive(decoder.receive(Bytes.joystick(2, 6, -32_767))) == [], "it has no such axis")
    }

    /// Triggers that nobody touched tell their middle, buttons that are stuck their state: nobody did that.
    @Test func whatIsToldAtTheStartIsNotDone() {
        let bytes = Bytes.joystick(0x81, 4, 1) + Bytes.joystick(0x82, 1, -32_767)
        #expect(joystickReadings(bytes) == [])
        #expect(joystickReadings(bytes + Bytes.joystick(1, 0, 0)).allSatisfy { $0.isAtRest && $0.pressed == [] })
    }

    @Test func numbersBeyondEveryPadAreNothing() {
        for number in [11, 12, 255] as [UInt8] {
            let readings = joystickReadings(Bytes.joystick(2, number, 32_767) + Bytes.joystick(1, number, 1))
            #expect(readings.allSatisfy { $0.isAtRest && $0.pressed == [] })
        }
    }

    @Test func noBytesTrapAndEveryReadingIsInItsRange() {
        let seed = SeededGenerator.freshSeed()
        var chance = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var (events, joysticks, pad, other) = (EventDecoder(), JoystickDecoder(), Gamepad(), Gamepad())
            for _ in 0..<20 {
                // Garbage, and garbage in the form of events, so that it comes as far as the pad.
                let bytes: [UInt8] =
                    Bool.random(using: &chance)
                    ? (0..<Int.random(in: 0...100, using: &chance)).map { _ in .random(in: 0...255, using: &chance) }
                    : Bytes.event(
                        .random(in: 0...4, using: &chance), .random(in: 0...0x140, using: &chance),
                        .random(in: Int32.min...Int32.max, using: &chance))
                        + (Bool.random(using: &chance) ? Bytes.report : [])
                for reading in pad.receive(events.receive(bytes)) + other.receive(joysticks.receive(bytes)) {
                    for share in [reading.linear, reading.angular] {
                        for index in 0..<3 { #expect(abs(share[index]) <= 1, "seed \(seed)") }
                    }
                }
            }
        }
    }
}
