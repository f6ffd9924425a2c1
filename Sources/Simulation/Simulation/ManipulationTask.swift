import Maths

/// What an episode in the simulated world is about, and when it has succeeded; judged from the world, not from
/// pictures.
package struct ManipulationTask: Equatable, Sendable {
    /// What is to be done with the object.
    package enum Kind: String, CaseIterable, Sendable {
        /// The tool point comes above the object, or above the scene's `reachAim`.
        case reach
        /// The object comes onto the mark, along the table.
        case push
        /// The object comes into the tray, and is let go there.
        case pickPlace = "pick-place"
    }

    package let kind: Kind
    /// Number of the object in the scene, counted from 0.
    package let object: Int

    /// A task that cannot be set in a scene.
    package enum Problem: Error, Equatable, CustomStringConvertible {
        case noObject(String, known: [String])
        case lacks(String, task: String)

        package var description: String {
            switch self {
            case .noObject(let name, let known):
                "setting the task: the scene has no object '\(name)', expected one of "
                    + "\(known.joined(separator: ", ")). Choose one of those, or add it to the scene."
            case .lacks(let thing, let task):
                "setting the task: the scene has no \(thing), which '\(task)' needs. Add one to the scene, or choose "
                    + "another task."
            }
        }
    }

    /// Makes a task, and checks that the scene has what it needs.
    /// - Parameter object: name of the object; nil takes the scene's first.
    package init(_ kind: Kind, object: String? = nil, in scene: Scene) throws(Problem) {
        let names = scene.objects.map(\.name)
        guard let index = object.map({ names.firstIndex(of: $0) }) ?? (names.isEmpty ? nil : 0) else {
            throw .noObject(object ?? "", known: names)
        }
        switch kind {
        case .reach: break
        case .push: if scene.mark == nil { throw .lacks("mark", task: kind.rawValue) }
        case .pickPlace: if scene.tray == nil { throw .lacks("tray", task: kind.rawValue) }
        }
        self.kind = kind
        self.object = index
    }

    /// The task as a sentence.
    package func instruction(in scene: Scene) -> String {
        let name = scene.objects[object].name
        return switch kind {
        case .reach:
            scene.reachAim == nil ? "move the gripper above the \(name)" : "move the gripper above the bare table"
        case .push: "push the \(name) onto the yellow square"
        case .pickPlace: "put the \(name) in the tray"
        }
    }

    /// Metres from the place that counts within which the task is done.
    private static let reachTolerance = 0.025
    private static let pushTolerance = 0.03
    /// Metres that the tool point must be away from what it has let go.
    private static let releasedDistance = 0.05

    /// How far `reach` goes above the object's middle, metres.
    package static func hover(above object: Scene.Object) -> Double { object.height / 2 + 0.05 }

    /// The point that `reach` is about, base frame.
    /// - Parameter place: place of the object's middle.
    package func reachPoint(above place: Vector3, in scene: Scene) -> Vector3 {
        let object = scene.objects[object]
        guard let aim = scene.reachAim else { return place + [0, 0, Self.hover(above: object)] }
        return [aim.x, aim.y, object.height / 2 + Self.hover(above: object)]
    }

    /// Whether no place is so near to what two scenes want that it counts in both; nil for pick-place, where trays are
    /// too large for that.
    package func isFarApart(in one: Scene, and other: Scene) -> Bool? {
        switch kind {
        case .reach:
            let points = [one, other].map { scene in
                let object = scene.objects[object]
                return reachPoint(above: [object.position.x, object.position.y, object.height / 2], in: scene)
            }
            return (points[0] - points[1]).length >= 2 * Self.reachTolerance
        case .push:
            guard let first = one.mark?.position, let second = other.mark?.position else { return false }
            return ((first - second) * (first - second)).sum().squareRoot() >= 2 * Self.pushTolerance
        case .pickPlace: return nil
        }
    }

    /// Whether the world is as the task wants it.
    package func isDone(in world: World) -> Bool {
        let place = world.pose(ofObject: object).translation
        let tool = world.baseFromEEF.translation
        switch kind {
        case .reach:
            return (tool - reachPoint(above: place, in: world.scene)).length < Self.reachTolerance
        case .push:
            guard let mark = world.scene.mark else { return false }
            let away = Vector3(place.x - mark.position.x, place.y - mark.position.y, 0)
            return away.length < Self.pushTolerance && place.z < world.scene.objects[object].height
        case .pickPlace:
            guard let tray = world.scene.tray else { return false }
            return tray.holds(place) && place.z < world.scene.objects[object].height
                && (tool - place).length > Self.releasedDistance && world.gripperOpening > 0.5
        }
    }
}
