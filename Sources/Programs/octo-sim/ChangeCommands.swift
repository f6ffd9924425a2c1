import ArgumentParser
import Foundation
import Manifests
import Maths
import Messages
import NodeShell
import Time
import Wire

/// Options that the commands to a running simulation share.
struct ChangeOptions: ParsableArguments {
    @OptionGroup var runOption: RunOption

    init() {}

    /// Sends a command to the simulation, and prints `done` when it is carried out.
    /// - Throws: `WorkFailure` when the simulation refuses; and what the bus throws.
    func send(_ action: SimulationCommand.Action, done: String) throws {
        let link = try OperatorLink(
            to: runOption.load(), commanding: [Manifest.simulationNode], program: "octo-sim")
        let command = SimulationCommand(
            id: link.makeID(), operatorID: "\(link.name)", action: action, time: .now())
        let answer = try link.exchange(
            command, on: Topics.simulationCommand, answers: Topics.simulationResult, by: Manifest.simulationNode)
        guard answer.isAccepted else { throw WorkFailure(answer.message) }
        print(done)
    }
}

struct NudgeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nudge", abstract: "Push the primary camera of a running simulation out of its place.",
        discussion: """
            Directions are the camera's own; nudges add up. At the distance of the table 1 cm is about 4 \
            pixels of 256. Exit codes: 0 done, 1 refused, 2 there is no such run.
            """)

    @Option(parsing: .unconditional, help: ArgumentHelp("Push it to the right.", valueName: "metres"))
    var right = 0.0

    @Option(parsing: .unconditional, help: ArgumentHelp("Push it down.", valueName: "metres"))
    var down = 0.0

    @Option(parsing: .unconditional, help: ArgumentHelp("Push it forward.", valueName: "metres"))
    var forward = 0.0

    @Option(parsing: .unconditional, help: ArgumentHelp("Turn the picture clockwise.", valueName: "degrees"))
    var roll = 0.0

    @Flag(help: "Put the camera back first.")
    var reset = false

    @OptionGroup var options: ChangeOptions

    func validate() throws {
        guard [right, down, forward].allSatisfy({ abs($0) <= 10 }), abs(roll) <= 360 else {
            throw ValidationError("give at most 10 metres and 360 degrees")
        }
    }

    func run() throws {
        if reset { try options.send(.resetCamera, done: "the camera is back in its place") }
        guard !reset || right != 0 || down != 0 || forward != 0 || roll != 0 else { return }
        try options.send(
            .nudgeCamera(offset: [right, down, forward], roll: roll * .pi / 180), done: "the camera has moved")
    }
}

struct LightCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "light", abstract: "Make the lamp of a running simulation brighter or darker.",
        discussion: "Exit codes: 0 done, 1 refused, 2 there is no such run.")

    @Argument(help: "0 (off) to 1; 0.6 is a scene's own, unless the scene says otherwise.")
    var brightness: Double

    @OptionGroup var options: ChangeOptions

    func run() throws { try options.send(.setBrightness(brightness), done: "the lamp is at \(brightness)") }
}

struct PlaceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "place", abstract: "Put an object of a running simulation elsewhere.",
        discussion: "Exit codes: 0 done, 1 refused, 2 there is no such run.")

    @Argument(help: "The object's name in the scene.")
    var object: String

    @Argument(
        // A negative number looks like an option.
        parsing: .allUnrecognized,
        help: ArgumentHelp("Metres from the arm's base: forward, and to the left.", valueName: "x> <y"))
    var place: [Double]

    @Option(help: ArgumentHelp("Put the object's middle this high above the table.", valueName: "metres"))
    var z = 0.05

    @OptionGroup var options: ChangeOptions

    func run() throws {
        guard place.count == 2 else {
            throw ValidationError(
                "found \(place.count) numbers behind the object's name, expected two: metres forward and to the left")
        }
        guard (place + [z]).allSatisfy({ abs($0) <= 10 }) else { throw ValidationError("give at most 10 metres") }
        try options.send(.placeObject(name: object, position: [place[0], place[1], z]), done: "'\(object)' is there")
    }
}
