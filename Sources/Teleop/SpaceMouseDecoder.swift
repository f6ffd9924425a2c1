import Geometry

/// Reports of a 3Dconnexion SpaceMouse as hidraw gives them, one read each.
///
/// Report 1 has the translation, and in 13 bytes the rotation too; report 2 the rotation of the models that send both
/// apart; report 3 the buttons. The length decides, not the product.
package struct SpaceMouseDecoder: Sendable {
    /// Nominal full deflection.
    private static let fullScale = 350
    private static let shape = AxisShape(minimum: -fullScale, maximum: fullScale, deadZone: 0.06)

    /// Right, towards the user, down; and about those axes. As the device counts.
    private var translation = [0, 0, 0]
    private var rotation = [0, 0, 0]
    private var buttons: UInt8 = 0

    package init() {}

    /// - Parameter report: whole, with its id; anything unknown or cut short changes nothing.
    /// - Returns: what the device says now; nil when the report says nothing.
    package mutating func receive(_ report: some Collection<UInt8>) -> DeviceReading? {
        let bytes = Array(report)
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

    /// The puck is let go, or silent: a lost last report must not leave the arm moving.
    package mutating func release() -> DeviceReading {
        (translation, rotation) = ([0, 0, 0], [0, 0, 0])
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
        // Forward is away from the user, left against right, up against down. About the same axes: the device turns about
        // right, towards the user, down.
        reading.linear = [-t[1], -t[0], -t[2]]
        reading.angular = [-r[1], -r[0], -r[2]]
        if buttons & 1 != 0 { reading.pressed.insert(.toggleGripper) }
        if buttons & 2 != 0 { reading.pressed.insert(.emergencyStop) }
        // It has no button to spare: who holds the puck off its middle holds the switch.
        if !reading.isAtRest { reading.pressed.insert(.deadMan) }
        return reading
    }

    private static func numbers(_ bytes: ArraySlice<UInt8>) -> [Int] {
        let bytes = Array(bytes)
        return stride(from: 0, to: bytes.count - 1, by: 2).map { Int(Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)) }
    }
}
