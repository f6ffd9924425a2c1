import Foundation
import ManifestSamples
import Manifests
import Messages
import OctoModel
import Policy
import TestSupport
import Testing

/// What a manifest may ask of a checkpoint.
@Suite struct LoadedPolicyTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A checkpoint whose actions are the first numbers of the seven that it was made with.
    private func checkpoint(actionDimension: Int) throws -> String {
        let copy = folder.file("checkpoint-\(actionDimension)")
        try FileManager.default.copyItem(
            atPath: Fixture.url("octo/case1_primary_goal_w1/checkpoint").path, toPath: copy)
        let file = URL(fileURLWithPath: copy).appendingPathComponent("dataset_statistics.json")
        let whole = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: [String: Any]]
        let cut = try #require(whole).mapValues { dataset in
            let action = (dataset["action"] as? [String: [Any]])?.mapValues { Array($0.prefix(actionDimension)) }
            return ["action": action ?? [:]]
        }
        try JSONSerialization.data(withJSONObject: cut).write(to: file)
        return copy
    }

    /// A manifest can ask for everything that the model can do, and by the name that the model has for it.
    @Test func everyPrecisionAndNormalisationOfAManifestIsOneOfTheModel() {
        let precisions = Manifest.Policy.Precision.allCases
        #expect(precisions.map { NetworkPrecision($0) } == NetworkPrecision.allCases)
        #expect(precisions.map(\.rawValue) == NetworkPrecision.allCases.map(\.rawValue))
        let normalizations = Manifest.Policy.Normalization.allCases
        #expect(normalizations.map { ActionStatistics.Normalization($0) } == ActionStatistics.Normalization.allCases)
        #expect(normalizations.map(\.rawValue) == ActionStatistics.Normalization.allCases.map(\.rawValue))
    }

    private func load(
        _ space: ActionSpace, checkpoint: String, joints: () throws -> Int?
    ) throws -> LoadedPolicy {
        var section = try Sample.read(Sample.minimal).policy
        section.checkpoint = checkpoint
        section.dataset = "bridge_dataset"
        section.actionSpace = space
        // OpenBLAS has one number of threads for the whole process, in which other tests run.
        section.threads = BLAS.threads
        return try LoadedPolicy(section, text: nil, cameras: ["primary"], joints: joints)
    }

    @Test(arguments: ActionSpace.allCases)
    func anActionSpaceThatTheCheckpointCannotHaveIsRefusedByName(space: ActionSpace) throws {
        let six = try checkpoint(actionDimension: 6)
        let needed =
            switch space {
            case .eefDelta, .eefAbsolute: 7
            case .jointPosition, .jointDelta: 8
            }
        let error = #expect(
            throws: UnusablePolicy.wrongActionSpace(space, needed: needed, dimension: 6)
        ) { try load(space, checkpoint: six) { 7 } }
        let words = error?.description ?? ""
        #expect(words.contains("its actions have 6 numbers"), "\(words)")
        #expect(words.contains("policy.action_space '\(space.rawValue)' needs \(needed)"), "\(words)")
    }

    @Test(
        arguments: [
            (ActionSpace.eefDelta, 7, 5), (.eefAbsolute, 7, 5), (.jointDelta, 7, 6), (.jointPosition, 6, 5),
            (.jointDelta, 6, nil),
        ] as [(ActionSpace, Int, Int?)])
    func anActionSpaceOfTheCheckpointsSizeIsTaken(space: ActionSpace, dimension: Int, joints: Int?) throws {
        let loaded = try load(space, checkpoint: checkpoint(actionDimension: dimension)) { joints }
        #expect(loaded.configuration.actionSpace == space && loaded.configuration.actionDimension == dimension)
    }

    /// A calibration that cannot be read is no reason to refuse a policy that needs none.
    @Test func theArmIsAskedForItsJointsOnlyWhereTheyAreMoved() throws {
        struct NoCalibration: Error {}
        let seven = try checkpoint(actionDimension: 7)
        _ = try load(.eefDelta, checkpoint: seven) { throw NoCalibration() }
        #expect(throws: NoCalibration.self) { try load(.jointDelta, checkpoint: seven) { throw NoCalibration() } }
    }
}
