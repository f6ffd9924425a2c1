import Keys
import TestSupport
import Testing

@Suite struct PublicKeyTests {
    private static let sample = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

    /// The test key values of zmq_curve(7): of the client and of the server.
    @Test(arguments: [
        (
            "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
            "bb88471d65e2659b30c55a5321cebb5aab2b70a398645c26dca2b2fcb43fc518"
        ),
        (
            "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6", sample,
            "54fcba24e93249969316fb617c872bb0c1d1ff14800427c594cbfacf1bc2d652"
        ),
    ]) func thePublicKeyFollowsFromTheSecretOne(_ secret: String, _ text: String, _ bytes: String) throws {
        let pair = try #require(KeyPair(secretZ85: secret))
        #expect(pair.publicKey.description == text)
        #expect(pair.publicKey == PublicKey(z85: text))
        let digits = pair.publicKey.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        #expect(digits.joined() == bytes)
    }

    @Test func bytesComeBackFromTheirText() {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        for round in 0..<Fuzzing.rounds(500) {
            let bytes = (0..<PublicKey.byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let text = PublicKey(bytes: bytes)?.description
            let comment = Comment("seed \(generator.seed), round \(round): \(bytes), \(text ?? "no key")")
            #expect(text?.utf8.count == PublicKey.textLength, comment)
            #expect(text.flatMap { PublicKey(z85: $0) }?.bytes == bytes, comment)
            // What a line of allowed.keys relies on.
            #expect(text?.contains { $0.isWhitespace } == false && text?.hasPrefix("#") == false, comment)
        }
    }

    @Test(arguments: [[UInt8](), [UInt8](repeating: 0, count: 31), [UInt8](repeating: 0, count: 33)])
    func otherNumbersOfBytesAreNoKey(_ bytes: [UInt8]) {
        #expect(PublicKey(bytes: bytes) == nil)
    }

    private static let otherTexts: [String] = [
        "", String(sample.dropLast()), sample + "0", String(repeating: "é", count: 20),
        String(repeating: "é", count: 40),
        // Five signs are 32 bits: %nSc0 are the last ones that are so many.
        "%nSc1" + sample.dropFirst(5), "#0000" + sample.dropFirst(5),
        " " + sample.dropFirst(), "~" + sample.dropFirst(), sample.dropLast() + "\n", sample.dropLast() + "\0",
    ]

    @Test(arguments: otherTexts) func otherTextsAreNoKey(_ text: String) {
        #expect(PublicKey(z85: text) == nil)
        #expect(KeyPair(secretZ85: text) == nil)
    }

    @Test(arguments: ["-", "&", "(", "=", "--role=", "-h"]) func aKeyMayBeginLikeSomethingElse(_ start: String) throws {
        let text = start + Self.sample.dropFirst(start.utf8.count)
        #expect(try #require(PublicKey(z85: text)).description == text)
    }

    @Test func anyFortySignsAreAKeyThatReadsTheSameOrNone() {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        var keys = 0
        for round in 0..<Fuzzing.rounds(2_000) {
            // Few signs that are none of Z85's, so that many texts are keys.
            let signs = (0..<PublicKey.textLength).map { _ in
                let common = UInt8.random(in: UInt8(ascii: "A")...UInt8(ascii: "Z"), using: &generator)
                return Int.random(in: 0..<20, using: &generator) > 0 ? common : .random(in: 0...127, using: &generator)
            }
            let text = String(decoding: signs, as: UTF8.self)
            guard let key = PublicKey(z85: text) else { continue }
            keys += 1
            #expect(key.description == text, "seed \(generator.seed), round \(round)")
        }
        #expect(keys > 0, "seed \(generator.seed)")
    }

    @Test func everyKeyThatIsMadeIsAnotherOne() throws {
        let pairs = try (0..<8).map { _ in try KeyPair.make() }
        #expect(Set(pairs.map(\.publicKey)).count == pairs.count && Set(pairs.map(\.secret)).count == pairs.count)
        for pair in pairs {
            #expect(pair.secret.count == PublicKey.byteCount && pair.secret != pair.publicKey.bytes)
        }
    }
}
