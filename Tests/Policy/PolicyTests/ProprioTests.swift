import Files
import Images
import Maths
import Messages
import OctoModel
import Policy
import Proprioception
import TestSupport
import Testing
import Time

private func state(
    at time: MonotonicTime, _ positions: JointVector, gripper: Double = 0, unread: JointSet = JointSet()
) -> ArmState {
    ArmState(
        tick: 0, mode: .holding(.waitingForFirstChunk),
        measured: JointState(
            time: time, positions: positions, velocities: JointVector(repeating: 0, count: positions.count),
            gripper: gripper, unread: unread),
        setpoint: JointSetpoint(positions: positions, velocities: positions, gripper: gripper), baseFromEEF: .identity,
        commandedBaseFromEEF: .identity)
}

/// Golden case 5 with an arm of seven joints, whose positions and gripper are the checkpoint's eight numbers.
private struct ProprioCase {
    let checkpoint: Checkpoint
    let recorded: SafetensorsFile

    init() throws {
        checkpoint = try Checkpoint(folder: Fixture.url("octo/case5_proprio_l1/checkpoint").path)
        recorded = try SafetensorsFile(path: Fixture.url("octo/case5_proprio_l1/io.safetensors").path)
    }

    func reading(_ layout: ProprioLayout? = .joints, joints: Int? = 7) throws -> ProprioReading {
        try #require(
            try ProprioReading(
                of: checkpoint.description, statistics: checkpoint.proprioStatistics(dataset: nil), layout: layout,
                joints: joints))
    }

    func core() throws -> PolicyNodeCore {
        let (cameras, window) = try PolicyConfiguration.cameras(
            of: checkpoint.description, in: ["primary"], window: nil)
        return PolicyNodeCore(
            PolicyConfiguration(
                cameras: cameras, windowSize: window, actionDimension: 7, actionSpace: .eefDelta, rate: Rate(hertz: 5),
                preprocessing: .resize, requiresGoal: true, maximumFrameAge: .milliseconds(500), noiseSeed: 1,
                proprio: try reading()),
            texts: .none)
    }

    func engine() throws -> PolicyEngine {
        PolicyEngine(
            network: try FastNetwork(checkpoint, team: WorkerTeam(threads: 1)),
            statistics: try checkpoint.actionStatistics(dataset: nil), proprio: try reading())
    }

    /// What the recorded numbers were before they were normalised.
    func unnormalised() throws -> [Double] {
        let numbers = try recorded.floats("in.obs.proprio").suffix(8)
        let mean = try reading().typical
        let std = try #require(try checkpoint.proprioStatistics(dataset: nil)).std
        return zip(numbers, zip(mean, std)).map { Double($0) * (Double($1.1) + 1e-8) + Double($1.0) }
    }

    func frame(at time: MonotonicTime) throws -> CameraFrame {
        let image = RGBImage(
            width: 256, height: 256,
            pixels: SharedBytes(copying: try recorded.uint8("in.obs.image_primary").suffix(196_608)))
        return CameraFrame(
            camera: "primary", deviceID: "test", sequence: 0, captureTime: time, pixels: .rgb8(image), contentHash: 0)
    }

    func goal() throws -> Goal {
        let image = RGBImage(
            width: 256, height: 256, pixels: SharedBytes(copying: try recorded.uint8("in.task.image_primary")))
        return Goal(id: "g", name: "g", views: [.init(camera: "primary", image: image)], text: nil)
    }
}

