import ArmDrivers

/// Compares servos with a calibration file.
package struct ServoCheck: Equatable, Sendable {
    /// A point in which a servo is not as the file says, or not well.
    package struct Finding: Equatable, Sendable {
        /// How much a finding matters.
        package enum Severity: String, Sendable {
            /// The driver would refuse to start, or angles would be wrong.
            case mismatch
            /// The servo works, but a person should know.
            case warning
        }
        package var servo: UInt8
        package var severity: Severity
        /// The part of the servo that it is about, in words.
        package var subject: String
        package var found: String
        package var expected: String
        package var advice: String
    }

    /// A reading for each servo of the file, nil where it does not answer; in the order of their ids.
    package let servos: [(id: UInt8, reading: ServoReading?)]
    package let findings: [Finding]

    package var isSound: Bool { !findings.contains { $0.severity == .mismatch } }

    package static func == (a: Self, b: Self) -> Bool {
        a.findings == b.findings && a.servos.map(\.id) == b.servos.map(\.id)
            && a.servos.map(\.reading) == b.servos.map(\.reading)
    }

    /// Asks all servos of the file.
    /// - Parameter spans: how far each joint can turn by the arm's construction, radians; empty is not compared.
    package init<Port: ServoPort>(
        _ layout: ServoLayout, spans: [ClosedRange<Double>] = [], on line: ServoLine<Port>
    ) throws(ServoPortError) {
        var servos: [(id: UInt8, reading: ServoReading?)] = []
        var echoes: [UInt8: ServoEcho] = [:]
        for id in layout.ids {
            let reading = try line.survey(id)
            if reading == nil { echoes[id] = try line.echo(of: id) }
            servos.append((id, reading))
        }
        self.init(layout, spans: spans, servos: servos, echoes: echoes)
    }

    /// Compares what was read of the servos with the layout.
    /// - Parameter echoes: what came back of pings, by id, for servos without a reading.
    package init(
        _ layout: ServoLayout, spans: [ClosedRange<Double>] = [], servos: [(id: UInt8, reading: ServoReading?)],
        echoes: [UInt8: ServoEcho] = [:]
    ) {
        self.servos = servos
        var comparison = ServoComparison(layout: layout)
        for (id, reading) in servos {
            if let reading { comparison.compare(reading) } else { comparison.reportAbsence(id, echoes[id] ?? .silence) }
        }
        comparison.compareRanges(spans)
        comparison.compareShadows(
            Dictionary(servos.compactMap { pair in pair.reading.map { (pair.id, $0.position) } }) { a, _ in a })
        findings = comparison.findings
    }
}

private struct ServoComparison {
    let layout: ServoLayout
    var findings: [ServoCheck.Finding] = []

    mutating func report(
        _ id: UInt8, _ subject: String, _ found: String, _ expected: String, _ advice: String,
        _ severity: ServoCheck.Finding.Severity = .mismatch
    ) {
        findings.append(
            .init(servo: id, severity: severity, subject: subject, found: found, expected: expected, advice: advice))
    }

    mutating func reportAbsence(_ id: UInt8, _ echo: ServoEcho) {
        switch echo {
        case .silence:
            report(
                id, "answer", "none", "one",
                "check the arm's power and the cable to it; 'octo-arm scan' tries all rates")
        case .damage, .several:
            report(
                id, "answer", echo.text, "one answer",
                "two servos have this id, or its cable is bad; connect it alone and run 'octo-arm setup'")
        case .answer:
            report(
                id, "answer", "pings only", "reads too", "its status return level is 0; the driver sets it at its start"
            )
        }
    }

    private static let recalibrate = "run 'octo-arm calibrate', or choose this arm's own file"

    mutating func compare(_ servo: ServoReading) {
        if layout.servoProtocol == .feetech, servo.modelName != "STS3215" {
            report(servo.id, "model", servo.modelName, "STS3215", "only this model is driven")
        }
        if let errors = servo.errors {
            report(
                servo.id, "hardware error", errors, "none", "free and cool it, then switch the arm's power off and on")
        }
        if let part = layout.parts.first(where: { $0.id == servo.id }) { compare(servo, with: part) }
        compareDirection(servo)
        if servo.countsTurns {
            report(
                servo.id, "phase", "\(servo.phase ?? 0), positions count turns", "bit 16 clear",
                "angles would be whole turns wrong: 'octo-arm calibrate' clears it")
        }
        if servo.operatingMode != layout.servoProtocol.positionMode {
            report(
                servo.id, "operating mode", "\(servo.operatingMode)", "\(layout.servoProtocol.positionMode)",
                "the driver sets it at its start if torque is off", .warning)
        }
        if servo.celsius >= 60 {
            report(servo.id, "temperature", "\(servo.celsius) °C", "below 60 °C", "let it cool", .warning)
        }
    }

