import JSONTree
import Time

/// Report on what a resampled dataset does not have of its recordings; it lies beside the data.
package struct ExportReport: Sendable {
    private var episodes: [(about: ExportedEpisode, timesteps: Int)] = []
    /// Paths of episodes that were left out, and why.
    private var skipped: [(path: String, why: String)] = []

    package init() {}

    package mutating func add(_ episode: ExportedEpisode) {
        // They are in the dataset.
        var about = episode
        about.timesteps = []
        about.grid.timesteps = []
        episodes.append((about, episode.timesteps.count))
    }

    package mutating func skip(_ path: String, because why: String) { skipped.append((path, why)) }

    package var count: Int { episodes.count }
    package var timesteps: Int { episodes.reduce(0) { $0 + $1.timesteps } }

    package var json: JSONNode {
        func milliseconds(_ duration: Duration) -> JSONNode {
            JSONNode(number: (duration.inMilliseconds * 1000).rounded() / 1000)
        }
        return .object([
            "episodes": JSONNode(
                .array(
                    episodes.map { episode, timesteps in
                        .object([
                            "path": JSONNode(episode.path), "timesteps": JSONNode(timesteps),
                            "period_s": JSONNode(number: episode.period.inSeconds),
                            "outcome": JSONNode(episode.outcome.rawValue),
                            "instruction": JSONNode(episode.instruction),
                            "angles_unwrapped": JSONNode(episode.unwrapped),
                            "maximum_state_skew_ms": milliseconds(episode.grid.maximumStateSkew),
                            "cameras": JSONNode(
                                .array(
                                    episode.grid.cameras.map { camera in
                                        .object([
                                            "camera": JSONNode(camera.camera), "frames": JSONNode(camera.frames),
                                            "used": JSONNode(camera.used), "dropped": JSONNode(camera.dropped),
                                            "repeated": JSONNode(camera.repeated),
                                            "reencoded": JSONNode(episode.reencoded[camera.camera] ?? 0),
                                            "mean_skew_ms": milliseconds(camera.meanSkew),
                                            "maximum_skew_ms": milliseconds(camera.maximumSkew),
                                        ])
                                    })),
                            "gaps": JSONNode(
                                .array(
                                    episode.grid.gaps.map { gap in
                                        .object([
                                            "camera": JSONNode(gap.camera), "timesteps": JSONNode(gap.timesteps),
                                            "age_ms": milliseconds(gap.age),
                                        ])
                                    })),
                        ])
                    })),
            "skipped": JSONNode(
                .array(skipped.map { .object(["path": JSONNode($0.path), "why": JSONNode($0.why)]) })),
        ])
    }

    /// A line for each camera of each episode.
    package var text: String {
        var lines: [String] = []
        for (episode, timesteps) in episodes {
            lines.append("\(episode.path): \(timesteps) timesteps, \(episode.outcome.rawValue)")
            if episode.unwrapped > 0 {
                lines.append(
                    "  angles go on beyond ±180° at \(episode.unwrapped) timesteps (the file has them as measured)")
            }
            for camera in episode.grid.cameras {
                let anew = episode.reencoded[camera.camera] ?? 0
                lines.append(
                    "  \(camera.camera): \(camera.used) of \(camera.frames) frames used, \(camera.dropped) dropped, "
                        + "\(camera.repeated) repeated, at most \(Int(camera.maximumSkew.inMilliseconds.rounded())) "
                        + "ms old"
                        + (anew > 0 ? ", \(anew) encoded anew" : ""))
            }
            for gap in episode.grid.gaps {
                lines.append(
                    "  \(gap.camera): \(gap.timesteps) timesteps with a picture up to \(Int(gap.age.inMilliseconds)) "
                        + "ms old"
                )
            }
        }
        return (lines + skipped.map { "\($0.path): left out, \($0.why)" }).joined(separator: "\n")
    }
}
