import Control
import Maths
import TestSupport
import Testing

@Suite struct SafetyEnvelopeTests {
    /// One joint, ±1 rad, 2 rad/s, 10 rad/s², 100 Hz.
    private let envelope = SafetyEnvelope(lower: [-1], upper: [1], velocity: [2], acceleration: [10], period: 0.01)
    private let rest = JointMotion(at: [0])

    @Test func aReferenceWithinTheLimitsIsFollowedExactly() {
        // 0.8 (3 s² - 2 s³) over 2 s: at most 0.6 rad/s and 1.2 rad/s².
        var motion = rest
        var before: JointVector = [0]
        for tick in 1...1000 {
            let s = min(Double(tick) * 0.01 / 2, 1)
            let wanted: JointVector = [0.8 * s * s * (3 - 2 * s)]
            motion = envelope.limited(wanted, movingAt: (wanted - before) * 100, from: motion)
            before = wanted
            #expect(abs(motion.positions[0] - wanted[0]) < 1e-9, "tick \(tick)")
        }
        #expect(abs(motion.velocities[0]) < 1e-9)
    }

    @Test func aStepIsTurnedIntoTheFastestMotionThatStopsThere() {
        var motion = rest
        var fastest = 0.0
        var arrival = 0
        for tick in 1...200 {
            motion = envelope.limited([0.8], movingAt: [0], from: motion)
            fastest = max(fastest, motion.velocities[0])
            #expect(motion.positions[0] <= 0.8 + 1e-12, "never past the reference")
            if arrival == 0 && abs(motion.positions[0] - 0.8) < 1e-9 { arrival = tick }
        }
        #expect(abs(motion.positions[0] - 0.8) < 1e-12)
        #expect(abs(motion.velocities[0]) < 1e-9)
        #expect(fastest == 2)
        // Trapezoid in continuous time: 0.8/2 + 2/10 = 0.6 s; counted in ticks, one or two more or less.
        #expect((58...62).contains(arrival), "arrived at tick \(arrival)")
    }

    @Test func aReferenceThatBrakesTooHardIsNotOvershot() {
        // It moves at 1.5 rad/s, which takes 0.1125 rad to brake, and stands at 0.5 rad from one tick to the next.
        func farthest(_ end: JointMotion?) -> Double {
            var motion = rest
            var before = 0.0
            var farthest = 0.0
            for tick in 1...200 {
                let wanted = min(0.5, Double(tick) * 0.015)
                motion = envelope.limited(
                    [wanted], movingAt: [(wanted - before) * 100], from: motion, towards: end)
                before = wanted
                farthest = max(farthest, motion.positions[0])
            }
            #expect(abs(motion.positions[0] - 0.5) < 1e-9)
            return farthest
        }
        #expect(farthest(JointMotion(at: [0.5])) <= 0.5 + 1e-12)
        #expect(farthest(nil) > 0.55, "without knowing the end it cannot but pass it")
    }

    @Test func velocitiesAreFollowedAsFarAsTheLimitsAllow() {
        var motion = rest
        for _ in 0..<10 { motion = envelope.moved(at: [5], from: motion) }
        #expect(abs(motion.velocities[0] - 1) < 1e-9, "0.1 rad/s per tick")
        for _ in 0..<300 { motion = envelope.moved(at: [5], from: motion) }
        #expect(motion.positions[0] <= 1 && motion.isAtRest)
        #expect(envelope.moved(at: [.nan], from: motion) == envelope.braked(from: motion))
    }

