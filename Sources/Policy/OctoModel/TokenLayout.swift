/// Which tokens stand where in the transformer's sequence: the task's first, then those of each timestep.
package struct TokenLayout: Equatable, Sendable {
    /// What the tokens of a group are.
    package enum Kind: Equatable, Sendable {
        case task
        /// Images and the repeated task tokens.
        case observation
        case readout
    }
    /// Tokens that stand together and follow the same attention rules.
    package struct Group: Equatable, Sendable {
        package var name: String
        package var kind: Kind
        package var count: Int

        package init(name: String, kind: Kind, count: Int) {
            self.name = name
            self.kind = kind
            self.count = count
        }
    }

    package let prefix: [Group]
    /// Groups of every timestep.
    package let perTimestep: [Group]
    package let timesteps: Int

    package init(prefix: [Group], perTimestep: [Group], timesteps: Int) {
        self.prefix = prefix
        self.perTimestep = perTimestep
        self.timesteps = timesteps
    }

    var prefixCount: Int { prefix.reduce(0) { $0 + $1.count } }
    var timestepCount: Int { perTimestep.reduce(0) { $0 + $1.count } }
    package var count: Int { prefixCount + timesteps * timestepCount }

    /// The places of the timestep's tokens.
    package func range(ofTimestep t: Int) -> Range<Int> {
        let start = prefixCount + t * timestepCount
        return start..<start + timestepCount
    }

    /// The places of a group's tokens of one timestep; nil if there is no such group.
    package func range(of name: String, timestep t: Int) -> Range<Int>? {
        var start = range(ofTimestep: t).lowerBound
        for group in perTimestep {
            if group.name == name { return start..<start + group.count }
            start += group.count
        }
        return nil
    }

    /// The places of the tokens that an action head reads; nil if there is no such group.
    func range(of source: ModelConfiguration.ActionHead.Source, timestep t: Int) -> Range<Int>? {
        switch source {
        case .readout(let name): return range(of: "readout_\(name)", timestep: t)
        case .group(let name): return range(of: name, timestep: t)
        case .observations:
            // They come first in a timestep, one after the other.
            let count = perTimestep.prefix { $0.kind == .observation }.reduce(0) { $0 + $1.count }
            let start = range(ofTimestep: t).lowerBound
            return start..<start + count
        }
    }

    /// What the attention rules need to know of a token.
    private struct Role: Equatable {
        var kind: Kind
        /// Index of the token's group among all groups, to tell readouts apart.
        var group: Int
        /// Timestep of the token; -1 for the task.
        var time: Int

        func mayAttend(to key: Role) -> Bool {
            switch (kind, key.kind) {
            case (_, .task): true
            case (.task, _): false
            case (.observation, .observation), (.readout, .observation): key.time <= time
            case (.observation, .readout): false
            case (.readout, .readout): group == key.group && key.time <= time
            }
        }
    }

    /// Makes the mask of who may attend to whom: the rules of `BlockTransformer` (official code, commit 241fb35), then
    /// the key mask.
    ///
    /// - Parameters:
    ///   - keyMask: `[count]`, 0 for tokens nobody may attend to.
    ///   - usesCorrectAttention: false for models of December 2023. They looked up a token's group with an index that
    ///     is off by one, so that the first token of every group but the first counted as one of the group before; the
    ///     weights were trained with that, so it has to be done again.
    /// - Returns: `[count, count]`, row = query, 1 = may attend.
    package func attentionMask(keyMask: [UInt8], usesCorrectAttention: Bool) -> [UInt8] {
        precondition(keyMask.count == count, "a key mask of \(count) tokens")
        var roles = Self.roles(prefix, firstGroup: 0, time: -1, correct: usesCorrectAttention)
        for t in 0..<timesteps {
            roles += Self.roles(perTimestep, firstGroup: prefix.count, time: t, correct: usesCorrectAttention)
        }
        var mask = [UInt8](repeating: 0, count: count * count)
        mask.withUnsafeMutableBufferPointer { mask in
            for (q, query) in roles.enumerated() {
                for (k, key) in roles.enumerated() where keyMask[k] != 0 && query.mayAttend(to: key) {
                    mask[q * roles.count + k] = 1
                }
            }
        }
        return mask
    }

    /// Owner of each token of a timestep: nil if every later token may attend to it, else the index of the readout's
    /// group among all groups, whose tokens alone may.
    /// - Returns: `[timestepCount]`
    func privateOwners(usesCorrectAttention: Bool) -> [Int?] {
        Self.roles(perTimestep, firstGroup: prefix.count, time: 0, correct: usesCorrectAttention).map {
            $0.kind == .readout ? $0.group : nil
        }
    }

    private static func roles(_ groups: [Group], firstGroup: Int, time: Int, correct: Bool) -> [Role] {
        var roles: [Role] = []
        for (index, group) in groups.enumerated() {
            for position in 0..<group.count {
                let belongs = !correct && position == 0 && index > 0 ? index - 1 : index
                roles.append(Role(kind: groups[belongs].kind, group: firstGroup + belongs, time: time))
            }
        }
        return roles
    }
}
