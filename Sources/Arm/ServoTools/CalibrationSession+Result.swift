import ArmDrivers

extension CalibrationSession {
    /// The layout that has been measured; the one it began with where nothing was.
    package var result: ServoLayout {
        var result = layout
        for index in jointIndices {
            let part = parts[index]
            guard let offset = part.homingOffset else { continue }
            result.joints[index].homingOffset = offset
            let seen = part.seen ?? layout.joints[index].limits
            if turnsFreely(index) {
                if isFeetech { result.joints[index].zeroPulse = part.pose ?? 2_047 }
            } else if isFeetech {
                result.joints[index].limits = seen
                result.joints[index].zeroPulse = zeroPulse(of: index, seen: seen)
            } else if seen.upperBound - seen.lowerBound >= 100 {
                let file = layout.joints[index].limits
                let lower = min(max(seen.lowerBound, file.lowerBound), file.upperBound - 1)
                result.joints[index].limits = lower...max(lower + 1, min(seen.upperBound, file.upperBound))
            }
        }
        guard let closed = closedPulse, let open = openPulse else { return result }
        if isFeetech { result.gripper.homingOffset = parts[jointIndices.upperBound].homingOffset }
        result.gripper.limits = min(closed, open)...max(closed, open)
        if case .linear = layout.gripper.linkage {
            result.gripper.linkage = .linear(closedPulse: closed, openPulse: open)
        }
        return result
    }

    /// The middle of what was swept is the middle of what the joint can do: the ends are where they are by
    /// construction, and a hand places the arm no better than some degrees.
    private func zeroPulse(of joint: Int, seen: ClosedRange<Int>) -> Int {
        let middle = Double(seen.lowerBound + seen.upperBound) / 2
        let angle = (spans[joint].lowerBound + spans[joint].upperBound) / 2
        return Int((middle - Double(layout.joints[joint].direction) * angle * Self.pulsesPerRadian).rounded())
    }

    /// The servos get the limits of the result.
    func finished() -> [Action] {
        let result = result
        var actions: [Action] = []
        // A shadow that took goals which its leader refuses would work against it.
        let ranges =
            result.parts.map { ($0.id, $0.limits) }
            + result.joints.flatMap { joint in joint.shadows.map { ($0, joint.limits) } }
        for (id, limits) in ranges {
            actions.append(.write(limits.lowerBound, to: .lowestPosition, of: id))
            actions.append(.write(limits.upperBound, to: .highestPosition, of: id))
        }
        return actions + locked()
    }

    /// The servos get back all that they remembered at first; torque stays off, since nobody knows where a goal is.
    func restored() -> [Action] {
        var actions: [Action] = layout.ids.map { .write(0, to: .torque, of: $0) }
        for id in layout.ids {
            for field in ServoField.calibrated {
                if let value = before[id]?.values[field] { actions.append(.write(value, to: field, of: id)) }
            }
        }
        return actions + locked()
    }

    private func locked() -> [Action] { isFeetech ? layout.ids.map { .write(1, to: .lock, of: $0) } : [] }
}
