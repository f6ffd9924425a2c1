import ArmDrivers

/// Leads a person through the calibration of one arm: positions and answers in, register writes and prompts out.
///
/// Nothing here touches a servo: whoever runs it carries the actions out, in order, and feeds what the servos say.
package struct CalibrationSession: Sendable {
    /// What the person is asked to do.
    package enum Stage: String, CaseIterable, Sendable {
        case zero
        case sweep
        case gripperClosed = "gripper_closed"
        case gripperOpen = "gripper_open"
        case review
    }
    package enum Answer: Sendable {
        case next
        case back
        case quit
    }
    package enum Action: Equatable, Sendable {
        case write(Int, to: ServoField, of: UInt8)
        /// Set the shadow's homing offset so that it stands where its leader does.
        case align(shadow: UInt8, leader: UInt8)
        /// Keep `draft`, so that the session can go on another time.
        case keepDraft
        /// Keep `result` in the calibration file; the draft is no longer needed.
        case save
        /// Nothing is kept; the session is over.
        case discard
    }
    /// A joint or the gripper, and what is known of its servo by now.
    package struct Part: Equatable, Sendable {
        package var id: UInt8
        package var name: String
        /// Newest position, pulses.
        package var position: Int?
        /// Positions it was seen at during the sweep.
        package var seen: ClosedRange<Int>?
        /// It went past the end of its encoder during the sweep.
        package var hasWrapped = false
        package var homingOffset: Int?
    }
    /// What a servo's registers say, pulses.
    package struct Registers: Equatable, Sendable {
        package var homingOffset: Int
        package var limits: ClosedRange<Int>

        package init(homingOffset: Int, limits: ClosedRange<Int>) {
            self.homingOffset = homingOffset
            self.limits = limits
        }
    }

    package let layout: ServoLayout
    /// Of all servos, by id, before anything was changed.
    package let before: [UInt8: Registers]
    /// How far each joint can turn by the arm's construction, radians.
    private let spans: [ClosedRange<Double>]
    package internal(set) var stage = Stage.zero
    /// Joints from base to wrist, then the gripper.
    package internal(set) var parts: [Part]
    package internal(set) var closedPulse: Int?
    package internal(set) var openPulse: Int?
    /// Why the last answer did not lead on; nil if it did.
    package private(set) var problem: String?
    package private(set) var isOver = false

    /// - Parameters:
    ///   - names: of the joints.
    ///   - spans: the joints' limits in the calibration file, radians.
    ///   - before: what the servos' registers say, by id.
    package init(
        layout: ServoLayout, names: [String], spans: [ClosedRange<Double>], before: [UInt8: Registers]
    ) {
        self.layout = layout
        self.spans = spans
        self.before = before
        parts = zip(layout.leaders, names + ["gripper"]).map { Part(id: $0, name: $1) }
    }

    private var jointIndices: Range<Int> { parts.indices.dropLast() }
    private var isFeetech: Bool { layout.servoProtocol == .feetech }
    private static var pulsesPerRadian: Double { 4_096 / (2 * .pi) }

    /// A joint without ends is not swept.
    private func turnsFreely(_ joint: Int) -> Bool { layout.joints[joint].limits == 0...4_095 }

    // MARK: - Events

    /// What has to be done before the first stage, or to go on with a draft.
    package func begin() -> [Action] {
        var actions: [Action] = []
        for id in layout.ids { actions.append(.write(0, to: .torque, of: id)) }
        for id in layout.ids {
            if isFeetech { actions.append(.write(0, to: .lock, of: id)) }
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
        return actions + [.keepDraft]
    }

    /// What the servos say, pulses by id.
    package mutating func observe(_ positions: [UInt8: Int]) {
        for index in parts.indices {
            guard let position = positions[parts[index].id] else { continue }
            let former = parts[index].position
            parts[index].position = position
            guard stage == .sweep, index < jointIndices.upperBound, !turnsFreely(index) else { continue }
            // Half a turn between two looks: it passed the end of the encoder.
            if let former, abs(position - former) > 2_048 { parts[index].hasWrapped = true }
            let seen = parts[index].seen ?? position...position
            parts[index].seen = min(seen.lowerBound, position)...max(seen.upperBound, position)
        }
    }

    package mutating func answer(_ answer: Answer) -> [Action] {
        problem = nil
        switch answer {
        case .next: return goOn()
        case .back: return goBack()
        case .quit:
            isOver = true
            return restored() + [.discard]
        }
    }

    private mutating func goOn() -> [Action] {
        guard parts.allSatisfy({ $0.position != nil }) else {
            problem = "not every servo has answered yet; wait a moment"
            return []
        }
        switch stage {
        case .zero: return takeZero()
        case .sweep:
            if let missing = sweepProblem {
                problem = missing
                return []
            }
            stage = .gripperClosed
        case .gripperClosed:
            closedPulse = parts[jointIndices.upperBound].position
            stage = .gripperOpen
        case .gripperOpen:
            let pulse = parts[jointIndices.upperBound].position ?? 0
            if abs(pulse - (closedPulse ?? 0)) < 100 {
                problem = "the gripper stands almost where it stood closed; open it fully, or go back (b)"
                return []
            }
            openPulse = pulse
            stage = .review
        case .review:
            isOver = true
            return finished() + [.save]
        }
        return [.keepDraft]
    }

    private mutating func goBack() -> [Action] {
        switch stage {
        case .zero: return []
        case .sweep:
            stage = .zero
            for index in parts.indices { parts[index].homingOffset = nil }
            return begin()
        case .gripperClosed:
            stage = .sweep
            forgetSweep()
        case .gripperOpen: stage = .gripperClosed
        case .review: stage = .gripperOpen
        }
        return [.keepDraft]
    }

    private mutating func forgetSweep() {
        for index in parts.indices {
            parts[index].seen = nil
            parts[index].hasWrapped = false
        }
    }

    // MARK: - Stages

    /// Every joint stands at its zero: homing offsets follow.
    private mutating func takeZero() -> [Action] {
        var offsets: [Int] = []
        for index in parts.indices {
            let position = parts[index].position ?? 0
            if isFeetech {
                // The middle, as LeRobot has it; what is read is the encoder less the offset.
                offsets.append(min(max(position - 2_047, -2_047), 2_047))
            } else if index < jointIndices.upperBound {
                let joint = layout.joints[index]
                let wanted = joint.zeroPulse - position
                let expected = joint.homingOffset ?? 0
                // A horn sits on splines: what a hand cannot place better than 5° is as it was.
                let offset = abs(wanted - expected) <= 60 ? expected : wanted
                if abs(offset) > ServoAlignment.largestOffset {
                    problem = "\(parts[index].name) stands \(abs(wanted) * 360 / 4_096)° from its zero, more than the servo can "
                        + "make up for (90°). Is it in its zero pose? Else mount its horn again"
                    return []
                }
                offsets.append(offset)
            }
        }
        var actions: [Action] = []
        for (index, offset) in offsets.enumerated() {
            parts[index].homingOffset = offset
            actions.append(.write(offset, to: .homingOffset, of: parts[index].id))
        }
        forgetSweep()
        for index in parts.indices { parts[index].position = nil }
        stage = .sweep
        return actions + alignShadows() + [.keepDraft]
    }

    private func alignShadows() -> [Action] {
        layout.joints.flatMap { joint in joint.shadows.map { Action.align(shadow: $0, leader: joint.id) } }
    }

    /// Why the sweep is not complete.
    private var sweepProblem: String? {
        var unswept: [String] = []
        for index in jointIndices where !turnsFreely(index) {
            let part = parts[index]
            if part.hasWrapped {
                return "\(part.name) went past the end of its encoder: it was not in the middle of its range. Go back (b), and "
                    + "place the arm again"
            }
            let travel = part.seen.map { $0.upperBound - $0.lowerBound } ?? 0
            // What stays where it is keeps the limits of the file, where the zero is the file's too.
            if !isFeetech, travel < 100 { continue }
            let span = (spans[index].upperBound - spans[index].lowerBound) * Self.pulsesPerRadian
            if Double(travel) < 0.5 * span { unswept.append(part.name) }
        }
        return unswept.isEmpty
            ? nil : "not moved to both ends yet: \(unswept.joined(separator: ", ")). Move each as far as it goes, both ways"
    }

    // MARK: - Result

    /// The layout that has been measured; the one it began with where nothing was.
    package var result: ServoLayout {
        var result = layout
        for index in jointIndices {
            let part = parts[index]
            guard let offset = part.homingOffset else { continue }
            result.joints[index].homingOffset = offset
            let seen = part.seen ?? layout.joints[index].limits
            if turnsFreely(index) {
                if isFeetech { result.joints[index].zeroPulse = 2_047 }
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
        if case .linear = layout.gripper.linkage { result.gripper.linkage = .linear(closedPulse: closed, openPulse: open) }
        return result
    }

    /// The middle of what was swept is the middle of what the joint can do: the ends are where they are by construction,
    /// and a hand places the arm no better than some degrees.
    private func zeroPulse(of joint: Int, seen: ClosedRange<Int>) -> Int {
        let middle = Double(seen.lowerBound + seen.upperBound) / 2
        let angle = (spans[joint].lowerBound + spans[joint].upperBound) / 2
        return Int((middle - Double(layout.joints[joint].direction) * angle * Self.pulsesPerRadian).rounded())
    }

    /// The servos get the limits of the result.
    private func finished() -> [Action] {
        let result = result
        var actions: [Action] = []
        // A shadow that took goals which its leader refuses would work against it.
        let ranges = result.parts.map { ($0.id, $0.limits) }
            + result.joints.flatMap { joint in joint.shadows.map { ($0, joint.limits) } }
        for (id, limits) in ranges {
            actions.append(.write(limits.lowerBound, to: .lowestPosition, of: id))
            actions.append(.write(limits.upperBound, to: .highestPosition, of: id))
        }
        if isFeetech { for id in layout.ids { actions.append(.write(1, to: .lock, of: id)) } }
        return actions
    }

    /// The servos get back what they had.
    private func restored() -> [Action] {
        var actions: [Action] = []
        for id in layout.ids {
            guard let before = before[id] else { continue }
            actions.append(.write(before.homingOffset, to: .homingOffset, of: id))
            actions.append(.write(before.limits.lowerBound, to: .lowestPosition, of: id))
            actions.append(.write(before.limits.upperBound, to: .highestPosition, of: id))
        }
        if isFeetech { for id in layout.ids { actions.append(.write(1, to: .lock, of: id)) } }
        return actions
    }
}
