import Foundation
import Manifests
import Messages
import OctoModel

/// A checkpoint as a manifest wants it run: everything the policy needs, loaded and checked.
package struct LoadedPolicy {
    package let configuration: PolicyConfiguration
    package let texts: TaskTextReading
    package let engine: PolicyEngine
    package let checkpoint: Checkpoint
    /// Statistics that un-normalise its actions.
    package let statistics: ActionStatistics
    package let precision: NetworkPrecision
    package let threads: Int
    /// Cameras of the checkpoint that the robot lacks: their tokens are left out.
    package let leftOut: [String]
    /// Folder and step, and what is left out, for people.
    package let name: String

    /// Loads the checkpoint; it has not run yet.
    ///
    /// The thread that runs the engine is the first of its team, and takes the first of `policy.cpus`.
    /// - Parameters:
    ///   - text: the sentence of the goal that the policy begins with, if it is used.
    ///   - goalUse: what it is given of goals that have pictures and a sentence.
    ///   - goalsMayBringNumbers: whether the task's numbers that the manifest lacks can come with a goal.
    ///   - cameras: the names of the robot's cameras.
    ///   - networks: what has loaded weights already, which are then shared; nil: nobody has.
    ///   - joints: says how many joints the arm has whose states the policy is given, and is asked for a checkpoint
    ///     that reads or moves them; nil: the policy is given none, and a checkpoint that reads them is refused.
    /// - Throws: `UnusablePolicy`, `CheckpointError`, `PolicyEngineError`, `ProprioError`, `TaskTextError`, and what
    ///   the tokenizer throws; all say what to do.
    package init(
        _ section: Manifest.Policy, text: String?, goalUse: GoalUse = .images,
        goalsMayBringNumbers: Bool = false,
        cameras: [String],
        networks: NetworkShelf? = nil,
        joints: () throws -> Int? = { nil }
    ) throws {
        let cpus = section.cpus ?? []
        threads =
            section.threads > 0
            ? section.threads : cpus.isEmpty ? ProcessInfo.processInfo.activeProcessorCount : cpus.count
        BLAS.setThreads(threads)
        precision = NetworkPrecision(section.precision)
        guard precision.instructions != nil else {
            throw UnusablePolicy.noInstructions(precision: section.precision.rawValue)
        }
        let whole = try Checkpoint(folder: section.checkpoint, step: section.step)
        let absent = try PolicyConfiguration.absentCameras(of: whole.description, in: cameras)
        checkpoint = try whole.leavingOut(Set(absent.map(\.key)))
        leftOut = absent.map(\.name)
        let normalization = section.normalization.map { ActionStatistics.Normalization($0) }
        statistics = try checkpoint.actionStatistics(dataset: section.dataset, normalization: normalization)
        // What could only fail, or be ignored, at every step is refused now.
        try Self.requireActionSpace(section.actionSpace, dimension: statistics.dimension, joints: joints)
        texts = try TaskTextReading(
            ofCheckpoint: section.checkpoint, checkpoint.description, tokenizerAt: section.tokenizer)
        if let text { _ = try texts.tokens(of: text) }
        let (wanted, window) = try PolicyConfiguration.cameras(
            of: checkpoint.description, in: cameras, window: section.window)
        let fitted = wanted.map { camera in
            var camera = camera
            camera.isOptional = section.optionalCameras.contains(camera.name)
            return camera
        }
        try checkpoint.checkMaskable(Set(fitted.filter(\.isOptional).map { "image_\($0.name)" }))
        if fitted.allSatisfy(\.isOptional) { throw UnusablePolicy.onlyOptionalCameras(fitted.map(\.name)) }
        let taskNumbers = try TaskNumbers(
            of: checkpoint.description, given: section.taskNumbers, isComplete: !goalsMayBringNumbers)
        let readsArm = !checkpoint.description.lowdimKeys.isEmpty
        let proprio = try ProprioReading(
            of: checkpoint.description,
            statistics: readsArm
                ? checkpoint.proprioStatistics(dataset: section.dataset, normalization: normalization) : nil,
            layout: section.proprio,
            joints: readsArm ? joints() : nil)
        configuration = PolicyConfiguration(
            cameras: fitted, windowSize: window, actionDimension: statistics.dimension,
            actionSpace: section.actionSpace, rate: section.rate,
            preprocessing: section.preprocessing,
            requiresGoal: section.requiresGoal, fitRules: GoalFitRules(section),
            maximumFrameAge: section.maximumFrameAge,
            noiseSeed: section.seed, proprio: proprio, goalUse: goalUse,
            taskNumbers: taskNumbers)
        let (checkpoint, precision, threads) = (checkpoint, precision, threads)
        func makeNetwork() throws -> FastNetwork {
            let team = try WorkerTeam(threads: threads, cpus: Array(cpus.dropFirst()))
            return try FastNetwork(checkpoint, precision: precision, team: team)
        }
        let place = NetworkShelf.Place(
            folder: section.checkpoint, step: checkpoint.step, leftOut: leftOut, precision: precision)
        engine = PolicyEngine(
            network: try networks?.network(at: place, made: makeNetwork) ?? makeNetwork(), statistics: statistics,
            proprio: proprio,
            taskNumbers: taskNumbers.given)
        name =
            section.checkpoint.split(separator: "/").suffix(2).joined(separator: "/") + " step \(checkpoint.step)"
            + (leftOut.isEmpty ? "" : " without \(leftOut.joined(separator: ", "))")
    }

    /// Refuses an action space whose actions have more or fewer numbers than the checkpoint's: the arm would refuse
    /// every chunk.
    /// - Throws: `UnusablePolicy.wrongActionSpace`, and what `joints` throws, which is asked for joint spaces alone.
    private static func requireActionSpace(
        _ space: ActionSpace, dimension: Int, joints: () throws -> Int?
    ) throws {
        let needed: Int?
        switch space {
        case .eefDelta, .eefAbsolute: needed = space.dimension(jointCount: 0)
        case .jointPosition, .jointDelta:
            needed = try joints().map { space.dimension(jointCount: $0) }
        }
        guard let needed, needed != dimension else { return }
        throw UnusablePolicy.wrongActionSpace(space, needed: needed, dimension: dimension)
    }
}

extension GoalFitRules {
    /// What a manifest asks of a goal.
    package init(_ section: Manifest.Policy) {
        let required: GoalFit.Verdict? =
            switch section.requiredFit {
            case .off: nil
            case .amber: .amber
            case .green: .green
            }
        self.init(required: required, pausesOnDrift: section.onDrift == .pause)
    }
}
