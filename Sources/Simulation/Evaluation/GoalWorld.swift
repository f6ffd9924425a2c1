import Glibc
import Kinematics
import Maths
import Simulation

/// The world as a goal image shows it: after the task, with one thing changed.
///
/// Which way something is changed follows from the scene's seed and the axis, never from the amount: all amounts lie on
/// one line, and the same scene with another amount is a pair to compare.
struct GoalWorld {
    let world: World

    init(
        _ end: GoalStage.End, task: ManipulationTask, seed: UInt64, change: GoalChange, arm: ArmCalibration
    ) throws {
        let scene = try Self.scene(end, task: task, seed: seed, change: change)
        world = try World(scene, arm: arm)
        // What was added stands behind all others in the world's numbers.
        let added = world.state
        try world.restore(
            WorldState(
                positions: end.state.positions + added.positions.dropFirst(end.state.positions.count),
                velocities: end.state.velocities + added.velocities.dropFirst(end.state.velocities.count)))
        try moveThings(end, task: task, seed: seed, change: change)
        try moveCamera(seed: seed, change: change)
        let light = change.amount(of: .brighter) - change.amount(of: .darker)
        if light != 0 { world.setBrightness(scene.light.brightness * (1 + light / 100)) }
    }

    // MARK: Things

    /// Makes the scene with what must be so when the world is made: colours, and how many things there are.
    private static func scene(
        _ end: GoalStage.End, task: ManipulationTask, seed: UInt64, change: GoalChange
    ) throws(GoalStageProblem) -> Scene {
        var scene = end.scene
        let share = change.amount(of: .objectColour) / 100
        if share > 0 {
            let own = scene.objects[task.object].colour
            let other = scene.objects[try otherObject(than: task.object, in: scene, for: .objectColour)].colour
            scene.objects[task.object].colour = own + (other - own) * share
        }
        var dice = dice(.distractorAdded, seed: seed)
        for number in 0..<Int(change.amount(of: .distractorAdded)) {
            let size = 0.03
            let taken = scene.objects.map(\.position) + [scene.mark?.position].compactMap(\.self)
            guard let place = firstFree(in: scene, dice: &dice, taken: taken) else { throw .noRoom(.distractorAdded) }
            scene.objects.append(
                Scene.Object(
                    name: "thing of the goal \(number + 1)", shape: .block, size: size,
                    colour: [dice.unit(), dice.unit(), dice.unit()], position: place, yaw: dice.symmetric(.pi / 4)))
        }
        return scene
    }

    private func moveThings(
        _ end: GoalStage.End, task: ManipulationTask, seed: UInt64, change: GoalChange
    ) throws {
        var moves: [(object: Int, axis: GoalAxis)] = []
        if change.axis == .objectMoved, task.kind != .reach { moves.append((task.object, .objectMoved)) }
        if change.axis == .distractorMoved {
            moves.append(
                (try Self.otherObject(than: task.object, in: end.scene, for: .distractorMoved), .distractorMoved))
        }
        for move in moves {
            var pose = world.pose(ofObject: move.object)
            var now = end.scene
            for index in now.objects.indices {
                let place = world.pose(ofObject: index).translation
                now.objects[index].position = [place.x, place.y]
            }
            let way = try Self.way(move.axis, of: move.object, in: now, seed: seed, by: change.value)
            pose.translation += [way.x, way.y, 0]
            try world.place(object: move.object, at: pose)
        }
        if change.axis == .armAway { try world.place(arm: end.armAtStart, gripper: 1) }
    }

    private static func otherObject(
        than object: Int, in scene: Scene, for axis: GoalAxis
    ) throws(GoalStageProblem) -> Int {
        guard scene.objects.count > 1 else { throw .noOtherObject(axis) }
        return (object + 1) % scene.objects.count
    }

    // MARK: Ways and places

    /// Metres between the middles of two things that do not touch.
    private static let apart = 0.065
    /// The part of the table that the arm reaches and the camera sees, metres.
    private static let reach = (x: 0.18...0.46, y: -0.20...0.22)

    private static func dice(_ axis: GoalAxis, seed: UInt64) -> SplitMix64 {
        let number = GoalAxis.allCases.firstIndex(of: axis) ?? 0
        // Another row of numbers than the scene's own, which the seed gives alone.
        return SplitMix64(seed: seed ^ (UInt64(number + 1) << 48))
    }

    /// The way that an object goes: in the first direction in which it meets nothing, however far this axis takes it.
    /// - Parameter amount: centimetres.
    static func way(
        _ axis: GoalAxis, of object: Int, in scene: Scene, seed: UInt64, by amount: Double
    ) throws(GoalStageProblem) -> SIMD2<Double> {
        var dice = dice(axis, seed: seed)
        let place = scene.objects[object].position
        let others = scene.objects.indices.filter { $0 != object }.map { scene.objects[$0].position }
        for _ in 0..<64 {
            let angle = 2 * Double.pi * dice.unit()
            let direction = SIMD2(cos(angle), sin(angle))
            if axis.values.allSatisfy({ isFree(place + direction * ($0 / 100), taken: others) }) {
                return direction * (amount / 100)
            }
        }
        throw .noRoom(axis)
    }

    private static func firstFree(in scene: Scene, dice: inout SplitMix64, taken: [SIMD2<Double>]) -> SIMD2<Double>? {
        for _ in 0..<200 {
            let place = SIMD2(
                reach.x.lowerBound + dice.unit() * (reach.x.upperBound - reach.x.lowerBound),
                reach.y.lowerBound + dice.unit() * (reach.y.upperBound - reach.y.lowerBound))
            let isInTray = scene.tray?.holds(Vector3(place.x, place.y, 0), margin: -0.03) ?? false
            if !isInTray, isFree(place, taken: taken) { return place }
        }
        return nil
    }

    private static func isFree(_ place: SIMD2<Double>, taken: [SIMD2<Double>]) -> Bool {
        guard reach.x.contains(place.x), reach.y.contains(place.y) else { return false }
        return taken.allSatisfy { (($0 - place) * ($0 - place)).sum() > apart * apart }
    }

    // MARK: Camera

    private func moveCamera(seed: UInt64, change: GoalChange) throws(WorldError) {
        guard let axis = change.axis else { return }
        var dice = Self.dice(axis, seed: seed)
        let angle = 2 * Double.pi * dice.unit()
        let side = dice.unit() < 0.5 ? -1.0 : 1.0
        let camera = CameraMove(world.scene.primary)
        let moved: CameraMove
        switch axis {
        case .cameraShift: moved = camera.shifted(pixels: change.value, angle: angle)
        case .cameraTurn: moved = camera.turned(degrees: side * change.value)
        case .cameraZoom: moved = camera.zoomed(by: side > 0 ? 1 + change.value / 100 : 1 / (1 + change.value / 100))
        case .cameraOrbit: moved = camera.orbited(degrees: side * change.value)
        case .darker, .brighter, .objectMoved, .objectColour, .armAway, .distractorAdded, .distractorMoved,
            .channelsSwapped,
            .jpeg:
            return
        }
        try world.movePrimaryCamera(to: moved.view, roll: moved.roll)
    }
}
