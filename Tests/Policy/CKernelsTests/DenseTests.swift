import CKernels
import Foundation
import TestSupport
import Testing

/// One product to compute and what it should give.
struct DenseCase {
    var precision = OCTO_FLOAT32
    var rows: Int
    var inputs: Int
    /// Columns of the matrices that stand side by side.
    var parts: [Int]
    var activation = OCTO_LINEAR
    var hasBias = true
    /// The product is added to what y held.
    var inPlace = false
    /// Strides beyond the widths.
    var extraX = 0
    var extraY = 0

    var outputs: Int { parts.reduce(0, +) }
    var description: String {
        "precision \(precision.rawValue), [\(rows), \(inputs)] x \(parts), activation \(activation.rawValue), "
            + "bias \(hasBias), residual \(inPlace), strides +\(extraX) +\(extraY)"
    }

    static func random(_ precision: octo_precision, _ generator: inout SeededGenerator) -> DenseCase {
        DenseCase(
            precision: precision, rows: .random(in: 1...30, using: &generator),
            inputs: .random(in: 1...300, using: &generator),
            parts: (0..<Int.random(in: 1...3, using: &generator)).map { _ in .random(in: 1...70, using: &generator) },
            activation: octo_activation(rawValue: .random(in: 0...3, using: &generator)),
            hasBias: .random(using: &generator), inPlace: .random(using: &generator),
            extraX: .random(in: 0...5, using: &generator), extraY: .random(in: 0...5, using: &generator))
    }
}

/// Inputs of a case, made from a seed, and both answers.
struct DenseRun {
    let found: [Float]
    let expected: [Double]
    /// How far each output may be off: what rounding of that row and that column to the precision can add up to.
    let allowances: [Double]
    /// y's numbers between the rows, before and after.
    let gapsAreUntouched: Bool

    init(_ c: DenseCase, team: OpaquePointer?, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let weights = c.parts.map { Floats(generator.floats(c.inputs * $0)) }
        let biases = c.parts.map { Floats(generator.floats($0)) }
        let (xStride, yStride) = (c.inputs + c.extraX, c.outputs + c.extraY)
        let x = Floats(generator.floats(c.rows * xStride))
        let before = generator.floats(c.rows * yStride)
        let y = Floats(before)

        let memory = Memory(bytes: octo_dense_bytes(c.precision, Int32(c.inputs), Int32(c.outputs)))
        var dense = octo_dense()
        let weightPointers = weights.map { UnsafePointer<Float>?($0.address) }
        let biasPointers = biases.map { c.hasBias ? UnsafePointer<Float>?($0.address) : nil }
        octo_dense_pack_columns(
            c.precision, Int32(c.inputs), Int32(c.parts.count), c.parts.map(Int32.init), weightPointers, biasPointers,
            memory.address, &dense)
        let scratch = Memory(bytes: octo_dense_scratch_bytes(c.precision, Int32(c.rows), Int32(c.inputs)))
        octo_dense_apply(
            team, &dense, x.address, xStride, Int32(c.rows), y.address, yStride, c.activation,
            c.inPlace ? UnsafePointer(y.address) : nil, scratch.address)
        withExtendedLifetime((memory, weights, biases)) {}

        var found: [Float] = []
        var expected: [Double] = []
        var allowances: [Double] = []
        var untouched = true
        for row in 0..<c.rows {
            let xs = (0..<c.inputs).map { Double(x[row * xStride + $0]) }
            var column = 0
            for (part, width) in c.parts.enumerated() {
                for j in 0..<width {
                    let ws = (0..<c.inputs).map { Double(weights[part][$0 * width + j]) }
                    let bias = c.hasBias ? Double(biases[part][j]) : 0
                    let sum = zip(xs, ws).reduce(bias) { $0 + $1.0 * $1.1 }
                    let residual = c.inPlace ? Double(before[row * yStride + column]) : 0
                    found.append(y[row * yStride + column])
                    expected.append(Self.activated(c.activation, sum) + residual)
                    let magnitude = zip(xs, ws).reduce(abs(bias) + abs(residual)) { $0 + abs($1.0 * $1.1) }
                    allowances.append(
                        Self.steepest(c.activation) * Self.rounding(c.precision, xs, ws) + 2e-6 * (magnitude + 1e-6))
                    column += 1
                }
            }
            for gap in column..<yStride where y[row * yStride + gap] != before[row * yStride + gap] {
                untouched = false
            }
        }
        (self.found, self.expected, self.allowances) = (found, expected, allowances)
        gapsAreUntouched = untouched
    }

