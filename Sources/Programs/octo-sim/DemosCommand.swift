import ArgumentParser
import ClosedLoop
import Datasets
import Demonstrations
import Foundation
import JSONTree
import Kinematics
import Manifests
import NodeShell
import Policy
import Simulation
import Time

/// Records demonstrations of the scripted expert.
struct DemosCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demos",
        abstract: "Write demonstrations of the scripted expert as a dataset that Octo's data loader reads.",
        discussion: """
            Every episode is another variation of the scene. The expert's actions pass through the same chunk \
            execution, kinematics and limits as a policy's; pictures (image_0 256x256, image_1 from the wrist \
            128x128), states and actions are Bridge's, five steps a second: the state is measured when the pictures \
            are taken, the action is what the expert does upon seeing them. OUT gets a TFDS folder in RLDS form, with \
            dataset_statistics.json in it:

              octo-sim demos --task pick-place --episodes 200 --seed 1 --out data
              tfds.builder("octo_sim_pick_place", data_dir="data")

            Several tasks or objects go into one dataset, in turn; naming one twice gives it two turns:

              octo-sim demos --task reach,push,pick-place,pick-place --object block,cylinder --episodes 800 --out data

            A policy that has only seen perfect demonstrations does not know the way back. --noise 1 disturbs what the \
            arm carries out and records what the expert would have done (DART): bursts of one to three steps, about 14 \
            mm and 0.1 rad strong, begin at 16 % of the steps, and between them the arm trembles by 1.5 mm. \
            steps/perturbed says which steps were in a burst: an action that follows one answers to it, so leave it \
            out of a chunk that began before. --random-start lets episodes begin anywhere in the workspace.

              octo-sim demos --task push --episodes 500 --noise 1 --random-start --successes-only --jobs 8 --out data

            --goal-arm adds a picture of the goal to each episode (episode_metadata/goal_image_0), for policies whose \
            goal is photographed beforehand: with the arm at rest (away), or as the last step shows it (there).

            --policy lets a checkpoint drive for the first 4 to 40 steps of each episode, with the goal that the \
            expert reaches in its scene; then the expert takes over and ends the task. Every step says what the expert \
            would have done, so that the policy learns the way back from its own mistakes (DAgger). steps/perturbed \
            marks those in which it did something else.

              octo-sim demos --task push --episodes 300 --policy checkpoints/mine --successes-only --out data

            --other-goals 2 gives each episode two goals of other scenes beside its own, and says at every step what \
            the expert would do for them (episode_metadata/other_goal_0, steps/other_actions): what teaches a policy \
            to look at the goal.

            Same options and seed: the same dataset, whatever --jobs. Exit codes: 0 all written, 1 fewer than 95 % \
            succeeded (with --noise 75 %), 2 the input cannot be used.
            """)

    @OptionGroup var world: SceneOptions

    @Option(
        help: ArgumentHelp(
            "Show this task: reach, push or pick-place; several with commas between.", valueName: "tasks"))
    var task: CommaSeparated<ManipulationTask.Kind>

    @Option(
        help: ArgumentHelp(
            "Use this object for the task, several with commas between; without it the scene's first.",
            valueName: "objects"))
    var object: CommaSeparated<String>?

    @Option(help: "Make so many episodes.")
    var episodes = 50

    @Option(
        help: ArgumentHelp("Disturb what is carried out by noise of this strength, 0 (none) to 5.", valueName: "scale"))
    var noise = 0.0

    @Option(help: ArgumentHelp("Let the policy of this checkpoint folder drive at first.", valueName: "policy"))
    var policy: String?

    @Option(help: "With --policy: run the checkpoint as this manifest says.")
    var manifest = ShippedFile.path("launch/sim.json")

    @Flag(help: "Begin anywhere in the workspace, gripper open and pointing down, in place of the scene's start.")
    var randomStart = false

    @Option(help: "Add a picture of the goal, the arm 'away' (at rest) or 'there' (where it ended).")
    var goalArm: DemonstrationPlan.GoalArm?

    @Flag(
        help:
            "With --goal-arm and decoys: have goal pictures show mark, tray and object as the task wants them."
    )
    var goalLacksDecoys = false

    @Flag(help: "Add steps/truth: where the task's object is (x y z m, yaw rad). To learn from; no policy is told.")
    var truth = false

    @Option(help: "Give each episode so many goals of other scenes beside its own, 0 to 8.")
    var otherGoals = 0

    @Option(help: "Simulate so many worlds at a time.")
    var jobs = 1

    @Option(help: "Write the dataset to this folder.")
    var out: String

    @Option(help: "Give the dataset this name; without it octo_sim_ and the task, or octo_sim for several.")
    var name: String?

    @Flag(help: "Leave out episodes that failed.")
    var successesOnly = false

    @Flag(help: "Overwrite a dataset of that name.")
    var overwrite = false

    @OptionGroup var json: JSONFlag

    func validate() throws {
        if world.mjcf != nil {
            throw ValidationError("--mjcf: demonstrations vary the scene, which a model of its own has not.")
        }
        if episodes < 1 { throw ValidationError("--episodes: give 1 or more.") }
        if goalLacksDecoys, goalArm == nil {
            throw ValidationError("--goal-lacks-decoys: it is about goal pictures. Give --goal-arm too.")
        }
        if !(0...5).contains(noise) { throw ValidationError("--noise is \(noise): give 0 (none) to 5.") }
        if policy != nil, noise > 0 {
            throw ValidationError("--noise with --policy: the policy's mistakes are the noise. Give one of both.")
        }
        if policy != nil, jobs > 1 {
            throw ValidationError(
                "--jobs with --policy: the network computes for one world at a time. Leave --jobs away.")
        }
        if !(0...8).contains(otherGoals) { throw ValidationError("--other-goals is \(otherGoals): give 0 to 8.") }
        if policy != nil, otherGoals > 0 {
            throw ValidationError("--other-goals with --policy: a learner is coached for one goal. Give one of both.")
        }
        if !(1...256).contains(jobs) { throw ValidationError("--jobs is \(jobs): give 1 to 256.") }
    }

    /// Each task with each object.
    private var assignments: [DemonstrationPlan.Assignment] {
        task.values.flatMap { kind in
            object.map { $0.values.map { DemonstrationPlan.Assignment(kind, object: $0) } } ?? [.init(kind)]
        }
    }

    private var defaultName: String {
        let kinds = Set(task.values.map(\.rawValue))
        return kinds.count == 1 ? "octo_sim_" + task.values[0].rawValue.replacing("-", with: "_") : "octo_sim"
    }

    func run() throws {
        let plan = try DemonstrationPlan(
            assignments, in: world.readScene(), arm: ArmCalibration(contentsOfFile: world.calibration),
            seed: world.seed ?? 0, noise: noise, startsAnywhere: randomStart, goalArm: goalArm,
            goalLacksDecoys: goalLacksDecoys, tellsTruth: truth, isCoached: policy != nil, otherGoals: otherGoals)
        let learner = try policy.map { try self.learner($0) }
        let writer = try working(where: RLDSError.isOfOutput) {
            try RLDSDatasetWriter(
                creating: name ?? defaultName, in: out, features: plan.features, overwriting: overwrite)
        }
        // Mesa draws with as many threads as there are cores: enough for one world, too many for several.
        if jobs > 1 { setenv("LP_NUM_THREADS", "0", 0) }
        let progress = ProgressLine(total: episodes, of: "episodes", at: .now())
        let (tally, info) = try working(where: RLDSError.isOfOutput) {
            try DemonstrationDataset(plan, keepsFailures: !successesOnly)
                .write(episodes, jobs: jobs, coaching: learner, to: writer) { tally in
                    progress.show(
                        tally.made, note: "\(tally.successes) succeeded, \(tally.transitions) steps", at: .now())
                }
        }
        progress.end()
        report(writer.folder, plan, tally, bytes: info.splits.reduce(0) { $0 + $1.byteCount })
        // A dataset of failures teaches nothing: whoever starts this from a script hears of it.
        if Double(tally.successes) < (noise > 0 ? 0.75 : 0.95) * Double(episodes) { throw ExitCode.failure }
    }

    /// Loads the checkpoint in `folder` as the policy that learns.
    /// - Throws: what `Manifest` and `LoadedPolicy` throw.
    private func learner(_ folder: String) throws -> DemonstrationPlan.Learner {
        let manifest = try Manifest.load(
            manifest, overrides: [ManifestOverride(parsing: "policy.checkpoint=\(folder)")])
        let joints = try ArmCalibration(contentsOfFile: world.calibration).joints.count
        let loaded = try LoadedPolicy(
            manifest.policy, text: nil, cameras: World.Camera.allCases.map(\.rawValue), joints: { joints })
        return { goal in
            NetworkPolicy(
                core: PolicyNodeCore(loaded.configuration, texts: loaded.texts), engine: loaded.engine, goal: goal,
                delay: .zero)
        }
    }

    private func report(_ folder: String, _ plan: DemonstrationPlan, _ tally: DemonstrationDataset.Tally, bytes: Int) {
        if json.isWanted {
            let parts = zip(plan.assignments, tally.parts).map { assignment, count in
                JSONNode.object([
                    "task": JSONNode(assignment.kind.rawValue),
                    "object": JSONNode(assignment.object ?? plan.scene.objects[0].name),
                    "episodes": JSONNode(count.made), "succeeded": JSONNode(count.successes),
                ])
            }
            let tree: JSONNode = .object([
                "folder": JSONNode(folder), "task": JSONNode(task.values.map(\.rawValue).joined(separator: ",")),
                "episodes": JSONNode(tally.made), "written": JSONNode(tally.written),
                "succeeded": JSONNode(tally.successes),
                "steps": JSONNode(tally.transitions), "bytes": JSONNode(bytes), "parts": JSONNode(.array(parts)),
            ])
            print(tree.text())
            return
        }
        print(
            "\(folder): \(tally.written) episodes, \(tally.transitions) steps, \(bytes / 1_000_000) MB; "
                + "\(tally.successes) of \(tally.made) succeeded")
        guard plan.assignments.count > 1 else { return }
        for (assignment, count) in zip(plan.assignments, tally.parts) {
            let object = assignment.object ?? plan.scene.objects[0].name
            print("  \(assignment.kind.rawValue) \(object): \(count.successes) of \(count.made)")
        }
    }
}

extension DemonstrationPlan.GoalArm: ExpressibleByArgument {}

/// Several values of one option: block,cup.
struct CommaSeparated<Value: ExpressibleByArgument & Sendable>: ExpressibleByArgument, Sendable {
    let values: [Value]

    init?(argument: String) {
        var values: [Value] = []
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard !part.isEmpty, let value = Value(argument: String(part)) else { return nil }
            values.append(value)
        }
        self.values = values
    }

    /// The values that one of them may have, for help and errors.
    static var allValueStrings: [String] { Value.allValueStrings }
}
