import Maths
import Time

/// Reports of a 3Dconnexion SpaceMouse as hidraw gives them, one read each.
///
/// Report 1 has the translation, and in 13 bytes the rotation too; report 2 the rotation of the models that send both
/// apart; report 3 the buttons. The length decides, not the product.
package struct SpaceMouseDecoder: Sendable {
    /// What keeps the arm from moving by a knock.
    package enum DeadMan: String, CaseIterable, Sendable {
        /// Who holds the puck off its middle holds the switch; the left button is the gripper's.
        case motion
        /// The left button, held.
        case button
    }
    /// Full deflection by the data sheet, as the device counts.
    private static let fullScale = 350
    private static let shape = AxisShape(minimum: -fullScale, maximum: fullScale, deadZone: 0.06)

    /// Deflections to the right, towards the user and down, as the device counts.
    private var translation = [0, 0, 0]
    /// Deflections about those axes, likewise.
    private var rotation = [0, 0, 0]
    private var buttons: UInt8 = 0
    private let deadMan: DeadMan
    private var lastAxes = MonotonicTime.zero

    package init(deadMan: DeadMan = .motion) { self.deadMan = deadMan }

    /// Takes a report.
    /// - Parameter report: a whole report with its id; anything unknown or cut short changes nothing.
    /// - Returns: what the device says now; nil when the report says nothing.
    package mutating func receive(_ report: some Collection<UInt8>, at now: MonotonicTime) -> DeviceReading? {
        let bytes = Array(report)
        // A puck off its middle reports all the time. One that fell silent was let go, and the report of that was lost:
        // a button must not bring back what the axes said then.
        if now - lastAxes > TeleopSession.silence { (translation, rotation) = ([0, 0, 0], [0, 0, 0]) }
        if bytes.first == 1 || bytes.first == 2 { lastAxes = now }
        switch bytes.first {
        case 1 where bytes.count >= 13:
            translation = Self.numbers(bytes[1..<7])
            rotation = Self.numbers(bytes[7..<13])
        case 1 where bytes.count >= 7: translation = Self.numbers(bytes[1..<7])
        case 2 where bytes.count >= 7: rotation = Self.numbers(bytes[1..<7])
        case 3 where bytes.count >= 2: buttons = bytes[1]
        default: return nil
        }
        return reading
    }

    /// Bytes of a stream that keeps no borders between reports (a pipe): cut where reports begin.
    /// - Parameter carry: what was left over; gets what is left over now.
    package static func reports(in carry: inout [UInt8], isCombined: Bool) -> [[UInt8]] {
        var reports: [[UInt8]] = []
        while let id = carry.first {
            let length = id == 1 ? (isCombined ? 13 : 7) : id == 2 ? 7 : id == 3 ? 3 : 1
            guard carry.count >= length else { break }
            reports.append(Array(carry.prefix(length)))
            carry.removeFirst(length)
        }
        return reports
    }

    private var reading: DeviceReading {
        var reading = DeviceReading()
        let t = translation.map(Self.shape.share)
        let r = rotation.map(Self.shape.share)
        // Forward is away from the user, left against right, up against down. About the same axes: the device turns
        // about right, towards the user, down.
        reading.linear = [-t[1], -t[0], -t[2]]
        reading.angular = [-r[1], -r[0], -r[2]]
        let isLeftHeld = buttons & 1 != 0
        if buttons & 2 != 0 { reading.pressed.insert(.emergencyStop) }
        switch deadMan {
        case .motion:
            if isLeftHeld { reading.pressed.insert(.toggleGripper) }
            if !reading.isAtRest { reading.pressed.insert(.deadMan) }
        case .button:
            reading.hasSwitch = true
            if isLeftHeld { reading.pressed.insert(.deadMan) }
        }
        return reading
    }

    private static func numbers(_ bytes: ArraySlice<UInt8>) -> [Int] {
        let bytes = Array(bytes)
        return stride(from: 0, to: bytes.count - 1, by: 2).map {
            Int(Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8))
        }
    }
}
