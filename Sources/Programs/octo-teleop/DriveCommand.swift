import ArgumentParser
import Foundation
import JSONTree
import Manifests
import Messages
import NodeShell
import ServoTools
import Teleop
import Time

/// Options that say what drives the arm, and how.
struct DriveOptions: ParsableArguments {
    @OptionGroup var runOption: RunOption

    @Option(
        help: ArgumentHelp(
            "Move the arm by this device: auto (what is plugged in), keyboard, a path such as /dev/input/event5 or "
                + "/dev/hidraw0, leader:PORT, or KIND:PATH with gamepad, joystick or spacemouse. The keyboard works "
                + "beside each.", valueName: "device"),
        transform: DeviceChoice.init(argument:))
    var device = DeviceChoice()

    @Option(
        help: ArgumentHelp(
            "Hold the arm with a SpaceMouse by motion (the puck off its middle) or button (the left one, held).",
            valueName: "motion|button"))
    var deadMan: SpaceMouseDecoder.DeadMan?

    @Option(
        help: ArgumentHelp("Read the leader arm by this calibration; without it, by the arm's own.", valueName: "file"))
    var leaderCalibration: String?

    @Option(help: "Talk to the leader's servos at so many bits per second.")
    var leaderBaud = 1_000_000

    @Flag(help: "Follow the leader from the start, without the key v.")
    var follow = false

    @Flag(help: "Go to the leader's pose slowly, where the leader would else be refused for standing elsewhere.")
    var ramp = false

    @Flag(help: "Print a JSON line with the arm's state ten times a second instead of the screen.")
    var json = false

    init() {}

    func validate() throws {
        if device.kind != .leader, leaderCalibration != nil || follow || ramp {
            throw ValidationError("--leader-calibration, --follow and --ramp belong to --device leader:PORT.")
        }
        if deadMan != nil, let kind = device.kind, kind != .spacemouse {
            throw ValidationError(
                "--dead-man belongs to a SpaceMouse: a gamepad has its shoulder button, keys their repeat.")
        }
        guard (9_600...4_500_000).contains(leaderBaud) else {
            throw ValidationError("--leader-baud: give 9600 to 4500000.")
        }
    }

    /// Runs a session to its end.
    /// - Returns: how the goal ended, in goal mode.
    func run(recording: GoalCommand.Recording? = nil, takesAtOnce: Bool = false) throws -> GoalTaking? {
        let signals = try OperatorShell.begin("octo-teleop")
        var shell = try open(signals, recording, takesAtOnce)
        defer { shell.end() }
        try working { try shell.run() }
        if shell.session.jog.isStopUnconfirmed { throw WorkFailure(shell.session.jog.message) }
        return shell.taking
    }

    private func open(_ signals: Int32, _ recording: GoalCommand.Recording?, _ takesAtOnce: Bool) throws -> TeleopShell
    {
        let link = try TeleopLink(in: runOption.load())
        var input: DeviceInput?
        var leader: LeaderInput?
        var words = "keyboard"
        switch device.kind {
        case .keyboard: break
        case .leader:
            leader = try LeaderInput(
                port: device.path ?? "", baud: leaderBaud,
                calibration: leaderCalibration ?? link.link.run.manifest.arm.calibration,
                joints: link.arm.joints.count)
            words = "leader arm at \(device.path ?? "")"
        case .gamepad?, .joystick?, .spacemouse?:
            let opened = try DeviceInput(device.kind ?? .gamepad, path: device.path ?? "", deadMan: deadMan ?? .motion)
            words = "\(opened.kind.rawValue) at \(opened.path)"
            input = opened
        case nil:
            if let found = FoundDevice.all().first(where: \.isReadable) {
                input = try DeviceInput(found.kind, path: found.path, deadMan: deadMan ?? .motion)
                words = "\(found.name) at \(found.path)"
            } else if let locked = FoundDevice.all().first {
                words = "keyboard (\(locked.name) at \(locked.path) may not be read: \(locked.remedy))"
            }
        }
        if !json { note("device: \(words)") }
        let session = TeleopSession(
            arm: link.arm, needsReports: input?.needsReports ?? false,
            confirmation: link.link.run.manifest.teleop.confirmation,
            leader: leader == nil ? nil : ramp ? .ramp : .refuse,
            follows: follow, at: .now())
        return TeleopShell(
            link: link, session: session, device: input, leader: leader, signals: signals, json: json,
            recording: recording,
            takesAtOnce: takesAtOnce)
    }
}

