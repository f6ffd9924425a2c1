import ArgumentParser
import Bus
import Foundation
import Launch
import Messages
import NodeShell
import Time
import Wire

/// The emergency stop of a running robot, and its end.
struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "Emergency stop: the arm of a running robot brakes and holds until it is reset.",
        discussion: "Exit codes: 0 the arm holds, 1 it did not say so in time (switch its power off), 2 there is no such run.")

    @Option(name: .customLong("run"), help: "The run's folder. Without it, the one run that is alive.")
    var folder: String?

    func run() throws {
        try ArmOperator.send(.emergencyStop, to: folder, done: "the arm holds: emergency stop") { mode in
            mode == .holding(.emergencyStop)
        }
    }
}

struct ResetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset",
        abstract: "Ends the emergency stop: the arm goes on holding until a fresh chunk moves it.",
        discussion: "Exit codes: 0 done, 1 the arm did not say so in time, 2 there is no such run.")

    @Option(name: .customLong("run"), help: "The run's folder. Without it, the one run that is alive.")
    var folder: String?

    func run() throws {
        try ArmOperator.send(.resetEmergencyStop, to: folder, done: "the emergency stop is reset") { mode in
            mode != .holding(.emergencyStop)
        }
    }
}

/// Gives one command to a run's arm and waits until its state shows that it was obeyed.
enum ArmOperator {
    private static let patience = Duration.seconds(3)
    /// Who gives the commands.
    static var name: String { NSUserName().isEmpty ? "operator" : NSUserName() }

    static func send(
        _ action: ArmCommand.Action, to folder: String?, done: String, isDone: (ArmMode) -> Bool
    ) throws {
        let link: OperatorLink
        do {
            link = try OperatorLink(run: folder, commanding: [Manifest.armNode], name: "octo-arm")
        } catch {
            FileHandle.standardError.write(Data("error: \(error)\n".utf8))
            throw NodeExit.badInput
        }
        let states = try link.bus.subscribe(Topics.armState)
        let publisher = link.bus.publisher(Topics.armCommand)
        try link.awaitHearing(on: Topics.armCommand, by: Manifest.armNode)
        var generator = SystemRandomNumberGenerator()
        let command = ArmCommand(
            id: generator.next(), operatorID: name, action: action, time: .now())
        let deadline = MonotonicTime.now() + patience
        var nextTry = MonotonicTime.now()
        while MonotonicTime.now() < deadline {
            // The same command again does no harm, and a lost one would.
            if MonotonicTime.now() >= nextTry {
                try publisher.publish(command, at: .now())
                nextTry = .now() + .milliseconds(200)
            }
            try link.bus.wait(until: nextTry)
            while let received = states.take() {
                guard received.message.measured.time > command.time, isDone(received.message.mode) else { continue }
                return print(done)
            }
        }
        FileHandle.standardError.write(
            Data(
                ("error: sending the command: the arm's state did not confirm it within \(patience), expected at once. "
                    + "If the arm moves, switch its power off; else see 'octo-bus list'.\n").utf8))
        throw NodeExit.failure
    }
}
