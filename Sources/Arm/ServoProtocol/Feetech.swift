/// The protocol of Feetech's STS servos: frames as in Dynamixel's first protocol, without stuffing.
package enum Feetech {
    /// Id that addresses every servo.
    package static var broadcastID: UInt8 { 0xFE }
    /// The highest id a servo can have.
    package static var highestID: UInt8 { 252 }

    /// What a packet asks for. Answers have none: their error bits stand in its place.
    package enum Instruction: UInt8, Sendable {
        case ping = 1
        case read = 2
        case write = 3
        case registeredWrite = 4
        case action = 5
        case syncRead = 0x82
        case syncWrite = 0x83
    }

    /// The error byte of an answer.
    package struct StatusError: OptionSet, Equatable, Sendable, BitwiseCopyable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static var voltage: Self { Self(rawValue: 1) }
        package static var angleSensor: Self { Self(rawValue: 2) }
        package static var overheating: Self { Self(rawValue: 4) }
        package static var overcurrent: Self { Self(rawValue: 8) }
        package static var overload: Self { Self(rawValue: 32) }
    }
}

extension Feetech.StatusError: CustomStringConvertible {
    package var description: String {
        var words: [String] = []
        if contains(.voltage) { words.append("input voltage") }
        if contains(.angleSensor) { words.append("angle sensor") }
        if contains(.overheating) { words.append("overheating") }
        if contains(.overcurrent) { words.append("overcurrent") }
        if contains(.overload) { words.append("overload") }
        if rawValue & ~0x2F != 0 { words.append("error bits \(rawValue)") }
        return words.isEmpty ? "none" : words.joined(separator: ", ")
    }
}

// MARK: - Writing

extension Feetech {
    /// Begins a packet at the buffer's end; parameters are appended to the buffer, then `end` closes it.
    /// - Returns: offset at which the packet begins, for `end`.
    package static func begin(_ instruction: Instruction, to id: UInt8, in buffer: PacketBuffer) -> Int {
        begin(byte: instruction.rawValue, to: id, in: buffer)
    }

    private static func begin(byte: UInt8, to id: UInt8, in buffer: PacketBuffer) -> Int {
        let start = buffer.count
        buffer.append(littleEndian: 0xFFFF, width: 2)
        buffer.append(id)
        buffer.append(0)
        buffer.append(byte)
        return start
    }

    /// Adds length and check sum to the packet that begins at `start`.
    package static func end(_ start: Int, in buffer: PacketBuffer) {
        let length = buffer.count - start - 5 + 2
        precondition(length <= Int(FeetechFraming.longestLength), "a Feetech packet of \(length) bytes")
        buffer[start + 3] = UInt8(length)
        buffer.append(checksum(UnsafeRawBufferPointer(rebasing: buffer.bytes[(start + 2)...])))
    }

    /// The inverted sum of the bytes from the id on.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt8 {
        var sum: UInt8 = 0
        for byte in bytes { sum &+= byte }
        return ~sum
    }

    /// A packet without parameters: ping, action.
    package static func append(_ instruction: Instruction, to id: UInt8, in buffer: PacketBuffer) {
        end(begin(instruction, to: id, in: buffer), in: buffer)
    }

    package static func appendRead(_ address: Int, count: Int, from id: UInt8, in buffer: PacketBuffer) {
        let start = begin(.read, to: id, in: buffer)
        buffer.append(littleEndian: address, width: 1)
        buffer.append(littleEndian: count, width: 1)
        end(start, in: buffer)
    }

    /// Appends a packet that writes one register of a servo.
    /// - Parameter value: what the register is to hold, and can (`holds`).
    package static func appendWrite(
        _ value: Int, to register: FeetechRegister, of id: UInt8, instruction: Instruction = .write,
        in buffer: PacketBuffer
    ) {
        let start = begin(instruction, to: id, in: buffer)
        buffer.append(littleEndian: register.address, width: 1)
        buffer.append(littleEndian: register.encoded(value), width: register.width)
        end(start, in: buffer)
    }

    package static func appendSyncRead(
        _ address: Int, count: Int, from ids: [UInt8], in buffer: PacketBuffer
    ) {
        let start = begin(.syncRead, to: broadcastID, in: buffer)
        buffer.append(littleEndian: address, width: 1)
        buffer.append(littleEndian: count, width: 1)
        for id in ids { buffer.append(id) }
        end(start, in: buffer)
    }

    /// Begins a packet that writes the same registers of several servos: for each an id and `width` bytes are appended.
    /// - Returns: offset at which the packet begins, for `end`.
    package static func beginSyncWrite(_ address: Int, width: Int, in buffer: PacketBuffer) -> Int {
        let start = begin(.syncWrite, to: broadcastID, in: buffer)
        buffer.append(littleEndian: address, width: 1)
        buffer.append(littleEndian: width, width: 1)
        return start
    }

    /// An answer, as a servo sends it.
    package static func appendStatus(
        from id: UInt8, error: StatusError = [], _ data: UnsafeRawBufferPointer, in buffer: PacketBuffer
    ) {
        let start = begin(byte: error.rawValue, to: id, in: buffer)
        buffer.append(data)
        end(start, in: buffer)
    }

    package static func syncReadRequestLength(servos: Int) -> Int { 8 + servos }
    /// Bytes of all answers to it.
    package static func syncReadReplyLength(servos: Int, count: Int) -> Int { servos * (6 + count) }
    package static func syncWriteLength(servos: Int, width: Int) -> Int { 8 + servos * (1 + width) }
}

// MARK: - Reading

/// Finds Feetech packets.
package enum FeetechFraming: PacketFraming {
    /// The most the length byte may say.
    static var longestLength: UInt8 { 250 }
    package static var longestPacket: Int { Int(longestLength) + 4 }

    package static func examine(_ bytes: UnsafeRawBufferPointer) -> PacketVerdict {
        for index in 0..<min(2, bytes.count) where bytes[index] != 0xFF {
            var next = 1
            while next < bytes.count && bytes[next] != 0xFF { next += 1 }
            return .stray(count: next)
        }
        guard bytes.count >= 4 else { return .incomplete }
        // An id of FF is the header's second byte: it begins one later.
        guard bytes[2] != 0xFF, (2...longestLength).contains(bytes[3]) else { return .stray(count: 1) }
        let length = Int(bytes[3]) + 4
        guard bytes.count >= length else { return .incomplete }
        let checksum = Feetech.checksum(UnsafeRawBufferPointer(rebasing: bytes[2..<(length - 1)]))
        return checksum == bytes[length - 1] ? .packet(length: length) : .corrupt
    }

    package static func decode(_ packet: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer) -> ServoPacket {
        let count = packet.count - 6
        for index in 0..<count { target.storeBytes(of: packet[5 + index], toByteOffset: index, as: UInt8.self) }
        return ServoPacket(id: packet[2], instruction: packet[4], parameterCount: count)
    }
}

package typealias FeetechParser = PacketParser<FeetechFraming>
