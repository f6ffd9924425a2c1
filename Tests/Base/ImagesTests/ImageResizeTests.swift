import Files
import Images
import TestSupport
import Testing

/// Parity with pictures that the official code (commit 241fb35) resized, and what must hold for any picture.
@Suite struct ImageResizeTests {
    private let fixture: Safetensors

    init() throws { fixture = try Safetensors(Fixture.url("octo/resize/resize.safetensors")) }

    /// How many bytes differ, and by how much at most.
    private func difference(_ a: RGBImage, _ b: RGBImage) -> (count: Int, largest: Int) {
        let levels = zip(a.pixels.bytes, b.pixels.bytes).map { abs(Int($0) - Int($1)) }
        return (levels.count { $0 != 0 }, levels.max() ?? 0)
    }

    @Test(arguments: [
        ("a_480x640", 128), ("a_480x640", 256), ("b_240x320", 128), ("b_240x320", 256), ("c_100x75", 128),
        ("c_100x75", 256),
    ])
    func resizesAsTheOfficialCodeDoes(name: String, size: Int) throws {
        let input = try fixture.picture("in.\(name)")
        let expected = try fixture.picture("out.\(name).lanczos3_\(size).uint8")
        let plan = ImageResize(fromWidth: input.width, height: input.height, toWidth: size, height: size)
        let output = plan.resize(input)
        #expect(output.width == size && output.height == size)
        // To the byte: the arithmetic is repeated operation by operation, also where a value lies half-way.
        let (count, largest) = difference(output, expected)
        #expect(count == 0, "\(count) values differ, by \(largest) at most")
    }

    @Test(arguments: ["a_480x640", "b_240x320"])
    func cropsTheCentreAsTheOfficialWrapperDoes(name: String) throws {
        let input = try fixture.picture("in.\(name)")
        let expected = try fixture.picture("out.\(name).wrapper_primary_256")
        let plan = ImageResize(
            fromWidth: input.width, height: input.height, toWidth: 256, height: 256, cropsCentre: true)
        let (count, largest) = difference(plan.resize(input), expected)
        #expect(count == 0, "\(count) values differ, by \(largest) at most")
    }

    @Test(arguments: [("b_240x320", 128), ("b_240x320", 256), ("c_100x75", 128)])
    func agreesBeforeRoundingToFloatPrecision(name: String, size: Int) throws {
        let input = try fixture.picture("in.\(name)")
        let expected = try fixture.floats("out.\(name).lanczos3_\(size).float_rows0_16")
        let plan = ImageResize(fromWidth: input.width, height: input.height, toWidth: size, height: size)
        let values = plan.resizeUnrounded(input).values.prefix(expected.count)
        let largest = zip(values, expected).map { abs($0 - $1) }.max() ?? .infinity
        // Two dozen float32 products of values up to 255 added twice: 255 × 24 × 2^-24 each.
        #expect(largest < 8e-4, "largest difference \(largest)")
        // Before clipping the kernel's negative lobes show; a version that clips in between fails here.
        #expect(values.contains { $0 < 0 || $0 > 255 } == expected.contains { $0 < 0 || $0 > 255 })
    }

    @Test func theCropsBoxIsTheOfficialOne() throws {
        let box = try fixture.floats("const.wrapper_bounding_box")
        #expect(box == [CropAxis.begin, CropAxis.begin, CropAxis.end, CropAxis.end])
    }

    @Test func leavesAPictureOfTheRightSizeAlone() {
        var generator = SeededGenerator(seed: 1)
        let input = RGBImage.noise(width: 33, height: 21, using: &generator)
        let plan = ImageResize(fromWidth: 33, height: 21, toWidth: 33, height: 21)
        #expect(plan.resize(input) == input)
        #expect(plan.resize(input).pixels === input.pixels, "the pixels are shared, not copied")
    }

    @Test func cropsAlsoWhenTheSizeIsRight() {
        let input = RGBImage.waves(width: 64, height: 64, seed: 1)
        let plan = ImageResize(fromWidth: 64, height: 64, toWidth: 64, height: 64, cropsCentre: true)
        let output = plan.resize(input)
        #expect(output != input)
        // The outermost 2.6 % are gone: the first row's green starts above zero, the last ends below 255.
        #expect(output.pixels.bytes[1] > 3 && output.pixels.bytes[64 * 64 * 3 - 2] < 252)
    }

    @Test(arguments: [0, 1, 127, 128, 254, 255] as [UInt8])
    func keepsAnEvenGreyEverywhere(grey: UInt8) {
        for (width, height, toWidth, toHeight) in [(640, 480, 256, 256), (7, 3, 64, 5), (1, 1, 9, 4), (5, 300, 1, 1)] {
            for cropsCentre in [false, true] {
                let plan = ImageResize(
                    fromWidth: width, height: height, toWidth: toWidth, height: toHeight, cropsCentre: cropsCentre)
                let output = plan.resize(RGBImage(width: width, height: height, filledWith: grey))
                #expect(output == RGBImage(width: toWidth, height: toHeight, filledWith: grey))
            }
        }
    }

    @Test func weightsSumToOneAndStayInside() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<200 {
            let (input, output) = (
                Int.random(in: 1...900, using: &generator), Int.random(in: 1...400, using: &generator)
            )
            let axis = Lanczos3Axis(from: input, to: output)
            for o in 0..<output {
                let weights = axis.weights[axis.offsets[o]..<axis.offsets[o + 1]]
                let comment: Comment = "seed \(generator.seed), \(input) to \(output), output \(o)"
                #expect(abs(weights.reduce(0, +) - 1) < 1e-5, comment)
                #expect(axis.starts[o] >= 0 && axis.starts[o] + weights.count <= input && !weights.isEmpty, comment)
            }
        }
    }

    @Test func mirroredPicturesGiveMirroredResults() {
        var generator = SeededGenerator(seed: 3)
        let input = RGBImage.noise(width: 61, height: 47, using: &generator)
        let plan = ImageResize(fromWidth: 61, height: 47, toWidth: 32, height: 80)
        let (count, largest) = difference(plan.resize(mirrored(input)), mirrored(plan.resize(input)))
        #expect(largest <= 1 && count < 32 * 80 * 3 / 500, "seed \(generator.seed): \(count) differ, by \(largest)")
    }

    private func mirrored(_ image: RGBImage) -> RGBImage {
        var pixels: [UInt8] = []
        for y in 0..<image.height {
            for x in (0..<image.width).reversed() {
                let start = (y * image.width + x) * 3
                pixels.append(contentsOf: image.pixels.bytes[start..<start + 3])
            }
        }
        return RGBImage(width: image.width, height: image.height, pixels: SharedBytes(copying: pixels))
    }

    @Test func refusesAPictureOfAnotherSize() async {
        await #expect(processExitsWith: .failure) {
            _ = ImageResize(fromWidth: 4, height: 4, toWidth: 2, height: 2)
                .resize(RGBImage(width: 5, height: 4, filledWith: 0))
        }
    }

    @Test func roundsHalvesToTheEvenNeighbour() {
        let image = FloatImage(width: 2, height: 1) { values in
            _ = values.update(from: [0.5, 1.5, 2.5, 254.5, -3, 300])
        }
        #expect(image.rounded().pixels.array == [0, 2, 2, 254, 0, 255])
    }
}
