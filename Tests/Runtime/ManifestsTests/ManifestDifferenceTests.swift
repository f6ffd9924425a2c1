import JSONTree
import ManifestSamples
import Manifests
import TestSupport
import Testing

@Suite struct ManifestDifferenceTests {
    private func lines(_ here: String, _ there: String, at place: [String] = []) throws -> [String] {
        ManifestDifference(
            here: try JSONNode(parsing: here.utf8), there: try JSONNode(parsing: there.utf8), at: ManifestPath(place)
        ).lines
    }

    @Test(arguments: [
        (#"{"threads": 2}"#, #"{"threads": 4}"#, ["policy.threads: 2 here, 4 there"]),
        (#"{"seed": 1}"#, #"{"step": 3, "seed": 1}"#, ["policy.step: nothing here, 3 there"]),
        (#"{"checkpoint": "a"}"#, #"{"checkpoint": "b"}"#, [#"policy.checkpoint: "a" here, "b" there"#]),
        (
            #"{"cameras": {"wrist": {"optional": true}}}"#, "{}",
            ["policy.cameras.wrist.optional: true here, nothing there"]
        ),
        (#"{"cameras": {}}"#, "{}", ["policy.cameras: an empty object here, nothing there"]),
        (#"{"proprio": "bridge"}"#, #"{"proprio": ["x_m"]}"#, [#"policy.proprio: "bridge" here, ["x_m"] there"#]),
        (#"{"cpus": [1, 2]}"#, #"{"cpus": [2, 1]}"#, ["policy.cpus: [1, 2] here, [2, 1] there"]),
        (#"{"a": {"b": 1}}"#, #"{"a": 1}"#, ["policy.a: an object here, 1 there"]),
        (
            #"{"a": 1, "b": 2, "c": 3}"#, #"{"d": 4, "b": 5, "a": 1}"#,
            ["policy.b: 2 here, 5 there", "policy.c: 3 here, nothing there", "policy.d: nothing here, 4 there"]
        ),
        ("5", "6", ["policy: 5 here, 6 there"]),
    ])
    func eachKeyIsALine(here: String, there: String, expected: [String]) throws {
        #expect(try lines(here, there, at: ["policy"]) == expected)
    }

    @Test(arguments: [
        (#"{"a": 1, "b": 2}"#, #"{"b": 2, "a": 1}"#), (#"{"a": 1}"#, #"{"a": 1.0}"#),
        ("[{\"a\": 1, \"b\": 2}]", "[{\"b\": 2.0, \"a\": 1}]"),
        ("{}", "{}"), ("null", "null"),
    ])
    func orderAndSpellingAreNoDifference(here: String, there: String) throws {
        #expect(try lines(here, there) == [])
    }

    @Test func whatIsPassedOverIsNotCompared() throws {
        let here: JSONNode = .object(["host": "big", "pictures": "auto", "seed": 1])
        let there: JSONNode = .object(["host": "large", "seed": 2])
        #expect(AskedPolicy.difference(here: here, there: there).lines == ["policy.seed: 1 here, 2 there"])
    }

    @Test func theOtherMachineIsToldTheOtherWayRound() throws {
        let difference = ManifestDifference(here: .object(["threads": 2]), there: .object(["threads": 4, "seed": 1]))
        #expect(difference.seenFromThere.description == "threads: 4 here, 2 there; seed: 1 here, nothing there")
    }

    @Test func aLongDifferenceIsCut() throws {
        let here = JSONNode(.object((0..<25).map { .init(key: "k\($0)", value: JSONNode($0)) }))
        let difference = ManifestDifference(
            here: here, there: .object(["text": JSONNode(String(repeating: "x", count: 9000))]))
        #expect(difference.entries.count == 26 && difference.lines.count == 21)
        #expect(difference.lines.last == "and 6 more")
        #expect(difference.seenFromThere.description.utf8.count < 4096)
    }

    /// Two random trees: nothing is told of a tree and itself in another order; what is told of two is all that makes
    /// one the other; and the other side is told the same.
    @Test func theEntriesAreTheWholeDifference() throws {
        var generator = SeededGenerator(seed: 0xD1FF)
        var different = 0
        for round in 0..<2000 {
            let here = tree(depth: 3, using: &generator)
            let there =
                Bool.random(using: &generator) ? tree(depth: 3, using: &generator) : altered(here, using: &generator)
            let seed = Comment("seed \(generator.seed), round \(round): \(here.text()) \(there.text())")
            #expect(ManifestDifference(here: here, there: shuffled(here, using: &generator)).isEmpty, seed)
            let difference = ManifestDifference(here: here, there: there)
            var mended = here
            for entry in difference.entries { mended = setting(mended, entry.path.keys[...], to: entry.there) }
            #expect(ManifestDifference(here: pruned(mended), there: pruned(there)).isEmpty, seed)
            let back = ManifestDifference(here: there, there: here)
            #expect(Set(back.entries.map(\.path)) == Set(difference.entries.map(\.path)), seed)
            #expect(difference.seenFromThere.entries.count == back.entries.count, seed)
            different += difference.isEmpty ? 0 : 1
        }
        #expect(different > 500)
    }

    private func tree(depth: Int, using generator: inout SeededGenerator) -> JSONNode {
        let keys = ["a", "b", "c", "d"].filter { _ in Bool.random(using: &generator) }
        return JSONNode(
            .object(
                keys.shuffled(using: &generator).map { key in
                    .init(
                        key: key,
                        value: depth > 0 && Bool.random(using: &generator)
                            ? tree(depth: depth - 1, using: &generator)
                            : [1, 2, "x", [1, 2], true, nil].randomElement(using: &generator) ?? nil)
                }))
    }

    private func altered(_ node: JSONNode, using generator: inout SeededGenerator) -> JSONNode {
        guard var members = node.object, !members.isEmpty else { return tree(depth: 1, using: &generator) }
        let index = Int.random(in: 0..<members.count, using: &generator)
        if Int.random(in: 0..<3, using: &generator) == 0 {
            members.remove(at: index)
        } else {
            members[index].value = altered(members[index].value, using: &generator)
        }
        return JSONNode(.object(members))
    }

    private func shuffled(_ node: JSONNode, using generator: inout SeededGenerator) -> JSONNode {
        guard let members = node.object else { return node }
        var turned: [JSONNode.Member] = []
        for member in members.shuffled(using: &generator) {
            turned.append(.init(key: member.key, value: shuffled(member.value, using: &generator)))
        }
        return JSONNode(.object(turned))
    }

    private func setting(_ node: JSONNode?, _ keys: ArraySlice<String>, to value: JSONNode?) -> JSONNode {
        guard let key = keys.first else { return value ?? .object([:]) }
        var members = node?.object ?? []
        let inner: JSONNode? = keys.count == 1 ? value : setting(node?[key], keys.dropFirst(), to: value)
        members.removeAll { $0.key == key }
        if let inner { members.append(.init(key: key, value: inner)) }
        return JSONNode(.object(members))
    }

    /// Without objects that have come to be empty: one whose keys are all taken away is left behind.
    private func pruned(_ node: JSONNode) -> JSONNode {
        guard let members = node.object else { return node }
        return JSONNode(
            .object(
                members.map { .init(key: $0.key, value: pruned($0.value)) }.filter { $0.value.object?.isEmpty != true })
        )
    }
}

@Suite struct AskedPolicyTests {
    private static let key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

    private func sent(_ set: [String] = []) throws -> JSONNode {
        let host = #"hosts={"big": {"address": "10.0.0.2", "key": "\#(Self.key)"}}"#
        return try #require(try Sample.read(Sample.minimal, set: [host, "policy.host=big"] + set).tree["policy"])
    }

    @Test func pathsAreThoseOfTheMachineThatComputes() throws {
        let asked = try AskedPolicy(try sent(), folder: Sample.folder, files: Sample.disk)
        #expect(asked.policy.checkpoint == "/robots/one/checkpoint")
        #expect(asked.section["checkpoint"]?.string == "checkpoint")
    }

    @Test func defaultsThatAreLeftOutAreTheSamePolicy() throws {
        let brief = try AskedPolicy(.object(["checkpoint": "checkpoint"]), folder: Sample.folder, files: Sample.disk)
        let whole = try AskedPolicy(try sent(), folder: Sample.folder, files: Sample.disk)
        #expect(AskedPolicy.difference(here: brief.section, there: whole.section).isEmpty)
        let other = try AskedPolicy(try sent(["policy.threads=4"]), folder: Sample.folder, files: Sample.disk)
        #expect(
            AskedPolicy.difference(here: whole.section, there: other.section).lines
                == ["policy.threads: 0 here, 4 there"])
    }

    @Test(arguments: [
        (JSONNode.object(["checkpoint": "nowhere"]), "nothing is at /robots/one/nowhere"),
        (.object([:]), "$.policy.checkpoint: found nothing"), (.object(["checkpoint": 5]), "$.policy.checkpoint"),
        (.object(["checkpoint": "checkpoint", "sede": 1]), "Did you mean \"seed\"?"), (5, "an object"), (nil, "null"),
    ])
    func whatCannotBeHadIsToldWithItsPlace(_ section: JSONNode, _ words: String) throws {
        let error = #expect(throws: AskedPolicyError.self) {
            try AskedPolicy(section, folder: Sample.folder, files: Sample.disk)
        }
        #expect("\(try #require(error))".contains(words))
    }
}
