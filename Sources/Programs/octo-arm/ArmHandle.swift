import ArmLoop
import Bus
import Control
import Foundation
import Manifests
import Messages
import NodeShell
import Teleop
import Time
import Wire

/// An arm in the hands of an operator's program. All of it is for one thread.
protocol ArmHandle: AnyObject {
    /// The arm as its control loop knows it.
    var arm: TeleopArm { get }
    /// Where the arm is, in words for people.
    var place: String { get }
    /// What is wrong with the servos, as the driver says; nil when nothing is known.
    var trouble: String? { get }
    /// How often a motion has to be repeated so that it lasts.
    var commandPeriod: Duration { get }

    /// Sleeps until the time, or until one of the descriptors can be read; may wake earlier.
    func wait(until deadline: MonotonicTime, alsoOn descriptors: [Int32]) throws
    /// Takes the newest state; nil if none came since the last call.
    func takeState() -> ArmState?
    func send(_ command: ManualCommand) throws
    func send(_ request: ArmRequest) throws
    /// Lets the arm go. One that this process drives brakes first.
    func close()
}

/// The arm of a run that is alive: its process drives it, we are one of its operators.
final class BusArm: ArmHandle {
    let arm: TeleopArm
    let commandPeriod: Duration
    private let link: OperatorLink
    private let states: Subscription<ArmState>
    private let statuses: Subscription<NodeStatus>
    private let manual: Publisher<ManualCommand>
    private let commands: Publisher<ArmCommand>
    private(set) var trouble: String?

    /// Joins a run as an operator of its arm.
    /// - Throws: `NodeSilence`, `BusError`, and what is wrong with the calibration.
    init(in run: RunDescription) throws {
        link = try OperatorLink(to: run, commanding: [Manifest.armNode], program: "octo-arm")
        let section = run.manifest.arm
        arm = TeleopArm(try section.readCalibration(), stateRate: section.stateRate.hertz)
        commandPeriod = section.manualPeriod
        states = try link.bus.subscribe(Topics.armState)
        statuses = try link.bus.subscribe(Topics.nodeStatus(Manifest.armNode))
        manual = link.bus.publisher(Topics.armManual)
        commands = link.bus.publisher(Topics.armCommand)
        try link.awaitHearing(on: Topics.armManual, by: Manifest.armNode)
        try link.awaitHearing(on: Topics.armCommand, by: Manifest.armNode)
    }

    var place: String { "the run in \(link.run.folder)" }

    func wait(until deadline: MonotonicTime, alsoOn descriptors: [Int32]) throws {
        try link.bus.wait(until: deadline, alsoOn: descriptors)
        while let received = statuses.take() {
            trouble = received.message.state == .fault ? received.message.headline : nil
        }
    }

    func takeState() -> ArmState? {
        var newest: ArmState?
        while let received = states.take() { newest = received.message }
        return newest
    }

    func send(_ command: ManualCommand) throws { try manual.publish(command, at: .now()) }

    func send(_ request: ArmRequest) throws {
        try commands.publish(
            ArmCommand(
                id: link.ids.id(ofNumber: request.number), operatorID: "\(link.name)", action: request.action,
                time: .now()),
            at: .now())
    }

    func close() { link.bus.close() }
}
