import Keys
import TestSupport
import Testing

@Suite struct AllowListTests {
    private static func key(_ number: UInt8) throws -> PublicKey {
        try #require(PublicKey(bytes: [UInt8](repeating: number, count: PublicKey.byteCount)))
    }

    private static func list(_ names: String...) throws -> AllowList {
        var list = AllowList()
        for (index, name) in names.enumerated() {
            try list.add(AllowedKey(name: name, key: key(UInt8(index)), role: .listen))
        }
        return list
    }

    /// The key of 32 zeros, and another one.
    private static let zeros = String(repeating: "0", count: PublicKey.textLength)
    private static let ones = String(repeating: "1", count: PublicKey.textLength)

    @Test func aLineHasAKeyARoleAndAName() throws {
        let text = "# people\n\n\(Self.zeros) listen laptop\n\t \(Self.ones)\toperate   desk.2 \n  # robots\n"
        let list = try AllowList(parsing: text)
        #expect(list.entries.map(\.name) == ["laptop", "desk.2"] && list.entries.map(\.role) == [.listen, .operate])
        #expect(try list.entry(of: Self.key(0))?.name == "laptop")
        #expect(try list.entry(of: Self.key(9)) == nil)
    }

    @Test func linesMayEndAsOnWindows() throws {
        let text = "# people\r\n\(Self.zeros) listen laptop\r\n\r\n\(Self.ones) robot arm\r\n"
        #expect(try AllowList(parsing: text).entries.map(\.name) == ["laptop", "arm"])
        let error = #expect(throws: AllowList.LineProblem.self) { try AllowList(parsing: text + "nonsense\r\n") }
        #expect(error?.line == 5)
    }

    @Test(arguments: ["", "\n", "# nobody", "#\(String(repeating: "0", count: 39)) listen no-key\n"])
    func nobodyIsInAnEmptyList(_ text: String) throws {
        #expect(try AllowList(parsing: text) == AllowList())
    }

    @Test(arguments: [
        ("\(zeros) listen", 1, "2 words"),
        ("# one\n\n\(zeros) listen a b", 3, "4 words"),
        ("\(zeros) listen a # a comment", 1, "6 words"),
        ("\(zeros) listen a\nlisten \(ones) b", 2, "'listen' where the key stands"),
        ("\(zeros)0 listen a", 1, "'\(zeros)0' where the key stands"),
        ("\(zeros) Listen a", 1, "the role 'Listen'"),
        ("\(zeros) listen a\n\(ones) robot a", 2, "'a' is the name of"),
        ("\(zeros) listen a\n\(zeros) robot b", 2, "allowed already, as 'a' (listen)"),
        ("\(zeros) listen ärger", 1, "the name 'ärger'"),
    ]) func aLineThatIsNoneIsNamed(_ text: String, _ line: Int, _ found: String) {
        let error = #expect(throws: AllowList.LineProblem.self) { try AllowList(parsing: text) }
        #expect(error?.line == line)
        #expect(error?.found.contains(found) == true, "\(error?.found ?? "no error")")
    }

    @Test func whatIsQuotedOfALongLineIsShort() {
        let long = String(repeating: "x", count: 100_000)
        for text in [long + " listen a", "\(Self.zeros) \(long) a", "\(Self.zeros) listen \(long)"] {
            let error = #expect(throws: AllowList.LineProblem.self) { try AllowList(parsing: text) }
            #expect(error.map { $0.found.count < 200 } == true)
        }
    }

