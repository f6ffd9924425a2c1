import Files
import Images
import Time

/// An episode as learners want it: one timestep after the other, at the policy's rate.
package struct ExportedEpisode: Sendable {
    /// What was seen, measured and commanded at one timestep.
    package struct Timestep: Sendable {
        package var time: MonotonicTime
        /// Measured state in Bridge's layout: x y z (metres), roll pitch yaw (radians), gripper (1 open).
        package var state: [Float]
        /// Action in Bridge's layout: what was commanded from this timestep to the next, and the gripper's target.
        package var action: [Float]
        /// Measured joint positions, degrees, and the gripper's opening, 0...100: LeRobot's units.
        package var jointState: [Float]
        /// Joint positions and gripper commanded for the next timestep, in the same units.
        package var jointAction: [Float]
        /// A JPEG or PNG file for each camera, by its name.
        package var pictures: [String: SharedBytes]
    }

    /// What people said of the episode; `open` when nobody said anything.
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
    /// Duration of a timestep.
    package var period: Duration
    package var grid: TimestepGrid
    /// Numbers of frames by camera that were encoded anew, for they were no JPEG, or of another size.
    package var reencoded: [String: Int]
    /// The arm's name, as its calibration says.
    package var arm: String
    /// Names of the joints, without the gripper.
    package var joints: [String]
    /// Number of timesteps whose angles were carried on beyond ±180°, where the arm's had wrapped.
    package var unwrapped: Int
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
    /// An episode that is not like those before it in the dataset.
    case otherForm(path: String, what: String, found: String, expected: String, mend: String)
    /// The format cannot hold the rate.
    case rate(found: Double)
}

extension ExportError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noCameras(let path):
            "exporting \(path): there are no camera frames in it, expected some. Was it cut before they came?"
        case .unknownCamera(let camera, let path, let known):
            "exporting \(path): there is no camera '\(camera)' in it, only [\(known.joined(separator: ", "))]. Name "
                + "one of those."
        case .noRate(let path):
            "exporting \(path): neither observations of a policy nor a manifest say at which rate, expected one of "
                + "them. Give --rate."
        case .tooShort(let path, let timesteps):
            "exporting \(path): it has \(timesteps) timesteps at which all cameras and the arm are there, expected "
                + "two or more. Leave it out."
        case .gaps(let path, let gaps, let start):
            "exporting \(path): " + gaps.prefix(3).map { Self.words($0, start) }.joined(separator: "; ")
                + (gaps.count > 3 ? "; and \(gaps.count - 3) more" : "")
                + ". Leave the episode out, or keep those old pictures with --allow-gaps."
        case .missing(let path, let what):
            "exporting \(path): \(what) is not attached, expected it in what octo-record writes. Was the file "
                + "recorded by something else, or cut before its beginning?"
        case .picture(let path, let camera, let problem): "exporting \(path): a frame of '\(camera)': \(problem)"
        case .otherForm(let path, let what, let found, let expected, let mend):
            "exporting \(path): found \(what) to be \(found), expected \(expected) as of the episodes before. "
                + "\(mend), or leave it out."
        case .rate(let found):
            "writing a LeRobot dataset: found \(found.decimals(4)) timesteps a second, expected a whole number, for "
                + "that format holds no other. Give --rate, such as \(max(1, Int(found.rounded())))."
        }
    }

    private static func words(_ gap: TimestepGrid.Gap, _ start: MonotonicTime) -> String {
        "at \((gap.start - start).inSeconds.decimals(1)) s the newest frame of '\(gap.camera)' is up to "
            + "\(Int(gap.age.inMilliseconds)) ms old, for \(gap.timesteps) timesteps"
    }
}
