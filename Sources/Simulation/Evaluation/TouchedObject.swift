import Maths
import Simulation

/// Whether an episode's arm went for the object that the task is about.
package enum TouchedObject: String, CaseIterable, Sendable {
    case right
    case wrong
    case none

    /// Metres that an object must have moved to count: more than a touch in passing, less than any push that is meant.
    private static let least = 0.02
    /// Metres from the point above an object within which the tool counts as being there.
    private static let near = 0.05

    /// Judges from where things were and are. A task that moves its object is judged by the object that moved farthest,
    /// one that only goes there by the object that the tool is nearest to in the end.
    /// - Parameters:
    ///   - start: places of the scene's objects at the beginning, base frame.
    ///   - end: places of the objects at the end, in the same order.
    ///   - tool: place of the tool point at the end.
    package init(_ task: ManipulationTask, in scene: Scene, start: [Vector3], end: [Vector3], tool: Vector3) {
        let found: Int?
        switch task.kind {
        case .reach:
            let distances = zip(end, scene.objects).map { place, object in
                (tool - place - [0, 0, ManipulationTask.hover(above: object)]).length
            }
            found = distances.indices.min { distances[$0] < distances[$1] }.flatMap {
                distances[$0] <= Self.near ? $0 : nil
            }
        case .push, .pickPlace:
            let ways = zip(start, end).map { ($1 - $0).length }
            found = ways.indices.max { ways[$0] < ways[$1] }.flatMap { ways[$0] >= Self.least ? $0 : nil }
        }
        self = found.map { $0 == task.object ? .right : .wrong } ?? .none
    }
}
