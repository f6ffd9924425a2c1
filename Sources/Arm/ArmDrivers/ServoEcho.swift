import ServoProtocol
import Time

/// What the line carries back after a question to one servo.
package enum ServoEcho: Equatable, Sendable {
    /// Nothing came back.
    case silence
    /// Bytes that are no whole answer: servos with one id talk at one time, or the cable is bad.
    case damage
    /// More than one whole answer: servos with one id, one after the other.
    case several
    /// One whole answer.
    case answer

    /// The words for what was found, in errors.
    package var text: String {
        switch self {
        case .silence: "no answer"
        case .damage: "damaged answers"
        case .several: "two answers to one question"
        case .answer: "one answer"
        }
    }

    /// Asks until there is one whole answer.
    /// - Parameter ask: puts the question once.
    static func heard(_ tries: Int, _ ask: () throws(ServoPortError) -> Self) throws(ServoPortError) -> Self {
        var (damaged, doubled) = (0, 0)
        for _ in 0..<tries {
            switch try ask() {
            case .answer: return .answer
            case .several: doubled += 1
            case .damage: damaged += 1
            case .silence: break
            }
        }
        // Noise, or an answer to an older question, is there now and then; a second servo is there each time.
        if 2 * doubled > tries { return .several }
        return 2 * (damaged + doubled) > tries ? .damage : .silence
    }
}

extension ServoPort {
    /// Sends a question to one servo and listens for all that comes back.
    /// - Parameters:
    ///   - patience: how long the first answer is awaited; a second one comes within 20 ms of it.
    ///   - isAnswer: whether a packet is the servo's.
    func hear<Framing>(
        _ question: UnsafeRawBufferPointer, _ parser: PacketParser<Framing>,
        into incoming: UnsafeMutableRawBufferPointer,
        patience: Duration, isAnswer: (ServoPacket) -> Bool
    ) throws(ServoPortError) -> ServoEcho {
        discardInput()
        parser.reset()
        let before = parser.counts.strayBytes
        try send(question)
        var deadline = now + patience
        var answers = 0
        while true {
            let count = try receive(into: incoming, until: deadline)
            if count == 0 { break }
            _ = parser.feed(UnsafeRawBufferPointer(rebasing: incoming[..<count]))
            while let packet = parser.next() {
                guard isAnswer(packet) else { continue }
                answers += 1
                deadline = min(deadline, now + .milliseconds(20))
            }
        }
        // What is no packet by now is none.
        parser.reset()
        if answers > 0 { return answers == 1 ? .answer : .several }
        return parser.counts.strayBytes > before ? .damage : .silence
    }
}
