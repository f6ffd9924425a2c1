import Kinematics
import Maths
import Simulation
import TestSupport
import Testing

/// What the expert does upon seeing something, without a world.
@Suite struct ScriptedExpertTests {
    private let scene = Scene.tabletop
    private let arm: ArmCalibration
    /// Of the usual block on its place: the middle, and the tool around it.
    private let block = Pose(rotation: .identity, translation: [0.25, -0.02, 0.02])

    init() throws { arm = try widowX() }

    private func expert(_ kind: ManipulationTask.Kind) throws -> ScriptedExpert {
        ScriptedExpert(try ManipulationTask(kind, in: scene), in: scene, arm: arm)
    }

    private func tool(_ place: Vector3, yaw: Double = 0) -> Pose {
        Pose(rotation: BridgeConvention.baseFromEEF(rollPitchYaw: [0, 0, yaw]), translation: place)
    }

    private func seen(_ place: Vector3, opening: Double, object: Pose? = nil) -> ScriptedExpert.Observation {
        .init(tool: tool(place), opening: opening, object: object ?? block)
    }

    @Test func itLiftsOnlyWhenTheGripperIsMeasuredClosedOnTheObject() throws {
        var expert = try expert(.pickPlace)
        let around: Vector3 = [0.25, -0.02, 0.024]
        // However long closing takes.
        for opening in [1, 0.95, 0.85, 0.75, 0.65, 0.55, 0.48] {
            let action = expert.action(seen(around, opening: opening))
            #expect(action == [0, 0, 0, 0, 0, 0, 0], "opening \(opening)")
        }
        // A block of 4 cm between fingers that open from 2 to 7 cm.
        let lifting = expert.action(seen(around, opening: 0.4))
        #expect(lifting[2] > 0.03 && lifting[6] == 0)
    }

    @Test func itLiftsWhatKeepsTheFingersFromClosingFurther() throws {
        var expert = try expert(.pickPlace)
        let around: Vector3 = [0.25, -0.02, 0.024]
        for opening in [1, 0.8, 0.62] { #expect(expert.action(seen(around, opening: opening))[2] == 0) }
        #expect(expert.action(seen(around, opening: 0.61))[2] > 0.03, "they have stopped")
    }

    @Test func wideOpenFingersThatStandStillHaveNotClosedYet() throws {
        var expert = try expert(.pickPlace)
        let around: Vector3 = [0.25, -0.02, 0.024]
        // The gripper takes a moment to begin.
        for opening in [1, 1, 0.999] {
            #expect(expert.action(seen(around, opening: opening))[2] == 0, "opening \(opening)")
        }
    }

    @Test func reachGoesWhereTheSceneNamesAPlace() throws {
        var scene = scene
        scene.reachAim = [0.35, 0.1]
        var expert = ScriptedExpert(try ManipulationTask(.reach, in: scene), in: scene, arm: arm)
        let action = expert.action(seen([0.25, -0.02, 0.13], opening: 1))
        #expect(action[0] > 0.02 && action[1] > 0.02, "away from the block: \(action)")
        // As high as above the block: 2 cm to its middle, 2 cm to its top, 5 cm above that.
        _ = expert.action(seen([0.35, 0.1, 0.09], opening: 1))
        #expect(expert.isFinished)
    }

    @Test func itRisesFromTheTrayOnlyWhenTheGripperIsMeasuredOpen() throws {
        var expert = try expert(.pickPlace)
        let tray = try #require(scene.tray).position
        let object = Pose(rotation: .identity, translation: [tray.x, tray.y, 0.024])
        let around: Vector3 = [tray.x, tray.y, 0.028]
        for opening in [0.4, 0.41, 0.5, 0.6, 0.8] {
            #expect(
                expert.action(seen(around, opening: opening, object: object)) == [0, 0, 0, 0, 0, 0, 1],
                "opening \(opening)")
        }
        let rising = expert.action(seen(around, opening: 0.97, object: object))
        #expect(rising[2] > 0.03 && rising[6] == 1 && !expert.isFinished)
        _ = expert.action(seen([tray.x, tray.y, 0.13], opening: 1, object: object))
        #expect(expert.isFinished)
    }

