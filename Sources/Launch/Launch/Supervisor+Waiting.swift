import Messages
import Time

/// A node that waits for another machine while it starts. That one may be switched on last, so it has no time limit;
/// the user is told for what the start waits.
extension Supervisor {
    /// A start that takes no longer is worth no word.
    private static let silentStart = Duration.seconds(1)
    /// What a node says before it has anything to say.
    private static let plainHeadlines = ["", "starting"]

    /// Whether a node's start depends on another machine.
    func waitsElsewhere(_ index: Int) -> Bool { plan.waitsElsewhere[processes[index].name] != nil }

    /// What a node says of itself while it starts.
    mutating func saidWhileStarting(_ index: Int, _ status: NodeStatus, at now: MonotonicTime) -> [Action] {
        guard waitsElsewhere(index), !Self.plainHeadlines.contains(status.headline) else { return [] }
        return tellWait(index, status.headline, at: now)
    }

    /// What is due for one that has started and has nothing to say.
    mutating func waits(_ index: Int, since: MonotonicTime, at now: MonotonicTime) -> [Action] {
        guard let place = plan.waitsElsewhere[processes[index].name], now - since >= Self.silentStart,
            Self.plainHeadlines.contains(processes[index].headline)
        else { return [] }
        return tellWait(index, "waits for \(place)", at: now)
    }

    private mutating func tellWait(_ index: Int, _ words: String, at now: MonotonicTime) -> [Action] {
        guard processes[index].isNews(words, at: now) else { return [] }
        return [.report(.note, "\(processes[index].name): \(words)")]
    }
}
