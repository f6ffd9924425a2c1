import ArgumentParser
import Images
import Launch
import Logging
import Messages
import NodeShell
import OctoModel
import Policy
import Time

/// The policy node.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs the checkpoint on live camera images; octo-launch starts this.",
        discussion: """
            Observes at the policy rate, infers action chunks towards the goal on goal/current, and publishes them on
            policy/chunk, with the exact observation on policy/observation.
            """)

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        try NodeProcess.run(arguments) { context in try Self.makeNode(context) }
    }

    /// Refuses at the start what could only fail, or be ignored, at every step.
    private static func check(_ statistics: ActionStatistics, _ manifest: Manifest) throws(UnusableManifest) {
        if manifest.policy.actionSpace == .eefDelta && statistics.dimension != 7 {
            throw .wrongActionSpace(dimension: statistics.dimension)
        }
    }

    /// Loads the checkpoint and runs it once on black images: the first inference is slow (pages, BLAS buffers), and
    /// must be over before the arm may move.
    private static func makeNode(_ context: NodeContext) throws -> PolicyNode {
        let section = context.run.manifest.policy
        if section.threads > 0 { BLAS.setThreads(section.threads) }
        let checkpoint = try Checkpoint(folder: section.checkpoint, step: section.step)
        let statistics = try checkpoint.actionStatistics(dataset: section.dataset)
        try check(statistics, context.run.manifest)
        let texts = try TaskTextReading(
            ofCheckpoint: section.checkpoint, checkpoint.description, tokenizerAt: section.tokenizer)
        if let text = context.run.manifest.goal.text { _ = try texts.tokens(of: text) }
        let (cameras, window) = try PolicyConfiguration.cameras(
            of: checkpoint.description, in: context.run.manifest.cameras.map(\.name), window: section.window)
        let configuration = PolicyConfiguration(
            cameras: cameras, windowSize: window, actionDimension: statistics.dimension,
            actionSpace: section.actionSpace, rate: section.rate,
            preprocessing: section.preprocessing == .resize ? .resize : .resizeAndCenterCrop,
            requiresGoal: section.requiresGoal, maximumFrameAge: section.maximumFrameAge, noiseSeed: section.seed)
        var engine = PolicyEngine(network: try OctoNetwork(checkpoint), statistics: statistics)
        let start = MonotonicTime.now()
        _ = try engine.run(.blank(configuration))
        let first = MonotonicTime.now()
        _ = try engine.run(.blank(configuration))
        let millions = Double(checkpoint.description.parameterCount) * 1e-6
        context.log.info(
            """
            checkpoint step \(checkpoint.step), \((millions * 10).rounded() / 10) million parameters, OpenBLAS core \
            \(BLAS.coreName), \(BLAS.threads) threads; first inference \(Int((first - start).inMilliseconds)) ms, then \
            \(Int((MonotonicTime.now() - first).inMilliseconds)) ms
            """)
        let folder = section.checkpoint.split(separator: "/").suffix(2).joined(separator: "/")
        return try PolicyNode(
            core: PolicyNodeCore(configuration, texts: texts), worker: InferenceWorker(engine), bus: context.bus,
            modelName: "\(folder) step \(checkpoint.step)")
    }
}

/// What a manifest asks of the policy that it cannot do.
enum UnusableManifest: Error, CustomStringConvertible {
    case wrongActionSpace(dimension: Int)

    var description: String {
        switch self {
        case .wrongActionSpace(let dimension):
            "fitting the checkpoint to the arm: its actions have \(dimension) numbers, policy.action_space 'eef_delta' "
                + "needs 7. Choose the data set or the action space that belongs to this arm."
        }
    }
}

extension PolicyNodeCore.Request {
    /// Black images of the right sizes: what the network is warmed up with.
    static func blank(_ configuration: PolicyConfiguration) -> Self {
        let views = configuration.cameras.map { camera in
            let bytes = configuration.windowSize * camera.width * camera.height * 3
            return PolicyObservation.View(
                camera: camera.name, width: camera.width, height: camera.height,
                pixels: SharedBytes(copying: repeatElement(0, count: bytes)), captureTime: .zero)
        }
        let observation = PolicyObservation(
            tick: 0, time: .zero, goalID: "", views: views,
            timestepPadMask: [Bool](repeating: true, count: configuration.windowSize))
        return Self(
            observation: observation, goal: .init(id: "", images: [:]), captureTime: .zero,
            noiseSeed: configuration.noiseSeed, noiseCounter: 0)
    }
}
