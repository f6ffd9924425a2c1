import Maths

/// Finds joint angles near given ones that bring the end effector to a pose. Holds no memory: the same question has
/// the same answer.
///
/// Levenberg-Marquardt on the pose error with the damping proportional to it (Sugihara, "Solvability-unconcerned
/// inverse kinematics by the Levenberg-Marquardt method", IEEE Trans. Robotics 27(5), 2011): quadratic near a solution,
/// and calm where there is none or the arm is singular. Joints that stand at a limit and would leave it are taken out
/// of the step (an active set), so the rest still does what it can. Real-time safe: no allocation, at most
/// `maximumIterations` rounds.
package struct InverseKinematics: Sendable, BitwiseCopyable {
    /// The best configuration found.
    package struct Solution: Equatable, Sendable, BitwiseCopyable {
        /// Joint angles within the limits, radians.
        package var positions: JointVector
        /// Distance between wanted and found tool point, metres.
        package var translationError: Double
        /// Angle between wanted and found orientation, radians.
        package var rotationError: Double
        /// Whether position and orientation were both met, to `tolerance`.
        package var isMet: Bool
        /// Whether what this arm can meet was met: the pose with six joints or more; with fewer the position, and the
        /// orientation as nearly as they allow. When not, `positions` is as close as the arm gets from there.
        package var isReached: Bool { failure == nil }
        /// Why it was not reached.
        package var failure: Failure?
        /// How many rounds it took.
        package var iterations: Int
    }

    /// Why a pose was not reached.
    package enum Failure: Equatable, Sendable, BitwiseCopyable {
        /// This joint (from 0 at the base), and perhaps others, stands at its limit and would have to go on.
        case jointLimit(joint: Int)
        /// No small motion of any joint comes nearer: out of reach, or singular from there.
        case outOfReach
        /// Still coming nearer after `maximumIterations`.
        case tooManyIterations
    }

    /// The error up to which a pose counts as met, metres and radians.
    package static let tolerance = 1e-6
    /// The most rounds. Bridge's own solver stops after 40 as well; from a step away 4 are usual.
    package static let maximumIterations = 40
    package let chain: KinematicChain
    private let lower: JointVector
    private let upper: JointVector
    /// Metres that one radian of orientation error weighs as much as: how an arm that cannot meet the pose shares the
    /// error out. With fewer than six joints it never can, and the position is then made exact in a second stage.
    private let rotationWeight: Double

    /// Makes a solver for a chain whose joints stay within limits.
    /// - Parameters:
    ///   - lower: lowest angles allowed, radians.
    ///   - upper: highest angles allowed, radians.
    package init(chain: KinematicChain, lower: JointVector, upper: JointVector) {
        precondition(lower.count == chain.count && upper.count == chain.count, "one limit for each joint")
        self.chain = chain
        self.lower = lower
        self.upper = upper
        rotationWeight = chain.count >= 6 ? 0.1 : 0.03
    }

    /// Finds joint angles within the limits at which the end effector has a pose, or comes as near to it as they allow.
    /// - Parameters:
    ///   - target: the pose that is wanted, `baseFromEEF`; metres.
    ///   - seed: the angles to begin from, radians; the answer is on the same branch (same elbow, same wrist). Outside
    ///     the limits it is clamped.
    package func solve(_ target: Pose, near seed: JointVector) -> Solution {
        var positions = clamped(seed)
        var error = PoseError(from: chain.baseFromEEF(positions), to: target, weight: rotationWeight)
        var caution = 1.0
        var iterations = 0
        while iterations < Self.maximumIterations {
            iterations += 1
            // Well below the tolerance: the last quadratic round is nearly free and leaves no residue to accumulate.
            if error.cost < 1e-22 { break }
            let damping = caution * error.cost + 1e-12
            let step = step(from: positions, linear: error.translation, angular: error.rotation, damping: damping)
            let trial = clamped(positions + step)
            let trialError = PoseError(from: chain.baseFromEEF(trial), to: target, weight: rotationWeight)
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
        if chain.count < 6 { meetPosition(&positions, &error, target) }
        let isPlaced = error.translation.length <= Self.tolerance
        let isMet = isPlaced && error.rotation.length <= Self.tolerance
        let isReached = chain.count < 6 ? isPlaced : isMet
        return Solution(
            positions: positions, translationError: error.translation.length, rotationError: error.rotation.length,
            isMet: isMet, failure: isReached ? nil : failure(at: positions, error, iterations), iterations: iterations)
    }

    /// The joint velocities (radians per second) that come nearest to moving the tool at `linear` (m/s) and `angular`
    /// (rad/s, both in base axes): damped least squares, calm where the arm is singular. Joints at a limit do not leave
    /// it. Real-time safe.
    package func velocities(linear: Vector3, angular: Vector3, at positions: JointVector) -> JointVector {
        // 1e-4 m²: a direction in which the tool moves less than 1 cm per radian fades out.
        step(from: positions, linear: linear, angular: angular, damping: 1e-4)
    }

    /// Moves the tool point onto the wanted one with the smallest turns of the joints: what the orientation could not
    /// have is not taken from the position. Keeps what it found if that comes nearer.
    private func meetPosition(_ positions: inout JointVector, _ error: inout PoseError, _ target: Pose) {
        for _ in 0..<8 where error.translation.length > 1e-11 {
            let step = positionStep(from: positions, linear: error.translation)
            let trial = clamped(positions + step)
            let trialError = PoseError(from: chain.baseFromEEF(trial), to: target, weight: rotationWeight)
            guard trialError.translation.length < error.translation.length else { return }
            positions = trial
            error = trialError
        }
    }

    /// Δq = Jᵀ (J Jᵀ + λ I)⁻¹ e of the three position rows, over the joints that are not held by a limit.
    private func positionStep(from positions: JointVector, linear: Vector3) -> JointVector {
        let jacobian = chain.jacobian(positions)
        var matrix = InlineArray<64, Double>(repeating: 0)
        for joint in 0..<chain.count where !isHeld(joint, positions, toward: jacobian[joint].linear.dot(linear)) {
            let column = jacobian[joint].linear
            for row in 0..<3 { for other in 0...row { matrix[row * 8 + other] += column[row] * column[other] } }
        }
        for row in 0..<3 { matrix[row * 8 + row] += 1e-9 }
        var right = JointVector(repeating: 0, count: 3)
        for row in 0..<3 { right[row] = linear[row] }
        let force = Self.solve(&matrix, right)
        let push = Vector3(force[0], force[1], force[2])
        var step = JointVector(repeating: 0, count: chain.count)
        for joint in 0..<chain.count where !isHeld(joint, positions, toward: jacobian[joint].linear.dot(linear)) {
            step[joint] = jacobian[joint].linear.dot(push)
        }
        return step
    }

    private func isHeld(_ joint: Int, _ positions: JointVector, toward direction: Double) -> Bool {
        (positions[joint] >= upper[joint] && direction > 0) || (positions[joint] <= lower[joint] && direction < 0)
    }

    private func failure(at positions: JointVector, _ error: PoseError, _ iterations: Int) -> Failure {
        let jacobian = chain.jacobian(positions)
        let weight = rotationWeight * rotationWeight
        for joint in 0..<chain.count {
            let gradient =
                jacobian[joint].linear.dot(error.translation) + weight * jacobian[joint].angular.dot(error.rotation)
            if isHeld(joint, positions, toward: gradient) { return .jointLimit(joint: joint) }
        }
        return iterations >= Self.maximumIterations ? .tooManyIterations : .outOfReach
    }

    /// Metres and radians from the present pose to the wanted one, base axes.
    private struct PoseError {
        let translation: Vector3
        let rotation: Vector3
        /// Half the weighted square, m².
        let cost: Double

        init(from present: Pose, to wanted: Pose, weight rotationWeight: Double) {
            translation = wanted.translation - present.translation
            rotation = (wanted.rotation * present.rotation.inverse).vector
            let weight = rotationWeight * rotationWeight
            cost = 0.5 * (translation.dot(translation) + weight * rotation.dot(rotation))
        }
    }

    /// Solves (Jᵀ W J + λ I) Δq = Jᵀ W e over the joints that may move.
    private func step(
        from positions: JointVector, linear: Vector3, angular: Vector3, damping: Double
    ) -> JointVector {
        let n = chain.count
        let jacobian = chain.jacobian(positions)
        let weight = rotationWeight * rotationWeight
        var gradient = JointVector(repeating: 0, count: n)
        var mayMove: UInt8 = 0
        for j in 0..<n {
            gradient[j] =
                jacobian[j].linear.dot(linear) + weight * jacobian[j].angular.dot(angular)
            if !isHeld(j, positions, toward: gradient[j]) { mayMove |= 1 << j } else { gradient[j] = 0 }
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
