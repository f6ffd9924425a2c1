import ClosedLoop
import SceneFit
import Simulation

/// One episode of an evaluation: what is asked, by which goal, in which scene. Two equal trials of the same policy are
/// the same episode.
package struct Trial: Hashable, Sendable {
    package var task: ManipulationTask.Kind
    /// The object's name.
    package var object: String
    package var goal: GoalChoice
    /// How the goal differs from what it would be.
    package var change: GoalChange
    /// The scene's.
    package var seed: UInt64

    package init(
        task: ManipulationTask.Kind, object: String, goal: GoalChoice = .own, change: GoalChange = .none, seed: UInt64
    ) {
        self.task = task
        self.object = object
        self.goal = goal
        self.change = change
        self.seed = seed
    }

    /// Kind of a trial, for which a table has one row: the trial without its scene.
    package struct Kind: Hashable, Sendable {
        package var task: ManipulationTask.Kind
        package var object: String
        package var goal: GoalChoice
        package var change: GoalChange

        package init(task: ManipulationTask.Kind, object: String, goal: GoalChoice, change: GoalChange = .none) {
            self.task = task
            self.object = object
            self.goal = goal
            self.change = change
        }
    }
    package var kind: Kind { Kind(task: task, object: object, goal: goal, change: change) }
}

/// What came of a trial.
package struct TrialResult: Equatable, Sendable {
    /// What the trial says of the policy.
    package enum Finding: Equatable, Sendable {
        case ran(Run)
        /// The trial could not be run, and says nothing about the policy: the sentence says why.
        case refused(String)
    }

    /// The course of a trial that was run.
    package struct Run: Equatable, Sendable {
        package var outcome: EpisodeOutcome
        /// Whether the arm went for the task's object; nil in a scene with one object.
        package var touched: TouchedObject?
        /// The seed of the scene that the goal image shows; nil: the trial's own.
        package var goalSeed: UInt64?
        /// Whether the world as the goal shows it would count as success here too; nil where the goal shows no end of a
        /// task.
        package var isSameAim: Bool?
        /// How the goal fits the scene at its beginning; nil where nobody asked.
        package var fit: FitReading?

        package init(
            outcome: EpisodeOutcome, touched: TouchedObject? = nil, goalSeed: UInt64? = nil, isSameAim: Bool? = nil,
            fit: FitReading? = nil
        ) {
            self.outcome = outcome
            self.touched = touched
            self.goalSeed = goalSeed
            self.isSameAim = isSameAim
            self.fit = fit
        }
    }

    package var trial: Trial
    package var finding: Finding

    package init(_ trial: Trial, _ finding: Finding) {
        self.trial = trial
        self.finding = finding
    }

    package var run: Run? { if case .ran(let run) = finding { run } else { nil } }
    package var refusal: String? { if case .refused(let reason) = finding { reason } else { nil } }
    package var isSuccess: Bool { run?.outcome.isSuccess ?? false }
}

/// Numbers that the scene fit measures between a goal and the scene.
package struct FitReading: Equatable, Sendable {
    package var verdict: SceneFit.Verdict
    /// How far the picture went, as pixels of a picture 256 wide.
    package var shift: Double
    /// Turn of the picture, degrees, either way.
    package var rotation: Double
    /// Scale of the picture; 1 is the same size.
    package var scale: Double
    /// Brightness of the live picture, as a share of the goal's.
    package var brightness: Double
    /// Share of the picture that shows the same.
    package var agreement: Double

    package init(
        verdict: SceneFit.Verdict, shift: Double, rotation: Double, scale: Double, brightness: Double, agreement: Double
    ) {
        self.verdict = verdict
        self.shift = shift
        self.rotation = rotation
        self.scale = scale
        self.brightness = brightness
        self.agreement = agreement
    }

    package init(_ fit: SceneFit, width: Int) {
        self.init(
            verdict: fit.verdict, shift: (fit.motion.shift * fit.motion.shift).sum().squareRoot() * 256 / Double(width),
            rotation: abs(fit.motion.rotation) * 180 / .pi, scale: fit.motion.scale, brightness: fit.brightness,
            agreement: fit.agreement)
    }
}