extension SpaceMouseDecoder.DeadMan: ExpressibleByArgument {}

struct DriveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drive",
        abstract: "Move the arm, inside its safety envelope; the policy gives way while you hold it.",
        discussion: """
            Begin with a hand at the arm's power switch and a low speed ('[').

            \(TeleopSession.help)

            Standard input need not be a terminal: bytes are keys, and the end of input quits once the motion is over, \
            as in

              (printf t; sleep 0.5; printf w) | octo-teleop --device keyboard --json

            Exit codes: 0 quit, 1 the arm was lost or did not confirm an emergency stop, 2 there is no such run or \
            device.
            """)

    @OptionGroup var options: DriveOptions

    func run() throws { _ = try options.run() }
}

struct TakeGoalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "goal",
        abstract: "Drive the arm, or arrange the scene by hand, then take the goal with p and accept it with y.",
        discussion: """
            The arm first does what the manifest's teleop.before_goal says (open the gripper, retreat out of sight); \
            then the goal is taken from all cameras once the pictures stand still. p takes it again, y accepts it and \
            quits.

              octo-teleop goal cup --text "the cup in the tray"
              octo-teleop goal cup --now --replace          without keys, for scripts

            Exit codes: 0 taken, 1 not taken, 2 there is no such run or device.
            """)

    @Argument(help: "Name that the goal gets.")
    var name: String

    @Option(help: "Keep this sentence with the pictures.")
    var text: String?

    @Flag(help: "Overwrite a goal of that name.")
    var replace = false

    @Flag(help: "Take the goal at once and accept it.")
    var now = false

    @OptionGroup var options: DriveOptions

    func run() throws {
        let taking = try options.run(
            recording: .init(name: name, text: text, replaces: replace, origin: .teleop), takesAtOnce: now)
        switch taking?.phase {
        case .accepted(let result), .taken(let result):
            guard options.json else { return print("\(result.message) (\(result.path))") }
            print(
                JSONNode.object([
                    "goal": JSONNode(result.goalName), "goal_id": JSONNode(result.goalID),
                    "path": JSONNode(result.path),
                    "message": JSONNode(result.message),
                ]).text())
        default:
            let reason = taking?.failure ?? ""
            throw WorkFailure("no goal was taken" + (reason.isEmpty ? "" : ": \(reason)"))
        }
    }
}

struct DevicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "List what could move the arm, and what it lacks.",
        discussion: "Exit codes: 0 all can be used, 1 one may not be read.")

    func run() throws {
        let devices = FoundDevice.all()
        print("keyboard\tthis terminal")
        for device in devices {
            print(
                "\(device.kind.rawValue)\t\(device.path)\t\(device.name)"
                    + (device.isReadable ? "" : "\tmay not be read: \(device.remedy)"))
        }
        if devices.isEmpty { print("no gamepad and no SpaceMouse is plugged in") }
        // The arm's own port is among them: 'octo-arm find-port' tells which is which.
        let ports = SerialDevices.present(in: "/dev").devices
        for port in ports {
            print(
                "leader?\t\(port.path)\tserial port"
                    + (port.isAccessible
                        ? "" : "\tmay not be read: as root: usermod -aG dialout \(userName), then log in anew"))
        }
        if devices.contains(where: { !$0.isReadable }) || ports.contains(where: { !$0.isAccessible }) {
            throw ExitCode.failure
        }
    }
}
