import JSONTree
import TestSupport
import Testing

private func parse(_ text: String) throws(JSONSyntaxError) -> JSONNode { try JSONNode(parsing: Array(text.utf8)) }

@Suite struct JSONParserTests {
    @Test func readsEveryKindOfValue() throws {
        let node = try parse(#"{"a": null, "b": true, "c": false, "d": -1.5e2, "e": "x", "f": [1, 2], "g": {}}"#)
        #expect(node["a"]?.isNull == true && node["b"]?.bool == true && node["c"]?.bool == false)
        #expect(node["d"]?.double == -150 && node["d"]?.int == -150 && node["e"]?.string == "x")
        #expect(node["f"]?.array == [1, 2] && node["g"]?.object?.isEmpty == true)
        #expect(node["h"] == nil && node["e"]?["x"] == nil)
    }

    @Test func keepsTheOrderOfKeys() throws {
        let node = try parse(#"{"zebra": 1, "apple": 2, "10": 3, "9": 4}"#)
        #expect(node.object?.map(\.key) == ["zebra", "apple", "10", "9"])
    }

    @Test func remembersWhereValuesStand() throws {
        let node = try parse("{\n  \"a\": [10,\n    \"x\"],\r\n\t\"b\": {\"c\": null}\n}")
        func place(_ node: JSONNode?) -> [Int]? { node.map { [$0.line, $0.column] } }
        #expect(place(node) == [1, 1])
        #expect(place(node["a"]) == [2, 8])
        #expect(place(node["a"]?.array?[0]) == [2, 9])
        #expect(place(node["a"]?.array?[1]) == [3, 5])
        #expect(place(node["b"]?["c"]) == [4, 13])
    }

    @Test func aByteOrderMarkTakesNoColumn() throws {
        let node = try JSONNode(parsing: [0xEF, 0xBB, 0xBF] + Array("[1]".utf8))
        #expect(node.column == 1 && node.array?[0].column == 2)
    }

    // MARK: Numbers

    @Test(arguments: [
        "0", "-0", "10", "0.5", "-12.25", "1e5", "1E+5", "2e-3", "9007199254740993", "123456789012345678901234",
    ])
    func numbersStayAsWritten(text: String) throws {
        let node = try parse(text)
        guard case .number(let kept) = node.value else {
            Issue.record("\(text) became \(node.kind)")
            return
        }
        #expect(kept == text && node.double == Double(text))
    }

    @Test func wholeNumbersAreExactHoweverWritten() throws {
        #expect(try parse("9007199254740993").int == 9_007_199_254_740_993)
        #expect(try parse("4.0").int == 4 && parse("4e0").int == 4 && parse("0.4e1").int == 4)
        #expect(try parse("4.5").int == nil && parse("1e30").int == nil)
    }

    @Test func numbersBeyondDoubleAreNoNumbers() throws {
        #expect(try parse("1e999").double == nil && parse("-1e999").int == nil)
        #expect(try parse("1e-999").double == 0)
    }

    // MARK: Strings

    @Test func escapesAreResolved() throws {
        #expect(try parse(#""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC""#).string == "\"\\/\u{8}\u{c}\n\r\tAé€")
        #expect(try parse(#""\ud83d\ude00 \uD834\uDD1E""#).string == "😀 𝄞")
        #expect(try parse("\"größer 😀\"").string == "größer 😀")
        #expect(try parse(#""\u0000""#).string == "\0")
    }

    @Test(arguments: [
        #""\ud800""#, #""\udc00""#, #""\ud800x""#, #""\ud800\n""#, #""\ud800\u0041""#, #""\ud83d\ud83d""#,
    ])
    func halfASurrogatePairIsAnError(text: String) {
        let error = #expect(throws: JSONSyntaxError.self) { try parse(text) }
        #expect(error?.problem == "half of a surrogate pair")
    }

    @Test func bytesThatAreNotUTF8AreAnError() {
        for bytes in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf8, 0x88, 0x80, 0x80, 0x80]]
            as [[UInt8]]
        {
            let error = #expect(throws: JSONSyntaxError.self, "\(bytes)") {
                try JSONNode(parsing: [0x22] + bytes + [0x22])
            }
            #expect(error?.problem == "the string is not UTF-8")
        }
    }

    // MARK: Depth

    @Test func nestingIsBounded() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(try JSONNode(parsing: nested(256)).array?.count == 1)
        let error = #expect(throws: JSONSyntaxError.self) { try JSONNode(parsing: nested(257)) }
        #expect(error?.description == "line 1, column 257: nested too deeply")
        #expect(throws: JSONSyntaxError.self) { try JSONNode(parsing: nested(1_000_000)) }
        #expect(throws: JSONSyntaxError.self) {
            try JSONNode(parsing: Array(String(repeating: "{\"a\":", count: 300_000).utf8))
        }
        // Side by side is not deep.
        let wide = "[" + Array(repeating: "[[]]", count: 1000).joined(separator: ",") + "]"
        #expect(try JSONNode(parsing: Array(wide.utf8), maximumDepth: 3).array?.count == 1000)
    }

    // MARK: Errors

    @Test(arguments: [
        ("", 1, 1, "expected a value, found the end of the text"),
        ("  \n ", 2, 2, "expected a value, found the end of the text"),
        ("{\"a\" 1}", 1, 6, "expected ':' after the key \"a\", found '1'"),
        ("{\"a\": 1,}", 1, 9, "expected a key in double quotes, found '}'"),
        ("{a: 1}", 1, 2, "expected a key in double quotes, found 'a'"),
        ("{\n \"a\": 1\n \"b\": 2}", 3, 2, "expected ',' or '}', found '\"'"),
        ("{\"a\": 1", 1, 8, "expected ',' or '}', found the end of the text"),
        ("{\"a\": 1,\n \"a\": 2}", 2, 2, "the key \"a\" stands here twice"),
        ("[1 2]", 1, 4, "expected ',' or ']', found '2'"),
        ("[1,]", 1, 4, "expected a value, found ']'"),
        ("[1", 1, 3, "expected ',' or ']', found the end of the text"),
        ("[1] x", 1, 5, "expected the end of the text, found 'x'"),
        ("tru", 1, 1, "expected a value such as true, or a string in double quotes"),
        ("nil", 1, 1, "expected a value such as null, or a string in double quotes"),
        ("FALSE", 1, 1, "expected a value, found 'F'"),
        ("'a'", 1, 1, "expected a value, found '''"),
        ("// no comments", 1, 1, "expected a value, found '/'"),
        ("01", 1, 2, "a number does not start with 0"),
        ("-", 1, 2, "expected a digit, found the end of the text"),
        ("+1", 1, 1, "expected a value, found '+'"),
        (".5", 1, 1, "expected a value, found '.'"),
        ("1.", 1, 3, "expected a digit, found the end of the text"),
        ("[1.e5]", 1, 4, "expected a digit, found 'e'"),
        ("1e", 1, 3, "expected a digit, found the end of the text"),
        ("NaN", 1, 1, "expected a value, found 'N'"),
        ("\"abc", 1, 5, "the string is not closed"),
        ("\"abc\\", 1, 6, "the string is not closed"),
        ("\"a\nb\"", 1, 3, "a control character in a string must be escaped"),
        ("\"a\\xb\"", 1, 5, "unknown escape"),
        ("\"\\u12g4\"", 1, 4, "expected four hexadecimal digits"),
        ("\"\\u12", 1, 4, "expected four hexadecimal digits"),
        ("\u{7f}", 1, 1, "expected a value, found byte 127"),
    ])
    func everySyntaxErrorNamesItsPlace(text: String, line: Int, column: Int, problem: String) {
        let error = #expect(throws: JSONSyntaxError.self) { try parse(text) }
        #expect(error?.line == line && error?.column == column && error?.problem == problem)
        #expect(error?.description == "line \(line), column \(column): \(problem)")
    }

    /// Any bytes at all: an answer or an error, never a trap, and the error's place lies in the text.
    @Test(arguments: [10, 11, 12, 13] as [UInt64])
    func damagedTextNeverTraps(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var refused = 0
        for _ in 0..<3_000 {
            var bytes = Array(
                JSONNode.random(depth: 4, using: &generator).text(indented: Bool.random(using: &generator)).utf8)
            for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(Array("{}[]\",:\\u0e-+.".utf8).randomElement(using: &generator) ?? 0, at: place)
                default: bytes.removeLast(bytes.count - place)
                }
            }
            do {
                _ = try JSONNode(parsing: bytes)
            } catch {
                refused += 1
                let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
                #expect((1...lines.count).contains(error.line), "seed \(seed)")
                #expect((1...lines[error.line - 1].count + 1).contains(error.column), "seed \(seed): \(error)")
            }
        }
        #expect(refused > 1_000, "seed \(seed): only \(refused) of 3000 damaged texts were refused")
    }
}

