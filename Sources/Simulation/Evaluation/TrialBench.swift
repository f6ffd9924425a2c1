import ClosedLoop
import Images
import Kinematics
import Maths
import Messages
import SceneFit
import Simulation
import Time

/// Who acts in the trials.
package enum TrialPolicy {
    case expert
    case random
    /// Makes the policy that goes for a goal.
    case network((Goal) -> NetworkPolicy)
}

/// A trial that says nothing because the policy makes no chunk at all, which no other trial would mend.
package struct NoChunks: Error, Equatable, CustomStringConvertible {
    package let seed: UInt64
    package let problem: String

    package var description: String {
        "running the episode of seed \(seed): the policy makes no chunk: \(problem). Mend that, then begin anew."
    }
}

/// Runs trials, one after the other.
package struct TrialBench {
    /// Pictures that a trial leaves besides its result.
    package struct Pictures {
        /// Pictures of the primary camera at the beginning and in the end.
        package var first: RGBImage
        package var last: RGBImage
        package var goal: RGBImage?
    }
    /// Hears of every episode; nil: nobody listens.
    package var tape: TrialTape?
    /// Whether each result says how the goal fits the scene.
    package var readsFit = false
    /// Size of `pictures`; nil: none are taken.
    package var pictureSize: Int?
    /// Pictures of the last trial.
    package private(set) var pictures: Pictures?

    private let setup: EvaluationSetup
    private let policy: TrialPolicy
    /// The goal that a file gives, by its path.
    private let files: [String: Goal]
    private let givesText: Bool
    private var stage: GoalStage

    /// Makes a bench for trials of one policy.
    /// - Parameters:
    ///   - files: goals of all `GoalChoice.file`, by path.
    ///   - givesText: whether the policy gets the task as a sentence, too.
    package init(_ setup: EvaluationSetup, policy: TrialPolicy, files: [String: Goal] = [:], givesText: Bool = false) {
        self.setup = setup
        self.policy = policy
        self.files = files
        self.givesText = givesText
        stage = GoalStage(setup)
    }

    /// Runs one trial.
    /// - Throws: an error that no other trial would be spared either; what concerns this trial alone is its refusal.
    package mutating func run(_ trial: Trial) throws -> TrialResult {
        pictures = nil
        do {
            return TrialResult(trial, .ran(try carryOut(trial)))
        } catch let problem as GoalStageProblem {
            return TrialResult(trial, .refused("\(problem)"))
        } catch WorldError.blewUp(let reason, let time) {
            return TrialResult(trial, .refused("\(WorldError.blewUp(reason, time: time))"))
        }
    }

    private mutating func carryOut(_ trial: Trial) throws -> TrialResult.Run {
        let scene = setup.scene.varied(seed: trial.seed)
        let task = try ManipulationTask(trial.task, object: trial.object, in: scene)
        let goal = needsGoals ? try goal(for: trial) : .none
        let world = try World(scene, arm: setup.arm)
        let goalSeed = try goalSeed(of: trial, task)
        var run = TrialResult.Run(
            outcome: EpisodeOutcome(), goalSeed: goalSeed == trial.seed ? nil : goalSeed,
            isSameAim: try isSameAim(trial, task))
        if readsFit, let view = goal.views.first(where: { $0.camera == World.Camera.primary.rawValue }) {
            let live = try world.picture(.primary, width: view.image.width, height: view.image.height)
            run.fit = FitReading(SceneFit(goal: view.image, live: live), width: live.width)
        }
        let first = try pictureSize.map { try world.picture(.primary, width: $0, height: $0) }
        let start = scene.objects.indices.map { world.pose(ofObject: $0).translation }
        run.outcome = try act(task, in: world, goal: goal, trial: trial)
        let end = scene.objects.indices.map { world.pose(ofObject: $0).translation }
        if scene.objects.count > 1 {
            run.touched = TouchedObject(task, in: scene, start: start, end: end, tool: world.baseFromEEF.translation)
        }
        if let first, let size = pictureSize {
            pictures = Pictures(
                first: first, last: try world.picture(.primary, width: size, height: size),
                goal: goal.views.first { $0.camera == World.Camera.primary.rawValue }?.image)
        }
        return run
    }

    // MARK: Goal

    /// The goal that a trial's policy gets.
    /// - Throws: `GoalStageProblem` where there is none, and what the world throws.
    package mutating func goal(for trial: Trial) throws -> Goal {
        let task = try ManipulationTask(trial.task, object: trial.object, in: setup.scene)
        let instruction = task.instruction(in: setup.scene)
        let views: [Goal.View] =
            switch trial.goal {
            case .own, .shuffled, .other:
                try stage.views(solved(trial, task), seed: goalSeed(of: trial, task), change: trial.change)
            case .black:
                setup.cameras.map {
                    .init(
                        camera: $0.camera.rawValue, image: RGBImage(width: $0.width, height: $0.height, filledWith: 0))
                }
            case .file(let path): files[path]?.views ?? []
            }
        return Goal(
            id: TrialTape.name(of: trial), name: instruction, views: views, text: givesText ? instruction : nil,
            origin: .simulation)
    }

    /// Whether goals are needed: who does not look at them needs none, unless somebody else looks at them.
    private var needsGoals: Bool {
        if case .network = policy { return true }
        return readsFit || pictureSize != nil || tape != nil
    }

    /// The seed of the scene that the goal image shows: the same, but for a shuffled goal.
    private mutating func goalSeed(of trial: Trial, _ task: ManipulationTask) throws -> UInt64 {
        trial.goal == .shuffled ? try stage.donor(of: task, seed: trial.seed) : trial.seed
    }

    /// The task whose end the goal shows.
    private func solved(_ trial: Trial, _ task: ManipulationTask) throws -> ManipulationTask {
        guard case .other(let kind, let object) = trial.goal else { return task }
        return try ManipulationTask(kind, object: object, in: setup.scene)
    }

    private mutating func isSameAim(_ trial: Trial, _ task: ManipulationTask) throws -> Bool? {
        switch trial.goal {
        case .own: return trial.change == .none ? true : nil
        case .black, .file: return nil
        // So it was chosen.
        case .shuffled: return false
        case .other:
            return try stage.isSameAim(task, seed: trial.seed, goal: solved(trial, task), goalSeed: trial.seed)
        }
    }

    // MARK: Episode

    private mutating func act(
        _ task: ManipulationTask, in world: World, goal: Goal, trial: Trial
    ) throws -> EpisodeOutcome {
        let isExpert = if case .expert = policy { true } else { false }
        let isNetwork = if case .network = policy { true } else { false }
        let settings = EpisodeSettings(
            task: task, policyRate: setup.policyRate,
            // The expert looks again after every step, whatever a policy does.
            controller: isExpert ? ExpertEpisode.controller : setup.controller,
            cameras: isNetwork || tape != nil ? setup.cameras : [], maximumTimesteps: setup.maximumTimesteps)
        switch policy {
        case .expert:
            let follows = trial.goal != .own
            let expert =
                try follows
                ? stage.follower(of: solved(trial, task), goalSeed: goalSeed(of: trial, task), in: world.scene)
                : ScriptedExpert(task, in: world.scene, arm: world.calibration)
            let policy = ExpertPolicy(expert, rate: setup.policyRate, endsAtSuccess: follows)
            return try run(policy, in: world, settings, goal, trial).outcome
        case .random:
            let random = RandomPolicy(seed: trial.seed, rate: setup.policyRate)
            return try run(random, in: world, settings, goal, trial).outcome
        case .network(let make):
            let (outcome, policy) = try run(make(goal), in: world, settings, goal, trial)
            if outcome.chunks == 0, let problem = policy.problem { throw NoChunks(seed: trial.seed, problem: problem) }
            return outcome
        }
    }

    private func run<P: EpisodePolicy>(
        _ policy: P, in world: World, _ settings: EpisodeSettings, _ goal: Goal, _ trial: Trial
    ) throws -> (outcome: EpisodeOutcome, policy: P) {
        var runner = try EpisodeRunner(world, settings: settings)
        guard let tape else {
            var policy = policy
            return (try runner.run(&policy), policy)
        }
        var taped = TapedPolicy(policy, tape: tape)
        try tape.begin(trial, goal: goal, scene: world.scene, at: runner.start)
        let outcome = try runner.run(
            &taped, eachTimestep: { moment, _ in try tape.receive(moment) }, eachTick: { try tape.receive($0, at: $1) })
        try tape.end(outcome)
        return (outcome, taped.base)
    }
}
