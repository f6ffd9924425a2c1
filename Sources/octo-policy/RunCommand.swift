import ArgumentParser
import Foundation
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
        if [.eefDelta, .eefAbsolute].contains(manifest.policy.actionSpace) && statistics.dimension != 7 {
            throw .wrongActionSpace(dimension: statistics.dimension)
        }
    }

    /// Loads the checkpoint and runs it once on black images: the first inference is slow (pages, BLAS buffers), and
    /// must be over before the arm may move.
    private static func makeNode(_ context: NodeContext) throws -> PolicyNode {
        let section = context.run.manifest.policy
        let cpus = section.cpus ?? []
        let threads = section.threads > 0
            ? section.threads : cpus.isEmpty ? ProcessInfo.processInfo.activeProcessorCount : cpus.count
        BLAS.setThreads(threads)
        guard let precision = NetworkPrecision(rawValue: section.precision.rawValue), precision.instructions != nil else {
            throw UnusableManifest.noInstructions(precision: section.precision.rawValue)
        }
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
        // The thread that runs the engine is the first of the team.
        let team = try WorkerTeam(threads: threads, cpus: Array(cpus.dropFirst()))
        var engine = PolicyEngine(
            network: try FastNetwork(checkpoint, precision: precision, team: team), statistics: statistics)
        let start = MonotonicTime.now()
        _ = try engine.run(.blank(configuration))
        engine.anticipate()
        let first = MonotonicTime.now()
        _ = try engine.run(.blank(configuration))
        let millions = Double(checkpoint.description.parameterCount) * 1e-6
        context.log.info(
            """
            checkpoint step \(checkpoint.step), \((millions * 10).rounded() / 10) million parameters, \(precision), \
            \(precision.instructions ?? "portable") kernels, threads \(threads); first inference \(Int((first - start).inMilliseconds)) ms, then \
            \(Int((MonotonicTime.now() - first).inMilliseconds)) ms
            """)
        let folder = section.checkpoint.split(separator: "/").suffix(2).joined(separator: "/")
        return try PolicyNode(
            core: PolicyNodeCore(configuration, texts: texts), worker: try InferenceWorker(engine, cpu: cpus.first), bus: context.bus,
            modelName: "\(folder) step \(checkpoint.step)")
    }
}

/// What a manifest asks of the policy that it cannot do.
enum UnusableManifest: Error, CustomStringConvertible {
    case wrongActionSpace(dimension: Int)
    case noInstructions(precision: String)

    var description: String {
        switch self {
        case .wrongActionSpace(let dimension):
            "fitting the checkpoint to the arm: its actions have \(dimension) numbers, policy.action_space 'eef_delta' "
                + "needs 7. Choose the data set or the action space that belongs to this arm."
        case .noInstructions(let precision):
            "choosing the network's kernels: policy.precision is '\(precision)', and this CPU has no instructions for it. "
                + "Take 'float32', which would be faster here too."
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
