/// The origin of a goal, as the manifest says it.
package struct GoalSource: Equatable, Sendable {
    /// The origin of the goal images.
    package enum Views: Equatable, Sendable {
        /// The policy gets no goal image.
        case none
        case files([File])
        case episode(Episode)
    }

    /// One camera's goal as a PNG or JPEG file.
    package struct File: Equatable, Sendable {
        /// The camera's name: `primary`, `wrist`.
        package var camera: String
        package var path: String

        package init(camera: String, path: String) {
            self.camera = camera
            self.path = path
        }
    }

    /// A moment of a recorded episode: what was reached then is asked for again (hindsight goal).
    package struct Episode: Equatable, Sendable {
        /// Which files of the folder one camera took.
        package struct View: Equatable, Sendable {
            package var camera: String
            /// A shell pattern for file names: `image_0_*.png`.
            package var pattern: String

            package init(camera: String, pattern: String) {
                self.camera = camera
                self.pattern = pattern
            }
        }

        /// Path of the folder.
        package var folder: String
        package var views: [View]
        /// Index of the frame in the natural order of the files, from 0; negative ones count from the end, -1 is the
        /// last.
        package var frame: Int

        package init(folder: String, views: [View], frame: Int = -1) {
            self.folder = folder
            self.views = views
            self.frame = frame
        }
    }

    /// The sentence that goes with the images, or stands alone.
    package enum Text: Equatable, Sendable {
        case none
        /// This sentence; an empty one is none.
        case given(String)
        /// The `language_instruction` of the episode's `episode.json`.
        case ofEpisode
    }

    /// Name for people; nil takes the file's or the episode's name.
    package var name: String?
    package var views: Views
    package var text: Text

    package init(name: String? = nil, views: Views, text: Text = .none) {
        self.name = name
        self.views = views
        self.text = text
    }

    /// No goal: the policy runs unconditioned.
    package static let none = GoalSource(views: .none)
}
