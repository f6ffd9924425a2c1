import JSONTree

/// What differs between two manifests, or one section of two, key by key: of this machine's and of another's.
package struct ManifestDifference: Equatable, Sendable {
    /// One key whose values differ. The order of keys in an object is no difference; that in an array is.
    package struct Entry: Equatable, Sendable {
        package var path: ManifestPath
        /// Value of this machine's; nil: it has none.
        package var here: JSONNode?
        /// Value of the other's; nil: it has none.
        package var there: JSONNode?
    }

    /// In the order of this machine's keys, then of those that only the other has.
    package private(set) var entries: [Entry] = []

    /// Lines that are told of one difference; what is sent stays short whatever the other has.
    private static let mostLines = 20

    /// Compares two values.
    /// - Parameters:
    ///   - place: where in a manifest they stand.
    ///   - passedOver: places at which everything may differ.
    package init(
        here: JSONNode, there: JSONNode, at place: ManifestPath = ManifestPath(),
        passingOver passedOver: [ManifestPath] = []
    ) {
        compare(here, there, at: place, passedOver)
    }

    package var isEmpty: Bool { entries.isEmpty }

    /// The same as the other machine has to tell it.
    package var seenFromThere: ManifestDifference {
        var reversed = self
        reversed.entries = entries.map { Entry(path: $0.path, here: $0.there, there: $0.here) }
        return reversed
    }

    /// One line for each key: `policy.threads: 2 here, 4 there`. Long ones are cut, with their number.
    package var lines: [String] {
        let lines = entries.prefix(Self.mostLines).map(\.description)
        let more = entries.count - lines.count
        return lines + (more > 0 ? ["and \(more) more"] : [])
    }

    private mutating func compare(
        _ here: JSONNode?, _ there: JSONNode?, at place: ManifestPath, _ passedOver: [ManifestPath]
    ) {
        if passedOver.contains(where: place.isWithin) { return }
        let (ours, theirs) = (here?.object, there?.object)
        // Where only one is an object with keys, each of them is told: that is what somebody has to write or remove.
        if ours != nil || theirs != nil, ours != nil || here == nil, theirs != nil || there == nil,
            ours?.isEmpty == false || theirs?.isEmpty == false
        {
            for member in ours ?? [] {
                compare(member.value, there?[member.key], at: place.appending(member.key), passedOver)
            }
            for member in theirs ?? [] where here?[member.key] == nil {
                compare(nil, member.value, at: place.appending(member.key), passedOver)
            }
            return
        }
        if !Self.areSame(here, there) { entries.append(Entry(path: place, here: here, there: there)) }
    }

    private static func areSame(_ a: JSONNode?, _ b: JSONNode?) -> Bool {
        guard let a, let b else { return a == nil && b == nil }
        if let a = a.array, let b = b.array { return a.count == b.count && zip(a, b).allSatisfy { areSame($0, $1) } }
        guard let first = a.object, let second = b.object else { return a == b }
        return first.count == second.count && first.allSatisfy { areSame($0.value, b[$0.key]) }
    }
}

extension ManifestDifference: CustomStringConvertible {
    package var description: String { lines.joined(separator: "; ") }
}

extension ManifestDifference.Entry: CustomStringConvertible {
    package var description: String {
        func shown(_ node: JSONNode?) -> String { node.map(ManifestCheck.shown) ?? "nothing" }
        return "\(path.description.dropFirst(2)): \(shown(here)) here, \(shown(there)) there"
    }
}
