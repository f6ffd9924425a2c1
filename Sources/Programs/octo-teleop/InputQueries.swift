import Foundation
import Teleop

/// What the kernel knows of an input device. Of what is none (a pipe) it knows nothing, and that is no error.
enum InputQueries {
    /// linux/input.h and linux/joystick.h, on a 64-bit system.
    private enum Request {
        static let absolute: UInt = 0x8018_4540  // EVIOCGABS(0)
        static let keys: UInt = 0x8060_4518  // EVIOCGKEY(96)
        static let axisCount: UInt = 0x8001_6A11  // JSIOCGAXES
        static let buttonCount: UInt = 0x8001_6A12  // JSIOCGBUTTONS
        static let axisMap: UInt = 0x8040_6A32  // JSIOCGAXMAP
        static let buttonMap: UInt = 0x8400_6A34  // JSIOCGBTNMAP
    }
    private static let axes: [UInt16] = [0, 1, 2, 3, 4, 5, 0x10, 0x11]

    static func ranges(_ descriptor: Int32) -> [UInt16: Gamepad.AxisRange] {
        var ranges: [UInt16: Gamepad.AxisRange] = [:]
        for code in axes {
            guard let known = absolute(code, descriptor) else { continue }
            ranges[code] = .init(minimum: Int(known[1]), maximum: Int(known[2]), flat: Int(known[4]))
        }
        return ranges
    }

    /// Raw values of the axes, by code.
    static func values(_ descriptor: Int32) -> [UInt16: Int] {
        var values: [UInt16: Int] = [:]
        for code in axes {
            if let known = absolute(code, descriptor) { values[code] = Int(known[0]) }
        }
        return values
    }

    /// What an axis is like (EVIOCGABS): value, minimum, maximum, fuzz, flat and resolution; nil where the device does
    /// not tell.
    private static func absolute(_ code: UInt16, _ descriptor: Int32) -> [Int32]? {
        var information = [Int32](repeating: 0, count: 6)
        return ioctl(descriptor, Request.absolute + UInt(code), &information) == 0 ? information : nil
    }

    /// Codes of the buttons that are down; the errno where the device does not tell.
    static func held(_ descriptor: Int32) -> Result<Set<UInt16>, Refusal> {
        var bits = [UInt8](repeating: 0, count: 96)
        guard ioctl(descriptor, Request.keys, &bits) >= 0 else { return .failure(Refusal(errno: errno)) }
        return .success(Set((0..<UInt16(bits.count * 8)).filter { bits[Int($0 / 8)] >> UInt8($0 % 8) & 1 == 1 }))
    }

    /// A device does not answer.
    struct Refusal: Error {
        let errno: Int32
        /// The device is unplugged, and not merely something else than an input device.
        var isGone: Bool { errno == ENODEV }
    }

    /// A decoder with the device's own order of axes and buttons; the usual one where the device does not tell.
    static func joystick(_ descriptor: Int32) -> JoystickDecoder {
        var (axisCount, buttonCount) = (UInt8(0), UInt8(0))
        var axisMap = [UInt8](repeating: 0, count: 64)
        var buttonMap = [UInt16](repeating: 0, count: 512)
        guard ioctl(descriptor, Request.axisCount, &axisCount) >= 0,
            ioctl(descriptor, Request.buttonCount, &buttonCount) >= 0,
            ioctl(descriptor, Request.axisMap, &axisMap) >= 0, ioctl(descriptor, Request.buttonMap, &buttonMap) >= 0
        else { return JoystickDecoder() }
        return JoystickDecoder(
            axes: axisMap.prefix(Int(axisCount)).map(UInt16.init), buttons: Array(buttonMap.prefix(Int(buttonCount))))
    }
}
