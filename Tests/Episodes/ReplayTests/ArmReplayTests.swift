import Control
import EpisodeFixture
import Foundation
import Kinematics
import Maths
import Messages
import Recording
import Replay
import Teleop
import TestSupport
import Testing
import Time

/// The real controller with servos that are where they were told to be, an episode's motion, and a clock that is moved
/// by hand.
private struct ReplayingArm {
    let calibration: ArmCalibration
    let arm: TeleopArm
    var controller: ArmController
    var now = MonotonicTime.zero + .seconds(1)
    var measured: JointState
    var session: ArmReplaySession
    var commands: [ManualCommand] = []
    var setpoints: [(time: MonotonicTime, setpoint: JointSetpoint)] = []
    /// A joint that something holds.
    var stuckJoint: Int?
    var isCutOff = false

    init(_ options: ArmReplaySession.Options = .init(), motion: RecordedMotion? = nil) throws {
        calibration = try ArmCalibration(
            parsing: try Data(contentsOf: Fixture.packageRoot.appendingPathComponent("calibration/widowx-250s.json")),
            file: "w")
        arm = TeleopArm(
            joints: calibration.joints.map(\.name), velocity: calibration.velocity, lower: calibration.lower,
            upper: calibration.upper, neutral: calibration.neutral, rest: calibration.rest)
        measured = JointState(
            time: .zero, positions: calibration.neutral, velocities: JointVector(repeating: 0, count: 6), gripper: 1)
        controller = ArmController(
            calibration: calibration,
            configuration: ArmControllerConfiguration(
                rate: Rate(hertz: 100), executionHorizon: 4, watchdog: .seconds(1)),
            measured: measured)
        session = ArmReplaySession(
            arm: arm, motion: try motion ?? #require(Self.motion(around: calibration.neutral)), options: options,
            at: now)
    }

    /// Four seconds: away from the neutral pose, there and back, gripper closed half way.
    static func motion(around pose: JointVector) -> RecordedMotion? {
        RecordedMotion(
            (0...200).map { tick in
                let time = Double(tick) / 50
                return .init(
                    time: .milliseconds(tick * 20),
                    positions: pose + [0.3 + 0.3 * sin(time), 0, 0.1 * sin(time), 0, 0.2, 0],
                    gripper: time < 2 ? 1 : 0)
            })
    }

    mutating func run(_ milliseconds: Int, each: (inout ReplayingArm) -> Void = { _ in }) {
        for _ in 0..<(milliseconds / 10) where session.outcome(at: now) == nil {
            now += .milliseconds(10)
            each(&self)
            if let command = session.command(at: now) {
                commands.append(command)
                if !isCutOff { controller.receive(command, at: now) }
            }
            measured.time = now
            let tick = controller.tick(at: now, measured: measured)
            controller.wrote(at: now)
            setpoints.append((now, tick.setpoint))
            let stuck = stuckJoint.map { ($0, measured.positions[$0]) }
            measured.positions = tick.setpoint.positions
            measured.velocities = tick.setpoint.velocities
            measured.gripper = tick.setpoint.gripper
            if let stuck { measured.positions[stuck.0] = stuck.1 }
            if !isCutOff { session.receive(tick.state, at: now) }
        }
    }

    var outcome: ArmReplaySession.Outcome? { session.outcome(at: now) }
    var isStill: Bool { setpoints.last?.setpoint.velocities.magnitude == 0 }
    var isPlaying: Bool { session.progress(at: now) != nil }
}

@Suite struct ArmReplayTests {
    @Test(arguments: [0.25, 0.5, 1])
    func theArmDoesTheMotionAgain(speed: Double) throws {
        var robot = try ReplayingArm(.init(speed: speed))
        var begun: MonotonicTime?
        var worst = 0.0
        robot.run(60_000) { robot in
            guard robot.isPlaying else { return }
            let start = begun ?? robot.now
            begun = start
            // The controller's reference is behind by some ticks.
            let place = (robot.now - start).inSeconds * speed
            let off = robot.session.motion.deviation(
                of: robot.measured.positions, from: .fromSeconds(max(0, place - 0.25))...(.fromSeconds(place)))
            worst = max(worst, off.magnitude)
        }
        #expect(robot.outcome == .finished && robot.isStill)
        #expect(worst < 0.02, "\(worst) rad away")
        let end = robot.session.motion.points[200]
        #expect((robot.measured.positions - end.positions).magnitude < 0.01 && abs(robot.measured.gripper) < 0.05)
        // Let go before and after.
        #expect(robot.commands.first?.isDeadManHeld == false && robot.commands.last?.isDeadManHeld == false)
    }

