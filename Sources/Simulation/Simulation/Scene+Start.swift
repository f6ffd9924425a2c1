import Kinematics
import Maths

/// Places from which an arm may begin.
extension Scene {
    /// The farthest that a start is turned about the vertical, radians, either way.
    package static let widestStartYaw = 0.8
    /// Distances in metres: from the workspace's walls, at least; of the lowest start's fingertips above the table;
    /// around the hand and its open fingers; under the fingertips.
    private static let (wallMargin, lowest, handRadius, clearance) = (0.01, 0.02, 0.055, 0.015)

    /// Draws a pose of the tool in a box, pointing down; nil when the open gripper would be too near to something
    /// there.
    func drawStart(lower: Vector3, upper: Vector3, _ dice: inout SplitMix64) -> Pose? {
        var low = lower + Vector3(repeating: Self.wallMargin)
        let high = upper - Vector3(repeating: Self.wallMargin)
        low.z = max(low.z, WorldModel.fingertip + Self.lowest)
        var point = Vector3(0, 0, 0)
        for axis in 0..<3 { point[axis] = low[axis] + dice.unit() * (high[axis] - low[axis]) }
        let yaw = dice.symmetric(Self.widestStartYaw)
        guard isFree(point) else { return nil }
        return Pose(rotation: BridgeConvention.baseFromEEF(rollPitchYaw: [0, 0, yaw]), translation: point)
    }

    /// Whether a hand whose tool point is there, pointing down, touches nothing.
    private func isFree(_ point: Vector3) -> Bool {
        let tips = point.z - WorldModel.fingertip - Self.clearance
        for object in objects where tips < object.height {
            let away = object.position - [point.x, point.y]
            if (away * away).sum().squareRoot() < 0.75 * object.size + Self.handRadius { return false }
        }
        guard let tray, tips < WorldModel.trayHeight else { return true }
        return !tray.isBuilt(around: point, margin: Self.handRadius)
    }
}
