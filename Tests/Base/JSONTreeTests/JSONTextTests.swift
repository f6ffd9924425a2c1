import JSONTree
import TestSupport
import Testing

@Suite struct JSONTextTests {
    @Test func writesOnOneLineOrIndented() {
        let node: JSONNode = .object(["a": [1, 2.5, nil], "b": .object([:]), "c": [], "d": "x\n\"\\\u{1}/é"])
        #expect(node.text() == #"{"a": [1, 2.5, null], "b": {}, "c": [], "d": "x\n\"\\\u0001/é"}"#)
        #expect(
            node.text(indented: true) == """
                {
                  "a": [
                    1,
                    2.5,
                    null
                  ],
                  "b": {},
                  "c": [],
                  "d": "x\\n\\"\\\\\\u0001/é"
                }
                """)
    }

    @Test func whatHasNoNumberInJSONBecomesNull() {
        #expect(JSONNode(number: .nan).isNull && JSONNode(number: -.infinity).isNull)
        #expect(JSONNode(number: 3).text() == "3" && JSONNode(number: -0.125).text() == "-0.125")
        #expect(JSONNode(number: 1e300).double == 1e300)
    }

    /// Writing and reading again changes nothing, and neither does writing what was read.
    @Test(arguments: [20, 21, 22] as [UInt64])
    func whatIsWrittenReadsBackTheSame(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            let node = JSONNode.random(depth: 4, using: &generator)
            for indented in [false, true] {
                let text = node.text(indented: indented)
                let read = try JSONNode(parsing: Array(text.utf8))
                #expect(read == node, "seed \(seed): \(text)")
                #expect(read.text(indented: indented) == text, "seed \(seed)")
            }
        }
    }

    @Test func equalityHeedsOrderAndValueButNotSpelling() throws {
        let one = try JSONNode(parsing: Array(#"{"a": 1.0, "b": [true]}"#.utf8))
        #expect(one == .object(["a": 1, "b": [true]]))
        #expect(one != .object(["b": [true], "a": 1]))
        #expect(one != .object(["a": "1", "b": [true]]))
        #expect(one != .object(["a": 1]))
    }

    @Test func kindsAreNamedForPeople() {
        let nodes: [JSONNode] = [nil, true, 1, "x", [], .object([:])]
        #expect(nodes.map(\.kind) == ["null", "a boolean", "a number", "a string", "an array", "an object"])
    }
}
