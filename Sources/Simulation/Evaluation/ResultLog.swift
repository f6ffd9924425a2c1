import JSONTree

/// Content of a result file: on its first line what was evaluated, on each further one what came of a trial. A run that
/// was cut goes on where it ended.
package struct ResultLog {
    /// What the results depend on besides the trial itself, by name: policy, scene, delay.
    package typealias Settings = [(name: String, value: String)]

    /// Why a result file cannot be gone on with.
    package enum Problem: Error, Equatable, CustomStringConvertible {
        /// The file is of an evaluation with other settings; `differences` are like "delay 0 there, 1 here".
        case otherEvaluation(path: String, differences: [String])
        case broken(path: String, line: Int)

        package var description: String {
            switch self {
            case .otherEvaluation(let path, let differences):
                "going on with the results in \(path): they are of another evaluation: "
                    + "\(differences.joined(separator: "; ")). Name another file, or delete this one to begin anew."
            case .broken(let path, let line):
                "reading the results in \(path): line \(line) is none that octo-eval writes. Correct or remove the "
                    + "line, or name another file."
            }
        }
    }

    /// Version of the format; since 2 a shuffled goal asks for something else than its scene.
    private static let version = 2
    package private(set) var results: [Trial: TrialResult] = [:]
    /// Bytes from the file's beginning to the end of its last whole line. What comes after them was cut while it was
    /// written.
    package private(set) var wholeBytes = 0

    /// Makes an empty log.
    package init() {}

    /// The file's first line, without its end.
    package static func header(_ settings: Settings) -> String {
        let members = settings.map { JSONNode.Member(key: $0.name, value: JSONNode($0.value)) }
        return JSONNode(.object([.init(key: "octo_eval", value: JSONNode(version))] + members)).text()
    }

    /// Reads a file's content; an empty one holds nothing yet.
    /// - Parameters:
    ///   - path: name of the file in messages.
    ///   - settings: settings of the evaluation that goes on.
    package init(parsing text: some Collection<UInt8>, path: String, settings: Settings) throws(Problem) {
        let bytes = Array(text)
        // What has no line end was cut; without a whole first line there is nothing.
        guard let last = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return }
        wholeBytes = last + 1
        let lines = bytes[..<last].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            guard let node = try? JSONNode(parsing: line) else { throw .broken(path: path, line: index + 1) }
            if index == 0 {
                try Self.check(node, path: path, settings: settings)
            } else {
                guard let result = TrialResult(node) else { throw .broken(path: path, line: index + 1) }
                results[result.trial] = result
            }
        }
    }

    private static func check(_ header: JSONNode, path: String, settings: Settings) throws(Problem) {
        guard header["octo_eval"]?.int == version else { throw .broken(path: path, line: 1) }
        let differences = settings.compactMap { setting -> String? in
            let found = header[setting.name]?.string
            return found == setting.value
                ? nil : "\(setting.name) is \(found ?? "not said") there, \(setting.value) here"
        }
        if !differences.isEmpty { throw .otherEvaluation(path: path, differences: differences) }
    }

    /// Trials that have no result yet, in their order.
    package func missing(of trials: [Trial]) -> [Trial] { trials.filter { results[$0] == nil } }

    package mutating func add(_ result: TrialResult) { results[result.trial] = result }

    /// The results of these trials, in their order.
    package func results(of trials: [Trial]) -> [TrialResult] { trials.compactMap { results[$0] } }
}
