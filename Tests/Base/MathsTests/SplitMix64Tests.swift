import Maths
import Testing

@Suite struct SplitMix64Tests {
    /// The authors' generator, seeded with 1234567.
    @Test func theNumbersAreThoseOfTheSource() {
        var dice = SplitMix64(seed: 1_234_567)
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ]
        let drawn = expected.map { _ in dice.next() }
        #expect(drawn == expected)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func everyKindOfNumberHasItsShape(seed: UInt64) {
        var dice = SplitMix64(seed: seed)
        let count = 20_000
        let units = (0..<count).map { _ in dice.unit() }
        #expect(units.allSatisfy { (0..<1).contains($0) })
        #expect(abs(units.reduce(0, +) / Double(count) - 0.5) < 0.02)
        let both = (0..<count).map { _ in dice.symmetric(3) }
        #expect(both.allSatisfy { abs($0) <= 3 } && both.contains { $0 > 2.9 } && both.contains { $0 < -2.9 })
        let normals = (0..<count).map { _ in dice.normal() }
        let mean = normals.reduce(0, +) / Double(count)
        let variance = normals.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
        #expect(abs(mean) < 0.05 && abs(variance - 1) < 0.05 && normals.allSatisfy { abs($0) < 6 })
        let happened = (0..<count).map { _ in dice.happens(0.3) }
        let share = Double(happened.count { $0 }) / Double(count)
        #expect(abs(share - 0.3) < 0.02)
    }

    @Test func whatNeverHappensDrawsNoNumber() {
        var (dice, other) = (SplitMix64(seed: 9), SplitMix64(seed: 9))
        let happened = dice.happens(0)
        #expect(!happened && dice == other)
        let (drawn, expected) = (dice.next(), other.next())
        #expect(drawn == expected)
    }
}
