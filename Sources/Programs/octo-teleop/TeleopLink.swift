import Bus
import Foundation
import Kinematics
import Manifests
import Messages
import NodeShell
import Teleop
import Time
import Wire

/// An operator's connection to a run: the arm, the goal node, and a recorder if there is one.
final class TeleopLink {
    let link: OperatorLink
    let arm: TeleopArm
    let commandPeriod: Duration
    private let states: Subscription<ArmState>
    private let fits: Subscription<GoalFit>
    private let episodeStates: Subscription<EpisodeState>
    private let episodeResults: Subscription<EpisodeResult>
    private let goalResults: Subscription<GoalResult>
    private let manual: Publisher<ManualCommand>
    private let armCommands: Publisher<ArmCommand>
    private let goalCommands: Publisher<GoalCommand>
    private let episodeCommands: Publisher<EpisodeCommand>
    private var name: String { "\(link.name)" }

    /// Joins a run as its operator.
    /// - Throws: `NodeSilence`, `BusError`, and what is wrong with the arm's calibration.
    init(in run: RunDescription) throws {
        link = try OperatorLink(
            to: run, commanding: run.commandEndpoints.keys.sorted(), program: "octo-teleop")
        let section = run.manifest.arm
        arm = TeleopArm(try ArmCalibration(contentsOfFile: section.calibration), stateRate: section.stateRate.hertz)
        commandPeriod = section.manualPeriod
        states = try link.bus.subscribe(Topics.armState)
        fits = try link.bus.subscribe(Topics.goalFit)
        episodeStates = try link.bus.subscribe(Topics.episodeState)
        episodeResults = try link.bus.subscribe(Topics.episodeResult)
        goalResults = try link.bus.subscribe(Topics.goalResult)
        manual = link.bus.publisher(Topics.armManual)
        armCommands = link.bus.publisher(Topics.armCommand)
        goalCommands = link.bus.publisher(Topics.goalCommand)
        episodeCommands = link.bus.publisher(Topics.episodeCommand)
        try link.awaitHearing(on: Topics.armManual, by: Manifest.armNode)
        try link.awaitHearing(on: Topics.armCommand, by: Manifest.armNode)
    }

    /// Hands what has arrived to the session.
    /// - Returns: answers of the goal node to this program.
    func deliver(to session: inout TeleopSession, at now: MonotonicTime) -> [GoalResult] {
        while let received = states.take() { session.receive(received.message, at: now) }
        while let received = fits.take() { session.receive(received.message) }
        while let received = episodeStates.take() { session.receive(received.message) }
        while let received = episodeResults.take() {
            guard received.message.operatorID == name else { continue }
            session.receive(received.message, to: link.ids.number(of: received.message.id))
        }
        var answers: [GoalResult] = []
        while let received = goalResults.take() {
            if received.message.operatorID == name { answers.append(received.message) }
        }
        return answers
    }

    func send(_ command: ManualCommand) throws { try manual.publish(command, at: .now()) }

    func send(_ request: ArmRequest) throws {
        try armCommands.publish(
            ArmCommand(
                id: link.ids.id(ofNumber: request.number), operatorID: name, action: request.action, time: .now()),
            at: .now())
    }

    func send(_ action: EpisodeCommand.Action, number: UInt64) throws {
        try episodeCommands.publish(
            EpisodeCommand(id: link.ids.id(ofNumber: number), operatorID: name, action: action, time: .now()),
            at: .now())
    }

    /// The command to take a goal, to be sent again until it is answered.
    func makeGoalCommand(_ recording: GoalCommand.Recording) -> GoalCommand {
        GoalCommand(id: link.makeID(), operatorID: name, action: .record(recording), time: .now())
    }

    func send(_ command: GoalCommand) throws { try goalCommands.publish(command, at: .now()) }

    func close() { link.bus.close() }
}
