import ArgumentParser
import ArmDrivers
import CShims
import Foundation
import JSONTree
import NodeShell
import ServoTools
import Time

/// Gives servos their ids and rates, one servo at a time.
struct SetupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "setup",
        abstract: "Give a servo its id and its baud rate, or all servos of an arm, one after the other.",
        discussion: """
            Servos come with the same id, and several with one id cannot be told apart: connect one servo alone. It is \
            found at any rate in either protocol, gets its id and rate, and is asked at the new rate whether it has \
            them. Where two answer, nothing is written. The servo answers everything afterwards; a Dynamixel servo of \
            the X series in protocol 1.0 is set to 2.0, and a Feetech servo counts one turn. Its torque goes off.

            For example: octo-arm setup --id 3 --port /dev/ttyACM0
                         octo-arm setup --arm calibration/so101.json --port /dev/ttyACM0

            Exit codes: 0 the servos are as they should be, 1 one is not, or nobody said yes, 2 the port or the file \
            cannot be used.
            """)

    @Option(help: "Give the servo this id.")
    var id: UInt8?

    @Option(help: "Set up all servos of this calibration file, asking for one after the other to be connected.")
    var arm: String?

    @Option(help: "Give the servo this rate, in bits per second.")
    var baud = 1_000_000

    @Option(
        help: "Look for a servo of this protocol only: dynamixel or feetech.", transform: EmulateCommand.servoProtocol)
    var driver: ServoLayout.ServoProtocolName?

    @Option(help: "Use this serial port. Without it, the only adapter that is plugged in.")
    var port: String?

    @Flag(help: "Write without asking.")
    var yes = false

    @Flag(help: "Print one JSON object in place of text; needs --yes.")
    var json = false

    func validate() throws {
        if (id == nil) == (arm == nil) { throw ValidationError("Give --id for one servo, or --arm for all of an arm.") }
        if let id, id > 252 { throw ValidationError("--id: give 0 to 252.") }
        if arm != nil, driver != nil { throw ValidationError("--driver: the file of --arm says which protocol it is.") }
        if arm != nil, yes || json {
            throw ValidationError("--yes and --json: with --arm a person connects the servos; use --id.")
        }
        if json, !yes { throw ValidationError("--json: nobody is asked then; give --yes too.") }
        let known = ServoLayout.ServoProtocolName.allCases.flatMap(\.bauds)
        if !known.contains(baud) {
            throw ValidationError(
                "--baud: give one of \(Set(known).sorted().map(String.init).joined(separator: ", ")).")
        }
    }

    func run() throws {
        let path = try port ?? SerialPortChoice.only()
        let file = try arm.map { try ToolArm(path: $0, port: path, baud: baud) }
        let wanted = file?.layout.servoProtocol ?? driver
        let members = file.map(ServoSetupDialogue.members) ?? [.init(id: id ?? 0, name: nil)]
        // A port that cannot be used is told before anybody connects anything.
        _ = try SerialPort(path: path, baud: baud)
        var dialogue = ServoSetupDialogue(
            setup: Self.setup(on: path), baud: baud, servoProtocol: wanted, asks: !yes, isQuiet: json)
        let readings = try working { try dialogue.run(members) }
        if json {
            print(
                JSONNode.object([
                    "port": JSONNode(path), "baud": JSONNode(baud), "servos": JSONNode(.array(readings.map(\.json))),
                ]).text())
        }
    }

    /// Opens lines of one port, each closed before the next is opened.
    private static func setup(on path: String) -> ServoSetup<SerialPort> {
        ServoSetup { (step: ServoScan.Step) throws(ServoSetupError) -> ServoLine<SerialPort>? in
            do throws(SerialPortError) {
                return ServoLine(
                    port: try SerialPort(path: path, baud: step.baud), baud: step.baud,
                    servoProtocol: step.servoProtocol)
            } catch {
                // The adapter does not have this rate; another may do.
                if error.step == .configure, error.errno == EINVAL { return nil }
                throw .line("\(error)")
            }
        }
    }
}

/// Asks for servos to be connected, and for leave to write.
struct ServoSetupDialogue {
    /// A servo that an arm needs.
    struct Member {
        var id: UInt8
        /// The joint that it moves; nil for one that is on its own.
        var name: String?
    }
    enum Failure: Error, CustomStringConvertible {
        case nobody
        case refused

