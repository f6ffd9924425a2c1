import Images
import Time

/// What all episodes of a dataset have in common: a learner reads one rate, one set of cameras and one robot from it.
package struct DatasetForm: Equatable, Sendable {
    /// A camera with the size of its pictures.
    package struct Picture: Equatable, Sendable {
        package var camera: String
        /// Width of the pictures, pixels.
        package var width: Int
        /// Height of the pictures, pixels.
        package var height: Int
    }

    /// How long a timestep lasts.
    package var period: Duration
    /// The arm's name, as its calibration says.
    package var arm: String
    package var joints: [String]
    /// Pictures of each camera, ascending by its name.
    package var pictures: [Picture]

    package init(of episode: ExportedEpisode) throws(ImageError) {
        period = episode.period
        arm = episode.arm
        joints = episode.joints
        pictures = []
        for (camera, picture) in (episode.timesteps.first?.pictures ?? [:]).sorted(by: { $0.key < $1.key }) {
            let image = try RGBImage(decoding: picture, source: "camera '\(camera)'")
            pictures.append(Picture(camera: camera, width: image.width, height: image.height))
        }
    }

    /// Checks that an episode has this form.
    /// - Throws: `ExportError.otherForm` for the first thing that differs, `ImageError` for a picture that cannot be
    ///   decoded.
    package func check(_ episode: ExportedEpisode) throws {
        let found = try DatasetForm(of: episode)
        func require(_ what: String, _ found: String, _ expected: String, _ mend: String) throws(ExportError) {
            if found != expected {
                throw .otherForm(path: episode.path, what: what, found: found, expected: expected, mend: mend)
            }
        }
        func hertz(_ period: Duration) -> String {
            let value = (1e3 / period.inSeconds).rounded() / 1e3
            return value == value.rounded() ? "\(Int(value)) Hz" : "\(value) Hz"
        }
        func names(_ pictures: [Picture]) -> String { "[" + pictures.map(\.camera).joined(separator: ", ") + "]" }
        try require("its rate", hertz(found.period), hertz(period), "Give --rate, so that all are sampled alike")
        try require("its arm", found.arm, arm, "Write a dataset for each arm")
        try require(
            "its joints", "[" + found.joints.joined(separator: ", ") + "]", "[" + joints.joined(separator: ", ") + "]",
            "Write a dataset for each arm")
        try require("its cameras", names(found.pictures), names(pictures), "Give --cameras with those that all have")
        for (one, other) in zip(found.pictures, pictures) {
            try require(
                "the pictures of '\(one.camera)'", "\(one.width)x\(one.height)", "\(other.width)x\(other.height)",
                "Give --size, so that all have one")
        }
    }
}
