import Foundation
import Images
import Kinematics
import Maths
import Simulation
import TestSupport
import Testing

/// Whether worlds can be made here; tests that need one say so when not.
enum Worlds {
    static let areUsable = (try? World.libraryVersion()) != nil

    static func make(_ scene: Scene = .tabletop, mjcf: String? = nil) throws -> World {
        try World(scene, arm: widowX(), mjcf: mjcf)
    }
}

@Suite(.enabled(if: Worlds.areUsable, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
struct WorldTests {
    /// Joint angles and tool points of the URDF, as pinocchio computes them.
    static let toolPoints: [([Double], Vector3, Rotation)] = [
        ([0, 0, 0, 0, 0, 0], [0.458325, 0, 0.360650], Rotation(w: 1, x: 0, y: 0, z: 0)),
        ([0, -1.80, 1.55, 0, 0.80, 0], [0.122652, 0, 0.081264], Rotation(w: 0.962425, x: 0, y: 0.271547, z: 0)),
        (
            [-0.13192235, -0.76238847, 0.44485444, -0.01994175, 1.7564081, -0.15953401],
            [0.120201, -0.019085, 0.246696], Rotation(w: 0.750611, x: -0.021509, y: 0.660371, z: -0.005538)
        ),
        (
            [0.5, 0.3, -0.7, 1.1, -0.4, 0.9], [0.443494, 0.179571, 0.514813],
            Rotation(w: 0.429066, x: 0.860908, y: -0.088704, z: 0.258595)
        ),
        (
            [-1.2, 0.8, 0.6, -2.0, 1.5, -2.5], [-0.016918, -0.353415, 0.002910],
            Rotation(w: 0.361382, x: 0.151679, y: -0.357046, z: -0.847888)
        ),
    ]

    @Test(arguments: toolPoints.indices)
    func theArmIsTheOneOfTheJointTable(row: Int) throws {
        let world = try Worlds.make()
        let (angles, point, turn) = Self.toolPoints[row]
        try world.place(arm: JointVector(angles), gripper: 0.5)
        let pose = world.baseFromEEF
        #expect((pose.translation - point).length < 1e-5)
        #expect((pose.rotation.inverse * turn).vector.length < 1e-5)
    }

    @Test func theArmGoesWhereItIsSentAndStaysThere() throws {
        let world = try Worlds.make()
        let wanted: JointVector = [0.4, -0.3, 0.2, 0.1, 1.2, -0.2]
        world.command(wanted, gripper: 0.2)
        try world.advance(steps: 1_000)
        #expect((world.armPositions - wanted).magnitude < 0.01)
        #expect(abs(world.gripperOpening - 0.2) < 0.05)
        #expect(world.armVelocities.magnitude < 0.01)
    }

    /// However fast: a joint that turns freely is not taken for one that pushes. Pressed onto the table it is.
    @Test func aFreeJointHasNoLoadAndABlockedOneHas() throws {
        let world = try Worlds.make()
        let last = world.armPositions.count - 1
        var (goal, most) = (world.armPositions, 0.0)
        goal[last] += 2.5
        for step in 0..<1200 {
            world.command(goal, gripper: 1)
            try world.advance(steps: 1)
            // Getting under way, and to a stop, takes the servo's strength for a moment.
            if step > 100, abs(world.armPositions[last] - goal[last]) > 0.3 {
                most = max(most, abs(world.armTorques[last]))
            }
        }
        #expect(abs(world.armPositions[last] - goal[last]) < 0.01 && most < 0.1 * WorldModel.strongestTorque, "\(most)")
        goal = world.armPositions
        goal[1] += 1
        for _ in 0..<2000 {
            world.command(goal, gripper: 1)
            try world.advance(steps: 1)
        }
        #expect(world.armPositions[1] < goal[1] - 0.1, "the table is not in its way")
        #expect(abs(world.armTorques[1]) > 0.9 * WorldModel.strongestTorque, "\(world.armTorques[1])")
    }

    @Test func theSameCommandsMakeTheSameWorldAndTheSamePicturesBitForBit() throws {
        func run() throws -> ([Double], RGBImage, RGBImage) {
            let world = try Worlds.make(Scene.tabletop.varied(seed: 7))
            for step in 0..<50 {
                world.command(world.armPositions + [0.01, 0.02, -0.01, 0, 0.01, 0], gripper: step % 20 < 10 ? 1 : 0)
                try world.advance(steps: 10)
            }
            let block = world.pose(ofObject: 0).translation
            return (
                world.armPositions.array + [block.x, block.y, block.z],
                try world.picture(.primary, width: 128, height: 96), try world.picture(.wrist, width: 64, height: 64)
            )
        }
        let (first, second) = (try run(), try run())
        #expect(first.0 == second.0)
        #expect(first.1 == second.1)
        #expect(first.2 == second.2)
    }

    @Test func picturesCarryInformationAndShowTheScene() throws {
        let world = try Worlds.make()
        let before = try world.picture(.primary, width: 256, height: 256)
        #expect(Set(before.pixels.bytes).count > 60)
        let block = try #require(world.index(ofObject: "block"))
        try world.place(object: block, at: Pose(rotation: .identity, translation: [0.32, -0.08, 0.02]))
        let after = try world.picture(.primary, width: 256, height: 256)
        let changed = zip(before.pixels.bytes, after.pixels.bytes).count { abs(Int($0) - Int($1)) > 20 }
        #expect(changed > 200)
        #expect(world.renderer != nil)
        // The arm is in the view too.
        try world.place(arm: [0.6, 0, 0, 0, 0, 0], gripper: 1)
        #expect(try world.picture(.primary, width: 256, height: 256) != after)
        #expect(throws: WorldError.self) { try world.picture(.wrist, width: 4_000, height: 10) }
    }

    @Test func whatLiesOnTheTableStaysThere() throws {
        let world = try Worlds.make()
        let before = world.scene.objects.indices.map { world.pose(ofObject: $0).translation }
        try world.advance(steps: 1_000)
        for index in before.indices {
            let after = world.pose(ofObject: index).translation
            #expect((after - before[index]).length < 0.002, "\(world.scene.objects[index].name)")
        }
    }

    @Test func aWorldThatBlowsUpSaysSo() throws {
        // Servos that are too stiff for the step: every swing is larger than the one before.
        let mjcf = WorldModel.mjcf(.tabletop, try widowX()).replacing("kp=\"800.0\"", with: "kp=\"1e15\"")
            .replacing("forcerange=\"-25.0 25.0\"", with: "")
        let broken = try Worlds.make(mjcf: mjcf)
        let error = #expect(throws: WorldError.self) {
            broken.command([1, 1, -1, 1, 1, 1], gripper: 0)
            try broken.advance(steps: 2_000)
        }
        guard case .blewUp(let words, _)? = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(words.contains("not finite"))
    }

    @Test func aBrokenModelIsRefusedByElement() throws {
        let mjcf = WorldModel.mjcf(.tabletop, try widowX())
        let cases = [
            (mjcf.replacing("<worldbody>", with: "<worldbody><gizmo/>"), "gizmo"),
            (mjcf.replacing("name=\"eef\"", with: "name=\"elsewhere\""), "eef"),
            (mjcf.replacing("name=\"wrist\"", with: "name=\"waist\""), "wrist"),
            ("not XML", "PARSING_TEXT"),
            ("", "EMPTY_DOCUMENT"),
        ]
        for (text, word) in cases {
            let error = #expect(throws: WorldError.self) { try Worlds.make(mjcf: text) }
            #expect("\(String(describing: error))".contains(word))
        }
    }

    @Test func commandsThatMakeNoSenseMoveNothing() throws {
        let world = try Worlds.make()
        let before = world.armPositions
        try world.advance(steps: 500)
        world.command(JointVector(repeating: .nan, count: 6), gripper: .infinity)
        try world.advance(steps: 500)
        #expect((world.armPositions - before).magnitude < 0.01)
        #expect(throws: WorldError.self) { try world.place(arm: [0, 0], gripper: 0) }
        #expect(throws: WorldError.self) { try world.place(arm: JointVector(repeating: .nan, count: 6), gripper: 0) }
    }
}
