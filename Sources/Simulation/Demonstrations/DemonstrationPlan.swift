import ClosedLoop
import Datasets
import Files
import Images
import Kinematics
import Maths
import Messages
import Simulation

/// Which demonstrations the scripted expert gives, and how. An episode follows from its number alone: in whatever order
/// and on whatever thread they are made, they are the same.
package struct DemonstrationPlan: Sendable {
    /// Ways in which an episode's goal picture shows the arm.
    package enum GoalArm: String, CaseIterable, Sendable {
        /// The arm at rest, folded together over its base, as when somebody takes the picture beforehand.
        case away
        /// The arm where the demonstration ended.
        case there
    }

    /// A task with the object that it is done to.
    package struct Assignment: Equatable, Sendable {
        package var kind: ManipulationTask.Kind
        /// Name of the object; nil: the scene's first.
        package var object: String?

        package init(_ kind: ManipulationTask.Kind, object: String? = nil) {
            self.kind = kind
            self.object = object
        }
    }

    package let scene: Scene
    package let arm: ArmCalibration
    package let assignments: [Assignment]
    /// Seed of the first episode's scene; each further one has the next.
    package let seed: UInt64
    package let noise: Double
    package let startsAnywhere: Bool
    package let goalArm: GoalArm?
    /// Whether goal pictures show mark and tray where the task wants things to be, and the object under the arm that
    /// reached for it, although the scene has them elsewhere.
    package let goalLacksDecoys: Bool
    package let tellsTruth: Bool
    /// A policy that is to learn drives for the first `handovers` steps.
    package let isCoached: Bool
    /// Number of goals of other scenes that each episode has beside its own, with what the expert would do for them.
    package let otherGoals: Int

    /// Makes the policy that is to learn, for one episode's goal.
    package typealias Learner = (Goal) -> NetworkPolicy

    /// Makes a plan, and checks that the scene has what its tasks need.
    /// - Parameters:
    ///   - assignments: tasks that are done in turn, episode after episode; at least one.
    ///   - seed: seed of the first episode's scene; each further one has the next.
    ///   - noise: scale of the noise in what is carried out, as in `MotionNoise`; 0 for none.
    ///   - startsAnywhere: whether the arm begins anywhere in its workspace, not where the scene says.
    ///   - goalArm: way in which goal pictures show the arm; nil makes no goal pictures.
    ///   - goalLacksDecoys: whether goal pictures show mark, tray and object as the task wants things to be.
    ///   - tellsTruth: whether each step says where the task's object is.
    ///   - isCoached: whether a policy that is to learn drives for the first `handovers` steps.
    ///   - otherGoals: number of goals of other scenes that each episode has beside its own; 0 where a policy is
    ///     coached.
    /// - Throws: `ManipulationTask.Problem` for what the scene cannot have.
    package init(
        _ assignments: [Assignment], in scene: Scene, arm: ArmCalibration, seed: UInt64, noise: Double = 0,
        startsAnywhere: Bool = false, goalArm: GoalArm? = nil, goalLacksDecoys: Bool = false, tellsTruth: Bool = false,
        isCoached: Bool = false, otherGoals: Int = 0
    ) throws(ManipulationTask.Problem) {
        precondition(!assignments.isEmpty && noise >= 0 && otherGoals >= 0, "a plan has something to do")
        precondition(otherGoals == 0 || !isCoached, "a learner is coached for one goal")
        for assignment in assignments {
            _ = try ManipulationTask(assignment.kind, object: assignment.object, in: scene)
        }
        self.assignments = assignments
        self.scene = scene
        self.arm = arm
        self.seed = seed
        self.noise = noise
        self.startsAnywhere = startsAnywhere
        self.goalArm = goalArm
        self.goalLacksDecoys = goalLacksDecoys
        self.tellsTruth = tellsTruth
        self.isCoached = isCoached
        self.otherGoals = otherGoals
    }

    private static let pictures: [RLDSFeatures.Picture] = [
        .init("image_0", width: 256, height: 256), .init("image_1", width: 128, height: 128),
    ]
    private static let cameras = [
        EpisodeCamera(.primary, width: 256, height: 256), EpisodeCamera(.wrist, width: 128, height: 128),
    ]
    /// Quality of JPEG files, 1...100.
    private static let quality = 95

    /// Features that the dataset of these demonstrations declares.
    package var features: RLDSFeatures {
        RLDSFeatures(
            pictures: Self.pictures, hasPerturbations: noise > 0 || isCoached, hasTruth: tellsTruth,
            goal: goalArm.map { _ in .init("goal_image_0", width: 256, height: 256) },
            otherGoals: otherGoals > 0
                ? .init(count: otherGoals, horizon: ExpertPolicy.horizon, width: 256, height: 256) : nil)
    }

    /// Whether names of objects belong into the names of episodes.
    private var hasSeveralObjects: Bool { Set(assignments.map(\.object)).count > 1 }

    /// Carries out one demonstration.
    /// - Parameters:
    ///   - index: counts episodes from 0.
    ///   - learner: drives at first; nil: the expert drives all the way.
    /// - Throws: `WorldError`, `EpisodeError`, `ImageError`.
    package func demonstration(_ index: Int, coaching learner: Learner? = nil) throws -> Demonstration {
        precondition((learner != nil) == isCoached, "there is a learner where the plan has one")
        let seed = seed &+ UInt64(index)
        let assignment = assignments[index % assignments.count]
        let varied = scene.varied(seed: seed)
        let task = try ManipulationTask(assignment.kind, object: assignment.object, in: varied)
        let instruction = task.instruction(in: varied)
        let world = try World(varied, arm: arm)
        if startsAnywhere {
            // Not the numbers that the scene draws from the same seed.
            var dice = SplitMix64(seed: seed ^ 0x7374_6172_7400_0000)
            try world.placeArmAnywhere(using: &dice)
        }
        var dice = SplitMix64(seed: seed ^ 0x6f74_6865_7200_0000)
        let others = try (0..<otherGoals).map { _ in try otherGoal(of: task, in: varied, &dice) }
        var steps: [RLDSEpisode.Step] = []
        let keep = { (step: DemonstrationStep) in steps.append(try record(step, instruction: instruction)) }
        let outcome: EpisodeOutcome
        if let learner {
            let policy = learner(try goal(of: task, in: varied, named: instruction))
            var dice = SplitMix64(seed: seed ^ 0x6861_6E64_6F76_6572)
            let handover = Self.handovers.lowerBound + Int(dice.unit() * Double(Self.handovers.count))
            outcome = try ExpertEpisode.run(
                task, in: world, cameras: Self.cameras, coaching: policy, handover: handover, eachStep: keep)
        } else {
            outcome = try ExpertEpisode.run(
                task, in: world, cameras: Self.cameras, noise: noise > 0 ? MotionNoise(scale: noise, seed: seed) : nil,
                others: others.map(\.end), eachStep: keep)
        }
        let object = hasSeveralObjects ? "/" + varied.objects[task.object].name : ""
        return Demonstration(
            assignment: assignment,
            episode: RLDSEpisode(
                recorded: steps,
                metadata: .init(
                    filePath: "octo-sim/\(assignment.kind.rawValue)\(object)/\(seed)", episodeID: 0,
                    success: outcome.isSuccess, seed: Int64(truncatingIfNeeded: seed),
                    goal: try goal(of: task, in: world, after: steps),
                    otherGoals: others.map(\.goal))))
    }

    private func record(_ step: DemonstrationStep, instruction: String) throws -> RLDSEpisode.Step {
        var pictures: [String: SharedBytes] = [:]
        for (picture, frame) in zip(Self.pictures, step.frames) {
            guard case .rgb8(let image) = frame.pixels else { continue }
            pictures[picture.key] = try image.jpegData(quality: Self.quality)
        }
        return RLDSEpisode.Step(
            action: step.action, state: step.state, pictures: pictures, languageInstruction: instruction,
            isPerturbed: step.isPerturbed, truth: tellsTruth ? step.truth : [],
            otherActions: step.otherActions)
    }

    /// How the expert ends the task in another variation of the scene, with the world's picture then.
    /// - Throws: what `ExpertEpisode.run` throws; `ManipulationTask.Problem` when it fails in every variation that is
    ///   tried.
    private func otherGoal(
        of task: ManipulationTask, in varied: Scene, _ dice: inout SplitMix64
    ) throws -> (goal: RLDSEpisode.OtherGoal, end: OtherEnd) {
        for _ in 0..<10 {
            var other = scene.varied(seed: dice.next())
            other.reachAim = nil
            other.mark?.paintedAt = nil
            other.tray?.builtAt = nil
            let world = try World(other, arm: arm)
            var last: DemonstrationStep?
            guard try ExpertEpisode.run(task, in: world, cameras: [], eachStep: { last = $0 }).isSuccess, let last
            else { continue }
            let picture = try world.picture(.primary, width: 256, height: 256).jpegData(quality: Self.quality)
            return (
                RLDSEpisode.OtherGoal(picture: picture, truth: last.truth, state: last.state),
                OtherEnd(scene: other, tool: world.baseFromEEF)
            )
        }
        throw ManipulationTask.Problem.lacks("room", task: task.instruction(in: varied))
    }

    /// Range of the policy steps after which the expert takes over from a learner.
    private static let handovers = 4...40

    /// The goal that a learner is shown: the same scene after the expert has solved the task in it.
    private func goal(of task: ManipulationTask, in varied: Scene, named name: String) throws -> Goal {
        let world = try World(varied, arm: arm)
        _ = try ExpertEpisode.run(task, in: world, cameras: []) { _ in }
        let views = try Self.cameras.map { camera in
            Goal.View(
                camera: camera.camera.rawValue,
                image: try world.picture(camera.camera, width: camera.width, height: camera.height))
        }
        return Goal(id: name, name: name, views: views, text: nil, origin: .simulation)
    }

    /// The goal as a picture of the world at its end, in which the arm is put aside and decoys are put right if they
    /// are to be.
    private func goal(
        of task: ManipulationTask, in world: World, after steps: [RLDSEpisode.Step]
    ) throws -> SharedBytes? {
        guard let goalArm else { return nil }
        if goalArm == .there, !goalLacksDecoys { return steps.last?.pictures["image_0"] }
        var scene = world.scene
        if goalLacksDecoys {
            scene.mark?.paintedAt = nil
            scene.tray?.builtAt = nil
        }
        let shown = try World(scene, arm: arm)
        try shown.restore(world.state)
        if goalLacksDecoys, task.kind == .reach, let aim = scene.reachAim {
            // What the arm is above is the object then.
            var pose = shown.pose(ofObject: task.object)
            (pose.translation.x, pose.translation.y) = (aim.x, aim.y)
            try shown.place(object: task.object, at: pose)
        }
        if goalArm == .away { try shown.place(arm: arm.rest, gripper: 1) }
        return try shown.picture(.primary, width: 256, height: 256).jpegData(quality: Self.quality)
    }
}

/// One demonstration, as a dataset takes it.
package struct Demonstration: Sendable {
    package let assignment: DemonstrationPlan.Assignment
    package var episode: RLDSEpisode
    package var isSuccess: Bool { episode.metadata.success }
}
