import Maths
import Messages
import Simulation
import Time

/// Decides what an operator's commands do to the simulated world of a run, and says how its node is. Pure: the node
/// shows looks, moves objects, and publishes answers.
package struct SimulationNodeCore {
    /// What a command changes.
    package enum Change: Equatable, Sendable {
        /// The world looks like this from the next picture on.
        case look(SceneLook)
        /// Object `index` of the scene is put there, metres in the arm's base frame, as it stands.
        case place(object: Int, at: Vector3)
    }

    /// What the threads of physics and pictures tell of themselves.
    package struct Condition: Equatable, Sendable {
        package var steps: Int64 = 0
        package var skippedSteps: Int64 = 0
        /// A step was skipped within the last second.
        package var isLate = false
        /// Progress of the task; nil where the manifest sets no task.
        package var progress: TaskWatch.Progress?
        /// Why the world stands still, for people; nil while it runs.
        package var problem: String?
        /// What the world consists of, for people.
        package var summary: String
        package var pictures: Int64 = 0
        package var lostPictures: Int64 = 0
        /// How many camera nodes are connected.
        package var cameras = 0

        package init(summary: String) { self.summary = summary }
    }

    /// How many answers are kept for commands that come again.
    package static let keptAnswers = 64

    private let name: String
    private let scene: Scene
    private let task: ManipulationTask?
    private var look: SceneLook
    private var answers: [SimulationResult] = []
    private var isStopping = false

    /// - Parameters:
    ///   - name: the node's.
    ///   - scene: the world's, as it begins.
    ///   - task: what the world is judged by; nil where the manifest sets none.
    package init(name: String, scene: Scene, task: ManipulationTask?) {
        self.name = name
        self.scene = scene
        self.task = task
        look = SceneLook(of: scene)
    }

    /// Takes a command. One that comes again gets its first answer once more, and changes nothing.
    /// - Returns: what is to be done, if anything, and what the operator is told.
    package mutating func receive(
        _ command: SimulationCommand, at now: MonotonicTime
    ) -> (change: Change?, answer: SimulationResult) {
        if let known = answers.last(where: { $0.answers(command) }) { return (nil, known) }
        var change: Change?
        var problem: String?
        do throws(Refusal) {
            change = try self.change(by: command.action)
        } catch {
            problem = error.description
        }
        let answer = SimulationResult(
            id: command.id, operatorID: command.operatorID, isAccepted: problem == nil, message: problem ?? "done",
            time: now)
        answers = answers.suffix(Self.keptAnswers - 1) + [answer]
        return (change, answer)
    }

    private mutating func change(by action: SimulationCommand.Action) throws(Refusal) -> Change {
        switch action {
        case .nudgeCamera(let offset, let roll):
            look.view = look.view.pushed(by: offset)
            look.roll += roll
        case .resetCamera:
            look.view = scene.primary
            look.roll = 0
        case .setBrightness(let brightness):
            guard (0...1).contains(brightness) else { throw .brightness(brightness) }
            look.brightness = brightness
        case .placeObject(let name, let position):
            guard let index = scene.objects.firstIndex(where: { $0.name == name }) else {
                throw .noObject(name, known: scene.objects.map(\.name))
            }
            return .place(object: index, at: position)
        }
        return .look(look)
    }

    /// Why a command changes nothing.
    private enum Refusal: Error, CustomStringConvertible {
        case brightness(Double)
        case noObject(String, known: [String])

        var description: String {
            switch self {
            case .brightness(let brightness):
                "lighting the world: found \(brightness), expected 0 to 1."
            case .noObject(let name, let known):
                "placing '\(name)': the scene has [\(known.joined(separator: ", "))], expected one of them."
            }
        }
    }

    /// Notes that the node has been told to end.
    package mutating func stop() { isStopping = true }

    /// What the node says of itself.
    package func status(_ condition: Condition) -> NodeStatus {
        var counters: [NodeStatus.Counter] = [
            .init(name: "steps", value: condition.steps), .init(name: "skipped_steps", value: condition.skippedSteps),
            .init(name: "pictures", value: condition.pictures),
            .init(name: "lost_pictures", value: condition.lostPictures),
        ]
        if let progress = condition.progress {
            counters.append(.init(name: "tasks", value: 1))
            if case .reached(let time) = progress {
                counters.append(.init(name: "task_reached_after_ms", value: time.nanoseconds / 1_000_000))
            }
        }
        let (state, headline) = headline(condition)
        return NodeStatus(node: name, processID: 0, state: state, headline: headline, counters: counters)
    }

    private func headline(_ condition: Condition) -> (NodeStatus.State, String) {
        if isStopping { return (.stopping, "stopping") }
        if let problem = condition.problem { return (.fault, problem) }
        if condition.isLate {
            return (.degraded, "the physics does not keep up with real time: give this machine less to do")
        }
        return (.ready, "\(condition.summary), \(condition.cameras) cameras" + verdict(condition.progress))
    }

    private func verdict(_ progress: TaskWatch.Progress?) -> String {
        guard let task, case .reached(let time)? = progress else { return "" }
        return "; the goal is reached, after \(time.inSeconds.decimals(1)) s: \(task.instruction(in: scene))"
    }
}
