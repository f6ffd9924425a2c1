/// One servo's answer to a packet.
struct ServoAnswer {
    var id: UInt8
    var bytes: [UInt8]
    /// Return delay, seconds.
    var delay: Double
    /// Positions that it tells.
    var readings: [PositionReading] = []
}

extension [ServoAnswer] {
    /// The answers to one packet as the line carries them: servos with one id answer at one time and spoil each other's
    /// bytes.
    /// - Parameter secondsPerByte: a whole answer that is over before another begins is not spoilt.
    func onTheLine(secondsPerByte: Double) -> [ServoAnswer] {
        var result: [ServoAnswer] = []
        for answer in self {
            guard let last = result.last, last.id == answer.id else {
                result.append(answer)
                continue
            }
            let (first, second) = last.delay <= answer.delay ? (last, answer) : (answer, last)
            let gap = second.delay - first.delay - secondsPerByte * Double(first.bytes.count)
            if gap > 0 {
                result[result.count - 1] = first
                result.append(ServoAnswer(id: second.id, bytes: second.bytes, delay: gap, readings: second.readings))
            } else {
                result[result.count - 1] = ServoAnswer(
                    id: first.id, bytes: first.collided(with: second), delay: first.delay)
            }
        }
        return result
    }
}

extension ServoAnswer {
    /// A driver that pulls the line low wins; no two servos begin at quite the same moment.
    fileprivate func collided(with other: Self) -> [UInt8] {
        (0..<Swift.max(bytes.count, other.bytes.count + 1)).map { index in
            let mine = index < bytes.count ? bytes[index] : 0xFF
            let theirs = index > 0 && index <= other.bytes.count ? other.bytes[index - 1] : 0xFF
            return mine & theirs
        }
    }
}
