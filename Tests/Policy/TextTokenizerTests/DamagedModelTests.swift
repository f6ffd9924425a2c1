import Foundation
import TestSupport
import Testing
import TextTokenizer

/// Model files that are none: an error that names the file, never a crash.
@Suite struct DamagedModelTests {
    private let model: [UInt8]

    init() throws { model = try Array(Data(contentsOf: Fixture.url("octo/tokenizer/spiece.model"))) }

    /// Loads and, when that works, encodes: damage may show only there.
    private func use(_ bytes: [UInt8]) -> TextTokenizerError? {
        do throws(TextTokenizerError) {
            let tokenizer = try TextTokenizer(model: bytes, path: "some.model")
            _ = try tokenizer.ids(of: "Größe ½ ＦＵＬＬ 拿起勺子 put the carrot in the basket ﬁ \u{1F916}")
            return nil
        } catch {
            return error
        }
    }

    @Test func aCutModelIsRefusedWhereverItWasCut() {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        let lengths =
            Array(0..<200) + Array(5000...5300) + (0..<100).map { _ in Int.random(in: 0..<model.count, using: &random) }
        for length in lengths + [model.count - 1] {
            guard case .notAModel(path: "some.model", _) = use(Array(model.prefix(length))) else {
                Issue.record("cut to \(length) bytes it was taken, seed \(seed)")
                return
            }
        }
        #expect(use(model) == nil)
    }

    @Test func randomBytesAreRefused() {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        for round in 0..<300 {
            let bytes = (0..<Int.random(in: 1...2000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            #expect(use(bytes) != nil, "seed \(seed), round \(round)")
        }
    }

    @Test func damagedBytesNeverCrash() {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<150 {
            var bytes = model
            // Half of it in the pieces and settings, which are the smaller part of the file.
            let range = Bool.random(using: &random) ? 0..<5300 : 0..<bytes.count
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                bytes[Int.random(in: range, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = use(bytes)
        }
    }

    @Test func aNormalisationTableThatLeadsOutsideItselfIsRefused() throws {
        // The first unit of its double array: behind the field's own head and the array's size.
        let start = 5221
        let table = try #require(model[start..<start + 64].firstIndex(of: 0x12)) + 4
        var bytes = model
        for index in (table + 4)..<(table + 400) { bytes[index] = 0x7f }
        #expect(
            use(bytes)?.description.contains("normalisation table") == true)
    }

    @Test func aModelOfAnotherKindIsRefusedByItsSpecialIds() throws {
        // The piece "</s>" under another name is no end of text any more.
        var bytes = model
        let name = Array("</s>".utf8)
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: name) })
        bytes[place + 2] = UInt8(ascii: "t")
        #expect(use(bytes) == .notT5(path: "some.model", specialIDs: [0, -1, 2]))
    }

    @Test func filesThatAreNoneAreNamed() throws {
        let folder = try TemporaryFolder()
        #expect(throws: TextTokenizerError.missing(path: folder.file("none"))) {
            try TextTokenizer(modelFile: folder.file("none"))
        }
        #expect(throws: TextTokenizerError.self) { try TextTokenizer(modelFile: folder.path) }
        try folder.write([], to: "empty")
        #expect(throws: TextTokenizerError.self) { try TextTokenizer(modelFile: folder.file("empty")) }
    }

    @Test func everyErrorNamesTheKeyToMend() {
        let errors: [TextTokenizerError] = [
            .missing(path: "a.model"), .unreadable(path: "a.model", problem: "a folder"),
            .notAModel(path: "a.model", problem: "it has no pieces"), .notT5(path: "a.model", specialIDs: [-1, 2, 0]),
        ]
        for error in errors {
            #expect(error.description.contains("a.model") && error.description.contains("policy.tokenizer"))
        }
        #expect(TextTokenizerError.failed(bytes: 9).description.contains("shorter"))
    }
}
