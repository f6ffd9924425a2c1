import JSONTree
import Messages
import Time

/// How one value is written in a manifest, and what it is to the program. Parser and schema both come from the `rule`;
/// what keeps it can be read.
struct ManifestForm<Value: Sendable>: Sendable {
    let rule: ManifestRule
    /// Unit in which it is written, for people.
    var unit: String?
    /// Any value of the kind: what is read where there is nothing to read, since keys are only listed.
    let sample: Value
    /// The value of a node that keeps the rule.
    let read: @Sendable (JSONNode) -> Value?
    /// The node that is read as this value: how a default is written.
    let write: @Sendable (Value) -> JSONNode
}

extension ManifestForm where Value == Bool {
    static var boolean: Self {
        Self(rule: .boolean, sample: false, read: { $0.bool }, write: { JSONNode(.bool($0)) })
    }
}

extension ManifestForm where Value == Int {
    static func integer(_ range: ClosedRange<Int>, unit: String? = nil) -> Self {
        Self(
            rule: .integer(range), unit: unit, sample: range.lowerBound, read: { $0.int }, write: { JSONNode($0) })
    }
}

extension ManifestForm where Value == UInt64 {
    /// Seeds that every reader of JSON keeps whole: below 2^53.
    static var seed: Self {
        Self(
            rule: .integer(0...9_007_199_254_740_991), sample: 0, read: { $0.int.flatMap { UInt64(exactly: $0) } },
            write: { JSONNode(Int($0)) })
    }
}

extension ManifestForm where Value == Double {
    static func number(_ range: ClosedRange<Double>, unit: String? = nil) -> Self {
        Self(
            rule: .number(range), unit: unit, sample: range.lowerBound, read: { $0.double },
            write: { JSONNode(number: $0) })
    }
}

extension ManifestForm where Value == Duration {
    static func seconds(_ range: ClosedRange<Double>) -> Self {
        Self(
            rule: .number(range), unit: "s", sample: .fromSeconds(range.lowerBound),
            read: { $0.double.map { .fromSeconds($0) } },
            write: { JSONNode(number: ($0.inSeconds * 1e9).rounded() / 1e9) })
    }
}

extension ManifestForm where Value == Rate {
    /// A rate in hertz within a range.
    /// - Parameter range: range of allowed rates, hertz, above 0.
    static func hertz(_ range: ClosedRange<Double>) -> Self {
        Self(
            rule: .number(range), unit: "Hz", sample: Rate(hertz: range.lowerBound),
            // A rate keeps whole nanoseconds, people write hertz.
            read: { $0.double.map { Rate(hertz: $0) } }, write: { JSONNode(number: ($0.hertz * 1e3).rounded() / 1e3) })
    }
}

extension ManifestForm where Value == [Double] {
    static func numbers(_ range: ClosedRange<Double>, count: ClosedRange<Int>, unit: String? = nil) -> Self {
        Self(
            rule: .numbers(range, count: count), unit: unit, sample: [], read: { $0.array?.compactMap(\.double) },
            write: { JSONNode(.array($0.map { JSONNode(number: $0) })) })
    }
}

extension ManifestForm where Value == [Int] {
    static func integers(_ range: ClosedRange<Int>, count: ClosedRange<Int>) -> Self {
        Self(
            rule: .integers(range, count: count), sample: [], read: { $0.array?.compactMap(\.int) },
            write: { JSONNode(.array($0.map { JSONNode($0) })) })
    }
}

extension ManifestForm where Value == String {
    static var text: Self { string(.text) }
    static func name(separator: Character) -> Self { string(.name(separator: separator)) }
    static var fileNamePattern: Self { string(.fileNamePattern) }
    /// A file that is there; read as its absolute path, like the three that follow.
    static var file: Self { string(.path(.file)) }
    static var folder: Self { string(.path(.folder)) }
    static var destination: Self { string(.destination) }
    static var destinationFolder: Self { string(.destinationFolder) }

    private static func string(_ rule: ManifestRule) -> Self {
        Self(rule: rule, sample: "", read: { $0.string }, write: { JSONNode($0) })
    }
}

extension ManifestForm where Value: CaseIterable & RawRepresentable<String> {
    /// One of the words that the cases are called.
    static var choice: Self {
        Self(
            rule: .choice(Value.allCases.map(\.rawValue)), sample: Value.allCases[Value.allCases.startIndex],
            read: { $0.string.flatMap(Value.init(rawValue:)) }, write: { JSONNode($0.rawValue) })
    }
}

extension ManifestForm where Value == ProprioLayout {
    /// The name of a data set's layout, or a list of its fields.
    static var proprio: Self {
        Self(
            rule: .choiceOrList(ProprioLayout.names, elements: ProprioField.all.map(\.name), count: 1...64),
            sample: .fields([]),
            read: { node in
                node.array.map { .fields($0.compactMap { $0.string.flatMap(ProprioField.init(name:)) }) }
                    ?? node.string.flatMap(ProprioLayout.init(name:))
            },
            write: { layout in
                switch layout {
                case .bridge: "bridge"
                case .joints: "joints"
                case .fields(let fields): JSONNode(.array(fields.map { JSONNode($0.name) }))
                }
            })
    }
}

extension ManifestForm {
    /// A section, whose keys are those that `read` asks for.
    static func section(_ read: @escaping @Sendable (inout ManifestKeys) -> Value) -> Self {
        let (keys, sample) = ManifestKeys.list(read)
        return Self(
            rule: .section(keys), sample: sample, read: { ManifestKeys.read($0, read) },
            write: { _ in .object([:]) })
    }

    /// One kind of a section, of those among which its `selector` chooses.
    struct Variant: Sendable {
        let word: String
        let read: @Sendable (inout ManifestKeys) -> Value

        init(_ word: String, _ read: @escaping @Sendable (inout ManifestKeys) -> Value) {
            self.word = word
            self.read = read
        }
    }

    /// A section whose keys depend on the value of one of them.
    /// - Parameters:
    ///   - selector: name of the key that selects the variant.
    ///   - variants: the variants, at least one.
    static func variants(_ selector: String, _ meaning: String, _ variants: [Variant]) -> Self {
        let listed = variants.map { (word: $0.word, content: ManifestKeys.list($0.read)) }
        return Self(
            rule: .variants(
                ManifestVariants(
                    selector: selector, meaning: meaning,
                    variants: listed.map { .init(value: $0.word, keys: $0.content.keys) })),
            sample: listed[0].content.sample,
            read: { node in
                variants.first { $0.word == node[selector]?.string }.map { ManifestKeys.read(node, $0.read) }
            },
            write: { _ in .object([:]) })
    }

    /// Values by names that the user chooses; read in the order of the names, so that the order in the file decides
    /// nothing.
    static func named<Element>(_ element: ManifestForm<Element>, atLeast minimum: Int = 1) -> Self
    where Value == [ManifestNamed<Element>] {
        Self(
            rule: .named(element.rule, atLeast: minimum), sample: [],
            read: { node in
                node.object?.sorted { $0.key < $1.key }.compactMap { member in
                    element.read(member.value).map { ManifestNamed(name: member.key, value: $0) }
                }
            },
            write: { _ in .object([:]) })
    }
}

/// A value and the name that the user gave it.
struct ManifestNamed<Value: Sendable>: Sendable {
    let name: String
    let value: Value
}
