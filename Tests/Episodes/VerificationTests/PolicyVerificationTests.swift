import Files
import Images
import Maths
import Messages
import OctoModel
import Policy
import TestSupport
import Testing
import Time
import Verification

/// What a run of the policy node would have left in a recording.
private struct RecordedPolicy {
    enum Event {
        case frame(CameraFrame)
        case state(ArmState)
        case goal(Goal)
        case observation(PolicyObservation)
        case chunk(ActionChunk)
    }

    static let configuration = PolicyConfiguration(
        cameras: ["primary", "wrist"].map { PolicyCamera(name: $0, width: 8, height: 8, takesGoal: $0 == "primary") },
        windowSize: 2,
        actionDimension: 2, actionSpace: .jointDelta, rate: Rate(hertz: 5), preprocessing: .resize, requiresGoal: true,
        maximumFrameAge: .milliseconds(500), noiseSeed: 7)
    /// The same for a checkpoint that reads an arm of three joints.
    static func feelingConfiguration() throws -> PolicyConfiguration {
        var variation = Checkpoint.RandomVariation()
        variation.lowdim = .numbers
        var configuration = Self.configuration
        configuration.proprio = try ProprioReading(
            of: Checkpoint.random(shape: .tiny, seed: 1, variation: variation).description,
            statistics: ProprioStatistics(mean: [0, 0, 0, 0, 0], std: [1, 1, 1, 1, 1]),
            layout: .fields([.x, .yaw, .joint(0), .joint(2), .gripper]), joints: 3)
        return configuration
    }

    var events: [Event] = []

    /// Every byte and number of the input is in the actions.
    static func infer(_ request: PolicyNodeCore.Request) -> [Float] {
        var sum = Double(request.noiseCounter) * 1e-3 + Double(request.noiseSeed)
        for view in request.observation.views {
            withExtendedLifetime(view.pixels) {
                for (index, byte) in view.pixels.bytes.enumerated() { sum += Double(byte) * Double(index % 13) }
            }
        }
        for number in request.observation.proprio?.values ?? [] { sum += Double(number) }
        for image in request.goal.images.values {
            withExtendedLifetime(image.pixels) { for byte in image.pixels.bytes { sum += 0.5 * Double(byte) } }
        }
        return [Float(sum), Float(-sum), Float(sum * 0.5), 1]
    }

    /// - Parameter stall: a tick before which no frame comes for so long that it is invalid.
    init(
        ticks: Int, stall: Int? = nil, configuration: PolicyConfiguration = Self.configuration,
        using chance: inout SeededGenerator
    ) throws {
        var core = PolicyNodeCore(configuration, texts: .none)
        var now = MonotonicTime.zero + .seconds(1)
        func give(_ goal: Goal) {
            events.append(.goal(goal))
            core.receive(goal)
        }
        give(Self.goal("cup", 200))
        for tick in 0..<ticks {
            if tick == ticks / 2 { give(Self.goal("plate", 90)) }
            if tick == stall { now += .milliseconds(700) }
            for camera in ["primary", "wrist"] {
                let image = RGBImage(
                    width: 12, height: 10,
                    pixels: SharedBytes(copying: (0..<360).map { _ in UInt8.random(in: 0...255, using: &chance) }))
                let frame = CameraFrame(
                    camera: camera, deviceID: "test", sequence: UInt64(tick), captureTime: now - .milliseconds(3),
                    pixels: .rgb8(image),
                    contentHash: 0)
                if tick != stall { events.append(.frame(frame)) }
                if tick != stall { core.receive(frame, at: now) }
            }
            if configuration.proprio != nil, let start = core.nextTick {
                for offset in stride(from: -130, through: 30, by: 20) {
                    let state = Self.state(at: start + .milliseconds(offset), using: &chance)
                    events.append(.state(state))
                    core.receive(state)
                }
            }
            guard let due = core.nextTick else { continue }
            now = due
            if case .observed(let observation, let request, _) = core.tick(at: due) {
                events.append(.observation(observation))
                if let request {
                    let (chunk, _) = core.inferenceFinished(
                        Result<[Float], Never>.success(Self.infer(request)), at: due + .milliseconds(40))
                    if let chunk { events.append(.chunk(chunk)) }
                }
            }
            now += .milliseconds(190)
        }
    }

    private static func state(at time: MonotonicTime, using chance: inout SeededGenerator) -> ArmState {
        func number() -> Double { Double.random(in: -1...1, using: &chance) }
        let positions = JointVector([number(), number(), number()])
        let pose = Pose(
            rotation: Rotation(roll: number(), pitch: number(), yaw: number()),
            translation: [number(), number(), number()])
        return ArmState(
            tick: 0, mode: .holding(.released),
            measured: JointState(time: time, positions: positions, velocities: positions, gripper: number()),
            setpoint: JointSetpoint(positions: positions, velocities: positions, gripper: 0), baseFromEEF: pose,
            commandedBaseFromEEF: pose)
    }

