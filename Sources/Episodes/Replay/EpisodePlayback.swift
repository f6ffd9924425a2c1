import Messages
import Recording
import Time

/// An episode's messages, each when its time has come. Reads the file, and is told the time; sends nothing.
package struct EpisodePlayback {
    /// What of the episode is played, and how fast.
    package struct Options: Equatable, Sendable {
        package var selection: ReplaySelection
        package var schedule: ReplaySchedule.Options
        /// Start of the playback, after the episode's first message; what holds then (goal, statuses) is played first.
        package var from: Duration?
        package var to: Duration?
        package var loops: Bool
        /// Whether steps are messages, and not the policy's observations.
        package var stepsByMessage: Bool

        package init(
            selection: ReplaySelection = ReplaySelection(), schedule: ReplaySchedule.Options = .init(),
            from: Duration? = nil,
            to: Duration? = nil, loops: Bool = false, stepsByMessage: Bool = false
        ) {
            self.selection = selection
            self.schedule = schedule
            self.from = from
            self.to = to
            self.loops = loops
            self.stepsByMessage = stepsByMessage
        }
    }
    /// What the shell does next.
    package enum Action {
        /// A message to be published at once on `topic`; then `confirm`. Asked again without, it is the same message.
        case publish(EpisodeMessage, topic: String)
        case wait(until: MonotonicTime)
        /// Stop: nothing more is played until `step`.
        case pause(at: MonotonicTime)
        case end
    }
    private static let observations = "policy/observation"

    private let file: EpisodeFile
    private let options: Options
    /// Recorded times of what is played.
    package let times: ClosedRange<MonotonicTime>
    /// The topic whose messages are the steps; nil, as without observations: each message is a step.
    private let stepTopic: String?
    private let standing: [EpisodeMessage]
    private var standingLeft: ArraySlice<EpisodeMessage>
    private var messages: EpisodeMessages
    private var upcoming: EpisodeMessage?
    private var schedule: ReplaySchedule
    private var hasPlayed = false
    package private(set) var rounds = 1

    /// Prepares to play an episode from `now` on.
    /// - Throws: what reading the file throws; also for an empty range, and one that is not in the episode.
    package init(_ file: EpisodeFile, _ options: Options, at now: MonotonicTime) throws {
        self.file = file
        self.options = options
        let statistics = file.reader.statistics
        guard statistics.messageCount > 0 else { throw PlaybackError.empty(path: file.path) }
        let first = file.startTime
        let last = MonotonicTime(nanoseconds: Int64(clamping: statistics.endTime))
        let from = first + (options.from ?? .zero)
        let to = options.to.map { min(first + $0, last) } ?? last
        guard from <= to else {
            throw PlaybackError.outside(
                path: file.path, from: options.from ?? .zero, to: options.to, duration: last - first)
        }
        times = from...to
        let hasObservations = file.reader.topics.contains(Self.observations)
        stepTopic = hasObservations && !options.stepsByMessage ? Self.observations : nil
        standing = options.from == nil ? [] : try Self.standing(in: file, before: from)
        standingLeft = standing[...]
        messages = file.messages(in: times)
        schedule = ReplaySchedule(options.schedule, from: from, at: now)
    }

    /// The last message of each topic whose value holds until the next.
    private static func standing(
        in file: EpisodeFile, before start: MonotonicTime
    ) throws(EpisodeFileError) -> [EpisodeMessage] {
        let topics = file.reader.channels.values.filter { channel in
            StampedTypes.isLatched(file.reader.schemas[channel.schemaID]?.name ?? channel.metadata["bus_schema"] ?? "")
        }
        guard !topics.isEmpty, start.nanoseconds > 0 else { return [] }
        var last: [String: EpisodeMessage] = [:]
        var messages = file.messages(
            ofTopics: Set(topics.map(\.topic)), in: .zero...MonotonicTime(nanoseconds: start.nanoseconds - 1))
        while let message = try messages.next() { last[message.topic] = message }
        return last.sorted { $0.key < $1.key }.map(\.value)
    }

    package var timeline: ReplayTimeline { schedule.timeline }
    /// How far behind its time a message was sent at most, and how much time was given up for slow readers.
    package var delays: (latest: Duration, heldBack: Duration) { (schedule.latest, schedule.heldBack) }
    package var steps: Int { schedule.steps }

    /// Lets the playback go on to the next step, where it is stepping.
    package mutating func step() { schedule.step() }

    /// Time has not passed for the episode until now: it was waited for readers.
    package mutating func begin(at now: MonotonicTime) { schedule.restart(from: times.lowerBound, at: now) }

    /// The message that was handed out is sent, or will never be.
    package mutating func confirm() {
        if !standingLeft.isEmpty {
            standingLeft.removeFirst()
        } else {
            upcoming = nil
            hasPlayed = true
            schedule.sent()
        }
    }

    /// What is to be done now: send a message, wait, or end.
    package mutating func next(at now: MonotonicTime) throws(EpisodeFileError) -> Action {
        while let held = standingLeft.first {
            if let topic = name(of: held) { return .publish(held, topic: topic) }
            standingLeft.removeFirst()
        }
        while true {
            if upcoming == nil { upcoming = try messages.next() }
            guard let message = upcoming else {
                let end = timeline.present(of: times.upperBound)
                if now < end { return .wait(until: end) }
                // One in which nothing is left after the selection would go round without end in no time.
                guard options.loops, hasPlayed, times.lowerBound < times.upperBound else { return .end }
                restart(at: now)
                continue
            }
            let topic = name(of: message)
            let beginsStep = stepTopic.map { $0 == message.topic } ?? (topic != nil)
            guard topic != nil || beginsStep else {
                upcoming = nil
                continue
            }
            switch schedule.verdict(on: message.logTime, beginsStep: beginsStep, at: now) {
            case .wait(let until): return .wait(until: until)
            case .pause: return .pause(at: message.logTime)
            case .send:
                if let topic { return .publish(message, topic: topic) }
                // A step that begins with a message that is not played.
                upcoming = nil
                schedule.sent()
            }
        }
    }

    private func name(of message: EpisodeMessage) -> String? {
        options.selection.name(
            ofTopic: message.topic, schema: message.envelope.schema, node: message.envelope.sourceNode)
    }

    private mutating func restart(at now: MonotonicTime) {
        rounds += 1
        hasPlayed = false
        standingLeft = standing[...]
        messages = file.messages(in: times)
        schedule.restart(from: times.lowerBound, at: now)
    }
}

/// Why an episode cannot be played.
package enum PlaybackError: Error, Equatable, CustomStringConvertible {
    case empty(path: String)
    case outside(path: String, from: Duration, to: Duration?, duration: Duration)

    package var description: String {
        switch self {
        case .empty(let path):
            "playing \(path): it has no messages, expected at least one. See 'octo-replay info \(path)'."
        case .outside(let path, let from, let to, let duration):
            "playing \(path) from \(from.inSeconds.decimals(2)) "
                + "s\(to.map { " to \($0.inSeconds.decimals(2)) s" } ?? ""): found that it has "
                + "\(duration.inSeconds.decimals(2)) s, expected a part of that. Give another --from or --to."
        }
    }
}
