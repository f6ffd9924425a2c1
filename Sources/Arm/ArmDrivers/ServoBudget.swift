import ServoProtocol

/// What one control tick puts on the servo bus.
package struct ServoBudget: Equatable, Sendable {
    /// Bytes sent and received in a tick.
    package var bytesPerTick: Int
    /// Baud rate of the line, bits per second.
    package var baud: Int
    /// Time that is not bytes, seconds: return delays, and an adapter's turn-round.
    package var delaySeconds: Double

    /// Time in which USB turns the line round, seconds: a good half millisecond with the latency timer at 1 ms.
    private static let turnRoundSeconds = 0.6e-3

    package init(bytesPerTick: Int, baud: Int, delaySeconds: Double) {
        self.bytesPerTick = bytesPerTick
        self.baud = baud
        self.delaySeconds = delaySeconds
    }

    /// The budget of an arm whose servos are asked for current, velocity and position, and told goals.
    /// - Parameter usesFastRead: Dynamixel servos of recent firmware answer together.
    package init(_ layout: ServoLayout, baud: Int, usesFastRead: Bool) {
        let servos = layout.leaders.count
        let bytes: Int
        switch layout.servoProtocol {
        case .dynamixel:
            bytes =
                Dynamixel.syncReadRequestLength(servos: servos)
                + Dynamixel.syncReadReplyLength(servos: servos, count: Self.bytesRead(.dynamixel), isFast: usesFastRead)
                + Dynamixel.syncWriteLength(servos: servos, width: DynamixelRegister.goalPosition.width)
        case .feetech:
            bytes =
                Feetech.syncReadRequestLength(servos: servos)
                + Feetech.syncReadReplyLength(servos: servos, count: Self.bytesRead(.feetech))
                + Feetech.syncWriteLength(servos: servos, width: FeetechRegister.goalPosition.width)
        }
        self.init(bytesPerTick: bytes, baud: baud, delaySeconds: Self.turnRoundSeconds)
    }

    /// Bytes that a tick needs of each servo: current or load, velocity and position; with Feetech also voltage and
    /// temperature.
    static func bytesNeeded(_ name: ServoLayout.ServoProtocolName) -> Int {
        switch name {
        case .dynamixel: 10
        case .feetech: 8
        }
    }

    /// The most that a tick reads: what it needs, and the bytes by which questions are told apart.
    static func bytesRead(_ name: ServoLayout.ServoProtocolName) -> Int { bytesNeeded(name) + ServoLineState.tags - 1 }

    /// Time on the wire, seconds; a byte has ten bits.
    package var tickSeconds: Double { Double(bytesPerTick) * 10 / Double(baud) + delaySeconds }
    /// The highest rate at which four fifths of a tick are enough.
    package var highestHertz: Double { 0.8 / tickSeconds }
}

extension ServoBudget: CustomStringConvertible {
    package var description: String {
        let share = Int((tickSeconds * 1e6).rounded())
        return "\(bytesPerTick) bytes a tick at \(baud) baud: \(share) µs, at most \(Int(highestHertz)) Hz"
    }
}
