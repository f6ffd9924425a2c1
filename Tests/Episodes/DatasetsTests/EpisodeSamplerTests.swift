import Datasets
import Images
import Kinematics
import Maths
import TestSupport
import Testing
import Time

@Suite struct EpisodeSamplerTests {
    @Test func timestepsAreThePolicysWithTheFramesThatItSaw() throws {
        let run = try RecordedRun()
        let episode = try run.sampler().sample()
        // 17 ticks from 0.41 s on; the last has no action.
        #expect(
            episode.timesteps.count == 16 && episode.period == .milliseconds(200)
                && episode.instruction == "pick up the cup")
        #expect(episode.timesteps[3].time == .zero + .milliseconds(1010))
        // Frames come every 50 ms from 0.2 s on: at 1.01 s the newest is number 16, of 1.0 s.
        let expected = try RecordedRun.image(16).jpegData()
        #expect(episode.timesteps[3].pictures["primary"] == expected, "the camera's own bytes")
        #expect(episode.reencoded == ["primary": 0, "wrist": 0])
        let report = episode.grid.cameras
        #expect(
            report.map(\.camera) == ["primary", "wrist"] && report[0].repeated == 0
                && report[0].dropped == report[0].frames - 16)
        #expect(report[0].maximumSkew == .milliseconds(10) && episode.grid.gaps.isEmpty)
    }

    /// Actions are what was commanded from one timestep to the next, states what was measured: put together by the
    /// convention, the actions lead from the first commanded pose to the last.
    @Test func actionsLeadFromTimestepToTimestep() throws {
        let run = try RecordedRun()
        let episode = try run.sampler().sample()
        func commanded(_ step: Int) -> Pose {
            // States come every 12.5 ms; the newest at a tick of 410 + 200 k ms is of 400 + 200 k.
            run.calibration.chain.baseFromEEF(run.positions(at: 0.4 + 0.2 * Double(step)))
        }
        var pose = commanded(0)
        for timestep in episode.timesteps {
            let action = timestep.action.map(Double.init)
            pose = BridgeConvention.accumulated(
                translation: [action[0], action[1], action[2]], rollPitchYaw: [action[3], action[4], action[5]],
                on: pose,
                rotationCentre: pose.translation)
        }
        let end = commanded(episode.timesteps.count)
        #expect((pose.translation - end.translation).length < 1e-5, "\(pose.translation) \(end.translation)")
        #expect((pose.rotation * end.rotation.inverse).rollPitchYaw.length < 1e-4)
        let measured = run.calibration.chain.baseFromEEF(run.positions(at: 0.4 - 0.05))
        let state = episode.timesteps[0].state
        #expect(abs(Double(state[0]) - measured.translation.x) < 1e-6 && state[6] == 0.75)
        // The gripper's target is what it was told by the next timestep.
        #expect(
            episode.timesteps.map { $0.action[6] } == (0..<16).map { 0.4 + 0.2 * Double($0 + 1) < 2 - 1e-9 ? 1 : 0 })
    }

    /// Differences of states are labels: a hand that turns past 180° has not turned back by a whole turn.
    @Test func anglesThatWrapAreCarriedOn() {
        var angles = UnwrappedAngles()
        func state(_ yaw: Float) -> [Float] { [1, 2, 3, 0.5, -0.5, yaw, 1] }
        let yaws = ([3.0, 3.13, -3.02, -2.16, 3.1, 2.9] as [Float]).map { angles.carryOn(state($0))[5] }
        let expected: [Float] = [3, 3.13, 2 * .pi - 3.02, 2 * .pi - 2.16, 3.1, 2.9]
        #expect(zip(yaws, expected).allSatisfy { abs($0 - $1) < 1e-5 } && angles.count == 2)
        #expect(angles.carryOn(state(-3.1))[3] == 0.5)
    }

    @Test func jointsAreThereInDegrees() throws {
        let run = try RecordedRun()
        let episode = try run.sampler().sample()
        #expect(
            episode.arm == run.calibration.name && episode.joints == run.calibration.joints.map(\.name)
                && episode.unwrapped == 0)
        let first = episode.timesteps[0]
        // Measured now, commanded for the next timestep.
        let (measured, commanded) = (run.positions(at: 0.35), run.positions(at: 0.6))
        #expect(abs(Double(first.jointState[2]) - measured[2] * 180 / .pi) < 1e-3 && first.jointState.last == 75)
        #expect(abs(Double(first.jointAction[2]) - commanded[2] * 180 / .pi) < 1e-3 && first.jointAction.last == 100)
        #expect(first.jointState.count == run.calibration.joints.count + 1)
    }

    @Test func aDemonstrationWithoutAPolicyHasAGridOfItsOwn() throws {
        let run = try RecordedRun(.init(hasPolicy: false, isJPEG: false, text: nil))
        let episode = try run.sampler(
            .init(rate: Rate(hertz: 10), cameras: ["wrist"], size: (16, 12), instruction: "look")
        ).sample()
        #expect(episode.period == .milliseconds(100) && episode.timesteps.count > 30 && episode.instruction == "look")
        #expect(episode.timesteps[0].pictures.keys.sorted() == ["wrist"])
        let picture = try RGBImage(decoding: try #require(episode.timesteps[0].pictures["wrist"]), source: "test")
        #expect(picture.width == 16 && picture.height == 12)
        #expect(episode.reencoded["wrist"] == episode.timesteps.count)
    }

    @Test func oldPicturesAreRefusedUnlessTheyAreWanted() throws {
        let run = try RecordedRun(.init(silence: 1.5...2.4))
        let error = #expect(throws: ExportError.self) { try run.sampler().sample() }
        #expect(error?.description.contains("'wrist'") == true && error?.description.contains("--allow-gaps") == true)
        let episode = try run.sampler(.init(allowsGaps: true)).sample()
        #expect(
            episode.grid.gaps.count == 1 && episode.grid.gaps[0].camera == "wrist"
                && episode.grid.gaps[0].timesteps >= 3)
        // Without that camera there is no gap.
        #expect(try run.sampler(.init(cameras: ["primary"])).sample().grid.gaps.isEmpty)
    }

    @Test func outcomesAreToldAndWrongInputIsSaid() throws {
        let good = try RecordedRun(.init(outcome: .markSuccess))
        let bad = try RecordedRun(.init(outcome: .discard))
        let short = try RecordedRun(.init(seconds: 0.35, hasPolicy: false))
        #expect(
            try good.sampler().outcome() == .success && bad.sampler().outcome() == .discarded
                && short.sampler().outcome() == .open)
        #expect(throws: ExportError.self) { try short.sampler().sample() }
        let unknown = #expect(throws: ExportError.self) { try good.sampler(.init(cameras: ["left"])).sample() }
        #expect(unknown?.description.contains("primary, wrist") == true)
    }
}
