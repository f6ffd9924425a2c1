import JSONTree

/// The manifest's rules as a JSON Schema (draft 2020-12): what `launch/schema.json` holds, for editors and people.
package enum ManifestSchema {
    /// The whole schema as text, with a line break at its end.
    package static var text: String {
        let head: [JSONNode.Member] = [
            .init(key: "$schema", value: "https://json-schema.org/draft/2020-12/schema"),
            .init(key: "title", value: "Octo Runtime manifest"),
            .init(
                key: "description",
                value: JSONNode(
                    "What one robot consists of and how it runs; octo-launch reads it. Relative paths are seen from "
                        + "the manifest's folder. Beyond this schema octo-launch checks that files are there and that "
                        + "values fit together.")),
        ]
        return JSONNode(.object(head + Manifest.form.rule.schemaMembers)).text(indented: true) + "\n"
    }
}

extension ManifestRule {
    fileprivate var schemaMembers: [JSONNode.Member] {
        func members(_ pairs: KeyValuePairs<String, JSONNode>) -> [JSONNode.Member] {
            pairs.map { .init(key: $0.key, value: $0.value) }
        }
        switch self {
        case .boolean: return members(["type": "boolean"])
        case .integer(let range):
            return members([
                "type": "integer", "minimum": JSONNode(range.lowerBound), "maximum": JSONNode(range.upperBound),
            ])
        case .number(let range): return Self.numberMembers(range)
        case .text: return members(["type": "string", "minLength": 1])
        case .name(let separator):
            return members(["type": "string", "pattern": JSONNode(Self.nameExpression(separator))])
        case .fileNamePattern: return members(["type": "string", "pattern": "^[^/\\x00]+$"])
        case .publicKey: return members(["type": "string", "pattern": JSONNode(Self.publicKeyExpression)])
        case .path, .destination, .destinationFolder: return members(["type": "string", "pattern": "^[^\\x00]+$"])
        case .choice(let values): return members(["enum": JSONNode(.array(values.map { JSONNode($0) }))])
        case .choiceOrList(let values, let elements, let count):
            let words = JSONNode.object(["enum": JSONNode(.array(values.map { JSONNode($0) }))])
            let list = JSONNode.object([
                "type": "array", "items": .object(["enum": JSONNode(.array(elements.map { JSONNode($0) }))]),
                "minItems": JSONNode(count.lowerBound), "maxItems": JSONNode(count.upperBound),
            ])
            return members(["oneOf": JSONNode(.array([words, list]))])
        case .numbers(let range, let count):
            return members([
                "type": "array", "items": JSONNode(.object(Self.numberMembers(range))),
                "minItems": JSONNode(count.lowerBound), "maxItems": JSONNode(count.upperBound),
            ])
        case .integers(let range, let count):
            return members([
                "type": "array",
                "items": .object([
                    "type": "integer", "minimum": JSONNode(range.lowerBound), "maximum": JSONNode(range.upperBound),
                ]),
                "minItems": JSONNode(count.lowerBound), "maxItems": JSONNode(count.upperBound),
            ])
        case .section(let keys): return Self.sectionMembers(keys)
        case .variants(let variants):
            return members([
                "type": "object",
                "required": JSONNode(.array([JSONNode(variants.selector)])),
                "oneOf": JSONNode(
                    .array(
                        variants.variants.map { variant in
                            let selector = ManifestKey(
                                variants.selector, .choice([variant.value]), .required, variants.meaning)
                            return JSONNode(.object(Self.sectionMembers([selector] + variant.keys)))
                        })),
            ])
        case .named(let element, let minimum):
            return members([
                "type": "object",
                "propertyNames": .object(["pattern": JSONNode(Self.nameExpression("_"))]),
                "minProperties": JSONNode(minimum),
                "additionalProperties": JSONNode(.object(element.schemaMembers)),
            ])
        }
    }

    private static func numberMembers(_ range: ClosedRange<Double>) -> [JSONNode.Member] {
        [
            .init(key: "type", value: "number"),
            .init(key: "minimum", value: JSONNode(number: range.lowerBound)),
            .init(key: "maximum", value: JSONNode(number: range.upperBound)),
        ]
    }

    private static func nameExpression(_ separator: Character) -> String {
        "^[a-z][a-z0-9\(separator)]{0,\(maximumNameLength - 1)}$"
    }

    /// The signs of Z85 (ZeroMQ RFC 32). The few texts of them that no number has are refused by the parser alone.
    private static let publicKeyExpression =
        "^(\(Manifest.Host.ownKey)|[0-9a-zA-Z.:+=\\^!/*?&<>()\\[\\]\\{\\}@%$#-]{40})$"

    private static func sectionMembers(_ keys: [ManifestKey]) -> [JSONNode.Member] {
        let required = keys.filter { if case .required = $0.presence { true } else { false } }
        var members: [JSONNode.Member] = [
            .init(key: "type", value: "object"),
            .init(
                key: "properties",
                value: JSONNode(.object(keys.map { .init(key: $0.name, value: JSONNode(.object($0.schemaMembers))) }))),
        ]
        if !required.isEmpty {
            members.append(.init(key: "required", value: JSONNode(.array(required.map { JSONNode($0.name) }))))
        }
        return members + [.init(key: "additionalProperties", value: false)]
    }
}

extension ManifestKey {
    fileprivate var schemaMembers: [JSONNode.Member] {
        var description = meaning
        if let unit { description += " Unit: \(unit)." }
        var members: [JSONNode.Member] = [.init(key: "description", value: JSONNode(description))]
        members += rule.schemaMembers
        if case .defaultsTo(let preset) = presence { members.append(.init(key: "default", value: preset)) }
        return members
    }
}
