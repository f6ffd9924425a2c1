import Foundation
import Kinematics
import Maths
import TestSupport
import Testing

/// What ships in `calibration/` against the reference's numbers, and inverse kinematics all over each arm's space.
@Suite struct ArmFamilyTests {
    static let arms = ["widowx-250s", "wx200", "so101"]

    static let rows: [(arm: String, row: KinematicRow)] =
        widowXRows.map { ("widowx-250s", $0) }
        + [
            KinematicRow(positions: [0, 0, 0, 0, 0], translation: [0.408575, 0, 0.310650], quaternion: [1, 0, 0, 0]),
            KinematicRow(
                positions: [0, -1.80, 1.55, 0.80, 0], translation: [0.122842, 0, 0.080498],
                quaternion: [0.962425, 0, 0.271547, 0]),
            KinematicRow(
                positions: [-0.13192235, -0.76238847, 0.44485444, 1.7564081, -0.15953401],
                translation: [0.107944, -0.014323, 0.195068], quaternion: [0.751616, -0.016509, 0.659388, 0.002973]),
            KinematicRow(
                positions: [0.5, 0.3, -0.7, -0.4, 0.9], translation: [0.352405, 0.192520, 0.478580],
                quaternion: [0.761678, 0.474928, -0.240632, 0.369306]),
            KinematicRow(
                positions: [-1.2, 0.8, 0.6, 1.5, -2.5], translation: [0.021136, -0.054366, -0.020905],
                quaternion: [0.563293, 0.082366, 0.322920, 0.756069]),
        ].map { ("wx200", $0) }
        + [
            KinematicRow(
                positions: [0, 0, 0, 0, 0], translation: [0.391361, -0.000009, 0.226470],
                quaternion: [0.706900, 0.017206, 0.706894, 0.017214]),
            KinematicRow(
                positions: [0.3, -0.5, 0.6, 0.4, -0.8], translation: [0.301205, -0.075290, 0.139457],
                quaternion: [0.491107, 0.467254, 0.722069, 0.138219]),
            KinematicRow(
                positions: [-1.0, -1.7, 1.6, 1.0, 0], translation: [0.115381, 0.119194, 0.018866],
                quaternion: [0.284929, -0.432412, 0.839452, 0.164789]),
            KinematicRow(
                positions: [1.5, 1.0, -1.2, -1.0, 2.0], translation: [0.054499, -0.325912, 0.335300],
                quaternion: [0.151599, 0.041249, -0.179662, 0.971101]),
            KinematicRow(
                positions: [0, -0.785398, 0.785398, 1.570796, 0], translation: [0.136434, -0.000010, 0.061970],
                quaternion: [0.000005, 0.024334, 0.999704, 0.000003]),
        ].map { ("so101", $0) }