extension JSONNode {
    /// A tree with keys and strings from all of Unicode and numbers of every form.
    static func random(depth: Int, using generator: inout SeededGenerator) -> JSONNode {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &generator) {
        case 0: return nil
        case 1: return JSONNode(.bool(Bool.random(using: &generator)))
        case 2: return JSONNode(Int64(bitPattern: generator.next()))
        case 3: return JSONNode(number: Double(bitPattern: generator.next()))
        case 4: return JSONNode(randomText(using: &generator))
        case 5, 6:
            return JSONNode(
                .array(
                    (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                        random(depth: depth - 1, using: &generator)
                    }))
        default:
            var members: [JSONNode.Member] = []
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                let key = randomText(using: &generator)
                // Keys that are canonically equivalent count as the same key.
                guard !members.contains(where: { $0.key == key }) else { continue }
                members.append(.init(key: key, value: random(depth: depth - 1, using: &generator)))
            }
            return JSONNode(.object(members))
        }
    }

    private static func randomText(using generator: inout SeededGenerator) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...6, using: &generator) {
            let highest: UInt32 = [0x7f, 0x7f, 0x2ff, 0xffff, 0x10ffff].randomElement(using: &generator) ?? 0x7f
            if let scalar = UnicodeScalar(UInt32.random(in: 0...highest, using: &generator)) { text.append(scalar) }
        }
        return String(text)
    }
}
