import OctoModel
import TestSupport
import Testing

/// Each layer against the official code's, with random parameters. Bounds: a few units in the last place of the largest
/// intermediate, times the square root of the numbers summed.
@Suite struct LayerTests {
    @Test func standardisedConvolutionAgrees() throws {
        let recorded = try RecordedModule("stdconv_s2_p1")
        let convolution = try recorded.build {
            $0.convolution("m", size: 3, stride: 2, padding: 1, channels: 6, features: 32, standardised: true)
        }
        let input = try recorded.floats("in")
        let image = 10 * 9 * 6
        let output = (0..<2).flatMap { convolution(part($0, of: input, size: image), height: 10, width: 9) }
        #expect(try largestDifference(output, recorded.floats("out")) < 2e-5)
    }

    @Test func groupNormAgrees() throws {
        let recorded = try RecordedModule("groupnorm")
        let norm = try recorded.build { $0.groupNorm("m", channels: 64) }
        let input = try recorded.floats("in")
        let output = (0..<2).flatMap { norm(part($0, of: input, size: 1280)) }
        #expect(try largestDifference(output, recorded.floats("out")) < 1e-5)
    }

    @Test func layerNormAgrees() throws {
        let recorded = try RecordedModule("layernorm")
        let norm = try recorded.build { $0.layerNorm("m", width: 48) }
        #expect(try largestDifference(norm(recorded.floats("in")), recorded.floats("out")) < 5e-6)
    }

    @Test func layerNormKeepsItsDigitsOnALargeMean() {
        let norm = LayerNorm(scale: [1, 1, 1, 1], bias: [0, 0, 0, 0])
        let output = norm([10_000, 10_001, 10_002, 10_003])
        #expect(largestDifference(output, [-1.341_641, -0.447_214, 0.447_214, 1.341_641]) < 1e-5)
    }

    struct Stem: CustomTestStringConvertible, Sendable {
        var unit: String
        var name: String
        var embeddingSize: Int
        var normalization = ModelConfiguration.ImageEncoder.Normalization.standard
        var hasLayers = true
        var testDescription: String { unit }
    }

    @Test(arguments: [
        Stem(unit: "smallstem16", name: "SmallStem16", embeddingSize: 1),
        Stem(unit: "smallstem16_imagenet", name: "SmallStem16", embeddingSize: 1, normalization: .imageNet),
        Stem(unit: "smallstem32", name: "SmallStem32", embeddingSize: 2),
        Stem(unit: "patch16", name: "PatchEncoder", embeddingSize: 16, hasLayers: false),
    ])
    func imageEncodersAgree(stem: Stem) throws {
        let recorded = try RecordedModule(stem.unit)
        let shape = try recorded.shape("in")
        let (height, width, channels) = (shape[1], shape[2], shape[3])
        let layer = ModelConfiguration.ImageEncoder.Layer(kernelSize: 3, stride: 2, padding: 1, features: 32)
        let encoder = try recorded.build {
            $0.imageEncoder(
                "m",
                ModelConfiguration.ImageEncoder(
                    name: stem.name, layers: stem.hasLayers ? [layer, layer, layer, layer] : [],
                    embeddingSize: stem.embeddingSize, features: 24, normalization: stem.normalization),
                channels: channels)
        }
        let pixels = try recorded.recorded.uint8("\(stem.unit).in")
        let images = stride(from: 0, to: channels, by: 3).map { first -> ArraySlice<UInt8> in
            var image: [UInt8] = []
            for pixel in 0..<height * width {
                let start = pixel * channels + first
                image += pixels[start..<start + 3]
            }
            return image[...]
        }
        var layers = 0
        let output = encoder(images, height: height, width: width) { index, shape, values in
            layers += 1
            #expect(shape.reduce(1, *) == values.count && index == layers - 1)
        }
        #expect(layers == (stem.hasLayers ? 4 : 0))
        #expect(try largestDifference(output, recorded.floats("out")) < 2e-5)
    }

    @Test func encoderBlockAgreesAlsoWhereNothingMayBeAttendedTo() throws {
        let recorded = try RecordedModule("encoderblock")
        let block = try recorded.build { $0.encoderBlock("m", width: 48, heads: 4, mlpSize: 96) }
        let input = try recorded.floats("in")
        let mask = try recorded.recorded.uint8("encoderblock.mask")
        #expect(mask[3 * 7..<4 * 7].allSatisfy { $0 == 0 }, "the fixture has a row that forbids everything")
        let output = (0..<2).flatMap { batch -> [Float] in
            var x = part(batch, of: input, size: 336)
            block(&x, permitted: part(batch, of: mask, size: 49))
            return x
        }
        #expect(try largestDifference(output, recorded.floats("out")) < 2e-5)
    }