    @Test(arguments: rows) func whatShipsAgreesWithTheReference(arm: String, row: KinematicRow) throws {
        let pose = try shippedCalibration(arm).chain.baseFromEEF(row.positions)
        for axis in 0..<3 { #expect(abs(pose.translation[axis] - row.translation[axis]) < 1e-6, "axis \(axis)") }
        let sign = pose.rotation.w < 0 ? -1.0 : 1.0
        let found = [pose.rotation.w, pose.rotation.x, pose.rotation.y, pose.rotation.z].map { $0 * sign }
        for (a, b) in zip(found, row.quaternion) { #expect(abs(a - b) < 1e-6) }
    }

    @Test(arguments: arms) func restAndNeutralAreInsideLimitsAndWorkspace(name: String) throws {
        let arm = try shippedCalibration(name)
        #expect(arm.name == name)
        for pose in [arm.rest, arm.neutral] {
            let tool = arm.chain.baseFromEEF(pose).translation
            for axis in 0..<3 {
                #expect(tool[axis] >= arm.workspace.lower[axis] && tool[axis] <= arm.workspace.upper[axis], "\(tool)")
            }
            for (joint, angle) in zip(arm.joints, pose.array) { #expect((joint.lower...joint.upper).contains(angle)) }
        }
        let down = BridgeConvention.rollPitchYaw(of: arm.chain.baseFromEEF(arm.neutral).rotation)
        #expect(abs(down.y) < 0.2 || name == "so101", "the neutral gripper points down")
    }

    /// Ten thousand poses anywhere the arm can be, solved from joints up to 0.1 rad away in each.
    @Test(arguments: arms) func findsRandomReachablePosesFromNearby(name: String) throws {
        let arm = try shippedCalibration(name)
        let solver = InverseKinematics(chain: arm.chain, lower: arm.lower, upper: arm.upper)
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        let seed = random.seed
        let poses = 10_000
        var (reached, jumps) = (0, 0)
        var reasons: [String: Int] = [:]
        for _ in 0..<poses {
            var wanted = arm.lower
            var start = arm.lower
            for joint in 0..<wanted.count {
                wanted[joint] = .random(in: arm.lower[joint]...arm.upper[joint], using: &random)
                let near = wanted[joint] + .random(in: -0.1...0.1, using: &random)
                start[joint] = min(max(near, arm.lower[joint]), arm.upper[joint])
            }
            let target = arm.chain.baseFromEEF(wanted)
            let solution = solver.solve(target, near: start)
            let found = arm.chain.baseFromEEF(solution.positions)
            let error = (found.translation - target.translation).length
            if solution.isReached {
                reached += 1
                #expect(error <= 1e-6, "seed \(seed)")
                if wanted.count >= 6 {
                    #expect((found.rotation * target.rotation.inverse).vector.length <= 1.1e-6, "seed \(seed)")
                }
            } else {
                #expect(solution.failure != nil)
                reasons[solution.failure.map { "\($0)".prefix { $0 != "(" } }.map(String.init) ?? "", default: 0] += 1
            }
            #expect(abs(error - solution.translationError) < 1e-9, "seed \(seed)")
            // Where the wrist is nearly straight two joints can share a turn in any way; beyond that there is no reason
            // to go far.
            if (solution.positions - start).magnitude > 1 { jumps += 1 }
            for joint in 0..<wanted.count {
                #expect((arm.lower[joint]...arm.upper[joint]).contains(solution.positions[joint]), "seed \(seed)")
            }
        }
        #expect(Double(reached) >= 0.995 * Double(poses), "seed \(seed): \(poses - reached) failures, \(reasons)")
        #expect(reasons.values.reduce(0, +) == poses - reached, "each failure has its reason")
        #expect(Double(jumps) <= 0.005 * Double(poses), "seed \(seed): \(jumps) jumps")
        print(
            "inverse kinematics of \(name): \(reached) of \(poses) reached, failures \(reasons), \(jumps) far (seed "
                + "\(seed))"
        )
    }

    /// An arm of five joints cannot turn its hand sideways: the position is met all the same.
    @Test(arguments: ["wx200", "so101"]) func withFiveJointsThePositionIsMetAndTheRestIsNear(name: String) throws {
        let arm = try shippedCalibration(name)
        let solver = InverseKinematics(chain: arm.chain, lower: arm.lower, upper: arm.upper)
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        var (reached, oriented) = (0, 0)
        for _ in 0..<500 {
            var wanted = arm.neutral
            for joint in 0..<5 { wanted[joint] += .random(in: -0.3...0.3, using: &random) }
            for joint in 0..<5 { wanted[joint] = min(max(wanted[joint], arm.lower[joint]), arm.upper[joint]) }
            var target = arm.chain.baseFromEEF(wanted)
            let sideways = Vector3(
                .random(in: -0.15...0.15, using: &random), .random(in: -0.15...0.15, using: &random),
                .random(in: -0.15...0.15, using: &random))
            target.rotation = Rotation(vector: sideways) * target.rotation
            let solution = solver.solve(target, near: wanted)
            if solution.isReached {
                reached += 1
                #expect(solution.translationError <= 1e-6, "seed \(random.seed)")
            }
            if solution.isMet { oriented += 1 }
            #expect(solution.rotationError <= sideways.length * 1.5 + 0.02, "seed \(random.seed)")
        }
        #expect(reached >= 480, "seed \(random.seed): \(reached) of 500")
        #expect(oriented < 50, "the orientations asked for are not this arm's")
    }

    @Test func aFailureNamesItsReason() throws {
        let arm = try shippedCalibration("widowx-250s")
        let solver = InverseKinematics(chain: arm.chain, lower: arm.lower, upper: arm.upper)
        let far = solver.solve(Pose(rotation: .identity, translation: [2, 0, 0.36]), near: [0, 0.2, -0.2, 0, 0.1, 0])
        #expect(!far.isReached && far.failure != nil)
        var atLimit = arm.neutral
        atLimit[0] = arm.joints[0].upper
        var beyond = atLimit
        beyond[0] += 0.2
        #expect(solver.solve(arm.chain.baseFromEEF(beyond), near: atLimit).failure == .jointLimit(joint: 0))
        var near = atLimit
        near[0] -= 0.1
        #expect(solver.solve(arm.chain.baseFromEEF(atLimit), near: near).failure == nil)
    }

    @Test(arguments: arms) func velocitiesMoveTheToolAsAsked(name: String) throws {
        let arm = try shippedCalibration(name)
        let solver = InverseKinematics(chain: arm.chain, lower: arm.lower, upper: arm.upper)
        var start = arm.neutral
        start[1] += 0.3
        let linear: Vector3 = [0.02, 0, 0.03]
        let velocities = solver.velocities(linear: linear, angular: .zero, at: start)
        let jacobian = arm.chain.jacobian(start)
        var found = Vector3.zero
        for joint in 0..<start.count { found += jacobian[joint].linear * velocities[joint] }
        #expect((found - linear).length < 0.006, "\(found)")
        #expect(solver.velocities(linear: .zero, angular: .zero, at: start).magnitude == 0)
    }
}
