/// Why an episode, or something in it, cannot be had.
package enum EpisodeShelfError: Error, Equatable, Sendable {
    case noSuchAddress
    case noSuchEpisode(String)
    case beingRecorded(String)
    case noPictures(String)
    /// The moment is before the camera's first picture.
    case noPictureYet(String, camera: String)
    case noCamera(String, camera: String, known: [String])
    case noSuchPicture(String, camera: String, index: String, count: Int)
    case unreadable(String)
}

extension EpisodeShelfError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noSuchAddress:
            "nothing has this address. See /api/episodes for the episodes, and /api/episodes/ID for what one holds."
        case .noSuchEpisode(let id):
            "looking for episode '\(id.prefix(200))': it is not among those of the console. Load the list again: it "
                + "may have been moved or removed."
        case .beingRecorded(let id):
            "episode '\(id)' is still being recorded. Stop it first, then it can be looked at."
        case .noPictures(let id): "episode '\(id)' has no camera's pictures."
        case .noPictureYet(let id, let camera):
            "episode '\(id)' has no picture of '\(camera)' so early. Choose a later moment."
        case .noCamera(let id, let camera, let known):
            "episode '\(id)' has no pictures of '\(camera.prefix(80))', but of "
                + "\(known.isEmpty ? "no camera" : known.joined(separator: ", "))."
        case .noSuchPicture(let id, let camera, let index, let count):
            "episode '\(id)' has no picture \(index) of '\(camera)', but \(count), counted from 0."
        case .unreadable(let words): words
        }
    }

    /// The answer to who asked for it.
    package var response: WebResponse {
        switch self {
        case .noSuchAddress, .noSuchEpisode, .noCamera, .noSuchPicture, .noPictures, .noPictureYet:
            WebResponse.error(404, description)
        case .beingRecorded, .unreadable: WebResponse.error(409, description)
        }
    }
}