    @Test func brakingEndsAtRestAndStaysThere() {
        var motion = JointMotion(positions: [0], velocities: [0.55])
        var ticks = 0
        while !motion.isAtRest {
            motion = envelope.braked(from: motion)
            ticks += 1
            if ticks > 100 { break }
        }
        #expect(ticks == 6, "0.55 rad/s at 0.1 rad/s per tick")
        #expect(envelope.braked(from: motion) == motion)
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func aReferenceThatIsNotFiniteIsRefused(bad: Double) {
        let moving = JointMotion(positions: [0.2], velocities: [0.5])
        #expect(envelope.limited([bad], movingAt: [0], from: moving) == envelope.braked(from: moving))
        #expect(envelope.limited([0.1], movingAt: [bad], from: moving) == envelope.braked(from: moving))
        #expect(envelope.limited([bad], movingAt: [bad], from: rest) == rest)
    }

    @Test func aReferenceBeyondALimitIsStoppedAtIt() {
        var motion = rest
        for _ in 0..<300 { motion = envelope.limited([5], movingAt: [3], from: motion) }
        #expect(abs(motion.positions[0] - 1) < 1e-9)
        #expect(abs(motion.velocities[0]) < 1e-6)
    }

    @Test func anArmFoundBeyondALimitOnlyComesBack() {
        var motion = JointMotion(at: [1.3])
        for wanted in [5.0, 1.3, 0.9] {
            for _ in 0..<100 {
                let next = envelope.limited([wanted], movingAt: [0], from: motion)
                #expect(next.positions[0] <= motion.positions[0] + 1e-12)
                #expect(motion.positions[0] - next.positions[0] <= 2 * 0.01 + 1e-12)
                motion = next
            }
        }
        #expect(abs(motion.positions[0] - 0.9) < 1e-9)
        let outside = JointMotion(at: [-1.4])
        #expect(envelope.braked(from: outside) == outside, "holding does not pull it anywhere")
    }

    /// The heart of it: whatever is asked, the numbers sent keep every limit.
    @Test func neverLeavesTheLimitsWhateverIsAsked() {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        for turn in 0..<200 {
            let count = Int.random(in: 1...8, using: &random)
            func numbers(_ range: ClosedRange<Double>) -> JointVector {
                JointVector((0..<count).map { _ in Double.random(in: range, using: &random) })
            }
            let period = [0.001, 0.004, 0.01, 0.02].randomElement(using: &random) ?? 0.01
            let envelope = SafetyEnvelope(
                lower: numbers(-3 ... -0.1), upper: numbers(0.1...3), velocity: numbers(0.2...6),
                acceleration: numbers(0.5...60), period: period)
            var motion = JointMotion(at: numbers(-0.1...0.1))
            var wanted = motion.positions
            for tick in 0..<500 {
                let last = motion
                switch Int.random(in: 0..<10, using: &random) {
                case 0: wanted = numbers(-10...10)
                case 1: wanted[0] = .nan
                case 2: motion = envelope.braked(from: motion)
                case 3: wanted = motion.positions
                default: wanted = wanted + numbers(-0.05...0.05)
                }
                if motion == last { motion = envelope.limited(wanted, movingAt: numbers(-8...8), from: motion) }
                expectLegal(last, motion, envelope, "seed \(random.seed) turn \(turn) tick \(tick)")
            }
            for _ in 0..<Int(6 / 0.5 / period) + 2 {
                let last = motion
                motion = envelope.braked(from: motion)
                expectLegal(last, motion, envelope, "seed \(random.seed) turn \(turn) braking")
            }
            #expect(motion.isAtRest)
        }
    }

    private func expectLegal(_ last: JointMotion, _ next: JointMotion, _ envelope: SafetyEnvelope, _ where_: String) {
        let epsilon = 1e-9
        var isLegal = next.positions.isFinite && next.velocities.isFinite
        for joint in 0..<next.positions.count {
            let q = next.positions[joint]
            let v = (q - last.positions[joint]) / envelope.period
            let change = (v - last.velocities[joint]) / envelope.period
            isLegal =
                isLegal && q >= envelope.lower[joint] && q <= envelope.upper[joint]
                && abs(v) <= envelope.velocity[joint] + epsilon
                && abs(change) <= envelope.acceleration[joint] + epsilon / envelope.period
                && abs(v - next.velocities[joint]) < epsilon
        }
        #expect(isLegal, "\(where_): \(last) -> \(next)")
    }
}
