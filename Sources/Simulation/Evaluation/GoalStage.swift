import ClosedLoop
import Images
import Kinematics
import Maths
import Messages
import Simulation

/// Why there is no goal image for a trial. It is no failure of the policy.
package enum GoalStageProblem: Error, Equatable, CustomStringConvertible {
    case expertFailed(seed: UInt64, instruction: String)
    case noRoom(GoalAxis)
    case noOtherObject(GoalAxis)
    case noOtherAim(seed: UInt64, scenes: Int, instruction: String)

    package var description: String {
        switch self {
        case .expertFailed(let seed, let instruction):
            "taking the goal: the expert did not manage '\(instruction)' in the scene of seed \(seed). Choose another "
                + "--seed, or a scene with more room."
        case .noRoom(let axis):
            "taking the goal: no place is free for what '\(axis.rawValue)' moves. Take a scene with more room."
        case .noOtherAim(let seed, let scenes, let instruction):
            "taking the goal: in \(scenes) other scenes '\(instruction)' ends where it would count in the scene of "
                + "seed \(seed), too. Take a scene whose mark and tray move farther (launch/policies/scenes/wide.json "
                + "is one: --set simulation.scene=FILE)."
        case .noOtherObject(let axis):
            "taking the goal: '\(axis.rawValue)' needs a second object. Take a scene with two or more."
        }
    }
}

