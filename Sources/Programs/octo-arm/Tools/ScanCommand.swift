import ArgumentParser
import ArmDrivers
import Glibc
import JSONTree
import NodeShell
import ServoTools
import Time

/// Finds the servos that answer on a line, and their rate.
struct ScanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan",
        abstract: "Look for servos at every baud rate of both protocols. Nothing moves.",
        discussion: """
            Likely rates come first, and it stops at the first where servos answer: all of one arm have the same. \
            --all goes on, for a servo that was set to another by mistake. Servos that share an id, answer pings only, \
            or speak another protocol are named; 'octo-arm setup' mends them.

            Exit codes: 0 servos answer, 1 none does or one has a problem, 2 the port cannot be used.
            """)

    @Option(help: "Look on this serial port. Without it, the only adapter that is plugged in.")
    var port: String?

    @Option(help: "Look for this protocol only: dynamixel or feetech.", transform: EmulateCommand.servoProtocol)
    var driver: ServoLayout.ServoProtocolName?

    @Option(help: "Look at this rate only, in bits per second.")
    var baud: Int?

    @Option(help: "Ask ids up to this one by name, besides the call to all.")
    var highestID: UInt8 = 12

    @Flag(help: "Try all rates, also after servos were found.")
    var all = false

    @OptionGroup var json: JSONFlag

    func validate() throws {
        if let baud, !(9_600...4_500_000).contains(baud) { throw ValidationError("--baud: give 9600 to 4500000.") }
        if highestID > 252 { throw ValidationError("--highest-id: give 0 to 252.") }
    }

    func run() throws {
        let path = try port ?? SerialPortChoice.only()
        let scan = ServoScan(servoProtocol: driver, baud: baud, ids: 0...highestID)
        var findings: [ServoScan.Finding] = []
        let line = LiveLine()
        defer { line.end() }
        for (index, step) in scan.steps.enumerated() {
            line.show("\(index + 1) of \(scan.steps.count): \(step.servoProtocol.rawValue) at \(step.baud) baud")
            guard let finding = try finding(at: step, on: path, scan) else { continue }
            findings.append(finding)
            if !all { break }
        }
        line.end()
        print(json.isWanted ? Self.json(findings, path).text() : text(findings, path))
        if findings.isEmpty || findings.contains(where: { !$0.problems.isEmpty }) { throw ExitCode.failure }
    }

    private func finding(at step: ServoScan.Step, on path: String, _ scan: ServoScan) throws -> ServoScan.Finding? {
        do {
            let line = ServoLine(
                port: try SerialPort(path: path, baud: step.baud), baud: step.baud, servoProtocol: step.servoProtocol)
            return try scan.finding(on: line)
        } catch let error as SerialPortError where error.step == .configure && baud == nil && error.errno == EINVAL {
            // The adapter does not have this rate; another may do.
            return nil
        } catch let error as ServoPortError {
            throw ServoToolError.port(errno: error.errno)
        }
    }

    private func text(_ findings: [ServoScan.Finding], _ path: String) -> String {
        if findings.isEmpty {
            return
                "no servo answers on \(path). Is the arm's power on, and its cable in the adapter's socket for servos?"
                + (driver == nil && baud == nil ? "" : " 'octo-arm scan' without --driver and --baud tries everything.")
        }
        return findings.map { finding in
            let rows = finding.servos.map { servo in
                [
                    "\(servo.id)", servo.modelName, servo.firmware, "\(servo.position)", "\(servo.volts) V",
                    "\(servo.celsius) °C", servo.isTorqueOn ? "on" : "off", servo.errors ?? "none",
                ]
            }
            let head = ["id", "model", "firmware", "position", "voltage", "temperature", "torque", "errors"]
            let title =
                "\(finding.servos.count) \(finding.step.servoProtocol.rawValue) servos on \(path) at "
                + "\(finding.step.baud) baud"
            let problems = finding.problems.map { "problem: \($0.found). \($0.advice)" }
            return ([title] + (rows.isEmpty ? [] : table([head] + rows)) + problems).joined(separator: "\n")
        }.joined(separator: "\n")
    }

    private static func json(_ findings: [ServoScan.Finding], _ path: String) -> JSONNode {
        let lines = findings.map { finding in
            JSONNode.object([
                "protocol": JSONNode(finding.step.servoProtocol.rawValue), "baud": JSONNode(finding.step.baud),
                "servos": JSONNode(.array(finding.servos.map(\.json))),
                "problems": JSONNode(.array(finding.problems.map(\.json))),
            ])
        }
        return .object(["port": JSONNode(path), "found": JSONNode(.array(lines))])
    }
}

extension ServoScan.Problem {
    fileprivate var json: JSONNode {
        .object(["id": JSONNode(Int(id)), "found": JSONNode(found), "advice": JSONNode(advice)])
    }
}

extension ServoReading {
    /// The reading for scripts; units in the names.
    var json: JSONNode {
        .object([
            "id": JSONNode(Int(id)), "model": JSONNode(modelName), "model_number": JSONNode(model),
            "firmware": JSONNode(firmware), "position_pulse": JSONNode(position),
            "homing_offset_pulse": JSONNode(homingOffset),
            "lower_pulse": JSONNode(lowestPosition), "upper_pulse": JSONNode(highestPosition),
            "operating_mode": JSONNode(operatingMode), "torque": JSONNode(.bool(isTorqueOn)),
            "volts": JSONNode(number: volts),
            "celsius": JSONNode(celsius), "errors": errors.map { JSONNode($0) } ?? nil,
        ])
    }
}
