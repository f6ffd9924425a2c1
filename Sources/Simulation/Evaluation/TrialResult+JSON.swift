import ClosedLoop
import JSONTree
import SceneFit
import Simulation

extension Trial {
    /// The members with which a line of a result file begins.
    var members: [JSONNode.Member] {
        var members: [JSONNode.Member] = [
            .init(key: "task", value: JSONNode(task.rawValue)), .init(key: "object", value: JSONNode(object)),
            .init(key: "goal", value: JSONNode(goal.text)), .init(key: "seed", value: JSONNode(seed: seed)),
        ]
        if let axis = change.axis {
            members.append(.init(key: "axis", value: JSONNode(axis.rawValue)))
            members.append(.init(key: "value", value: JSONNode(number: change.value)))
        }
        return members
    }

    init?(_ node: JSONNode) {
        guard let task = node["task"]?.string.flatMap(ManipulationTask.Kind.init), let object = node["object"]?.string,
            let text = node["goal"]?.string, let goal = try? GoalChoice(parsing: text), let seed = node["seed"]?.seed
        else { return nil }
        var change = GoalChange.none
        if let name = node["axis"] {
            guard let axis = name.string.flatMap(GoalAxis.init), let value = node["value"]?.double else { return nil }
            change = GoalChange(axis, value)
        }
        self.init(task: task, object: object, goal: goal, change: change, seed: seed)
    }
}

extension TrialResult {
    /// One line of a result file.
    package var tree: JSONNode {
        var members = trial.members
        func add(_ key: String, _ value: JSONNode?) { if let value { members.append(.init(key: key, value: value)) } }
        switch finding {
        case .refused(let reason): add("refused", JSONNode(reason))
        case .ran(let run):
            let outcome = run.outcome
            add("success", JSONNode(.bool(outcome.isSuccess)))
            add("time_to_success_s", outcome.secondsToSuccess.map { JSONNode(number: $0) } ?? nil)
            add("timesteps", JSONNode(outcome.timesteps))
            add("path_m", JSONNode(number: outcome.pathLength))
            add("jerk_m_s3", JSONNode(number: outcome.jerk))
            add("clamped_steps", JSONNode(outcome.clampedSteps))
            add("safety_holds", JSONNode(outcome.safetyHolds))
            add("chunks", JSONNode(outcome.chunks))
            add("touched", run.touched.map { JSONNode($0.rawValue) })
            add("goal_seed", run.goalSeed.map { JSONNode(seed: $0) })
            add("same_aim", run.isSameAim.map { JSONNode(.bool($0)) })
            add("fit", run.fit?.tree)
        }
        return JSONNode(.object(members))
    }

    /// Reads a result from JSON.
    /// - Returns: nil for JSON that `tree` would not have made.
    package init?(_ node: JSONNode) {
        guard let trial = Trial(node) else { return nil }
        if let reason = node["refused"]?.string {
            self.init(trial, .refused(reason))
            return
        }
        var outcome = EpisodeOutcome()
        guard let isSuccess = node["success"]?.bool, let timesteps = node["timesteps"]?.int,
            let path = node["path_m"]?.double, let jerk = node["jerk_m_s3"]?.double,
            let clamped = node["clamped_steps"]?.int, let holds = node["safety_holds"]?.int,
            let chunks = node["chunks"]?.int
        else { return nil }
        outcome.isSuccess = isSuccess
        outcome.secondsToSuccess = node["time_to_success_s"]?.double
        outcome.timesteps = timesteps
        outcome.pathLength = path
        outcome.jerk = jerk
        outcome.clampedSteps = clamped
        outcome.safetyHolds = holds
        outcome.chunks = chunks
        self.init(
            trial,
            .ran(
                Run(
                    outcome: outcome, touched: node["touched"]?.string.flatMap(TouchedObject.init),
                    goalSeed: node["goal_seed"]?.seed, isSameAim: node["same_aim"]?.bool,
                    fit: node["fit"].flatMap(FitReading.init))))
    }
}

extension FitReading {
    var tree: JSONNode {
        .object([
            "verdict": JSONNode(verdict.rawValue), "shift_px_of_256": JSONNode(number: shift),
            "rotation_deg": JSONNode(number: rotation), "scale": JSONNode(number: scale),
            "brightness": JSONNode(number: brightness), "agreement": JSONNode(number: agreement),
        ])
    }

    init?(_ node: JSONNode) {
        guard let verdict = node["verdict"]?.string.flatMap(SceneFit.Verdict.init),
            let shift = node["shift_px_of_256"]?.double, let rotation = node["rotation_deg"]?.double,
            let scale = node["scale"]?.double, let brightness = node["brightness"]?.double,
            let agreement = node["agreement"]?.double
        else { return nil }
        self.init(
            verdict: verdict, shift: shift, rotation: rotation, scale: scale, brightness: brightness,
            agreement: agreement)
    }
}

extension JSONNode {
    /// Writes a seed; JSON's whole numbers are safe up to 2^53, and a seed has 64 bits.
    init(seed: UInt64) { self = seed < 1 << 53 ? JSONNode(Int64(seed)) : JSONNode(String(seed)) }

    var seed: UInt64? { string.flatMap { UInt64($0) } ?? int.flatMap { UInt64(exactly: $0) } }
}