    @Test func attentionPoolingAgrees() throws {
        let recorded = try RecordedModule("maphead")
        let pooling = try recorded.build { $0.attentionPooling("m", width: 64, probes: 2) }
        let input = try recorded.floats("in")
        let mask = try recorded.recorded.uint8("maphead.mask")
        let output = (0..<2).flatMap { (step: Int) -> [Float] in
            pooling(part(step, of: input, size: 320), mask: part(step, of: mask, size: 5))
        }
        #expect(try largestDifference(output, recorded.floats("out")) < 2e-5)
    }

    @Test func activationsAgree() throws {
        let recorded = try RecordedModule("act")
        var gelu = try recorded.floats("in")
        var swish = gelu
        Activation.gelu(&gelu)
        Activation.swish(&swish)
        #expect(try largestDifference(gelu, recorded.floats("gelu")) < 1e-6)
        #expect(try largestDifference(swish, recorded.floats("swish")) < 1e-6)
    }

    @Test func activationsStayFiniteFarOut() {
        var x: [Float] = [-1e30, -200, 200, 1e30]
        Activation.gelu(&x)
        #expect(x[0] == 0 && x[1] == 0 && x[2] == 200 && x[3] == 1e30)
        x = [-1e30, -200, 200, 1e30]
        Activation.swish(&x)
        #expect(x[0] == 0 && abs(x[1]) < 1e-30 && x[2] == 200 && x[3] == 1e30)
    }
}

@Suite struct DiffusionHeadTests {
    @Test(arguments: [5, 20, 50, 100])
    func scheduleAgrees(steps: Int) throws {
        let betas = try RecordedModule("betas").floats("cosine.\(steps)")
        let schedule = DiffusionSchedule(steps: steps)
        #expect(largestDifference(schedule.betas, betas) < 2e-6)
        #expect(
            schedule.alphaHats.count == steps && zip(schedule.alphaHats, schedule.alphaHats.dropFirst()).allSatisfy(>))
    }

    @Test func timeFeaturesAgree() throws {
        let recorded = try RecordedModule("fourier")
        let time = Int(try recorded.recorded.int32("fourier.in")[0])
        #expect(time == 7)
        #expect(
            try largestDifference(
                ScoreNetwork.timeFeatures(time, frequencies: recorded.recorded.floats("fourier.param.kernel")),
                recorded.floats("out")) < 1e-5)
    }

    @Test(arguments: [("scoreactor", 32, 3, true), ("scoreactor_noln", 16, 2, false)])
    func scoreNetworkAgrees(unit: String, timeDimension: Int, blocks: Int, usesLayerNorm: Bool) throws {
        let recorded = try RecordedModule(unit)
        let score = try recorded.build {
            $0.scoreNetwork(
                "m", timeDimension: timeDimension, width: 24, chunk: 10, hidden: 48, blocks: blocks,
                usesLayerNorm: usesLayerNorm)
        }
        let (embeddings, actions) = (try recorded.floats("emb"), try recorded.floats("actions"))
        let times = try recorded.recorded.int32("\(unit).time")
        let output = (0..<2).flatMap { (row: Int) -> [Float] in
            score(
                code: score.timeCode(Int(times[row])), embedding: part(row, of: embeddings, size: 24),
                actions: part(row, of: actions, size: 10))
        }
        #expect(try largestDifference(output, recorded.floats("out")) < 2e-5)
    }
}

@Suite struct T5Tests {
    @Test(arguments: ["t5_relu", "t5_gated_gelu"])
    func encoderAgrees(unit: String) throws {
        let recorded = try RecordedModule(unit)
        let encoder = try recorded.build { $0.t5("m") }
        let ids = try recorded.recorded.int32("t5.ids")
        let mask = try recorded.recorded.int32("t5.mask").map { UInt8($0) }
        #expect(mask.contains(0), "the fixture has padding")
        let output = (0..<2).flatMap { (row: Int) -> [Float] in
            encoder(part(row, of: ids, size: 16), attentionMask: part(row, of: mask, size: 16))
        }
        #expect(try largestDifference(output, recorded.floats("out")) < 2e-5)
    }

    @Test func longTextsUseTheFarBuckets() throws {
        let recorded = try RecordedModule("t5_relu")
        let encoder = try recorded.build { $0.t5("m") }
        let ids = try recorded.recorded.int32("t5.long_ids")
        let output = encoder(ids, attentionMask: ids.map { _ in 1 })
        let picked = [0, 1, 150, 298, 299].flatMap { part($0, of: output, size: 32) }
        #expect(try largestDifference(picked, recorded.floats("long_out_first_last")) < 2e-5)
    }

    @Test func everyDistanceFallsIntoTheOfficialBucket() throws {
        let recorded = try SafetensorsFile(path: Fixture.url("octo/units/units.safetensors").path)
        let positions = try recorded.int32("t5.relative_bucket.position")
        let buckets = try recorded.int32("t5.relative_bucket.bucket")
        #expect(positions.map { T5Encoder.bucket(ofOffset: Int($0)) } == buckets.map { Int($0) })
    }
}
