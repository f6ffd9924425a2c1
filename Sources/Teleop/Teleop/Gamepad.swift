import Maths

/// A gamepad with two sticks, told by the input layer's events.
///
/// Left stick: forward and left. Right stick: up, and turning about the vertical. Hat: pitch and roll. Held left
/// shoulder button: dead-man. The names of the buttons are where they are: south is the lowest of the four.
package struct Gamepad: Sendable {
    /// What EVIOCGABS says of an axis.
    package struct AxisRange: Equatable, Sendable {
        /// Lowest and highest raw value.
        package var minimum: Int
        package var maximum: Int
        /// Values about the middle that are noise, which the driver calls flat.
        package var flat: Int

        package init(minimum: Int, maximum: Int, flat: Int) {
            self.minimum = minimum
            self.maximum = maximum
            self.flat = flat
        }
    }
    /// linux/input-event-codes.h
    private enum Code {
        static let leftX: UInt16 = 0, leftY: UInt16 = 1, rightX: UInt16 = 3, rightY: UInt16 = 4
        static let hatX: UInt16 = 0x10, hatY: UInt16 = 0x11
    }
    private static let buttons: [UInt16: DeviceReading.Button] = [
        0x136: .deadMan,  // left shoulder
        0x137: .toggleGripper,  // right shoulder
        0x131: .emergencyStop,  // east
        0x13b: .resetEmergencyStop,  // start
        0x13a: .home,  // select
        0x133: .recordGoal,  // north
        0x134: .episode,  // west
        0x130: .success,  // south
        0x13d: .slower, 0x13e: .faster,  // pressed sticks
        0x13c: .changeFrame,  // mode
    ]
    /// The least that counts as nothing: worn sticks do not come back to the middle.
    private static let deadZone = 0.12

    private var shapes: [UInt16: AxisShape] = [:]
    private var values: [UInt16: Int] = [:]
    private var pressed: Set<DeviceReading.Button> = []
    private var pending: [InputEvent] = []
    /// Whether events were lost: what comes up to the next report is part of an unknown whole.
    private var isSkipping = false
    /// Whether events were lost, and what the device is like now has not been told since.
    package private(set) var needsState = false

    /// Makes a pad at rest.
    /// - Parameter ranges: ranges of the axes' values, by code; axes that are missing have 16 bits, hats -1...1.
    package init(ranges: [UInt16: AxisRange] = [:]) {
        for (code, range) in ranges where range.maximum > range.minimum {
            let half = Double(range.maximum - range.minimum) / 2
            let flat = min(max(Double(range.flat) / half, code >= 0x10 ? 0 : Self.deadZone), 0.5)
            shapes[code] = AxisShape(minimum: range.minimum, maximum: range.maximum, deadZone: flat)
        }
    }

    /// The dead-man button is down, as far as is known.
    package var isSwitchHeld: Bool { pressed.contains(.deadMan) }

    /// Takes events of the pad.
    /// - Returns: what the pad says after each report that says something; the kernel repeats a key that is held by
    ///   itself, so a repeat is no word of the pad's. After a loss (SYN_DROPPED) nothing is known to be held: the
    ///   switch has to be let go and held anew.
    package mutating func receive(_ events: [InputEvent]) -> [DeviceReading] {
        var readings: [DeviceReading] = []
        for event in events {
            switch (event.type, event.code) {
            case (InputEvent.synchronisation, InputEvent.dropped):
                (values, pressed, pending, isSkipping, needsState) = ([:], [], [], true, true)
                readings.append(reading)
            case (InputEvent.synchronisation, InputEvent.report):
                defer { isSkipping = false }
                if isSkipping { continue }
                let isNews = pending.isEmpty || pending.contains { $0.type != InputEvent.key || $0.value != 2 }
                for event in pending { take(event) }
                pending = []
                if isNews { readings.append(reading) }
            default:
                // A device that never reports must not fill the memory.
                if !isSkipping, pending.count < 256 { pending.append(event) }
            }
        }
        return readings
    }

    /// Takes what the device says of itself after a loss. Of its buttons only the emergency stop counts: it may have
    /// been pressed in what was lost. All others, the dead-man first, have to be pressed anew.
    /// - Parameters:
    ///   - held: codes of the buttons that are down (EVIOCGKEY).
    ///   - axes: raw positions of the axes, by code (EVIOCGABS).
    package mutating func resynchronise(held: Set<UInt16>, axes: [UInt16: Int]) -> DeviceReading {
        needsState = false
        values.merge(axes) { $1 }
        if held.contains(where: { Self.buttons[$0] == .emergencyStop }) { pressed.insert(.emergencyStop) }
        return reading
    }

    /// Takes what the device says of itself while its switch is held, although no loss was told. What is up there is
    /// up, and axes stand where they stand; what is down there without an event was not pressed by a hand that this
    /// program has seen.
    /// - Parameters: the same as those of `resynchronise`.
    /// - Returns: nil when it is as it was.
    package mutating func verify(held: Set<UInt16>, axes: [UInt16: Int]) -> DeviceReading? {
        let former = reading
        let down = Set(held.compactMap { Self.buttons[$0] })
        pressed.formIntersection(down)
        if down.contains(.emergencyStop) { pressed.insert(.emergencyStop) }
        for (code, value) in axes where values[code] != nil { values[code] = value }
        return reading == former ? nil : reading
    }

    private mutating func take(_ event: InputEvent) {
        switch event.type {
        case InputEvent.key:
            // 2 is the repeat of a key that is held: it says nothing new.
            guard event.value != 2, let button = Self.buttons[event.code] else { return }
            if event.value == 0 { pressed.remove(button) } else { pressed.insert(button) }
        case InputEvent.axis: values[event.code] = Int(event.value)
        default: return
        }
    }

    private func share(_ code: UInt16) -> Double {
        guard let value = values[code] else { return 0 }
        let usual =
            code >= 0x10
            ? AxisShape(minimum: -1, maximum: 1, deadZone: 0)
            : AxisShape(minimum: -32_768, maximum: 32_767, deadZone: Self.deadZone)
        return (shapes[code] ?? usual).share(value)
    }

    private var reading: DeviceReading {
        var reading = DeviceReading()
        // Sticks: right and towards the user are positive.
        reading.linear = [-share(Code.leftY), -share(Code.leftX), -share(Code.rightY)]
        reading.angular = [share(Code.hatX), share(Code.hatY), -share(Code.rightX)]
        reading.pressed = pressed
        reading.hasSwitch = true
        return reading
    }
}
