import ServoProtocol
import Time

/// Asks Feetech servos one thing after the other. For the start and for tools; the control loop has its own way.
package final class FeetechClient<Port: ServoPort> {
    package let port: Port
    let outgoing = PacketBuffer(capacity: 512)
    let parser = FeetechParser()
    let incoming = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 8)
    /// Of the line, bits per second.
    package let baud: Int
    /// What an answer may take beyond its time on the wire.
    package var margin = Duration.milliseconds(50)

    package init(port: Port, baud: Int) {
        self.port = port
        self.baud = baud
    }

    deinit { incoming.deallocate() }

    /// An answer.
    package struct Answer: Equatable, Sendable {
        package var error: Feetech.StatusError
        package var data: [UInt8]
    }

    func wireTime(_ bytes: Int) -> Duration { .fromSeconds(Double(bytes) * 10 / Double(baud)) }

    private func exchange(_ id: UInt8, dataCount: Int) throws(ServoPortError) -> Answer? {
        port.discardInput()
        parser.reset()
        try port.send(outgoing.bytes)
        let deadline = port.now + wireTime(outgoing.count + 6 + dataCount) + margin
        while true {
            let count = try port.receive(into: incoming, until: deadline)
            if count == 0 { return nil }
            _ = parser.feed(UnsafeRawBufferPointer(rebasing: incoming[..<count]))
            while let packet = parser.next() {
                guard packet.id == id, packet.parameterCount == dataCount else { continue }
                return Answer(error: Feetech.StatusError(rawValue: packet.instruction), data: Array(parser.parameters))
            }
        }
    }

    /// - Returns: its error bits; nil if it does not answer.
    package func ping(_ id: UInt8, tries: Int = 5) throws(ServoPortError) -> Feetech.StatusError? {
        for _ in 0..<tries {
            outgoing.removeAll()
            Feetech.append(.ping, to: id, in: outgoing)
            if let answer = try exchange(id, dataCount: 0) { return answer.error }
        }
        return nil
    }

    /// Asks all servos at once; an answer can be lost where several talk at a time.
    /// - Parameter patience: how long answers are awaited.
    /// - Returns: ids in ascending order, each once.
    package func pingAll(patience: Duration) throws(ServoPortError) -> [UInt8] {
        outgoing.removeAll()
        Feetech.append(.ping, to: Feetech.broadcastID, in: outgoing)
        port.discardInput()
        parser.reset()
        try port.send(outgoing.bytes)
        let deadline = port.now + wireTime(outgoing.count) + patience
        var found: Set<UInt8> = []
        while true {
            let count = try port.receive(into: incoming, until: deadline)
            if count == 0 { return found.sorted() }
            _ = parser.feed(UnsafeRawBufferPointer(rebasing: incoming[..<count]))
            while let packet = parser.next() {
                if packet.parameterCount == 0, packet.id <= Feetech.highestID { found.insert(packet.id) }
            }
        }
    }

    package func read(_ register: FeetechRegister, of id: UInt8, tries: Int = 3) throws(ServoPortError) -> Int? {
        for _ in 0..<tries {
            outgoing.removeAll()
            Feetech.appendRead(register.address, count: register.width, from: id, in: outgoing)
            guard let answer = try exchange(id, dataCount: register.width) else { continue }
            return answer.data.withUnsafeBytes { register.value(in: $0, base: register.address) }
        }
        return nil
    }

    /// - Returns: whether the servo said that it took it.
    package func write(
        _ value: Int, to register: FeetechRegister, of id: UInt8, tries: Int = 3
    ) throws(ServoPortError) -> Bool {
        for _ in 0..<tries {
            outgoing.removeAll()
            Feetech.appendWrite(value, to: register, of: id, in: outgoing)
            if try exchange(id, dataCount: 0) != nil { return true }
        }
        return false
    }
}