    static func activated(_ activation: octo_activation, _ x: Double) -> Double {
        switch activation {
        case OCTO_GELU_TANH: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case OCTO_SWISH: x / (1 + exp(-x))
        case OCTO_RELU: max(0, x)
        default: x
        }
    }

    /// The largest slope of an activation, which multiplies what goes in off.
    private static func steepest(_ activation: octo_activation) -> Double {
        switch activation {
        case OCTO_GELU_TANH: 1.13
        case OCTO_SWISH: 1.1
        default: 1
        }
    }

    /// The most by which Σ x·w can change where both are rounded. bfloat16 keeps eight bits of each, the first of which
    /// is 1: up to 2^-8 of its magnitude. int8 moves every x by half a 127th of the row's largest and every w by half a
    /// 127th of the column's: with few inputs that is more than their product, where the large x meets the small w.
    private static func rounding(_ precision: octo_precision, _ xs: [Double], _ ws: [Double]) -> Double {
        let steps = (x: (xs.map(abs).max() ?? 0) / 254, w: (ws.map(abs).max() ?? 0) / 254)
        return zip(xs, ws).reduce(0) { sum, pair in
            let (x, w) = (abs(pair.0), abs(pair.1))
            let (xError, wError): (Double, Double) =
                switch precision {
                case OCTO_FLOAT32: (0, 0)
                case OCTO_BFLOAT16: (x * 0x1p-8, w * 0x1p-8)
                default: (steps.x, steps.w)
                }
            return sum + x * wError + w * xError + xError * wError
        }
    }

    /// The largest error, as a part of what that output is allowed.
    var worst: Double {
        zip(zip(found, expected), allowances).map { abs(Double($0.0) - $0.1) / $1 }.max() ?? 0
    }
}

extension KernelTests {
    @Suite struct DenseTests {
        @Test(arguments: KernelSet.allCases, octo_precision.all)
        func productsOfAnyShapeEqualADoubleLoop(set: KernelSet, precision: octo_precision) throws {
            guard set.select() else { return }
            var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
            let team = try Team(threads: 2)
            for _ in 0..<60 {
                let c = DenseCase.random(precision, &generator)
                let run = DenseRun(c, team: team.team, seed: generator.next())
                #expect(run.worst <= 1, "\(c.description), seed \(generator.seed)")
                #expect(run.gapsAreUntouched, "\(c.description), seed \(generator.seed)")
            }
        }

        /// Two inputs of which each is large where the other factor is small: the product is smaller than its rounding.
        @Test(arguments: KernelSet.allCases)
        func aProductOfFewInputsIsAsNearAsItsPrecisionAllows(set: KernelSet) {
            guard set.select() else { return }
            let c = DenseCase(precision: OCTO_INT8, rows: 20, inputs: 2, parts: [69, 24], activation: OCTO_GELU_TANH)
            for seed: UInt64 in 0..<20 {
                #expect(DenseRun(c, team: nil, seed: seed).worst <= 1, "seed \(seed)")
            }
        }

        @Test(arguments: KernelSet.allCases, Array(1...30))
        func everyNumberOfRowsIsRight(set: KernelSet, rows: Int) {
            guard set.select() else { return }
            for outputs in [16, 31, 96] {
                let c = DenseCase(rows: rows, inputs: 37, parts: [outputs])
                #expect(DenseRun(c, team: nil, seed: 7).worst <= 1, "\(c.description)")
            }
        }

        /// Long inner dimensions are taken in several passes, many rows in several blocks.
        @Test(arguments: KernelSet.allCases, octo_precision.all)
        func longRowsAndManyRowsAreRight(set: KernelSet, precision: octo_precision) throws {
            guard set.select() else { return }
            let team = try Team(threads: 2)
            let cases = [
                DenseCase(
                    precision: precision, rows: 40, inputs: 3072, parts: [70], activation: OCTO_GELU_TANH, inPlace: true
                ),
                DenseCase(precision: precision, rows: 1, inputs: 3072, parts: [200], inPlace: true),
                DenseCase(precision: precision, rows: 337, inputs: 384, parts: [40, 40], activation: OCTO_SWISH),
                DenseCase(precision: precision, rows: 200, inputs: 6200, parts: [33], inPlace: true),
            ]
            for c in cases {
                let run = DenseRun(c, team: team.team, seed: 11)
                #expect(run.worst <= 1, "\(c.description)")
            }
        }

