import JSONTree
import Manifests
import Messages
import Time

/// What a run came to, for people and programs.
package struct RunSummary: Sendable {
    /// Quantiles of a latency over the run.
    package struct Latency: Equatable, Sendable {
        package var count: Int64
        package var p50: Duration
        package var p99: Duration
        package var maximum: Duration

        init(_ histogram: LatencyHistogram) {
            count = histogram.count
            p50 = histogram.quantile(0.5)
            p99 = histogram.quantile(0.99)
            maximum = histogram.maximum
        }
    }

    /// An episode: what its recorder said of it last, and what its file was found to hold after the end.
    package struct Episode: Equatable, Sendable {
        /// What was found in the episode's file.
        package enum File: Equatable, Sendable {
            /// Nobody has looked into the file.
            case unread
            case unreadable(String)
            case read(messages: Int64, isWhole: Bool, topics: [TopicAccount] = [])
        }

        package var state: EpisodeState
        package var file = File.unread

        /// Whether all that the recorder took is there.
        package var isWhole: Bool {
            switch file {
            case .unread: true
            case .unreadable: false
            case .read(let messages, let isWhole, _): isWhole && messages >= state.messages
            }
        }

        /// Number of messages in the file; nil where nobody has looked, or nothing can be read.
        var messagesInFile: Int64? { if case .read(let messages, _, _) = file { messages } else { nil } }

        /// Accounts of the messages by topic; empty where nobody has looked, or nothing can be read.
        package var topics: [TopicAccount] { if case .read(_, _, let topics) = file { topics } else { [] } }

        /// One line for people.
        package var text: String {
            let missing = "\(state.missing) missing"
            switch file {
            case .unread: return "\(state.path): \(state.messages) messages, \(missing)"
            case .unreadable(let problem): return "\(state.path): cannot be read back: \(problem)"
            case .read(let messages, true, _) where messages >= state.messages:
                return "\(state.path): \(messages) messages, \(missing)"
            case .read(let messages, true, _):
                return
                    "\(state.path): \(messages) messages; \(state.messages - messages) more came to the recorder and "
                    + "are "
                    + "not in the file: "
                    + "\(state.missing > 0 ? "the disk did not take them" : "they were lost with its process")"
            case .read(let messages, false, _):
                return
                    "\(state.path): cut, with \(messages) of \(state.messages) messages; 'octo-replay recover "
                    + "\(state.path)' "
                    + "makes it whole"
            }
        }
    }

    /// What came of the task that the simulated world judges.
    package enum TaskOutcome: Equatable, Sendable {
        case notReached
        /// The goal was reached, counted from the arm's first motion.
        case reached(after: Duration)
    }

    package var robot: String
    package var runID: String
    package var outcome: Supervisor.Outcome
    /// Time of the run in which all nodes had been ready; zero when it did not come to that.
    package var duration: Duration
    package var frames: Int64
    package var observations: Int64
    /// Numbers of frames that could not be decoded, and of those that could although something was odd about them, as
    /// the policy counts.
    package var unreadableFrames: Int64
    package var mendedFrames: Int64
    package var chunks: Int64
    package var frameToChunk: Latency
    package var frameToFirstSetpoint: Latency
    package var jitter: Latency
    /// Turns of the control loop, and those of them that came too late.
    package var ticks: Int64
    package var overruns: Int64
    /// How often the arm sent nothing until it had found its place anew, after a long silence of loop or servos.
    package var pauses: Int64
    package var loop: LoopReport?
    package var chunkOutcomes: [ChunkReport.Outcome: Int64]
    /// Number of messages lost where each counts.
    package var lost: Int64
    /// Number of messages passed over for newer ones where only the newest counts: no fault.
    package var superseded: Int64
    /// How often each node was started again.
    package var restarts: [(node: String, count: Int)]
    /// What came of the simulated world's task; nil where none was set.
    package var task: TaskOutcome?
    /// Episodes that were recorded.
    package var episodes: [Episode]

    /// Makes the summary of a run that has ended.
    /// - Parameters:
    ///   - ownLost: number of messages that the launcher itself missed.
    package init(
        _ record: RunRecord, of run: RunDescription, supervisor: Supervisor, outcome: Supervisor.Outcome,
        ownLost: Int64,
        at now: MonotonicTime
    ) {
        robot = run.manifest.name
        runID = run.runID
        self.outcome = outcome
        duration = supervisor.readySince.map { now - $0 } ?? .zero
        let cameras = run.manifest.cameras.map(\.node)
        frames = record.total("frames") { cameras.contains($0) } ?? 0
        observations = record.total("observations") { $0 == Manifest.policyNode } ?? 0
        unreadableFrames = record.total("unreadable_frames") { $0 == Manifest.policyNode } ?? 0
        mendedFrames = record.total("mended_frames") { $0 == Manifest.policyNode } ?? 0
        chunks = record.total("chunks") { $0 == Manifest.policyNode } ?? record.chunksOnBus
        frameToChunk = Latency(record.frameToChunk)
        frameToFirstSetpoint = Latency(record.frameToFirstSetpoint)
        jitter = Latency(record.jitter)
        ticks = record.ticks
        overruns = record.overruns
        pauses = record.total("pauses") { $0 == Manifest.armNode } ?? 0
        loop = record.lastLoop
        chunkOutcomes = record.chunkOutcomes
        lost = (record.total("bus_lost") { _ in true } ?? 0).addingSaturating(ownLost)
        superseded = record.total("bus_superseded") { _ in true } ?? 0
        restarts = supervisor.restarts
        if record.total("tasks", where: { $0 == Manifest.simulationNode }) != nil {
            let reached = record.total("task_reached_after_ms") { $0 == Manifest.simulationNode }
            task = reached.map { .reached(after: .milliseconds($0)) } ?? .notReached
        }
        episodes = record.episodes.map { Episode(state: $0) }
    }

    /// Whether every episode is whole on the disk, as far as it was looked at.
    package var isRecordWhole: Bool { episodes.allSatisfy { $0.isWhole } }
}

