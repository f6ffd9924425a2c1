import ArmDrivers
import Foundation
import Kinematics
import ServoEmulation
import ServoProtocol
import ServoTools
import TestSupport
import Testing

@Suite struct ServoCheckTests {
    private func layout(_ arm: String) throws -> ServoLayout {
        let text = try Data(contentsOf: Fixture.packageRoot.appendingPathComponent("calibration/\(arm).json"))
        let joints = try ArmCalibration(parsing: text, file: arm).joints.count
        return try ServoLayout(calibration: text, file: arm, joints: joints)
    }

    private func widowX() -> EmulatedDynamixelBus {
        EmulatedDynamixelBus(
            (1...9).map { id in
                .init(
                    id: id, model: id > 7 ? .xl430w250 : .xm430w350, secondaryID: id == 3 ? 2 : id == 5 ? 4 : 255,
                    isReversed: [3, 5, 7].contains(id))
            })
    }

    private func line(_ bus: any EmulatedBus, _ name: ServoLayout.ServoProtocolName) -> ServoLine<EmulatedPort> {
        ServoLine(port: EmulatedPort(bus), baud: 1_000_000, servoProtocol: name)
    }

    @Test func anArmAsItsFileSaysHasNoFindings() throws {
        let check = try ServoCheck(try layout("widowx-250s"), on: line(widowX(), .dynamixel))
        #expect(check.isSound && check.findings.isEmpty)
        #expect(check.servos.map(\.id) == Array(1...9))
        #expect(check.servos.allSatisfy { $0.reading?.volts == 12 && $0.reading?.errors == nil })
    }

    @Test func everyDifferenceIsNamedWithServoFoundAndExpected() throws {
        let layout = try layout("widowx-250s")
        let cases: [(String, UInt8, Bool, (EmulatedDynamixelBus, ServoLine<EmulatedPort>) throws -> Void)] = [
            ("answer", 6, false, { bus, _ in bus.faults.missing = [6] }),
            ("homing offset", 1, false, { _, line in try line.write(20, to: .homingOffset, of: 1) }),
            ("drive mode, reverse bit", 7, false, { _, line in try line.write(0, to: .driveMode, of: 7) }),
            (
                "hardware error", 2, false,
                { bus, _ in bus.setHardwareError(DynamixelHardwareError.overload.rawValue, at: 2) }
            ),
            ("secondary id", 5, true, { _, line in try line.write(255, to: .secondaryID, of: 5) }),
            ("limits", 4, true, { _, line in try line.write(1_000, to: .lowestPosition, of: 4) }),
            (
                "position", 4, true,
                { bus, _ in
                    bus.turn(4, to: 500)
                    bus.turn(5, to: 500)
                }
            ),
            ("operating mode", 9, true, { _, line in try line.write(16, to: .operatingMode, of: 9) }),
            ("temperature", 3, true, { bus, _ in bus.setTemperature(65, at: 3) }),
            ("position", 3, false, { bus, _ in bus.turn(3, to: 2_200) }),
        ]
        for (subject, servo, isWarning, change) in cases {
            let bus = widowX()
            let line = line(bus, .dynamixel)
            try change(bus, line)
            let check = try ServoCheck(layout, on: line)
            let finding = check.findings.first { $0.subject == subject && $0.servo == servo }
            #expect(finding != nil, "\(subject) of \(servo): \(check.findings)")
            #expect(check.findings.count == 1, "\(subject) of \(servo): \(check.findings)")
            #expect(check.isSound == isWarning, "\(subject) of \(servo)")
            #expect(finding.map { !$0.found.isEmpty && !$0.expected.isEmpty && !$0.advice.isEmpty } == true)
        }
    }

