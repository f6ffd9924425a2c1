import Files
import JSONTree
import Keys

/// Holds a JSON tree against the rules and collects everything that is wrong with it.
struct ManifestCheck {
    /// Looks at the files that the manifest names; nil leaves them alone: it was checked before, on this machine.
    let files: FileProbe?
    let manifestFolder: String
    /// What paths set on the command line are relative to.
    let workingFolder: String
    let overridden: [ManifestPath]
    /// Paths within this section are another machine's: they stay as they are written.
    let elsewhere: ManifestPath?
    private(set) var problems: [ManifestProblem] = []

    init(
        files: FileProbe?, manifestFolder: String, workingFolder: String, overridden: [ManifestPath],
        elsewhere: ManifestPath? = nil
    ) {
        self.files = files
        self.manifestFolder = manifestFolder
        self.workingFolder = workingFolder
        self.overridden = overridden
        self.elsewhere = elsewhere
    }

    func isSound(_ path: ManifestPath) -> Bool {
        !problems.contains { $0.path.isWithin(path) || path.isWithin($0.path) }
    }

    mutating func report(
        _ path: ManifestPath, _ node: JSONNode, found: String, allowed: String, suggestion: String? = nil
    ) {
        let commandLine = node.line == 0 || overridden.contains { path.isWithin($0) }
        problems.append(
            ManifestProblem(
                path: path, origin: commandLine ? .commandLine : .text(line: node.line, column: node.column),
                found: found,
                allowed: allowed, suggestion: suggestion))
    }

    /// Checks a value against a rule, and reports what breaks it.
    /// - Returns: the value with every default filled in and every path absolute; nil when it breaks the rule. A
    ///   section comes back without the members that do.
    mutating func check(
        _ node: JSONNode, against rule: ManifestRule, unit: String? = nil, at path: ManifestPath
    ) -> JSONNode? {
        switch rule {
        case .boolean: if node.bool != nil { return node }
        case .integer(let range): if let number = node.int, range.contains(number) { return node }
        case .number(let range): if let number = node.double, range.contains(number) { return node }
        case .text: if let text = node.string, !text.isEmpty { return node }
        case .name(let separator):
            if let text = node.string, ManifestRule.isName(text, separator: separator) { return node }
        case .fileNamePattern:
            if let text = node.string, !text.isEmpty, !text.unicodeScalars.contains(where: { $0 == "/" || $0 == "\0" })
            {
                return node
            }
        case .publicKey:
            if let text = node.string, text == Manifest.Host.ownKey || PublicKey(z85: text) != nil { return node }
        case .path(let kind):
            if let text = node.string, !text.isEmpty, !text.unicodeScalars.contains("\0") {
                return checkFile(text, kind, node, at: path)
            }
        case .destination, .destinationFolder:
            if let text = node.string, !text.isEmpty, !text.unicodeScalars.contains("\0") {
                return checkDestination(text, rule, node, at: path)
            }
        case .choice(let values):
            if let text = node.string, values.contains(text) { return node }
            report(
                path, node, found: Self.shown(node), allowed: rule.allowed(),
                suggestion: node.string.flatMap { NearestName.of($0, among: values) })
            return nil
        case .choiceOrList(let values, let elements, let count):
            if let text = node.string, values.contains(text) { return node }
            if let list = node.array, count.contains(list.count),
                list.allSatisfy({ $0.string.map(elements.contains) ?? false })
            {
                return node
            }
            let strange = node.array?.compactMap(\.string).first { !elements.contains($0) }
            report(
                path, node, found: Self.shown(node), allowed: rule.allowed(),
                suggestion: (strange ?? node.string).flatMap {
                    NearestName.of($0, among: strange == nil ? values : elements)
                })
            return nil
        case .numbers(let range, let count):
            if let elements = node.array, count.contains(elements.count),
                elements.allSatisfy({ $0.double.map(range.contains) ?? false })
            {
                return node
            }
        case .integers(let range, let count):
            if let elements = node.array, count.contains(elements.count),
                elements.allSatisfy({ $0.int.map(range.contains) ?? false })
            {
                return node
            }
        case .section(let keys): if node.object != nil { return checkSection(node, keys, at: path) }
        case .variants(let variants): if node.object != nil { return checkVariants(node, variants, at: path) }
        case .named(let element, let minimum):
            if let members = node.object, members.count >= minimum {
                return checkNamed(node, members, element, at: path)
            }
        }
        report(path, node, found: Self.shown(node), allowed: rule.allowed(unit: unit))
        return nil
    }

    private mutating func checkFile(
        _ text: String, _ kind: FileProbe.Kind, _ node: JSONNode, at path: ManifestPath
    ) -> JSONNode? {
        if let elsewhere, path.isWithin(elsewhere) { return node }
        let base = overridden.contains { path.isWithin($0) } ? workingFolder : manifestFolder
        let absolute = FileSystem.absolute(text, from: base)
        if let files {
            let wanted = kind == .file ? "a file" : "a folder"
            switch (files.kind(absolute), kind) {
            case (.file, .file), (.folder, .folder): break
            case (.file, .folder), (.folder, .file):
                let other = kind == .file ? "a folder" : "a file"
                report(
                    path, node, found: "\(Self.shown(node)), which is \(other) (\(absolute))",
                    allowed: "the path of \(wanted)")
                return nil
            case (nil, _):
                report(
                    path, node, found: "\(Self.shown(node)), but nothing is at \(absolute)",
                    allowed: "the path of \(wanted) that is there, seen from \(base)")
                return nil
            }
        }
        return JSONNode(.string(absolute), line: node.line, column: node.column)
    }

