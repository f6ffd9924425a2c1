import Foundation
import JSONTree
import ManifestSamples
import Manifests
import TestSupport
import Testing

func readFile(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

@Suite struct ManifestSchemaTests {
    static let schemaPath = Fixture.packageRoot.appendingPathComponent("launch/schema.json").path
    static func schema() throws -> JSONNode { try JSONNode(parsing: readFile(schemaPath)) }

    @Test func theFileIsWhatTheParserSays() throws {
        #expect(
            try String(decoding: readFile(Self.schemaPath), as: UTF8.self) == ManifestSchema.text,
            "run: octo-launch --print-schema > launch/schema.json")
    }

    @Test(arguments: [Sample.minimal, Sample.full]) func theSchemaAcceptsWhatTheParserAccepts(_ text: String) throws {
        #expect(try SchemaValidator.faults(of: JSONNode(parsing: text.utf8), under: Self.schema()) == [])
    }

    @Test func everyKeyAndValueWithoutFilesHasADescriptionAndADefaultOrAStatement() throws {
        var undocumented: [String] = []
        func visit(_ node: JSONNode, _ path: String) {
            for member in node["properties"]?.object ?? [] {
                if (member.value["description"]?.string ?? "").count < 20 {
                    undocumented.append("\(path).\(member.key)")
                }
                visit(member.value, "\(path).\(member.key)")
            }
            for variant in node["oneOf"]?.array ?? [] { visit(variant, path) }
            if let element = node["additionalProperties"], element.object != nil { visit(element, path + ".*") }
        }
        visit(try Self.schema(), "$")
        #expect(undocumented == [])
    }

    /// The defaults in the schema, written out, change nothing.
    @Test func theDefaultsOfTheSchemaAreThoseOfTheParser() throws {
        func filled(_ node: JSONNode, _ schema: JSONNode) -> JSONNode {
            guard let members = node.object else { return node }
            var schema = schema
            for variant in schema["oneOf"]?.array ?? [] where SchemaValidator.faults(of: node, under: variant).isEmpty {
                schema = variant
            }
            let known = schema["properties"]?.object ?? []
            var result = members.map { member in
                JSONNode.Member(
                    key: member.key,
                    value: filled(
                        member.value, schema["properties"]?[member.key] ?? schema["additionalProperties"] ?? nil))
            }
            for key in known where node[key.key] == nil {
                if let preset = key.value["default"] {
                    result.append(.init(key: key.key, value: filled(preset, key.value)))
                }
            }
            return JSONNode(.object(result))
        }
        let written = filled(try JSONNode(parsing: Sample.minimal.utf8), try Self.schema())
        #expect(written["arm"]?["realtime"]?["priority"]?.int == 80)
        var (a, b) = (try Sample.read(Sample.minimal), try Sample.read(written.text()))
        (a.tree, b.tree) = (nil, nil)
        #expect(a == b)
    }

    /// Random faults put into sound manifests: the parser, asked about values alone, and the schema agree on each.
    @Test func parserAndSchemaAgreeOnRandomManifests() throws {
        let schema = try Self.schema()
        var generator = SeededGenerator(seed: 0x0C70_1A0C)
        var (accepted, refused) = (0, 0)
        for round in 0..<4000 {
            var tree = try JSONNode(parsing: (round % 2 == 0 ? Sample.full : Sample.minimal).utf8)
            for _ in 0..<Int.random(in: 1...2, using: &generator) { tree = mutated(tree, using: &generator) }
            let text = tree.text()
            let schemaRefuses = !SchemaValidator.faults(of: tree, under: schema).isEmpty
            let parserRefuses = !structuralProblems(text).isEmpty
            #expect(parserRefuses == schemaRefuses, "seed \(generator.seed), round \(round): \(text)")
            if parserRefuses { refused += 1 } else { accepted += 1 }
        }
        #expect(accepted > 300 && refused > 300, "one-sided: \(accepted) sound, \(refused) faulty")
    }

    @Test func pythonsValidatorAgreesAsFarAsItIsInstalled() throws {
        var generator = SeededGenerator(seed: 0x9117)
        var manifests: [JSONNode] = []
        for round in 0..<300 {
            let tree = try JSONNode(parsing: (round % 2 == 0 ? Sample.full : Sample.minimal).utf8)
            manifests.append(mutated(tree, using: &generator))
        }
        let verdicts = try PythonValidator.verdicts(on: manifests, schema: Self.schemaPath)
        guard let verdicts else {
            print("skipped: python3 with the package jsonschema is not here")
            return
        }
        try #require(verdicts.count == manifests.count)
        for (manifest, accepted) in zip(manifests, verdicts) {
            #expect(structuralProblems(manifest.text()).isEmpty == accepted, "\(manifest.text())")
        }
    }

    /// What the parser says about each value for itself: conflicts between values are beyond a schema.
    private func structuralProblems(_ text: String) -> [String] {
        do throws(ManifestError) {
            _ = try Sample.read(text, files: nil)
            return []
        } catch {
            let conflicts = [
                "at least one policy step", "at least four times", "at most arm.control_rate_hz",
                "at least supervision.",
                "is older than", "takes one port", "a camera that is not there",
                "each observation waits", "the names of the manifest's cameras", "the policy must see something",
                "this user's alone, without keys", "one IPv4 address of this machine", "with keys instead",
                "a machine of the section", "the machines of hosts", "an IPv4 address, such as", "one of the two",
                "prints it there; this key is required", "with that machine's public key instead",
            ]
            return error.problems.map(\.description).filter { text in !conflicts.contains { text.contains($0) } }
        }
    }

    private func mutated(_ node: JSONNode, using generator: inout SeededGenerator) -> JSONNode {
        guard var members = node.object, !members.isEmpty, Int.random(in: 0..<6, using: &generator) > 0 else {
            return stranger(for: node, using: &generator)
        }
        let index = Int.random(in: 0..<members.count, using: &generator)
        switch Int.random(in: 0..<10, using: &generator) {
        case 0: members.remove(at: index)
        case 1: members.append(.init(key: Self.keys.randomElement(using: &generator) ?? "x", value: 1))
        case 2: members[index].key = Self.keys.randomElement(using: &generator) ?? "x"
        default: members[index].value = mutated(members[index].value, using: &generator)
        }
        // A JSON text with a key twice is refused before it comes to either judge.
        var seen: Set<String> = []
        return JSONNode(.object(members.filter { seen.insert($0.key).inserted }))
    }

    /// Half of the time a value of the same kind, which may well be sound.
    private func stranger(for node: JSONNode, using generator: inout SeededGenerator) -> JSONNode {
        if Bool.random(using: &generator) {
            if let number = node.double {
                return JSONNode(number: number * ([0.5, 1, 1.5, 2].randomElement(using: &generator) ?? 1))
            }
            if let flag = node.bool { return JSONNode(.bool(!flag)) }
            if node.string != nil {
                return JSONNode(["frames", "resize", "images", "x-1"].randomElement(using: &generator) ?? "x")
            }
        }
        return Self.strangers.randomElement(using: &generator) ?? nil
    }

    private static let strangers: [JSONNode] = [
        nil, true, false, 0, 1, 2, 5, 60, 100, 1000, -1, 1.5, 0.25, 1e9, 1e300, 65535, 65536, "", "x", "images", "none",
        "episode", "tcp", "simulated", "a/b", "*", "A-1", "resize", "a\0b", [], [1], [1, 2.5, -3], ["x"], [7],
        .object([:]), .object(["primary": "x"]), .object(["source": "none"]), .object(["source": "images"]),
        .object(["Bad Name": "x"]), JSONNode(.number("4.0")), JSONNode(.number("1e2")), JSONNode(.number("1E400")),
    ]
    private static let keys = [
        "x", "", "name", "source", "rate_hz", "text", "folder", "frame", "images", "patterns", "cpu", "step", "window",
        "initial_rad", "wrist", "Wrist", "$schema", "dataset",
    ]
}
