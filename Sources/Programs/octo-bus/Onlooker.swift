import Bus
import CShims
import Glibc
import JSONTree
import Manifests
import NodeShell
import Time
import Wire

/// A connection to a run that only listens, and that Ctrl-C ends in good order.
final class Onlooker {
    let run: RunDescription
    private let node: BusNode
    private let signals: Int32
    /// Whether Ctrl-C came; what was measured is still shown.
    private(set) var isInterrupted = false

    /// Joins a run to listen.
    /// - Throws: `LookError`, `BusError`.
    init(_ run: RunDescription) throws {
        signals = octo_signal_fd()
        guard signals >= 0 else { throw LookError.signalsUnavailable(code: -signals) }
        self.run = run
        node = try BusNode(
            BusOptions(
                node: "octo-bus", runID: run.runID, endpoint: nil, peers: run.endpoints.values.sorted(),
                security: run.busSecurity))
    }

    deinit { Glibc.close(signals) }

    /// Hands on the messages whose topic begins with `prefix`, from inside `listen`.
    func observe(prefix: String, _ handler: @escaping (RawMessage) -> Void) throws {
        try node.observeAll(prefix: prefix, handler)
    }

    /// Listens until `deadline` (nil: without end), until `isDone`, until Ctrl-C.
    func listen(until deadline: MonotonicTime?, isDone: () -> Bool = { false }) throws {
        while !isInterrupted, !isDone() {
            if let deadline, MonotonicTime.now() >= deadline { return }
            try working { try node.wait(until: deadline, alsoOn: [signals]) }
            if octo_signal_read(signals) != 0 { isInterrupted = true }
        }
    }

    /// Observes one topic; fails with the topics there are when it does not exist.
    /// - Parameter isDone: asked after each message.
    func follow(
        _ options: TopicOptions, onMessage: @escaping (RawMessage) -> Void, every interval: Duration? = nil,
        report: () -> Void = {}, isDone: () -> Bool = { false }
    ) throws {
        let topic = options.topic
        var heard = false
        // ZeroMQ matches prefixes, so longer names come along.
        try observe(prefix: topic) { message in
            guard message.topic == topic else { return }
            heard = true
            onMessage(message)
        }
        try listen(until: .now() + .fromSeconds(options.patience)) { heard }
        if !heard, !isInterrupted { try confirmExistence(of: topic) { heard } }
        guard let interval else { return try listen(until: nil, isDone: isDone) }
        var cadence = Cadence(start: .now() + interval, rate: Rate(hertz: 1 / interval.inSeconds))
        while !isInterrupted, !isDone() {
            try listen(until: cadence.deadline, isDone: isDone)
            report()
            cadence.advance(past: .now())
        }
    }

    /// Checks that the topic exists when nothing came yet: either it is slow, or its name is wrong.
    private func confirmExistence(of topic: String, heard: () -> Bool) throws {
        var known: Set<String> = [
            Topics.goalCurrent.name, Topics.policyObservation.name, Topics.policyChunk.name, Topics.armState.name,
            Topics.armChunk.name, Topics.armLoop.name,
        ]
        for name in run.endpoints.keys { known.insert(Topics.nodeStatus(name).name) }
        try observe(prefix: "") { known.insert($0.topic) }
        try listen(until: .now() + .seconds(1), isDone: heard)
        if heard() || isInterrupted { return }
        guard known.contains(topic) else {
            let sorted = known.sorted()
            throw LookError.unknownTopic(topic, known: sorted, nearest: NearestName.of(topic, among: sorted))
        }
        note("nothing came on '\(topic)' yet; waiting (Ctrl-C ends)")
    }
}