        @Test(arguments: KernelSet.allCases, octo_precision.all)
        func theNumberOfThreadsChangesNoBit(set: KernelSet, precision: octo_precision) throws {
            guard set.select() else { return }
            for (rows, inputs, outputs) in [(321, 384, 96), (30, 1600, 200), (1, 256, 1024)] {
                let c = DenseCase(
                    precision: precision, rows: rows, inputs: inputs, parts: [outputs], activation: OCTO_GELU_TANH,
                    inPlace: true)
                let alone = DenseRun(c, team: nil, seed: 3).found
                for threads in [2, 3] {
                    let team = try Team(threads: threads)
                    #expect(
                        DenseRun(c, team: team.team, seed: 3).found == alone, "\(c.description), \(threads) threads")
                }
            }
        }

        /// So a model may compute the tokens of a step by themselves or together with others.
        @Test(arguments: KernelSet.allCases, octo_precision.all)
        func aRowHasTheSameBitsAloneAsAmongOthers(set: KernelSet, precision: octo_precision) {
            guard set.select() else { return }
            let all = DenseCase(precision: precision, rows: 33, inputs: 100, parts: [48])
            let together = DenseRun(all, team: nil, seed: 5).found
            // The generator draws weights and biases first, then x row by row: fewer rows are the first of them.
            for rows in [1, 2, 5, 14, 20] {
                var few = all
                few.rows = rows
                #expect(DenseRun(few, team: nil, seed: 5).found == Array(together.prefix(rows * 48)))
            }
        }

        @Test(arguments: KernelSet.allCases, octo_precision.all)
        func aNaNOrInfinityShowsInItsRowAndInNoOther(set: KernelSet, precision: octo_precision) {
            guard set.select() else { return }
            for poison in [Float.nan, .infinity, -.infinity] {
                let (rows, inputs, outputs) = (9, 20, 40)
                let weights = Floats(count: inputs * outputs, value: 0.5)
                let memory = Memory(bytes: octo_dense_bytes(precision, Int32(inputs), Int32(outputs)))
                var dense = octo_dense()
                octo_dense_pack(precision, Int32(inputs), Int32(outputs), weights.address, nil, memory.address, &dense)
                let x = Floats(count: rows * inputs, value: 1)
                x.address[4 * inputs + 7] = poison
                let y = Floats(count: rows * outputs, value: 0)
                let scratch = Memory(bytes: octo_dense_scratch_bytes(precision, Int32(rows), Int32(inputs)))
                octo_dense_apply(
                    nil, &dense, x.address, inputs, Int32(rows), y.address, outputs, OCTO_LINEAR, nil, scratch.address)
                for row in 0..<rows {
                    let isFinite = (0..<outputs).allSatisfy { y[row * outputs + $0].isFinite }
                    let noneIsFinite = (0..<outputs).allSatisfy { !y[row * outputs + $0].isFinite }
                    #expect(row == 4 ? noneIsFinite : isFinite, "row \(row), \(poison)")
                }
                withExtendedLifetime(memory) {}
            }
        }

        /// Exact in float32: bfloat16 keeps eight bits, int8 a 127th of the largest, so small whole numbers survive
        /// both.
        @Test(arguments: KernelSet.allCases, octo_precision.all)
        func numbersThatNeedNoRoundingGiveExactResults(set: KernelSet, precision: octo_precision) {
            guard set.select() else { return }
            let (rows, inputs, outputs) = (3, 50, 20)
            let weights = Floats((0..<inputs * outputs).map { $0 % outputs == 3 ? 127 : Float($0 % 255 - 127) })
            // The first input of every column has magnitude 127, so that the scale is 1.
            for j in 0..<outputs { weights.address[j] = 127 }
            let x = Floats((0..<rows * inputs).map { $0 % inputs == 0 ? -127 : Float($0 * 7 % 101 - 50) })
            let memory = Memory(bytes: octo_dense_bytes(precision, Int32(inputs), Int32(outputs)))
            var dense = octo_dense()
            octo_dense_pack(precision, Int32(inputs), Int32(outputs), weights.address, nil, memory.address, &dense)
            let y = Floats(count: rows * outputs, value: 0)
            let scratch = Memory(bytes: octo_dense_scratch_bytes(precision, Int32(rows), Int32(inputs)))
            octo_dense_apply(
                nil, &dense, x.address, inputs, Int32(rows), y.address, outputs, OCTO_LINEAR, nil, scratch.address)
            withExtendedLifetime(memory) {}
            for row in 0..<rows {
                for j in 0..<outputs {
                    let exact = (0..<inputs).reduce(Float(0)) {
                        $0 + x[row * inputs + $1] * weights[$1 * outputs + j]
                    }
                    #expect(y[row * outputs + j] == exact)
                }
            }
        }
    }
}
