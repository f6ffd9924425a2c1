import ArgumentParser
import Control
import DequeModule
import Files
import Foundation
import Goals
import Images
import JSONTree
import Manifests
import Messages
import NodeShell
import Policy
import Recording
import Replay
import Time
import Verification
import Wire

/// Computes again what an episode's policy and arm decided.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Compute an episode's observations, chunks and setpoints again, and compare them bit by bit.",
        discussion: """
            Observations are made again from the logged frames, chunks from the observations with the logged seeds, \
            setpoints from the chunks and from what the control loop read. On the same kind of machine, with the same \
            checkpoint, every bit is the same; the first that is not is named.

              octo-replay verify episodes/2026-01-31T12-00-00-robot/cup.mcap

            With another checkpoint or goal it is an evaluation without a robot: how far are the new actions from the \
            logged ones, per number and per step of the chunk?

              octo-replay verify cup.mcap --checkpoint finetuned --csv errors.csv --plot errors.svg
              octo-replay verify cup.mcap --goal plate

            Exit codes: 0 identical (or evaluated), 1 something differs, 2 the input cannot be used, 3 nothing \
            differs, but not all could be checked.
            """)

    @Argument(help: EpisodeArgument.help)
    var episode: EpisodeArgument

    @Option(help: ArgumentHelp("Take this checkpoint in place of the episode's.", valueName: "folder"))
    var checkpoint: String?

    @Option(help: "Take this training step of --checkpoint; the newest by default.")
    var step: Int?

    @Option(
        help: ArgumentHelp("Take another goal: the name of one in the library, or an image file.", valueName: "goal"))
    var goal: String?

    @Option(
        help: ArgumentHelp("Look for goals there; by default where the episode's run had them.", valueName: "folder"))
    var library: String?

    @Flag(help: "Leave out what needs the network.")
    var armOnly = false

    @Option(help: ArgumentHelp("Write the errors of each chunk's first action to this file.", valueName: "file"))
    var csv: String?

    @Option(help: ArgumentHelp("Draw the errors of each chunk's first action over time.", valueName: "file.svg"))
    var plot: String?

    @OptionGroup var json: JSONFlag

    private var isEvaluation: Bool { checkpoint != nil || goal != nil }

    func validate() throws {
        if armOnly && isEvaluation { throw ValidationError("--arm-only has no use for --checkpoint and --goal.") }
        if step != nil && checkpoint == nil { throw ValidationError("--step is of --checkpoint: name that, too.") }
    }

    func run() throws {
        let report = try result()
        print(json.isWanted ? report.json.text(indented: true) : report.text)
        if let code = report.exitCode { throw code }
    }

    private func result() throws -> VerifyReport {
        let file = try EpisodeFile(path: episode.path)
        let setup = try EpisodeSetup(file)
        Self.useSameKernels(as: setup.manifest)
        let arm = isEvaluation ? nil : try Self.verifyArm(file, setup)
        let start = MonotonicTime.now()
        let policy = armOnly ? nil : try verifyPolicy(file, setup)
        let report = VerifyReport(
            path: episode.path, arm: arm, policy: policy, isEvaluation: isEvaluation, duration: .now() - start,
            start: file.startTime, recorded: Self.length(of: file))
        if let plot, let policy {
            let start = policy.errors.times.first ?? .zero
            let points = zip(policy.errors.times, policy.errors.firstActions).map {
                (time: ($0 - start).inSeconds, errors: $1)
            }
            let drawing = ActionErrorPlot(title: checkpoint ?? goal ?? episode.path, points: points)
            try working { try FileSystem.replace(plot, with: drawing.svg) }
        }
        if let csv, let policy {
            try working { try FileSystem.replace(csv, with: VerifyReport.csv(policy.errors)) }
        }
        return report
    }

    /// Starts anew with the kernels of the policy's process. OpenBLAS reads its core type when it is loaded; the
    /// policy's process has none unless the manifest says so. execv(3).
    private static func useSameKernels(as manifest: Manifest) {
        let variables = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"]
        guard !manifest.policy.keepsBLASCore, variables.contains(where: { getenv($0) != nil }) else { return }
        for variable in variables { unsetenv(variable) }
        var arguments = CommandLine.arguments.map { strdup($0) }
        arguments.append(nil)
        execv("/proc/self/exe", &arguments)
        // It only comes back when it failed: then the products are as the environment says.
        for argument in arguments { free(argument) }
    }

    private static func length(of file: EpisodeFile) -> Duration {
        let statistics = file.reader.statistics
        return .nanoseconds(Int64(clamping: statistics.endTime - min(statistics.startTime, statistics.endTime)))
    }

    // MARK: The arm

    private static func verifyArm(_ file: EpisodeFile, _ setup: EpisodeSetup) throws -> ArmVerification.Report {
        let manifest = setup.manifest
        var verification = ArmVerification(
            calibration: try setup.calibration(of: file),
            configuration: ArmControllerConfiguration(manifest.arm, policyRate: manifest.policy.rate))
        for chunk in try file.messages(of: Topics.policyChunk) { verification.receive(chunk.message) }
        var messages = file.messages(ofTopics: [Topics.armTrace.name])
        var sequence = SequenceWatch()
        while let message = try messages.next() {
            if sequence.misses(message.envelope) { verification.noteGap() }
            verification.receive(try message.content(as: ArmTrace.self))
        }
        return verification.report
    }

    // MARK: The policy

    private func verifyPolicy(_ file: EpisodeFile, _ setup: EpisodeSetup) throws -> PolicyVerification.Report {
        let manifest = setup.manifest
        var section = manifest.policy
        if let checkpoint {
            section.checkpoint = checkpoint
            section.step = step
            // The statistics are the other checkpoint's.
            section.dataset = nil
        }
        let loaded = try LoadedPolicy(
            section, text: nil, goalUse: manifest.goal.use, goalsMayBringNumbers: true,
            cameras: manifest.cameras.map(\.name)
        ) {
            try setup.calibration(of: file).joints.count
        }
        var engine = loaded.engine
        var verification = try PolicyVerification(
            loaded.configuration, texts: loaded.texts, otherGoal: otherGoal(manifest), isSamePolicy: checkpoint == nil,
            start: file.startTime
        ) { request in try engine.run(request) }
        let cameras = loaded.configuration.cameras.map { Topics.cameraImage($0.name).name }
        let states = loaded.configuration.proprio == nil ? [] : [Topics.armState.name]
        var messages = file.messages(
            ofTopics: Set(
                cameras + states + [Topics.policyObservation.name, Topics.policyChunk.name, Topics.goalCurrent.name]))
        let counts = file.reader.statistics.channelMessageCounts
        let total = file.reader.channels.filter { $0.value.topic == Topics.policyChunk.name }
            .reduce(0) { $0 + Int(clamping: counts[$1.key] ?? 0) }
        let progress = ProgressLine(total: total, of: "chunks", at: .now())
        defer { progress.end() }
        // Frames, states and goals first: what left its process before an observation may have come to the recorder
        // after it.
        var waiting: Deque<EpisodeMessage> = []
        while let message = try messages.next() {
            switch message.envelope.schema {
            case CameraFrame.schemaName: verification.receive(try message.content(as: CameraFrame.self))
            case ArmState.schemaName: verification.receive(try message.content(as: ArmState.self))
            case Goal.schemaName: verification.receive(try message.content(as: Goal.self))
            default: waiting.append(message)
            }
            while let first = waiting.first, message.logTime - first.logTime > Self.patience {
                try Self.give(waiting.removeFirst(), to: &verification)
                progress.show(verification.report.chunks, at: .now())
            }
        }
        for message in waiting {
            try Self.give(message, to: &verification)
            progress.show(verification.report.chunks, at: .now())
        }
        return verification.report
    }

    private static let patience = Duration.seconds(1)

    private static func give(_ message: EpisodeMessage, to verification: inout PolicyVerification) throws {
        if message.envelope.schema == PolicyObservation.schemaName {
            verification.receive(try message.content(as: PolicyObservation.self))
        } else {
            verification.receive(try message.content(as: ActionChunk.self))
        }
    }

    private func otherGoal(_ manifest: Manifest) throws -> Goal? {
        guard let goal else { return nil }
        if FileManager.default.fileExists(atPath: goal) {
            let image = try RGBImage(contentsOf: goal)
            return Goal(
                id: "other", name: goal, views: manifest.cameras.map { .init(camera: $0.name, image: image) },
                text: nil,
                origin: .images(paths: [goal]))
        }
        let library = GoalLibrary(folder: library ?? manifest.goal.library)
        return try library.load(goal).goal(folder: library.path(of: goal))
    }
}

/// Whether messages of a topic are missing in the file.
private struct SequenceWatch {
    private var last: (instance: UInt64, sequence: UInt64)?

    mutating func misses(_ envelope: Envelope) -> Bool {
        defer { last = (envelope.instanceID, envelope.sequence) }
        guard let last, last.instance == envelope.instanceID else { return false }
        return envelope.sequence != last.sequence + 1
    }
}
