/// Dynamixel Protocol 2.0 (ROBOTIS e-manual, "DYNAMIXEL Protocol 2.0"): packets with byte stuffing and a CRC.
package enum Dynamixel {
    /// Id that addresses every servo.
    package static var broadcastID: UInt8 { 0xFE }
    /// The highest id a servo can have.
    package static var highestID: UInt8 { 252 }
    /// Bytes of a packet without parameters, from header to CRC.
    static var frameLength: Int { 10 }

    /// What a packet asks for, or answers (`status`).
    package enum Instruction: UInt8, Sendable {
        case ping = 0x01
        case read = 0x02
        case write = 0x03
        case registeredWrite = 0x04
        case action = 0x05
        case factoryReset = 0x06
        case reboot = 0x08
        case clear = 0x10
        case status = 0x55
        case syncRead = 0x82
        case syncWrite = 0x83
        case fastSyncRead = 0x8A
        case bulkRead = 0x92
        case bulkWrite = 0x93
        case fastBulkRead = 0x9A
    }

    /// The error byte of a status packet: seven bits are a number, not flags.
    package struct StatusError: Equatable, Sendable, BitwiseCopyable {
        package var byte: UInt8

        package init(_ byte: UInt8) { self.byte = byte }

        /// The servo has a hardware error, to be read at `DynamixelRegister.hardwareErrorStatus`. The answer's data
        /// are good all the same.
        package var hasHardwareAlert: Bool { byte & 0x80 != 0 }
        /// Number of the error: 0 none, 1 result fail, 2 instruction, 3 CRC, 4 data range, 5 data length, 6 data limit,
        /// 7 access.
        package var number: UInt8 { byte & 0x7F }
    }
}

extension Dynamixel.StatusError: CustomStringConvertible {
    package var description: String {
        let text =
            switch number {
            case 0: "no error"
            case 1: "the servo failed to carry it out"
            case 2: "the instruction is unknown to it"
            case 3: "the packet arrived damaged"
            case 4: "the value is out of range"
            case 5: "the value has the wrong length"
            case 6: "the value is beyond the servo's limit registers"
            case 7: "the register cannot be written now (read-only, or EEPROM while torque is on)"
            default: "error \(number)"
            }
        return hasHardwareAlert ? text + ", hardware alert" : text
    }
}

/// CRC-16 with polynomial 0x8005, initial value 0, nothing reflected (CRC-16/UMTS).
enum DynamixelChecksum {
    /// Computes the CRC bit by bit: a packet has some hundred bytes, and a table would be a lazy global in the control
    /// loop.
    static func crc(_ bytes: UnsafeRawBufferPointer) -> UInt16 {
        var crc: UInt16 = 0
        for byte in bytes {
            crc ^= UInt16(byte) << 8
            for _ in 0..<8 { crc = crc & 0x8000 != 0 ? crc << 1 ^ 0x8005 : crc << 1 }
        }
        return crc
    }
}

// MARK: - Writing

extension Dynamixel {
    /// Begins a packet at the buffer's end; parameters are appended to the buffer, then `end` closes it.
    /// - Returns: offset at which the packet begins, for `end`.
    package static func begin(_ instruction: Instruction, to id: UInt8, in buffer: PacketBuffer) -> Int {
        let start = buffer.count
        buffer.append(littleEndian: 0x00FD_FFFF, width: 4)
        buffer.append(id)
        buffer.append(littleEndian: 0, width: 2)
        buffer.append(instruction.rawValue)
        return start
    }

    /// Stuffs the packet that begins at `start`, and adds length and CRC.
    package static func end(_ start: Int, in buffer: PacketBuffer) {
        // FF FF FD in the body would look like a header: an FD more is put behind it.
        var index = start + 7
        while index + 2 < buffer.count {
            if buffer[index] == 0xFF && buffer[index + 1] == 0xFF && buffer[index + 2] == 0xFD {
                buffer.insert(0xFD, at: index + 3)
                index += 4
            } else {
                index += 1
            }
        }
        let length = buffer.count - start - 7 + 2
        buffer[start + 5] = UInt8(truncatingIfNeeded: length)
        buffer[start + 6] = UInt8(truncatingIfNeeded: length >> 8)
        let crc = DynamixelChecksum.crc(UnsafeRawBufferPointer(rebasing: buffer.bytes[start...]))
        buffer.append(littleEndian: Int(crc), width: 2)
    }

    /// The sum over an unfinished packet, as fast answers have it behind each servo's data.
    /// - Parameter length: what the packet's length field will say, without stuffing.
    package static func runningChecksum(_ start: Int, length: Int, in buffer: PacketBuffer) -> Int {
        buffer[start + 5] = UInt8(truncatingIfNeeded: length)
        buffer[start + 6] = UInt8(truncatingIfNeeded: length >> 8)
        return Int(DynamixelChecksum.crc(UnsafeRawBufferPointer(rebasing: buffer.bytes[start...])))
    }

