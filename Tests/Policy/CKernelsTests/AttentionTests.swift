import CKernels
import Foundation
import TestSupport
import Testing

/// One attention to compute: keys and values drawn from a seed, in one or two lists.
struct AttentionCase {
    var precision = OCTO_FLOAT32
    var heads = 2
    var headWidth = 64
    var rows: Int
    var count: Int
    var secondCount = 0
    /// Queries are this many times larger than keys and values.
    var magnitude: Float = 1
    /// Positions at which the first list is stored anew, piece by piece.
    var pieces: [Int] = []

    var width: Int { heads * headWidth }
    var description: String {
        "precision \(precision.rawValue), \(heads) heads of \(headWidth), \(rows) queries, \(count) + \(secondCount) "
            + "keys"
    }
}

/// Keys and values as the kernels keep them.
private final class Cache {
    private let memory: Memory
    var keyValues = octo_key_values()

    init(_ c: AttentionCase, capacity: Int) {
        memory = Memory(bytes: octo_key_values_bytes(c.precision, Int32(c.heads), Int32(c.headWidth), Int32(capacity)))
        octo_key_values_init(
            &keyValues, c.precision, Int32(c.heads), Int32(c.headWidth), Int32(capacity), memory.address)
    }

    func store(
        _ team: OpaquePointer?, at position: Int, _ keys: Floats, _ values: Floats, from row: Int, rows: Int, width: Int
    ) {
        octo_key_values_store(
            team, &keyValues, Int32(position), keys.address + row * width, values.address + row * width, width,
            Int32(rows))
    }
}

struct AttentionRun {
    let found: [Float]
    let expected: [Double]

    init(_ c: AttentionCase, team: OpaquePointer?, seed: UInt64, scale: Float = 0.125) {
        var generator = SeededGenerator(seed: seed)
        let total = c.count + c.secondCount
        let keys = Floats(generator.floats(total * c.width))
        let values = Floats(generator.floats(total * c.width))
        let garbage = Floats(generator.floats(total * c.width, scale: 9))
        // Queries as the first third of rows that hold Q, K and V beside each other.
        let qStride = 3 * c.width
        let q = Floats(generator.floats(c.rows * qStride, scale: c.magnitude))
        let outStride = c.width + 3
        let out = Floats(count: c.rows * outStride, value: 77)

        let first = Cache(c, capacity: c.count + 5)
        if c.count > 0 {
            // What was there before must not shine through, nor what stands behind the keys that count.
            first.store(team, at: 0, garbage, garbage, from: 0, rows: c.count, width: c.width)
            first.store(team, at: c.count, garbage, garbage, from: 0, rows: min(5, c.count), width: c.width)
            let borders = [0] + c.pieces.filter { $0 < c.count } + [c.count]
            for (from, to) in zip(borders, borders.dropFirst()) where to > from {
                first.store(team, at: from, keys, values, from: from, rows: to - from, width: c.width)
            }
        }
        let second = Cache(c, capacity: max(1, c.secondCount))
        second.store(team, at: 0, keys, values, from: c.count, rows: c.secondCount, width: c.width)
        let scratch = Memory(bytes: octo_attend_scratch_bytes(team, Int32(c.rows), Int32(total)))
        withUnsafePointer(to: &second.keyValues) { second in
            octo_attend(
                team, &first.keyValues, Int32(c.count), c.secondCount > 0 ? second : nil, Int32(c.secondCount),
                q.address,
                qStride, Int32(c.rows), scale, out.address, outStride, scratch.address)
        }

        found = (0..<c.rows).flatMap { row in (0..<c.width).map { out[row * outStride + $0] } }
        var expected = [Double](repeating: 0, count: c.rows * c.width)
        for head in 0..<c.heads {
            let column = head * c.headWidth
            for row in 0..<c.rows {
                let scores = (0..<total).map { key in
                    (0..<c.headWidth).reduce(0.0) {
                        $0 + Double(q[row * qStride + column + $1]) * Double(keys[key * c.width + column + $1])
                    } * Double(scale)
                }
                let largest = scores.max() ?? 0
                let weights = scores.map { exp($0 - largest) }
                let sum = weights.reduce(0, +)
                for key in 0..<total where weights[key] > 0 {
                    for d in 0..<c.headWidth {
                        expected[row * c.width + column + d] +=
                            weights[key] / sum * Double(values[key * c.width + column + d])
                    }
                }
            }
        }
        self.expected = expected
    }
}

extension KernelTests {
    @Suite struct AttentionTests {
        static let precisions = [OCTO_FLOAT32, OCTO_BFLOAT16]

        /// Values lie in -1 ... 1. float32: errors of the scores, a few units in the last place, move weights by as
        /// much. bfloat16: q, k, v and weights are off by up to 2^-9 each.
        static func bound(_ precision: octo_precision) -> Double { precision == OCTO_FLOAT32 ? 3e-6 : 2e-2 }

