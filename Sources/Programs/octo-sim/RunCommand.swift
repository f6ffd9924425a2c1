import ArgumentParser
import ArmDrivers
import Bus
import ClosedLoop
import Kinematics
import Foundation
import Manifests
import Messages
import NodeShell
import ServoEmulation
import Simulation
import Time
import Wire

/// Runs the simulation's process in a run.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the world of a manifest in real time; octo-launch starts this.",
        discussion: """
            The manifest's section "simulation" says which world. Cameras with the source "simulated" take their \
            pictures from it, and an arm with the port "simulation" moves its servos, by the same packets as real \
            ones.
            """)

    @OptionGroup var arguments: NodeArguments

    func run() throws {
        try NodeProcess.run(arguments) { context in try SimulationNode(context) }
    }
}

/// The simulation node: physics and servos on one thread, pictures on another; this one says how they are.
struct SimulationNode: NodeBody {
    private let physics: PhysicsThread
    private let pictures: PictureThread
    private let film: Film?
    private let context: NodeContext
    private let scene: Scene
    private let task: ManipulationTask?
    private let commands: Subscription<SimulationCommand>
    private let results: Publisher<SimulationResult>
    /// The answers given last: a command that comes again is answered, not done, again.
    private var answers: [SimulationResult] = []
    private var hasStopped = false

    /// - Throws: `WorldError`, `JSONFileError`, and what the calibration throws.
    init(_ context: NodeContext) throws {
        let manifest = context.run.manifest
        guard let section = manifest.simulation else {
            throw ValidationError("the manifest has no section \"simulation\"")
        }
        let written = try Scene(contentsOfFile: section.scene)
        let scene = section.seed.map { written.varied(seed: $0) } ?? written
        self.scene = scene
        self.context = context
        commands = try context.bus.subscribe(Topics.simulationCommand)
        results = context.bus.publisher(Topics.simulationResult)
        let calibration = try ArmCalibration(contentsOfFile: manifest.arm.calibration)
        let model = try section.model.map { try String(contentsOf: URL(fileURLWithPath: $0), encoding: .utf8) }
        film = try section.film.map { try Film(path: $0, goal: manifest.goal) }

        let world = try World(scene, arm: calibration, mjcf: model)
        var servos: SimulatedServoBus?
        if case .dynamixel(let line, _) = manifest.arm.driver, line.port == Manifest.simulatedPort {
            let text = try Data(contentsOf: URL(fileURLWithPath: manifest.arm.calibration))
            let layout = try ServoLayout(
                calibration: text, file: manifest.arm.calibration, joints: calibration.joints.count)
            servos = try SimulatedServoBus(
                layout: layout, start: world.armPositions, baud: line.baud, link: context.run.simulatedServos)
        }
        task = try section.task.map { try ManipulationTask($0.kind, object: section.object, in: scene) }
        physics = PhysicsThread(world, task: task, servos: servos)
        pictures = try PictureThread(
            World(scene, arm: calibration, mjcf: model), states: physics.states, socket: context.run.simulatedCameras,
            film: film.map { ($0, section.filmRate) })
        let rights = try physics.start()
        try pictures.start()
        let version = try World.libraryVersion()
        context.log.info("MuJoCo \(version), pictures by \(pictures.renderer), physics with \(rights)")
    }

    mutating func turn(at now: MonotonicTime) throws -> MonotonicTime? {
        if let error = pictures.failure { throw error }
        while let received = commands.take() {
            let command = received.message
            let known = answers.last { $0.answers(command) }
            let answer = known ?? carryOut(command, at: now)
            if known == nil { answers = answers.suffix(63) + [answer] }
            try results.publish(answer, at: now)
        }
        return now + .milliseconds(200)
    }

    private func carryOut(_ command: SimulationCommand, at now: MonotonicTime) -> SimulationResult {
        var problem: String?
        switch command.action {
        case .nudgeCamera(let offset, let roll):
            pictures.change {
                $0.view = $0.view.pushed(by: offset)
                $0.roll += roll
            }
        case .resetCamera:
            pictures.change {
                $0.view = scene.primary
                $0.roll = 0
            }
        case .setBrightness(let brightness):
            if (0...1).contains(brightness) {
                pictures.change { $0.brightness = brightness }
            } else {
                problem = "lighting the world: found \(brightness), expected 0 to 1."
            }
        case .placeObject(let name, let position):
            if let index = scene.objects.firstIndex(where: { $0.name == name }) {
                physics.place(object: index, at: position)
            } else {
                let known = scene.objects.map(\.name).joined(separator: ", ")
                problem = "placing '\(name)': the scene has [\(known)], expected one of them."
            }
        }
        return SimulationResult(
            id: command.id, operatorID: command.operatorID, isAccepted: problem == nil, message: problem ?? "done",
            time: now)
    }

    func status(at now: MonotonicTime) -> NodeStatus {
        let figures = physics.states.figures
        var counters: [NodeStatus.Counter] = [
            .init(name: "steps", value: figures.steps), .init(name: "skipped_steps", value: figures.skipped),
            .init(name: "pictures", value: pictures.count), .init(name: "lost_pictures", value: pictures.lost),
        ]
        if let progress = figures.progress {
            counters.append(.init(name: "tasks", value: 1))
            if case .reached(let time) = progress {
                counters.append(.init(name: "task_reached_after_ms", value: time.nanoseconds / 1_000_000))
            }
        }
        let (state, headline): (NodeStatus.State, String) =
            if hasStopped {
                (.stopping, "stopping")
            } else if let problem = physics.states.problem {
                (.fault, problem)
            } else if figures.isLate {
                (.degraded, "the physics does not keep up with real time: give this machine less to do")
            } else {
                (.ready, "\(physics.states.summary), \(pictures.cameraCount) cameras" + verdict(figures.progress))
            }
        return NodeStatus(node: "simulation", processID: 0, state: state, headline: headline, counters: counters)
    }

    private func verdict(_ progress: TaskWatch.Progress?) -> String {
        guard let task, case .reached(let time)? = progress else { return "" }
        return "; the goal is reached, after \(time.inSeconds.decimals(1)) s: \(task.instruction(in: scene))"
    }

    mutating func stop(at now: MonotonicTime) -> Bool {
        hasStopped = true
        pictures.stop()
        physics.stop()
        do {
            try film?.write(progress: physics.states.figures.progress)
        } catch {
            // No failure of the run.
            context.log.error("\(error)")
        }
        return true
    }
}

extension Manifest.Simulation.Task {
    fileprivate var kind: ManipulationTask.Kind {
        switch self {
        case .reach: .reach
        case .push: .push
        case .pickPlace: .pickPlace
        }
    }
}
