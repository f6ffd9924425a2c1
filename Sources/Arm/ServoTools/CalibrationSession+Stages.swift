import ArmDrivers
import ServoProtocol

extension CalibrationSession {
    /// The furthest that the middle of a sweep may lie from where the first step had the joint: 20°, pulses.
    private static var largestMiddleError: Double { 228 }
    /// The least and the most that a sweep may show of what the joint can do by construction.
    static var shareOfSpan: ClosedRange<Double> { 0.9...1.25 }

    // MARK: - Loose

    /// Switches torque off, and makes the registers such that every position can be told.
    mutating func loosen() -> [Action] {
        isLoose = true
        for index in parts.indices { parts[index].position = nil }
        var actions: [Action] = layout.ids.map { .write(0, to: .torque, of: $0) }
        for id in layout.ids {
            if isFeetech {
                actions.append(.write(0, to: .lock, of: id))
                // One turn, 0 to 4095: offsets and limits are for that.
                let phase = before[id]?.values[.phase] ?? 0
                let single = phase & ~FeetechUnit.countsTurns
                if single != phase { actions.append(.write(single, to: .phase, of: id)) }
            }
            actions.append(.write(layout.servoProtocol.positionMode, to: .operatingMode, of: id))
        }
        for joint in layout.joints {
            guard let isReversed = joint.isReversed, !isFeetech else { continue }
            for (id, bit) in [(joint.id, isReversed)] + joint.shadows.map({ ($0, !isReversed) }) {
                actions.append(.write(bit ? 1 : 0, to: .driveMode, of: id))
            }
        }
        for index in parts.indices {
            let part = parts[index]
            // The gripper of a Dynamixel arm has its zero from its linkage.
            if isFeetech || index < jointIndices.upperBound {
                actions.append(.write(part.homingOffset ?? 0, to: .homingOffset, of: part.id))
            }
            actions.append(.write(0, to: .lowestPosition, of: part.id))
            actions.append(.write(4_095, to: .highestPosition, of: part.id))
        }
        if stage != .zero { actions += alignShadows() }
        return journaled(actions)
    }

    private func alignShadows() -> [Action] {
        layout.joints.flatMap { joint in joint.shadows.map { Action.align(shadow: $0, leader: joint.id) } }
    }

    // MARK: - Zero

    /// Takes the pose in which every joint stands at its zero, or in its middle: homing offsets follow.
    mutating func takeZero() -> [Action] {
        var offsets: [Int] = []
        for index in parts.indices where isFeetech || index < jointIndices.upperBound {
            guard let offset = isFeetech ? middleOffset(index) : zeroOffset(index) else { return [] }
            offsets.append(offset)
        }
        var actions: [Action] = []
        for (index, offset) in offsets.enumerated() {
            let position = parts[index].position ?? 0
            parts[index].homingOffset = offset
            parts[index].pose = isFeetech ? position - offset : position + offset
            actions.append(.write(offset, to: .homingOffset, of: parts[index].id))
        }
        forgetSweep()
        for index in parts.indices { parts[index].position = nil }
        stage = .sweep
        return journaled(actions + alignShadows())
    }

    /// The middle, as LeRobot has it: what is read is the encoder less the offset.
    private mutating func middleOffset(_ index: Int) -> Int? {
        let position = parts[index].position ?? 0
        let largest = layout.servoProtocol.largestOffset
        guard (0...4_095).contains(position) else {
            problem =
                "\(parts[index].name) reads \(position), outside of its one turn, 0 to 4095: its homing offset would "
                + "be "
                + "\(position - 2_047), and the register holds \(-largest) to \(largest). Turn the joint into the "
                + "middle of its range; if that does not help, switch the arm's power off and on, or mount its horn "
                + "again"
            return nil
        }
        // At the encoder's last pulse the middle is 2048: what counts is that the offset is what the servo holds.
        return min(position - 2_047, largest)
    }

