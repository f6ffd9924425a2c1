import Images
import Time

/// An episode as learners want it: one timestep after the other, at the policy's rate.
package struct ExportedEpisode: Sendable {
    package struct Timestep: Sendable {
        package var time: MonotonicTime
        /// Bridge's: x y z (metres), roll pitch yaw (radians), gripper (1 open), as measured.
        package var state: [Float]
        /// Bridge's: what was commanded from this timestep to the next, and the gripper's target.
        package var action: [Float]
        /// By camera: a JPEG or PNG file.
        package var pictures: [String: SharedBytes]
    }

    package enum Outcome: String, Sendable {
        case open, success, failure, discarded
    }

    package var path: String
    package var name: String
    package var timesteps: [Timestep]
    /// The goal's text, or what it was called; may be empty.
    package var instruction: String
    package var outcome: Outcome
    package var seed: UInt64
    /// Timesteps last so long.
    package var period: Duration
    package var grid: TimestepGrid
    /// Frames that were encoded anew, for they were no JPEG, or of another size.
    package var reencoded: [String: Int]
}

/// Why an episode cannot be exported.
package enum ExportError: Error, Equatable {
    case noCameras(path: String)
    case unknownCamera(String, path: String, known: [String])
    case noRate(path: String)
    case tooShort(path: String, timesteps: Int)
    case gaps(path: String, [TimestepGrid.Gap], start: MonotonicTime)
    case missing(path: String, what: String)
    case picture(path: String, camera: String, ImageError)
    case otherSize(path: String, camera: String, found: String, expected: String)
}

extension ExportError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noCameras(let path): "exporting \(path): there are no camera frames in it, expected some. Was it cut before they came?"
        case .unknownCamera(let camera, let path, let known):
            "exporting \(path): there is no camera '\(camera)' in it, only [\(known.joined(separator: ", "))]. Name one of those."
        case .noRate(let path):
            "exporting \(path): neither observations of a policy nor a manifest say at which rate, expected one of them. Give --rate."
        case .tooShort(let path, let timesteps):
            "exporting \(path): it has \(timesteps) timesteps at which all cameras and the arm are there, expected two or more. Leave "
                + "it out."
        case .gaps(let path, let gaps, let start):
            "exporting \(path): " + gaps.prefix(3).map { Self.words($0, start) }.joined(separator: "; ")
                + (gaps.count > 3 ? "; and \(gaps.count - 3) more" : "")
                + ". Leave the episode out, or keep those old pictures with --allow-gaps."
        case .missing(let path, let what):
            "exporting \(path): \(what) is not attached, expected it in what octo-record writes. Was the file recorded by something "
                + "else, or cut before its beginning?"
        case .picture(let path, let camera, let problem): "exporting \(path): a frame of '\(camera)': \(problem)"
        case .otherSize(let path, let camera, let found, let expected):
            "exporting \(path): pictures of '\(camera)' are \(found), those of the episodes before \(expected). Give --size, so that all "
                + "have one."
        }
    }

    private static func words(_ gap: TimestepGrid.Gap, _ start: MonotonicTime) -> String {
        "at \((gap.start - start).inSeconds.decimals(1)) s the newest frame of '\(gap.camera)' is up to "
            + "\(Int(gap.age.inMilliseconds)) ms old, for \(gap.timesteps) timesteps"
    }
}
