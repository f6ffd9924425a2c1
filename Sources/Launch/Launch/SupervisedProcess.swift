import Manifests
import Time

/// What the supervisor knows of one node's process.
struct SupervisedProcess: Sendable {
    enum Life: Equatable, Sendable {
        /// The node's turn to start has not come.
        case waiting
        /// It was told to start, or has started and is not yet ready.
        case starting(since: MonotonicTime)
        case ready
        case degraded
        /// It was killed, since it no longer did its work; what follows is decided when it has ended.
        case ending(reason: String, overdue: MonotonicTime)
        case backingOff(until: MonotonicTime)
        /// It was told to stop; at `deadline` it is killed, or given up when it was killed already.
        case stopping(deadline: MonotonicTime, isKilled: Bool)
        /// The node will not be started again.
        case failed
        case ended
    }

    static let linesKept = 20
    /// How a node begins the line with which it ends.
    static let errorMark = "error: "

    /// A reason that comes back after so long is told again.
    private static let reminder = Duration.seconds(30)

    let name: String
    var life = Life.waiting
    /// The process that lives now; nil when there is none, or the start was ordered and not yet reported.
    var processID: Int32?
    /// A start was ordered and neither done nor refused yet.
    var isStartPending = false
    var wasEverReady = false
    var readySince: MonotonicTime?
    /// Time at which the node last said something about itself.
    var lastHeard = MonotonicTime.zero
    /// Number of restarts in all the run.
    var restarts = 0
    /// Number of failures since it last worked for a while undisturbed.
    var failuresInARow = 0
    var headline = ""
    var lastLines: [String] = []
    /// Words that it said of itself with the state `fault`.
    var fault: String?
    /// Words that the user has read of a node that is not well, without its numbers, and when it said so last.
    var told: [String: MonotonicTime] = [:]
    /// The user has read `fault` already.
    var isFaultTold = false
    /// Bytes that it still has to bring out, as it last said while it stopped.
    var bytesLeft = Int64.max
    var nextWaitReport = MonotonicTime.zero
    /// The run ends because of it, and the user is told why.
    var isFailureTold = false

    init(name: String) { self.name = name }

    /// Whether it lives: from the order to start until its end is known.
    var isAlive: Bool { processID != nil || isStartPending }

    var isWorking: Bool { life == .ready || life == .degraded }

    /// Whether nothing is waited for any more: it has ended, or was given up as impossible to end.
    var isSettled: Bool {
        switch life {
        case .failed, .ended: !isStartPending
        case .waiting, .starting, .ready, .degraded, .ending, .backingOff, .stopping: false
        }
    }

    mutating func keep(line: String) {
        lastLines.append(line)
        if lastLines.count > Self.linesKept { lastLines.removeFirst() }
    }

    mutating func forgetWords() {
        headline = ""
        lastLines = []
        fault = nil
        told = [:]
        isFaultTold = false
    }

    /// Whether the user has not read this reason lately. One that goes on, or two in turn, are told once; numbers that
    /// count on make no other reason of it.
    mutating func isNews(_ headline: String, at now: MonotonicTime) -> Bool {
        let reason = headline.replacing(/\d+(\.\d+|(?= (s|ms|°C|%|frames|pictures|of)\b))/, with: "")
        let before = told.updateValue(now, forKey: reason)
        switch life {
        case .degraded, .starting: return before.map { now - $0 > Self.reminder } ?? true
        case .waiting, .ready, .ending, .backingOff, .stopping, .failed, .ended: return true
        }
    }

    /// The node's own account of what is wrong, with the mend: the fault it reported, or the line with which it ended.
    var ownError: String? {
        fault ?? lastLines.last { $0.hasPrefix(Self.errorMark) }.map { String($0.dropFirst(Self.errorMark.count)) }
    }

    /// Words that it last said, for an error message; empty when it said nothing.
    var lastWords: String {
        // A node that logs its status has said the same twice.
        let isRepeated = headline.isEmpty || lastLines.contains { $0.hasSuffix(headline) }
        var text = isRepeated ? "" : "\n  last status: \(headline)"
        if !lastLines.isEmpty { text += "\n  last lines:" + lastLines.map { "\n    " + $0 }.joined() }
        return text
    }
}