    @Test func aFeetechArmsLimitsHaveToBeTheFiles() throws {
        let layout = try layout("so101")
        let bus = EmulatedFeetechBus(layout.parts.map { .init(id: $0.id, pulses: 2_048, limits: $0.limits) })
        let line = line(bus, .feetech)
        #expect(try ServoCheck(layout, on: line).findings.isEmpty)
        try line.write(0, to: .lock, of: 2)
        try line.write(100, to: .lowestPosition, of: 2)
        let check = try ServoCheck(layout, on: line)
        #expect(check.findings.map(\.subject) == ["limits"] && !check.isSound)
        #expect(check.findings[0].found == "100...3185" && check.findings[0].expected == "911...3185")
    }

    @Test func whatCannotBeReadIsToldApart() throws {
        let layout = try layout("widowx-250s")
        let cases: [(ServoFault, String)] = [
            (.duplicate, "damaged answers"), (.answerLevel(0), "pings only"), (.protocolVersion(1), "none"),
        ]
        for (fault, found) in cases {
            let bus = widowX()
            bus.apply(fault, to: 6)
            let check = try ServoCheck(layout, on: line(bus, .dynamixel))
            #expect(check.findings.map(\.found) == [found] && check.findings[0].servo == 6 && !check.isSound)
        }
    }

    @Test func aFeetechServoThatCountsTurnsIsReported() throws {
        let layout = try layout("so101")
        let bus = EmulatedFeetechBus(layout.parts.map { .init(id: $0.id, pulses: 2_048, limits: $0.limits) })
        bus.apply(.phase(28), to: 2)
        let check = try ServoCheck(layout, on: line(bus, .feetech))
        #expect(check.findings.map(\.subject) == ["phase"] && !check.isSound)
        #expect(
            check.findings[0].found == "28, positions count turns"
                && check.findings[0].advice.contains("octo-arm calibrate"))
    }

    /// As half a sweep leaves it: servos and file agree, and the zero is 49° beside its place.
    @Test func aRangeThatIsHalfOfWhatTheJointCanDoIsAWarning() throws {
        var layout = try layout("so101")
        let text = try Data(contentsOf: Fixture.packageRoot.appendingPathComponent("calibration/so101.json"))
        let spans = try ArmCalibration(parsing: text, file: "so101").joints.map { $0.lower...$0.upper }
        layout.joints[0].limits = 797...2_180
        layout.joints[0].zeroPulse = 1_489
        let bus = EmulatedFeetechBus(layout.parts.map { .init(id: $0.id, pulses: 2_048, limits: $0.limits) })
        let check = try ServoCheck(layout, spans: spans, on: line(bus, .feetech))
        #expect(check.isSound && check.findings.map(\.subject) == ["range"])
        #expect(check.findings[0].found == "797...2180, 122°" && check.findings[0].expected.hasPrefix("about 220°"))
    }

    @Test func aLineThatBreaksIsAnError() throws {
        let port = EmulatedPort(widowX())
        port.failure = 5
        let line = ServoLine(port: port, baud: 1_000_000, servoProtocol: .dynamixel)
        #expect(throws: ServoPortError(errno: 5)) { try ServoCheck(try layout("widowx-250s"), on: line) }
        #expect(throws: ServoToolError.port(errno: 5)) { try line.write(0, to: .torque, of: 1) }
    }
}

