import Recording

/// Identity of the episode that a file is of: the same one may lie in several, cut and recovered.
struct EpisodeIdentity: Hashable {
    private let run: String
    private let name: String
    private let start: String

    /// Reads the identity of a file's episode.
    /// - Returns: nil for a file that does not say it.
    private init?(_ file: EpisodeFile) {
        guard let run = try? file.metadata(named: "run")?["run_id"], let facts = try? file.facts(),
            let start = facts["start_ns"]
        else { return nil }
        self.run = run
        self.start = start
        name = facts["name"] ?? ""
    }

    /// Finds files whose episode another one has better: whole goes before cut, more messages before fewer.
    /// - Returns: why each is not needed, by its path.
    static func worseCopies(among paths: [String]) -> [String: String] {
        var best: [EpisodeIdentity: (path: String, isWhole: Bool, messages: UInt64)] = [:]
        var worse: [String: String] = [:]
        for path in paths {
            // What cannot be read is said where it is to be used.
            guard let file = try? EpisodeFile(path: path), let identity = EpisodeIdentity(file) else { continue }
            let found = (path: path, isWhole: file.reader.isFinished, messages: file.reader.statistics.messageCount)
            guard let other = best[identity] else {
                best[identity] = found
                continue
            }
            let isBetter = (found.isWhole ? 1 : 0, found.messages) > (other.isWhole ? 1 : 0, other.messages)
            let (kept, left) = isBetter ? (found, other) : (other, found)
            best[identity] = kept
            worse[left.path] =
                "it is the same episode as \(kept.path), which has \(kept.messages) messages against \(left.messages)"
        }
        return worse
    }
}
