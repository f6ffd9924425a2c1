import Control
import Maths
import Messages
import TestSupport
import Testing
import Time

/// Whatever comes from the bus, the arm stays within its limits and the controller goes on.
@Suite struct ControllerFuzzTests {
    private static let farthest: Int64 = 1 << 61

    @Test func messagesOfAnyNumbersLeaveTheArmWithinItsLimits() throws {
        let calibration = try widowX()
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        var bench = Bench(controller(of: calibration), at: calibration.neutral)
        func number() -> Double {
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: 0
            case 1: .greatestFiniteMagnitude
            case 2: -.greatestFiniteMagnitude
            case 3: .leastNonzeroMagnitude
            case 4: .nan
            case 5: .infinity
            default: Double.random(in: -2...2, using: &generator)
            }
        }
        func time() -> MonotonicTime {
            Bool.random(using: &generator)
                ? bench.now : MonotonicTime(nanoseconds: Fuzzing.signed(upTo: Self.farthest, using: &generator))
        }
        func vector() -> JointVector { JointVector((0..<calibration.joints.count).map { _ in number() }) }
        for _ in 0..<Fuzzing.rounds(20_000) {
            switch Int.random(in: 0..<6, using: &generator) {
            case 0, 1:
                let space = ActionSpace.allCases.randomElement(using: &generator) ?? .eefDelta
                let dimension = space.dimension(jointCount: calibration.joints.count)
                let chunk = ActionChunk(
                    id: Fuzzing.number(upTo: .max, using: &generator), goalID: "g", observationTime: time(),
                    captureTime: time(),
                    inferredTime: time(),
                    stepDuration: .nanoseconds(Int64(Fuzzing.number(upTo: 3_600_000_000_000, using: &generator))),
                    actionDimension: dimension, actions: (0..<dimension * 4).map { _ in Float(number()) },
                    actionSpace: space,
                    noiseSeed: 0, noiseCounter: 0)
                // What cannot be a chunk never reaches the controller.
                if let fixed = try? FixedActionChunk(chunk, jointCount: calibration.joints.count) {
                    bench.controller.receive(fixed, at: bench.now)
                }
            case 2:
                let motion: ManualCommand.Motion =
                    switch Int.random(in: 0..<3, using: &generator) {
                    case 0: .joints(vector())
                    case 1: .twist(linear: [number(), number(), number()], angular: [number(), number(), number()])
                    default: .positions(vector(), speed: number())
                    }
                bench.controller.receive(
                    ManualCommand(
                        time: time(), isDeadManHeld: Bool.random(using: &generator), motion: motion, gripper: number()),
                    at: bench.now)
            case 3: bench.controller.clearFault()
            case 4: bench.controller.recover()
            default: break
            }
            let tick = bench.tick()
            for (joint, limits) in calibration.joints.enumerated() {
                let position = tick.setpoint.positions[joint]
                #expect(
                    position.isFinite && position >= limits.lower - 1e-6 && position <= limits.upper + 1e-6,
                    "seed \(generator.seed)")
            }
        }
    }
}
