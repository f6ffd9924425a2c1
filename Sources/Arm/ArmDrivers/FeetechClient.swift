import ServoProtocol
import Time

/// Asks Feetech servos one thing after the other. For the start and for tools; the control loop has its own way.
package final class FeetechClient<Port: ServoPort> {
    package let port: Port
    let outgoing = PacketBuffer(capacity: 512)
    let parser = FeetechParser()
    let incoming = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 8)
    /// Rate of the line, bits per second.
    package let baud: Int
    /// Time that an answer may take beyond its time on the wire.
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
        package var error: Feetech.StatusError
        package var data: [UInt8]
    }

    func wireTime(_ bytes: Int) -> Duration { .fromSeconds(Double(bytes) * 10 / Double(baud)) }

    private func exchange(_ id: UInt8, dataCount: Int) throws(ServoPortError) -> Answer? {
        try letLateOnesPass()
        port.discardInput()
        parser.reset()
        try port.send(outgoing.bytes)
        let deadline = port.now + wireTime(outgoing.count + 6 + dataCount) + margin
        while true {
            let count = try port.receive(into: incoming, until: deadline)
            if count == 0 {
                mayComeLate = true
                return nil
            }
            _ = parser.feed(UnsafeRawBufferPointer(rebasing: incoming[..<count]))
            while let packet = parser.next() {
                guard packet.id == id, packet.parameterCount == dataCount else { continue }
                return Answer(error: Feetech.StatusError(rawValue: packet.instruction), data: Array(parser.parameters))
            }
        }
    }

    private func letLateOnesPass() throws(ServoPortError) {
        guard mayComeLate else { return }
        mayComeLate = false
        let end = port.now + margin
        while try port.receive(into: incoming, until: end) > 0 {}
    }

    /// Asks a servo whether it is there, up to `tries` times.
    /// - Returns: the servo's error bits; nil if it does not answer.
    package func ping(_ id: UInt8, tries: Int = 5) throws(ServoPortError) -> Feetech.StatusError? {
        for _ in 0..<tries {
            outgoing.removeAll()
            Feetech.append(.ping, to: id, in: outgoing)
            if let answer = try exchange(id, dataCount: 0) { return answer.error }
        }
        return nil
    }

    /// Pings one servo, and tells what the line carried back.
    package func echo(of id: UInt8, tries: Int = 5) throws(ServoPortError) -> ServoEcho {
        try ServoEcho.heard(tries) { () throws(ServoPortError) in
            outgoing.removeAll()
            Feetech.append(.ping, to: id, in: outgoing)
            return try port.hear(
                outgoing.bytes, parser, into: incoming, patience: wireTime(outgoing.count + 6) + margin
            ) {
                $0.id == id && $0.parameterCount == 0
            }
        }
    }

    /// Asks all servos at once; an answer can be lost where several talk at a time.
    /// - Parameter patience: how long answers are awaited.
    /// - Returns: ids in ascending order, each once.
    package func pingAll(patience: Duration) throws(ServoPortError) -> [UInt8] {
        outgoing.removeAll()
        Feetech.append(.ping, to: Feetech.broadcastID, in: outgoing)
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

    /// Writes, and where no answer comes reads back: a servo may be set to answer no writes, and an answer may be lost.
    /// - Returns: whether the servo said that it took it, or holds the value.
    package func write(
        _ value: Int, to register: FeetechRegister, of id: UInt8, tries: Int = 3
    ) throws(ServoPortError) -> Bool {
        for _ in 0..<tries {
            outgoing.removeAll()
            Feetech.appendWrite(value, to: register, of: id, in: outgoing)
            if try exchange(id, dataCount: 0) != nil { return true }
            if try read(register, of: id, tries: 1) == value { return true }
        }
        return false
    }

    /// Lets a servo answer everything: at response level 0 it obeys writes without a word.
    /// - Returns: false if it still does not, or answers no reads.
    package func answerEverything(_ id: UInt8) throws(ServoPortError) -> Bool {
        if try read(.responseStatusLevel, of: id) == 1 { return true }
        _ = try write(1, to: .responseStatusLevel, of: id)
        return try read(.responseStatusLevel, of: id) == 1
    }
}
