/// Why there is nothing to look at.
enum LookError: Error {
    case nothingRunning(base: String)
    case severalRunning([String])
    case notRunning(folder: String)
    case unknownTopic(String, known: [String], nearest: String?)
    case signalsUnavailable(code: Int32)
}

extension LookError: CustomStringConvertible {
    var description: String {
        switch self {
        case .nothingRunning(let base):
            "looking for a run: no robot is running (no live run in \(base)), and one is needed. Start one with "
                + "'octo-launch MANIFEST', or say where it is with --run FOLDER."
        case .severalRunning(let folders):
            "looking for a run: \(folders.count) are running, expected one. Choose with --run:"
                + folders.map { "\n  --run \($0)" }.joined()
        case .notRunning(let folder):
            "looking at \(folder): no octo-launch is alive there, and a running one is needed. Start it with 'octo-launch "
                + "MANIFEST', or leave --run out to use the run that is alive."
        case .unknownTopic(let topic, let known, let nearest):
            "looking for the topic '\(topic)': nobody publishes it. "
                + (nearest.map { "Did you mean '\($0)'? " } ?? "")
                + (known.isEmpty ? "No topic was heard at all: see the nodes' log." : "Topics of this run:")
                + known.map { "\n  \($0)" }.joined()
        case .signalsUnavailable(let code):
            "preparing for Ctrl-C: signalfd failed (error \(code)), expected a descriptor. Raise the limit of open files "
                + "(ulimit -n)."
        }
    }
}
