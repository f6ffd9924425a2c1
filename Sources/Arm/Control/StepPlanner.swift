import Kinematics
import Maths
import Messages

/// The end to which one policy step leads: the commanded configuration and pose there.
struct StepTarget: Sendable, BitwiseCopyable {
    /// Joint angles, radians.
    var positions: JointVector
    /// The pose that the next end-effector delta accumulates on.
    var baseFromEEF: Pose
    /// Whether a limit, the workspace, or the reach of the arm cut it short.
    var isClamped = false
}

/// Turns actions into step targets. Pure; real-time safe.
struct StepPlanner: Sendable, BitwiseCopyable {
    let inverseKinematics: InverseKinematics
    let lower: JointVector
    let upper: JointVector
    /// Highest speeds, radians per second.
    let velocity: JointVector
    let workspace: ArmCalibration.Workspace
    /// The most that a step may go along each axis, metres.
    let translationLimit: Double
    /// The most that a step may turn about each axis, radians.
    let rotationLimit: Double

    init(_ calibration: ArmCalibration) {
        lower = calibration.lower
        upper = calibration.upper
        velocity = calibration.velocity
        inverseKinematics = InverseKinematics(chain: calibration.chain, lower: lower, upper: upper)
        workspace = calibration.workspace
        translationLimit = calibration.stepLimits.translation
        rotationLimit = calibration.stepLimits.rotation
    }

    /// The target that stands for standing still at `positions`.
    func target(at positions: JointVector) -> StepTarget {
        StepTarget(positions: positions, baseFromEEF: inverseKinematics.chain.baseFromEEF(positions))
    }

    /// The target to which `action` leads from `previous`, the target of the step before.
    /// - Parameter seconds: how long the step lasts.
    func target(of action: Action, lasting seconds: Double, after previous: StepTarget) -> StepTarget {
        var target =
            switch action.space {
            case .eefDelta, .eefAbsolute: endEffectorTarget(of: action, after: previous)
            case .jointPosition: jointTarget(of: action, after: previous, isIncrement: false)
            case .jointDelta: jointTarget(of: action, after: previous, isIncrement: true)
            }
        slowDown(&target, after: previous, over: seconds)
        return target
    }

    private func endEffectorTarget(of action: Action, after previous: StepTarget) -> StepTarget {
        // Not as array literals: of numbers that are not constants, those are made on the heap first.
        let position = Vector3(action[0], action[1], action[2])
        let angles = Vector3(action[3], action[4], action[5])
        let start = previous.baseFromEEF.translation
        let isDelta = action.space == .eefDelta
        let asked = isDelta ? position : position - start
        // The way to an absolute orientation is the turn about fixed base axes that leads there.
        let askedTurn =
            isDelta
            ? angles
            : (BridgeConvention.baseFromEEF(rollPitchYaw: angles) * previous.baseFromEEF.rotation.inverse).vector
        let shift = isDelta ? clamped(asked, to: translationLimit) : shortened(asked, to: translationLimit)
        let turn = isDelta ? clamped(askedTurn, to: rotationLimit) : shortened(askedTurn, to: rotationLimit)
        var wanted: Pose
        if isDelta {
            wanted = BridgeConvention.accumulated(
                translation: shift, rollPitchYaw: turn, on: previous.baseFromEEF, rotationCentre: start)
        } else {
            wanted = Pose(
                rotation: (Rotation(vector: turn) * previous.baseFromEEF.rotation).normalized,
                translation: start + shift)
        }
        let unbounded = wanted.translation
        // Outside the box (an arm may start there) the way back in is walked, not jumped.
        wanted.translation = unbounded.clamped(lowerBound: workspace.lower, upperBound: workspace.upper)
            .clamped(
                lowerBound: start - Vector3(repeating: translationLimit),
                upperBound: start + Vector3(repeating: translationLimit))
        let solution = inverseKinematics.solve(wanted, near: previous.positions)
        var target = previous
        target.positions = solution.positions
        target.isClamped =
            shift != asked || turn != askedTurn || wanted.translation != unbounded || !solution.isReached
        // What cannot be reached must not pile up in the commanded pose: going back would first have to work it off.
        target.baseFromEEF =
            solution.isMet ? wanted : inverseKinematics.chain.baseFromEEF(solution.positions)
        return target
    }

    /// Each axis by itself, as the Bridge robot service limits increments.
    private func clamped(_ vector: Vector3, to limit: Double) -> Vector3 {
        vector.clamped(lowerBound: Vector3(repeating: -limit), upperBound: Vector3(repeating: limit))
    }

    /// All axes alike: what is left of the way to an absolute target still points at it.
    private func shortened(_ vector: Vector3, to limit: Double) -> Vector3 {
        let largest = max(abs(vector.x), abs(vector.y), abs(vector.z))
        return largest > limit ? vector * (limit / largest) : vector
    }

    private func jointTarget(of action: Action, after previous: StepTarget, isIncrement: Bool) -> StepTarget {
        var target = previous
        target.isClamped = false
        for joint in 0..<lower.count {
            let wanted = (isIncrement ? previous.positions[joint] : 0) + action[joint]
            target.positions[joint] = min(max(wanted, lower[joint]), upper[joint])
            if target.positions[joint] != wanted { target.isClamped = true }
        }
        target.baseFromEEF = inverseKinematics.chain.baseFromEEF(target.positions)
        stayInTheBox(&target, after: previous)
        return target
    }

    /// Shortens a step whose end would be outside the workspace box, or further outside than its start, all joints
    /// alike.
    private func stayInTheBox(_ target: inout StepTarget, after previous: StepTarget) {
        let start = workspace.outside(previous.baseFromEEF.translation)
        // More than rounding: a way along the wall is no way out.
        func leaves(_ point: Vector3) -> Bool {
            let beyond = workspace.outside(point) - start
            return max(beyond.x, beyond.y, beyond.z) > 1e-9
        }
        guard leaves(target.baseFromEEF.translation) else { return }
        let way = target.positions - previous.positions
        var (inside, beyond) = (0.0, 1.0)
        // 2^-20 of a step is below anything a servo resolves.
        for _ in 0..<20 {
            let middle = (inside + beyond) / 2
            let point = inverseKinematics.chain.baseFromEEF(previous.positions + way * middle).translation
            if leaves(point) { beyond = middle } else { inside = middle }
        }
        target.positions = previous.positions + way * inside
        target.baseFromEEF = inverseKinematics.chain.baseFromEEF(target.positions)
        target.isClamped = true
    }

    /// Shortens a step that would need more than the joints' top speed, all joints alike so that the direction stays.
    private func slowDown(_ target: inout StepTarget, after previous: StepTarget, over seconds: Double) {
        let way = target.positions - previous.positions
        var excess = 1.0
        for joint in 0..<way.count { excess = max(excess, abs(way[joint]) / (velocity[joint] * seconds)) }
        guard excess > 1 else { return }
        target.positions = previous.positions + way * (1 / excess)
        target.baseFromEEF = inverseKinematics.chain.baseFromEEF(target.positions)
        target.isClamped = true
    }
}
