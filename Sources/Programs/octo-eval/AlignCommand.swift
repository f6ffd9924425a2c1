import ArgumentParser
import Evaluation
import Files
import Images
import NodeShell
import Simulation
import Time

/// Measures how well a goal must fit the scene.
struct AlignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "align",
        abstract: "Measure success as a function of how far goal and scene are apart.",
        discussion: """
            Runs every scene once with its own goal, then again with goals that differ in one thing, each a little \
            more than the one before. Only the goal is changed; scene, start and live pictures stay the same, bit for \
            bit.

              octo-eval align --task reach --policy checkpoints/octo --episodes 20 --out align-reach
              octo-eval align --task reach --axes camera-shift,object-moved --out align-reach

            Axes, and the values of each:
            \(axisList)

            camera-orbit takes the goal with another camera. object-moved sets the object (for reach also the arm \
            above it) elsewhere in the goal than the task has it. A goal's age has no effect by itself: a policy sees \
            pixels only.

            OUT gets results.jsonl (each episode; a second call goes on from there), table.txt, table.json, \
            alignment.svg (and .png, where librsvg2-bin is installed), goals.png (the goals of the first scene) and \
            goal_fit.json: amber where success has fallen by a tenth, red where it has halved, on the non-increasing \
            curve nearest to what was measured, with straight lines between the values. No limits are given where \
            fewer than \(Int(FitLimits.leastBaseline * 100)) % succeed with the goal as it should be, or fewer than
            \(FitLimits.leastEpisodes) scenes were run.
            """)

    private static var axisList: String {
        GoalAxis.allCases.map { "  \($0.rawValue.padded(to: 18))\($0.words): \($0.valueText)" }.joined(separator: "\n")
    }

    @OptionGroup var options: EvaluationOptions

    @Option(help: "Do this task: reach, push or pick-place.")
    var task: String

    @Option(help: "Use this object for the task; without it the scene's first.")
    var object: String?

    @Option(help: "Measure along these axes, with commas; without it along all.")
    var axes: String?

    @Option(help: "Write results, table, figure and limits to this folder.")
    var out: String

    @OptionGroup var json: JSONFlag

    func validate() throws {
        if try ManipulationTask.Kind.list(task).count != 1 {
            throw ValidationError("--task: a study is of one task. Give one.")
        }
        _ = try chosen
    }

    private var chosen: [GoalAxis] {
        get throws {
            guard let axes else { return GoalAxis.allCases }
            return try OptionList(axes).values(of: "--axes", known: GoalAxis.allCases.map(\.rawValue)) {
                GoalAxis(rawValue: $0)
            }
        }
    }

    func run() throws {
        guard let kind = try ManipulationTask.Kind.list(task).first else { return }
        let axes = try chosen
        let evaluation = try LoadedEvaluation(options, actor: .checkpoint)
        let scene = evaluation.setup.scene
        let checked = try ManipulationTask(kind, object: object, in: scene)
        let name = scene.objects[checked.object].name
        let trials = AlignmentPlan.trials(
            kind, object: name, axes: axes, episodes: options.episodes, seed: options.seed)
        try working { try FileSystem.makeFolders(out) }
        let file = try ResultFile("\(out)/results.jsonl", settings: evaluation.settings)
        try writeGoals(of: checked, axes: axes, evaluation.setup)
        var bench = try evaluation.makeBench(goals: [])
        bench.readsFit = true
        let run = try TrialRun(trials, bench: &bench, file: file, rate: evaluation.setup.policyRate)
        let table = AlignmentTable(policy: evaluation.policyName, task: kind, object: name, axes: axes, run.results)
        try write(table.text + "\n", to: "\(out)/table.txt")
        try write(table.tree.text(indented: true) + "\n", to: "\(out)/table.json")
        try write(AlignmentFigure(table).svg, to: "\(out)/alignment.svg")
        if let problem = FigurePicture.draw("\(out)/alignment.svg", to: "\(out)/alignment.png") { note(problem) }
        try write(table.fitFile.text(indented: true) + "\n", to: "\(out)/goal_fit.json")
        print(json.isWanted ? table.tree.text() : table.text + (run.speed.map { "\n\n" + $0 } ?? ""))
        try run.exitIfStopped()
    }

    /// Writes a picture with a row for each axis: the goal as it should be, then farther and farther from it. A goal
    /// that cannot be taken stays grey.
    private func writeGoals(of task: ManipulationTask, axes: [GoalAxis], _ setup: EvaluationSetup) throws {
        var stage = GoalStage(setup)
        let nothing = RGBImage(width: 1, height: 1, filledWith: 128)
        let columns = 1 + (axes.map(\.values.count).max() ?? 0)
        var pictures: [RGBImage] = []
        for axis in axes {
            var row: [RGBImage] = []
            for value in [0] + axis.values {
                do {
                    let views = try stage.views(task, seed: options.seed, change: GoalChange(axis, value))
                    row.append(
                        views.first { $0.camera == World.Camera.primary.rawValue }?.image.resized(to: 128) ?? nothing)
                } catch is GoalStageProblem {
                    row.append(nothing)
                }
            }
            pictures += row + Array(repeating: nothing, count: columns - row.count)
        }
        if let sheet = RGBImage.tiled(pictures, columns: columns) {
            try working { try sheet.writePNG(to: "\(out)/goals.png") }
        }
    }
}

extension GoalAxis {
    fileprivate var valueText: String {
        values.map { $0.decimals(0) }.joined(separator: " ") + (isSwitch ? "" : " \(unit)")
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
