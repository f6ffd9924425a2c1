import Foundation

/// Writes the little msgpack that tests need, in the widths asked for.
struct MessagePackWriter {
    var bytes: [UInt8] = []

    static func bigEndian<I: FixedWidthInteger>(_ number: I) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    static func string(_ text: String) -> [UInt8] { [0xd9, UInt8(text.utf8.count)] + Array(text.utf8) }
    static func binary(_ payload: [UInt8]) -> [UInt8] { [0xc6] + bigEndian(UInt32(payload.count)) + payload }
    static func ext(_ type: Int8, _ payload: [UInt8]) -> [UInt8] {
        [0xc9] + bigEndian(UInt32(payload.count)) + [UInt8(bitPattern: type)] + payload
    }
    static func map(_ members: [(String, [UInt8])]) -> [UInt8] {
        [0xdf] + bigEndian(UInt32(members.count)) + members.flatMap { string($0.0) + $0.1 }
    }
    static func integer(_ number: Int) -> [UInt8] { [0xd3] + bigEndian(Int64(number)) }

    /// flax's form of an array.
    static func array(_ shape: [Int], _ type: String, _ payload: [UInt8]) -> [UInt8] {
        let dimensions = [0xdc] + bigEndian(UInt16(shape.count)) + shape.flatMap { integer($0) }
        return ext(1, [0x93] + dimensions + string(type) + binary(payload))
    }

    static func floats(_ numbers: [Float]) -> [UInt8] { numbers.withUnsafeBytes { Array($0) } }
}
