import Geometry

/// Finds joint angles near given ones that bring the end effector to a pose. Holds no memory: the same question has
/// the same answer.
///
/// Levenberg-Marquardt on the pose error with the damping proportional to it (Sugihara, "Solvability-unconcerned inverse
/// kinematics by the Levenberg-Marquardt method", IEEE Trans. Robotics 27(5), 2011): quadratic near a solution, and
/// calm where there is none or the arm is singular. Joints that stand at a limit and would leave it are taken out of
/// the step (an active set), so the rest still does what it can. Real-time safe: no allocation, at most
/// `maximumIterations` rounds.
package struct InverseKinematics: Sendable, BitwiseCopyable {
    /// The best configuration found.
    package struct Solution: Equatable, Sendable, BitwiseCopyable {
        /// Radians, within the limits.
        package var positions: JointVector
        /// Metres between wanted and found tool point.
        package var translationError: Double
        /// Radians between wanted and found orientation.
        package var rotationError: Double
        /// Whether the pose was met, to `tolerance`. When not, `positions` is as close as the arm gets from there:
        /// the pose is out of reach, behind a joint limit, or on the far side of a singularity.
        package var isReached: Bool
        /// Rounds used.
        package var iterations: Int
    }

    /// A pose counts as met within this many metres and radians.
    package static let tolerance = 1e-6
    /// Bridge's own solver stops after 40 as well; from a step away 4 are usual.
    package static let maximumIterations = 40
    /// Metres that one radian of orientation error weighs as much as. It decides only how an arm that cannot meet the
    /// pose shares the error out; 0.1 m favours position, as a 5-joint arm needs.
    private static let rotationWeight = 0.1

    package let chain: KinematicChain
    private let lower: JointVector
    private let upper: JointVector

    /// - Parameters:
    ///   - lower: lowest angles allowed, radians.
    ///   - upper: highest angles allowed, radians.
    package init(chain: KinematicChain, lower: JointVector, upper: JointVector) {
        precondition(lower.count == chain.count && upper.count == chain.count, "one limit for each joint")
        self.chain = chain
        self.lower = lower
        self.upper = upper
    }

    /// - Parameters:
    ///   - target: `baseFromEEF` wanted; metres.
    ///   - seed: radians; the answer is on the same branch (same elbow, same wrist). Outside the limits it is clamped.
    package func solve(_ target: Pose, near seed: JointVector) -> Solution {
        var positions = clamped(seed)
        var error = PoseError(from: chain.baseFromEEF(positions), to: target)
        var caution = 1.0
        var iterations = 0
        while iterations < Self.maximumIterations {
            iterations += 1
            // Well below the tolerance: the last quadratic round is nearly free and leaves no residue to accumulate.
            if error.cost < 1e-22 { break }
            let step = step(from: positions, error: error, damping: caution * error.cost + 1e-12)
            let trial = clamped(positions + step)
            let trialError = PoseError(from: chain.baseFromEEF(trial), to: target)
            if trialError.cost < error.cost {
                let gain = error.cost - trialError.cost
                let isStuck = gain < 1e-9 * error.cost
                positions = trial
                error = trialError
                caution = max(1, caution / 4)
                if isStuck { break }
            } else {
                caution *= 8
                if caution > 1e12 { break }
            }
        }
        return Solution(
            positions: positions, translationError: error.translation.length, rotationError: error.rotation.length,
            isReached: error.translation.length <= Self.tolerance && error.rotation.length <= Self.tolerance,
            iterations: iterations)
    }

    /// Metres and radians from the present pose to the wanted one, base axes.
    private struct PoseError {
        let translation: Vector3
        let rotation: Vector3
        /// Half the weighted square, m².
        let cost: Double

        init(from present: Pose, to wanted: Pose) {
            translation = wanted.translation - present.translation
            rotation = (wanted.rotation * present.rotation.inverse).vector
            let weight = InverseKinematics.rotationWeight * InverseKinematics.rotationWeight
            cost = 0.5 * (translation.dot(translation) + weight * rotation.dot(rotation))
        }
    }

    /// Solves (Jᵀ W J + λ I) Δq = Jᵀ W e over the joints that may move.
    private func step(from positions: JointVector, error: PoseError, damping: Double) -> JointVector {
        let n = chain.count
        let jacobian = chain.jacobian(positions)
        let weight = Self.rotationWeight * Self.rotationWeight
        var gradient = JointVector(repeating: 0, count: n)
        var mayMove: UInt8 = 0
        for j in 0..<n {
            gradient[j] =
                jacobian[j].linear.dot(error.translation) + weight * jacobian[j].angular.dot(error.rotation)
            let leaves =
                (positions[j] >= upper[j] && gradient[j] > 0) || (positions[j] <= lower[j] && gradient[j] < 0)
            if !leaves { mayMove |= 1 << j } else { gradient[j] = 0 }
        }
        var matrix = InlineArray<64, Double>(repeating: 0)
        for row in 0..<n {
            for column in 0...row where mayMove & (1 << row) != 0 && mayMove & (1 << column) != 0 {
                matrix[row * 8 + column] =
                    jacobian[row].linear.dot(jacobian[column].linear)
                    + weight * jacobian[row].angular.dot(jacobian[column].angular)
            }
            // A joint that may not move keeps a row of its own with right-hand side 0: its step is 0.
            matrix[row * 8 + row] += mayMove & (1 << row) != 0 ? damping : 1
        }
        return Self.solve(&matrix, gradient)
    }

    /// Cholesky factorisation in the lower triangle of `matrix` ([n, n], rows 8 apart, positive definite), then both
    /// substitutions.
    private static func solve(_ matrix: inout InlineArray<64, Double>, _ right: JointVector) -> JointVector {
        let n = right.count
        var x = right
        for i in 0..<n {
            for j in 0...i {
                var sum = matrix[i * 8 + j]
                for k in 0..<j { sum -= matrix[i * 8 + k] * matrix[j * 8 + k] }
                // The damping keeps the diagonal positive; the floor holds where rounding ate it.
                matrix[i * 8 + j] = i == j ? max(sum, 1e-15).squareRoot() : sum / matrix[j * 8 + j]
            }
            var sum = x[i]
            for k in 0..<i { sum -= matrix[i * 8 + k] * x[k] }
            x[i] = sum / matrix[i * 8 + i]
        }
        for i in (0..<n).reversed() {
            var sum = x[i]
            for k in i + 1..<n { sum -= matrix[k * 8 + i] * x[k] }
            x[i] = sum / matrix[i * 8 + i]
        }
        return x
    }

    private func clamped(_ positions: JointVector) -> JointVector {
        var result = positions
        for j in 0..<positions.count { result[j] = min(max(positions[j], lower[j]), upper[j]) }
        return result
    }
}
