import ServoProtocol
import Time

/// Asks Dynamixel servos one thing after the other. For the start and for tools; the control loop has its own way.
package final class DynamixelClient<Port: ServoPort> {
    package let port: Port
    let outgoing = PacketBuffer(capacity: 1_024)
    let parser = DynamixelParser()
    let incoming = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_024, alignment: 8)
    /// Rate of the line, bits per second.
    package let baud: Int
    /// Time that an answer may take beyond its time on the wire: return delays, USB, the kernel.
    package var margin = Duration.milliseconds(50)
    /// Whether there were bytes that are no answer when all were asked at once.
    package private(set) var hasHeardDamage = false
    /// The last answer did not come in time. It may still come, and must not be taken for that to the next question.
    private var mayComeLate = false

    package init(port: Port, baud: Int) {
        self.port = port
        self.baud = baud
    }

    deinit { incoming.deallocate() }

    /// One servo's answer.
    package struct Answer: Equatable, Sendable {
        package var id: UInt8
        package var error: Dynamixel.StatusError
        package var data: [UInt8]
    }

    func wireTime(_ bytes: Int) -> Duration { .fromSeconds(Double(bytes) * 10 / Double(baud)) }

    /// Sends what is in `outgoing` and waits for the answer of `id`.
    /// - Parameter dataCount: number of data bytes that are expected.
    private func exchange(_ id: UInt8, dataCount: Int) throws(ServoPortError) -> Answer? {
        try letLateOnesPass()
        port.discardInput()
        parser.reset()
        try port.send(outgoing.bytes)
        let deadline = port.now + wireTime(outgoing.count + 11 + dataCount) + margin
        while true {
            let count = try port.receive(into: incoming, until: deadline)
            if count == 0 {
                mayComeLate = true
                return nil
            }
            _ = parser.feed(UnsafeRawBufferPointer(rebasing: incoming[..<count]))
            while let packet = parser.next() {
                guard packet.id == id, packet.instruction == Dynamixel.Instruction.status.rawValue else { continue }
                let bytes = Array(parser.parameters)
                return Answer(id: id, error: Dynamixel.StatusError(bytes.first ?? 0), data: Array(bytes.dropFirst()))
            }
        }
    }

    private func letLateOnesPass() throws(ServoPortError) {
        guard mayComeLate else { return }
        mayComeLate = false
        let end = port.now + margin
        while try port.receive(into: incoming, until: end) > 0 {}
    }

    /// Asks a servo for its model number and firmware, up to `tries` times.
    /// - Returns: nil if it does not answer in any of the tries.
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

    /// Pings one servo, and tells what the line carried back.
    package func echo(of id: UInt8, tries: Int = 5) throws(ServoPortError) -> ServoEcho {
        try ServoEcho.heard(tries) { () throws(ServoPortError) in
            outgoing.removeAll()
            Dynamixel.append(.ping, to: id, in: outgoing)
            let patience = wireTime(outgoing.count + 14) + margin
            return try port.hear(outgoing.bytes, parser, into: incoming, patience: patience) {
                $0.id == id && $0.instruction == Dynamixel.Instruction.status.rawValue
            }
        }
    }

    /// Asks all servos at once; an answer can be lost where several talk at a time.
    /// - Parameter patience: how long answers are awaited.
    /// - Returns: ids in ascending order, each once.
    package func pingAll(patience: Duration) throws(ServoPortError) -> [UInt8] {
        outgoing.removeAll()
        Dynamixel.append(.ping, to: Dynamixel.broadcastID, in: outgoing)
        port.discardInput()
        parser.reset()
        let before = parser.counts.strayBytes
        try port.send(outgoing.bytes)
        let deadline = port.now + wireTime(outgoing.count) + patience
        var found: Set<UInt8> = []
        while true {
            let count = try port.receive(into: incoming, until: deadline)
            if count == 0 {
                parser.reset()
                hasHeardDamage = parser.counts.strayBytes > before
                return found.sorted()
            }
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
            guard let answer = try exchange(id, dataCount: register.width), answer.data.count == register.width else {
                continue
            }
            return answer.data.withUnsafeBytes { register.value(in: $0, base: register.address) }
        }
        return nil
    }

    /// Writes, and where no answer comes reads back: a servo may be set to answer no writes, and an answer may be lost.
    /// - Returns: what the servo said of it; nil if it neither answered nor holds the value.
    package func write(
        _ value: Int, to register: DynamixelRegister, of id: UInt8, tries: Int = 3
    ) throws(ServoPortError) -> Dynamixel.StatusError? {
        for _ in 0..<tries {
            outgoing.removeAll()
            Dynamixel.appendWrite(value, to: register, of: id, in: outgoing)
            if let answer = try exchange(id, dataCount: 0) { return answer.error }
            if try read(register, of: id, tries: 1) == value { return Dynamixel.StatusError(0) }
        }
        return nil
    }

    /// Lets a servo answer everything: at a lower status return level it obeys writes, and reads too, without a word.
    /// - Returns: false if it still answers no reads.
    package func answerEverything(_ id: UInt8) throws(ServoPortError) -> Bool {
        if try read(.statusReturnLevel, of: id) == 2 { return true }
        _ = try write(2, to: .statusReturnLevel, of: id)
        return try read(.statusReturnLevel, of: id) == 2
    }

    /// Whether these servos answer a fast sync read: the firmware has it or not, there is no flag to ask.
    func knowsFastSyncRead(_ ids: [UInt8]) throws(ServoPortError) -> Bool {
        outgoing.removeAll()
        Dynamixel.appendSyncRead(
            DynamixelRegister.presentPosition.address, count: 4, from: ids, isFast: true, in: outgoing)
        guard let answer = try exchange(Dynamixel.broadcastID, dataCount: ids.count * 8) else { return false }
        return answer.data.count == ids.count * 8 - 3
    }
}
