/// Why there is nothing to look at.
enum LookError: Error {
    case unknownTopic(String, known: [String], nearest: String?)
    case signalsUnavailable(code: Int32)
}

extension LookError: CustomStringConvertible {
    var description: String {
        switch self {
        case .unknownTopic(let topic, let known, let nearest):
            "looking for the topic '\(topic)': nobody publishes it. "
                + (nearest.map { "Did you mean '\($0)'? " } ?? "")
                + (known.isEmpty ? "No topic was heard at all: see the nodes' log." : "Topics of this run:")
                + known.map { "\n  \($0)" }.joined()
        case .signalsUnavailable(let code):
            "preparing for Ctrl-C: signalfd failed (error \(code)), expected a descriptor. Raise the limit of open "
                + "files (ulimit -n)."
        }
    }
}
