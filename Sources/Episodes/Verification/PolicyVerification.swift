import DequeModule
import Images
import Messages
import Policy
import Time

/// Runs an episode's policy again: observations from its frames and the arm's states, chunks from the observations, and
/// says where the first bit differs. With another checkpoint or another goal the differences are the result.
package struct PolicyVerification {
    /// How many observations and chunks came out the same.
    package struct Report: Equatable, Sendable {
        package var observations = 0
        package var identicalObservations = 0
        /// Number of observations that are equal as far as the file has the frames.
        package var partlyKnownObservations = 0
        /// A frame, or a state of the arm, is not in the file.
        package var uncheckedObservations = 0
        package var firstObservationProblem: String?
        package var chunks = 0
        package var identicalChunks = 0
        /// The observation or the goal is not in the file.
        package var uncheckedChunks = 0
        package var firstChunkProblem: String?
        package var errors = ActionErrors()

        /// Whether everything that could be checked is equal.
        package var isIdentical: Bool {
            identicalObservations + partlyKnownObservations + uncheckedObservations == observations
                && identicalChunks + uncheckedChunks == chunks
        }
        package var isComplete: Bool { uncheckedObservations == 0 && uncheckedChunks == 0 }
    }

    /// A function that infers; tests have one without a network.
    package typealias Inference = (PolicyNodeCore.Request) throws -> [Float]

    /// How many observations and goals are kept.
    private static let most = 64

    private let configuration: PolicyConfiguration
    private let texts: TaskTextReading
    private let isSamePolicy: Bool
    private let isSameGoal: Bool
    private let start: MonotonicTime
    private let infer: Inference
    private var preparation: FramePreparation
    private var remaking: ObservationVerification
    private var observations: Deque<PolicyObservation> = []
    private var goals: [PolicyNodeCore.PreparedGoal] = []
    package private(set) var report = Report()

    /// Begins to infer an episode's chunks again.
    /// - Parameters:
    ///   - configuration: settings of the checkpoint that runs.
    ///   - otherGoal: a goal in place of the episode's; nil takes those of the episode.
    ///   - isSamePolicy: whether the checkpoint is the episode's, so that what went into the network then is what goes
    ///     in now.
    ///   - start: time of the episode's first message, from which times are told.
    package init(
        _ configuration: PolicyConfiguration, texts: TaskTextReading, otherGoal: Goal?, isSamePolicy: Bool,
        start: MonotonicTime, infer: @escaping Inference
    ) throws(TaskTextError) {
        self.configuration = configuration
        self.texts = texts
        self.isSamePolicy = isSamePolicy
        self.start = start
        self.infer = infer
        isSameGoal = otherGoal == nil
        preparation = FramePreparation(configuration)
        remaking = ObservationVerification(configuration)
        if let otherGoal { goals = [try preparation.prepare(otherGoal, for: configuration.cameras, texts: texts)] }
    }

    package mutating func receive(_ frame: CameraFrame) { remaking.receive(frame) }

    package mutating func receive(_ state: ArmState) { remaking.receive(state) }

    package mutating func receive(_ goal: Goal) {
        guard isSameGoal, !goals.contains(where: { $0.id == goal.id }) else { return }
        // What cannot be read then gave no chunk then.
        guard let prepared = try? preparation.prepare(goal, for: configuration.cameras, texts: texts) else { return }
        goals.append(prepared)
        if goals.count > Self.most { goals.removeFirst() }
    }

    /// Makes a recorded observation again from its frames and states, and compares the two.
    package mutating func receive(_ logged: PolicyObservation) {
        report.observations += 1
        // What the network had is in the file; what it would have had is made of frames.
        var input = logged
        do throws(ObservationVerification.Failure) {
            let remade = try remaking.remake(logged)
            switch ObservationComparison(remade, with: logged) {
            case .identical: report.identicalObservations += 1
            case .identicalAsFarAsKnown: report.partlyKnownObservations += 1
            case .different(let camera, let slot, let bytes):
                note("tick \(logged.tick): \(bytes) bytes of camera '\(camera)' in slot \(slot) of the window differ")
            case .differentNumber(let slot, let index, let found, let computed):
                note(
                    "tick \(logged.tick): number \(index) of the arm's state in slot \(slot) of the window is "
                        + "\(found), computed \(computed)")
            case .incomparable(let what): note("tick \(logged.tick): \(what)")
            }
            if !isSamePolicy { input = remade }
        } catch {
            report.uncheckedObservations += 1
            note("tick \(logged.tick): \(error.words(since: start))")
            if !isSamePolicy { return }
        }
        observations.append(input)
        if observations.count > Self.most { observations.removeFirst() }
    }

    private mutating func note(_ problem: String) {
        report.firstObservationProblem = report.firstObservationProblem ?? problem
    }

    /// Infers a recorded chunk again from its observation, and compares the two.
    package mutating func receive(_ logged: ActionChunk) {
        report.chunks += 1
        guard let observation = observations.last(where: { $0.time == logged.observationTime }) else {
            return leave(logged, "its observation is not in the file")
        }
        guard let goal = isSameGoal ? goals.last(where: { $0.id == logged.goalID }) : goals.last else {
            return leave(logged, "its goal '\(logged.goalID)' is not in the file")
        }
        let request = PolicyNodeCore.Request(
            observation: observation, goal: goal, captureTime: logged.captureTime, noiseSeed: logged.noiseSeed,
            noiseCounter: logged.noiseCounter)
        do {
            compare(try infer(request), with: logged)
        } catch {
            leave(logged, "\(error)")
        }
    }

    private mutating func leave(_ chunk: ActionChunk, _ why: String) {
        report.uncheckedChunks += 1
        report.firstChunkProblem = report.firstChunkProblem ?? "chunk \(chunk.id): \(why)"
    }

    private mutating func compare(_ computed: [Float], with logged: ActionChunk) {
        report.errors.add(computed, logged.actions, dimension: logged.actionDimension, at: logged.observationTime)
        guard computed.count == logged.actions.count else {
            report.firstChunkProblem =
                report.firstChunkProblem
                ?? "chunk \(logged.id): \(logged.actions.count) numbers, computed \(computed.count)"
            return
        }
        guard let index = computed.indices.first(where: { computed[$0].bitPattern != logged.actions[$0].bitPattern })
        else {
            report.identicalChunks += 1
            return
        }
        let (step, element) = index.quotientAndRemainder(dividingBy: max(1, logged.actionDimension))
        report.firstChunkProblem =
            report.firstChunkProblem
            ?? "chunk \(logged.id): action \(step), number \(element) is \(logged.actions[index]), computed "
            + "\(computed[index])"
    }
}

extension ObservationVerification.Failure {
    /// What is missing or cannot be used, for people.
    /// - Parameter start: the episode's first message, from which times are counted.
    package func words(since start: MonotonicTime) -> String {
        switch self {
        case .noFrame(let camera, let time):
            "the frame of camera '\(camera)' taken at \(time.words(since: start)) is not in the file"
        case .unreadableFrame(let camera, let time, let problem):
            "the frame of camera '\(camera)' taken at \(time.words(since: start)) cannot be read: \(problem)"
        case .noView(let camera): "there is no picture of camera '\(camera)' in it"
        case .noProprio: "the recorded policy did not read the arm's state, this one does"
        case .noState(let time): "the arm's state of \(time.words(since: start)) is not in the file"
        case .unusableStates(let before, let after):
            "the arm's states of \(before.words(since: start)) and \(after.words(since: start)) do not say where it "
                + "was at the observation's time"
        }
    }
}
