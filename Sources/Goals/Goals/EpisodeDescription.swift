import Files
import Images
import JSONTree

/// The `episode.json` beside an episode's pictures: what was asked, where the arm was, what it was told.
package struct EpisodeDescription: Equatable, Sendable {
    /// How many steps were recorded; each camera has one picture for each.
    package let steps: Int
    /// What the arm was asked to do; nil or empty when nobody said.
    package let languageInstruction: String?
    /// Bridge state for each step: x y z (metres), roll pitch yaw (radians), gripper opening (1 open). Empty when not
    /// recorded.
    package let states: [[Double]]
    /// Bridge action for each step: the same as increments, the gripper as target. Empty when not recorded.
    package let actions: [[Double]]

    /// The file's name in an episode's folder.
    package static let fileName = "episode.json"
    private static let rowLength = 7

    /// Reads the description of the episode in `folder`.
    package init(inFolder folder: String) throws(EpisodeDescriptionError) {
        let path = ImageFolder.join(folder, Self.fileName)
        let text: SharedBytes
        do {
            text = try SharedBytes(contentsOf: path, limit: 16 << 20)
        } catch {
            throw .file(error)
        }
        try self.init(parsing: text, path: path)
    }

    /// Reads a recorded folder's description from its JSON text.
    /// - Parameter path: path of the text's file, for errors.
    package init(parsing text: SharedBytes, path: String) throws(EpisodeDescriptionError) {
        let root: JSONNode
        do {
            root = try JSONNode(parsing: text.bytes)
        } catch {
            throw .notJSON(path: path, error: error)
        }
        guard root.object != nil else {
            throw .wrong(path: path, at: "the top", found: root.kind, expected: "an object")
        }
        guard let steps = root["steps"]?.int, steps > 0 else {
            throw .wrong(
                path: path, at: "steps", found: root["steps"].map { $0.text() } ?? "nothing",
                expected: "a whole number above 0")
        }
        if let node = root["language_instruction"], !node.isNull, node.string == nil {
            throw .wrong(path: path, at: "language_instruction", found: node.kind, expected: "a string")
        }
        self.steps = steps
        languageInstruction = root["language_instruction"]?.string
        states = try Self.rows("state", of: root, steps: steps, path: path)
        actions = try Self.rows("action", of: root, steps: steps, path: path)
    }

    private static func rows(
        _ key: String, of root: JSONNode, steps: Int, path: String
    ) throws(EpisodeDescriptionError)
        -> [[Double]]
    {
        guard let node = root[key], !node.isNull else { return [] }
        guard let rows = node.array, rows.count == steps else {
            let found = node.array.map { "\($0.count) rows" } ?? node.kind
            throw .wrong(path: path, at: key, found: found, expected: "\(steps) rows, one for each step")
        }
        var result: [[Double]] = []
        for (index, row) in rows.enumerated() {
            let numbers = row.array?.compactMap(\.double) ?? []
            guard numbers.count == rowLength && row.array?.count == rowLength else {
                throw .wrong(
                    path: path, at: "\(key)[\(index)]", found: row.text(), expected: "\(rowLength) numbers")
            }
            result.append(numbers)
        }
        return result
    }
}

/// Why an episode's description could not be read.
package enum EpisodeDescriptionError: Error, Equatable, Sendable {
    case file(FileError)
    case notJSON(path: String, error: JSONSyntaxError)
    /// `at` is the place in the JSON, such as `state[3]`.
    case wrong(path: String, at: String, found: String, expected: String)
}

extension EpisodeDescriptionError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let error):
            "reading an episode's description: \(error)"
        case .notJSON(let path, let error):
            "reading \(path): it is not JSON (\(error)), expected an episode's description. Mend that place, or record "
                + "the episode again."
        case .wrong(let path, let at, let found, let expected):
            "reading \(path): \(at) is \(found), expected \(expected). Mend it, or record the episode again."
        }
    }
}