        var description: String {
            switch self {
            case .nobody:
                "asking whether to write: standard input ended, expected Enter from a person. Nothing was written to "
                    + "the servo; --yes writes without asking."
            case .refused: "nothing was written to the servo."
            }
        }
    }

    let setup: ServoSetup<SerialPort>
    let baud: Int
    let servoProtocol: ServoLayout.ServoProtocolName?
    let asks: Bool
    let isQuiet: Bool
    private var screen = Screen()
    private var input = LineInput()
    private let signals = octo_signal_fd()

    init(
        setup: ServoSetup<SerialPort>, baud: Int, servoProtocol: ServoLayout.ServoProtocolName?, asks: Bool,
        isQuiet: Bool
    ) {
        (self.setup, self.baud, self.servoProtocol, self.asks, self.isQuiet) = (
            setup, baud, servoProtocol, asks, isQuiet
        )
    }

    /// Servos from base to gripper, each joint's second servo behind its first.
    static func members(of arm: ToolArm) -> [Member] {
        zip(arm.layout.joints, arm.names).flatMap { joint, name in
            [Member(id: joint.id, name: name)] + joint.shadows.map { Member(id: $0, name: "\(name), second servo") }
        } + [Member(id: arm.layout.gripper.id, name: "gripper")]
    }

    /// Sets the servos up.
    /// - Returns: what the servos say of themselves in the end.
    mutating func run(_ members: [Member]) throws -> [ServoReading] {
        defer { screen.end() }
        var readings: [ServoReading] = []
        for (index, member) in members.enumerated() {
            guard let name = member.name else {
                readings.append(try setUp(member))
                continue
            }
            let prompt =
                "\(index + 1) of \(members.count). Connect only the servo of \(name): it gets id \(member.id) at "
                + "\(baud) baud. "
                + "Enter goes on, s leaves it out, q ends."
            if let reading = try walk(member, prompt) { readings.append(reading) }
        }
        if members.count > 1 { say("connect all servos now; 'octo-arm check' compares them with the file") }
        return readings
    }

    /// Sets one servo of an arm up, as often as it takes.
    private mutating func walk(_ member: Member, _ prompt: String) throws -> ServoReading? {
        while true {
            say(prompt)
            switch try ask() {
            case "": break
            case "s": return nil
            case "q": throw Failure.refused
            case let text:
                say("found '\(text)', expected Enter, s or q")
                continue
            }
            do throws(ServoSetupError) {
                return try write(try plan(member))
            } catch {
                say("\(error)")
            }
        }
    }

    private mutating func setUp(_ member: Member) throws -> ServoReading {
        let plan = try plan(member)
        if asks, !plan.changes.isEmpty {
            say("Enter writes this to the servo, whose torque goes off; q ends.")
            guard try ask() == "" else { throw Failure.refused }
        }
        return try write(plan)
    }

    private mutating func plan(_ member: Member) throws(ServoSetupError) -> ServoSetupPlan {
        let line = LiveLine()
        defer { line.end() }
        let servo = try setup.theOnlyServo { index, count, step in
            line.show("\(index) of \(count): \(step.servoProtocol.rawValue) at \(step.baud) baud")
        }
        line.end()
        let plan = try setup.plan(for: servo, id: member.id, baud: baud, servoProtocol: servoProtocol)
        say(
            "found \(servo.text): "
                + "\(plan.changes.isEmpty ? "it has its id and rate" : plan.changes.joined(separator: ", "))"
        )
        return plan
    }

    private mutating func write(_ plan: ServoSetupPlan) throws(ServoSetupError) -> ServoReading {
        let reading = try setup.perform(plan)
        say(
            "the servo answers as id \(reading.id) at \(plan.baud) baud: \(reading.modelName), firmware "
                + "\(reading.firmware)"
        )
        return reading
    }

    private mutating func say(_ text: String) { if !isQuiet { screen.say(text) } }

    /// Asks for leave to write.
    /// - Returns: a person's answer.
    private mutating func ask() throws -> String {
        while true {
            if let text = input.wait(until: .now() + .milliseconds(200), orFor: signals) {
                return text.trimmingCharacters(in: .whitespaces).lowercased()
            }
            if octo_signal_read(signals) != 0 { throw Failure.refused }
            if input.hasEnded { throw Failure.nobody }
        }
    }
}
