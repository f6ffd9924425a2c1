import Kinematics
import Maths

/// Pushes the object onto the mark with closed fingers.
extension ScriptedExpert {
    /// The tool point's height while it pushes: the fingertips 10 mm above the table.
    private static let pushHeight = WorldModel.fingertip + 0.010
    /// Distance of half the fingers' thickness, and a little: how far the tool point is behind the face that it pushes,
    /// metres.
    static let fingerReach = 0.012
    /// How far the object may be from the mark: metres, while it is pushed, and when it was let alone.
    private static let (pushTolerance, restTolerance) = (0.012, 0.02)

    /// The places of tool and object along the way to the mark.
    private struct Line {
        /// Direction from the object to the mark, of length 1.
        let way: Vector3
        /// Distance to the mark, metres.
        let left: Double
        /// The tool from the object: metres along the way, negative behind it, and what is beside it.
        let along: Double
        let sideways: Vector3
    }

    private func line(_ seen: Observation) -> Line {
        let place = seen.object.translation
        let goal = mark?.position ?? [place.x, place.y]
        let whole = Vector3(goal.x - place.x, goal.y - place.y, 0)
        let left = whole.length
        let way = left > 1e-6 ? whole / left : [1, 0, 0]
        let offset = Self.level(seen.tool.translation - place)
        return Line(way: way, left: left, along: offset.dot(way), sideways: offset - way * offset.dot(way))
    }

    func push(_ seen: Observation) -> Intent {
        let line = line(seen)
        let tool = seen.tool.translation
        // Far enough behind the object to push it, and in line with it.
        let isBehind =
            tool.z < Self.pushHeight + 0.012 && line.along < -0.3 * object.size && line.sideways.length < 0.02
        let isThere = line.left <= (isBehind ? Self.pushTolerance : Self.restTolerance)
        if !isThere, isBehind { return tool.z < Self.pushHeight - Self.near ? lift(seen) : pushOn(seen, line) }
        if isWedged(seen) { return letGoOfCorner(seen) }
        return isThere ? rise(seen) : goBehind(seen, line)
    }

    /// Whether a corner of the object may have got between the fingers, which do not close all the way: it would come
    /// along upwards.
    private func isWedged(_ seen: Observation) -> Bool {
        let offset = seen.object.translation - seen.tool.translation
        let isBeside = -offset.z < clearHeight - object.height / 2
        return isBeside && Self.level(offset).length < object.size / 2 + 0.04 && seen.opening > 0.015
    }

    /// Opens, and rises with open fingers until they are above the object.
    private func letGoOfCorner(_ seen: Observation) -> Intent {
        guard isOpen(seen) else { return Intent(target: nil, gripper: 1) }
        var target = seen.tool
        target.translation.z = Self.travelHeight
        return Intent(target: target, gripper: 1)
    }

    private func rise(_ seen: Observation) -> Intent {
        guard seen.tool.translation.z < Self.travelHeight - Self.near else {
            return Intent(target: nil, gripper: 0, isDone: true)
        }
        var target = seen.tool
        target.translation.z = Self.travelHeight
        return Intent(target: target, gripper: 0)
    }

    /// Lifts the fingers from the table, against which they may have been pressed, back to where pushing is done: to
    /// push on with them there would block the arm.
    private func lift(_ seen: Observation) -> Intent {
        var target = seen.tool
        target.translation.z = Self.pushHeight
        return Intent(target: target, gripper: 0)
    }

    private func pushOn(_ seen: Observation, _ line: Line) -> Intent {
        // Up to the object at once, then slowly towards the end: what is pushed runs on a little.
        let gap = max(0, -line.along - object.size / 2 - Self.fingerReach)
        let ahead = min(gap + min(0.5 * line.left + 0.002, 0.016), 0.03)
        var next = seen.tool.translation + line.way * ahead - line.sideways * 0.8
        next.z = Self.pushHeight
        return Intent(target: Pose(rotation: rotation(seen, line), translation: next), gripper: 0)
    }

    /// Goes over the place behind the object, and down.
    private func goBehind(_ seen: Observation, _ line: Line) -> Intent {
        let (tool, place) = (seen.tool.translation, seen.object.translation)
        let back = place - line.way * (object.size / 2 * 1.3 + 0.035)
        var target = inRoom(Pose(rotation: rotation(seen, line), translation: [back.x, back.y, Self.travelHeight]))
        let aside = Self.level(target.translation - tool).length
        let hasSpace = Self.level(target.translation - place).length > object.size / 2 + Self.fingerReach + 0.01
        let turned = Self.angle(seen.tool.rotation, target.rotation)
        let isDown = tool.z < Self.passingHeight
        if isDown, aside > 0.02 {
            // Straight up first: the object may be beside the fingers.
            target.rotation = seen.tool.rotation
            target.translation = [tool.x, tool.y, Self.travelHeight]
        } else if aside < (isDown ? 0.02 : 0.01), turned < Self.aligned * (isDown ? 3 : 1), seen.opening < 0.1,
            hasSpace
        {
            target.translation.z = Self.pushHeight
        }
        return Intent(target: target, gripper: 0)
    }

    /// The closed fingers, broadside; close to the mark the direction means nothing any more.
    private func rotation(_ seen: Observation, _ line: Line) -> Rotation {
        let present = BridgeConvention.rollPitchYaw(of: seen.tool.rotation).z
        return Self.downward(
            yaw: line.left > 0.03 ? Self.halfTurn(of: Self.angle(of: line.way), near: present) : present)
    }

    /// Yaw for the same line, the way that is nearer to where the wrist is, radians: it does not turn around when the
    /// line passes a quarter turn. Far from the middle of its range it does.
    private static func halfTurn(of yaw: Double, near present: Double) -> Double {
        let near = yaw - ((yaw - present) / .pi).rounded() * .pi
        return abs(near) < 2.2 ? near : yaw - (yaw / .pi).rounded() * .pi
    }

    /// Angle of a level direction of length 1 from the x axis, radians.
    private static func angle(of way: Vector3) -> Double {
        Rotation(axesTo: way, [-way.y, way.x, 0], [0, 0, 1]).rollPitchYaw.z
    }
}
