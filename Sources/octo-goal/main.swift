import ArgumentParser
import Bus
import Cameras
import Goals
import Launch
import Messages
import NodeShell
import Time
import Wire

/// Loads the goal that the manifest names and publishes it, latched.
struct OctoGoal: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-goal",
        abstract: "Publishes what the robot is asked to reach on goal/current.",
        discussion: """
            octo-launch starts one such process. The manifest's "goal" says where the goal comes from: image files, one
            for each camera; a frame of a recorded episode (-1 is the last); a text; or none.
            """)

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        try NodeProcess.run(arguments) { context in
            try GoalNode(source: GoalSource(context.run.manifest.goal), context: context)
        }
    }
}

/// The goal node: everything is in its core, which has one goal to publish.
struct GoalNode: NodeBody {
    private var core: GoalNodeCore
    private let goals: Publisher<Goal>

    /// - Throws: `GoalError` when the goal cannot be loaded, or is not of a camera's size.
    init(source: GoalSource, context: NodeContext) throws {
        core = GoalNodeCore(node: context.name)
        goals = context.bus.publisher(Topics.goalCurrent)
        let goal = try Goal(loading: source)
        for camera in context.run.manifest.cameras {
            switch camera.source {
            case .images(let frames):
                try goal.requireFrameSize(ofCamera: camera.name, folder: frames.folder, pattern: frames.pattern)
            case .simulated(let simulated):
                try goal.requireFrameSize(
                    ofCamera: camera.name, width: simulated.width, height: simulated.height, source: "the simulated world")
            case .device(let device):
                let adjustment = try device.calibration.map(CameraCalibration.init(path:))?.adjustment ?? FrameAdjustment()
                // A crop that is not within the picture is for the camera's process to tell.
                guard let size = adjustment.size(width: device.width, height: device.height) else { continue }
                try goal.requireFrameSize(ofCamera: camera.name, width: size.width, height: size.height, source: device.path)
            }
        }
        let now = MonotonicTime.now()
        if case .publish(let goal) = core.set(goal, at: now) { try goals.publish(goal, at: now) }
    }

    mutating func turn(at now: MonotonicTime) throws -> MonotonicTime? { nil }

    func status(at now: MonotonicTime) -> NodeStatus { core.status(at: now) }
}

extension GoalSource {
    /// The goal section of a manifest.
    init(_ section: Manifest.Goal) {
        let views: Views
        switch section.source {
        case .none, .text: views = .none
        case .images(let files): views = .files(files.map { File(camera: $0.camera, path: $0.path) })
        case .episode(let folder, let frame, let patterns):
            views = .episode(
                Episode(
                    folder: folder, views: patterns.map { Episode.View(camera: $0.camera, pattern: $0.pattern) },
                    frame: frame))
        }
        self.init(name: section.name, views: views, text: section.text.map { .given($0) } ?? .none)
    }
}

OctoGoal.runProgram()
