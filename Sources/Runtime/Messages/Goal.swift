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

    /// Changes whenever the goal does; travels in every chunk made for it. Empty: no goal is set.
    package var id: String
    package var name: String
    /// Sorted by camera name, each camera once.
    package var views: [View]
    package var text: String?
    /// Origin of the goal, for people: a file, or an episode with the frame's index.
    package var source: String

    package init(id: String, name: String, views: [View], text: String?, source: String) {
        self.id = id
        self.name = name
        self.views = views.sorted { $0.camera < $1.camera }
        self.text = text
        self.source = source
    }

    /// No goal: the policy is unconditioned.
    package static let none = Goal(id: "", name: "none", views: [], text: nil, source: "")

    package var isNone: Bool { views.isEmpty && text == nil }
}