@Suite struct ServoScanTests {
    @Test func likelyRatesComeFirstAndEachComesOnce() {
        let scan = ServoScan(servoProtocol: nil, baud: nil, ids: 0...12)
        #expect(scan.steps.count == 16)
        #expect(scan.steps.prefix(2).allSatisfy { $0.baud == 1_000_000 })
        for name in ServoLayout.ServoProtocolName.allCases {
            let bauds = scan.steps.filter { $0.servoProtocol == name }.map(\.baud)
            #expect(Set(bauds).count == 8 && bauds == name.bauds)
        }
        #expect(
            ServoScan(servoProtocol: .feetech, baud: 57_600, ids: 0...12).steps == [
                .init(servoProtocol: .feetech, baud: 57_600)
            ])
        #expect(ServoScan(servoProtocol: nil, baud: 57_600, ids: 0...12).steps.count == 2)
    }

    @Test(arguments: [0.0, 0.3])
    func servosAreFoundAlsoWhereAnswersAreLost(drop: Double) throws {
        let bus = EmulatedDynamixelBus([1, 2, 9].map { .init(id: $0) }, seed: 5)
        bus.faults.dropProbability = drop
        let line = ServoLine(port: EmulatedPort(bus), baud: 1_000_000, servoProtocol: .dynamixel)
        // What one scan misses the next finds: a servo that is not there is in none.
        var seen: Set<UInt8> = []
        for _ in 0..<(drop == 0 ? 1 : 30) {
            let found =
                try ServoScan(servoProtocol: .dynamixel, baud: 1_000_000, ids: 0...12).finding(on: line)?.servos ?? []
            seen.formUnion(found.map(\.id))
            #expect(found.allSatisfy { $0.modelName == "XM430-W350" })
        }
        #expect(seen == [1, 2, 9])
    }

    private func finding(
        _ bus: any EmulatedBus, _ name: ServoLayout.ServoProtocolName, only: Bool = false
    ) throws -> ServoScan.Finding? {
        try ServoScan(servoProtocol: only ? name : nil, baud: nil, ids: 0...12).finding(on: line(bus, name))
    }

    @Test func servosOfTheOtherProtocolAreFoundWhereOneWasAskedFor() throws {
        let dynamixel = EmulatedDynamixelBus([1, 2].map { .init(id: $0) })
        #expect(try finding(dynamixel, .feetech) == nil)
        #expect(try finding(EmulatedFeetechBus([1, 2].map { .init(id: $0) }), .dynamixel) == nil)
        #expect(try finding(EmulatedFeetechBus([1, 2].map { .init(id: $0) }), .feetech)?.servos.map(\.id) == [1, 2])
        let problems = try finding(EmulatedFeetechBus([1, 2].map { .init(id: $0) }), .dynamixel, only: true)?.problems
        #expect(problems == [1, 2].map { .init(id: $0, cause: .otherProtocol(.feetech)) })
        #expect(
            problems?[0].found == "id 1: it answers in Feetech's protocol"
                && problems?[0].advice == "Use --driver feetech.")
    }

    @Test func whatAnswersAndCannotBeUsedIsNamed() throws {
        let cases: [(ServoFault, ServoScan.Problem.Cause, String)] = [
            (.duplicate, .sameID(.damage), "id 2: damaged answers, as of two servos with this id"),
            (.answerLevel(0), .pingsOnly, "id 2: it answers pings and no reads, its status return level is 0"),
        ]
        for (fault, cause, words) in cases {
            let bus = EmulatedDynamixelBus([1, 2].map { .init(id: $0) })
            bus.apply(fault, to: 2)
            let found = try finding(bus, .dynamixel)
            #expect(found?.servos.map(\.id) == [1] && found?.problems == [.init(id: 2, cause: cause)])
            #expect(
                found?.problems.first?.found == words
                    && found?.problems.first?.advice.contains("octo-arm setup") == true)
        }
        let bus = EmulatedDynamixelBus([1, 2].map { .init(id: $0) })
        bus.apply(.protocolVersion(1), to: 2)
        let first = try finding(bus, .feetech)
        #expect(first?.servos.isEmpty == true)
        #expect(first?.problems == [.init(id: 2, cause: .otherProtocol(.firstDynamixel(model: 1_020)))])
        #expect(first?.problems.first?.found == "id 2: it answers in Dynamixel protocol 1.0")
        #expect(first?.problems.first?.advice.contains("sets it to protocol 2.0") == true)
    }

    private func line(_ bus: any EmulatedBus, _ name: ServoLayout.ServoProtocolName) -> ServoLine<EmulatedPort> {
        ServoLine(port: EmulatedPort(bus), baud: 1_000_000, servoProtocol: name)
    }
}
