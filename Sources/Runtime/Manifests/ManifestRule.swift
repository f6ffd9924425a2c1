import JSONTree

/// What one value of the manifest may be. The parser and `launch/schema.json` are both made from these rules, so that
/// they cannot say different things.
indirect enum ManifestRule: Sendable {
    case boolean
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    /// Any string that is not empty.
    case text
    /// A lower-case letter, then lower-case letters, digits and the separator; at most `maximumNameLength` signs.
    case name(separator: Character)
    /// The name of files within one folder, with `*` and `?`.
    case fileNamePattern
    /// A machine's public key in Z85, or `own`.
    case publicKey
    case path(FileProbe.Kind)
    /// The path of a file that may not be there yet; its folder is.
    case destination
    /// A folder that is there, or can be made in one that is.
    case destinationFolder
    case choice([String])
    /// One of some words, or a list of others.
    case choiceOrList([String], elements: [String], count: ClosedRange<Int>)
    case numbers(ClosedRange<Double>, count: ClosedRange<Int>)
    case integers(ClosedRange<Int>, count: ClosedRange<Int>)
    case section([ManifestKey])
    /// A section whose keys depend on the value of one of them.
    case variants(ManifestVariants)
    /// An object whose keys are names chosen by the user.
    case named(ManifestRule, atLeast: Int)

    static let maximumNameLength = 32
}

/// One key of a section, as check and schema see it.
struct ManifestKey: Sendable {
    enum Presence: Sendable {
        case required
        case optional
        case defaultsTo(JSONNode)
        /// A folder of this name in the one in which the program was started.
        case startingFolder(String)
    }
    let name: String
    let rule: ManifestRule
    let presence: Presence
    let unit: String?
    /// One or two sentences for the schema.
    let meaning: String

    init(_ name: String, _ rule: ManifestRule, _ presence: Presence, unit: String? = nil, _ meaning: String) {
        self.name = name
        self.rule = rule
        self.presence = presence
        self.unit = unit
        self.meaning = meaning
    }
}

/// A section in which `selector` decides which other keys there are.
struct ManifestVariants: Sendable {
    struct Variant: Sendable {
        let value: String
        let keys: [ManifestKey]
    }
    let selector: String
    let meaning: String
    let variants: [Variant]

    /// All keys of the variant named `value`, the selector first.
    func keys(of variant: Variant) -> [ManifestKey] {
        [ManifestKey(selector, .choice(variants.map(\.value)), .required, meaning)] + variant.keys
    }
}

extension ManifestRule {
    /// What may stand there, for error messages.
    func allowed(unit: String? = nil) -> String {
        let ofUnit = unit.map { " (\($0))" } ?? ""
        return switch self {
        case .boolean: "true or false"
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)\(ofUnit)"
        case .number(let range):
            "a number from \(Self.text(range.lowerBound)) to \(Self.text(range.upperBound))\(ofUnit)"
        case .text: "a string that is not empty"
        case .name(let separator):
            "a lower-case letter, then lower-case letters, digits and '\(separator)', at most "
                + "\(Self.maximumNameLength) in all"
        case .fileNamePattern: "the name of files in the folder, with * and ? as wild cards and without '/'"
        case .publicKey:
            "the machine's public key, 40 signs as 'octo-bus keys show' prints them there, or "
                + "\"own\" for this user's own, to try on one machine"
        case .path(.file): "the path of a file"
        case .path(.folder): "the path of a folder"
        case .destination: "the path of a file to be written, in a folder that is there"
        case .destinationFolder: "the path of a folder, which is there or whose parent is"
        case .choice(let values):
            (values.count == 1 ? "" : "one of ") + values.map { "\"\($0)\"" }.joined(separator: ", ")
        case .choiceOrList(let values, let elements, let count):
            "\(values.map { "\"\($0)\"" }.joined(separator: ", ")), or an array of \(count.lowerBound) to "
                + "\(count.upperBound) out of \(elements.map { "\"\($0)\"" }.joined(separator: ", "))"
        case .numbers(let range, let count):
            "an array of \(count.lowerBound) to \(count.upperBound) numbers from \(Self.text(range.lowerBound)) to "
                + "\(Self.text(range.upperBound))\(ofUnit)"
        case .integers(let range, let count):
            "an array of \(count.lowerBound) to \(count.upperBound) whole numbers from \(range.lowerBound) to "
                + "\(range.upperBound)\(ofUnit)"
        case .section, .variants: "an object"
        case .named(_, let minimum): minimum == 0 ? "an object" : "an object with at least \(minimum) name in it"
        }
    }

    private static func text(_ number: Double) -> String { JSONNode(number: number).text() }

    static func isName(_ text: String, separator: Character) -> Bool {
        let scalars = text.unicodeScalars
        guard let first = scalars.first, ("a"..."z").contains(first), scalars.count <= maximumNameLength else {
            return false
        }
        return scalars.allSatisfy { scalar in
            ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) || Character(scalar) == separator
        }
    }
}
