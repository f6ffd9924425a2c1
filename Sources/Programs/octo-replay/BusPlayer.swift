import CShims
import Foundation
import NodeShell
import Recording
import Replay
import Time

/// The loop around an `EpisodePlayback`: clock, bus, keys and Ctrl-C.
final class BusPlayer {
    private let file: EpisodeFile
    private let options: EpisodePlayback.Options
    private let run: ReplayRun
    private let publishers: ReplayPublishers
    private let topics: [String]
    private let keepsStamps: Bool
    private let signals: Int32
    private var playback: EpisodePlayback
    private var isInterrupted = false
    /// Number of lines on standard input that were not yet used for steps.
    private var lines = 0
    private var inputEnded = false
    private var lastSleep = MonotonicTime.zero

    init(
        _ file: EpisodeFile, _ options: EpisodePlayback.Options, run folder: String?, manifest: String?,
        keepsStamps: Bool,
        signals: Int32
    ) throws {
        self.file = file
        self.options = options
        self.keepsStamps = keepsStamps
        self.signals = signals
        playback = try EpisodePlayback(file, options, at: .now())
        var nodes: Set<String> = []
        var all: Set<String> = []
        var topics: Set<String> = []
        for channel in file.reader.channels.values {
            guard let node = channel.metadata["source_node"], !node.isEmpty else { continue }
            all.insert(node)
            let schema = channel.metadata["bus_schema"] ?? ""
            guard let name = options.selection.name(ofTopic: channel.topic, schema: schema, node: node) else {
                continue
            }
            nodes.insert(node)
            topics.insert(name)
        }
        guard !nodes.isEmpty else { throw ReplayRunError.nothingSelected(path: file.path, publishers: all.sorted()) }
        for name in options.selection.unmatched(in: file.reader.topics, nodes: all.sorted()) {
            note("warning: nothing in \(file.path) is '\(name)'")
        }
        self.topics = topics.sorted()
        run = try ReplayRun(
            at: folder, playing: file, publishers: nodes, manifestPath: manifest,
            environment: ProcessInfo.processInfo.environment)
        do {
            publishers = try ReplayPublishers(nodes.sorted(), in: run.description)
        } catch {
            run.end()
            throw error
        }
    }

    /// Plays until the end of the episode, or Ctrl-C.
    func play(waitingForReaders waits: Bool) throws {
        let seconds = (playback.times.upperBound - playback.times.lowerBound).inSeconds
        note(
            "playing \(seconds.decimals(1)) s of \(file.path) in \(run.description.folder)"
                + (run.isOwn ? "; look with: octo-bus list --run \(run.description.folder)" : ""))
        if waits { try awaitReaders() }
        let start = MonotonicTime.now()
        playback.begin(at: start)
        let progress = ProgressLine(total: Int(seconds.rounded(.up)), of: "s", at: start)
        var nextDraw = start
        var isPauseShown = false
        while !isInterrupted {
            let now = MonotonicTime.now()
            if now >= nextDraw, !options.schedule.isStepping {
                nextDraw = now + .milliseconds(200)
                progress.show(
                    Int((now - start).inSeconds * options.schedule.speed),
                    note: options.loops ? "round \(playback.rounds)" : "", at: now)
            }
            switch try playback.next(at: now) {
            case .end:
                progress.end()
                return
            case .wait(let until): try sleep(until: min(until, nextDraw < now ? until : max(nextDraw, now)))
            case .pause(let time):
                if lines > 0 {
                    lines -= 1
                    playback.step()
                    isPauseShown = false
                    continue
                }
                if inputEnded {
                    note("standard input has ended: no more steps")
                    return
                }
                if !isPauseShown {
                    note(
                        "step \(playback.steps + 1) at \((time - playback.times.lowerBound).inSeconds.decimals(2)) s: "
                            + "Enter goes on"
                    )
                    isPauseShown = true
                }
                try sleep(until: now + .milliseconds(200))
            case .publish(let event, let topic):
                switch try publishers.publish(event, on: topic, keepsStamps ? nil : playback.timeline, at: now) {
                case .sent, .skipped:
                    playback.confirm()
                    // What is far behind never sleeps: Ctrl-C and new readers are heard all the same.
                    if now - lastSleep > .milliseconds(20) { try sleep(until: now) }
                case .readersFull: try sleep(until: now + .milliseconds(1))
                }
            }
        }
        progress.end()
    }

    /// Waits until somebody has asked for a topic; their other connections have a moment more.
    private func awaitReaders() throws {
        note("waiting for somebody who listens")
        while !isInterrupted, !publishers.isHeard(on: topics) { try sleep(until: .now() + .milliseconds(20)) }
        let deadline = MonotonicTime.now() + .milliseconds(300)
        while !isInterrupted, MonotonicTime.now() < deadline { try sleep(until: deadline) }
    }

    private func sleep(until deadline: MonotonicTime) throws {
        let readsInput = options.schedule.isStepping && !inputEnded
        try publishers.wait(until: deadline, alsoOn: [signals] + (readsInput ? [STDIN_FILENO] : []))
        lastSleep = .now()
        while octo_signal_read(signals) != 0 { isInterrupted = true }
        if readsInput { readLines() }
    }

    /// Reads standard input when there is something. read(2).
    private func readLines() {
        var polled = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard poll(&polled, 1, 0) > 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(STDIN_FILENO, &buffer, buffer.count)
        if count == 0 { inputEnded = true }
        if count > 0 { lines += buffer[..<count].count { $0 == UInt8(ascii: "\n") } }
    }

    /// Sends what is unsent, gives the folder back, and says what was played.
    func end() {
        publishers.close()
        run.end()
        var rows = [["TOPIC", "SENT", "SKIPPED"]]
        for (topic, count) in publishers.counts.sorted(by: { $0.key < $1.key }) {
            rows.append([topic, "\(count.sent)", "\(count.skipped)"])
        }
        print(table(rows, rightmost: 2).joined(separator: "\n"))
        for (topic, count) in publishers.counts.sorted(by: { $0.key < $1.key }) where count.skipped > 0 {
            print("skipped of \(topic): \(count.reason)")
        }
        let delays = playback.delays
        print(
            "at most \(delays.latest.inMilliseconds.decimals(1)) ms late"
                + (delays.heldBack > .zero
                    ? "; slow readers held it up for \(delays.heldBack.inSeconds.decimals(2)) s" : ""))
    }
}