    @Test func aNameAndAKeyAreThereOnce() throws {
        var list = try Self.list("a", "b")
        let before = list
        let taken = list.entries[0]
        #expect(throws: AllowList.Problem.nameTaken(taken)) {
            try list.add(AllowedKey(name: "a", key: Self.key(7), role: .robot))
        }
        #expect(throws: AllowList.Problem.keyTaken(taken)) {
            try list.add(AllowedKey(name: "c", key: Self.key(0), role: .robot))
        }
        #expect(list == before)
        #expect("\(AllowList.Problem.nameTaken(taken))".contains("'\(taken.key)'"), "keys are quoted for a shell")
        #expect("\(AllowList.Problem.keyTaken(taken))".contains("octo-bus keys revoke a"))
    }

    @Test(arguments: ["", "a b", "a\n", "*", "-a", "é", "a/b", "a'", String(repeating: "n", count: 65)])
    func aNameIsAWord(_ name: String) throws {
        var list = AllowList()
        #expect(throws: AllowList.Problem.nameInvalid(name)) {
            try list.add(AllowedKey(name: name, key: Self.key(0), role: .listen))
        }
        #expect(list == AllowList())
    }

    @Test(arguments: ["a", "my-robot", "Lab_2.left", String(repeating: "n", count: AllowList.longestName)])
    func aNameMayBe(_ name: String) throws {
        #expect(try Self.list(name).entries.map(\.name) == [name])
    }

    @Test func whoIsRevokedIsInNoLonger() throws {
        var list = try Self.list("a", "b", "c")
        #expect(try list.revoke("b").key == Self.key(1))
        #expect(list.entries.map(\.name) == ["a", "c"])
        #expect(try list.entry(of: Self.key(1)) == nil)
        try list.add(AllowedKey(name: "b", key: Self.key(1), role: .operate))
        #expect(try list.entry(of: Self.key(1))?.role == .operate)
    }

    @Test func revokingAnUnknownNameListsTheKnownOnes() throws {
        var list = try Self.list("laptop", "desk")
        let before = list
        let error = #expect(throws: AllowList.Problem.self) { try list.revoke("lapto") }
        #expect(error == .nameUnknown("lapto", known: ["laptop", "desk"]) && list == before)
        #expect(error.map { "\($0)" } == "nobody is called 'lapto'; expected one of laptop, desk")
        var empty = AllowList()
        let problem = #expect(throws: AllowList.Problem.self) { try empty.revoke("a") }
        #expect(problem.map { "\($0)" } == "nobody is called 'a'; nobody is allowed")
    }

    @Test func aListReadsBackFromItsText() throws {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        let signs = Array("abcXYZ019_.-")
        for round in 0..<Fuzzing.rounds(200) {
            var list = AllowList()
            for number in 0..<Int.random(in: 0..<20, using: &generator) {
                let bytes = (0..<PublicKey.byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
                let tail = (0..<Int.random(in: 0..<50, using: &generator)).compactMap { _ in
                    signs.randomElement(using: &generator)
                }
                let role = try #require(KeyRole.allCases.randomElement(using: &generator))
                let key = try #require(PublicKey(bytes: bytes))
                try list.add(AllowedKey(name: "\(number)." + String(tail), key: key, role: role))
            }
            #expect(try AllowList(parsing: list.text) == list, "seed \(generator.seed), round \(round)")
        }
    }

    /// Pieces of lists put together anyhow: read as a list that reads back, or refused with a line that is there.
    @Test func anyTextIsAListOrHasALineThatIsNone() throws {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        let pieces = [
            Self.zeros, Self.ones, "listen", "operate", "robot", "a", "b", " ", " ", "\t", "\n", "\n", "\r\n", "#",
            "é", "\u{301}", "\0", "-",
        ]
        var (lists, refusals) = (0, 0)
        for round in 0..<Fuzzing.rounds(3_000) {
            let text = (0..<Int.random(in: 0..<14, using: &generator)).compactMap { _ in
                pieces.randomElement(using: &generator)
            }.joined()
            let comment = Comment("seed \(generator.seed), round \(round): \(text.debugDescription)")
            do throws(AllowList.LineProblem) {
                let list = try AllowList(parsing: text)
                lists += 1
                #expect((try? AllowList(parsing: list.text)) == list, comment)
            } catch {
                refusals += 1
                #expect((1...text.utf8.count + 1).contains(error.line) && !error.found.isEmpty, comment)
            }
        }
        #expect(lists > 0 && refusals > 0, "seed \(generator.seed)")
    }
}
