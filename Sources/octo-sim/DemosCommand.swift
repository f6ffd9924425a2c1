import ArgumentParser
import ArmSetup
import ClosedLoop
import Control
import Episodes
import Foundation
import Images
import JSONTree
import Messages
import NodeShell
import Simulation
import Time

/// Demonstrations of the scripted expert.
struct DemosCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demos",
        abstract: "Writes demonstrations of the scripted expert as a dataset that Octo's data loader reads.",
        discussion: """
            Every episode is another variation of the scene. The expert's actions pass through the same chunk execution,
            kinematics and limits as a policy's; pictures (image_0 256x256, image_1 from the wrist 128x128), states and
            actions are Bridge's, five steps a second. OUT gets a TFDS folder in RLDS form:

              octo-sim demos --task pick-place --episodes 200 --seed 1 --out data
              tfds.builder("octo_sim_pick_place", data_dir="data")

            Same task, scene and seed: the same dataset. Exit codes: 0 all written, 1 fewer than 95 % succeeded, 2 the input
            cannot be used.
            """)

    @OptionGroup var world: SceneOptions

    @Option(help: "reach, push or pick-place.")
    var task: ManipulationTask.Kind

    @Option(help: "Object of the task; without it the scene's first.")
    var object: String?

    @Option(help: "How many.")
    var episodes = 50

    @Option(help: "Folder for the dataset.")
    var out: String

    @Option(help: "The dataset's name; without it octo_sim_ and the task.")
    var name: String?

    @Flag(help: "Leaves out episodes that failed.")
    var successesOnly = false

    @Flag(help: "Takes the place of a dataset of that name.")
    var overwrite = false

    @Flag(help: "Prints the summary as JSON.")
    var json = false

    private static let features = RLDSFeatures(pictures: [
        .init("image_0", width: 256, height: 256), .init("image_1", width: 128, height: 128),
    ])
    private static let cameras = [
        EpisodeCamera(.primary, width: 256, height: 256), EpisodeCamera(.wrist, width: 128, height: 128),
    ]

    func validate() throws {
        if world.mjcf != nil { throw ValidationError("--mjcf: demonstrations vary the scene, which a model of its own has not.") }
        if episodes < 1 { throw ValidationError("--episodes: give 1 or more.") }
    }

    func run() throws { try reporting { try write() } }

    private func write() throws {
        let scene = try world.readScene()
        let arm = try ArmCalibration(contentsOfFile: world.calibration)
        let first = world.seed ?? 0
        let dataset = name ?? "octo_sim_" + task.rawValue.replacing("-", with: "_")
        let writer = try RLDSDatasetWriter(creating: dataset, in: out, features: Self.features, overwriting: overwrite)
        let progress = ProgressLine(total: episodes, of: "episodes", at: .now())
        var (successes, written) = (0, 0)
        for index in 0..<episodes {
            let seed = first &+ UInt64(index)
            let varied = scene.varied(seed: seed)
            let task = try ManipulationTask(task, object: object, in: varied)
            let instruction = task.instruction(in: varied)
            var steps: [RLDSEpisode.Step] = []
            let outcome = try ExpertEpisode.run(task, in: World(varied, arm: arm), cameras: Self.cameras) { step in
                steps.append(try Self.record(step, instruction: instruction))
            }
            if outcome.isSuccess { successes += 1 }
            if outcome.isSuccess || !successesOnly {
                try writer.append(
                    RLDSEpisode(
                        recorded: steps,
                        metadata: .init(
                            filePath: "octo-sim/\(self.task.rawValue)/\(seed)", episodeID: Int32(clamping: written),
                            success: outcome.isSuccess, seed: Int64(truncatingIfNeeded: seed))))
                written += 1
            }
            progress.show(index + 1, note: "\(successes) succeeded", at: .now())
        }
        progress.end()
        let info = try writer.finish()
        report(writer.folder, successes: successes, written: written, bytes: info.splits.reduce(0) { $0 + $1.byteCount })
        // A dataset of failures teaches nothing: whoever starts this from a script hears of it.
        if Double(successes) < 0.95 * Double(episodes) { throw ExitCode(1) }
    }

    private static func record(_ step: DemonstrationStep, instruction: String) throws -> RLDSEpisode.Step {
        var pictures: [String: SharedBytes] = [:]
        for (key, frame) in zip(["image_0", "image_1"], step.frames) {
            guard case .rgb8(let image) = frame.pixels else { continue }
            pictures[key] = try image.jpegData(quality: 95)
        }
        return RLDSEpisode.Step(
            action: step.action, state: step.state, pictures: pictures, languageInstruction: instruction)
    }

    private func report(_ folder: String, successes: Int, written: Int, bytes: Int) {
        if json {
            let tree: JSONNode = .object([
                "folder": JSONNode(folder), "task": JSONNode(task.rawValue), "episodes": JSONNode(episodes),
                "written": JSONNode(written), "succeeded": JSONNode(successes), "bytes": JSONNode(bytes),
            ])
            print(tree.text())
        } else {
            print("\(folder): \(written) episodes, \(bytes / 1_000_000) MB; \(successes) of \(episodes) succeeded")
        }
    }
}
