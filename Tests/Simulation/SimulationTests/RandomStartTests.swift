import Kinematics
import Maths
import Simulation
import TestSupport
import Testing

@Suite(.enabled(if: Worlds.areUsable, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
struct RandomStartTests {
    @Test func theArmBeginsAnywhereInItsWorkspacePointingDownAndTouchesNothing() throws {
        let world = try Worlds.make()
        let workspace = world.calibration.workspace
        var places: [Vector3] = []
        for seed in 0..<40 as Range<UInt64> {
            var dice = SplitMix64(seed: seed)
            try world.placeArmAnywhere(using: &dice)
            let pose = world.baseFromEEF
            for axis in 0..<3 {
                #expect(
                    pose.translation[axis] > workspace.lower[axis] && pose.translation[axis] < workspace.upper[axis],
                    "seed \(seed)")
            }
            let angles = BridgeConvention.rollPitchYaw(of: pose.rotation)
            #expect(
                abs(angles.x) < 1e-4 && abs(angles.y) < 1e-4 && abs(angles.z) <= Scene.widestStartYaw + 1e-4,
                "seed \(seed)")
            #expect(abs(world.gripperOpening - 1) < 1e-9)
            places.append(pose.translation)
            // Nothing is pushed away.
            let before = world.scene.objects.indices.map { world.pose(ofObject: $0).translation }
            try world.advance(steps: 50)
            for (index, place) in before.enumerated() {
                #expect((world.pose(ofObject: index).translation - place).length < 0.002, "seed \(seed)")
            }
        }
        // All over it, not in a corner.
        for axis in 0..<3 {
            let range = workspace.upper[axis] - workspace.lower[axis]
            let spread = (places.map { $0[axis] }.max() ?? 0) - (places.map { $0[axis] }.min() ?? 0)
            #expect(spread > 0.6 * range, "axis \(axis)")
        }
        var (one, other) = (SplitMix64(seed: 7), SplitMix64(seed: 7))
        try world.placeArmAnywhere(using: &one)
        let place = world.armPositions
        try world.placeArmAnywhere(using: &other)
        #expect(world.armPositions == place)
    }

    @Test func aWorkspaceWithoutRoomIsToldInWords() throws {
        var arm = try widowX()
        // Behind the base, where it cannot point down.
        arm.workspace.lower = [-0.9, -0.05, 0.4]
        arm.workspace.upper = [-0.8, 0.05, 0.5]
        let world = try World(.tabletop, arm: arm)
        var dice = SplitMix64(seed: 1)
        let error = #expect(throws: WorldError.self) { try world.placeArmAnywhere(using: &dice) }
        #expect(error.map { "\($0)".contains("workspace") } == true)
    }
}
