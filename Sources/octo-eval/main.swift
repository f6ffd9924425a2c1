import ArgumentParser
import NodeShell
import Simulation

/// How well a policy does in the simulated world.
struct OctoEval: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-eval",
        abstract: "Measures how often a policy solves a task in the simulated world.",
        discussion: """
            Runs episodes in lock step, faster than real time, through the cores of the live pipeline: observation window,
            preprocessing, inference, chunk execution, kinematics and safety, with the settings of the manifest. Every
            episode is another variation of the scene; its goal image is taken from the world after the scripted expert has
            solved the task there. Success is judged from the world's state.

              octo-eval --manifest launch/sim.json --task pick-place --episodes 50 --expert
              octo-eval --manifest launch/sim.json --task push --policy checkpoints/octo --delay-steps 1 --csv rows.csv

            Same manifest, options and seed: the same episodes, bit for bit on one machine.
            """)

    @Option(help: "The robot's manifest, with a section \"simulation\".")
    var manifest = "launch/sim.json"

    @Option(help: "reach, push or pick-place.")
    var task: ManipulationTask.Kind

    @Option(help: "Object of the task; without it the scene's first.")
    var object: String?

    @Option(help: "How many.")
    var episodes = 20

    @Option(help: "Of the first episode's scene; each further one has the next.")
    var seed: UInt64 = 0

    @Option(help: "A checkpoint folder in place of the manifest's.")
    var policy: String?

    @Flag(help: "The scripted expert in place of a checkpoint.")
    var expert = false

    @Flag(help: "Random motion in place of a checkpoint.")
    var random = false

    @Flag(help: "Gives the task as a sentence, too, to a checkpoint that reads language.")
    var text = false

    @Option(help: "Policy steps that inference takes.")
    var delaySteps = 0.0

    @Option(help: "Policy steps after which an episode has failed.")
    var maxSteps = 120

    @Option(help: "CSV file with a row for each episode.")
    var csv: String?

    @Option(help: "PNG file with the first picture, the last and the goal of up to 20 episodes.")
    var sheet: String?

    @Flag(help: "Prints the result as JSON.")
    var json = false

    @Option(name: .customLong("set"), help: "A value in place of the manifest's: PATH=VALUE.")
    var overrides: [String] = []

    func validate() throws {
        if [policy != nil, expert, random].count(where: { $0 }) > 1 {
            throw ValidationError("--policy, --expert and --random are three policies: give one of them.")
        }
        if episodes < 1 { throw ValidationError("--episodes: give 1 or more.") }
        if maxSteps < 1 { throw ValidationError("--max-steps: give 1 or more.") }
        if !(0...100).contains(delaySteps) { throw ValidationError("--delay-steps: give 0 to 100.") }
        if delaySteps > 0, expert || random { throw ValidationError("--delay-steps belongs to a checkpoint.") }
    }

    func run() throws { try Evaluation(self).run() }
}

extension ManipulationTask.Kind: ExpressibleByArgument {}

OctoEval.runProgram()
