import ArgumentParser
import Bus
import Cameras
import Goals
import Images
import Kinematics
import Manifests
import Maths
import Messages
import NodeShell
import SceneFit
import Time
import Wire

/// The goal node's process in a run.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Publish the goal of a run and answer commands; octo-launch starts this.",
        discussion: """
            The manifest's "goal" says which goal holds at first: image files, a frame of a recorded episode (-1 is \
            the last), a goal of the library, a text, or none. While it is set, it is compared with what the cameras \
            see twice a second (goal/fit).
            """)

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        try NodeProcess.run(arguments) { context in try GoalNode(context) }
    }
}

/// The goal node: carries messages between the bus, the core and the library.
struct GoalNode: NodeBody {
    private var core: GoalNodeCore
    private let library: GoalLibrary
    private let goals: Publisher<Goal>
    private let fits: Publisher<GoalFit>
    private let results: Publisher<GoalResult>
    private let events: Publisher<RunEvent>
    private let commands: Subscription<GoalCommand>
    private let frames: [Subscription<CameraFrame>]
    private let observations: Subscription<PolicyObservation>
    private let arm: Subscription<ArmState>

    /// Makes the node and loads the goal that the run begins with.
    /// - Throws: `GoalError` when the goal cannot be loaded, or is not of a camera's size; what is wrong with a
    ///   calibration file.
    init(_ context: NodeContext) throws {
        let manifest = context.run.manifest
        core = GoalNodeCore(
            node: context.name, cameras: manifest.cameras.map(\.name), onArm: manifest.camerasOnArm,
            armViews: try manifest.armViews(),
            limits: try SceneFit.Limits(ofCheckpoint: manifest.policy.checkpoint))
        library = GoalLibrary(folder: manifest.goal.library)
        goals = context.bus.publisher(Topics.goalCurrent)
        fits = context.bus.publisher(Topics.goalFit)
        results = context.bus.publisher(Topics.goalResult)
        events = context.bus.publisher(Topics.event(of: context.name))
        commands = try context.bus.subscribe(Topics.goalCommand)
        frames = try manifest.cameras.map { try context.bus.subscribe(Topics.cameraImage($0.name)) }
        observations = try context.bus.subscribe(Topics.policyObservation)
        arm = try context.bus.subscribe(Topics.armState)
        let now = MonotonicTime.now()
        let first = try core.begin(
            with: FirstGoal(manifest.goal), frames: manifest.announcedFrames(), store: library, at: now)
        try send(first, at: now)
    }

    mutating func turn(at now: MonotonicTime) throws -> MonotonicTime? {
        for subscription in frames {
            while let frame = subscription.take() { core.receive(frame.message) }
        }
        while let state = arm.take() { core.receive(state.message) }
        while let observation = observations.take() { core.receive(observation.message) }
        while let command = commands.take() {
            try send(core.receive(command.message, store: library, at: now), at: now)
        }
        if let due = core.nextTick, due <= now {
            try send(core.tick(store: library, wall: .now(), at: now), at: now)
            core.spent(.now() - now)
        }
        // A goal that is being taken waits for frames, which wake us, or for its time to run out.
        return core.nextTick.map { max($0, now + .milliseconds(50)) }
    }

    private func send(_ outputs: [GoalNodeCore.Output], at now: MonotonicTime) throws {
        for output in outputs {
            switch output {
            case .goal(let goal): try goals.publish(goal, at: now)
            case .result(let result): try results.publish(result, at: now)
            case .fit(let fit): try fits.publish(fit, at: now)
            case .event(let event): try events.publish(event, at: now)
            }
        }
    }

    func status(at now: MonotonicTime) -> NodeStatus { core.status(at: now) }
}

extension FirstGoal {
    /// The goal section of a manifest.
    init(_ section: Manifest.Goal) {
        let views: GoalSource.Views
        switch section.source {
        case .library:
            self = .library(section.name ?? "")
            return
        case .none, .text: views = .none
        case .images(let files): views = .files(files.map { .init(camera: $0.camera, path: $0.path) })
        case .episode(let folder, let frame, let patterns):
            views = .episode(
                .init(
                    folder: folder, views: patterns.map { .init(camera: $0.camera, pattern: $0.pattern) }, frame: frame)
            )
        }
        self = .source(GoalSource(name: section.name, views: views, text: section.text.map { .given($0) } ?? .none))
    }
}

extension Manifest {
    var camerasOnArm: Set<String> { Set(cameras.filter(\.ridesOnArm).map(\.name)) }

    /// The sizes of the cameras' frames, as far as the manifest and its files tell them.
    /// - Throws: what is wrong with a calibration file.
    func announcedFrames() throws -> [AnnouncedFrames] {
        try cameras.compactMap { camera in
            switch camera.source {
            case .images(let frames):
                return AnnouncedFrames(camera: camera.name, folder: frames.folder, pattern: frames.pattern)
            case .simulated(let simulated):
                return AnnouncedFrames(
                    camera: camera.name, width: simulated.width, height: simulated.height,
                    source: "the simulated world")
            case .device(let device):
                let adjustment =
                    try device.calibration.map(CameraCalibration.init(path:))?.adjustment ?? FrameAdjustment()
                // A crop that is not within the picture is for the camera's process to tell.
                return adjustment.size(width: device.width, height: device.height).map {
                    AnnouncedFrames(camera: camera.name, width: $0.width, height: $0.height, source: device.path)
                }
            }
        }
    }

    /// Views that tell where the arm is in the pictures, of the cameras whose calibration says lens and place; by their
    /// names.
    /// - Throws: what is wrong with a calibration file.
    func armViews() throws -> [String: ArmView] {
        var views: [String: ArmView] = [:]
        for camera in cameras where !camera.ridesOnArm {
            guard case .device(let device) = camera.source, let path = device.calibration else { continue }
            let calibration = try CameraCalibration(path: path)
            guard let intrinsics = calibration.intrinsics, let place = calibration.baseFromCamera else { continue }
            let (matrix, turn) = (intrinsics.cameraMatrix, place.rollPitchYaw)
            views[camera.name] = ArmView(
                chain: try ArmCalibration(contentsOfFile: arm.calibration).chain,
                lens: .init(
                    width: intrinsics.width, height: intrinsics.height, focalX: matrix[0], focalY: matrix[4],
                    centreX: matrix[2],
                    centreY: matrix[5]),
                baseFromCamera: Pose(
                    rotation: Rotation(roll: turn[0], pitch: turn[1], yaw: turn[2]),
                    translation: [place.offset[0], place.offset[1], place.offset[2]]))
        }
        return views
    }
}
