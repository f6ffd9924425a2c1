import Files
import Images

/// Why a goal could not be loaded.
package enum GoalError: Error, Equatable, Sendable {
    case image(camera: String, error: ImageError)
    case library(GoalLibraryError)
    case cameraTwice(camera: String)
    case folder(FileError)
    /// The folder has no frame that matches; `found` holds the names that are there instead, in natural order.
    case noFrames(camera: String, folder: String, pattern: String, found: [String])
    case noSuchFrame(camera: String, folder: String, pattern: String, frame: Int, count: Int)
    /// The cameras of one episode have different numbers of frames: the same index would be two moments.
    case framesDiffer(folder: String, first: Count, other: Count)
    case description(EpisodeDescriptionError)
    /// The text was to come from an episode, but the images do not.
    case textWithoutEpisode
    case noInstruction(path: String)
    /// The goal's image has another size than the frames of its camera; pixels.
    case otherSize(camera: String, goal: Size, frames: Size, folder: String)

    /// Size of an image, in pixels.
    package struct Size: Equatable, Sendable {
        package let width: Int
        package let height: Int

        package init(width: Int, height: Int) {
            self.width = width
            self.height = height
        }
    }

    /// How many frames a camera has.
    package struct Count: Equatable, Sendable {
        package let camera: String
        package let frames: Int

        package init(camera: String, frames: Int) {
            self.camera = camera
            self.frames = frames
        }
    }
}

extension GoalError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .image(let camera, let error):
            "loading the goal of camera '\(camera)': \(error)"
        case .library(let error):
            error.description
        case .cameraTwice(let camera):
            "loading the goal: camera '\(camera)' has two images, expected one. Remove one of them from the manifest."
        case .folder(let error):
            "loading the goal's episode: \(error)"
        case .noFrames(let camera, let folder, let pattern, let found):
            "loading the goal of camera '\(camera)': \(folder) holds \(ImageFolder.summary(of: found)), expected at "
                + "least one file that matches '\(pattern)'. Correct the goal's folder or pattern in the manifest."
        case .noSuchFrame(let camera, let folder, let pattern, let frame, let count):
            "loading the goal of camera '\(camera)': frame \(frame) was asked for, \(folder) has \(count) that match "
                + "'\(pattern)'. Take one of 0...\(count - 1), or -1 for the last."
        case .framesDiffer(let folder, let first, let other):
            "loading the goal from \(folder): camera '\(first.camera)' has \(first.frames) frames and "
                + "'\(other.camera)' \(other.frames), expected as many. The same index would show two moments: "
                + "correct the patterns, or name the goal's files one by one."
        case .description(let error):
            error.description
        case .textWithoutEpisode:
            "loading the goal: its text is to come from an episode, but its images do not, expected an episode folder. "
                + "Write the text itself into the manifest, or take the images from the episode too."
        case .noInstruction(let path):
            "loading the goal's text: \(path) has no 'language_instruction', expected a sentence there. Add it, or "
                + "write the text into the manifest."
        case .otherSize(let camera, let goal, let frames, let folder):
            "loading the goal: the image of camera '\(camera)' is \(goal.width)x\(goal.height), its frames in "
                + "\(folder) are \(frames.width)x\(frames.height), expected the same size. Goal and view are compared "
                + "pixel by pixel: record the goal with the same camera."
        }
    }
}
