import ArgumentParser
import Files
import Foundation
import Images
import Kinematics
import Logging
import Manifests
import Messages
import NodeShell
import OctoModel
import Policy
import Time

/// Runs the policy node.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the checkpoint on live camera images; octo-launch starts this.",
        discussion: """
            Observes at the policy rate, infers action chunks towards the goal on goal/current, and publishes them on \
            policy/chunk, with the exact observation on policy/observation.
            """)

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        try NodeProcess.run(arguments) { context in
            try PolicyNode(place: try Self.makePlace(context), bus: context.bus)
        }
    }

    private static func makePlace(_ context: NodeContext) throws -> any InferencePlace {
        guard let host = context.run.manifest.policyHost else { return try makeWorker(context) }
        return try RemoteEngine.asking(
            host, for: context.run, hello: try RemoteHello(context.run.manifest).json,
            by: RemoteWording(context.run.manifest))
    }

    /// Loads the checkpoint and runs it once on black images: the first inference is slow (pages, BLAS buffers), and
    /// must be over before the arm may move.
    private static func makeWorker(_ context: NodeContext) throws -> InferenceWorker {
        let manifest = context.run.manifest
        let setup = try LoadedPolicy(
            manifest.policy, text: manifest.goal.usedText, goalUse: manifest.goal.use,
            goalsMayBringNumbers: manifest.goal.mayBringNumbers, cameras: manifest.cameras.map(\.name)
        ) { try ArmCalibration(contentsOfFile: manifest.arm.calibration).joints.count }
        var engine = setup.engine
        let start = MonotonicTime.now()
        _ = try engine.run(.blank(setup.configuration))
        engine.anticipate()
        let first = MonotonicTime.now()
        _ = try engine.run(.blank(setup.configuration))
        let millions = Double(setup.checkpoint.description.parameterCount) * 1e-6
        context.log.info(
            """
            checkpoint step \(setup.checkpoint.step), \((millions * 10).rounded() / 10) million parameters, \
            \(setup.precision),
            \(setup.precision.instructions ?? "portable") kernels, threads \(setup.threads); first inference \
            \(Int((first - start).inMilliseconds)) ms, then \(Int((MonotonicTime.now() - first).inMilliseconds)) ms
            """)
        context.log.info("\(Conventions.line(of: setup, manifest.policy, gripper: manifest.arm.gripper))")
        for camera in setup.leftOut {
            context.log.info(
                """
                camera \(camera): not there, its tokens are left out, as when the official code observes without it. \
                Give a camera of the manifest that name if there is one.
                """)
        }
        let offer = PolicyOffer(configuration: setup.configuration, texts: setup.texts, modelName: setup.name)
        return try InferenceWorker(engine, of: offer, cpu: manifest.policy.cpus?.first)
    }
}

extension PolicyNodeCore.Request {
    /// Makes a request with black images of the right sizes, and an arm in the middle of what it was trained on: what
    /// the network is warmed up with.
    static func blank(_ configuration: PolicyConfiguration) -> Self {
        let views = configuration.cameras.map { camera in
            let bytes = configuration.windowSize * camera.width * camera.height * 3
            return PolicyObservation.View(
                camera: camera.name, width: camera.width, height: camera.height,
                pixels: SharedBytes(copying: repeatElement(0, count: bytes)), captureTime: .zero)
        }
        let observation = PolicyObservation(
            tick: 0, time: .zero, goalID: "", views: views,
            timestepPadMask: [Bool](repeating: true, count: configuration.windowSize),
            proprio: configuration.proprio.map { reading in
                .init(
                    values: (0..<configuration.windowSize).flatMap { _ in reading.typical }, before: .zero, after: .zero
                )
            })
        return Self(
            observation: observation, goal: .init(id: "", images: [:]), captureTime: .zero,
            noiseSeed: configuration.noiseSeed, noiseCounter: 0)
    }
}
