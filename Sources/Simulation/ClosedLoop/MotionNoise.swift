import Maths

/// Disturbs what the arm carries out, so that demonstrations show how the expert comes back from where a policy may get
/// to.
///
/// Now and then a push that lasts some steps, and between pushes a little trembling. The gripper is left alone. Source:
/// Laskey et al., DART: Noise injection for robust imitation learning, 2017.
package struct MotionNoise: Equatable, Sendable {
    /// Numbers that are added to one action: Bridge's seven numbers.
    package struct Disturbance: Equatable, Sendable {
        /// What is added to each number of the action: metres, radians, opening.
        package var offset: [Double]
        /// Whether it belongs to a push: what follows answers to something that nobody could foresee.
        package var isBurst: Bool
    }

    /// How often a step begins a burst, and how many steps one lasts at most.
    package static let burstProbability = 0.16
    /// Most policy steps that a burst lasts.
    package static let longestBurst = 3
    /// Standard deviations of a burst of one step, metres and radians: about as far off as a small policy was seen to
    /// get in a few steps. A longer burst is as much weaker at each step as its length's square root.
    private static let burst = [0.014, 0.014, 0.010, 0.04, 0.04, 0.10]
    /// Standard deviation along each axis between bursts, metres.
    private static let tremor = 0.0015

    private let scale: Double
    private var dice: SplitMix64
    private var stepsLeft = 0
    private var push: [Double] = []

    /// Begins a sequence of disturbances.
    /// - Parameters:
    ///   - scale: factor of the standard deviations, greater than 0; 1 leaves them as they are here.
    ///   - seed: seed of the sequence: the same seed gives the same noise.
    package init(scale: Double, seed: UInt64) {
        precondition(scale > 0 && scale.isFinite, "noise has a size")
        self.scale = scale
        // Not the numbers that a scene draws from the same seed.
        dice = SplitMix64(seed: seed ^ 0x6D6F_7469_6F6E_0000)
    }

    /// The disturbance of the next policy step.
    package mutating func next() -> Disturbance {
        if stepsLeft == 0, dice.happens(Self.burstProbability) {
            stepsLeft = 1 + Int(dice.unit() * Double(Self.longestBurst))
            let share = scale / Double(stepsLeft).squareRoot()
            push = Self.burst.map { $0 * share * dice.normal() } + [0]
        }
        if stepsLeft > 0 {
            stepsLeft -= 1
            return Disturbance(offset: push, isBurst: true)
        }
        let shake = (0..<3).map { _ in Self.tremor * scale * dice.normal() }
        return Disturbance(offset: shake + [0, 0, 0, 0], isBurst: false)
    }
}
