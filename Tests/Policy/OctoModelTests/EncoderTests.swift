import OctoModel
import TestSupport
import Testing

/// The encoders that no released model uses, against the official code's with random parameters.
@Suite struct EncoderTests {
    @Test func patchesWithConditioningAgree() throws {
        let recorded = try RecordedModule("patch16_film")
        let encoder = try recorded.build {
            $0.imageEncoder(
                "m",
                .init(
                    name: "PatchEncoder", body: .stem(layers: [], embeddingSize: 16), features: 24,
                    normalization: .standard, conditionSize: 10), channels: 3)
        }
        let image = try recorded.recorded.uint8("patch16_film.in")
        let condition = try recorded.floats("cond")
        let output = encoder([image[...]], height: 64, width: 64, condition: condition)
        #expect(try largestDifference(output, recorded.floats("out")) < 2e-5)
        let other = encoder([image[...]], height: 64, width: 64, condition: condition.map { -$0 })
        #expect(largestDifference(output, other) > 0.1, "the vector has an influence")
    }

    @Test func conditioningScalesFirstAndThenShifts() throws {
        // The layers' names are swapped in the official code: Dense_0 is the scale.
        struct Source: ParameterSource {
            let file = "made"
            let names: [String] = []
            func shape(of name: String, askedFor shape: [Int]?) -> [Int]? { shape }
            func floats(_ name: String, shape: [Int]) -> [Float]? {
                switch name {
                case "f/Dense_0/kernel": [10, 20]
                case "f/Dense_1/bias": [5, 7]
                default: [0, 0]
                }
            }
        }
        var reader = ParameterReader(Source(), copies: true)
        var x: [Float] = [1, 2, 3, 4]
        reader.film("f", inputs: 1, features: 2).apply(to: &x, condition: [0.5])
        // Scales 10/2 and 20/2, shifts 5 and 7.
        #expect(x == [11, 29, 23, 51])
    }

    @Test func residualNetworkAgrees() throws {
        let recorded = try RecordedModule("resnet_tiny")
        let encoder = try recorded.build {
            $0.imageEncoder(
                "m",
                .init(
                    name: "ViTResnet", body: .residual(.init(width: 32, stages: [1, 1])), features: 256,
                    normalization: .standard), channels: 3)
        }
        let image = try recorded.recorded.uint8("resnet_tiny.in")
        let output = encoder([image[...]], height: 64, width: 64)
        #expect(try largestDifference(output, recorded.floats("out")) < 5e-5)
    }

    @Test func tokenLearnerAgrees() throws {
        let recorded = try RecordedModule("tokenlearner")
        let learner = try recorded.build { $0.tokenLearner("m", tokens: 5, learned: 3, features: 64) }
        let input = try recorded.floats("in")
        let output = (0..<2).flatMap { learner(part($0, of: input, size: 320)) }
        #expect(try largestDifference(output, recorded.floats("out")) < 2e-5)
    }

    /// Every module of the file is compared somewhere, but for those of a head that this runtime refuses.
    @Test func noRecordedModuleIsForgotten() throws {
        let compared: Set<String> = [
            "act", "betas", "encoderblock", "fourier", "groupnorm", "layernorm", "maphead", "patch16", "patch16_film",
            "resnet_tiny", "scoreactor", "scoreactor_noln", "smallstem16", "smallstem16_imagenet", "smallstem32",
            "stdconv_s2_p1", "t5", "t5_gated_gelu", "t5_relu", "tokenlearner",
        ]
        let names = try SafetensorsFile(path: Fixture.url("octo/units/units.safetensors").path).names
        let modules = Set(names.map { String($0.prefix { $0 != "." }) })
        #expect(modules.subtracting(["bins"]) == compared)
    }
}