/// The arm's state from the bus to the actions.
@Suite struct ProprioTests {
    /// From frames, goal and two states around the tick to the official code's actions.
    @Test func aRecordedCaseWithProprioceptionGivesItsActionsThroughCoreAndEngine() throws {
        let golden = try ProprioCase()
        var core = try golden.core()
        var engine = try golden.engine()
        core.receive(try golden.goal())
        let start = MonotonicTime.zero + .seconds(1)
        core.receive(try golden.frame(at: start), at: start)
        let due = start + .milliseconds(20)
        // The arm moves: neither of the two states has the recorded numbers, the moment between them has.
        let numbers = try golden.unnormalised()
        let here = JointVector(numbers.dropLast())
        let step = JointVector(repeating: 0.04, count: 7)
        core.receive(state(at: due - .milliseconds(5), here - step, gripper: numbers[7] - 0.01))
        #expect(core.nextTick == due + ArmStateHistory.longestGap)
        core.receive(state(at: due + .milliseconds(15), here + step * 3, gripper: numbers[7] + 0.03))
        #expect(core.nextTick == due)
        guard case .observed(let observation, let request?, _) = core.tick(at: due + .milliseconds(16)) else {
            Issue.record("no request: \(String(describing: core.obstacle))")
            return
        }
        let read = try #require(observation.proprio)
        #expect(read.values.count == 2 * 8 && read.values.prefix(8) == read.values.suffix(8))
        #expect(read.before == due - .milliseconds(5) && read.after == due + .milliseconds(15))
        #expect(observation.timestepPadMask == [false, true] && observation.time == due)
        let actions = try engine.run(request)
        let expected = try golden.recorded.floats("out.action")
        #expect(actions.count == 42 && expected.count == 42)
        for (found, wanted) in zip(actions, expected) { #expect(abs(found - wanted) < 1e-4) }
        // The arm's state is no decoration.
        var elsewhere = request
        elsewhere.observation.proprio?.values[8] += 0.5
        #expect(try engine.run(elsewhere) != actions)
    }

    @Test func theWindowHoldsTheArmsNumbersOneStepApartAsItHoldsTheImages() throws {
        let golden = try ProprioCase()
        var core = try golden.core()
        core.receive(try golden.frame(at: .zero), at: .zero)
        for tick in 0..<3 {
            let due = try #require(core.nextTick) - ArmStateHistory.longestGap
            core.receive(try golden.frame(at: due - .milliseconds(1)), at: due)
            core.receive(state(at: due, JointVector(repeating: Double(tick), count: 7), gripper: 0.25))
            guard case .observed(let observation, _, _) = core.tick(at: due) else {
                Issue.record("tick \(tick): \(String(describing: core.obstacle))")
                return
            }
            let first = [Float](repeating: Float(max(0, tick - 1)), count: 7) + [0.25]
            #expect(observation.proprio?.values == first + [Float](repeating: Float(tick), count: 7) + [0.25])
        }
    }

    @Test func withoutTheArmsStateNothingIsInferredAndTheReasonIsSaid() throws {
        let golden = try ProprioCase()
        var core = try golden.core()
        core.receive(try golden.goal())
        core.receive(try golden.frame(at: .zero), at: .zero)
        func tick(_ states: (MonotonicTime) -> [ArmState]) throws -> PolicyNodeCore.Obstacle? {
            let waits = try #require(core.nextTick)
            let due = waits - ArmStateHistory.longestGap
            core.receive(try golden.frame(at: due - .milliseconds(1)), at: due)
            for state in states(due) { core.receive(state) }
            if case .observed = core.tick(at: try #require(core.nextTick)) { return nil }
            return core.obstacle
        }
        let here = JointVector(repeating: 0.1, count: 7)
        #expect(try tick { _ in [] } == .noArmState(.noneYet))
        #expect(try tick { [state(at: $0 - .milliseconds(10), here)] } == .noArmState(.silent(age: .milliseconds(10))))
        var unread = JointSet()
        unread.insert(7)
        #expect(
            try tick { due in [-30, -10, 10].map { state(at: due + .milliseconds($0), here, unread: unread) } }
                == .noArmState(.unread(unread, joints: 7)))
        #expect(core.counters.invalidTicks == 3 && core.counters.observations == 0 && !core.isInferring)
        #expect(core.obstacle?.description.contains("the gripper of the arm did not answer") == true)
        #expect(try tick { [state(at: $0 - .milliseconds(10), here), state(at: $0 + .milliseconds(10), here)] } == nil)
        #expect(core.obstacle == nil && core.isInferring)
    }

    @Test func aPolicyThatReadsImagesAloneWaitsForNoState() {
        var core = PolicyNodeCore(
            PolicyConfiguration(
                cameras: [PolicyCamera(name: "primary", width: 4, height: 4, takesGoal: true)], windowSize: 1,
                actionDimension: 2, actionSpace: .jointDelta, rate: Rate(hertz: 5), preprocessing: .resize,
                requiresGoal: false, maximumFrameAge: .milliseconds(500), noiseSeed: 7), texts: .none)
        let image = RGBImage(width: 4, height: 4, filledWith: 1)
        core.receive(
            CameraFrame(
                camera: "primary", deviceID: "test", sequence: 0, captureTime: .zero, pixels: .rgb8(image),
                contentHash: 0),
            at: .zero)
        #expect(core.nextTick == MonotonicTime.zero + .milliseconds(20))
        core.receive(state(at: .zero, [1]))
        guard case .observed(let observation, _, _) = core.tick(at: .zero + .milliseconds(20)) else {
            Issue.record("no observation")
            return
        }
        #expect(observation.proprio == nil)
    }
}

/// Which checkpoints go with which arm and layout.
@Suite struct ProprioReadingTests {
    private func error(
        _ layout: ProprioLayout?, joints: Int? = 6, statistics: ProprioStatistics? = Self.statistics(8),
        of model: ModelDescription? = nil
    ) throws -> ProprioError? {
        let model = try model ?? ProprioCase().checkpoint.description
        do throws(ProprioError) {
            _ = try ProprioReading(of: model, statistics: statistics, layout: layout, joints: joints)
            return nil
        } catch {
            return error
        }
    }

