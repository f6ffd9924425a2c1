/// Names of the metadata records in which an episode's file says what it is.
package enum RecordName {
    /// Name and beginning, written with the first message.
    package static let begin = "episode/begin"
    /// Outcome and notes, written as soon as somebody gives them; the last one counts.
    package static let said = "episode/said"
    /// Everything, written when the episode ends.
    package static let end = "episode"
    /// Outcome and notes that were given after the end.
    package static let amended = "episode/amended"
    /// How many messages of each topic there should be, and are.
    package static let sequences = "sequences"
}

extension EpisodeFile {
    /// Reads what the file says of the episode: from its end, or, where that was cut off, from its beginning and from
    /// what people said until then. Empty for a file that says nothing.
    package func facts() throws(EpisodeFileError) -> [String: String] {
        if let whole = try metadata(named: RecordName.end) { return whole }
        let begun = try metadata(named: RecordName.begin) ?? [:]
        return begun.merging(try metadata(named: RecordName.said) ?? [:]) { $1 }
    }
}