extension RunSummary {
    /// The summary for `octo-launch --json`. Units are in the keys.
    package var json: JSONNode {
        func latency(_ value: Latency, inUnit: (Duration) -> Double) -> JSONNode {
            .object([
                "count": JSONNode(value.count), "p50": Self.rounded(inUnit(value.p50)),
                "p99": Self.rounded(inUnit(value.p99)), "max": Self.rounded(inUnit(value.maximum)),
            ])
        }
        let milliseconds = { (duration: Duration) in duration.inMilliseconds }
        let microseconds = { (duration: Duration) in duration.inMilliseconds * 1000 }
        return .object([
            "robot": JSONNode(robot),
            "run_id": JSONNode(runID),
            "exit_code": JSONNode(Int(outcome.rawValue)),
            "duration_s": Self.rounded(duration.inSeconds),
            "frames": JSONNode(frames),
            "observations": JSONNode(observations),
            "unreadable_frames": JSONNode(unreadableFrames),
            "mended_frames": JSONNode(mendedFrames),
            "chunks": JSONNode(chunks),
            "frame_to_chunk_ms": latency(frameToChunk, inUnit: milliseconds),
            "frame_to_first_setpoint_ms": latency(frameToFirstSetpoint, inUnit: milliseconds),
            "control_loop": .object([
                "rate_hz": loop.map { Self.rounded($0.rateHertz) } ?? nil,
                "ticks": JSONNode(ticks),
                "overruns": JSONNode(overruns),
                "pauses": JSONNode(pauses),
                "jitter_us": latency(jitter, inUnit: microseconds),
                "rights": loop.map { JSONNode($0.rights) } ?? nil,
                "has_realtime_rights": loop.map { JSONNode(.bool($0.hasRealTimeRights)) } ?? nil,
            ]),
            "chunk_outcomes": JSONNode(
                .object(
                    ChunkReport.Outcome.allCases.map {
                        .init(key: Self.name($0), value: JSONNode(chunkOutcomes[$0] ?? 0))
                    })),
            "bus_lost": JSONNode(lost),
            "bus_superseded": JSONNode(superseded),
            "simulated_task": task.map { task in
                guard case .reached(let time) = task else { return .object(["reached": JSONNode(.bool(false))]) }
                return .object(["reached": JSONNode(.bool(true)), "reached_after_s": Self.rounded(time.inSeconds)])
            } ?? nil,
            "restarts": JSONNode(.object(restarts.map { .init(key: $0.node, value: JSONNode($0.count)) })),
            "episodes": JSONNode(
                .array(
                    episodes.map {
                        .object([
                            "path": JSONNode($0.state.path), "outcome": JSONNode("\($0.state.outcome)"),
                            "messages": $0.messagesInFile.map { JSONNode($0) } ?? nil,
                            "messages_taken": JSONNode($0.state.messages), "missing": JSONNode($0.state.missing),
                            "whole": JSONNode(.bool($0.isWhole)), "topics": Self.json($0.topics),
                        ])
                    })),
        ])
    }

