import Teleop
import TestSupport
import Testing
import Time

private func at(_ milliseconds: Int) -> MonotonicTime { .zero + .milliseconds(milliseconds) }

/// All keys of bytes that come at once and are followed by silence.
private func keys(_ bytes: [UInt8]) -> [Key] {
    var decoder = KeyDecoder()
    return decoder.receive(bytes, at: at(0)) + decoder.receive([], at: at(1000))
}

@Suite struct KeyDecoderTests {
    @Test func everyPrintableSignIsItsKey() {
        for byte in UInt8(0x20)...0x7E { #expect(keys([byte]) == [.sign(Character(UnicodeScalar(byte)))]) }
        #expect(keys([9]) == [.tab])
    }

    @Test(arguments: [
        ("\u{1B}[A", Key.up), ("\u{1B}[B", .down), ("\u{1B}[C", .right), ("\u{1B}[D", .left), ("\u{1B}OA", .up),
    ])
    func arrowsComeInBothForms(sequence: String, key: Key) {
        #expect(keys(Array(sequence.utf8)) == [key])
    }

    @Test(arguments: [
        "\u{1B}[1;5C", "\u{1B}[3~", "\u{1B}[15~", "\u{1B}OP", "\u{1B}[Z", "é", "€", "🤖", "\r", "\u{7F}", "\u{1A}",
    ])
    func everythingElseIsOneOtherKey(text: String) {
        #expect(keys(Array(text.utf8)) == [.other])
    }

    @Test func aSequenceMayComeByteByByte() {
        var decoder = KeyDecoder()
        #expect(decoder.receive([0x1B], at: at(0)) == [])
        #expect(decoder.receive([UInt8(ascii: "[")], at: at(20)) == [])
        #expect(decoder.receive([], at: at(40)) == [])
        #expect(decoder.receive([UInt8(ascii: "C")], at: at(60)) == [.right])
        #expect(decoder.deadline == nil)
    }

    @Test func aLoneEscapeIsDecidedByTime() throws {
        var decoder = KeyDecoder()
        #expect(decoder.receive([0x1B], at: at(0)) == [])
        let deadline = try #require(decoder.deadline)
        // Being asked, without a byte, does not put it off.
        #expect(decoder.receive([], at: deadline - .milliseconds(1)) == [])
        #expect(decoder.receive([], at: deadline) == [.escape])
        #expect(decoder.deadline == nil)
    }

    /// Over a slow line an arrow key arrives in two pieces. Its ESC has stopped the arm; the rest is no key.
    @Test func theRestOfASequenceThatCameLateIsNoKey() throws {
        var decoder = KeyDecoder()
        #expect(decoder.receive([0x1B], at: at(0)) == [] && decoder.receive([], at: at(60)) == [.escape])
        #expect(decoder.receive(Array("[C".utf8), at: at(300)) == [])
        #expect(decoder.receive(Array("[".utf8), at: at(320)) == [.sign("[")], "once")
        #expect(decoder.receive([0x1B], at: at(400)) == [] && decoder.receive([], at: at(460)) == [.escape])
        #expect(decoder.receive(Array("[".utf8), at: at(700)) == [] && decoder.receive([], at: at(760)) == [])
        #expect(decoder.receive(Array("C".utf8), at: at(770)) == [.sign("C")], "pressed, not sent by the terminal")
        #expect(decoder.receive([0x1B], at: at(800)) == [] && decoder.receive([], at: at(860)) == [.escape])
        #expect(decoder.receive(Array("[".utf8), at: at(2_000)) == [.sign("[")], "too late to belong to it")
    }

    @Test func anEscapeIsHeardWhateverFollows() {
        #expect(keys([0x1B, 0x1B]) == [.escape, .escape])
        #expect(keys([0x1B, UInt8(ascii: "q")]) == [.escape, .sign("q")])
        var decoder = KeyDecoder()
        #expect(decoder.receive([0x1B], at: at(0)) + decoder.finish() == [.escape])
    }

    @Test(
        arguments: [[], [0x1B], [0x1B, 0x5B], [0x1B, 0x5B, 0x31], [0x1B, 0x4F], [0x1B, 0x5D, 0x30], [0xE2, 0x82]]
            as [[UInt8]])
    func controlCIsHeardInTheMiddleOfAnything(before: [UInt8]) {
        #expect(keys(before + [3]).last == .interrupt)
        #expect(keys(before + [4]).last == .interrupt)
        #expect(keys(Array("\u{1B}[200~hh".utf8) + [3]).last == .interrupt)
    }

    @Test func whatIsPastedIsNoKeyStroke() {
        #expect(keys(Array("a\u{1B}[200~hzg+\u{1B}[A\u{1B}[201~b".utf8)) == [.sign("a"), .other, .sign("b")])
        // The end of it was lost.
        var decoder = KeyDecoder()
        #expect(decoder.receive(Array("\u{1B}[200~hhh".utf8), at: at(0)) == [.other])
        #expect(decoder.receive(Array("h".utf8), at: at(30)) == [])
        #expect(decoder.receive(Array("h".utf8), at: at(200)) == [.sign("h")])
    }

    @Test func aTitleIsNotTyped() {
        #expect(keys(Array("\u{1B}]0;home\u{07}h".utf8)) == [.other, .sign("h")])
    }

    @Test func anyBytesWillDo() {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        // The signs that begin and end sequences come often enough to meet.
        let likely: [UInt8] = [0x1B, 0x5B, 0x4F, 0x5D, 0x7E, 0x41, 0x32, 0x30, 0x3B, 0x07, 0xE2, 0x82, 0x71]
        for round in 0..<2_000 {
            var decoder = KeyDecoder()
            var (now, bytes, keys, heard) = (at(0), 0, 0, true)
            for _ in 0..<Int.random(in: 1...20, using: &generator) {
                let chunk = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                    Bool.random(using: &generator)
                        ? likely.randomElement(using: &generator) ?? 0 : UInt8.random(in: 0...255, using: &generator)
                }
                now += .milliseconds(Int.random(in: 0...80, using: &generator))
                let found = decoder.receive(chunk, at: now)
                bytes += chunk.count
                keys += found.count
                heard = heard && found.count { $0 == .interrupt } == chunk.count { $0 == 3 || $0 == 4 }
            }
            #expect(keys <= 2 * bytes && heard, "round \(round), seed \(generator.seed)")
            // Whatever came, after a moment of silence the next key is itself.
            now += .seconds(1)
            _ = decoder.receive([], at: now)
            #expect(decoder.deadline == nil, "round \(round), seed \(generator.seed)")
            #expect(decoder.receive([0x68], at: now) == [.sign("h")], "round \(round), seed \(generator.seed)")
        }
    }

    @Test func howTheBytesAreCutDoesNotMatter() {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        for round in 0..<1_000 {
            let bytes = (0..<40).map { _ in
                [0x1B, 0x5B, 0x4F, 0x41, 0x43, 0x31, 0x7E, 0x68, 0xC3, 0xA9].randomElement(using: &generator)
                    ?? UInt8(0)
            }
            var decoder = KeyDecoder()
            var taken: [Key] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let part = rest.prefix(Int.random(in: 1...5, using: &generator))
                taken += decoder.receive(part, at: at(0))
                rest = rest.dropFirst(part.count)
            }
            taken += decoder.receive([], at: at(1000))
            #expect(taken == keys(bytes), "round \(round), seed \(generator.seed)")
        }
    }
}