    private mutating func zeroOffset(_ index: Int) -> Int? {
        let joint = layout.joints[index]
        let wanted = joint.zeroPulse - (parts[index].position ?? 0)
        let expected = joint.homingOffset ?? 0
        // A horn sits on splines: what a hand cannot place better than 5° is as it was.
        let offset = abs(wanted - expected) <= 60 ? expected : wanted
        if abs(offset) > layout.servoProtocol.largestOffset {
            problem =
                "\(parts[index].name) stands \(abs(wanted) * 360 / 4_096)° from its zero, more than the servo can "
                + "make up for (90°). Is it in its zero pose? Else mount its horn again"
            return nil
        }
        return offset
    }

    // MARK: - Sweep

    /// Why the sweep is not complete, or does not agree with the pose of the first step; all joints at once.
    var sweepProblem: String? {
        var (wrapped, short, long, beside): ([String], [String], [String], [String]) = ([], [], [], [])
        for index in jointIndices where !turnsFreely(index) {
            let part = parts[index]
            guard !part.hasWrapped else {
                wrapped.append(part.name)
                continue
            }
            let travel = part.seen.map { $0.upperBound - $0.lowerBound } ?? 0
            let isMoved = !isFeetech && part.homingOffset != layout.joints[index].homingOffset ?? 0
            // What stays where it is keeps the limits of the file, where the zero is the file's too.
            if !isFeetech, travel < 100, !isMoved { continue }
            let span = (spans[index].upperBound - spans[index].lowerBound) * Self.pulsesPerRadian
            let share = Double(travel) / span
            let extent = "\(part.name) (\(degrees(Double(travel))) of \(degrees(span)))"
            if share < (isFeetech || isMoved ? Self.shareOfSpan.lowerBound : 0.5) { short.append(extent) }
            if share > Self.shareOfSpan.upperBound { long.append(extent) }
            guard share >= Self.shareOfSpan.lowerBound, let error = middleError(index) else { continue }
            if error > Self.largestMiddleError { beside.append("\(part.name) (\(degrees(error)))") }
        }
        return [
            wrapped.isEmpty
                ? nil
                : "\(list(wrapped)) went past the end of its encoder: it was not in the middle of its range. Go back "
                    + "(b), and place the arm again",
            long.isEmpty
                ? nil
                : "turned further than it can by the calibration file: \(list(long)). Go back (b), and place the arm "
                    + "again; if the file is wrong, correct the joint's lower_rad and upper_rad",
            short.isEmpty
                ? nil : "not moved to both ends yet: \(list(short)). Move each as far as it goes, both ways",
            beside.isEmpty
                ? nil
                : "the middle of the sweep is not where step 1 had the joint: \(list(beside)) away. Move it as far as "
                    + "it goes, both ways; if you did, it was not in its place in step 1: go back (b), and place the "
                    + "arm again",
        ].compactMap { $0 }.first
    }

    /// How far the middle of a joint's sweep lies from where the first step had it, pulses.
    private func middleError(_ index: Int) -> Double? {
        guard let seen = parts[index].seen, let pose = parts[index].pose else { return nil }
        let middle = Double(seen.lowerBound + seen.upperBound) / 2
        if isFeetech { return abs(middle - Double(pose)) }
        // The pose is the zero here: the file says how the ends lie about it.
        guard parts[index].homingOffset != layout.joints[index].homingOffset ?? 0 else { return nil }
        let angle = (spans[index].lowerBound + spans[index].upperBound) / 2
        let expected =
            Double(layout.joints[index].zeroPulse) + Double(layout.joints[index].direction) * angle
            * Self.pulsesPerRadian
        return abs(middle - expected)
    }

    private func degrees(_ pulses: Double) -> String { "\(Int((pulses * 360 / 4_096).rounded()))°" }
    private func list(_ names: [String]) -> String { names.joined(separator: ", ") }
}
