import ArgumentParser
import ClosedLoop
import Foundation
import Kinematics
import Maths
import NodeShell
import Simulation
import Time

struct SimulatedWorldCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulation",
        abstract:
            "Measure milliseconds per physics step and picture of the simulated world; lock-step episodes a minute.")

    @Option(help: "Use this calibration file of the arm.")
    var calibration = "calibration/widowx-250s.json"

    @Option(help: "Run so many episodes of the expert.")
    var episodes = 4

    func run() throws {
        let arm = try ArmCalibration(contentsOfFile: calibration)
        do {
            print("Simulated world, MuJoCo \(try World.libraryVersion()), steps of \(WorldModel.stepSeconds * 1000) ms")
        } catch {
            // Nothing else needs it.
            print("Simulated world: skipped. \(error)")
            return
        }
        print("                               median        p99")
        var bare = Scene.tabletop
        bare.objects = []
        // The arm alone is the baseline: what is above it is the price of what lies on the table.
        try steps("physics step, arm alone", World(bare, arm: arm))
        try steps("physics step, tabletop", World(.tabletop, arm: arm))
        var dark = Scene.tabletop
        dark.light.castsShadows = false
        for (label, scene) in [("with shadows", Scene.tabletop), ("without", dark)] {
            let world = try World(scene, arm: arm)
            try pictures("picture 256x256, \(label)", world, width: 256, height: 256)
        }
        try pictures("picture 640x480, with shadows", World(.tabletop, arm: arm), width: 640, height: 480)
        try runEpisodes(arm)
    }

    private func steps(_ label: String, _ world: World) throws {
        var histogram = LatencyHistogram()
        let (start, other) = (world.armPositions, world.armPositions + [0.3, 0.2, -0.2, 0.3, 0.2, 0.3])
        for step in 0..<3_000 {
            world.command(step / 250 % 2 == 0 ? other : start, gripper: 1)
            let begin = MonotonicTime.now()
            try world.advance(steps: 1)
            histogram.record(.now() - begin)
        }
        print(row(label, histogram))
    }

    private func pictures(_ label: String, _ world: World, width: Int, height: Int) throws {
        var histogram = LatencyHistogram()
        // The first one compiles the shaders.
        _ = try world.picture(.primary, width: width, height: height)
        for _ in 0..<60 {
            let begin = MonotonicTime.now()
            _ = try world.picture(.primary, width: width, height: height)
            histogram.record(.now() - begin)
        }
        print(row(label, histogram))
    }

    private func row(_ label: String, _ histogram: LatencyHistogram) -> String {
        String(
            format: "%@ %8.3f ms %7.3f ms", label.padding(toLength: 29, withPad: " ", startingAt: 0),
            histogram.quantile(0.5).inMilliseconds, histogram.quantile(0.99).inMilliseconds)
    }

    private func runEpisodes(_ arm: ArmCalibration) throws {
        for (label, cameras) in [
            ("without pictures", []),
            (
                "with both cameras",
                [EpisodeCamera(.primary, width: 256, height: 256), EpisodeCamera(.wrist, width: 128, height: 128)]
            ),
        ] {
            let begin = MonotonicTime.now()
            var seconds = 0.0
            for seed in 0..<UInt64(episodes) {
                let scene = Scene.tabletop.varied(seed: seed)
                let task = try ManipulationTask(.pickPlace, in: scene)
                let outcome = try ExpertEpisode.run(task, in: World(scene, arm: arm), cameras: cameras) { _ in }
                seconds += Double(outcome.timesteps) * ExpertEpisode.policyRate.periodSeconds
            }
            let elapsed = (MonotonicTime.now() - begin).inSeconds
            print(
                String(
                    format: "pick-place %@ %6.1f episodes a minute, %.1f times real time",
                    label.padding(toLength: 18, withPad: " ", startingAt: 0), 60 * Double(episodes) / elapsed,
                    seconds / elapsed))
        }
    }
}
