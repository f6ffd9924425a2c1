import Control
import Kinematics
import Maths
import Messages
import TestSupport
import Testing
import Time

/// A policy that sees the same motion in every observation: ahead at constant speed. Whatever becomes of its chunks on
/// the way, the arm must never go back along the path.
@Suite struct ForwardMotionTests {
    enum Strategy: CaseIterable, Sendable {
        case recedingHorizon, temporalEnsemble, asynchronous
    }

    private static let step = 200
    /// Radians, or metres, per step.
    private static let stride = 0.02

    private static func configure(_ strategy: Strategy, using random: inout SeededGenerator) -> ChunkStrategy {
        let horizon = Int.random(in: 1...4, using: &random)
        return switch strategy {
        case .recedingHorizon: .recedingHorizon(executionHorizon: horizon)
        case .temporalEnsemble: .temporalEnsemble(weight: .random(in: 0...0.5, using: &random), size: horizon + 1)
        case .asynchronous:
            .asynchronous(executionHorizon: horizon, blend: .milliseconds(.random(in: 0...500, using: &random)))
        }
    }

    /// What the policy says at `observed` (milliseconds): the motion from there on.
    private static func chunk(
        _ space: ActionSpace, _ arm: ArmCalibration, start: JointVector, id: UInt64, observed: Int, length: Int
    ) throws -> FixedActionChunk {
        let pose = arm.chain.baseFromEEF(start)
        let angles = BridgeConvention.rollPitchYaw(of: pose.rotation)
        let rows = (1...length).map { ahead -> [Double] in
            let way = stride * (Double(observed) / Double(step) + Double(ahead))
            switch space {
            case .jointPosition: return [start[0] + way] + start.array.dropFirst() + [1]
            case .jointDelta: return [stride, 0, 0, 0, 0, 0, 1]
            case .eefDelta: return [0, stride / 4, 0, 0, 0, 0, 1]
            case .eefAbsolute:
                let p = pose.translation + [0, way / 4, 0]
                return [p.x, p.y, p.z, angles.x, angles.y, angles.z, 1]
            }
        }
        return try ControlTests.chunk(
            rows, id: id, observedAt: observed, space: space, step: .milliseconds(step))
    }

    @Test(arguments: Strategy.allCases, ActionSpace.allCases)
    func noChunkHoweverLateMovesTheArmBack(strategy: Strategy, space: ActionSpace) throws {
        let arm = try widowXInTheOpen()
        let start: JointVector = [-0.5, -0.2, 0.5, 0, 1.2, 0]
        let first = SeededGenerator.freshSeed()
        for run in 0..<30 {
            var random = SeededGenerator(seed: first &+ UInt64(run))
            let seed = random.seed
            let rate = Rate(hertz: [50.0, 100, 250].randomElement(using: &random) ?? 100)
            var bench = Bench(
                controller(
                    of: arm, hertz: rate.hertz, strategy: Self.configure(strategy, using: &random),
                    watchdog: .milliseconds(.random(in: 700...1500, using: &random)), at: standing(at: start)),
                at: start)
            // Arrivals in any order; every fifth chunk is lost, every tenth comes twice. Observations on the policy's
            // grid, the run off it by a constant.
            let offset = Int.random(in: 0..<Self.step, using: &random)
            var arrivals: [(time: Int, chunk: FixedActionChunk)] = []
            for index in 0..<25 where Int.random(in: 0..<5, using: &random) > 0 {
                let observed = index * Self.step + offset
                let chunk = try Self.chunk(
                    space, arm, start: start, id: UInt64(index), observed: observed,
                    length: .random(in: 4...6, using: &random))
                for _ in 0..<(Int.random(in: 0..<10, using: &random) == 0 ? 2 : 1) {
                    arrivals.append((observed + .random(in: 20...700, using: &random), chunk))
                }
            }
            arrivals.sort { $0.time < $1.time }
            var progress: [Double] = []
            for arrival in arrivals {
                bench.run(milliseconds: max(0, arrival.time - Int(bench.now.nanoseconds / 1_000_000)))
                bench.receive(arrival.chunk)
            }
            bench.run(milliseconds: 1500)
            for setpoint in bench.setpoints {
                switch space {
                case .jointPosition, .jointDelta: progress.append(setpoint.positions[0])
                case .eefDelta, .eefAbsolute:
                    progress.append(arm.chain.baseFromEEF(setpoint.positions).translation.y)
                }
            }
            // The straight line of the hand is followed by a cubic in the joints: it sags by less than a hair. Where
            // the arm has to catch up so far that a joint reaches its acceleration limit, the joints come one after the
            // other, and the hand strays a little.
            let atLimit = zip(bench.setpoints, bench.setpoints.dropFirst()).contains { last, next in
                (next.velocities - last.velocities).magnitude > 0.99 * arm.joints[0].acceleration * rate.periodSeconds
            }
            let isHand = space == .eefDelta || space == .eefAbsolute
            let tolerance = !isHand ? 1e-9 : atLimit ? 5e-4 : 2e-5
            let back = zip(progress.dropFirst(), progress).map { $1 - $0 }.max() ?? 0
            #expect(back <= tolerance, "seed \(seed): back by \(back), at its limit: \(atLimit)")
            let covered = (progress.last ?? 0) - (progress.first ?? 0)
            #expect(covered > 0.02, "seed \(seed): it moved, \(covered)")
        }
    }

    /// A seam between chunks that disagree: position and velocity go on where they were.
    @Test(arguments: Strategy.allCases)
    func aSeamShowsInNeitherPositionNorVelocity(strategy: Strategy) throws {
        let arm = try widowXInTheOpen()
        let first = SeededGenerator.freshSeed()
        for run in 0..<20 {
            var random = SeededGenerator(seed: first &+ UInt64(run))
            let seed = random.seed
            var bench = Bench(
                controller(
                    of: arm, hertz: 250, strategy: Self.configure(strategy, using: &random), watchdog: .seconds(2)),
                at: arm.neutral)
            for index in 0..<12 {
                let rows = (0..<4).map { _ in
                    (0..<6).map { _ in Double.random(in: -0.05...0.05, using: &random) } + [1.0]
                }
                bench.receive(
                    try ControlTests.chunk(
                        rows, id: UInt64(index), observedAt: Int(bench.now.nanoseconds / 1_000_000), space: .jointDelta)
                )
                bench.run(milliseconds: .random(in: 100...600, using: &random))
            }
            let period = 1.0 / 250
            for (last, next) in zip(bench.setpoints, bench.setpoints.dropFirst()) {
                for (joint, limits) in arm.joints.enumerated() {
                    let change = abs(next.velocities[joint] - last.velocities[joint])
                    #expect(change <= limits.acceleration * period + 1e-9, "seed \(seed)")
                    let moved = next.positions[joint] - last.positions[joint]
                    #expect(abs(moved - next.velocities[joint] * period) < 1e-9, "seed \(seed)")
                }
            }
        }
    }
}
