import Foundation
import OctoModel
import TestSupport
import Testing

/// The recorded inferences of the official code.
struct GoldenCase: CustomTestStringConvertible, Sendable {
    var folder: String
    var testDescription: String { folder }

    static let all = [
        "case1_primary_goal_w1", "case2_two_cams_goal_text_padded", "case3_two_cams_goal_text", "case4_text_only",
        "case5_proprio_l1", "case6_wrist_goal_missing", "case7_octo10_attention", "case8_discrete_bins",
        "case9_diffusion_masked_dims", "case10_wrist_left_out",
    ].map { GoldenCase(folder: $0) }

    static let first = all[0]

    var checkpointFolder: URL { Fixture.url("octo/\(folder)/checkpoint") }
    var recordedPath: String { Fixture.url("octo/\(folder)/io.safetensors").path }
    /// Without the cameras of which the case has no pictures.
    func checkpoint() throws -> Checkpoint { try Checkpoint(folder: checkpointFolder.path).observing(recorded()) }
    func network() throws -> OctoNetwork { try OctoNetwork(checkpoint()) }
    func recorded() throws -> SafetensorsFile { try SafetensorsFile(path: recordedPath) }
}

@Suite struct GoldenCaseTests {
    @Test(arguments: GoldenCase.all)
    func everyRecordedTensorAgrees(golden: GoldenCase) throws {
        let recorded = try golden.recorded()
        let verification = try CaseVerification(of: golden.network(), on: recorded)
        for row in verification.rows {
            #expect(row.passed, "\(row.tensor): \(row.largestAbsoluteError), \(row.problem ?? "")")
        }
        #expect(verification.passed)
        #expect(verification.unknownTensors == [])
        // Nothing the file holds was passed over.
        let outputs = recorded.names.filter { !$0.hasPrefix("in.") }
        #expect(verification.rows.map(\.tensor) == outputs)
        #expect(
            Set(outputs).isSuperset(of: [
                "attention_mask_bits", "out.readout", "out.action_normalized", "out.action", "block.0.last16",
                "block.1.last16",
            ]))
        switch golden.folder {
        case "case5_proprio_l1":
            #expect(Set(outputs).isSuperset(of: ["out.head.all_steps", "tok.observation_tokenizers_proprio"]))
        case "case8_discrete_bins":
            #expect(Set(outputs).isSuperset(of: ["out.head.logits", "tok.observation_tokenizers_proprio"]))
        default: #expect(Set(outputs).isSuperset(of: ["out.denoise.x", "tok.task_tokenizers_language"]))
        }
    }

    /// The fast path against the official code itself: 1e-4 in the readout, 2e-3 in the chunk.
    @Test(arguments: GoldenCase.all)
    func theFastPathAgreesWithTheRecordings(golden: GoldenCase) throws {
        let network = try FastNetwork(golden.checkpoint(), team: WorkerTeam(threads: 2))
        #expect(!network.isDelegating)
        let verification = try CaseVerification(of: network, on: golden.recorded())
        let tensors = Set(verification.rows.map(\.tensor))
        #expect(tensors.isSuperset(of: ["out.readout", "out.action_normalized", "out.action"]))
        if golden.folder == "case5_proprio_l1" { #expect(tensors.contains("out.head.all_steps")) }
        if golden.folder == "case8_discrete_bins" { #expect(tensors.contains("out.head.logits")) }
        for row in verification.rows {
            #expect(row.passed && row.path == .fast, "\(row.tensor): \(row.largestAbsoluteError), \(row.problem ?? "")")
            let bound: Float = row.tensor.hasPrefix("out.action") ? 2e-3 : 1e-4
            #expect(row.largestAbsoluteError <= bound, "\(row.tensor)")
        }
    }

    @Test(arguments: NetworkPrecision.allCases.filter { $0 != .float32 })
    func reducedPrecisionIsReportedAndDoesNotFail(precision: NetworkPrecision) throws {
        let golden = GoldenCase(folder: "case3_two_cams_goal_text")
        let network = try FastNetwork(golden.checkpoint(), precision: precision, team: WorkerTeam(threads: 2))
        let verification = try CaseVerification(of: network, on: golden.recorded())
        #expect(verification.passed && !verification.rows.isEmpty)
        #expect(verification.rows.allSatisfy { $0.tolerance == nil && $0.largestAbsoluteError.isFinite })
        // It is the reduced network that was compared.
        let readout = try #require(verification.rows.first { $0.tensor == "out.readout" })
        #expect(precision.instructions == nil || readout.largestAbsoluteError > 1e-5)
    }

    @Test func bothPathsAreComparedInOneReport() throws {
        let golden = GoldenCase(folder: "case8_discrete_bins")
        let plain = try CaseVerification(of: golden.network(), on: golden.recorded())
        let network = try FastNetwork(golden.checkpoint(), team: WorkerTeam(threads: 1))
        let both = plain.joined(with: try CaseVerification(of: network, on: golden.recorded()))
        #expect(Set(both.rows.map(\.path)) == Set(CaseVerification.Path.allCases))
        #expect(both.rows.prefix(plain.rows.count).map(\.tensor) == plain.rows.map(\.tensor))
        #expect(both.passed && both.unknownTensors == [])
    }

    @Test func aWrongNumberFailsOnTheFastPathToo() throws {
        let golden = GoldenCase.first
        let damaged = try Self.changing("out.action_normalized", of: golden) { $0[3] += 0.01 }
        let network = try FastNetwork(golden.checkpoint(), team: WorkerTeam(threads: 1))
        let verification = try CaseVerification(of: network, on: damaged)
        #expect(verification.rows.filter { !$0.passed }.map(\.tensor) == ["out.action_normalized"])
    }

    /// A plain float32 implementation comes this near (section "tolerances" of the recorded cases' description); the
    /// verifier's own bounds are wider, for other machines' kernels.
    @Test(arguments: GoldenCase.all)
    func errorsAreThoseOfRoundingAlone(golden: GoldenCase) throws {
        let verification = try CaseVerification(of: golden.network(), on: golden.recorded())
        for row in verification.rows {
            let bound: Float =
                switch row.tensor {
                case "attention_mask_bits": 0
                case _ where row.tensor.hasSuffix(".mask"): 0
                case "out.readout": 1e-5
                case _ where row.tensor.hasPrefix("out.denoise"), _ where row.tensor.hasPrefix("out.action"): 5e-4
                default: 3e-5
                }
            #expect(row.largestAbsoluteError <= bound, "\(row.tensor)")
        }
    }

    @Test func aWrongNumberInTheRecordingFails() throws {
        let golden = GoldenCase.first
        let tensor = try #require(try golden.recorded()["out.readout"])
        #expect(tensor.shape == [1, 1, 1, 64])
        let damaged = try Self.changing("out.readout", of: golden) { $0[0] += 0.001 }
        let verification = try CaseVerification(of: golden.network(), on: damaged)
        #expect(!verification.passed)
        #expect(verification.rows.filter { !$0.passed }.map(\.tensor) == ["out.readout"])
    }

    @Test func aNumberThatIsNoneFails() throws {
        let damaged = try Self.changing("out.readout", of: .first) { $0[5] = .nan }
        let verification = try CaseVerification(of: GoldenCase.first.network(), on: damaged)
        #expect(verification.rows.first { $0.tensor == "out.readout" }?.passed == false)
    }

    @Test func tensorsNobodyKnowsAreListed() throws {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: GoldenCase.first.recordedPath))
        // Same length, so that no offset moves.
        let renamed = try #require(Self.replacing("out.readout\"", with: "out.novelty\"", in: bytes))
        let verification = try CaseVerification(
            of: GoldenCase.first.network(), on: SafetensorsFile(renamed, file: "renamed"))
        #expect(verification.unknownTensors == ["out.novelty"])
        #expect(verification.passed)
    }

    @Test func aCaseOfAnotherCheckpointIsRefused() throws {
        let network = try GoldenCase.first.network()
        #expect(throws: VerificationError.self) {
            try CaseVerification(of: network, on: GoldenCase(folder: "case4_text_only").recorded())
        }
    }

    @Test func aFileThatIsNoCaseIsRefused() throws {
        let units = try SafetensorsFile(path: Fixture.url("octo/units/units.safetensors").path)
        let network = try GoldenCase.first.network()
        #expect {
            try CaseVerification(of: network, on: units)
        } throws: { "\($0)".contains("in.obs.timestep_pad_mask") }
    }

    private static func changing(
        _ name: String, of golden: GoldenCase, _ change: (inout [Float]) -> Void
    ) throws -> SafetensorsFile {
        var values = try golden.recorded().floats(name)
        let old = values.withUnsafeBytes { Data($0) }
        change(&values)
        let new = values.withUnsafeBytes { Data($0) }
        var bytes = try Data(contentsOf: URL(fileURLWithPath: golden.recordedPath))
        let place = try #require(bytes.range(of: old))
        bytes.replaceSubrange(place, with: new)
        return try SafetensorsFile(bytes, file: "changed")
    }

    private static func replacing(_ old: String, with new: String, in bytes: Data) -> Data? {
        guard let range = bytes.range(of: Data(old.utf8)) else { return nil }
        var copy = bytes
        copy.replaceSubrange(range, with: Data(new.utf8))
        return copy
    }
}
