import ServoProtocol
import Time

/// Asks Dynamixel servos one thing after the other. For the start and for tools; the control loop has its own way.
package final class DynamixelClient<Port: ServoPort> {
    package let port: Port
    let outgoing = PacketBuffer(capacity: 1_024)
    let parser = DynamixelParser()
    let incoming = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_024, alignment: 8)
    /// Of the line, bits per second.
    package let baud: Int
    /// What an answer may take beyond its time on the wire: return delays, USB, the kernel.
    package var margin = Duration.milliseconds(50)

    package init(port: Port, baud: Int) {
        self.port = port
        self.baud = baud
    }

    deinit { incoming.deallocate() }

    /// An answer.
    package struct Answer: Equatable, Sendable {
        package var id: UInt8
        package var error: Dynamixel.StatusError
        package var data: [UInt8]
    }

    func wireTime(_ bytes: Int) -> Duration { .fromSeconds(Double(bytes) * 10 / Double(baud)) }

    /// Sends what is in `outgoing` and waits for the answer of `id`.
    /// - Parameter dataCount: bytes of data that are expected.
    private func exchange(_ id: UInt8, dataCount: Int) throws(ServoPortError) -> Answer? {
        port.discardInput()
        parser.reset()
        try port.send(outgoing.bytes)
        let deadline = port.now + wireTime(outgoing.count + 11 + dataCount) + margin
        while true {
            let count = try port.receive(into: incoming, until: deadline)
            if count == 0 { return nil }
            _ = parser.feed(UnsafeRawBufferPointer(rebasing: incoming[..<count]))
            while let packet = parser.next() {
                guard packet.id == id, packet.instruction == Dynamixel.Instruction.status.rawValue else { continue }
                let bytes = Array(parser.parameters)
                return Answer(id: id, error: Dynamixel.StatusError(bytes.first ?? 0), data: Array(bytes.dropFirst()))
            }
        }
    }

    /// - Returns: nil if it does not answer in any of them.
    package func ping(_ id: UInt8, tries: Int = 5) throws(ServoPortError) -> (model: Int, firmware: Int)? {
        for _ in 0..<tries {
            outgoing.removeAll()
            Dynamixel.append(.ping, to: id, in: outgoing)
            if let answer = try exchange(id, dataCount: 3), answer.data.count == 3 {
                return (Int(answer.data[0]) | Int(answer.data[1]) << 8, Int(answer.data[2]))
            }
        }
        return nil
    }

    /// Asks all servos at once; an answer can be lost where several talk at a time.
    /// - Parameter patience: how long answers are awaited.
    /// - Returns: ids in ascending order, each once.
    package func pingAll(patience: Duration) throws(ServoPortError) -> [UInt8] {
        outgoing.removeAll()
        Dynamixel.append(.ping, to: Dynamixel.broadcastID, in: outgoing)
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
                if packet.instruction == Dynamixel.Instruction.status.rawValue { found.insert(packet.id) }
            }
        }
    }

    package func read(_ register: DynamixelRegister, of id: UInt8, tries: Int = 3) throws(ServoPortError) -> Int? {
        for _ in 0..<tries {
            outgoing.removeAll()
            Dynamixel.appendRead(register.address, count: register.width, from: id, in: outgoing)
            guard let answer = try exchange(id, dataCount: register.width), answer.data.count == register.width else { continue }
            return answer.data.withUnsafeBytes { register.value(in: $0, base: register.address) }
        }
        return nil
    }

    /// - Returns: what the servo said of it; nil if it said nothing.
    package func write(
        _ value: Int, to register: DynamixelRegister, of id: UInt8, tries: Int = 3
    ) throws(ServoPortError) -> Dynamixel.StatusError? {
        for _ in 0..<tries {
            outgoing.removeAll()
            Dynamixel.appendWrite(value, to: register, of: id, in: outgoing)
            if let answer = try exchange(id, dataCount: 0) { return answer.error }
        }
        return nil
    }

    /// Whether these servos answer a fast sync read: the firmware has it or not, there is no flag to ask.
    func knowsFastSyncRead(_ ids: [UInt8]) throws(ServoPortError) -> Bool {
        outgoing.removeAll()
        Dynamixel.appendSyncRead(DynamixelRegister.presentPosition.address, count: 4, from: ids, isFast: true, in: outgoing)
        guard let answer = try exchange(Dynamixel.broadcastID, dataCount: ids.count * 8) else { return false }
        return answer.data.count == ids.count * 8 - 3
    }
}
