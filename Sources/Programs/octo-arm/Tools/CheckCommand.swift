import ArgumentParser
import ArmDrivers
import JSONTree
import NodeShell
import ServoTools
import Time

/// Compares an arm's servos with its calibration file.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Compare the servos' registers with the calibration file. Nothing moves, nothing is written.",
        discussion: """
            For example: octo-arm check --calibration calibration/so101.json --port /dev/ttyACM0

            Exit codes: 0 all is as the file says (there may be warnings), 1 it is not, or a servo does not answer, 2 \
            port or file cannot be used.
            """)

    @OptionGroup var options: ArmOptions

    @OptionGroup var json: JSONFlag

    func run() throws {
        let arm = try options.arm()
        let line = try arm.openLine()
        let check: ServoCheck
        do {
            check = try ServoCheck(arm.layout, spans: arm.spans, on: line)
        } catch {
            throw WorkFailure("\(ServoToolError.port(errno: error.errno))")
        }
        print(json.isWanted ? Self.json(check, arm).text() : Self.text(check, arm))
        if !check.isSound { throw ExitCode.failure }
    }

    private static func text(_ check: ServoCheck, _ arm: ToolArm) -> String {
        let rows = check.servos.map { id, servo in
            guard let servo else { return ["\(id)", "no answer", "", "", "", "", "", ""] }
            return [
                "\(id)", servo.modelName, "\(servo.position)", "\(servo.homingOffset)",
                (servo.lowestPosition...max(servo.lowestPosition, servo.highestPosition)).text, "\(servo.volts) V",
                "\(servo.celsius) °C", servo.isTorqueOn ? "on" : "off",
            ]
        }
        let head = ["id", "model", "position", "offset", "limits", "voltage", "temperature", "torque"]
        let findings = check.findings.map { finding in
            "\(finding.severity.rawValue): servo \(finding.servo), \(finding.subject): found \(finding.found), "
                + "expected \(finding.expected); \(finding.advice)"
        }
        let verdict =
            check.isSound
            ? "the servos on \(arm.port) are as \(arm.file.path) says"
            : "the servos on \(arm.port) are NOT as \(arm.file.path) says"
        return (table([head] + rows) + findings + [verdict]).joined(separator: "\n")
    }

    private static func json(_ check: ServoCheck, _ arm: ToolArm) -> JSONNode {
        let findings = check.findings.map { finding in
            JSONNode.object([
                "servo": JSONNode(Int(finding.servo)), "severity": JSONNode(finding.severity.rawValue),
                "subject": JSONNode(finding.subject), "found": JSONNode(finding.found),
                "expected": JSONNode(finding.expected),
                "advice": JSONNode(finding.advice),
            ])
        }
        return .object([
            "port": JSONNode(arm.port), "calibration": JSONNode(arm.file.path), "sound": JSONNode(.bool(check.isSound)),
            "servos": JSONNode(.array(check.servos.compactMap { $0.reading?.json })),
            "findings": JSONNode(.array(findings)),
        ])
    }
}