    @Test func theWordsEndWithTheMotion() throws {
        var robot = try ReplayingArm()
        var words: [String] = []
        robot.run(60_000) { robot in if robot.isPlaying { words.append(robot.session.words(at: robot.now)) } }
        #expect(words.first?.hasPrefix("moving: 0.0 of 4.0 s") == true)
        // The arm rests at the last point before it is let go.
        #expect(Set(words.suffix(30)) == ["moving: 4.0 of 4.0 s"])
    }

    @Test func theWayToTheStartIsSlow() throws {
        var robot = try ReplayingArm(.init(approachSpeed: 0.1))
        var fastest = 0.0
        robot.run(60_000) { robot in
            guard !robot.isPlaying, robot.outcome == nil, let last = robot.setpoints.last?.setpoint else { return }
            if robot.measured.gripper == 1 {
                fastest = max(
                    fastest, (0..<6).map { abs(last.velocities[$0]) / robot.calibration.velocity[$0] }.max() ?? 0)
            }
        }
        #expect(robot.outcome == .finished && fastest > 0.05 && fastest < 0.11)
    }

    @Test func aHalfSpeedTakesTwiceAsLong() throws {
        func time(_ speed: Double) throws -> Double {
            var robot = try ReplayingArm(.init(speed: speed))
            var playing = 0
            robot.run(60_000) { if $0.isPlaying { playing += 1 } }
            return Double(playing) / 100
        }
        let (full, half) = (try time(1), try time(0.5))
        #expect(abs(full - 4.5) < 0.1 && abs(half - 9) < 0.6)
    }

    @Test func aJointThatIsHeldEndsItAndIsNamed() throws {
        var robot = try ReplayingArm(.init(deviation: 5 * .pi / 180))
        robot.run(60_000) { if $0.isPlaying { $0.stuckJoint = 0 } }
        let outcome = try #require(robot.outcome)
        guard case .deviated(joint: 0, let off, _) = outcome else {
            // The controller itself may have been faster.
            guard case .gaveUp(.hindered(.hold(.stalled, joint: 0))) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            return
        }
        #expect(off > 5 * .pi / 180 && off < 8 * .pi / 180)
        #expect(robot.commands.last?.isDeadManHeld == false)
        #expect(robot.session.summary(of: outcome).contains("joint waist"))
    }

    @Test func anEmergencyStopEndsItForGood() throws {
        var robot = try ReplayingArm()
        var isStopped = false
        robot.run(60_000) { robot in
            if !isStopped, (robot.session.progress(at: robot.now) ?? 0) > 0.3 {
                robot.controller.emergencyStop()
                isStopped = true
            }
        }
        #expect(isStopped && robot.outcome == .gaveUp(.hindered(.hold(.emergencyStop, joint: nil))))
        #expect(robot.isStill && robot.commands.last?.isDeadManHeld == false)
        let stand = robot.measured.positions
        let someone = try #require(OperatorID("someone"))
        robot.controller.resetEmergencyStop(by: someone)
        robot.run(1_000)
        #expect(robot.measured.positions == stand)
    }

    @Test func itDoesNotBeginUnderAnEmergencyStop() throws {
        var robot = try ReplayingArm()
        robot.controller.emergencyStop()
        robot.run(5_000)
        #expect(robot.outcome == .gaveUp(.hindered(.hold(.emergencyStop, joint: nil))))
        #expect(robot.commands.allSatisfy { !$0.isDeadManHeld })
    }

    @Test func ctrlCBrakes() throws {
        var robot = try ReplayingArm()
        robot.run(60_000) { if ($0.session.progress(at: $0.now) ?? 0) > 0.3 { $0.session.interrupt(at: $0.now) } }
        #expect(robot.outcome == .interrupted && robot.isStill)
        #expect((robot.measured.positions - robot.session.motion.points[200].positions).magnitude > 0.05)
    }

