import ClosedLoop
import Evaluation
import Files
import Foundation
import Images
import Kinematics
import Maths
import Messages
import Simulation
import TestSupport
import Testing
import Time

enum Bench {
    static let areUsable = (try? World.libraryVersion()) != nil

    /// A table on which things lie farther apart from seed to seed.
    static var wide: Scene {
        var scene = Scene.tabletop
        scene.variation.objectPosition = 0.06
        return scene
    }

    static func setup(_ scene: Scene = .tabletop, limit: Int = 60) throws -> EvaluationSetup {
        let path = "calibration/widowx-250s.json"
        let text = try Data(contentsOf: Fixture.packageRoot.appendingPathComponent(path))
        return EvaluationSetup(
            scene: scene, arm: try ArmCalibration(parsing: text, file: path),
            cameras: [EpisodeCamera(.primary, width: 128, height: 128), EpisodeCamera(.wrist, width: 64, height: 64)],
            policyRate: Rate(hertz: 5), controller: ExpertEpisode.controller, maximumTimesteps: limit)
    }
}

@Suite(.enabled(if: Bench.areUsable, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
struct GoalStageTests {
    private static let seed: UInt64 = 3
    private static let task = ManipulationTask.Kind.reach

    private func views(_ change: GoalChange, _ kind: ManipulationTask.Kind = task) throws -> [Goal.View] {
        var stage = GoalStage(try Bench.setup())
        return try stage.views(ManipulationTask(kind, in: .tabletop), seed: Self.seed, change: change)
    }

    /// Mean difference of the pixels, of 255.
    private func difference(_ a: RGBImage, _ b: RGBImage) -> Double {
        var sum = 0
        for (x, y) in zip(a.pixels.bytes, b.pixels.bytes) { sum += abs(Int(x) - Int(y)) }
        return Double(sum) / Double(a.pixels.count)
    }

    @Test func withoutAChangeTheGoalIsTheExpertsEndByteForByte() throws {
        let setup = try Bench.setup()
        let world = try World(setup.scene.varied(seed: Self.seed), arm: setup.arm)
        _ = try ExpertEpisode.run(ManipulationTask(Self.task, in: world.scene), in: world, cameras: []) { _ in }
        // After a step the world's pictures are a step behind its state; put there anew, they show it.
        try world.restore(world.state)
        let views = try views(.none)
        #expect(views.map(\.camera) == ["primary", "wrist"])
        #expect(views[0].image == (try world.picture(.primary, width: 128, height: 128)))
        #expect(views[1].image == (try world.picture(.wrist, width: 64, height: 64)))
        for axis in GoalAxis.allCases { #expect(GoalChange(axis, 0) == .none) }
    }

    @Test(arguments: GoalAxis.allCases)
    func eachChangeShowsAndMoreOfItShowsNoLess(axis: GoalAxis) throws {
        let plain = try views(.none)[0].image
        let (least, most) = (axis.values[0], axis.values[axis.values.count - 1])
        let (little, much) = (try views(GoalChange(axis, least))[0].image, try views(GoalChange(axis, most))[0].image)
        #expect(difference(little, plain) > 0.05, "\(axis)")
        if most > least { #expect(difference(much, plain) > difference(little, plain), "\(axis)") }
        #expect(try views(GoalChange(axis, most))[0].image == much, "the same change comes again")
    }

    /// Camera axes are the primary's; what is on the wrist sees the same world.
    @Test(arguments: [GoalAxis.cameraShift, .cameraTurn, .cameraZoom, .cameraOrbit])
    func aMovedCameraLeavesTheOtherAlone(axis: GoalAxis) throws {
        #expect(try views(GoalChange(axis, axis.values.last ?? 0))[1].image == views(.none)[1].image)
    }

    @Test(arguments: [0.0, 1, 2.5, 4])
    func aShiftedCameraMovesThePictureBySoManyPixels(angle: Double) {
        let view = Scene.tabletop.primary
        let moved = CameraMove(view).shifted(pixels: 8, angle: angle)
        // The same rays through both cameras, near the middle of a picture 256 high.
        let focal = 128 / tan(view.fieldOfView / 2)
        let (before, after) = (rotation(CameraMove(view)), rotation(moved))
        for pixel in [SIMD2(0.0, 0), SIMD2(10, 0), SIMD2(0, 10), SIMD2(-10, -10)] {
            let ray = before * Vector3(pixel.x, pixel.y, -focal)
            let seen = after.inverse * ray
            let place = SIMD2(seen.x, seen.y) * (focal / -seen.z)
            let way = pixel - place - 8 * SIMD2(cos(angle), sin(angle))
            #expect((way * way).sum().squareRoot() < 0.05, "\(pixel) went to \(place)")
        }
        #expect(moved.view.position == view.position && moved.view.fieldOfView == view.fieldOfView)
    }

    private func rotation(_ camera: CameraMove) -> Rotation {
        WorldModel.looking(from: camera.view) * Rotation(radians: camera.roll, about: [0, 0, 1])
    }

    @Test func zoomAndOrbitDoWhatTheySay() {
        let view = Scene.tabletop.primary
        let zoomed = CameraMove(view).zoomed(by: 1.5).view
        #expect(abs(tan(view.fieldOfView / 2) / tan(zoomed.fieldOfView / 2) - 1.5) < 1e-12)
        let orbited = CameraMove(view).orbited(degrees: 90).view
        let (before, after) = (view.position - view.lookAt, orbited.position - view.lookAt)
        #expect(abs(before.length - after.length) < 1e-12 && before.z == after.z)
        #expect(abs(before.x * after.x + before.y * after.y) < 1e-12)
        #expect(CameraMove(view).turned(degrees: 90).roll == .pi / 2)
    }

    @Test func swappedChannelsAreSwappedAndNothingElse() {
        let picture = RGBImage(width: 2, height: 1, pixels: SharedBytes(copying: [1, 2, 3, 40, 50, 60]))
        let swapped = picture.withChannelsSwapped
        #expect(swapped == RGBImage(width: 2, height: 1, pixels: SharedBytes(copying: [3, 2, 1, 60, 50, 40])))
        #expect(swapped.withChannelsSwapped == picture)
    }

    @Test func anObjectElsewhereIsWhereTheDistanceSays() throws {
        // For a push the object alone is moved; the picture differs only around the two places.
        let plain = try views(.none, .push)[0].image
        let moved = try views(GoalChange(.objectMoved, 4), .push)[0].image
        let changed = zip(plain.pixels.bytes, moved.pixels.bytes).count { abs(Int($0) - Int($1)) > 8 }
        #expect(changed > 30 && Double(changed) < 0.08 * Double(plain.pixels.count), "\(changed)")
    }

    @Test func aSceneWithOneThingHasNoDistractorToMove() throws {
        var scene = Scene.tabletop
        scene.objects.removeLast(2)
        var stage = GoalStage(try Bench.setup(scene))
        let task = try ManipulationTask(.reach, in: scene)
        #expect(throws: GoalStageProblem.noOtherObject(.distractorMoved)) {
            try stage.views(task, seed: 1, change: GoalChange(.distractorMoved, 2))
        }
        #expect(throws: GoalStageProblem.noOtherObject(.objectColour)) {
            try stage.views(task, seed: 1, change: GoalChange(.objectColour, 50))
        }
    }

    @Test func anotherScenesEndIsTheSameAimOnlyWhereItWouldCount() throws {
        var stage = GoalStage(try Bench.setup())
        let reach = try ManipulationTask(.reach, object: "block", in: .tabletop)
        let cup = try ManipulationTask(.reach, object: "cup", in: .tabletop)
        #expect(try stage.isSameAim(reach, seed: 1, goal: reach, goalSeed: 1))
        #expect(try !stage.isSameAim(reach, seed: 1, goal: cup, goalSeed: 1))
        // The mark lies where it lies in every scene.
        let push = try ManipulationTask(.push, in: .tabletop)
        #expect(try stage.isSameAim(push, seed: 1, goal: push, goalSeed: 2))
        let pick = try ManipulationTask(.pickPlace, in: .tabletop)
        #expect(try !stage.isSameAim(push, seed: 1, goal: pick, goalSeed: 1))
    }

    @Test func aDonorAsksForSomethingElseAndThereIsNoneWhereAllAskForTheSame() throws {
        var stage = GoalStage(try Bench.setup(Bench.wide))
        let reach = try ManipulationTask(.reach, object: "block", in: .tabletop)
        for seed in 1...3 as ClosedRange<UInt64> {
            let donor = try stage.donor(of: reach, seed: seed)
            #expect(try donor != seed && !stage.isSameAim(reach, seed: seed, goal: reach, goalSeed: donor))
            var other = GoalStage(try Bench.setup(Bench.wide))
            #expect(try other.donor(of: reach, seed: seed) == donor, "the same in every run")
        }
        let push = try ManipulationTask(.push, in: .tabletop)
        let problem = #expect(throws: GoalStageProblem.self) { try stage.donor(of: push, seed: 1) }
        #expect(problem.map { "\($0)".contains("wide.json") } == true)
    }
}
