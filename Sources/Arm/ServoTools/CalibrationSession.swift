import ArmDrivers
import JSONTree

/// Leads a person through the calibration of one arm: positions and answers in, register writes and prompts out.
///
/// Nothing here touches a servo: whoever runs it carries the actions out, in order, and feeds what the servos say. What
/// the servos remembered at first is in the draft before anything is written to them, and stays in it until the session
/// is over.
package struct CalibrationSession: Sendable {
    /// What the person is asked to do.
    package enum Stage: String, CaseIterable, Sendable {
        case zero
        case sweep
        case gripperClosed = "gripper_closed"
        case gripperOpen = "gripper_open"
        case review
    }
    /// What a person says to the prompt.
    package enum Answer: Sendable {
        case next
        case back
        case quit
    }
    /// What the session wants done, in order.
    package enum Action: Equatable, Sendable {
        case write(Int, to: ServoField, of: UInt8)
        /// Sets the shadow's homing offset so that it stands where its leader does.
        case align(shadow: UInt8, leader: UInt8)
        /// Keeps this draft durably before the next action, so that the session can go on another time.
        case keepDraft(JSONNode)
        /// Keeps `result` in the calibration file; the draft is no longer needed.
        case save
        /// Keeps nothing; the session is over.
        case discard
    }
    /// A joint or the gripper, and what is known of its servo by now.
    package struct Part: Equatable, Sendable {
        package var id: UInt8
        package var name: String
        /// Newest position, pulses; nil while the servo does not answer.
        package var position: Int?
        /// Looks in a row without an answer.
        package var misses = 0
        /// Positions it was seen at during the sweep.
        package var seen: ClosedRange<Int>?
        /// The servo went past the end of its encoder during the sweep.
        package var hasWrapped = false
        package var homingOffset: Int?
        /// Position in the pose of the first step, pulses after the offset.
        package var pose: Int?
    }
    /// Place and time at which a session began.
    package struct Origin: Equatable, Sendable {
        /// The adapter's name that stays the same whatever else is plugged in; nil if it has none.
        package var adapter: String?
        /// Date and time for people, as in `2026-01-31 12:00`.
        package var date: String

        package init(adapter: String?, date: String) {
            self.adapter = adapter
            self.date = date
        }
    }

    package let layout: ServoLayout
    package let origin: Origin
    /// Registers of all servos, by id, before anything was changed.
    package let before: [UInt8: ServoRegisters]
    /// What each register may hold now, by servo: one value, or two while it is being written; none where the servo's
    /// own answer decides.
    package internal(set) var left: [UInt8: [ServoField: [Int]]]
    /// How far each joint can turn by the arm's construction, radians.
    let spans: [ClosedRange<Double>]
    package internal(set) var stage = Stage.zero
    /// The person holds the arm: torque is off, and the stages run.
    package internal(set) var isLoose = false
    /// The servos may hold something else than at first.
    package internal(set) var hasWritten = false
    /// Joints from base to wrist, then the gripper.
    package internal(set) var parts: [Part]
    /// Positions of the gripper's servo, pulses, closed and open; nil until it was there.
    package internal(set) var closedPulse: Int?
    package internal(set) var openPulse: Int?
    /// Why the last answer did not lead on; nil if it did.
    package internal(set) var problem: String?
    package internal(set) var isOver = false

    /// Begins a session for the servos of `layout`.
    /// - Parameters:
    ///   - names: names of the joints.
    ///   - spans: the joints' limits in the calibration file, radians.
    ///   - before: registers of the servos before the session, by id.
    package init(
        layout: ServoLayout, names: [String], spans: [ClosedRange<Double>], before: [UInt8: ServoRegisters],
        origin: Origin
    ) {
        self.layout = layout
        self.spans = spans
        self.before = before
        self.origin = origin
        left = before.mapValues { $0.values.mapValues { [$0] } }
        parts = zip(layout.leaders, names + ["gripper"]).map { Part(id: $0, name: $1) }
    }

    var jointIndices: Range<Int> { parts.indices.dropLast() }
    var isFeetech: Bool { layout.servoProtocol == .feetech }
    static var pulsesPerRadian: Double { 4_096 / (2 * .pi) }

    /// A joint without ends is not swept.
    func turnsFreely(_ joint: Int) -> Bool { layout.joints[joint].limits == 0...4_095 }

    // MARK: - Events

    /// Begins: what has to be done before the person is asked for the first time.
    package func begin() -> [Action] { [.keepDraft(draft)] }

    /// Begins anew with the first step, with what the servos remembered at first.
    package mutating func beginAnew() {
        stage = .zero
        (closedPulse, openPulse) = (nil, nil)
        forgetSweep()
        for index in parts.indices { (parts[index].homingOffset, parts[index].pose) = (nil, nil) }
    }

    /// Takes what the servos say, pulses by id; who does not answer is not in it.
    package mutating func observe(_ positions: [UInt8: Int]) {
        for index in parts.indices {
            guard let position = positions[parts[index].id] else {
                parts[index].misses += 1
                // What it does unseen for longer is not known.
                if parts[index].misses > 3 { parts[index].position = nil }
                continue
            }
            let former = parts[index].position
            parts[index].position = position
            parts[index].misses = 0
            guard isLoose, stage == .sweep, index < jointIndices.upperBound, !turnsFreely(index) else { continue }
            // Half a turn between two looks: it passed the end of the encoder.
            if let former, abs(position - former) > 2_048 { parts[index].hasWrapped = true }
            let seen = parts[index].seen ?? position...position
            parts[index].seen = min(seen.lowerBound, position)...max(seen.upperBound, position)
        }
    }

    /// Takes the person's answer to the present prompt: goes on, goes back, or ends.
    package mutating func answer(_ answer: Answer) -> [Action] {
        problem = nil
        switch answer {
        case .next: return isLoose ? goOn() : loosen()
        case .back: return isLoose ? goBack() : []
        case .quit:
            isOver = true
            return (hasWritten ? journaled(restored()) : []) + [.discard]
        }
    }

    private mutating func goOn() -> [Action] {
        let silent = parts.filter { $0.position == nil || $0.misses > 0 }
        guard silent.isEmpty else {
            problem =
                "no answer from \(silent.map { "\($0.name) (servo \($0.id))" }.joined(separator: ", ")); check the "
                + "cable "
                + "before it, and wait a moment"
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
            return journaled(finished()) + [.save]
        }
        return [.keepDraft(draft)]
    }

    private mutating func goBack() -> [Action] {
        switch stage {
        case .zero: return []
        case .sweep:
            beginAnew()
            return loosen()
        case .gripperClosed:
            stage = .sweep
            forgetSweep()
        case .gripperOpen: stage = .gripperClosed
        case .review: stage = .gripperOpen
        }
        return [.keepDraft(draft)]
    }

    mutating func forgetSweep() {
        for index in parts.indices { (parts[index].seen, parts[index].hasWrapped) = (nil, false) }
    }

    /// Register writes between two drafts: the first says what may stand in the registers meanwhile, the second what
    /// stands there then. Whatever ends the program in between, the draft knows these servos again, and what they had
    /// at first.
    mutating func journaled(_ actions: [Action]) -> [Action] {
        hasWritten = true
        for action in actions {
            switch action {
            case .write(let value, let field, let id) where ServoField.calibrated.contains(field):
                if left[id]?[field]?.contains(value) == false { left[id]?[field]?.append(value) }
            case .align(let shadow, _): left[shadow]?[.homingOffset] = []
            case .write, .keepDraft, .save, .discard: break
            }
        }
        let during = draft
        for case .write(let value, let field, let id) in actions where ServoField.calibrated.contains(field) {
            left[id]?[field] = [value]
        }
        for case .align(let shadow, _) in actions { left[shadow]?[.homingOffset] = [] }
        return [.keepDraft(during)] + actions + [.keepDraft(draft)]
    }
}
