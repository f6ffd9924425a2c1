/// One thing that is wrong in a JSON file.
package struct JSONProblem: Equatable, Sendable, CustomStringConvertible {
    /// JSON path of the value, such as `gripper.speed_per_s`; empty for the file as a whole.
    package let path: String
    /// Line of the value, from 1; nil when the problem has no place in the text.
    package let line: Int?
    /// What was found and what was expected.
    package let text: String

    package init(path: String, line: Int? = nil, text: String) {
        self.path = path
        self.line = line
        self.text = text
    }

    package init(path: String, line: Int? = nil, found: String, expected: String) {
        self.init(path: path, line: line, text: "found \(found), expected \(expected)")
    }

    package var description: String {
        if let line { return "\(path.isEmpty ? "the file" : path) (line \(line)): \(text)" }
        return path.isEmpty ? text : "\(path): \(text)"
    }
}

/// A kind of JSON file that people write: what errors call it, and how one is mended.
package struct JSONFileKind: Equatable, Sendable {
    /// The kind with its article: "the scene".
    package let name: String
    /// What to do about a broken one: a whole sentence.
    package let remedy: String

    package init(name: String, remedy: String) {
        self.name = name
        self.remedy = remedy
    }

    /// Reads one file of this kind.
    ///
    /// - Parameters:
    ///   - text: JSON, UTF-8.
    ///   - file: the file's name in errors.
    ///   - value: makes the value and reports to the reader what is wrong; what it returns then is not used. It may
    ///     return nil only after a report.
    /// - Throws: all problems of the file at once.
    package func read<Value>(
        _ text: some Collection<UInt8>, file: String, _ value: (JSONNode, JSONReader) -> Value?
    ) throws(JSONFileError) -> Value {
        let root: JSONNode
        do {
            root = try JSONNode(parsing: text)
        } catch {
            throw self.error(file, "it is not JSON: \(error)")
        }
        let reader = JSONReader()
        let result = value(root, reader)
        guard let result, reader.problems.isEmpty else {
            throw JSONFileError(kind: self, file: file, problems: reader.problems)
        }
        return result
    }

    /// The error for a file that is wrong as a whole.
    package func error(_ file: String, _ problem: String) -> JSONFileError {
        JSONFileError(kind: self, file: file, problems: [JSONProblem(path: "", text: problem)])
    }
}

/// Everything that is wrong with one JSON file.
package struct JSONFileError: Error, Equatable, Sendable, CustomStringConvertible {
    package let kind: JSONFileKind
    /// The file as it was named.
    package let file: String
    package let problems: [JSONProblem]

    package init(kind: JSONFileKind, file: String, problems: [JSONProblem]) {
        self.kind = kind
        self.file = file
        self.problems = problems
    }

    package var description: String {
        "reading \(kind.name) \(file): \(problems.count) \(problems.count == 1 ? "problem" : "problems")"
            + problems.map { "\n  \($0)" }.joined() + "\n\(kind.remedy)"
    }
}