    @Test func carryingGoesStraightOverTheTrayAndNotPastIt() throws {
        var expert = try expert(.pickPlace)
        let tray = try #require(scene.tray).position
        var place: Vector3 = [0.25, -0.02, 0.13]
        // The object hangs a little beside the tool.
        let hanging = Vector3(0.004, -0.006, -0.004)
        var left = Double.infinity
        for _ in 0..<12 {
            let object = Pose(rotation: .identity, translation: place + hanging)
            let action = expert.action(.init(tool: tool(place), opening: 0.4, object: object))
            place += [action[0], action[1], action[2]]
            let away = Vector3(tray.x - (place + hanging).x, tray.y - (place + hanging).y, 0).length
            #expect(away <= left + 1e-9, "each step comes nearer")
            left = away
            if action[6] == 1 { break }
        }
        #expect(left < 0.008 && place.z < 0.05, "over the middle, and down")
    }

    @Test func pushingGoesOnUntilTheObjectIsThere() throws {
        var expert = try expert(.push)
        let mark = try #require(scene.mark).position
        var object = block
        let way = Vector3(mark.x - object.translation.x, mark.y - object.translation.y, 0)
        var place = object.translation - way * (0.03 / way.length)
        place.z = 0.028
        var steps = 0
        while steps < 30 {
            let action = expert.action(.init(tool: tool(place), opening: 0, object: object))
            if action[2] > 0.03 { break }
            #expect(action[2] < 0.01, "no new stroke before it is there")
            place += [action[0], action[1], action[2]]
            // The fingers take the object along.
            let onward = Vector3(mark.x - object.translation.x, mark.y - object.translation.y, 0)
            let direction = onward / onward.length
            let gap = 0.03 + (place - object.translation).dot(direction)
            if gap > 0 { object.translation += direction * gap }
            steps += 1
        }
        #expect((4...12).contains(steps))
        let left = Vector3(mark.x - object.translation.x, mark.y - object.translation.y, 0).length
        #expect(left < 0.013)
    }

    @Test func aWedgedCornerIsLetGoBeforeTheToolRises() throws {
        var expert = try expert(.push)
        let mark = try #require(scene.mark).position
        let object = Pose(rotation: .identity, translation: [mark.x, mark.y, 0.02])
        let beside: Vector3 = [mark.x - 0.025, mark.y, 0.028]
        #expect(expert.action(seen(beside, opening: 0.1, object: object)) == [0, 0, 0, 0, 0, 0, 1])
        #expect(expert.action(seen(beside, opening: 0.95, object: object))[2] > 0.03)
        var free = try self.expert(.push)
        let rising = free.action(seen(beside, opening: 0.0, object: object))
        #expect(rising[2] > 0.03 && rising[6] == 0)
    }

    /// Wherever the tool is: the way to what it wants, cut to a step, and never out of the workspace.
    @Test(arguments: ManipulationTask.Kind.allCases) func actionsAreStepsWithinTheWorkspace(
        kind: ManipulationTask.Kind
    ) throws {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        for _ in 0..<500 {
            var expert = try expert(kind)
            let (low, high) = (arm.workspace.lower, arm.workspace.upper)
            let place = Vector3(
                .random(in: low.x...high.x, using: &generator), .random(in: low.y...high.y, using: &generator),
                .random(in: 0.02...high.z, using: &generator))
            let yaw = Double.random(in: -1...1, using: &generator)
            let opening = Double.random(in: 0...1, using: &generator)
            let object = Pose(
                rotation: .identity,
                translation: [
                    .random(in: low.x...high.x, using: &generator), .random(in: low.y...high.y, using: &generator),
                    0.02,
                ])
            let action = expert.action(.init(tool: tool(place, yaw: yaw), opening: opening, object: object))
            #expect(action.count == 7 && action.allSatisfy(\.isFinite), "seed \(generator.seed)")
            let shift = Vector3(action[0], action[1], action[2])
            #expect(
                shift.length < 0.0351 && Vector3(action[3], action[4], action[5]).length < 0.21,
                "seed \(generator.seed)")
            for axis in 0..<3 {
                let end = place[axis] + shift[axis]
                #expect(
                    end > min(place[axis], low[axis]) - 1e-9 && end < max(place[axis], high[axis]) + 1e-9,
                    "seed \(generator.seed)")
            }
            #expect(action[6] == 0 || action[6] == 1)
        }
    }
}
