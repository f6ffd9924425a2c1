import Images
import Messages
import Policy
import TestSupport
import Testing
import Time
import Verification

/// What a run of the policy node would have left in a recording.
private struct RecordedPolicy {
    enum Event {
        case frame(CameraFrame)
        case goal(Goal)
        case observation(PolicyObservation)
        case chunk(ActionChunk)
    }

    static let configuration = PolicyConfiguration(
        cameras: ["primary", "wrist"].map { PolicyCamera(name: $0, width: 8, height: 8, takesGoal: $0 == "primary") }, windowSize: 2,
        actionDimension: 2, actionSpace: .jointDelta, rate: Rate(hertz: 5), preprocessing: .resize, requiresGoal: true,
        maximumFrameAge: .milliseconds(500), noiseSeed: 7)
    var events: [Event] = []

    /// Every byte of the input is in the actions.
    static func infer(_ request: PolicyNodeCore.Request) -> [Float] {
        var sum = Double(request.noiseCounter) * 1e-3 + Double(request.noiseSeed)
        for view in request.observation.views {
            withExtendedLifetime(view.pixels) { for (index, byte) in view.pixels.bytes.enumerated() { sum += Double(byte) * Double(index % 13) } }
        }
        for image in request.goal.images.values {
            withExtendedLifetime(image.pixels) { for byte in image.pixels.bytes { sum += 0.5 * Double(byte) } }
        }
        return [Float(sum), Float(-sum), Float(sum * 0.5), 1]
    }

    /// - Parameter stall: a tick before which no frame comes for so long that it is invalid.
    init(ticks: Int, stall: Int? = nil, using chance: inout SeededGenerator) throws {
        var core = PolicyNodeCore(Self.configuration, texts: .none)
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
                    width: 12, height: 10, pixels: SharedBytes(copying: (0..<360).map { _ in UInt8.random(in: 0...255, using: &chance) }))
                let frame = CameraFrame(
                    camera: camera, deviceID: "test", sequence: UInt64(tick), captureTime: now - .milliseconds(3), pixels: .rgb8(image),
                    contentHash: 0)
                if tick != stall { events.append(.frame(frame)) }
                if tick != stall { core.receive(frame, at: now) }
            }
            guard let due = core.nextTick else { continue }
            now = due
            if case .observed(let observation, let request) = core.tick(at: due) {
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

    static func goal(_ name: String, _ value: UInt8) -> Goal {
        Goal(
            id: "\(name)-id", name: name, views: [.init(camera: "primary", image: RGBImage(width: 12, height: 10, filledWith: value))],
            text: nil, source: "test")
    }

    func verified(
        _ events: [Event]? = nil, goal: Goal? = nil, configuration: PolicyConfiguration = Self.configuration, isSamePolicy: Bool = true,
        infer: @escaping PolicyVerification.Inference = { RecordedPolicy.infer($0) }
    ) throws -> PolicyVerification.Report {
        var verification = try PolicyVerification(
            configuration, texts: .none, otherGoal: goal, isSamePolicy: isSamePolicy, infer: infer)
        for event in events ?? self.events {
            switch event {
            case .frame(let frame): verification.receive(frame)
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
        #expect(report.observations >= 18 && report.identicalObservations == report.observations, "seed \(seed): \(report)")
        #expect(report.chunks >= 18 && report.identicalChunks == report.chunks, "seed \(seed): \(report)")
        #expect(report.isIdentical && report.isComplete && report.firstObservationProblem == nil && report.firstChunkProblem == nil)
        let largest = report.errors.byElement.map(\.maximum)
        #expect(largest == [0, 0])
    }

    @Test func aRecordingThatBeginsInTheMiddleIsCheckedAsFarAsItGoes() throws {
        var chance = SeededGenerator(seed: 3)
        let recorded = try RecordedPolicy(ticks: 20, using: &chance)
        // The first ticks, with their frames, are not in the file; the goal is.
        let cut = try #require(recorded.events.firstIndex { if case .observation(let found) = $0 { found.tick == 4 } else { false } })
        let report = try recorded.verified(Array(recorded.events[..<1]) + Array(recorded.events[(cut - 2)...]))
        #expect(report.partlyKnownObservations == 1 && report.isIdentical && report.identicalObservations == report.observations - 1)
        #expect(report.identicalChunks == report.chunks && report.isComplete)
    }

    @Test func aByteOfAPictureOrABitOfAnActionIsFound() throws {
        var chance = SeededGenerator(seed: 4)
        let recorded = try RecordedPolicy(ticks: 12, using: &chance)
        var events = recorded.events
        let place = try #require(events.lastIndex { if case .frame(let frame) = $0 { frame.camera == "wrist" } else { false } })
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
        #expect(frameless.uncheckedObservations == frameless.observations && frameless.isIdentical && !frameless.isComplete)
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
        // A policy that looks at one timestep and is off by one: the observation is made of frames, not taken as it was.
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
        #expect(errors.byStep.count == 2 && errors.byStep[0][0].meanAbsolute == 2.5 && errors.byStep[1][1].meanAbsolute == 2)
        #expect(errors.firstActions == [[1, 0], [-4, 0]] && errors.times == [.zero, .zero + .seconds(1)])
    }
}
