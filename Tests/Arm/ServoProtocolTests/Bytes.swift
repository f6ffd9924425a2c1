import ServoProtocol

/// Bytes as they are written in a data sheet.
func bytes(_ text: String) -> [UInt8] { text.split(separator: " ").compactMap { UInt8($0, radix: 16) } }

/// What `write` puts into a buffer.
func packet(_ write: (PacketBuffer) -> Void) -> [UInt8] {
    let buffer = PacketBuffer(capacity: 1_000)
    write(buffer)
    return Array(buffer.bytes)
}

/// A packet with its parameters.
struct Received: Equatable {
    var id: UInt8
    var instruction: UInt8
    var parameters: [UInt8]
}

extension PacketParser {
    /// Feeds all of `bytes`, in pieces, and takes every packet.
    func receive(_ bytes: some Collection<UInt8>, pieces: Int = .max) -> [Received] {
        var received: [Received] = []
        var rest = Array(bytes)[...]
        repeat {
            let piece = Array(rest.prefix(pieces))
            let taken = piece.withUnsafeBytes { feed($0) }
            rest = rest.dropFirst(taken)
            while let packet = next() {
                received.append(Received(id: packet.id, instruction: packet.instruction, parameters: Array(parameters)))
            }
        } while !rest.isEmpty
        return received
    }
}
