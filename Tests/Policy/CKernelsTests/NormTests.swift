import CKernels
import Foundation
import TestSupport
import Testing

extension KernelTests {
    @Suite struct NormTests {
        @Test(arguments: KernelSet.allCases)
        func layerNormOfAnyShapeEqualsADoubleLoop(set: KernelSet) throws {
            guard set.select() else { return }
            var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
            let team = try Team(threads: 2)
            for _ in 0..<40 {
                let rows = Int.random(in: 1...50, using: &generator)
                let width = Int.random(in: 2...800, using: &generator)
                let (xStride, yStride) = (width + Int.random(in: 0...3, using: &generator), width + 2)
                let x = Floats(generator.floats(rows * xStride).map { $0 + 2 })
                let scale = Floats(generator.floats(width))
                let bias = Floats(generator.floats(width))
                let y = Floats(count: rows * yStride, value: 0)
                octo_layer_norm(
                    team.team, x.address, xStride, Int32(rows), Int32(width), scale.address, bias.address, 1e-6,
                    y.address,
                    yStride)
                var found: [Float] = []
                var expected: [Double] = []
                for row in 0..<rows {
                    let values = (0..<width).map { Double(x[row * xStride + $0]) }
                    let mean = values.reduce(0, +) / Double(width)
                    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
                    for (i, value) in values.enumerated() {
                        expected.append(
                            (value - mean) / (variance + 1e-6).squareRoot() * Double(scale[i]) + Double(bias[i]))
                        found.append(y[row * yStride + i])
                    }
                }
                // Two or three nearly equal numbers lose digits to their mean: the bound grows with 1 / deviation.
                let bound = width < 8 ? 1e-3 : 5e-6
                #expect(largestDifference(found, expected) < bound, "[\(rows), \(width)], seed \(generator.seed)")
            }
        }

        @Test(arguments: KernelSet.allCases)
        func layerNormWorksInPlaceAndOnConstantRows(set: KernelSet) {
            guard set.select() else { return }
            let x = Floats([3, 3, 3, 3, 3, 1, 2, 3, 4, 5])
            let scale = Floats(count: 5, value: 2)
            let bias = Floats(count: 5, value: 1)
            octo_layer_norm(nil, x.address, 5, 2, 5, scale.address, bias.address, 1e-6, x.address, 5)
            #expect(Array(x.values.prefix(5)) == [1, 1, 1, 1, 1])
            let step = 2 / Double(2 + 1e-6).squareRoot()
            let expected = (-2...2).map { 1 + step * Double($0) }
            #expect(largestDifference(Array(x.values.suffix(5)), expected) < 1e-6)
        }

        static func groupNormReLU(
            _ x: [Float], pixels: Int, channels: Int, groups: Int, scale: Floats, bias: Floats
        ) -> [Double] {
            let members = channels / groups
            var y = [Double](repeating: 0, count: x.count)
            for group in 0..<groups {
                let indices = (0..<pixels).flatMap { pixel in
                    (group * members..<(group + 1) * members).map { pixel * channels + $0 }
                }
                let mean = indices.reduce(0.0) { $0 + Double(x[$1]) } / Double(indices.count)
                let variance =
                    indices.reduce(0.0) { $0 + (Double(x[$1]) - mean) * (Double(x[$1]) - mean) } / Double(indices.count)
                for i in indices {
                    let c = i % channels
                    y[i] = max(
                        0, (Double(x[i]) - mean) / (variance + 1e-6).squareRoot() * Double(scale[c]) + Double(bias[c]))
                }
            }
            return y
        }

        @Test(arguments: KernelSet.allCases)
        func groupNormOfAnyShapeEqualsADoubleLoopAtAnyNumberOfThreads(set: KernelSet) throws {
            guard set.select() else { return }
            var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
            let teams = try [1, 2, 3].map { try Team(threads: $0) }
            for _ in 0..<12 {
                let groups = Int.random(in: 1...32, using: &generator)
                let channels = groups * Int.random(in: 1...5, using: &generator)
                let pixels = Int.random(in: 4...2000, using: &generator)
                let x = generator.floats(pixels * channels).map { $0 + 1.5 }
                let scale = Floats(generator.floats(channels))
                let bias = Floats(generator.floats(channels))
                let results = teams.map { team in
                    let y = Floats(x)
                    let scratch = Memory(bytes: octo_group_norm_scratch_bytes(team.team, Int32(channels)))
                    octo_group_norm_relu(
                        team.team, y.address, Int32(pixels), Int32(channels), Int32(groups), scale.address,
                        bias.address,
                        1e-6, scratch.address)
                    return y.values
                }
                let expected = Self.groupNormReLU(
                    x, pixels: pixels, channels: channels, groups: groups, scale: scale, bias: bias)
                let comment: Comment =
                    "\(pixels) pixels, \(channels) channels, \(groups) groups, seed \(generator.seed)"
                #expect(largestDifference(results[0], expected) < 2e-5, comment)
                #expect(results[1] == results[0] && results[2] == results[0], comment)
            }
        }

        /// The variance is taken about the mean: the mean of squares minus the square of the mean would have no digit
        /// left.
        @Test(arguments: KernelSet.allCases)
        func aLargeCommonOffsetDoesNotSpoilGroupNorm(set: KernelSet) {
            guard set.select() else { return }
            var generator = SeededGenerator(seed: 1)
            let x = generator.floats(1000 * 32).map { $0 + 1000 }
            let scale = Floats(count: 32, value: 1)
            let bias = Floats(count: 32, value: 0)
            let y = Floats(x)
            let scratch = Memory(bytes: octo_group_norm_scratch_bytes(nil, 32))
            octo_group_norm_relu(nil, y.address, 1000, 32, 32, scale.address, bias.address, 1e-6, scratch.address)
            let expected = Self.groupNormReLU(x, pixels: 1000, channels: 32, groups: 32, scale: scale, bias: bias)
            #expect(largestDifference(y.values, expected) < 5e-4)
        }
    }
}
