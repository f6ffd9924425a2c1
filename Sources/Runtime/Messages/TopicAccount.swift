/// One topic's messages in an episode: how many its nodes say that they sent, how many came to the recorder, and how
/// many the file holds.
package struct TopicAccount: Equatable, Sendable {
    package var topic: String
    /// Messages that the publishers counted, from the first message of the episode on.
    package var sent: UInt64
    /// Messages that came to the recorder and that it had room for in the file, before anything went wrong with the
    /// disk; nil in a file that was cut before it was said.
    package var taken: UInt64?
    /// Messages that were found in the file by reading it.
    package var inFile: UInt64
    /// Messages that are in the file more than once.
    package var repeated: UInt64

    package init(topic: String, sent: UInt64, taken: UInt64?, inFile: UInt64, repeated: UInt64 = 0) {
        self.topic = topic
        self.sent = sent
        self.taken = taken
        self.inFile = inFile
        self.repeated = repeated
    }

    /// Why the three differ; nil where they do not.
    package var difference: String? {
        var causes: [String] = []
        let distinct = inFile - min(repeated, inFile)
        if let taken {
            let came = taken - min(repeated, taken)
            if sent > came { causes.append("\(sent - came) lost on the way to the recorder") }
            if taken > inFile { causes.append("\(taken - inFile) that the disk did not take") }
        } else if sent > distinct {
            causes.append("\(sent - distinct) lost on the way to the recorder, or with the end of the file")
        }
        if repeated > 0 { causes.append("\(repeated) that came twice") }
        guard !causes.isEmpty else { return nil }
        return "\(topic): \(sent) sent, \(taken.map { "\($0) taken, " } ?? "")\(inFile) in the file: "
            + causes.joined(separator: ", ")
    }
}
