/// One event of the kernel's input layer, without its time.
package struct InputEvent: Equatable, Sendable {
    package var type: UInt16
    package var code: UInt16
    package var value: Int32

    package init(type: UInt16, code: UInt16, value: Int32) {
        self.type = type
        self.code = code
        self.value = value
    }

    package static let synchronisation: UInt16 = 0
    package static let key: UInt16 = 1
    package static let axis: UInt16 = 3
    package static let report: UInt16 = 0
    package static let dropped: UInt16 = 3
}

/// Bytes of /dev/input/eventN: `struct input_event` of a 64-bit system, 24 bytes each. linux/input.h.
package struct EventDecoder: Sendable {
    private static let size = 24
    /// What is left of an event that came in two parts; only a pipe does that.
    private var carry: [UInt8] = []

    package init() {}

    /// Takes the bytes that have arrived, and hands out the events that are whole.
    package mutating func receive(_ bytes: some Collection<UInt8>) -> [InputEvent] {
        carry += bytes
        var events: [InputEvent] = []
        var offset = 0
        while carry.count - offset >= Self.size {
            func number(_ at: Int, _ count: Int) -> UInt32 {
                (0..<count).reduce(0) { $0 | UInt32(carry[offset + at + $1]) << UInt32(8 * $1) }
            }
            events.append(
                InputEvent(
                    type: UInt16(number(16, 2)), code: UInt16(number(18, 2)), value: Int32(bitPattern: number(20, 4))))
            offset += Self.size
        }
        carry.removeFirst(offset)
        return events
    }
}

/// Bytes of /dev/input/jsN: `struct js_event`, 8 bytes each, as the events of the input layer that they stand for.
/// linux/joystick.h.
package struct JoystickDecoder: Sendable {
    private static let size = 8
    /// Codes of the axes and buttons in the order that pads of one kind have; others leave out some, or have more.
    package static let usualAxes: [UInt16] = [0, 1, 2, 3, 4, 5, 0x10, 0x11]
    package static let usualButtons: [UInt16] = [
        0x130, 0x131, 0x133, 0x134, 0x136, 0x137, 0x13a, 0x13b, 0x13c, 0x13d, 0x13e,
    ]
    private let axes: [UInt16]
    private let buttons: [UInt16]
    private var carry: [UInt8] = []

    /// Makes a decoder for a device's order of axes and buttons.
    /// - Parameters:
    ///   - axes: the input layer's code of each axis, in the device's order (JSIOCGAXMAP).
    ///   - buttons: the input layer's code of each button, in the device's order (JSIOCGBTNMAP): on a pad with more
    ///     buttons the emergency stop has another number.
    package init(axes: [UInt16] = usualAxes, buttons: [UInt16] = usualButtons) {
        self.axes = axes
        self.buttons = buttons
    }

    package mutating func receive(_ bytes: some Collection<UInt8>) -> [InputEvent] {
        carry += bytes
        var events: [InputEvent] = []
        var offset = 0
        while carry.count - offset >= Self.size {
            let value = Int16(bitPattern: UInt16(carry[offset + 4]) | UInt16(carry[offset + 5]) << 8)
            let (type, number) = (carry[offset + 6], Int(carry[offset + 7]))
            offset += Self.size
            switch type {
            // What is told at the start is not what anybody did: triggers that nobody touched report their middle.
            case 0x81, 0x82: continue
            case 1 where number < buttons.count:
                events.append(InputEvent(type: InputEvent.key, code: buttons[number], value: value == 0 ? 0 : 1))
            case 2 where number < axes.count:
                // A hat is an axis of -32767, 0, 32767 here.
                let isHat = axes[number] >= 0x10
                events.append(
                    InputEvent(
                        type: InputEvent.axis, code: axes[number], value: isHat ? Int32(value).signum() : Int32(value)))
            default: continue
            }
            events.append(InputEvent(type: InputEvent.synchronisation, code: InputEvent.report, value: 0))
        }
        carry.removeFirst(offset)
        return events
    }
}