    private static func statistics(_ count: Int) -> ProprioStatistics {
        ProprioStatistics(mean: [Float](repeating: 0, count: count), std: [Float](repeating: 1, count: count))
    }

    @Test func bridgesEightNumbersHaveAZeroBeforeTheGripper() throws {
        let golden = try ProprioCase()
        #expect(try golden.reading(.bridge, joints: 6).fields == [.x, .y, .z, .roll, .pitch, .yaw, .zero, .gripper])
        #expect(try golden.reading(.joints).fields.count == 8)
        #expect(try golden.reading(.joints).key == "proprio")
        let list = ProprioLayout.fields([.gripper, .x, .x, .y, .z, .joint(5), .zero, .zero])
        #expect(try error(list) == nil)
    }

    @Test func aLengthThatDoesNotFitIsRefusedWithBothNamed() throws {
        let wrong = try #require(try error(.joints))
        #expect(
            wrong
                == .wrongLength(layout: "\"joints\"", found: [7], key: "proprio", expected: 8, fitting: ["\"bridge\""]))
        #expect(wrong.description.contains("gives 7 numbers on this arm, the checkpoint reads 8 as 'proprio'"))
        #expect(wrong.description.contains("Set policy.proprio to \"bridge\""))
        let short = try #require(try error(.fields([.x, .gripper])))
        #expect(short.description.contains("[\"x_m\", \"gripper\"] gives 2 numbers"))
        #expect(
            try error(.fields([.joint(6)] + [ProprioField](repeating: .x, count: 7)))
                == .noSuchJoint(field: "joint_7_rad", joints: 6))
    }

    @Test func statisticsThatDoNotFitAreRefusedWithBothNamed() throws {
        let other = try #require(try error(.bridge, statistics: Self.statistics(7)))
        #expect(other == .wrongStatistics(key: "proprio", found: 7, expected: 8))
        #expect(other.description.contains("'proprio' of 7 numbers") && other.description.contains("reads 8"))
        let none = try #require(try error(.bridge, statistics: nil))
        #expect(none == .noStatistics(key: "proprio", count: 8) && none.description.contains("dataset_statistics.json"))
    }

    @Test func aCheckpointThatReadsProprioceptionIsRefusedWithoutALayoutAndToldWhatToWrite() throws {
        let open = try #require(try error(nil, joints: 7))
        #expect(open == .noLayout(key: "proprio", count: 8, fitting: ["\"bridge\"", "\"joints\""]))
        #expect(
            open.description.contains("Set policy.proprio to \"bridge\" or \"joints\" if its data set is like that"))
        #expect(open.description.contains("a list of 8 fields") && open.description.contains("yaw_rad"))
        let armless = try #require(try error(.bridge, joints: nil))
        #expect(armless == .noArm(key: "proprio") && armless.description.contains("images alone"))
    }

    @Test func aCheckpointWithoutProprioceptionTakesNoneWhateverTheManifestSays() throws {
        let model = try Checkpoint(folder: Fixture.url("octo/case1_primary_goal_w1/checkpoint").path).description
        #expect(try ProprioReading(of: model, statistics: nil, layout: .bridge, joints: nil) == nil)
    }

    @Test func everyErrorSaysWhatToDo() {
        #expect(ProprioError.severalKeys(["proprio", "torque"]).description.contains("[proprio, torque]"))
        #expect(ProprioError.noSuchJoint(field: "joint_7_rad", joints: 6).description.contains("from 1 to 6"))
    }
}
