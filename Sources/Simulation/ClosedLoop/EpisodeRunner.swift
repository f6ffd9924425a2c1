import Control
import Digests
import Images
import Maths
import Messages
import Policy
import Simulation
import Time

/// One camera of an episode.
package struct EpisodeCamera: Equatable, Sendable {
    package var camera: World.Camera
    /// Width of the frames, pixels.
    package var width: Int
    /// Height of the frames, pixels.
    package var height: Int

    package init(_ camera: World.Camera, width: Int, height: Int) {
        self.camera = camera
        self.width = width
        self.height = height
    }
}

/// How episodes run.
package struct EpisodeSettings: Sendable {
    package var task: ManipulationTask
    package var policyRate: Rate
    package var controller: ArmControllerConfiguration
    package var cameras: [EpisodeCamera]
    /// Number of policy steps after which an episode ends without success.
    package var maximumTimesteps: Int

    /// Makes the settings of episodes.
    /// - Parameter controller: settings of the arm's controller, whose period must be a whole number of physics steps.
    package init(
        task: ManipulationTask, policyRate: Rate, controller: ArmControllerConfiguration, cameras: [EpisodeCamera],
        maximumTimesteps: Int
    ) {
        self.task = task
        self.policyRate = policyRate
        self.controller = controller
        self.cameras = cameras
        self.maximumTimesteps = maximumTimesteps
    }
}

/// What came of an episode.
package struct EpisodeOutcome: Equatable, Sendable {
    package var isSuccess = false
    /// Number of policy steps until the end.
    package var timesteps = 0
    /// Time until the task was done, seconds; nil without success.
    package var secondsToSuccess: Double?
    /// Length of the tool point's way, metres.
    package var pathLength = 0.0
    /// Root mean square of the third derivative of the tool point's place, metres per second cubed.
    package var jerk = 0.0
    /// Number of policy steps whose target a limit, the workspace or the arm's reach cut short.
    package var clampedSteps = 0
    /// Number of times that the arm stopped for another reason than that it had nothing to do.
    package var safetyHolds = 0
    package var chunks = 0

    package init() {}
}

/// Why an episode cannot be run.
package enum EpisodeError: Error, Equatable, CustomStringConvertible {
    case unevenRate(hertz: Double, stepSeconds: Double)
    case chunk(ChunkRejection)

    package var description: String {
        switch self {
        case .unevenRate(let hertz, let step):
            "running an episode: the control rate is \(hertz) Hz, expected a period that is a multiple of the physics "
                + "step of \(step * 1000) ms. Set arm.control_rate_hz to 50, 100, 125, 250 or 500."
        case .chunk(let rejection): "running an episode: \(rejection)"
        }
    }
}

