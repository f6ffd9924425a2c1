import ArgumentParser
import ArmSetup
import ClosedLoop
import Control
import Foundation
import Images
import Launch
import Messages
import NodeShell
import Policy
import PolicySetup
import Simulation
import Time

/// Why an evaluation cannot be made.
enum EvaluationError: Error, CustomStringConvertible {
    case noSimulation(String)
    case noGoal(seed: UInt64, instruction: String)
    case noChunks(seed: UInt64, problem: String)
    case unwritable(String, reason: String)

    var description: String {
        switch self {
        case .noSimulation(let path):
            "reading \(path): it has no section \"simulation\", expected a robot in the simulated world. Take launch/sim.json."
        case .noGoal(let seed, let instruction):
            "taking the goal of episode seed \(seed): the expert did not manage '\(instruction)', expected its end as the goal. "
                + "Choose another --seed, or a scene with more room."
        case .noChunks(let seed, let problem):
            "running episode seed \(seed): the policy makes no chunk: \(problem). Mend that, then begin anew."
        case .unwritable(let path, let reason):
            "writing \(path): \(reason), expected a file that can be written. Choose another path."
        }
    }
}

/// One episode as a row of the result.
struct EpisodeRow {
    var seed: UInt64
    var outcome: EpisodeOutcome
}

/// Runs the episodes that the command line asks for, and reports.
struct Evaluation {
    private static let goalSheetRows = 20
    private let options: OctoEval

    init(_ options: OctoEval) { self.options = options }

    func run() throws {
        do {
            try evaluate()
        } catch let code as ExitCode {
            throw code
        } catch {
            FileHandle.standardError.write(Data("error: \(error)\n".utf8))
            throw NodeExit.badInput
        }
    }

    private func evaluate() throws {
        let overrides =
            try options.overrides.map { try ManifestOverride(parsing: $0) }
            + (options.policy.map { [try ManifestOverride(parsing: "policy.checkpoint=\($0)")] } ?? [])
        let manifest = try Manifest.load(options.manifest, overrides: overrides)
        guard let simulation = manifest.simulation else { throw EvaluationError.noSimulation(options.manifest) }
        let scene = try Scene(contentsOfFile: simulation.scene)
        let arm = try ArmCalibration(contentsOfFile: manifest.arm.calibration)
        let cameras = Self.cameras(of: manifest)
        let loaded =
            options.expert || options.random
            ? nil : try LoadedPolicy(manifest.policy, text: nil, cameras: manifest.cameras.map(\.name))
        let name = options.expert ? "expert" : options.random ? "random" : loaded?.name ?? ""
        var rows: [EpisodeRow] = []
        var pictures: [RGBImage] = []
        let progress = ProgressLine(total: options.episodes, of: "episodes", at: .now())
        let begin = MonotonicTime.now()
        for index in 0..<options.episodes {
            let seed = options.seed &+ UInt64(index)
            let varied = scene.varied(seed: seed)
            let task = try ManipulationTask(options.task, object: options.object, in: varied)
            let settings = EpisodeSettings(
                task: task, policyRate: manifest.policy.rate,
                // The expert looks again after every step, whatever a policy does.
                controller: options.expert
                    ? ExpertEpisode.controller
                    : ArmControllerConfiguration(manifest.arm, policyRate: manifest.policy.rate),
                cameras: loaded == nil ? [] : cameras, maximumTimesteps: options.maxSteps)
            let episode = Episode(scene: varied, arm: arm, task: task, settings: settings, seed: seed)
            let wantsPictures = options.sheet != nil && index < Self.goalSheetRows
            let goal = loaded == nil && !wantsPictures ? nil : try episode.goal(text: options.text, cameras: cameras)
            let world = try World(varied, arm: arm)
            let first = wantsPictures ? try world.picture(.primary, width: 160, height: 160) : nil
            let outcome = try run(episode, in: world, loaded, goal)
            rows.append(EpisodeRow(seed: seed, outcome: outcome))
            if let first, let view = goal?.views.first(where: { $0.camera == "primary" }) {
                let last = try world.picture(.primary, width: 160, height: 160)
                pictures += [first, last, view.image.resized(to: 160)]
            }
            progress.show(index + 1, note: "\(rows.count(where: \.outcome.isSuccess)) succeeded", at: .now())
        }
        progress.end()
        let report = EvaluationReport(
            policy: name, task: options.task, rows: rows, policyRate: manifest.policy.rate,
            elapsed: MonotonicTime.now() - begin)
        if let path = options.csv { try Self.write(report.csv, to: path) }
        if let path = options.sheet, let sheet = RGBImage.tiled(pictures, columns: 6) { try sheet.writePNG(to: path) }
        print(options.json ? report.tree.text() : report.text)
    }

    private func run(_ episode: Episode, in world: World, _ loaded: LoadedPolicy?, _ goal: Goal?) throws -> EpisodeOutcome {
        var runner = try EpisodeRunner(world, settings: episode.settings)
        let rate = episode.settings.policyRate
        if options.expert {
            let expert = ScriptedExpert(episode.task, in: episode.scene, arm: episode.arm)
            var policy = ExpertPolicy(expert, rate: rate)
            return try runner.run(&policy)
        }
        guard let loaded, let goal else {
            var policy = RandomPolicy(seed: episode.seed, rate: rate)
            return try runner.run(&policy)
        }
        var policy = NetworkPolicy(
            core: PolicyNodeCore(loaded.configuration, texts: loaded.texts), engine: loaded.engine, goal: goal,
            delay: .fromSeconds(options.delaySteps * rate.periodSeconds))
        let outcome = try runner.run(&policy)
        if outcome.chunks == 0, let problem = policy.problem {
            throw EvaluationError.noChunks(seed: episode.seed, problem: problem)
        }
        return outcome
    }

    /// Those of the manifest that are in the simulated world.
    private static func cameras(of manifest: Manifest) -> [EpisodeCamera] {
        manifest.cameras.compactMap { camera in
            guard case .simulated(let simulated) = camera.source, let place = World.Camera(rawValue: camera.name) else {
                return nil
            }
            return EpisodeCamera(place, width: simulated.width, height: simulated.height)
        }
    }

    private static func write(_ text: String, to path: String) throws {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw EvaluationError.unwritable(path, reason: error.localizedDescription)
        }
    }
}

/// One variation of the scene, and what is to be done there.
struct Episode {
    let scene: Scene
    let arm: ArmCalibration
    let task: ManipulationTask
    let settings: EpisodeSettings
    let seed: UInt64

    /// The world after the expert has solved the task, as the cameras see it.
    func goal(text: Bool, cameras: [EpisodeCamera]) throws -> Goal {
        let world = try World(scene, arm: arm)
        let instruction = task.instruction(in: scene)
        guard try ExpertEpisode.run(task, in: world, cameras: [], eachStep: { _ in }).isSuccess else {
            throw EvaluationError.noGoal(seed: seed, instruction: instruction)
        }
        let views = try cameras.map { camera in
            Goal.View(
                camera: camera.camera.rawValue,
                image: try world.picture(camera.camera, width: camera.width, height: camera.height))
        }
        return Goal(
            id: "seed \(seed)", name: instruction, views: views, text: text ? instruction : nil,
            source: "the simulated world")
    }
}

extension RGBImage {
    fileprivate func resized(to side: Int) -> RGBImage {
        ImageResize(fromWidth: width, height: height, toWidth: side, height: side, cropsCentre: false).resize(self)
    }
}
