import JSONTree

/// `dataset_statistics.json`: a pretrained model has statistics of many data sets, a finetuned one of a single one that
/// has no name.
struct CheckpointStatistics: Sendable {
    let file: String
    /// Names in the order of the file; nil for the only, nameless one.
    let entries: [(name: String?, action: ActionStatistics)]
    /// The file's proprioception of each, not looked at before it is asked for: most robots do without.
    private let proprio: [JSONNode?]

    init(_ root: JSONNode, file: String) throws(CheckpointError) {
        guard let members = root.object else {
            throw .unusableStatistics(path: file, found: root.kind, expected: "an object of data sets")
        }
        var entries: [(name: String?, action: ActionStatistics)] = []
        if let action = root["action"] {
            entries.append((nil, try Self.action(action, at: "action", file: file)))
        } else {
            for member in members {
                guard let action = member.value["action"] else {
                    throw .unusableStatistics(
                        path: file, found: "no 'action' in '\(member.key)'",
                        expected: "action statistics of each data set")
                }
                entries.append((member.key, try Self.action(action, at: "\(member.key).action", file: file)))
            }
        }
        if entries.isEmpty {
            throw .unusableStatistics(path: file, found: "no data set", expected: "action statistics of at least one")
        }
        self.file = file
        self.entries = entries
        proprio = root["action"] != nil ? [root["proprio"]] : members.map { $0.value["proprio"] }
    }

    private static func action(
        _ node: JSONNode, at path: String, file: String
    ) throws(CheckpointError) -> ActionStatistics {
        let (mean, std, mask) = try moments(node, at: path, file: file)
        var statistics = ActionStatistics(
            mean: mean, std: std, mask: mask, p01: try numbers(node, "p01", count: mean.count, at: path, file: file),
            p99: try numbers(node, "p99", count: mean.count, at: path, file: file))
        if mean.count == 7, let least = try numbers(node, "min", count: 7, at: path, file: file)?.last,
            let most = try numbers(node, "max", count: 7, at: path, file: file)?.last
        {
            statistics.hasSignedGripper = ActionStatistics.isSigned(least, most)
        }
        return statistics
    }

    private static func moments(
        _ node: JSONNode, at path: String, file: String
    ) throws(CheckpointError) -> (mean: [Float], std: [Float], mask: [Bool]?) {
        let mean = try numbers(node, "mean", count: nil, at: path, file: file) ?? []
        let count = mean.count
        guard count > 0, let std = try numbers(node, "std", count: count, at: path, file: file) else {
            throw .unusableStatistics(
                path: file, found: "no mean or no std in '\(path)'", expected: "one number per dimension")
        }
        if let negative = std.first(where: { $0 < 0 }) {
            throw .unusableStatistics(
                path: file, found: "\(negative) in '\(path).std'", expected: "deviations that are not negative")
        }
        var mask: [Bool]?
        if let maskNode = node["mask"] {
            let values = maskNode.array?.map(\.bool) ?? []
            guard values.count == count, !values.contains(nil) else {
                throw .unusableStatistics(
                    path: file, found: "a mask in '\(path)' that does not fit", expected: "\(count) Booleans")
            }
            mask = values.map { $0 ?? true }
        }
        return (mean, std, mask)
    }

    /// Reads the numbers of a key; nil if it is absent.
    private static func numbers(
        _ node: JSONNode, _ key: String, count: Int?, at path: String, file: String
    ) throws(CheckpointError) -> [Float]? {
        guard let list = node[key] else { return nil }
        let values = list.array?.map(\.double) ?? []
        let numbers = values.compactMap { $0.map { Float($0) } }
        guard numbers.count == values.count, !values.isEmpty, count == nil || numbers.count == count,
            numbers.allSatisfy(\.isFinite)
        else {
            throw .unusableStatistics(
                path: file, found: "\(list.array.map { "\($0.count) values" } ?? list.kind) at '\(path).\(key)'",
                expected: count.map { "\($0) finite numbers" } ?? "a list of finite numbers")
        }
        return numbers
    }

    /// The action statistics of a data set.
    /// - Parameter name: name of the data set; nil asks for the only one.
    /// - Throws: `.unusableStatistics` listing the names there are, also for the name of one that has none.
    func action(of name: String?, actionDimension: Int) throws(CheckpointError) -> ActionStatistics {
        let action = entries[try index(of: name)].action
        guard action.dimension <= actionDimension else {
            throw .unusableStatistics(
                path: file, found: "\(action.dimension) action dimensions",
                expected: "at most the \(actionDimension) of the action head")
        }
        return action
    }

    /// Statistics of the proprioception; nil if the file says nothing of it.
    func proprio(of name: String?) throws(CheckpointError) -> ProprioStatistics? {
        guard let node = proprio[try index(of: name)] else { return nil }
        let (mean, std, mask) = try Self.moments(node, at: (name.map { "\($0)." } ?? "") + "proprio", file: file)
        let place = (name.map { "\($0)." } ?? "") + "proprio"
        return ProprioStatistics(
            mean: mean, std: std, mask: mask,
            p01: try Self.numbers(node, "p01", count: mean.count, at: place, file: file),
            p99: try Self.numbers(node, "p99", count: mean.count, at: place, file: file))
    }

    private func index(of name: String?) throws(CheckpointError) -> Int {
        let names = entries.compactMap(\.name)
        if entries.count == 1, name == nil { return 0 }
        if let name, names.isEmpty {
            throw .unusableStatistics(
                path: file, found: "statistics of a single data set without a name, as fine-tuning leaves them",
                expected: "statistics of '\(name)', or no data set to be named")
        }
        guard let index = entries.firstIndex(where: { $0.name == name }) else {
            throw .unusableStatistics(
                path: file, found: "statistics of \(names.joined(separator: ", "))",
                expected: name.map { "statistics of '\($0)'" } ?? "a data set to be named, as there are several")
        }
        return index
    }
}