/// Runs episodes in lock step: world, policy and arm controller take turns on a simulated clock, the cores of the live
/// pipeline without processes and sockets. Same world, same policy: the same episode, bit for bit on one machine.
package struct EpisodeRunner {
    package let settings: EpisodeSettings
    private let world: World
    private let stepsPerTick: Int
    private var controller: ArmController
    /// Time at which the episode begins, on its own clock.
    package let start = MonotonicTime(nanoseconds: 1_000_000_000)
    private var sequence: UInt64 = 0

    /// Prepares one episode.
    /// - Parameter world: the world at the beginning of the episode.
    /// - Throws: `EpisodeError.unevenRate`.
    package init(_ world: World, settings: EpisodeSettings) throws(EpisodeError) {
        self.world = world
        self.settings = settings
        let period = settings.controller.rate.periodSeconds
        let steps = (period / world.stepSeconds).rounded()
        guard steps >= 1, abs(steps * world.stepSeconds - period) < 1e-9 else {
            throw .unevenRate(hertz: settings.controller.rate.hertz, stepSeconds: world.stepSeconds)
        }
        stepsPerTick = Int(steps)
        controller = ArmController(
            calibration: world.calibration, configuration: settings.controller,
            measured: Self.measured(world, at: start))
    }

    private static func measured(_ world: World, at now: MonotonicTime) -> JointState {
        JointState(
            time: now, positions: world.armPositions, velocities: world.armVelocities, gripper: world.gripperOpening)
    }

    /// Runs until the task is done at two policy steps in a row, the policy is finished, or the time is over.
    /// - Parameters:
    ///   - eachTimestep: called with every policy step, after the policy has seen it.
    ///   - eachTick: called with what the arm did at every control tick.
    /// - Throws: `WorldError`, `EpisodeError`, and what the policy, `eachTimestep` or `eachTick` throw.
    package mutating func run<P: EpisodePolicy>(
        _ policy: inout P, eachTimestep: (EpisodeMoment, P) throws -> Void = { _, _ in },
        eachTick: (ArmTick, MonotonicTime) throws -> Void = { _, _ in }
    ) throws -> EpisodeOutcome {
        var outcome = EpisodeOutcome()
        var meter = MotionMeter(seconds: settings.controller.rate.periodSeconds)
        var cadence = Cadence(start: start, rate: settings.policyRate)
        var state = controller.state
        var wasDone = false
        var isHeld = false
        var now = start
        while true {
            if now >= cadence.deadline {
                let isDone = settings.task.isDone(in: world)
                if isDone, outcome.secondsToSuccess == nil || !wasDone {
                    outcome.secondsToSuccess = (now - start).inSeconds
                }
                outcome.isSuccess = isDone && wasDone
                wasDone = isDone
                let awaitsConfirmation = isDone && !outcome.isSuccess
                let isOver = outcome.isSuccess && policy.endsAtSuccess || policy.isFinished && !awaitsConfirmation
                if isOver || outcome.timesteps == settings.maximumTimesteps { break }
                let moment = try look(outcome.timesteps, at: now, state)
                policy.see(moment)
                try eachTimestep(moment, policy)
                _ = cadence.advance(past: now)
                outcome.timesteps += 1
            }
            policy.feel(measured(at: now, state))
            if let chunk = try policy.decide(at: now) {
                do throws(ChunkRejection) {
                    controller.receive(
                        try FixedActionChunk(chunk, jointCount: world.calibration.joints.count), at: now)
                } catch {
                    throw EpisodeError.chunk(error)
                }
                outcome.chunks += 1
            }
            let tick = controller.tick(at: now, measured: Self.measured(world, at: now))
            controller.wrote(at: now)
            try eachTick(tick, now)
            world.command(tick.setpoint.positions, gripper: tick.setpoint.gripper)
            try world.advance(steps: stepsPerTick)
            state = tick.state
            if let report = tick.report { outcome.clampedSteps += report.stepsClamped }
            if state.mode.isSafetyHold {
                if !isHeld { outcome.safetyHolds += 1 }
                isHeld = true
            } else {
                isHeld = false
            }
            meter.add(world.baseFromEEF.translation)
            now += settings.controller.rate.period
        }
        if !outcome.isSuccess { outcome.secondsToSuccess = nil }
        outcome.pathLength = meter.length
        outcome.jerk = meter.jerk
        return outcome
    }

    /// The controller knows the arm as it was a tick ago; who looks now sees it as it is in the pictures.
    private func measured(at now: MonotonicTime, _ state: ArmState) -> ArmState {
        var arm = state
        arm.measured = Self.measured(world, at: now)
        arm.baseFromEEF = world.calibration.chain.baseFromEEF(arm.measured.positions)
        return arm
    }

    private mutating func look(
        _ timestep: Int, at now: MonotonicTime, _ state: ArmState
    ) throws(WorldError) -> EpisodeMoment {
        var frames: [CameraFrame] = []
        for camera in settings.cameras {
            let image = try world.picture(camera.camera, width: camera.width, height: camera.height)
            frames.append(
                CameraFrame(
                    camera: camera.camera.rawValue, deviceID: "simulated", sequence: sequence, captureTime: now,
                    pixels: .rgb8(image), contentHash: image.pixels.xxh3))
        }
        sequence += 1
        return EpisodeMoment(
            timestep: timestep, time: now, frames: frames, arm: measured(at: now, state),
            object: world.pose(ofObject: settings.task.object))
    }
}

extension ArmMode {
    /// Whether the arm stands although there would be something to do.
    var isSafetyHold: Bool {
        guard case .holding(let reason) = self else { return false }
        return switch reason {
        case .waitingForFirstChunk, .chunkExhausted, .stopping, .released: false
        case .noFreshChunk, .driverFault, .emergencyStop, .stalled, .overloaded, .beyondLimits, .overheated,
            .notFollowing, .awaitingResume:
            true
        }
    }
}

/// How far and how smoothly a point moves.
private struct MotionMeter {
    private(set) var length = 0.0
    private let seconds: Double
    private var recent: [Vector3] = []
    private var squares = 0.0
    private var count = 0

    init(seconds: Double) { self.seconds = seconds }

    mutating func add(_ point: Vector3) {
        if let last = recent.last { length += (point - last).length }
        recent.append(point)
        guard recent.count == 4 else { return }
        let third = (recent[3] - 3 * recent[2] + 3 * recent[1] - recent[0]) / (seconds * seconds * seconds)
        squares += third.dot(third)
        count += 1
        recent.removeFirst()
    }

    var jerk: Double { count > 0 ? (squares / Double(count)).squareRoot() : 0 }
}
