import Foundation
import JSONTree

/// How the actions of one data set were normalised for training. One number per action dimension, in the data set's
/// units.
package struct ActionStatistics: Equatable, Sendable {
    package var mean: [Float]
    package var std: [Float]
    /// False for dimensions that were left as they are (the gripper); all true when the file says nothing.
    package var mask: [Bool]
    /// 1st and 99th percentile; needed for `.bounds` only.
    package var p01: [Float]?
    package var p99: [Float]?

    package init(mean: [Float], std: [Float], mask: [Bool]? = nil, p01: [Float]? = nil, p99: [Float]? = nil) {
        precondition(mean.count == std.count, "one mean and one std per dimension")
        self.mean = mean
        self.std = std
        self.mask = mask ?? mean.map { _ in true }
        self.p01 = p01
        self.p99 = p99
        precondition(self.mask.count == mean.count, "one mask entry per dimension")
    }

    package var dimension: Int { mean.count }

    /// Which numbers the training subtracted and divided by.
    package enum Normalization: String, Sendable, CaseIterable {
        /// By mean and std.
        case normal
        /// p01...p99 became -1...1.
        case bounds
    }

    /// Turns the network's numbers into the data set's units (`unnormalize_action` of the official code, commit
    /// 241fb35).
    ///
    /// - Parameters:
    ///   - chunk: `[actionHorizon, actionDimension]`, normalised.
    ///   - actionDimension: the network's; at least this data set's.
    /// - Returns: `[actionHorizon, dimension]`: cut to the dimensions this data set has. nil for `.bounds` without
    ///   percentiles.
    package func unnormalise(
        _ chunk: [Float], actionDimension: Int, _ normalization: Normalization = .normal
    ) -> [Float]? {
        precondition(
            actionDimension >= dimension && chunk.count % actionDimension == 0,
            "a chunk of \(chunk.count) numbers with \(actionDimension) dimensions, statistics have \(dimension)")
        let scale: [Float]
        let offset: [Float]
        switch normalization {
        case .normal:
            // The plain std: training divided by std + 1e-8, the official way back does not.
            (scale, offset) = (std, mean)
        case .bounds:
            guard let p01, let p99 else { return nil }
            scale = zip(p01, p99).map { ($1 - $0) / 2 }
            offset = zip(p01, scale).map { $0 + $1 }
        }
        var result: [Float] = []
        result.reserveCapacity(chunk.count / actionDimension * dimension)
        for row in stride(from: 0, to: chunk.count, by: actionDimension) {
            for d in 0..<dimension {
                let value = chunk[row + d]
                result.append(mask[d] ? value * scale[d] + offset[d] : value)
            }
        }
        return result
    }
}

/// `dataset_statistics.json`: a pretrained model has statistics of many data sets, a finetuned one of a single one that
/// has no name.
struct DatasetStatistics: Sendable {
    let file: String
    /// Names in the order of the file; nil for the only, nameless one.
    let entries: [(name: String?, action: ActionStatistics)]

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
                        path: file, found: "no 'action' in '\(member.key)'", expected: "action statistics of each data set")
                }
                entries.append((member.key, try Self.action(action, at: "\(member.key).action", file: file)))
            }
        }
        if entries.isEmpty {
            throw .unusableStatistics(path: file, found: "no data set", expected: "action statistics of at least one")
        }
        self.file = file
        self.entries = entries
    }

    private static func action(_ node: JSONNode, at path: String, file: String) throws(CheckpointError) -> ActionStatistics {
        let mean = try numbers(node, "mean", count: nil, at: path, file: file) ?? []
        let count = mean.count
        guard count > 0, let std = try numbers(node, "std", count: count, at: path, file: file) else {
            throw .unusableStatistics(path: file, found: "no mean or no std in '\(path)'", expected: "one number per dimension")
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
        return ActionStatistics(
            mean: mean, std: std, mask: mask, p01: try numbers(node, "p01", count: count, at: path, file: file),
            p99: try numbers(node, "p99", count: count, at: path, file: file))
    }

    /// nil if the key is absent.
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

    /// - Parameter name: nil asks for the only one.
    /// - Throws: `.unusableStatistics` listing the names there are.
    func action(of name: String?, actionDimension: Int) throws(CheckpointError) -> ActionStatistics {
        let names = entries.compactMap(\.name)
        let entry: (name: String?, action: ActionStatistics)?
        if entries.count == 1, name == nil || entries[0].name == nil {
            entry = entries[0]
        } else {
            entry = entries.first { $0.name == name }
        }
        guard let entry else {
            throw .unusableStatistics(
                path: file, found: "statistics of \(names.joined(separator: ", "))",
                expected: name.map { "statistics of '\($0)'" } ?? "a data set to be named, as there are several")
        }
        guard entry.action.dimension <= actionDimension else {
            throw .unusableStatistics(
                path: file, found: "\(entry.action.dimension) action dimensions",
                expected: "at most the \(actionDimension) of the action head")
        }
        return entry.action
    }
}