    private mutating func compare(_ servo: ServoReading, with part: ServoLayout.Part) {
        if let offset = part.homingOffset, servo.homingOffset != offset {
            report(servo.id, "homing offset", "\(servo.homingOffset)", "\(offset)", Self.recalibrate)
        }
        if abs(servo.homingOffset) > layout.servoProtocol.largestOffset {
            report(
                servo.id, "homing offset", "\(servo.homingOffset)",
                "at most \(layout.servoProtocol.largestOffset) either way",
                "the servo does not heed more: mount its horn a notch further, and run 'octo-arm calibrate'")
        }
        let limits = servo.lowestPosition...max(servo.lowestPosition, servo.highestPosition)
        if layout.servoProtocol == .feetech, part.homingOffset != nil {
            if limits != part.limits {
                report(servo.id, "limits", "\(limits.text)", "\(part.limits.text)", Self.recalibrate)
            }
        } else if limits.lowerBound > part.limits.lowerBound || limits.upperBound < part.limits.upperBound {
            report(
                servo.id, "limits", "\(limits.text)", "at least \(part.limits.text)",
                "the arm goes no further than the servo; 'octo-arm calibrate' writes the file's limits", .warning)
        }
        if servo.position < part.limits.lowerBound || servo.position > part.limits.upperBound {
            report(
                servo.id, "position", "\(servo.position)", part.limits.text,
                "move the joint inside by hand with its torque off; or 'octo-arm jog' leads it back slowly", .warning)
        }
    }

    private mutating func compareDirection(_ servo: ServoReading) {
        guard let drive = servo.driveMode else { return }
        for joint in layout.joints {
            guard joint.id == servo.id || joint.shadows.contains(servo.id) else { continue }
            let isShadow = joint.id != servo.id
            if let isReversed = joint.isReversed, (drive & 1 == 1) != (isReversed != isShadow) {
                report(
                    servo.id, "drive mode, reverse bit", "\(drive & 1)", isReversed != isShadow ? "1" : "0",
                    Self.recalibrate)
            }
            let second = isShadow ? Int(joint.id) : 255
            if let found = servo.secondaryID, found != second {
                report(
                    servo.id, "secondary id", "\(found)", "\(second)",
                    "the driver sets it at its start if torque is off", .warning)
            }
        }
    }

    /// A range that was swept halfway puts the zero beside its place, one that ran over the encoder's end is no range.
    mutating func compareRanges(_ spans: [ClosedRange<Double>]) {
        for (joint, span) in zip(layout.joints, spans)
        where layout.servoProtocol == .feetech && joint.limits != 0...4_095 {
            let range = Double(joint.limits.upperBound - joint.limits.lowerBound)
            let whole = (span.upperBound - span.lowerBound) * 4_096 / (2 * .pi)
            if CalibrationSession.shareOfSpan.contains(range / whole) { continue }
            report(
                joint.id, "range", "\(joint.limits.text), \(Int((range * 360 / 4_096).rounded()))°",
                "about \(Int((whole * 360 / 4_096).rounded()))°, as the joint can turn by the file",
                "the zero is its middle, and may be as far beside its place: 'octo-arm calibrate', and sweep to both "
                    + "ends",
                .warning)
        }
    }

    mutating func compareShadows(_ positions: [UInt8: Int]) {
        for joint in layout.joints {
            guard let leader = positions[joint.id] else { continue }
            for shadow in joint.shadows {
                guard let follower = positions[shadow], abs(leader - follower) > ServoAlignment.tolerance else {
                    continue
                }
                report(
                    shadow, "position", "\(follower)",
                    "within \(ServoAlignment.tolerance) of servo \(joint.id), \(leader)",
                    "'octo-arm calibrate' aligns them")
            }
        }
    }
}

extension ClosedRange<Int> {
    package var text: String { "\(lowerBound)...\(upperBound)" }
}
