import ArmDrivers

/// Looks for servos at all rates of all protocols, one step at a time.
package struct ServoScan: Sendable {
    package struct Step: Equatable, Sendable {
        package var servoProtocol: ServoLayout.ServoProtocolName
        package var baud: Int

        package init(servoProtocol: ServoLayout.ServoProtocolName, baud: Int) {
            self.servoProtocol = servoProtocol
            self.baud = baud
        }
    }
    /// Servos that were found together.
    package struct Finding: Equatable, Sendable {
        package var step: Step
        package var servos: [ServoReading]

        package init(step: Step, servos: [ServoReading]) {
            self.step = step
            self.servos = servos
        }
    }

    /// In the order in which they are tried: the likely ones first.
    package let steps: [Step]
    /// Asked one by one besides the call to all: answers to that can collide.
    package let ids: ClosedRange<UInt8>

    /// - Parameters:
    ///   - servoProtocol: nil tries both.
    ///   - baud: nil tries all.
    package init(servoProtocol: ServoLayout.ServoProtocolName?, baud: Int?, ids: ClosedRange<UInt8>) {
        let protocols = servoProtocol.map { [$0] } ?? ServoLayout.ServoProtocolName.allCases
        var steps: [Step] = []
        for place in 0..<(protocols.map(\.bauds.count).max() ?? 0) {
            for name in protocols where place < name.bauds.count {
                if baud == nil || place == 0 { steps.append(Step(servoProtocol: name, baud: baud ?? name.bauds[place])) }
            }
        }
        self.steps = steps
        self.ids = ids
    }

    /// What answers on this line.
    package func servos<Port: ServoPort>(on line: ServoLine<Port>) throws(ServoPortError) -> [ServoReading] {
        var found = Set(try line.answering())
        let usual = line.margin
        line.margin = .milliseconds(20)
        for id in ids where !found.contains(id) {
            if try line.answers(id, tries: 1) { found.insert(id) }
        }
        line.margin = usual
        var readings: [ServoReading] = []
        for id in found.sorted() {
            if let reading = try line.survey(id) { readings.append(reading) }
        }
        return readings
    }
}
