import Control
import Geometry

/// Solves a task from the world's state, one action for each policy step, as a person with a steady hand would.
///
/// Its actions are Bridge's (`eef_delta`): what it asks for passes through the same chunk executor, kinematics and limits
/// as a policy's.
package struct ScriptedExpert: Sendable {
    /// What it sees of the world.
    package struct Observation: Sendable {
        /// Where the arm is being sent: deltas accumulate on it.
        package var commanded: Pose
        package var object: Pose

        package init(commanded: Pose, object: Pose) {
            self.commanded = commanded
            self.object = object
        }
    }

    private enum Phase: Equatable {
        case above
        case descend
        case close(left: Int)
        case lift
        case carry
        case lower
        case open(left: Int)
        case retreat
        case behind
        case drop
        case push
        case done
    }

    /// Farthest that one policy step goes: metres, radians. A quarter of a metre a second at 5 Hz leaves the arm's limits
    /// alone and looks like Bridge.
    private static let longestStep = 0.035
    private static let widestTurn = 0.2
    /// Height of the tool point on its way, metres.
    private static let travelHeight = 0.13
    private static let near = 0.006

    private let task: ManipulationTask
    private let object: Scene.Object
    private let tray: Scene.Tray?
    private let mark: Scene.Mark?
    private var phase: Phase
    private var gripper: Double
    /// Times a grasp was tried.
    package private(set) var attempts = 0

    package init(_ task: ManipulationTask, in scene: Scene) {
        self.task = task
        object = scene.objects[task.object]
        tray = scene.tray
        mark = scene.mark
        phase = task.kind == .push ? .behind : .above
        gripper = task.kind == .push ? 0 : 1
    }

    /// It has nothing more to do.
    package var isFinished: Bool { phase == .done }

    /// The tool point's height when the fingers are around the object: low, and above the table.
    private var graspHeight: Double { max(object.height / 2 + 0.004, WorldModel.fingertip + 0.006) }

    /// The action of the next policy step: dx dy dz droll dpitch dyaw gripper.
    package mutating func action(_ seen: Observation) -> [Double] {
        let place = seen.object.translation
        var target = seen.commanded
        target.rotation = Self.downward(yaw: Self.graspYaw(of: seen.object, shape: object.shape))
        switch phase {
        case .above:
            let height = task.kind == .reach ? place.z + ManipulationTask.hover(above: object) : Self.travelHeight
            target.translation = [place.x, place.y, height]
            if task.kind == .reach {
                if isThere(seen, target) { phase = .done }
            } else if isThere(seen, target) {
                phase = .descend
            }
        case .descend:
            target.translation = [place.x, place.y, graspHeight]
            if isThere(seen, target) {
                phase = .close(left: 4)
                attempts += 1
            }
        case .close(let left):
            gripper = 0
            target = seen.commanded
            phase = left > 1 ? .close(left: left - 1) : .lift
        case .lift:
            target = seen.commanded
            target.translation.z = Self.travelHeight
            if isThere(seen, target) {
                // What did not come along is tried again.
                if place.z < object.height / 2 + 0.04 {
                    gripper = 1
                    phase = .above
                } else {
                    phase = .carry
                }
            }
        case .carry:
            target.rotation = seen.commanded.rotation
            let goal = tray?.position ?? [place.x, place.y]
            // The object, not the tool, is to be over the tray.
            let offset = place - seen.commanded.translation
            target.translation = [goal.x - offset.x, goal.y - offset.y, Self.travelHeight]
            if isThere(seen, target) { phase = .lower }
        case .lower:
            target = seen.commanded
            target.translation.z = graspHeight + 0.012
            if isThere(seen, target) { phase = .open(left: 3) }
        case .open(let left):
            gripper = 1
            target = seen.commanded
            phase = left > 1 ? .open(left: left - 1) : .retreat
        case .retreat:
            target = seen.commanded
            target.translation.z = Self.travelHeight
            if isThere(seen, target) { phase = .done }
        case .behind, .drop, .push:
            return push(seen)
        case .done:
            target = seen.commanded
        }
        return step(from: seen.commanded, to: target)
    }

    /// Goes behind the object, down, and on towards the mark; begins anew when the object has slipped away sideways.
    private mutating func push(_ seen: Observation) -> [Double] {
        let place = seen.object.translation
        let goal = mark?.position ?? [place.x, place.y]
        var way = Vector3(goal.x - place.x, goal.y - place.y, 0)
        let left = way.length
        way = left > 1e-6 ? way / left : [1, 0, 0]
        // The closed fingers, broadside; close to the mark the direction means nothing any more.
        let present = BridgeConvention.rollPitchYaw(of: seen.commanded.rotation).z
        let yaw = left > 0.03 ? Self.halfTurn(of: Self.angle(of: way), near: present) : present
        var target = Pose(rotation: Self.downward(yaw: yaw), translation: seen.commanded.translation)
        let reach = object.size / 2 * 1.3 + 0.035
        let back = place - way * reach
        let height = WorldModel.fingertip + 0.010
        switch phase {
        case .behind:
            // Straight up first: the object may be beside the fingers.
            let isLow = seen.commanded.translation.z < Self.travelHeight - 0.03
            target.translation = isLow ? seen.commanded.translation : [back.x, back.y, 0]
            target.translation.z = Self.travelHeight
            if isLow { target.rotation = seen.commanded.rotation } else if isThere(seen, target) { phase = .drop }
        case .drop:
            target.translation = [back.x, back.y, height]
            if isThere(seen, target) { phase = .push }
        default:
            if left < 0.012 {
                phase = .retreat
                target = seen.commanded
                break
            }
            let offset = seen.commanded.translation - place
            let sideways = offset - way * offset.dot(way)
            // Slipped away sideways, or pushed too far: from behind again.
            if Vector3(sideways.x, sideways.y, 0).length > 0.02 || offset.dot(way) > -0.3 * object.size {
                phase = .behind
                target.translation = seen.commanded.translation + [0, 0, Self.longestStep]
                target.rotation = seen.commanded.rotation
                break
            }
            // Slowly towards the end: what is pushed runs on a little.
            let ahead = min(0.5 * left + 0.002, 0.016)
            let next = seen.commanded.translation + way * ahead - [sideways.x, sideways.y, 0] * 0.8
            target.translation = [next.x, next.y, height]
        }
        return step(from: seen.commanded, to: target)
    }

    private func isThere(_ seen: Observation, _ target: Pose) -> Bool {
        (seen.commanded.translation - target.translation).length < Self.near
            && (seen.commanded.rotation.inverse * target.rotation).vector.length < 0.06
    }

    private func step(from commanded: Pose, to target: Pose) -> [Double] {
        var shift = target.translation - commanded.translation
        if shift.length > Self.longestStep { shift *= Self.longestStep / shift.length }
        var turn = (target.rotation * commanded.rotation.inverse).normalized.vector
        if turn.length > Self.widestTurn { turn *= Self.widestTurn / turn.length }
        let angles = Rotation(vector: turn).rollPitchYaw
        return [shift.x, shift.y, shift.z, angles.x, angles.y, angles.z, gripper]
    }

    // MARK: Directions

    /// Pointing down, the fingers opening along y when `yaw` is 0.
    private static func downward(yaw: Double) -> Rotation {
        BridgeConvention.baseFromEEF(rollPitchYaw: [0, 0, yaw])
    }

    /// Fingers along a block's faces; whatever is round is grasped as it comes.
    private static func graspYaw(of pose: Pose, shape: Scene.Shape) -> Double {
        guard shape == .block else { return 0 }
        let yaw = pose.rotation.rollPitchYaw.z
        let quarter = Double.pi / 2
        return yaw - (yaw / quarter).rounded() * quarter
    }

    /// The same line, the way that is nearer to where the wrist is: it does not turn around when the line passes a quarter
    /// turn. Far from the middle of its range it does.
    private static func halfTurn(of yaw: Double, near present: Double) -> Double {
        let near = yaw - ((yaw - present) / .pi).rounded() * .pi
        return abs(near) < 2.2 ? near : yaw - (yaw / .pi).rounded() * .pi
    }

    /// Of a level direction of length 1, from x: radians.
    private static func angle(of way: Vector3) -> Double {
        Rotation(axesTo: way, [-way.y, way.x, 0], [0, 0, 1]).rollPitchYaw.z
    }
}
