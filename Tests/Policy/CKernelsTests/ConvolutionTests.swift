import CKernels
import Foundation
import TestSupport
import Testing

struct ConvolutionCase {
    var precision = OCTO_FLOAT32
    var kernel = 3
    var stride = 2
    var padding = 1
    var channels: Int
    var outputs: Int
    var height: Int
    var width: Int
    /// The result is added to what y held.
    var inPlace = false

    var outHeight: Int { (height + 2 * padding - kernel) / stride + 1 }
    var outWidth: Int { (width + 2 * padding - kernel) / stride + 1 }
    var description: String {
        "precision \(precision.rawValue), \(height) x \(width) x \(channels) to \(outputs), kernel \(kernel), "
            + "stride \(stride), padding \(padding), residual \(inPlace)"
    }
}

struct ConvolutionRun {
    let found: [Float]
    let expected: [Double]

    init(_ c: ConvolutionCase, team: OpaquePointer?, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let inputs = c.kernel * c.kernel * c.channels
        let weights = Floats(generator.floats(inputs * c.outputs))
        let bias = Floats(generator.floats(c.outputs))
        let x = Floats(generator.floats(c.height * c.width * c.channels))
        let before = generator.floats(c.outHeight * c.outWidth * c.outputs)
        let y = Floats(before)
        let memory = Memory(bytes: octo_dense_bytes(c.precision, Int32(inputs), Int32(c.outputs)))
        var convolution = octo_convolution()
        convolution.kernel = Int32(c.kernel)
        convolution.stride = Int32(c.stride)
        convolution.padding = Int32(c.padding)
        convolution.channels = Int32(c.channels)
        octo_dense_pack(
            c.precision, Int32(inputs), Int32(c.outputs), weights.address, bias.address, memory.address,
            &convolution.dense)
        let scratch = Memory(
            bytes: octo_convolution_scratch_bytes(team, &convolution, Int32(c.height), Int32(c.width)))
        octo_convolve(
            team, &convolution, x.address, Int32(c.height), Int32(c.width), y.address,
            c.inPlace ? UnsafePointer(y.address) : nil, scratch.address)
        withExtendedLifetime((memory, bias)) {}
        found = y.values

        var expected = [Double](repeating: 0, count: y.count)
        for outY in 0..<c.outHeight {
            for outX in 0..<c.outWidth {
                for output in 0..<c.outputs {
                    let index = (outY * c.outWidth + outX) * c.outputs + output
                    var sum = Double(bias[output]) + (c.inPlace ? Double(before[index]) : 0)
                    for ky in 0..<c.kernel {
                        for kx in 0..<c.kernel {
                            let (inY, inX) = (outY * c.stride + ky - c.padding, outX * c.stride + kx - c.padding)
                            if inY < 0 || inX < 0 || inY >= c.height || inX >= c.width { continue }
                            for channel in 0..<c.channels {
                                sum +=
                                    Double(x[(inY * c.width + inX) * c.channels + channel])
                                    * Double(
                                        weights[((ky * c.kernel + kx) * c.channels + channel) * c.outputs + output])
                            }
                        }
                    }
                    expected[index] = sum
                }
            }
        }
        self.expected = expected
    }
}

extension KernelTests {
    @Suite struct ConvolutionTests {
        /// Sums of up to n products of numbers in -1 ... 1, whose errors add up like a random walk.
        static func bound(_ c: ConvolutionCase) -> Double {
            let n = Double(c.kernel * c.kernel * c.channels)
            switch c.precision {
            case OCTO_FLOAT32: return 1e-6 + 2e-7 * n
            case OCTO_BFLOAT16: return 0.01 * n.squareRoot() + 0.01
            default: return 0.02 * n.squareRoot() + 0.02
            }
        }

        @Test(arguments: KernelSet.allCases, octo_precision.all)
        func convolutionsOfAnyShapeEqualADoubleLoop(set: KernelSet, precision: octo_precision) throws {
            guard set.select() else { return }
            var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
            let team = try Team(threads: 2)
            for _ in 0..<25 {
                let c = ConvolutionCase(
                    precision: precision, kernel: .random(in: 1...4, using: &generator),
                    stride: .random(in: 1...3, using: &generator), padding: .random(in: 0...2, using: &generator),
                    channels: .random(in: 1...20, using: &generator), outputs: .random(in: 1...50, using: &generator),
                    height: .random(in: 4...20, using: &generator), width: .random(in: 4...20, using: &generator),
                    inPlace: .random(using: &generator))
                let run = ConvolutionRun(c, team: team.team, seed: generator.next())
                let error = largestDifference(run.found, run.expected)
                #expect(error < Self.bound(c), "\(c.description), seed \(generator.seed)")
            }
        }

        @Test(arguments: KernelSet.allCases)
        func theShapesOfTheImageEncoderAreRightAtAnyNumberOfThreads(set: KernelSet) throws {
            guard set.select() else { return }
            let teams = try [2, 3].map { try Team(threads: $0) }
            let cases = [
                ConvolutionCase(channels: 6, outputs: 32, height: 64, width: 64),
                ConvolutionCase(channels: 96, outputs: 40, height: 16, width: 16),
                ConvolutionCase(channels: 192, outputs: 384, height: 8, width: 8),
                ConvolutionCase(kernel: 1, stride: 1, padding: 0, channels: 384, outputs: 64, height: 8, width: 8),
                ConvolutionCase(kernel: 16, stride: 16, padding: 0, channels: 3, outputs: 48, height: 64, width: 64),
                ConvolutionCase(precision: OCTO_INT8, channels: 96, outputs: 40, height: 16, width: 16),
            ]
            for c in cases {
                let alone = ConvolutionRun(c, team: nil, seed: 12)
                #expect(largestDifference(alone.found, alone.expected) < Self.bound(c), "\(c.description)")
                for team in teams {
                    #expect(ConvolutionRun(c, team: team.team, seed: 12).found == alone.found, "\(c.description)")
                }
            }
        }
    }
}