    /// Several lines for the terminal.
    package var text: String {
        func line(_ name: String, _ latency: Latency, _ inUnit: (Duration) -> String) -> String {
            guard latency.count > 0 else { return "  \(Self.padded(name))none measured" }
            return "  \(Self.padded(name))p50 \(inUnit(latency.p50))  p99 \(inUnit(latency.p99))  max "
                + "\(inUnit(latency.maximum))  (\(latency.count))"
        }
        let milliseconds = { (duration: Duration) in "\(Self.rounded(duration.inMilliseconds).text()) ms" }
        let microseconds = { (duration: Duration) in "\(Self.rounded(duration.inMilliseconds * 1000).text()) µs" }
        let outcomes = ChunkReport.Outcome.allCases.compactMap { outcome in
            chunkOutcomes[outcome].map { "\($0) \(Self.name(outcome).map { $0 == "_" ? " " : String($0) }.joined())" }
        }
        let restarted = restarts.filter { $0.count > 0 }.map { "\($0.node) \($0.count)" }
        let loopName = loop.map { "control loop \(Self.rounded($0.rateHertz).text()) Hz" } ?? "control loop"
        var lines: [String] = [
            "summary of \(robot), \(Self.rounded(duration.inSeconds).text()) s",
            "  \(Self.padded("counts"))\(frames) frames, \(observations) observations, \(chunks) chunks",
            line("frame to chunk", frameToChunk, milliseconds),
            line("frame to first setpoint", frameToFirstSetpoint, milliseconds),
            line("\(loopName), jitter", jitter, microseconds),
            "  \(Self.padded("overruns"))\(overruns) in \(ticks) ticks"
                + (pauses > 0 ? ", the arm paused \(pauses) times" : "")
                + (loop.map { " (\($0.rights))" } ?? ""),
            "  \(Self.padded("chunks at the arm"))"
                + (outcomes.isEmpty ? "none reported" : outcomes.joined(separator: ", ")),
            "  \(Self.padded("bus"))\(lost) lost, \(superseded) superseded by newer ones",
            "  \(Self.padded("restarts"))" + (restarted.isEmpty ? "none" : restarted.joined(separator: ", ")),
        ]
        if unreadableFrames + mendedFrames > 0 {
            lines.append(
                "  \(Self.padded("damaged frames"))\(unreadableFrames) could not be read, \(mendedFrames) were mended "
                    + "without loss"
            )
        }
        switch task {
        case nil: break
        case .notReached?: lines.append("  \(Self.padded("goal"))not reached, as the simulated world tells")
        case .reached(let time)?:
            lines.append(
                "  \(Self.padded("goal"))reached after \(time.inSeconds.decimals(1)) s, as the simulated world tells")
        }
        for episode in episodes {
            lines.append("  \(Self.padded("episode"))\(episode.text)")
            lines += episode.topics.compactMap(\.difference).map { "  \(Self.padded(""))\($0)" }
        }
        return lines.joined(separator: "\n")
    }

    private static func json(_ topics: [TopicAccount]) -> JSONNode {
        func number(_ count: UInt64) -> JSONNode { JSONNode(Int64(clamping: count)) }
        return JSONNode(
            .object(
                topics.map {
                    .init(
                        key: $0.topic,
                        value: .object([
                            "sent": number($0.sent), "taken": $0.taken.map(number) ?? nil, "in_file": number($0.inFile),
                            "difference": $0.difference.map { JSONNode($0) } ?? nil,
                        ]))
                }))
    }

    private static func padded(_ name: String) -> String {
        name + String(repeating: " ", count: max(2, 30 - name.count))
    }

    /// Rounds to three decimals, which are below what any of these clocks can tell.
    private static func rounded(_ number: Double) -> JSONNode { JSONNode(number: (number * 1000).rounded() / 1000) }

    private static func name(_ outcome: ChunkReport.Outcome) -> String {
        switch outcome {
        case .executed: "executed"
        case .superseded: "superseded"
        case .tooLate: "too_late"
        case .rejected: "rejected"
        case .interrupted: "interrupted"
        }
    }
}
