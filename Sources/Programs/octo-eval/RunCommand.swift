import ArgumentParser
import Evaluation
import Images
import JSONTree
import NodeShell
import Simulation
import Time

/// Measures success rates, with the controls that show what they are due to.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Measure how often a policy solves tasks, and whether it is the goal that it follows.",
        discussion: """
            Runs episodes in lock step, faster than real time, through the cores of the live pipeline: observation \
            window, preprocessing, inference, chunk execution, kinematics and safety, with the settings of the \
            manifest. Every episode is another variation of the scene. Success is judged from the world's state.

              octo-eval --task pick-place --episodes 50 --expert
              octo-eval --task reach,push,pick-place --policy checkpoints/octo --delay-steps 1 --csv rows.csv

            The goal image is taken from the world after the scripted expert has solved the task in the same scene. \
            Whether a policy follows it is seen from controls, whose success should be small:

              octo-eval --task reach --goal-from task,shuffled,black --results reach.jsonl

              task        the end of the episode's own task: the measurement
              shuffled    the end of the same task in another scene, where it asks for something else
              black       black pictures
              file:PATH   one picture for the primary camera, or a folder with primary.png, wrist.png
              push:cup    the end of that task with that object, in the same scene

            Whose goal is shuffled in is drawn until the expert, doing what it shows, does not succeed: a mark that \
            does not move is the same place everywhere, and such a goal would not be another. Scenes whose mark and \
            tray move are in launch/policies/scenes/wide.json (--set simulation.scene=...). OTHER AIM in the table \
            counts the episodes in which the expert, doing what the goal shows, does not succeed: success there is not \
            the goal's. RIGHT/WRONG/NONE says which object was moved (or approached); --object block,cup runs both in \
            the same scenes, so that only the goal can tell them apart.

            With --results a run that was cut goes on, and one with more --episodes adds to what is there. Episodes \
            whose results are there are not recorded again. --record writes episodes that failed as files for \
            octo-replay. Same manifest, options and seed: the same episodes, bit for bit on one machine.
            """)

    @OptionGroup var options: EvaluationOptions

    @Option(help: "Do this task: reach, push, pick-place, or several with commas.")
    var task: String

    @Option(help: "Use this object for the tasks, or several with commas; without it the scene's first.")
    var object: String?

    @Option(help: "Take the goal image from: task, shuffled, black, file:PATH or TASK:OBJECT, or several with commas.")
    var goalFrom = "task"

    @Flag(help: "Run the scripted expert in place of a checkpoint.")
    var expert = false

    @Flag(help: "Move at random in place of a checkpoint.")
    var random = false

    @Option(help: "Keep each episode's result in this file (JSON lines); a second call goes on from there.")
    var results: String?

    @Option(help: "Write episodes that failed to this folder, as octo-record does.")
    var record: String?

    @Flag(help: "Record all episodes, not only those that failed.")
    var recordAll = false

    @Option(help: "Write a row for each episode to this CSV file.")
    var csv: String?

    @Option(help: "Write the first picture, the last and the goal of up to 20 episodes to this PNG file.")
    var sheet: String?

    @OptionGroup var json: JSONFlag

    private static let sheetEpisodes = 20
    private static let sheetSize = 160

    func validate() throws {
        if [options.policy != nil, expert, random].count(where: { $0 }) > 1 {
            throw ValidationError("--policy, --expert and --random are three policies: give one of them.")
        }
        if expert || random {
            if options.delaySteps > 0 { throw ValidationError("--delay-steps belongs to a checkpoint.") }
            let isKnown = try goals.allSatisfy { goal in
                switch goal {
                case .own: true
                case .shuffled, .other: expert
                case .black, .file: false
                }
            }
            if !isKnown {
                throw ValidationError(
                    "--goal-from: random motion looks at no goal, and the expert, which looks at no picture, can do "
                        + "what shuffled or TASK:OBJECT stand for, not \(goalFrom).")
            }
        }
        if recordAll, record == nil { throw ValidationError("--record-all belongs to --record.") }
        _ = try (ManipulationTask.Kind.list(task), goals)
    }

    private var goals: [GoalChoice] {
        get throws {
            var goals: [GoalChoice] = []
            for part in OptionList(goalFrom).parts {
                do throws(GoalChoice.Problem) {
                    goals.append(try GoalChoice(parsing: part))
                } catch {
                    throw ValidationError("--goal-from: \(error)")
                }
            }
            return goals
        }
    }

    func run() throws {
        let actor: LoadedEvaluation.Actor = expert ? .expert : random ? .random : .checkpoint
        let goals = try goals
        let evaluation = try LoadedEvaluation(options, actor: actor)
        let kinds = try kinds(goals, in: evaluation.setup.scene)
        let trials = TrialPlan.trials(of: kinds, episodes: options.episodes, seed: options.seed)
        var bench = try evaluation.makeBench(goals: goals)
        if sheet != nil { bench.pictureSize = Self.sheetSize }
        if let record { bench.tape = try evaluation.makeTape(folder: record, keepsSuccesses: recordAll) }
        let file = try results.map { try ResultFile($0, settings: evaluation.settings) }
        var pictures: [RGBImage] = []
        let run = try TrialRun(trials, bench: &bench, file: file, rate: evaluation.setup.policyRate) { result, bench in
            guard let taken = bench.pictures, pictures.count < 3 * Self.sheetEpisodes else { return }
            let seconds = result.run?.outcome.secondsToSuccess.map { "\($0.decimals(1)) s" }
            pictures += [
                taken.first.labelled("\(result.trial.seed) start"),
                taken.last.labelled(seconds.map { "done, " + $0 } ?? "not done"),
            ]
            pictures += [taken.goal?.resized(to: Self.sheetSize).labelled("goal")].compactMap(\.self)
        }
        let table = TrialTable(policy: evaluation.policyName, run.results)
        if let csv { try write(table.csv, to: csv) }
        if let sheet, let tiles = RGBImage.tiled(pictures, columns: 6) {
            try working { try tiles.writePNG(to: sheet) }
        }
        if json.isWanted {
            let times = [("simulated_s", run.simulatedSeconds), ("elapsed_s", run.elapsed.inSeconds)]
            print(times.reduce(table.tree) { $0.with($1.0, JSONNode(number: $1.1)) }.text())
        } else {
            print(table.text + (run.speed.map { "\n" + $0 } ?? ""))
        }
        try run.exitIfStopped()
    }

    /// The kinds of trial, each a row of the table: what the scene does not have is refused before anything runs.
    private func kinds(_ goals: [GoalChoice], in scene: Scene) throws -> [Trial.Kind] {
        let tasks = try ManipulationTask.Kind.list(task)
        for case .other(let kind, let name) in goals { _ = try ManipulationTask(kind, object: name, in: scene) }
        var kinds: [Trial.Kind] = []
        for task in tasks {
            for name in object.map({ OptionList($0).parts.map(Optional.some) }) ?? [nil] {
                let checked = try ManipulationTask(task, object: name, in: scene)
                for goal in goals {
                    kinds.append(
                        .init(task: task, object: scene.objects[checked.object].name, goal: goal, change: .none))
                }
            }
        }
        return kinds
    }
}

extension RGBImage {
    func resized(to side: Int) -> RGBImage {
        ImageResize(fromWidth: width, height: height, toWidth: side, height: side, cropsCentre: false).resize(self)
    }
}
