import OctoModel
import Testing

@Suite struct NoiseGeneratorTests {
    /// Known answers of the Random123 library (kat_vectors, philox4x32-10).
    @Test func philoxGivesTheKnownAnswers() {
        #expect(
            Philox.block(counter: SIMD4(repeating: 0), key: SIMD2(repeating: 0))
                == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        #expect(
            Philox.block(counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max))
                == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        #expect(
            Philox.block(
                counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: SIMD2(0xa409_3822, 0x299f_31d0)
            )
                == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    @Test func numbersAreStandardNormal() {
        var generator = NoiseGenerator(seed: 7, counter: 3)
        let numbers = (0..<100_000).map { _ in Double(generator.next()) }
        let count = Double(numbers.count)
        func moment(_ n: Int) -> Double {
            numbers.reduce(0) { sum, x in sum + (0..<n).reduce(1.0) { power, _ in power * x } } / count
        }
        // Five standard errors of each moment; the generator is fixed, so this never flickers.
        #expect(abs(moment(1)) < 5 / count.squareRoot())
        #expect(abs(moment(2) - 1) < 5 * (2 / count).squareRoot())
        #expect(abs(moment(3)) < 5 * (15 / count).squareRoot())
        #expect(abs(moment(4) - 3) < 5 * (96 / count).squareRoot())
        let beyondTwo = Double(numbers.filter { abs($0) > 2 }.count) / count
        #expect(abs(beyondTwo - 0.0455) < 0.0034)
        let neighbours = zip(numbers, numbers.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / count
        #expect(abs(neighbours) < 5 / count.squareRoot())
    }

    @Test func seedAndCounterNameTheStream() {
        func first(_ seed: UInt64, _ counter: UInt64) -> [Float] {
            var generator = NoiseGenerator(seed: seed, counter: counter)
            return (0..<9).map { _ in generator.next() }
        }
        #expect(first(1, 2) == first(1, 2))
        let streams = [first(1, 2), first(2, 1), first(1, 3), first(1 << 32, 2), first(1, 2 << 32)]
        for (i, a) in streams.enumerated() {
            for b in streams[(i + 1)...] { #expect(Set(a).isDisjoint(with: b)) }
        }
    }

    @Test func noiseHasTheAskedSizeAndContinuesTheStream() {
        var generator = NoiseGenerator(seed: 5, counter: 0)
        var same = NoiseGenerator(seed: 5, counter: 0)
        let noise = generator.noise(steps: 3, size: 7)
        #expect(noise.initial.count == 7 && noise.steps.count == 21)
        #expect(noise.initial + noise.steps == (0..<28).map { _ in same.next() })
    }
}