        @Test(arguments: KernelSet.allCases, precisions)
        func attentionOfAnyShapeEqualsADoubleLoop(set: KernelSet, precision: octo_precision) throws {
            guard set.select() else { return }
            var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
            let team = try Team(threads: 2)
            for _ in 0..<25 {
                var c = AttentionCase(
                    precision: precision, heads: .random(in: 1...3, using: &generator),
                    headWidth: .random(in: 1...90, using: &generator), rows: .random(in: 1...30, using: &generator),
                    count: .random(in: 1...80, using: &generator))
                if Bool.random(using: &generator) { c.secondCount = .random(in: 1...20, using: &generator) }
                c.pieces = (0..<3).map { _ in Int.random(in: 1...80, using: &generator) }.sorted()
                let run = AttentionRun(c, team: team.team, seed: generator.next())
                let error = largestDifference(run.found, run.expected)
                #expect(error < Self.bound(precision), "\(c.description), seed \(generator.seed)")
            }
        }

        @Test(arguments: KernelSet.allCases, precisions)
        func theShapesOfTheNetworkAreRight(set: KernelSet, precision: octo_precision) throws {
            guard set.select() else { return }
            let team = try Team(threads: 2)
            let cases = [
                AttentionCase(precision: precision, heads: 1, rows: 321, count: 321),
                AttentionCase(precision: precision, rows: 16, count: 16),
                AttentionCase(precision: precision, rows: 1, count: 690),
                AttentionCase(precision: precision, rows: 20, count: 321, secondCount: 369, pieces: [16, 256]),
                AttentionCase(precision: precision, headWidth: 32, rows: 30, count: 337, secondCount: 1),
                AttentionCase(precision: precision, rows: 5, count: 0, secondCount: 3),
                AttentionCase(precision: precision, heads: 1, headWidth: 300, rows: 17, count: 40),
            ]
            for c in cases {
                let run = AttentionRun(c, team: team.team, seed: 21)
                let error = largestDifference(run.found, run.expected)
                #expect(error < Self.bound(precision), "\(c.description)")
            }
        }

        @Test(arguments: KernelSet.allCases)
        func hugeScoresPickOneKeyAndOverflowNothing(set: KernelSet) {
            guard set.select() else { return }
            // Scores of up to 1e30: the largest takes all. Its lead over the next is far more than rounding.
            let c = AttentionCase(rows: 20, count: 100, secondCount: 7, magnitude: 1e30)
            let run = AttentionRun(c, team: nil, seed: 2)
            #expect(largestDifference(run.found, run.expected) < 1e-6)
        }

        @Test(arguments: KernelSet.allCases)
        func equalScoresGiveTheMeanOfTheValues(set: KernelSet) {
            guard set.select() else { return }
            // A scale of 0 makes all scores equal, whatever stands in the padding.
            for count in [1, 15, 16, 17, 33] {
                let c = AttentionCase(rows: 3, count: count, secondCount: 2)
                let run = AttentionRun(c, team: nil, seed: 4, scale: 0)
                #expect(largestDifference(run.found, run.expected) < 1e-6, "\(count) keys")
            }
        }

        @Test(arguments: KernelSet.allCases)
        func aNegativeScaleTurnsLikesAround(set: KernelSet) {
            guard set.select() else { return }
            let run = AttentionRun(AttentionCase(rows: 7, count: 50), team: nil, seed: 6, scale: -0.5)
            #expect(largestDifference(run.found, run.expected) < 3e-6)
        }

        @Test(arguments: KernelSet.allCases, precisions)
        func theNumberOfThreadsAndOfQueriesChangesNoBit(set: KernelSet, precision: octo_precision) throws {
            guard set.select() else { return }
            let c = AttentionCase(precision: precision, rows: 40, count: 70, secondCount: 9)
            let alone = AttentionRun(c, team: nil, seed: 8).found
            for threads in [2, 3] {
                let team = try Team(threads: threads)
                #expect(AttentionRun(c, team: team.team, seed: 8).found == alone, "\(threads) threads")
            }
            // Queries are drawn last, row by row: fewer are the first of them.
            for rows in [1, 3, 13, 25] {
                var few = c
                few.rows = rows
                #expect(AttentionRun(few, team: nil, seed: 8).found == Array(alone.prefix(rows * c.width)), "\(rows)")
            }
        }

        @Test(arguments: KernelSet.allCases)
        func aQueryThatIsNotANumberSpoilsOnlyItsRow(set: KernelSet) {
            guard set.select() else { return }
            let c = AttentionCase(heads: 1, rows: 4, count: 20)
            let cache = Cache(c, capacity: 20)
            let ones = Floats(count: 20 * 64, value: 1)
            cache.store(nil, at: 0, ones, ones, from: 0, rows: 20, width: 64)
            let q = Floats(count: 4 * 64, value: 1)
            q.address[2 * 64 + 5] = .nan
            let scratch = Memory(bytes: octo_attend_scratch_bytes(nil, 4, 20))
            octo_attend(nil, &cache.keyValues, 20, nil, 0, q.address, 64, 4, 1, q.address, 64, scratch.address)
            for row in 0..<4 {
                #expect((0..<64).allSatisfy { q[row * 64 + $0].isNaN == (row == 2) })
            }
        }
    }
}
