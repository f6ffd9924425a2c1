import Kinematics
import Maths

/// Solves a task from the world's state, one action for each policy step, as a person with a steady hand would.
///
/// What it does follows from what is measured at that moment, hardly from what it did before: one picture is enough to
/// tell its action, and wherever it finds itself (pushed aside, begun elsewhere, the object lost) it goes on from
/// there. Its actions are Bridge's (`eef_delta`): what it asks for passes through the same chunk executor, kinematics
/// and limits as a policy's.
package struct ScriptedExpert: Sendable {
    /// What it sees of the world, all of it true at the same moment.
    package struct Observation: Sendable {
        /// Measured pose of the end effector, base frame.
        package var tool: Pose
        /// How far the gripper is measured to be open, 0 closed ... 1 open.
        package var opening: Double
        package var object: Pose

        package init(tool: Pose, opening: Double, object: Pose) {
            self.tool = tool
            self.opening = opening
            self.object = object
        }
    }

    /// Aim of the next step.
    struct Intent {
        /// Pose to which the tool is to go; nil: it stays where it is.
        var target: Pose?
        /// Opening of the gripper, 0 closed ... 1 open.
        var gripper: Double
        var isDone = false
    }

    /// Farthest that one policy step goes: metres, radians. A quarter of a metre a second at 5 Hz leaves the arm's
    /// limits alone and looks like Bridge.
    static let longestStep = 0.035
    private static let widestTurn = 0.2
    /// Height of the tool point on its way, metres: what hangs from it passes over everything on the table.
    static let travelHeight = 0.13
    /// Heights from which the fingers may go sideways, metres: the highest thing ends 18 mm below their tips.
    static let passingHeight = 0.096
    /// Metres from a place within which the tool is there.
    static let near = 0.006
    /// Radians from an orientation within which the tool has it.
    static let aligned = 0.08
    /// Metres that it stays away from the walls of the workspace.
    private static let wallMargin = 0.004
    /// The gripper is open from this opening on.
    static let wideOpen = 0.9
    /// The gripper has stopped when its opening changes less than this in a policy step.
    private static let stillOpening = 0.02

    let task: ManipulationTask
    private(set) var scene: Scene
    /// Pose to which `reach` goes in place of what the scene says.
    private var reachTarget: Pose?
    var object: Scene.Object { scene.objects[task.object] }
    var tray: Scene.Tray? { scene.tray }
    var mark: Scene.Mark? { scene.mark }
    /// The gripper's opening with the object between its fingers, 0...1.
    private let snugOpening: Double
    /// Room into which the tool may be sent: a little inside the arm's workspace, at whose walls it is stopped.
    private let room: (lower: Vector3, upper: Vector3)
    /// Opening that it last asked of the gripper, and what was measured then: whether the gripper has stopped is the
    /// one thing that a single moment does not tell.
    private(set) var gripper: Double
    private var lastOpening: Double?
    /// Whether the expert has nothing more to do.
    package private(set) var isFinished = false

    /// Makes an expert at the beginning of its task.
    /// - Parameter arm: calibration of the arm that carries the task out.
    package init(_ task: ManipulationTask, in scene: Scene, arm: ArmCalibration) {
        self.task = task
        self.scene = scene
        gripper = task.kind == .push ? 0 : 1
        let margin = Vector3(repeating: Self.wallMargin)
        room = (arm.workspace.lower + margin, arm.workspace.upper - margin)
        let (fingers, object) = (arm.gripper, scene.objects[task.object])
        snugOpening = min(max((object.size / 2 - fingers.closed) / (fingers.open - fingers.closed), 0), 1)
    }

    /// The action of the next policy step: dx dy dz droll dpitch dyaw gripper.
    package mutating func action(_ seen: Observation) -> [Double] {
        let intent =
            switch task.kind {
            case .reach: reach(seen)
            case .push: push(seen)
            case .pickPlace: pickPlace(seen)
            }
        isFinished = intent.isDone
        gripper = intent.gripper
        lastOpening = seen.opening
        let motion = intent.target.map { Self.step(from: seen.tool, to: inRoom($0)) } ?? Array(repeating: 0, count: 6)
        return motion + [gripper]
    }

    /// Goes above the object, or above the place that the scene names.
    private func reach(_ seen: Observation) -> Intent {
        var target =
            reachTarget
            ?? Pose(
                rotation: scene.reachAim == nil ? graspRotation(seen) : Self.downward(yaw: 0),
                translation: task.reachPoint(above: seen.object.translation, in: scene))
        let place = target.translation
        if Self.isThere(seen.tool, target) { return Intent(target: nil, gripper: 1, isDone: true) }
        let tool = seen.tool.translation
        // From down between the things straight up first.
        if tool.z < Self.passingHeight - 0.02, Self.level(place - tool).length > 0.03 {
            target.translation = [tool.x, tool.y, Self.travelHeight]
        }
        return Intent(target: target, gripper: 1)
    }

    // MARK: Foresight

    /// A copy of the expert at this moment that wants what was reached in another scene: the object where that one's
    /// mark or tray is, the tool where it ended there. What stands on the table stays where it is.
    package func wanting(_ other: Scene, reachedWith tool: Pose) -> ScriptedExpert {
        var expert = self
        expert.reachTarget = tool
        if let place = other.mark?.position { expert.scene.mark?.position = place }
        if let tray = scene.tray, let place = other.tray?.position {
            expert.scene.tray?.builtAt = tray.site
            expert.scene.tray?.position = place
        }
        return expert
    }

    /// The actions of the next policy steps, if the arm does in each what it is told.
    ///
    /// The object goes where the closed fingers take it, and gives way to what pushes it. The gripper needs two steps
    /// for its whole stroke.
    /// - Returns: `count` actions of seven numbers, one after the other.
    package func foresight(_ count: Int, from seen: Observation) -> [Double] {
        var (expert, seen) = (self, seen)
        var actions: [Double] = []
        for _ in 0..<count {
            let action = expert.action(seen)
            actions += action
            let moved = BridgeConvention.accumulated(
                translation: [action[0], action[1], action[2]], rollPitchYaw: [action[3], action[4], action[5]],
                on: seen.tool,
                rotationCentre: seen.tool.translation)
            let shift = moved.translation - seen.tool.translation
            if expert.holds(seen) {
                seen.object.translation += shift
            } else if moved.translation.z < Self.passingHeight {
                seen.object.translation += expert.givingWay(
                    of: seen.object.translation, to: moved.translation, after: shift)
            }
            let narrowest = expert.surrounds(seen, isFirm: false) ? expert.snugOpening : 0
            seen.opening = max(seen.opening + min(max(action[6] - seen.opening, -0.6), 0.6), narrowest)
            seen.tool = moved
        }
        return actions
    }

    /// How far the object is pushed by fingers that came to `tool`: metres, along their way.
    private func givingWay(of place: Vector3, to tool: Vector3, after shift: Vector3) -> Vector3 {
        let way = Self.level(shift)
        guard gripper == 0, way.length > 1e-4 else { return [0, 0, 0] }
        let direction = way / way.length
        let offset = Self.level(place - tool)
        let (ahead, beside) = (offset.dot(direction), (offset - direction * offset.dot(direction)).length)
        let touching = object.size / 2 + Self.fingerReach
        guard ahead > 0, ahead < touching, beside < object.size / 2 else { return [0, 0, 0] }
        return direction * (touching - ahead)
    }

    // MARK: What is seen

    /// Whether the fingers have closed as far as they can with the object between them: measured at its width, or
    /// measured to have stopped after they were told to close.
    func isClosed(_ seen: Observation) -> Bool {
        seen.opening < snugOpening + 0.04 || gripper == 0 && seen.opening < Self.wideOpen && hasStopped(seen)
    }

    /// Whether the fingers have opened: measured wide open, or off the object and measured to have stopped after they
    /// were told to open, as at a wall of the tray.
    func isOpen(_ seen: Observation) -> Bool {
        seen.opening > Self.wideOpen || gripper == 1 && seen.opening > snugOpening + 0.04 && hasStopped(seen)
    }

    private func hasStopped(_ seen: Observation) -> Bool {
        lastOpening.map { abs(seen.opening - $0) < Self.stillOpening } == true
    }

    /// The pose, or the nearest one to which the tool may be sent.
    func inRoom(_ pose: Pose) -> Pose {
        Pose(
            rotation: pose.rotation,
            translation: pose.translation.clamped(lowerBound: room.lower, upperBound: room.upper))
    }

    /// The tool point's height when the fingers are around an object on the table: low, and above the table.
    var graspHeight: Double { max(object.height / 2 + 0.004, WorldModel.fingertip + 0.006) }

    /// The tool point's height from which open fingers are above an object on the table.
    var clearHeight: Double { object.height + WorldModel.fingertip + 0.012 }

    /// Rotation that points down, the fingers along a block's faces; whatever is round is grasped as it comes.
    func graspRotation(_ seen: Observation) -> Rotation {
        guard object.shape == .block else { return Self.downward(yaw: 0) }
        let yaw = seen.object.rotation.rollPitchYaw.z
        let quarter = Double.pi / 2
        return Self.downward(yaw: yaw - (yaw / quarter).rounded() * quarter)
    }

    static func isThere(_ tool: Pose, _ target: Pose) -> Bool {
        (tool.translation - target.translation).length < near && angle(tool.rotation, target.rotation) < aligned
    }

    // MARK: Motion

    /// The way from one pose to another in six numbers, cut to what one step may go.
    private static func step(from tool: Pose, to target: Pose) -> [Double] {
        var shift = target.translation - tool.translation
        if shift.length > longestStep { shift *= longestStep / shift.length }
        var turn = (target.rotation * tool.rotation.inverse).normalized.vector
        if turn.length > widestTurn { turn *= widestTurn / turn.length }
        let angles = Rotation(vector: turn).rollPitchYaw
        return [shift.x, shift.y, shift.z, angles.x, angles.y, angles.z]
    }

    /// The part of a vector along the table.
    static func level(_ vector: Vector3) -> Vector3 { [vector.x, vector.y, 0] }

    /// Angle between two orientations, radians.
    static func angle(_ one: Rotation, _ other: Rotation) -> Double { (one.inverse * other).normalized.vector.length }

    /// Rotation that points down, the fingers opening along y when `yaw` is 0.
    static func downward(yaw: Double) -> Rotation { BridgeConvention.baseFromEEF(rollPitchYaw: [0, 0, yaw]) }
}
