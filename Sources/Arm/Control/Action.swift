import Messages

/// One action, stored in place: what the policy, or a mean of several chunks, asks for at one timestep.
struct Action: Equatable, Sendable, BitwiseCopyable {
    /// Numbers of the action as `ActionSpace` says; lanes at and beyond `dimension` are 0.
    var numbers: SIMD16<Double>
    let dimension: Int
    let space: ActionSpace

    subscript(element: Int) -> Double {
        get { numbers[element] }
        set { numbers[element] = newValue }
    }

    /// What the gripper is asked for: always the last number.
    var gripper: Double { numbers[dimension - 1] }

    /// An action between `self` (`share` 0) and `other` (`share` 1) element by element, angles the short way round. A
    /// gripper is asked for one or the other: half-way between open and closed is neither's wish.
    func mixed(with other: Action, share: Double) -> Action {
        var result = self
        for element in 0..<dimension - 1 {
            result[element] += share * (nearest(other[element], to: self[element], element: element) - self[element])
        }
        result[dimension - 1] = share < 0.5 ? gripper : other.gripper
        return result
    }

    /// `value`, or where it is an angle that can be turned round fully, the same angle nearest to `reference`.
    private func nearest(_ value: Double, to reference: Double, element: Int) -> Double {
        Self.isOrientation(element, in: space) ? Self.unwrapped(value, near: reference) : value
    }

    static func isOrientation(_ element: Int, in space: ActionSpace) -> Bool {
        space == .eefAbsolute && (3...5).contains(element)
    }

    /// The angle that differs from `value` by whole turns and is nearest to `reference`, radians.
    static func unwrapped(_ value: Double, near reference: Double) -> Double {
        let turns = ((value - reference) / (2 * .pi)).rounded()
        return turns.isFinite ? value - turns * 2 * .pi : value
    }
}

extension ActionSpace {
    /// Whether the numbers say where to be, not how far to go.
    var isAbsolute: Bool {
        switch self {
        case .eefAbsolute, .jointPosition: true
        case .eefDelta, .jointDelta: false
        }
    }
}

extension FixedActionChunk {
    /// What is asked for in step `step`, begun `phase` of a step later than the chunk meant it to be.
    ///
    /// Actions that say where to be are read at the time they will be reached, between this step and the next: so
    /// wherever a chunk takes over, the arm is led on and never a part of a step back. Actions that say how far to go
    /// are executed whole.
    /// - Parameter phase: how late the step begins, as a share of it, 0..<1.
    func action(_ step: Int, phase: Double) -> Action {
        let present = action(step)
        guard phase > 0, actionSpace.isAbsolute, step + 1 < actionHorizon else { return present }
        var result = present.mixed(with: action(step + 1), share: phase)
        result[actionDimension - 1] = present.gripper
        return result
    }

    private func action(_ step: Int) -> Action {
        var numbers = SIMD16<Double>()
        for element in 0..<actionDimension { numbers[element] = self[step, element] }
        return Action(numbers: numbers, dimension: actionDimension, space: actionSpace)
    }
}