    private mutating func checkDestination(
        _ text: String, _ rule: ManifestRule, _ node: JSONNode, at path: ManifestPath
    ) -> JSONNode? {
        let base = overridden.contains { path.isWithin($0) } ? workingFolder : manifestFolder
        let absolute = FileSystem.absolute(text, from: base)
        let folder = FileSystem.folder(of: absolute)
        if let files {
            let isFolder = if case .destinationFolder = rule { true } else { false }
            let isFree = files.kind(absolute) != (isFolder ? .file : .folder)
            guard isFree, files.kind(folder) == .folder else {
                report(path, node, found: "\(Self.shown(node)), which would be \(absolute)", allowed: rule.allowed())
                return nil
            }
        }
        return JSONNode(.string(absolute), line: node.line, column: node.column)
    }

    private mutating func checkNamed(
        _ node: JSONNode, _ members: [JSONNode.Member], _ element: ManifestRule, at path: ManifestPath
    ) -> JSONNode {
        var sound: [JSONNode.Member] = []
        for member in members {
            let place = path.appending(member.key)
            if !ManifestRule.isName(member.key, separator: "_") {
                report(
                    place, member.value, found: "the name \(Self.shown(JSONNode(member.key)))",
                    allowed: ManifestRule.name(separator: "_").allowed())
            }
            if let value = check(member.value, against: element, at: place) {
                sound.append(.init(key: member.key, value: value))
            }
        }
        return JSONNode(.object(sound), line: node.line, column: node.column)
    }

    private mutating func checkVariants(
        _ node: JSONNode, _ variants: ManifestVariants, at path: ManifestPath
    ) -> JSONNode? {
        let place = path.appending(variants.selector)
        let rule = ManifestRule.choice(variants.variants.map(\.value))
        guard let selector = node[variants.selector] else {
            report(place, node, found: "nothing", allowed: "\(rule.allowed()); this key decides about the others")
            checkUndecided(node, variants, at: path)
            return nil
        }
        guard check(selector, against: rule, at: place) != nil,
            let variant = variants.variants.first(where: { $0.value == selector.string })
        else {
            checkUndecided(node, variants, at: path)
            return nil
        }
        let others = variants.variants.flatMap { other in other.keys.map { (key: $0.name, value: other.value) } }
        return checkSection(node, variants.keys(of: variant), at: path) { key in
            others.first { $0.key == key }.map { other in
                "no such key with \(variants.selector) \"\(variant.value)\"; it belongs to \(variants.selector) "
                    + "\"\(other.value)\""
            }
        }
    }

    /// Reports what is wrong with a section whichever variant is meant: keys that none has, and values of keys that
    /// all have.
    private mutating func checkUndecided(_ node: JSONNode, _ variants: ManifestVariants, at path: ManifestPath) {
        let names = Set(variants.variants.flatMap { $0.keys.map(\.name) }).sorted()
        for member in node.object ?? [] where member.key != variants.selector {
            let place = path.appending(member.key)
            let candidates = variants.variants.compactMap { variant in variant.keys.first { $0.name == member.key } }
            if candidates.isEmpty {
                report(
                    place, member.value, found: "an unknown key",
                    allowed: Self.staysHere(member.key, at: path)
                        ?? "the keys " + names.joined(separator: ", "),
                    suggestion: NearestName.of(member.key, among: names))
            } else if let key = candidates.first, candidates.count == variants.variants.count {
                _ = check(member.value, against: key.rule, unit: key.unit, at: place)
            }
        }
    }

    /// What is said of `host` in a section whose process stays with the robot.
    private static func staysHere(_ key: String, at path: ManifestPath) -> String? {
        guard key == ManifestName.nodeHost, !path.keys.isEmpty else { return nil }
        return "no host here: policy, goal, record and console can be on another machine, camera and arm stay"
    }

    private mutating func checkSection(
        _ node: JSONNode, _ keys: [ManifestKey], at path: ManifestPath, elsewhere: (String) -> String? = { _ in nil }
    ) -> JSONNode {
        let members = node.object ?? []
        for member in members where !keys.contains(where: { $0.name == member.key }) {
            report(
                path.appending(member.key), member.value, found: "an unknown key",
                allowed: elsewhere(member.key) ?? Self.staysHere(member.key, at: path) ?? "the keys "
                    + keys.map(\.name).joined(separator: ", "),
                suggestion: NearestName.of(member.key, among: keys.map(\.name)))
        }
        var sound: [JSONNode.Member] = []
        for key in keys {
            let place = path.appending(key.name)
            let value: JSONNode?
            if let written = node[key.name] {
                value = check(written, against: key.rule, unit: key.unit, at: place)
            } else {
                switch key.presence {
                case .optional: value = nil
                case .defaultsTo(let preset): value = check(preset, against: key.rule, at: place)
                case .startingFolder(let name): value = JSONNode(FileSystem.absolute(name, from: workingFolder))
                case .required:
                    report(
                        place, node, found: "nothing",
                        allowed: "\(key.rule.allowed(unit: key.unit)); this key is required")
                    value = nil
                }
            }
            if let value { sound.append(.init(key: key.name, value: value)) }
        }
        return JSONNode(.object(sound), line: node.line, column: node.column)
    }

    /// A value for an error message: short ones as they are, others by their kind.
    static func shown(_ node: JSONNode) -> String {
        switch node.value {
        case .null: return "null"
        case .array(let elements) where !elements.isEmpty && elements.count > 8:
            return "an array of \(elements.count) values"
        case .object(let members): return members.isEmpty ? "an empty object" : "an object"
        case .bool, .number, .string, .array:
            let text = node.text()
            return text.count <= 120 ? text : "\(node.kind) of \(text.count) signs"
        }
    }
}
