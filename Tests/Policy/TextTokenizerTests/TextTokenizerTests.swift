import Foundation
import JSONTree
import TestSupport
import Testing
import TextTokenizer

/// The tokenizer against ids recorded from the official code's tokenizer.
@Suite struct TextTokenizerTests {
    private let tokenizer: TextTokenizer
    private let cases: [JSONNode]

    init() throws {
        tokenizer = try TextTokenizer(modelFile: Fixture.url("octo/tokenizer/spiece.model").path)
        let file = try JSONNode(parsing: Data(contentsOf: Fixture.url("octo/tokenizer/tokenizer_cases.json")))
        cases = try #require(file["cases"]?.array)
    }

    private func integers(_ node: JSONNode?) throws -> [Int32] {
        try #require(node?.array).compactMap(\.int).map(Int32.init)
    }

    @Test func equalsEveryRecordedString() throws {
        #expect(cases.count == 33)
        for recorded in cases {
            let text = try #require(recorded["text"]?.string)
            let (ids, attentionMask) = try tokenizer.encode(text, length: 16)
            #expect(ids == (try integers(recorded["input_ids"])), "\(text)")
            #expect(attentionMask == (try integers(recorded["attention_mask"])).map { $0 == 1 }, "\(text)")
            #expect(try tokenizer.ids(of: text) == integers(recorded["full_ids"]), "\(text)")
        }
    }

    @Test func knowsThePiecesAndTheSentinelsBehindThem() throws {
        #expect(tokenizer.vocabularySize == 512)
        #expect(try tokenizer.ids(of: "<extra_id_0><extra_id_7><extra_id_42><extra_id_99>") == [511, 504, 469, 412, 1])
        #expect(try tokenizer.ids(of: "</s><pad><unk>") == [1, 0, 2, 1])
    }

    @Test(arguments: [
        "<extra_id_100>", "<extra_id_07>", "<extra_id_>", "<extra_id_5", "<extra_id_-1>", "<EXTRA_ID_1>", "< pad>", "<",
        "<extra_id_99999999999999999999>",
    ])
    func whatOnlyLooksLikeASpecialTokenIsText(text: String) throws {
        let ids = try tokenizer.ids(of: text)
        #expect(ids.allSatisfy { $0 < 412 && $0 != 0 })
        #expect(ids.dropLast().allSatisfy { $0 != 1 })
    }

    @Test(arguments: 1...20)
    func aTextIsCutToTheLengthWithItsEndKept(length: Int) throws {
        let text = "put the green brick on top of the cloth near the stove"
        let whole = try tokenizer.ids(of: text)
        let (ids, attentionMask) = try tokenizer.encode(text, length: length)
        #expect(ids == Array(whole.dropLast().prefix(length - 1)) + [1])
        #expect(attentionMask == [Bool](repeating: true, count: length))
    }

    @Test func nothingAndSpacesAreTheEndAlone() throws {
        for text in ["", " ", "\t\n  \r\n", "\u{3000}\u{00A0}", "\u{200B}\u{FEFF}"] {
            #expect(try tokenizer.ids(of: text).last == 1)
            #expect(try tokenizer.encode(text, length: 4).ids.count == 4)
        }
        #expect(try tokenizer.encode("", length: 4).ids == [1, 0, 0, 0])
        #expect(try tokenizer.encode("   ", length: 4).attentionMask == [true, false, false, false])
    }

    @Test func zeroBytesAndControlCharactersAreText() throws {
        let plain = try tokenizer.ids(of: "spoon")
        #expect(try tokenizer.ids(of: "spoon\0").prefix(plain.count - 1).elementsEqual(plain.dropLast()))
        #expect(try tokenizer.ids(of: "\0\0\0").last == 1)
        #expect(try tokenizer.ids(of: "take\0the\u{1}\u{7F}\u{85}spoon").count > 3)
    }

    @Test func aVeryLongTextIsEncodedWhole() throws {
        let ids = try tokenizer.ids(of: String(repeating: "the ", count: 100_000))
        #expect(ids.count == 100_001)
        #expect(ids.dropLast().allSatisfy { $0 == 3 })
        #expect(try tokenizer.ids(of: String(repeating: "<pad>", count: 50_000)).count == 50_001)
    }

    @Test func anyTextGivesIdsOfTheVocabulary() throws {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        for _ in 0..<500 {
            var text = ""
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                switch Int.random(in: 0..<3, using: &random) {
                case 0: text += ["<", "</s>", "<pad>", "<extra_id_3>", " ", "▁"].randomElement(using: &random) ?? ""
                case 1: text.unicodeScalars.append(Unicode.Scalar(UInt8.random(in: 0...127, using: &random)))
                default:
                    if let scalar = Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &random)) {
                        text.unicodeScalars.append(scalar)
                    }
                }
            }
            let ids = try tokenizer.ids(of: text)
            #expect(ids.last == 1)
            #expect(ids.allSatisfy { (0..<512).contains($0) }, "seed \(random.seed): \(text.debugDescription)")
        }
    }

    @Test func severalThreadsMayUseItTogether() async throws {
        let expected = try tokenizer.ids(of: "put the carrot in the basket")
        try await withThrowingTaskGroup(of: [Int32].self) { group in
            for _ in 0..<8 {
                group.addTask { [tokenizer] in
                    var last: [Int32] = []
                    for _ in 0..<200 { last = try tokenizer.ids(of: "put the carrot in the basket") }
                    return last
                }
            }
            for try await ids in group { #expect(ids == expected) }
        }
    }
}
