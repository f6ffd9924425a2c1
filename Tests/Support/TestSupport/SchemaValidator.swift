import Foundation
import JSONTree

/// As much of JSON Schema (draft 2020-12) as the schemas here use, written from the specification and not from the
/// parser's rules; a keyword it does not know is a fault, so that nothing goes unchecked.
package enum SchemaValidator {
    package static func faults(of node: JSONNode, under schema: JSONNode, at path: String = "$") -> [String] {
        if schema.bool == true { return [] }
        if schema.bool == false { return ["\(path): not allowed"] }
        return (schema.object ?? []).flatMap { keyword -> [String] in
            faults(of: node, keyword.key, keyword.value, schema, at: path)
        }
    }

    private static func faults(
        of node: JSONNode, _ keyword: String, _ value: JSONNode, _ schema: JSONNode, at path: String
    ) -> [String] {
        func fault(if broken: Bool?) -> [String] { broken == true ? ["\(path): \(keyword)"] : [] }
        switch keyword {
        case "$schema", "title", "description", "default": return []
        case "type": return fault(if: !hasType(value.string ?? "", node))
        case "minimum": return fault(if: node.double.map { $0 < value.double ?? .nan })
        case "maximum": return fault(if: node.double.map { $0 > value.double ?? .nan })
        case "exclusiveMinimum": return fault(if: node.double.map { $0 <= value.double ?? .nan })
        case "minLength": return fault(if: node.string.map { $0.unicodeScalars.count < value.int ?? 0 })
        case "pattern": return fault(if: node.string.map { !matches($0, value.string ?? "") })
        case "enum": return fault(if: !(value.array ?? []).contains(node))
        case "minItems": return fault(if: node.array.map { $0.count < value.int ?? 0 })
        case "maxItems": return fault(if: node.array.map { $0.count > value.int ?? 0 })
        case "items":
            return (node.array ?? []).enumerated().flatMap { faults(of: $1, under: value, at: "\(path)[\($0)]") }
        case "minProperties": return fault(if: node.object.map { $0.count < value.int ?? 0 })
        case "propertyNames":
            return (node.object ?? []).flatMap { faults(of: JSONNode($0.key), under: value, at: "\(path).\($0.key)") }
        case "required":
            return fault(if: node.object != nil && (value.array ?? []).contains { node[$0.string ?? ""] == nil })
        case "properties":
            return (node.object ?? []).flatMap { member in
                value[member.key].map { faults(of: member.value, under: $0, at: "\(path).\(member.key)") } ?? []
            }
        case "additionalProperties":
            return (node.object ?? []).filter { schema["properties"]?[$0.key] == nil }
                .flatMap { faults(of: $0.value, under: value, at: "\(path).\($0.key)") }
        case "oneOf":
            return fault(if: (value.array ?? []).count { faults(of: node, under: $0).isEmpty } != 1)
        default: return ["\(path): this test does not know the keyword '\(keyword)'"]
        }
    }

    private static func hasType(_ type: String, _ node: JSONNode) -> Bool {
        switch type {
        case "object": node.object != nil
        case "array": node.array != nil
        case "string": node.string != nil
        case "boolean": node.bool != nil
        case "number": node.double != nil
        case "integer": node.double.map { $0.rounded() == $0 } ?? false
        default: false
        }
    }

    private static func matches(_ text: String, _ expression: String) -> Bool {
        text.range(of: expression, options: .regularExpression) != nil
    }
}

/// The reference implementation of JSON Schema in Python, where it is installed.
package enum PythonValidator {
    private static let program = """
        import json, sys
        try:
            import jsonschema
        except ImportError:
            sys.exit(77)
        check = jsonschema.Draft202012Validator(json.load(open(sys.argv[1])))
        for line in sys.stdin:
            print(int(check.is_valid(json.loads(line))))
        """

    /// One verdict for each manifest; nil where Python or its package is missing.
    package static func verdicts(on manifests: [JSONNode], schema: String) throws -> [Bool]? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", program, schema]
        let input = FileManager.default.temporaryDirectory.appendingPathComponent("manifests-\(UUID().uuidString)")
        try Data(manifests.map { $0.text() + "\n" }.joined().utf8).write(to: input)
        defer { try? FileManager.default.removeItem(at: input) }
        process.standardInput = try FileHandle(forReadingFrom: input)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let lines = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        // 77: no jsonschema; 126, 127: no python3.
        if [77, 126, 127].contains(process.terminationStatus) { return nil }
        return lines.split(separator: "\n").map { $0 == "1" }
    }
}
