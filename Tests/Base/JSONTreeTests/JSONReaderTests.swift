import JSONTree
import Testing

/// Values out of a file that people write.
@Suite struct JSONReaderTests {
    private enum Colour: String, CaseIterable {
        case red, green
    }
    private struct Ball: Equatable {
        var name: String
        var colour: Colour?
        var count: Int?
        var size: Double?
        var isRound: Bool?
        var path: [Double]?
    }
    private let balls = JSONFileKind(name: "the ball", remedy: "Take another ball.")

    private func ball(_ text: String) throws(JSONFileError) -> Ball {
        try balls.read(Array(text.utf8), file: "ball.json") { root, reader in
            reader.expectKeys(
                ["name", "colour", "count", "size", "round", "path"],
                optional: ["colour", "count", "size", "round", "path"], of: root, at: "")
            return Ball(
                name: reader.string(root["name"], at: "name"), colour: reader.choice(root["colour"], at: "colour"),
                count: reader.integer(root["count"], at: "count", in: 1...Int.max),
                size: reader.number(root["size"], at: "size", in: 0...2),
                isRound: reader.flag(root["round"], at: "round"), path: reader.numbers(root["path"], at: "path"))
        }
    }

    @Test func whatIsRightIsRead() throws {
        #expect(
            try ball(#"{"name": "b", "colour": "red", "count": 3, "size": 1.5, "round": true, "path": [1, 2]}"#)
                == Ball(name: "b", colour: .red, count: 3, size: 1.5, isRound: true, path: [1, 2]))
        #expect(try ball(#"{"name": "b"}"#) == Ball(name: "b"))
    }

    @Test func allThatIsWrongIsToldAtOnceWithItsPlace() throws {
        let error = #expect(throws: JSONFileError.self) {
            try ball(
                """
                {"color": "red", "colour": "blue", "count": 0, "size": 3,
                 "round": 1, "path": [1, "x"], "weight": {}}
                """)
        }
        #expect(
            try #require(error).description == """
                reading the ball ball.json: 8 problems
                  color (line 1): this key is not known; did you mean 'colour'?
                  weight (line 2): this key is not known; expected name, colour, count, size, round, path
                  name (line 1): it is missing
                  colour (line 1): found "blue", expected one of "red", "green"
                  count (line 1): found 0, expected a whole number from 1 on
                  size (line 1): found 3, expected a number from 0.0 to 2.0
                  round (line 2): found 1, expected true or false
                  path[1] (line 2): found "x", expected a finite number
                Take another ball.
                """)
    }

    @Test(arguments: ["", "{", "[]", "3"]) func whatIsNoObjectIsOneProblem(text: String) {
        let error = #expect(throws: JSONFileError.self) { try ball(text) }
        #expect(error?.problems.count == 1 && error?.file == "ball.json")
    }

    @Test(
        arguments: [
            ("policz", "policy"), ("Policy", "policy"), ("camera", "cameras"), ("cmrs", nil), ("xyz", nil), ("", nil),
            ("polciy", "policy"),
        ] as [(String, String?)]) func theNearestNameIsFoundOnlyIfItIsNear(name: String, meant: String?)
    {
        #expect(NearestName.of(name, among: ["policy", "cameras", "arm"]) == meant)
    }
}
