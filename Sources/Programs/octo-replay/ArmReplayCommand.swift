import ArgumentParser
import Bus
import CShims
import Glibc
import Kinematics
import Manifests
import Messages
import NodeShell
import Recording
import Replay
import Teleop
import Time
import Wire

struct ArmReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "arm",
        abstract: "Move the arm of the live run as it was moved in an episode.",
        discussion: """
            Open loop: the joints go where they were told to go then, whatever stands there now. Everything passes the \
            arm's safety envelope, and the policy gives way meanwhile. Look at the way to the start first; then, with \
            a hand at the emergency stop:

              octo-replay arm EPISODE                     shows how far each joint has to go
              octo-replay arm EPISODE --yes --speed 0.5   goes there slowly, then along the motion at half speed

            A joint that is not where it should be, a hold, an emergency stop or Ctrl-C end it: the arm brakes. Exit \
            codes: 0 done (or shown), 1 stopped on the way, 2 it cannot begin.
            """)

    @Argument(help: EpisodeArgument.help)
    var episode: EpisodeArgument

    @OptionGroup var runOption: RunOption

    @Option(help: "Play the motion at this speed, from 0.01 to 1 (1 = as recorded).")
    var speed = 1.0

    @Option(help: "Go to the start at this share of the joints' highest speeds, from 0.01 to 1.")
    var approachSpeed = 0.15

    @Option(help: ArgumentHelp("Stop when a joint is farther than this from the motion.", valueName: "degrees"))
    var deviation = 10.0

    @Option(help: ArgumentHelp("Begin so long after the episode's first message.", valueName: "seconds"))
    var from = 0.0

    @Option(help: ArgumentHelp("End so long after the episode's first message.", valueName: "seconds"))
    var to: Double?

    @Flag(help: "Move the arm. Without it, only show the way to the start.")
    var yes = false

    func validate() throws {
        guard speed >= 0.01, speed <= 1 else {
            throw ValidationError("--speed: found \(speed), give a number from 0.01 to 1.")
        }
        guard approachSpeed >= 0.01, approachSpeed <= 1 else {
            throw ValidationError("--approach-speed: found \(approachSpeed), give a number from 0.01 to 1.")
        }
        guard deviation > 0, deviation <= 180 else {
            throw ValidationError("--deviation: found \(deviation), give degrees above 0, at most 180.")
        }
        guard from >= 0, from < 1e9, (to ?? from) >= from, (to ?? 0) < 1e9 else {
            throw ValidationError(
                "--from \(from)\(to.map { " --to \($0)" } ?? ""): give seconds from 0 on, in this order.")
        }
    }

    func run() throws {
        let signals = try OperatorShell.begin("octo-replay")
        let motion = try RecordedMotion(
            of: EpisodeFile(path: episode.path), from: .fromSeconds(from), to: to.map { .fromSeconds($0) })
        let link = try ReplayedArm(in: runOption.load())
        let options = ArmReplaySession.Options(
            speed: speed, approachSpeed: approachSpeed, deviation: deviation * .pi / 180)
        guard let state = try link.firstState(signals: signals) else {
            throw NoStateError(place: "the run in \(link.folder)")
        }
        guard state.measured.positions.count == motion.start.positions.count,
            link.arm.joints.count == motion.start.positions.count
        else {
            throw ArmReplayError.otherArm(
                path: episode.path, joints: motion.start.positions.count, found: state.measured.positions.count)
        }
        print(ArmReplaySession.distances(from: state, to: motion, of: link.arm).joined(separator: "\n"))
        print("the motion takes \((motion.duration.inSeconds / speed).decimals(1)) s")
        guard yes else {
            print("nothing was moved: give --yes when the way is free")
            return
        }
        defer { link.close() }
        try working { try play(motion, options, with: link, signals: signals) }
    }

    private func play(
        _ motion: RecordedMotion, _ options: ArmReplaySession.Options, with link: ReplayedArm, signals: Int32
    ) throws {
        var session = ArmReplaySession(arm: link.arm, motion: motion, options: options, at: .now())
        var nextCommand = MonotonicTime.now()
        var nextWords = nextCommand
        let line = LiveLine()
        defer { line.end() }
        while true {
            let now = MonotonicTime.now()
            while octo_signal_read(signals) != 0 { session.interrupt(at: now) }
            while let state = link.takeState() { session.receive(state, at: now) }
            if now >= nextCommand {
                if let command = session.command(at: now) { try link.send(command) }
                nextCommand = now + link.commandPeriod
            }
            if now >= nextWords {
                nextWords = now + (line.isWatched ? .milliseconds(100) : .seconds(1))
                if line.isWatched { line.show(session.words(at: now)) } else { note(session.words(at: now)) }
            }
            if let outcome = session.outcome(at: now) {
                line.end()
                guard outcome == .finished else { throw WorkFailure(session.summary(of: outcome)) }
                return print(session.summary(of: outcome))
            }
            try link.wait(until: nextCommand, signals: signals)
        }
    }
}

/// The arm of a run that is alive, in this program's hands.
private final class ReplayedArm {
    let arm: TeleopArm
    let commandPeriod: Duration
    private let link: OperatorLink
    private let states: Subscription<ArmState>
    private let manual: Publisher<ManualCommand>

    init(in run: RunDescription) throws {
        link = try OperatorLink(to: run, commanding: [Manifest.armNode], program: "octo-replay")
        let section = run.manifest.arm
        arm = TeleopArm(try ArmCalibration(contentsOfFile: section.calibration), stateRate: section.stateRate.hertz)
        commandPeriod = section.manualPeriod
        states = try link.bus.subscribe(Topics.armState)
        manual = link.bus.publisher(Topics.armManual)
        try link.awaitHearing(on: Topics.armManual, by: Manifest.armNode)
    }

    var folder: String { link.run.folder }

    func firstState(signals: Int32) throws -> ArmState? {
        let deadline = MonotonicTime.now() + OperatorShell.firstStateTime
        while MonotonicTime.now() < deadline {
            if octo_signal_read(signals) != 0 { return nil }
            if let state = takeState() { return state }
            try wait(until: min(deadline, .now() + .milliseconds(100)), signals: signals)
        }
        return nil
    }

    func takeState() -> ArmState? { states.take()?.message }
    func send(_ command: ManualCommand) throws { try manual.publish(command, at: .now()) }
    func wait(until deadline: MonotonicTime, signals: Int32) throws {
        try link.bus.wait(until: deadline, alsoOn: [signals])
    }
    func close() { link.bus.close() }
}

enum ArmReplayError: Error, CustomStringConvertible {
    case otherArm(path: String, joints: Int, found: Int)

    var description: String {
        switch self {
        case .otherArm(let path, let joints, let found):
            "replaying \(path): its arm has \(joints) joints, this run's has \(found), expected the same arm. Choose "
                + "an episode of this arm."
        }
    }
}
