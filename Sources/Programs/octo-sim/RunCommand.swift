import ArgumentParser
import ArmDrivers
import Bus
import ClosedLoop
import Files
import Kinematics
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

/// The simulation node: physics and servos on one thread, pictures on another; what commands do to both, and what is
/// told of them, the core decides.
struct SimulationNode: NodeBody {
    private let physics: PhysicsThread
    private let pictures: PictureThread
    private let film: Film?
    private let context: NodeContext
    private var core: SimulationNodeCore
    private let commands: Subscription<SimulationCommand>
    private let results: Publisher<SimulationResult>

    /// - Throws: `WorldError`, `JSONFileError`, and what the calibration throws.
    init(_ context: NodeContext) throws {
        let manifest = context.run.manifest
        guard let section = manifest.simulation else {
            throw ValidationError("the manifest has no section \"simulation\"")
        }
        let written = try Scene(contentsOfFile: section.scene)
        let scene = section.seed.map { written.varied(seed: $0) } ?? written
        self.context = context
        commands = try context.bus.subscribe(Topics.simulationCommand)
        results = context.bus.publisher(Topics.simulationResult)
        let calibration = try ArmCalibration(contentsOfFile: manifest.arm.calibration)
        let model = try section.model.map { String(decoding: try FileSystem.read($0), as: UTF8.self) }
        film = try section.film.map { try Film(path: $0, goal: manifest.goal) }

        let world = try World(scene, arm: calibration, mjcf: model)
        var servos: SimulatedServoBus?
        if case .dynamixel(let line, _) = manifest.arm.driver, line.port == Manifest.simulatedPort {
            let text = try FileSystem.read(manifest.arm.calibration)
            let layout = try ServoLayout(
                calibration: text, file: manifest.arm.calibration, joints: calibration.joints.count)
            servos = try SimulatedServoBus(
                layout: layout, start: world.armPositions, baud: line.baud, link: context.run.simulatedServos)
        }
        let task = try section.task.map { try ManipulationTask($0.kind, object: section.object, in: scene) }
        core = SimulationNodeCore(name: Manifest.simulationNode, scene: scene, task: task)
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
            let (change, answer) = core.receive(received.message, at: now)
            switch change {
            case .look(let look): pictures.show(look)
            case .place(let object, let position): physics.place(object: object, at: position)
            case nil: break
            }
            try results.publish(answer, at: now)
        }
        return now + .milliseconds(200)
    }

    func status(at now: MonotonicTime) -> NodeStatus {
        let (states, figures) = (physics.states, physics.states.figures)
        var condition = SimulationNodeCore.Condition(summary: states.summary)
        condition.steps = figures.steps
        condition.skippedSteps = figures.skipped
        condition.isLate = figures.isLate
        condition.progress = figures.progress
        condition.problem = states.problem
        condition.pictures = pictures.count
        condition.lostPictures = pictures.lost
        condition.cameras = pictures.cameraCount
        return core.status(condition)
    }

    mutating func stop(at now: MonotonicTime) -> Bool {
        core.stop()
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
