import JSONTree
import TestSupport
import Testing

/// JSON for people: what fits stays on one line.
@Suite struct JSONLayoutTests {
    @Test func whatFitsStaysOnOneLine() throws {
        let node: JSONNode = .object([
            "name": "arm", "offset": [1, 2, 3], "empty": .object([:]),
            "joints": [.object(["id": 1]), .object(["id": 2])],
        ])
        #expect(
            node.text(columns: 120)
                == #"{ "name": "arm", "offset": [1, 2, 3], "empty": {}, "joints": [{ "id": 1 }, { "id": 2 }] }"#)
        #expect(
            node.text(columns: 30) == """
                {
                  "name": "arm",
                  "offset": [1, 2, 3],
                  "empty": {},
                  "joints": [
                    { "id": 1 },
                    { "id": 2 }
                  ]
                }
                """)
    }

    @Test func itIsTheSameValueAtEveryWidth() throws {
        let seed: UInt64 = 417
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        func value(_ depth: Int) -> JSONNode {
            switch generator.next() % (depth > 3 ? 4 : 6) {
            case 0: return nil
            case 1: return JSONNode(Int(generator.next() % 10_000))
            case 2: return JSONNode("text \"\(generator.next() % 100)\"\n")
            case 3: return JSONNode(.bool(generator.next() % 2 == 0))
            case 4: return JSONNode(.array((0..<generator.next() % 5).map { _ in value(depth + 1) }))
            default:
                return JSONNode(
                    .object((0..<generator.next() % 5).map { .init(key: "key \($0)", value: value(depth + 1)) }))
            }
        }
        for _ in 0..<500 {
            let node = value(0)
            for columns in [1, 20, 80] {
                #expect(try JSONNode(parsing: Array(node.text(columns: columns).utf8)) == node)
            }
        }
    }

    @Test func aMemberIsReplacedInItsPlaceOrAddedAtTheEnd() {
        let node: JSONNode = .object(["a": 1, "b": 2])
        #expect(node.with("a", 3).text() == #"{"a": 3, "b": 2}"#)
        #expect(node.with("c", 3).text() == #"{"a": 1, "b": 2, "c": 3}"#)
        #expect(JSONNode(1).with("c", 3).text() == #"{"c": 3}"#)
    }
}
