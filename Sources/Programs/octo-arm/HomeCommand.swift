import ArgumentParser
import CShims
import Foundation
import JSONTree
import Messages
import NodeShell
import Teleop
import Time

/// Brings an arm to a pose of its calibration file.
struct HomeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "home",
        abstract: "Move the arm slowly to a pose of its calibration file.",
        discussion: """
            All joints move at once, on the straight way between the angles: look that nothing stands in it. Ctrl-C \
            brakes. In a run the policy gives way until the arm has arrived, and goes on afterwards.

              octo-arm home --manifest robot.json      without a run
              octo-arm home --pose rest --speed 0.1    fold the arm of the live run, slowly

            Exit codes: 0 arrived, 1 not, 2 the arm cannot be opened.
            """)

    @Option(help: "Go to this pose: neutral (where a run begins) or rest (folded, safe to switch off in).")
    var pose = TeleopArm.Pose.neutral

    @Option(help: "Move at this share of the joints' highest speeds, from 0.01 to 1.")
    var speed = 0.2

    @OptionGroup var choice: ArmChoice
    @Flag(help: "Print JSON lines: the arm's state ten times a second, and how it ended.")
    var json = false

    func validate() throws {
        guard speed >= 0.01, speed <= 1 else {
            throw ValidationError("--speed: found \(speed), give a number from 0.01 to 1.")
        }
    }

    func run() throws {
        let signals = try OperatorShell.begin("octo-arm")
        let handle = try choice.open()
        var shell = HomeShell(handle: handle, signals: signals, json: json, pose: pose, speed: speed)
        defer { handle.close() }
        try working { try shell.run() }
    }
}

extension TeleopArm.Pose: ExpressibleByArgument {}

/// The loop around a `HomeSession`.
private struct HomeShell {
    private static let drawPeriod = Duration.milliseconds(100)

    private let handle: any ArmHandle
    private let signals: Int32
    private let json: Bool
    private var session: HomeSession
    private var screen = StatusScreen()

    init(handle: any ArmHandle, signals: Int32, json: Bool, pose: TeleopArm.Pose, speed: Double) {
        self.handle = handle
        self.signals = signals
        self.json = json
        session = HomeSession(arm: handle.arm, pose: pose, speed: speed, at: .now())
    }

    mutating func run() throws {
        var nextCommand = MonotonicTime.now()
        var nextDraw = nextCommand
        while true {
            let now = MonotonicTime.now()
            while octo_signal_read(signals) != 0 { session.interrupt(at: now) }
            while let state = handle.takeState() { session.receive(state, at: now) }
            if now >= nextCommand {
                if let command = session.command(at: now) { try handle.send(command) }
                nextCommand = now + handle.commandPeriod
            }
            if now >= nextDraw {
                draw()
                nextDraw = now + Self.drawPeriod
            }
            if let outcome = session.outcome(at: now) { return try end(outcome) }
            try handle.wait(until: min(nextCommand, nextDraw), alsoOn: [signals])
        }
    }

    private mutating func draw() {
        guard json else {
            // Without a screen a line for the beginning will do: what is left changes all the time.
            let isScreen = isatty(STDOUT_FILENO) == 1
            return screen.show([session.progress], words: isScreen ? "" : "going to the \(session.pose.rawValue) pose")
        }
        guard let state = session.state else { return }
        let left = session.left.map { [JSONNode.Member(key: "left_rad", value: JSONNode(number: $0))] } ?? []
        Terminal.say(state.json(of: handle.arm, extra: left).text())
    }

    private mutating func end(_ outcome: HomeSession.Outcome) throws {
        screen.end()
        var summary = session.summary(of: outcome)
        if let trouble = handle.trouble { summary += " \(trouble)" }
        if json {
            let word =
                switch outcome {
                case .arrived: "arrived"
                case .gaveUp: "gave up"
                case .interrupted: "interrupted"
                }
            Terminal.say(JSONNode.object(["outcome": JSONNode(word), "message": JSONNode(summary)]).text())
        }
        guard case .arrived = outcome else { throw WorkFailure(summary) }
        if !json { Terminal.say(summary) }
    }
}
