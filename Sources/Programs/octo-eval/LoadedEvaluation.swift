import ClosedLoop
import Control
import Digests
import Evaluation
import Files
import Foundation
import Goals
import Images
import JSONTree
import Kinematics
import MCAPFiles
import Manifests
import Messages
import NodeShell
import Policy
import Recording
import Simulation
import Time

/// Everything that an evaluation needs, read from files.
struct LoadedEvaluation {
    enum Actor {
        case checkpoint
        case expert
        case random
    }

    let setup: EvaluationSetup
    let policyName: String
    private let options: EvaluationOptions
    private let manifest: Manifest
    /// The loaded checkpoint; nil for the expert and for random motion.
    private let loaded: LoadedPolicy?
    private let policy: TrialPolicy
    /// The arm's calibration file.
    private let calibration: String

    init(_ options: EvaluationOptions, actor: Actor) throws {
        let overrides =
            try options.overrides.map { try ManifestOverride(parsing: $0) }
            + (options.policy.map { [try ManifestOverride(parsing: "policy.checkpoint=\($0)")] } ?? [])
        if let policy = options.policy, !FileManager.default.fileExists(atPath: policy) {
            throw EvaluationError.noPolicy(policy)
        }
        let manifest = try Manifest.load(options.manifest, overrides: overrides)
        guard let simulation = manifest.simulation else { throw EvaluationError.noSimulation(options.manifest) }
        let arm = try ArmCalibration(contentsOfFile: manifest.arm.calibration)
        switch actor {
        case .checkpoint:
            let checkpoint = try LoadedPolicy(manifest.policy, text: nil, cameras: manifest.cameras.map(\.name)) {
                arm.joints.count
            }
            (loaded, policyName) = (checkpoint, checkpoint.name)
            policy = Self.network(
                checkpoint, delay: .fromSeconds(options.delaySteps * manifest.policy.rate.periodSeconds))
        case .expert: (loaded, policyName, policy) = (nil, "expert", .expert)
        case .random: (loaded, policyName, policy) = (nil, "random", .random)
        }
        setup = EvaluationSetup(
            scene: try Scene(contentsOfFile: simulation.scene),
            arm: arm, cameras: Self.cameras(of: manifest),
            policyRate: manifest.policy.rate,
            controller: ArmControllerConfiguration(manifest.arm, policyRate: manifest.policy.rate),
            maximumTimesteps: options.maxSteps)
        calibration = String(decoding: try FileSystem.read(manifest.arm.calibration), as: UTF8.self)
        self.options = options
        self.manifest = manifest
    }

    /// Cameras of the manifest that are in the simulated world.
    private static func cameras(of manifest: Manifest) -> [EpisodeCamera] {
        manifest.cameras.compactMap { camera in
            guard case .simulated(let simulated) = camera.source, let place = World.Camera(rawValue: camera.name) else {
                return nil
            }
            return EpisodeCamera(place, width: simulated.width, height: simulated.height)
        }
    }

    /// Makes what runs the trials.
    /// - Parameter goals: goals that are asked for; those of files are read.
    func makeBench(goals: [GoalChoice]) throws -> TrialBench {
        var files: [String: Goal] = [:]
        for case .file(let path) in goals { files[path] = try goal(in: path) }
        return TrialBench(setup, policy: policy, files: files, givesText: options.text)
    }

    private static func network(_ loaded: LoadedPolicy, delay: Duration) -> TrialPolicy {
        .network { goal in
            NetworkPolicy(
                core: PolicyNodeCore(loaded.configuration, texts: loaded.texts), engine: loaded.engine, goal: goal,
                delay: delay)
        }
    }

    private func goal(in path: String) throws -> Goal {
        var isFolder: ObjCBool = false
        var files = [GoalSource.File(camera: World.Camera.primary.rawValue, path: path)]
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            let possible = setup.cameras.map {
                GoalSource.File(camera: $0.camera.rawValue, path: "\(path)/\($0.camera.rawValue).png")
            }
            files = possible.filter { FileManager.default.fileExists(atPath: $0.path) }
            if files.isEmpty {
                throw EvaluationError.noPicture(folder: path, expected: possible.map { "\($0.camera).png" })
            }
        }
        return try Goal(loading: GoalSource(views: .files(files)))
    }

    // MARK: What results depend on

    /// Results of two evaluations with the same settings belong together.
    var settings: ResultLog.Settings {
        let tree = manifest.tree
        let robot = ["arm", "cameras", "policy"].map { tree[$0]?.text() ?? "" }.joined() + calibration
        return [
            ("policy", policyName), ("checkpoint", loaded == nil ? "none" : checkpointDigest),
            ("robot", Self.digest { $0.combine(robot) }),
            ("scene", Self.digest { $0.combine(setup.scene.tree.text()) }),
            ("delay_steps", "\(options.delaySteps)"), ("max_steps", "\(options.maxSteps)"), ("text", "\(options.text)"),
        ]
    }

    /// Digest of the files in the checkpoint's folder and in the step that is used.
    private var checkpointDigest: String {
        let folder = manifest.policy.checkpoint
        let step = loaded.map { "\($0.checkpoint.step)/" } ?? ""
        let names = ((try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []).sorted()
        return Self.digest { digest in
            for name in names where !name.contains("/") || name.hasPrefix(step) {
                guard
                    let content = try? Data(
                        contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"), options: .mappedIfSafe)
                else {
                    continue
                }
                digest.combine(name)
                // The pointer does not leave the call.
                content.withUnsafeBytes { digest.combine($0) }
            }
        }
    }

    /// Says which digest it is: results of up to version 0.2.0 have another, and are seen not to go together.
    private static func digest(_ combine: (inout ContentDigest) -> Void) -> String {
        var digest = ContentDigest()
        combine(&digest)
        return "sha256 \(digest.hex)"
    }

    // MARK: Episodes

    /// A tape that writes episodes into a folder, in place of those of the same name.
    func makeTape(folder: String, keepsSuccesses: Bool) throws -> TrialTape {
        try working { try FileSystem.makeFolders(folder) }
        let attachments = [
            MCAP.Attachment(json: manifest.tree.text().utf8, named: "manifest.json", at: .zero),
            MCAP.Attachment(json: calibration.utf8, named: "calibration/arm.json", at: .zero),
        ]
        return TrialTape(
            attachments: attachments, keepsSuccesses: keepsSuccesses, policy: policyName,
            wallTime: { WallTime.now().description },
            keep: { name, content in
                let path = "\(folder)/\(name).mcap"
                try working { try SharedBytes(copying: content).write(to: path) }
            })
    }
}
