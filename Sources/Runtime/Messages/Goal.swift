import Images
import Time

/// What the robot is asked to reach: an image per camera, a sentence, both, or nothing at all.
package struct Goal: Equatable, Sendable {
    /// The goal seen by one camera, at the size it was taken.
    package struct View: Equatable, Sendable {
        package var camera: String
        package var image: RGBImage

        package init(camera: String, image: RGBImage) {
            self.camera = camera
            self.image = image
        }
    }

    /// What a goal was made from.
    package enum Origin: Hashable, Sendable {
        /// Nobody knows, or there is no goal.
        case unknown
        /// A sentence.
        case text
        /// Picture files.
        case images(paths: [String])
        /// A moment of a recorded episode.
        case episode(path: String, frame: Int)
        /// A folder of a goal library, which holds its record.
        case library(folder: String)
        /// The simulated world, after the task was solved.
        case simulation
    }

    /// Changes whenever the goal does; travels in every chunk made for it. Empty: no goal is set.
    package var id: String
    package var name: String
    /// Sorted by camera name, each camera once.
    package var views: [View]
    package var text: String?
    /// What an image encoder with FiLM layers reads of the task, by key; empty: what the manifest says holds.
    package var taskNumbers: [String: [Float]]
    package var origin: Origin

    package init(
        id: String, name: String, views: [View], text: String?, taskNumbers: [String: [Float]] = [:],
        origin: Origin = .unknown
    ) {
        self.id = id
        self.name = name
        self.views = views.sorted { $0.camera < $1.camera }
        self.text = text
        self.taskNumbers = taskNumbers
        self.origin = origin
    }

    /// No goal: the policy is unconditioned.
    package static let none = Goal(id: "", name: "none", views: [], text: nil)

    package var isNone: Bool { views.isEmpty && text == nil }
}
