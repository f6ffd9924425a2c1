import Manifests
import Messages
import Time

/// Collects what the nodes report during a run.
package struct RunRecord: Sendable {
    /// A node's counters; those of a restarted process start at zero again, so the earlier ones are added up.
    private struct Totals {
        var processID: Int32
        var current: [String: Int64] = [:]
        var earlier: [String: Int64] = [:]
        var earlierProcesses: Set<Int32> = []

        mutating func update(_ status: NodeStatus) {
            // A late word of a process that was replaced would be counted twice.
            guard !earlierProcesses.contains(status.processID) else { return }
            if status.processID != processID {
                earlierProcesses.insert(processID)
                for (name, value) in current { earlier[name] = (earlier[name] ?? 0).addingSaturating(value) }
                current = [:]
                processID = status.processID
            }
            for counter in status.counters { current[counter.name] = counter.value }
        }

        func total(_ name: String) -> Int64? {
            let values = [current[name], earlier[name]].compactMap { $0 }
            return values.isEmpty ? nil : values.reduce(0) { $0.addingSaturating($1) }
        }
    }

    private var totals: [String: Totals] = [:]
    private(set) var frameToChunk = LatencyHistogram()
    private(set) var frameToFirstSetpoint = LatencyHistogram()
    private(set) var jitter = LatencyHistogram()
    private(set) var ticks: Int64 = 0
    private(set) var overruns: Int64 = 0
    private(set) var lastLoop: LoopReport?
    private(set) var chunksOnBus: Int64 = 0
    private(set) var chunkOutcomes: [ChunkReport.Outcome: Int64] = [:]
    /// The newest of each file, in the order in which they began.
    private(set) var episodes: [EpisodeState] = []

    package init() {}

    /// Begins the run, when all nodes are ready: timings of the start are not those of the run.
    package mutating func begin() {
        frameToChunk.removeAll()
        frameToFirstSetpoint.removeAll()
        jitter.removeAll()
        ticks = 0
        overruns = 0
    }

    package mutating func received(_ status: NodeStatus) {
        totals[status.node, default: Totals(processID: status.processID)].update(status)
    }

    package mutating func received(_ chunk: ActionChunk) {
        chunksOnBus += 1
        frameToChunk.record(chunk.inferredTime - chunk.captureTime)
    }

    package mutating func received(_ report: ChunkReport) {
        chunkOutcomes[report.outcome, default: 0] += 1
        if report.firstSetpointTime != .zero {
            frameToFirstSetpoint.record(report.firstSetpointTime - report.captureTime)
        }
    }

    package mutating func received(_ report: LoopReport) {
        for bucket in report.jitter { jitter.add(bucket) }
        ticks = ticks.addingSaturating(report.ticks)
        overruns = overruns.addingSaturating(report.overruns)
        lastLoop = report
    }

    package mutating func received(_ state: EpisodeState) {
        guard !state.path.isEmpty else { return }
        if let index = episodes.firstIndex(where: { $0.path == state.path }) {
            // A recorder that took over from one that was killed counts what it found in the file: what was taken stays
            // taken.
            let taken = max(episodes[index].messages, state.messages)
            episodes[index] = state
            episodes[index].messages = taken
        } else {
            episodes.append(state)
        }
    }

    /// The sum of a counter over the nodes that `belongs` picks; nil when none of them has it.
    func total(_ counter: String, where belongs: (String) -> Bool) -> Int64? {
        let values = totals.filter { belongs($0.key) }.compactMap { $0.value.total(counter) }
        return values.isEmpty ? nil : values.reduce(0) { $0.addingSaturating($1) }
    }
}
