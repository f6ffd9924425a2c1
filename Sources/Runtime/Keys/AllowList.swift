/// What somebody who is let in may do.
package enum KeyRole: String, CaseIterable, Sendable {
    /// Hear what goes over a run's bus.
    case listen
    /// Also command its arm, its goals, its recorder and its simulated world.
    case operate
    /// Have its policy computed here, and nodes of its run here.
    case robot

    /// What it is, for people.
    package var meaning: String {
        switch self {
        case .listen: "may hear what goes over the bus"
        case .operate: "may hear what goes over the bus, and command the arm"
        case .robot: "may have its policy computed here"
        }
    }
}

/// Somebody who is let in.
package struct AllowedKey: Equatable, Sendable {
    package var name: String
    package var key: PublicKey
    package var role: KeyRole

    package init(name: String, key: PublicKey, role: KeyRole) {
        self.name = name
        self.key = key
        self.role = role
    }
}

/// Everybody who is let in; names and keys are different ones.
package struct AllowList: Equatable, Sendable {
    /// Why an entry is not taken, or not found.
    package enum Problem: Error, Equatable, Sendable, CustomStringConvertible {
        case nameTaken(AllowedKey)
        case keyTaken(AllowedKey)
        case nameInvalid(String)
        case nameUnknown(String, known: [String])

        package var description: String {
            switch self {
            case .nameTaken(let entry):
                "'\(entry.name)' is the name of '\(entry.key)' already; expected another. Revoke it first: "
                    + "octo-bus keys revoke \(entry.name)"
            case .keyTaken(let entry):
                "that key is allowed already, as '\(entry.name)' (\(entry.role.rawValue)). To change that, revoke it "
                    + "first: octo-bus keys revoke \(entry.name)"
            case .nameInvalid(let name):
                "the name '\(name.prefix(AllowList.longestName))' is not one; expected 1 to "
                    + "\(AllowList.longestName) letters, digits, '-', '_' or '.', of which the first is no '-'"
            case .nameUnknown(let name, let known):
                "nobody is called '\(name)'; "
                    + (known.isEmpty ? "nobody is allowed" : "expected one of \(known.joined(separator: ", "))")
            }
        }
    }

    /// What is wrong with a line of the file.
    package struct LineProblem: Error, Equatable, Sendable {
        package let line: Int
        package let found: String
    }

    package static let longestName = 64

    package private(set) var entries: [AllowedKey] = []

    package init() {}

    /// Reads the text of the file: a line each of key, role and name, `#` begins a comment.
    package init(parsing text: String) throws(LineProblem) {
        // To Swift, "\r\n" is one character, and another one than "\n".
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, line) in lines.enumerated() {
            // A key may have a # in it, but none begins with one: comments are whole lines.
            let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard words.count == 3 else {
                throw LineProblem(line: index + 1, found: "\(words.count) words")
            }
            guard let key = PublicKey(z85: first) else {
                throw LineProblem(line: index + 1, found: "'\(first.prefix(60))' where the key stands")
            }
            guard let role = KeyRole(rawValue: words[1]) else {
                throw LineProblem(line: index + 1, found: "the role '\(words[1].prefix(60))'")
            }
            do throws(Problem) {
                try add(AllowedKey(name: words[2], key: key, role: role))
            } catch {
                throw LineProblem(line: index + 1, found: "\(error)")
            }
        }
    }

    /// The file's text.
    package var text: String {
        "# Who may come in: key, role (\(KeyRole.allCases.map(\.rawValue).joined(separator: ", "))), name. "
            + "Changes hold at once.\n"
            + entries.map { "\($0.key) \($0.role.rawValue) \($0.name)\n" }.joined()
    }

    /// Who has this key; nil: somebody who is not let in.
    package func entry(of key: PublicKey) -> AllowedKey? { entries.first { $0.key == key } }

    /// Lets somebody in.
    package mutating func add(_ entry: AllowedKey) throws(Problem) {
        let characters = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.".unicodeScalars)
        // A name that begins with '-' would look like an option to octo-bus keys revoke.
        guard (1...Self.longestName).contains(entry.name.utf8.count), !entry.name.hasPrefix("-"),
            entry.name.unicodeScalars.allSatisfy(characters.contains)
        else { throw .nameInvalid(entry.name) }
        if let taken = entries.first(where: { $0.name == entry.name }) { throw .nameTaken(taken) }
        if let taken = self.entry(of: entry.key) { throw .keyTaken(taken) }
        entries.append(entry)
    }

    /// Lets somebody in no longer.
    /// - Returns: who it was.
    @discardableResult
    package mutating func revoke(_ name: String) throws(Problem) -> AllowedKey {
        guard let index = entries.firstIndex(where: { $0.name == name }) else {
            throw .nameUnknown(name, known: entries.map(\.name))
        }
        return entries.remove(at: index)
    }
}
