import ArgumentParser
import Foundation
import Kinematics
import Maths
import NodeShell
import Time

struct KinematicsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kinematics",
        abstract: "Measure the microseconds per forward and per inverse kinematics, for each arm.")

    @Argument(help: "Calibration files of the arms.")
    var calibrations = ["widowx-250s", "wx200", "so101"].map { "calibration/\($0).json" }

    @Option(help: "Solve so many poses per arm.")
    var poses = 10_000

    func validate() throws {
        guard poses >= 100 else { throw ValidationError("--poses is \(poses), expected at least 100.") }
    }

    func run() throws {
        print("Kinematics, \(poses) random reachable poses per arm, each solved from joints up to 0.1 rad away")
        print("arm              FK median     p99   IK median     p99   reached   rounds")
        for path in calibrations {
            print(try KinematicsFigures(measuring: ArmCalibration(contentsOfFile: path), poses: poses).row)
        }
    }
}

/// What kinematics cost on one arm.
struct KinematicsFigures {
    let arm: String
    let poses: Int
    var forward = LatencyHistogram()
    var inverse = LatencyHistogram()
    var reached = 0
    var rounds = 0

    init(measuring calibration: ArmCalibration, poses: Int) {
        arm = calibration.name
        self.poses = poses
        var random = SplitMix64(seed: 1)
        let (lower, upper) = (calibration.lower, calibration.upper)
        let solver = InverseKinematics(chain: calibration.chain, lower: lower, upper: upper)
        for _ in 0..<poses {
            var wanted = lower
            var start = lower
            for joint in 0..<lower.count {
                wanted[joint] = .random(in: lower[joint]...upper[joint], using: &random)
                start[joint] = wanted[joint] + .random(in: -0.1...0.1, using: &random)
            }
            let target = measureForward(solver.chain, wanted)
            let begin = MonotonicTime.now()
            let solution = solver.solve(target, near: start)
            inverse.record(.now() - begin)
            rounds += solution.iterations
            if solution.isReached { reached += 1 }
        }
    }

    /// A single one is shorter than the clock's own time, so 64 in a row are timed; each depends on the one before, or
    /// the compiler would compute one.
    private mutating func measureForward(_ chain: KinematicChain, _ positions: JointVector) -> Pose {
        var input = positions
        let begin = MonotonicTime.now()
        for _ in 0..<64 {
            let pose = chain.baseFromEEF(input)
            input[0] = positions[0] + pose.translation.x * 1e-300
        }
        forward.record(.nanoseconds((MonotonicTime.now() - begin).nanoseconds / 64))
        return chain.baseFromEEF(positions)
    }

    var row: String {
        func microseconds(_ duration: Duration) -> Double { duration.inSeconds * 1e6 }
        return String(
            format: "%@ %7.2f us %7.2f %8.2f us %7.2f  %7.2f %% %7.1f",
            arm.padding(toLength: 14, withPad: " ", startingAt: 0),
            microseconds(forward.quantile(0.5)), microseconds(forward.quantile(0.99)),
            microseconds(inverse.quantile(0.5)), microseconds(inverse.quantile(0.99)),
            100 * Double(reached) / Double(poses), Double(rounds) / Double(poses))
    }
}