    static func goal(_ name: String, _ value: UInt8) -> Goal {
        Goal(
            id: "\(name)-id", name: name,
            views: [.init(camera: "primary", image: RGBImage(width: 12, height: 10, filledWith: value))],
            text: nil)
    }

    func verified(
        _ events: [Event]? = nil, goal: Goal? = nil, configuration: PolicyConfiguration = Self.configuration,
        isSamePolicy: Bool = true,
        infer: @escaping PolicyVerification.Inference = { RecordedPolicy.infer($0) }
    ) throws -> PolicyVerification.Report {
        var verification = try PolicyVerification(
            configuration, texts: .none, otherGoal: goal, isSamePolicy: isSamePolicy, start: .zero, infer: infer)
        for event in events ?? self.events {
            switch event {
            case .frame(let frame): verification.receive(frame)
            case .state(let state): verification.receive(state)
            case .goal(let goal): verification.receive(goal)
            case .observation(let observation): verification.receive(observation)
            case .chunk(let chunk): verification.receive(chunk)
            }
        }
        return verification.report
    }
}

@Suite struct PolicyVerificationTests {
    @Test(arguments: [nil, 6]) func everyObservationAndChunkIsMadeAgainBitByBit(stall: Int?) throws {
        let seed = SeededGenerator.freshSeed()
        var chance = SeededGenerator(seed: seed)
        let recorded = try RecordedPolicy(ticks: 20, stall: stall, using: &chance)
        let report = try recorded.verified()
        #expect(
            report.observations >= 18 && report.identicalObservations == report.observations, "seed \(seed): \(report)")
        #expect(report.chunks >= 18 && report.identicalChunks == report.chunks, "seed \(seed): \(report)")
        #expect(
            report.isIdentical && report.isComplete && report.firstObservationProblem == nil
                && report.firstChunkProblem == nil)
        let largest = report.errors.byElement.map(\.maximum)
        #expect(largest == [0, 0])
    }

    @Test func theArmsNumbersAreMadeAgainBitByBit() throws {
        let seed = SeededGenerator.freshSeed()
        var chance = SeededGenerator(seed: seed)
        let configuration = try RecordedPolicy.feelingConfiguration()
        let recorded = try RecordedPolicy(ticks: 12, stall: 6, configuration: configuration, using: &chance)
        let report = try recorded.verified(configuration: configuration)
        #expect(
            report.observations >= 10 && report.identicalObservations == report.observations, "seed \(seed): \(report)")
        #expect(
            report.identicalChunks == report.chunks && report.isIdentical && report.isComplete,
            "seed \(seed): \(report)")

        // A number that is not what the states say is found; a state that is not in the file is said.
        var events = recorded.events
        let place = try #require(events.lastIndex { if case .observation = $0 { true } else { false } })
        guard case .observation(var observation) = events[place] else { return }
        let number = try #require(observation.proprio?.values[7])
        observation.proprio?.values[7] = number.nextUp
        events[place] = .observation(observation)
        let differing = try recorded.verified(events, configuration: configuration)
        #expect(!differing.isIdentical, "seed \(seed)")
        #expect(
            differing.firstObservationProblem?.contains("number 2 of the arm's state in slot 1") == true, "\(differing)"
        )
        let stateless = try recorded.verified(
            recorded.events.filter { if case .state = $0 { false } else { true } }, configuration: configuration)
        #expect(
            stateless.uncheckedObservations == stateless.observations && stateless.isIdentical && !stateless.isComplete)
        #expect(stateless.firstObservationProblem?.contains("is not in the file") == true)
        #expect(stateless.firstObservationProblem?.contains("nanoseconds") == false, "\(stateless)")
    }

    @Test func aPolicyThatReadsTheArmCannotBeMeasuredOnARunWhosePolicyDidNot() throws {
        var chance = SeededGenerator(seed: 8)
        let recorded = try RecordedPolicy(ticks: 6, using: &chance)
        let report = try recorded.verified(configuration: RecordedPolicy.feelingConfiguration(), isSamePolicy: false)
        #expect(report.uncheckedObservations == report.observations && report.uncheckedChunks == report.chunks)
        #expect(report.firstObservationProblem?.contains("did not read the arm's state") == true)
        // The other way round the arm's numbers are left out.
        let configuration = try RecordedPolicy.feelingConfiguration()
        let feeling = try RecordedPolicy(ticks: 6, configuration: configuration, using: &chance)
        let blind = try feeling.verified(isSamePolicy: false) { request in
            #expect(request.observation.proprio == nil)
            return [1, 2, 3, 4]
        }
        #expect(blind.chunks > 3 && blind.uncheckedChunks == 0)
    }

    @Test func aRecordingThatBeginsInTheMiddleIsCheckedAsFarAsItGoes() throws {
        var chance = SeededGenerator(seed: 3)
        let recorded = try RecordedPolicy(ticks: 20, using: &chance)
        // The first ticks, with their frames, are not in the file; the goal is.
        let cut = try #require(
            recorded.events.firstIndex { if case .observation(let found) = $0 { found.tick == 4 } else { false } })
        let report = try recorded.verified(Array(recorded.events[..<1]) + Array(recorded.events[(cut - 2)...]))
        #expect(
            report.partlyKnownObservations == 1 && report.isIdentical
                && report.identicalObservations == report.observations - 1)
        #expect(report.identicalChunks == report.chunks && report.isComplete)
    }

    @Test func aByteOfAPictureOrABitOfAnActionIsFound() throws {
        var chance = SeededGenerator(seed: 4)
        let recorded = try RecordedPolicy(ticks: 12, using: &chance)
        var events = recorded.events
        let place = try #require(
            events.lastIndex { if case .frame(let frame) = $0 { frame.camera == "wrist" } else { false } })
        guard case .frame(var frame) = events[place] else { return }
        frame.pixels = .rgb8(RGBImage(width: 12, height: 10, filledWith: 0))
        events[place] = .frame(frame)
        let seen = try recorded.verified(events)
        #expect(seen.firstObservationProblem?.contains("wrist") == true && !seen.isIdentical)
        // What went into the network is in the file, so the chunk is still right.
        #expect(seen.identicalChunks == seen.chunks)

        events = recorded.events
        let last = try #require(events.lastIndex { if case .chunk = $0 { true } else { false } })
        guard case .chunk(var chunk) = events[last] else { return }
        chunk.actions[1] = chunk.actions[1].nextUp
        events[last] = .chunk(chunk)
        let differing = try recorded.verified(events)
        #expect(differing.identicalChunks == differing.chunks - 1 && !differing.isIdentical)
        #expect(differing.firstChunkProblem?.contains("action 0, number 1") == true, "\(differing)")
    }

    @Test func framesAndGoalsThatAreMissingAreSaid() throws {
        var chance = SeededGenerator(seed: 5)
        let recorded = try RecordedPolicy(ticks: 12, using: &chance)
        let frameless = try recorded.verified(recorded.events.filter { if case .frame = $0 { false } else { true } })
        #expect(
            frameless.uncheckedObservations == frameless.observations && frameless.isIdentical && !frameless.isComplete)
        #expect(frameless.identicalChunks == frameless.chunks)
        let goalless = try recorded.verified(recorded.events.filter { if case .goal = $0 { false } else { true } })
        #expect(goalless.uncheckedChunks == goalless.chunks && goalless.firstChunkProblem?.contains("goal") == true)
    }

    @Test func anotherGoalOrPolicyIsMeasured() throws {
        var chance = SeededGenerator(seed: 6)
        let recorded = try RecordedPolicy(ticks: 12, using: &chance)
        let other = try recorded.verified(goal: RecordedPolicy.goal("other", 1))
        #expect(other.chunks > 8 && other.identicalChunks == 0 && other.errors.byElement.count == 2)
        let mean = try #require(other.errors.byElement.first?.meanAbsolute)
        #expect(mean > 1 && other.errors.firstActions.count == other.chunks)
        // A policy that looks at one timestep and is off by one: the observation is made of frames, not taken as it
        // was.
        var single = RecordedPolicy.configuration
        single.windowSize = 1
        let off = try recorded.verified(configuration: single, isSamePolicy: false) { request in
            #expect(request.observation.timestepPadMask == [true])
            return [1, 2, 3, 4]
        }
        #expect(off.chunks > 8 && off.uncheckedChunks == 0)
    }
}

@Suite struct ActionErrorsTests {
    @Test func errorsAreCountedByNumberAndByStep() {
        var errors = ActionErrors()
        errors.add([1, 2, 3, 4], [0, 2, 0, 2], dimension: 2, at: .zero)
        errors.add([0, 0], [4, 0, 9, 9], dimension: 2, at: .zero + .seconds(1))
        let first = errors.byElement[0]
        #expect(first.count == 3 && abs(first.meanAbsolute - 8 / 3) < 1e-12 && first.maximum == 4)
        #expect(abs(first.rootMeanSquare - (26.0 / 3).squareRoot()) < 1e-12)
        #expect(
            errors.byStep.count == 2 && errors.byStep[0][0].meanAbsolute == 2.5 && errors.byStep[1][1].meanAbsolute == 2
        )
        #expect(errors.firstActions == [[1, 0], [-4, 0]] && errors.times == [.zero, .zero + .seconds(1)])
    }
}
