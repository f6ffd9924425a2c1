import JSONTree
import MCAPFiles
import Messages
import Recording
import Time

/// One line of the list of episodes: what a file says of itself where that is cheap to read.
struct EpisodeEntry: Equatable, Sendable {
    /// Outcomes that a file may tell; another is none.
    private static let outcomes = Set(EpisodeState.Outcome.allCases.map { "\($0)" })

    /// How much of the time before an episode the recorder keeps at most, ns.
    private static let longestLead: Int64 = 10_000_000_000

    var id: String
    var name: String
    /// When it began, as the recorder wrote it; for people.
    var started = ""
    /// Time of the first message on the clock of its run.
    var start: MonotonicTime?
    /// Time of the last message; nil in a file that has no end.
    var end: MonotonicTime?
    var outcome = "unknown"
    var bytes: Int64
    var messages: UInt64 = 0
    /// What was sent and is not in the file, in words.
    var missing: [String] = []
    var cameras: [String] = []
    /// Name of the last goal; empty: none, or it is not known.
    var goal = ""
    var notes: [String] = []
    var hasEnd: Bool
    var isBeingRecorded = false
    var problem: String?

    /// Reads the beginning and the end of a file. One that has no end is not read through.
    init(_ file: EpisodeOnDisk) {
        id = file.id
        bytes = file.stamp.bytes
        let last = file.path.split(separator: "/").last.map(String.init) ?? file.path
        name = last.hasSuffix(".mcap") ? String(last.dropLast(5)) : last
        hasEnd = false
        do {
            let source = try MCAPFile(path: file.path)
            hasEnd = try Self.hasEnd(source)
            if hasEnd {
                try readSummary(EpisodeFile(path: file.path))
            } else {
                try readBeginning(source)
            }
        } catch {
            problem = "\(error)"
        }
        // What says nothing of when it began is sorted by its last change.
        if started.isEmpty {
            started = String(WallTime(seconds: Double(file.stamp.seconds)).description.map { $0 == ":" ? "-" : $0 })
        }
    }

    /// Takes what a file says that was read through.
    init(_ file: EpisodeOnDisk, reading episode: EpisodeFile) {
        self.init(file)
        guard !hasEnd || problem != nil else { return }
        do {
            try readSummary(episode)
        } catch {
            problem = "\(error)"
        }
    }

    /// Whether the file ends as a finished one does.
    private static func hasEnd(_ source: MCAPFile) throws(MCAPError) -> Bool {
        let magic = UInt64(MCAP.magic.count)
        guard source.byteCount >= 2 * magic else { return false }
        return try source.read(at: source.byteCount - magic, count: MCAP.magic.count) == MCAP.magic
    }

    private mutating func readBeginning(_ source: MCAPFile) throws {
        guard try source.read(at: 0, count: MCAP.magic.count) == MCAP.magic else { throw MCAPError.magic(offset: 0) }
        problem = "the file was cut before its end; 'octo-replay recover' makes a whole one of it."
        take(try MCAPReader.metadata(named: RecordName.begin, atBeginningOf: source)?.metadata ?? [:])
    }

    private mutating func readSummary(_ file: EpisodeFile) throws(EpisodeFileError) {
        let statistics = file.reader.statistics
        messages = statistics.messageCount
        cameras = file.reader.topics.compactMap(EpisodeSeries.camera)
        take(try file.facts().merging(try file.metadata(named: RecordName.amended) ?? [:]) { $1 })
        // Without the recorder's account all messages would have to be read.
        if file.reader.isFinished, try file.metadata(named: RecordName.sequences) != nil {
            missing = try file.account().compactMap(\.difference)
        }
        if messages > 0 {
            let first = MonotonicTime(nanoseconds: Int64(clamping: statistics.startTime))
            let last = MonotonicTime(nanoseconds: Int64(clamping: statistics.endTime))
            start = start.map { Self.beginning(from: $0, first: first) } ?? first
            end = max(end ?? last, last)
        }
        if hasEnd { problem = file.reader.problems.first?.description }
    }

    /// Where an episode begins to be seen. Messages of the last seconds before the start are in the file, too; what
    /// stands, such as the goal, may be from long before.
    private static func beginning(from start: MonotonicTime, first: MonotonicTime) -> MonotonicTime {
        // The stamps of a file can be any.
        let (earliest, isTooEarly) = start.nanoseconds.subtractingReportingOverflow(longestLead)
        return isTooEarly ? start : max(min(start, first), MonotonicTime(nanoseconds: earliest))
    }

    private mutating func take(_ facts: [String: String]) {
        if let text = facts["name"], !text.isEmpty { name = text }
        started = facts["wall_start"] ?? ""
        start = facts["start_ns"].flatMap { Int64($0) }.map { MonotonicTime(nanoseconds: $0) }
        end = facts["end_ns"].flatMap { Int64($0) }.map { MonotonicTime(nanoseconds: $0) }
        if let text = facts["outcome"], Self.outcomes.contains(text) { outcome = text }
        notes = facts["notes"].map { $0.split(separator: "\n").map(String.init) } ?? []
        goal = facts["goals"]?.split(separator: "\n").last.map(String.init) ?? ""
    }

    /// Length of the episode so far, seconds; 0 where nobody knows.
    private func seconds(at now: MonotonicTime) -> Double {
        guard let start, let end = isBeingRecorded ? now : end, end >= start else { return 0 }
        // The stamps of a file can be any: their difference may not fit.
        return (Double(end.nanoseconds) - Double(start.nanoseconds)) * 1e-9
    }

    /// The members of the entry's JSON object.
    /// - Parameter now: the end so far of an episode that is being recorded.
    func members(at now: MonotonicTime) -> [JSONNode.Member] {
        func texts(_ texts: [String]) -> JSONNode { JSONNode(.array(texts.map { JSONNode($0) })) }
        var members: [JSONNode.Member] = [
            .init(key: "id", value: JSONNode(id)), .init(key: "name", value: JSONNode(name)),
            .init(key: "started", value: JSONNode(started)),
            .init(key: "seconds", value: JSONNode(number: EpisodeSeries.rounded(seconds(at: now)))),
            // While it is recorded nobody has said how it ended.
            .init(key: "outcome", value: JSONNode(isBeingRecorded ? "\(EpisodeState.Outcome.open)" : outcome)),
            .init(key: "bytes", value: JSONNode(bytes)),
            .init(key: "messages", value: JSONNode(Int64(clamping: messages))),
            .init(key: "missing", value: texts(missing)), .init(key: "cameras", value: texts(cameras)),
            .init(key: "goal", value: JSONNode(goal)), .init(key: "notes", value: texts(notes)),
            .init(key: "recording", value: JSONNode(.bool(isBeingRecorded))),
        ]
        // What is still being written has no end, which is no damage.
        if let problem, !isBeingRecorded { members.append(.init(key: "problem", value: JSONNode(problem))) }
        return members
    }
}
