import JSONTree

/// The keys of one section of the manifest. A section's initializer asks for each of them where it needs the value, and
/// says there what may stand in the file, the default and the meaning: from these questions come parser, schema and
/// documentation, so that a key stands in one place only.
///
/// It is run twice: without a section, to list its keys, and with one that was found to keep their rules.
struct ManifestKeys {
    /// The section that is read; nil: there is nothing to read, the keys are listed.
    private let section: JSONNode?
    private var listed: [ManifestKey] = []

    private init(_ section: JSONNode?) { self.section = section }

    /// The keys that `read` asks for, and a value for when nothing is read.
    static func list<Value>(_ read: (inout ManifestKeys) -> Value) -> (keys: [ManifestKey], sample: Value) {
        var keys = ManifestKeys(nil)
        let sample = read(&keys)
        return (keys.listed, sample)
    }

    /// The value of a section that keeps the rules of its keys.
    static func read<Value>(_ section: JSONNode, _ read: (inout ManifestKeys) -> Value) -> Value {
        var keys = ManifestKeys(section)
        return read(&keys)
    }

    /// A key that has to be there.
    mutating func required<Value>(_ name: String, _ form: ManifestForm<Value>, _ meaning: String) -> Value {
        present(name, form, .required, meaning)
    }

    /// A key that may be left out; then there is no value.
    mutating func optional<Value>(_ name: String, _ form: ManifestForm<Value>, _ meaning: String) -> Value? {
        list(name, form, .optional, meaning)
        return section?[name].flatMap(form.read)
    }

    /// A key that may be left out; then it has a usual value.
    mutating func value<Value>(
        _ name: String, _ form: ManifestForm<Value>, default usual: Value, _ meaning: String
    ) -> Value {
        present(name, form, .defaultsTo(form.write(usual)), meaning)
    }

    /// A section that may be left out; then all its keys have their usual values.
    mutating func section<Value: Sendable>(
        _ name: String, _ meaning: String, _ read: @escaping @Sendable (inout ManifestKeys) -> Value
    ) -> Value {
        present(name, .section(read), .defaultsTo(.object([:])), meaning)
    }

    /// A folder that may be left out; then it is `folder` where the run was started, for people keep what they make
    /// where they work, not where the manifest happens to lie.
    mutating func folder(_ name: String, elseStartingFolder folder: String, _ meaning: String) -> String {
        present(name, .destinationFolder, .startingFolder(folder), meaning)
    }

    private mutating func present<Value>(
        _ name: String, _ form: ManifestForm<Value>, _ presence: ManifestKey.Presence, _ meaning: String
    ) -> Value {
        list(name, form, presence, meaning)
        guard let section else { return form.sample }
        guard let value = section[name].flatMap(form.read) else {
            preconditionFailure("the manifest's check let a faulty '\(name)' pass")
        }
        return value
    }

    private mutating func list<Value>(
        _ name: String, _ form: ManifestForm<Value>, _ presence: ManifestKey.Presence, _ meaning: String
    ) {
        guard section == nil else { return }
        listed.append(ManifestKey(name, form.rule, presence, unit: form.unit, meaning))
    }
}