    @Test func anArmThatFallsSilentIsLetGo() throws {
        var robot = try ReplayingArm()
        robot.run(60_000) { if ($0.session.progress(at: $0.now) ?? 0) > 0.3 { $0.isCutOff = true } }
        #expect(robot.outcome == .gaveUp(.hindered(.silence)) && robot.isStill)
    }

    @Test func anArmOfOtherJointsIsRefused() throws {
        let motion = try #require(RecordedMotion([.init(time: .zero, positions: [0, 0, 0], gripper: 1)]))
        var robot = try ReplayingArm(motion: motion)
        robot.run(5_000)
        #expect(robot.outcome == .gaveUp(.hindered(.otherArm)) && robot.commands.allSatisfy { !$0.isDeadManHeld })
    }

    @Test func theWayIsShownJointByJoint() throws {
        var robot = try ReplayingArm()
        robot.run(100)
        let state = try #require(robot.session.state)
        let lines = ArmReplaySession.distances(from: state, to: robot.session.motion, of: robot.arm)
        #expect(lines.count == 7 && lines[1].hasPrefix("waist") && lines[1].hasSuffix("17.2"))
    }

    // MARK: The motion

    @Test func aMotionIsReadFromTheStatesOfTheArm() throws {
        var episode = try RecordedEpisode.run()
        let motion = try RecordedMotion(of: EpisodeFile(path: episode.finish()), from: .seconds(1), to: .seconds(2))
        #expect(motion.points.count == 51 && motion.duration == .seconds(1) && motion.start.time == .zero)
        #expect(abs(motion.start.positions[2] - RecordedEpisode.angle(2, at: 1)) < 1e-9)
        #expect(motion.start.gripper == 1)
    }

    @Test func betweenPointsTheWayIsStraight() throws {
        let motion = try #require(
            RecordedMotion([
                .init(time: .zero, positions: [0, 1], gripper: 0),
                .init(time: .seconds(1), positions: [1, 3], gripper: 1),
                .init(time: .seconds(3), positions: [1, 0], gripper: 1),
            ]))
        #expect(
            motion.point(at: .milliseconds(250)).positions == [0.25, 1.5]
                && motion.point(at: .milliseconds(250)).gripper == 0.25)
        #expect(motion.point(at: .seconds(2)).positions == [1, 1.5])
        #expect(
            motion.point(at: .seconds(-1)).positions == [0, 1] && motion.point(at: .seconds(9)).positions == [1, 0])
    }

    @Test func whatTheMotionWentThroughIsNoDeviation() throws {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        let calibrated = try #require(ReplayingArm.motion(around: [0, 0, 0, 0, 0, 0]))
        for _ in 0..<500 {
            let end = Double.random(in: 0.7...4, using: &generator)
            let time = Double.random(in: end - 0.6...end, using: &generator)
            let place = calibrated.point(at: .fromSeconds(time)).positions
            let off = calibrated.deviation(of: place, from: .fromSeconds(end - 0.6)...(.fromSeconds(end)))
            #expect(off.magnitude < 1e-9, "seed \(seed)")
            var away = place
            away[5] += 0.2
            #expect(
                abs(calibrated.deviation(of: away, from: .fromSeconds(end - 0.6)...(.fromSeconds(end)))[5] - 0.2) < 1e-9
            )
        }
    }

    @Test func pointsOfSeveralArmsAreNoMotion() {
        #expect(RecordedMotion([]) == nil)
        #expect(
            RecordedMotion([
                .init(time: .zero, positions: [0], gripper: 0),
                .init(time: .seconds(1), positions: [0, 1], gripper: 0),
            ]) == nil)
        #expect(RecordedMotion([.init(time: .zero, positions: [.nan], gripper: 0)]) == nil)
        #expect(
            RecordedMotion([
                .init(time: .seconds(1), positions: [0], gripper: 0),
                .init(time: .seconds(1), positions: [0], gripper: 0),
            ]) == nil)
    }
}