/// Makes goal images: the expert solves the task, the world is changed as the trial says, and the cameras look at it.
///
/// Remembers what the expert did in the scene of the last seed, which the changes of one scene share.
package struct GoalStage {
    /// The world after a task.
    struct End {
        /// The scene at the world's beginning.
        var scene: Scene
        var state: WorldState
        var arm: JointVector
        var tool: Pose
        var gripper: Double
        /// Joint positions before the task, radians.
        var armAtStart: JointVector
    }
    private struct Key: Hashable {
        var seed: UInt64
        var task: ManipulationTask.Kind
        var object: Int
        var moved: SIMD2<Double>
    }

    private let setup: EvaluationSetup
    private var ends: [Key: Result<End, GoalStageProblem>] = [:]
    /// The last donor that was found.
    private var donors: [Key: UInt64] = [:]

    package init(_ setup: EvaluationSetup) { self.setup = setup }

    /// The goal image of each camera.
    /// - Parameter task: the task in the scene that the goal shows.
    /// - Throws: `GoalStageProblem`, `WorldError`, `ImageError`, `EpisodeError`.
    package mutating func views(
        _ task: ManipulationTask, seed: UInt64, change: GoalChange = .none
    ) throws -> [Goal.View] {
        let end = try end(of: task, seed: seed, change: change)
        let world = try GoalWorld(end, task: task, seed: seed, change: change, arm: setup.arm).world
        return try setup.cameras.map { camera in
            let picture = try world.picture(camera.camera, width: camera.width, height: camera.height)
            return Goal.View(camera: camera.camera.rawValue, image: try picture.changed(by: change))
        }
    }

    /// Whether who does what a goal shows succeeds at another task too: where that ends counts, or what is passed on
    /// the way.
    /// - Parameters:
    ///   - task: the task that judges, in the scene of `seed`.
    ///   - goal: the task that was solved for the goal, in the scene of `goalSeed`.
    package mutating func isSameAim(
        _ task: ManipulationTask, seed: UInt64, goal: ManipulationTask, goalSeed: UInt64
    ) throws -> Bool {
        if try endCounts(task, seed: seed, goal: goal, goalSeed: goalSeed) { return true }
        let world = try World(setup.scene.varied(seed: seed), arm: setup.arm)
        let settings = EpisodeSettings(
            task: task, policyRate: setup.policyRate, controller: ExpertEpisode.controller, cameras: [],
            maximumTimesteps: setup.maximumTimesteps)
        var runner = try EpisodeRunner(world, settings: settings)
        var follower = ExpertPolicy(
            try follower(of: goal, goalSeed: goalSeed, in: world.scene), rate: setup.policyRate, endsAtSuccess: true)
        return try runner.run(&follower).isSuccess
    }

    /// How many scenes are looked at for a goal that asks for something else.
    private static let mostDonors = 100

    /// The seed of another scene, whose end of the same task asks for something else: no place is near enough to both
    /// aims to count for each, and the expert who does what it shows does not succeed in the scene of `seed`. The same
    /// task and seed have the same one.
    /// - Throws: `GoalStageProblem.noOtherAim`, and what the world throws.
    package mutating func donor(of task: ManipulationTask, seed: UInt64) throws -> UInt64 {
        if let known = donors[.init(seed: seed, task: task.kind, object: task.object, moved: .zero)] { return known }
        var dice = SplitMix64(seed: seed)
        for _ in 0..<Self.mostDonors {
            // Seeds that a person can type.
            let candidate = dice.next() % 1_000_000
            guard candidate != seed,
                task.isFarApart(in: setup.scene.varied(seed: seed), and: setup.scene.varied(seed: candidate)) ?? true
            else { continue }
            do {
                if try isSameAim(task, seed: seed, goal: task, goalSeed: candidate) { continue }
            } catch GoalStageProblem.expertFailed {
                continue
            }
            donors = [.init(seed: seed, task: task.kind, object: task.object, moved: .zero): candidate]
            return candidate
        }
        throw GoalStageProblem.noOtherAim(
            seed: seed, scenes: Self.mostDonors, instruction: task.instruction(in: setup.scene))
    }

    /// An expert that does in `scene` what a goal shows.
    /// - Parameter goal: the task that was solved for the goal, in the scene of `goalSeed`.
    /// - Throws: `GoalStageProblem`, `WorldError`.
    package mutating func follower(
        of goal: ManipulationTask, goalSeed: UInt64, in scene: Scene
    ) throws -> ScriptedExpert {
        let end = try end(of: goal, seed: goalSeed, change: .none)
        return ScriptedExpert(goal, in: scene, arm: setup.arm).wanting(end.scene, reachedWith: end.tool)
    }

    private mutating func endCounts(
        _ task: ManipulationTask, seed: UInt64, goal: ManipulationTask, goalSeed: UInt64
    ) throws -> Bool {
        let end = try end(of: goal, seed: goalSeed, change: .none)
        let world = try World(setup.scene.varied(seed: seed), arm: setup.arm)
        switch task.kind {
        // The tool comes to where the goal has it; the object stays where this scene has it.
        case .reach: try world.place(arm: end.arm, gripper: end.gripper)
        case .push, .pickPlace: try world.restore(end.state)
        }
        return task.isDone(in: world)
    }

    private mutating func end(of task: ManipulationTask, seed: UInt64, change: GoalChange) throws -> End {
        // The arm goes where the object is: there the object must stand elsewhere before the expert comes.
        let amount = task.kind == .reach ? change.amount(of: .objectMoved) : 0
        let scene = setup.scene.varied(seed: seed)
        let moved =
            try amount == 0 ? .zero : GoalWorld.way(.objectMoved, of: task.object, in: scene, seed: seed, by: amount)
        let key = Key(seed: seed, task: task.kind, object: task.object, moved: moved)
        if let known = ends[key] { return try known.get() }
        if ends.keys.contains(where: { $0.seed != seed }) { ends = [:] }
        let found = try solve(task, in: scene, seed: seed, moved: moved)
        ends[key] = found
        return try found.get()
    }

    private func solve(
        _ task: ManipulationTask, in scene: Scene, seed: UInt64, moved: SIMD2<Double>
    ) throws -> Result<End, GoalStageProblem> {
        var scene = scene
        scene.objects[task.object].position += moved
        let world = try World(scene, arm: setup.arm)
        let start = world.armPositions
        guard try ExpertEpisode.run(task, in: world, cameras: [], eachStep: { _ in }).isSuccess else {
            return .failure(.expertFailed(seed: seed, instruction: task.instruction(in: scene)))
        }
        return .success(
            End(
                scene: scene, state: world.state, arm: world.armPositions, tool: world.baseFromEEF,
                gripper: world.gripperOpening,
                armAtStart: start))
    }
}