    /// A packet without parameters: ping, reboot, action.
    package static func append(_ instruction: Instruction, to id: UInt8, in buffer: PacketBuffer) {
        end(begin(instruction, to: id, in: buffer), in: buffer)
    }

    package static func appendRead(_ address: Int, count: Int, from id: UInt8, in buffer: PacketBuffer) {
        let start = begin(.read, to: id, in: buffer)
        buffer.append(littleEndian: address, width: 2)
        buffer.append(littleEndian: count, width: 2)
        end(start, in: buffer)
    }

    /// Appends a packet that writes one register of a servo.
    /// - Parameter value: what the register is to hold, and can (`holds`), in its own unit.
    package static func appendWrite(
        _ value: Int, to register: DynamixelRegister, of id: UInt8, instruction: Instruction = .write,
        in buffer: PacketBuffer
    ) {
        precondition(register.holds(value), "a value that the register cannot hold")
        let start = begin(instruction, to: id, in: buffer)
        buffer.append(littleEndian: register.address, width: 2)
        buffer.append(littleEndian: value, width: register.width)
        end(start, in: buffer)
    }

    /// Asks several servos for the same registers: each answers in turn, or all in one packet if `isFast`.
    package static func appendSyncRead(
        _ address: Int, count: Int, from ids: [UInt8], isFast: Bool = false, in buffer: PacketBuffer
    ) {
        let start = begin(isFast ? .fastSyncRead : .syncRead, to: broadcastID, in: buffer)
        buffer.append(littleEndian: address, width: 2)
        buffer.append(littleEndian: count, width: 2)
        for id in ids { buffer.append(id) }
        end(start, in: buffer)
    }

    /// Begins a packet that writes the same registers of several servos: for each an id and `width` bytes are appended.
    /// - Returns: offset at which the packet begins, for `end`.
    package static func beginSyncWrite(_ address: Int, width: Int, in buffer: PacketBuffer) -> Int {
        let start = begin(.syncWrite, to: broadcastID, in: buffer)
        buffer.append(littleEndian: address, width: 2)
        buffer.append(littleEndian: width, width: 2)
        return start
    }

    /// An answer, as a servo sends it.
    package static func appendStatus(
        from id: UInt8, error: StatusError = StatusError(0), _ data: UnsafeRawBufferPointer, in buffer: PacketBuffer
    ) {
        let start = begin(.status, to: id, in: buffer)
        buffer.append(error.byte)
        buffer.append(data)
        end(start, in: buffer)
    }

    /// Bytes on the wire, without stuffing.
    package static func syncReadRequestLength(servos: Int) -> Int { 14 + servos }
    /// Number of bytes of all answers to it.
    package static func syncReadReplyLength(servos: Int, count: Int, isFast: Bool) -> Int {
        isFast ? 8 + servos * (count + 4) : servos * (11 + count)
    }
    package static func syncWriteLength(servos: Int, width: Int) -> Int { 14 + servos * (1 + width) }
}

// MARK: - Reading

/// Finds Dynamixel packets. The parameters of a status packet begin with its error byte.
package enum DynamixelFraming: PacketFraming {
    /// A fast answer of 64 servos with 12 bytes each has just over 1,000.
    package static var longestPacket: Int { 1_100 }

    package static func examine(_ bytes: UnsafeRawBufferPointer) -> PacketVerdict {
        // Inside a packet FF FF FD is always followed by FD: this header begins one.
        let header: InlineArray<4, UInt8> = [0xFF, 0xFF, 0xFD, 0x00]
        for index in 0..<min(4, bytes.count) where bytes[index] != header[index] {
            // An FF may be the header's first.
            var next = 1
            while next < bytes.count && bytes[next] != 0xFF { next += 1 }
            return .stray(count: next)
        }
        guard bytes.count >= 7 else { return .incomplete }
        let length = Int(bytes[5]) | Int(bytes[6]) << 8
        guard length >= 3, length + 7 <= longestPacket, bytes[4] != 0xFF, bytes[4] != 0xFD else {
            return .stray(count: 1)
        }
        guard bytes.count >= length + 7 else { return .incomplete }
        let crc = DynamixelChecksum.crc(UnsafeRawBufferPointer(rebasing: bytes[..<(length + 5)]))
        return crc == UInt16(bytes[length + 5]) | UInt16(bytes[length + 6]) << 8
            ? .packet(length: length + 7) : .corrupt
    }

    package static func decode(_ packet: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer) -> ServoPacket {
        var count = 0
        // The instruction is part of what is stuffed; it is below FF, so that no pattern begins with it.
        for index in 8..<packet.count - 2 {
            let isStuffed =
                packet[index] == 0xFD && index >= 11 && packet[index - 1] == 0xFD && packet[index - 2] == 0xFF
                && packet[index - 3] == 0xFF
            if isStuffed { continue }
            target.storeBytes(of: packet[index], toByteOffset: count, as: UInt8.self)
            count += 1
        }
        return ServoPacket(id: packet[4], instruction: packet[7], parameterCount: count)
    }
}

package typealias DynamixelParser = PacketParser<DynamixelFraming>
