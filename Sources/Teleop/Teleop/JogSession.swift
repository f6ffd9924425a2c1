import Maths
import Messages
import Time

/// Something an operator asks of the arm besides motion. Asked again, it keeps its number.
package struct ArmRequest: Equatable, Sendable {
    /// Number of the request, from 1, in the order of asking.
    package let number: UInt64
    package let action: ArmCommand.Action
}

// Teleop: an operator's keys become motion that an arm is asked for.

/// Moves an arm by keys: what comes in is keys and the arm's state, what goes out is what to send, and a few lines to
/// show.
///
/// Nothing moves before a key that means motion. A motion ends 0.3 s after the key's last repeat (terminals do not tell
/// when a key is let go), with any other key, and with whatever hinders the arm; after a hindrance the key has to be
/// let go before it moves the arm again.
package struct JogSession: Sendable {
    /// How long a key counts as pressed after its last repeat. Less than the pause before the first repeat (0.25 to
    /// 0.66 s): a long press begins with a short stop, which is the price of an arm that stops when the key is let go.
    package static let holdTime = Duration.milliseconds(300)
    /// Shares of the highest speed. At 0.5 the tool moves at 0.25 m/s in tool mode, the most that ISO 10218-1 (reduced
    /// speed) allows an arm with a person beside it.
    package static let speeds = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5]
    /// Velocity of the tool at the share 1, metres per second and radians per second.
    static let toolSpeed = (linear: 0.5, angular: 2.0)
    /// Highest speed at which poses are approached, whatever the speed is.
    package static let topPoseSpeed = 0.2
    /// Share of the gripper's stroke that one press is.
    static let gripperStep = 0.05
    /// A held toggle is one press: longer than the pause before the first repeat.
    private static let toggleTime = Duration.milliseconds(700)
    private static let gripperTolerance = 0.005
    /// Time for a stroke of a slow gripper.
    private static let gripperTime = Duration.seconds(5)
    /// The let-go switch is said for so long, then nothing: another operator may have the arm.
    private static let releaseTime = Duration.milliseconds(500)
    private static let requestPeriod = Duration.milliseconds(200)
    private static let requestTime = Duration.seconds(3)
    private static let quitTime = Duration.seconds(2)
    /// How long the switch is said to be let go before a state of the arm counts: an earlier one may be from before
    /// that was heard.
    private static let settleTime = Duration.milliseconds(100)

    enum Motion: Equatable, Sendable {
        case joint(Int, sign: Int)
        case tool(KeyMeaning.Axis, sign: Int)
        case gripper(Double)
        case pose(TeleopArm.Pose, PoseApproach)
        /// A motion as a device with axes, or a leader arm, has it.
        case steer(ManualCommand.Motion, gripper: Double?)
    }
    private struct Pending: Sendable {
        var request: ArmRequest
        /// Why the arm held when it was asked.
        var hold: HoldReason?
        var asked: MonotonicTime
        var nextTry: MonotonicTime
    }

    package let arm: TeleopArm
    package private(set) var mode = JogMode.joint
    package private(set) var joint = 0
    private var speedLevel = 2
    private(set) var motion: Motion?
    private var motionEnd = MonotonicTime.zero
    private var releaseEnd: MonotonicTime?
    package private(set) var state: ArmState?
    private var stateTime: MonotonicTime
    private var lastKey: Key?
    private var lastPress: MonotonicTime?
    private var mustLetGo = false
    /// The device with axes has to be let go before it moves the arm again.
    private var mustRest = false
    /// Whether keys move the tool along its own axes instead of the base's.
    package var usesToolAxes = false
    private var pending: Pending?
    private var requests: UInt64 = 0
    private var quitting: MonotonicTime?
    private var isOutOfKeys = false
    /// Words for what happened last, for the screen.
    package private(set) var message = "nothing moves before you press a key; ? shows the keys"
    /// Number of wishes to see the keys.
    package private(set) var helpRequests = 0
    /// An emergency stop was asked for, and the arm has not said that it obeyed.
    package private(set) var isStopUnconfirmed = false

    package init(arm: TeleopArm, at now: MonotonicTime) {
        self.arm = arm
        stateTime = now
    }

    /// Share of the highest speed.
    package var speed: Double { Self.speeds[speedLevel] }
    /// Whether motion is asked of the arm.
    package var isMoving: Bool { motion != nil }
    /// The arm is on its way somewhere, and will say when it is there.
    var isUnderway: Bool {
        switch motion {
        case .gripper, .pose: true
        case nil, .joint, .tool, .steer: false
        }
    }
    /// The arm is in this operator's hands, or was so lately that it may still say so.
    func holdsArm(at now: MonotonicTime) -> Bool {
        motion != nil || releaseEnd.map { now < $0 + Self.releaseTime } ?? false
    }

    // MARK: Events

    package mutating func receive(_ state: ArmState, at now: MonotonicTime) {
        let isOther =
            state.measured.positions.count != arm.joints.count || state.setpoint.positions.count != arm.joints.count
        self.state = isOther ? nil : state
        stateTime = now
        if isOther { return interrupt(for: .otherArm, at: now) }
        confirm(by: state)
        if case .pose(let pose, var approach) = motion {
            approach.receive(state, at: now)
            motion = .pose(pose, approach)
        }
        if let hindrance = Hindrance(state) { interrupt(for: hindrance, at: now) }
    }

    package mutating func press(_ key: Key, at now: MonotonicTime) {
        let sincePress = lastPress.map { now - $0 }
        let isSame = key == lastKey
        (lastKey, lastPress) = (key, now)
        guard let command = KeyMeaning(key, in: mode) else {
            end(at: now)
            message = "that key does nothing in \(mode.rawValue) mode; ? shows the keys, t changes the mode"
            return
        }
        guard command.isMotion else {
            end(at: now)
            return perform(command, at: now)
        }
        guard quitting == nil else { return }
        if let hindrance = hindrance(at: now) { return refuse(hindrance) }
        if mustLetGo, let sincePress, sincePress < Self.holdTime {
            message = "let the key go for a moment first"
            return
        }
        mustLetGo = false
        let isRepeat = isSame && sincePress.map { $0 < Self.toggleTime } ?? false
        start(command, isRepeat: isRepeat, at: now)
    }

    /// A device with axes, or a leader arm, has the arm move until `end`, and no longer: it has to say so again and
    /// again.
    /// - Parameter gripper: opening of the gripper, 0 closed ... 1 open; nil leaves it as it is.
    package mutating func steer(
        _ wanted: ManualCommand.Motion, gripper: Double? = nil, until end: MonotonicTime, at now: MonotonicTime
    ) {
        guard quitting == nil, !mustRest else { return }
        if let hindrance = hindrance(at: now) {
            mustRest = true
            return refuse(hindrance)
        }
        move(.steer(wanted, gripper: gripper), until: end)
    }

    /// The device's switch is held while its axes rest: the arm is still the operator's, and nobody else's. What was
    /// begun goes on.
    package mutating func holdStill(until end: MonotonicTime, at now: MonotonicTime) {
        mustRest = false
        guard quitting == nil, hindrance(at: now) == nil else { return }
        switch motion {
        case nil, .steer: move(.steer(.joints(arm.still), gripper: nil), until: end)
        case .joint, .tool, .gripper, .pose: break
        }
    }

    /// Takes note that the device is let go.
    package mutating func letGo(at now: MonotonicTime) {
        mustRest = false
        if case .steer = motion { end(at: now) }
    }

    /// Brakes whatever moves.
    package mutating func stopMotion(at now: MonotonicTime) { end(at: now) }

    /// Says something to the operator.
    package mutating func tell(_ words: String) { message = words }

    /// Takes note that no key will come any more: what moves may come to its end.
    package mutating func finishKeys() { isOutOfKeys = true }

    /// Stops, then quits; a key or a signal asks for it.
    package mutating func quit(at now: MonotonicTime) {
        end(at: now)
        if quitting == nil { quitting = now }
        message = "stopping"
    }

    // MARK: What to send

    /// The command to send now; ask at 50 Hz or more, and send it at once.
    /// - Returns: nil when nothing is to be said.
    package mutating func command(at now: MonotonicTime) -> ManualCommand? {
        advance(at: now)
        if isOutOfKeys, motion == nil, quitting == nil { quit(at: now) }
        if let motion {
            let gripper: Double? =
                switch motion {
                case .gripper(let opening): opening
                case .steer(_, let opening): opening
                case .joint, .tool, .pose: nil
                }
            return ManualCommand(time: now, isDeadManHeld: true, motion: asked(by: motion, at: now), gripper: gripper)
        }
        guard let releaseEnd, now < releaseEnd else { return nil }
        return ManualCommand(time: now, isDeadManHeld: false, motion: .joints(arm.still))
    }

    /// Takes the request to send now. Emergency stops are repeated until the arm confirms them, for a lost one does
    /// harm. Everything else is said once: said again it could undo what another operator has done meanwhile.
    package mutating func takeRequest(at now: MonotonicTime) -> ArmRequest? {
        guard var waiting = pending else { return nil }
        if now - waiting.asked > Self.requestTime {
            pending = nil
            message =
                waiting.request.action == .emergencyStop
                ? "THE ARM DID NOT CONFIRM THE EMERGENCY STOP: SWITCH ITS POWER OFF"
                : "the arm did not do that: see what holds it"
            return nil
        }
        guard now >= waiting.nextTry else { return nil }
        let isStop = waiting.request.action == .emergencyStop
        waiting.nextTry = isStop ? now + Self.requestPeriod : waiting.asked + Self.requestTime + Self.requestTime
        pending = waiting
        return waiting.request
    }

    /// The operator wants to quit, or has no more keys, and the arm stands still or is the policy's; for two seconds it
    /// is waited for that, and for three that an emergency stop is confirmed.
    package func isDone(at now: MonotonicTime) -> Bool {
        guard let quitting else { return false }
        if let pending, pending.request.action == .emergencyStop { return false }
        if now - quitting > Self.quitTime { return true }
        guard let state, stateTime > quitting + Self.settleTime else { return false }
        return switch state.mode {
        case .executing: true
        case .holding: state.standsStill
        case .manual, .recovering: false
        }
    }

    /// Why motion is refused at present.
    package func hindrance(at now: MonotonicTime) -> Hindrance? {
        guard now - stateTime <= arm.stateTimeout, let state else { return .silence }
        return Hindrance(state)
    }

    // MARK: Motion

    private mutating func start(_ command: KeyMeaning, isRepeat: Bool, at now: MonotonicTime) {
        guard let state else { return }
        switch command {
        case .moveJoint(let sign): move(.joint(joint, sign: sign), until: now + Self.holdTime)
        case .moveTool(let axis, let sign): move(.tool(axis, sign: sign), until: now + Self.holdTime)
        case .moveGripper(let sign):
            let present: Double = if case .gripper(let target) = motion { target } else { state.setpoint.gripper }
            let target = min(max(present + Double(sign) * Self.gripperStep, 0), 1)
            move(.gripper(target), until: now + Self.gripperTime)
        case .toggleGripper:
            if isRepeat { return }
            move(.gripper(state.setpoint.gripper > 0.5 ? 0 : 1), until: now + Self.gripperTime)
        case .go(let pose):
            // A held key goes on with the approach that it began.
            if case .pose(pose, _) = motion { return }
            let approach = PoseApproach(
                to: arm[pose], speed: min(speed, Self.topPoseSpeed), stateTimeout: arm.stateTimeout, at: now)
            move(.pose(pose, approach), until: now)
        case .choose, .chooseNext, .changeMode, .changeSpeed, .stopMotion, .request, .help, .quit: return
        }
    }

    private mutating func move(_ motion: Motion, until end: MonotonicTime) {
        // What was said meanwhile stays to be read while the motion goes on.
        if !Self.continues(self.motion, as: motion) { message = "" }
        self.motion = motion
        motionEnd = end
        releaseEnd = nil
    }

    private static func continues(_ former: Motion?, as motion: Motion) -> Bool {
        if case .steer = former, case .steer = motion { true } else { former == motion }
    }

    /// Ends a motion whose time is over, or that has arrived.
    mutating func advance(at now: MonotonicTime) {
        switch motion {
        case nil: return
        case .joint, .tool, .steer: if now >= motionEnd { end(at: now) }
        case .gripper(let target):
            let isThere = state.map { abs($0.setpoint.gripper - target) <= Self.gripperTolerance } ?? false
            if isThere || now >= motionEnd { end(at: now) }
        case .pose(let pose, let approach):
            switch approach.verdict(at: now) {
            case .underway: break
            case .arrived:
                end(at: now)
                message = "arrived at the \(pose.rawValue) pose"
            case .gaveUp(.hindered(let hindrance)): interrupt(for: hindrance, at: now)
            case .gaveUp(let reason):
                end(at: now)
                message = "gave up the \(pose.rawValue) pose: \(reason.description(of: arm))"
            }
        }
        if motion != nil, now - stateTime > arm.stateTimeout { interrupt(for: .silence, at: now) }
    }

    /// Lets the dead-man switch go: the arm brakes.
    private mutating func end(at now: MonotonicTime) {
        guard motion != nil else { return }
        motion = nil
        message = ""
        releaseEnd = now + Self.releaseTime
    }

    private mutating func interrupt(for hindrance: Hindrance, at now: MonotonicTime) {
        guard motion != nil else { return }
        if case .steer = motion { mustRest = true }
        end(at: now)
        refuse(hindrance)
    }

    private mutating func refuse(_ hindrance: Hindrance) {
        mustLetGo = true
        message = "not moved: \(hindrance.description(of: arm)); \(Self.remedy(for: hindrance))"
    }

    private func asked(by motion: Motion, at now: MonotonicTime) -> ManualCommand.Motion {
        switch motion {
        case .joint(let joint, let sign):
            var velocities = arm.still
            velocities[joint] = Double(sign) * speed * arm.velocity[joint]
            return .joints(velocities)
        case .tool(let axis, let sign):
            var direction = axis.unit * Double(sign) * speed
            if usesToolAxes, let state { direction = state.baseFromEEF.rotation * direction }
            return axis.isTurn
                ? .twist(linear: .zero, angular: direction * Self.toolSpeed.angular)
                : .twist(linear: direction * Self.toolSpeed.linear, angular: .zero)
        case .gripper: return .joints(arm.still)
        case .pose(_, let approach): return approach.motion(at: now)
        case .steer(let wanted, _): return wanted
        }
    }

    // MARK: Everything else

    private mutating func perform(_ command: KeyMeaning, at now: MonotonicTime) {
        switch command {
        case .choose(let number):
            guard arm.joints.indices.contains(number) else {
                message = "there is no joint \(number + 1): the arm has \(arm.joints.count)"
                return
            }
            (mode, joint) = (.joint, number)
            message = ""
        case .chooseNext(let step):
            joint = min(max(joint + step, 0), max(arm.joints.count - 1, 0))
            message = ""
        case .changeMode:
            mode = mode == .joint ? .tool : .joint
            message = ""
        case .changeSpeed(let step):
            speedLevel = min(max(speedLevel + step, 0), Self.speeds.count - 1)
            message = ""
        case .stopMotion: message = "stopped"
        case .request(let action): ask(action, at: now)
        case .help: helpRequests += 1
        case .quit: quit(at: now)
        case .moveJoint, .moveTool, .moveGripper, .toggleGripper, .go: return
        }
    }

    private mutating func ask(_ action: ArmCommand.Action, at now: MonotonicTime) {
        if action == .emergencyStop { mustLetGo = true }
        if pending?.request.action == .emergencyStop {
            // Held down, it is one wish; and nothing else may take its place before it has been obeyed.
            if action != .emergencyStop { message = "EMERGENCY STOP asked for: wait until the arm confirms it" }
            return
        }
        // Held down, it is one wish.
        if pending?.request.action == action { return }
        isStopUnconfirmed = action == .emergencyStop
        requests += 1
        pending = Pending(
            request: ArmRequest(number: requests, action: action), hold: state?.holdReason, asked: now, nextTry: now)
        message =
            switch action {
            case .emergencyStop: "EMERGENCY STOP asked for"
            case .resetEmergencyStop: "reset asked for"
            case .clearFault: "clearing the fault asked for"
            case .recover: "recovery asked for"
            case .resume: "asked that the policy may go on"
            }
    }

    private mutating func confirm(by state: ArmState) {
        // A state from before the wish says nothing about it.
        guard let waiting = pending, state.measured.time > waiting.asked else { return }
        let answer: String? =
            switch (waiting.request.action, state.mode) {
            case (.emergencyStop, .holding(.emergencyStop)), (.emergencyStop, .holding(.stopping)):
                "the arm holds: emergency stop"
                    + (lastKey == .escape
                        ? " (ESC; over a slow line an arrow key can look like it, letters cannot)" : "")
            case (.emergencyStop, _): nil
            case (.resetEmergencyStop, _): answerToReset(waiting.hold, state)
            case (.clearFault, .holding(let reason)) where reason.isFault && reason == waiting.hold: nil
            case (.clearFault, _): waiting.hold?.isFault == true ? "the fault is cleared" : "there is no fault to clear"
            case (.recover, .holding(.beyondLimits)): nil
            case (.recover, .recovering): "moving back slowly"
            case (.recover, _): "no joint is beyond its limits"
            case (.resume, .holding(.awaitingResume)): nil
            case (.resume, _): answerToResume(waiting.hold, state)
            }
        guard let answer else { return }
        if waiting.request.action == .emergencyStop { isStopUnconfirmed = false }
        message = answer
        pending = nil
    }

    /// A reset ends one thing: the emergency stop, else a fault. What holds the arm still is said with it.
    /// - Parameter former: why it held when the reset was asked for.
    /// - Returns: nil while the arm has not obeyed.
    private func answerToReset(_ former: HoldReason?, _ state: ArmState) -> String? {
        if former == .awaitingResume { return "the emergency stop is reset: m lets the policy move the arm again" }
        guard let former, former == .emergencyStop || former.isFault else {
            return "there is no emergency stop, and no fault to clear"
        }
        if state.holdReason == former { return nil }
        let done = former == .emergencyStop ? "the emergency stop is reset" : "the fault is cleared"
        if state.holdReason == .awaitingResume { return "\(done): m lets the policy move the arm again" }
        guard let hindrance = Hindrance(state) else { return done }
        return "\(done); still \(hindrance.description(of: arm)): \(Self.remedy(for: hindrance))"
    }

    /// Words for what came of letting the policy go on.
    /// - Parameter former: reason for which the arm held when a person said that the policy may go on.
    private func answerToResume(_ former: HoldReason?, _ state: ArmState) -> String {
        if former == .awaitingResume { return "the policy may move the arm again" }
        guard let hindrance = Hindrance(state) else { return "nothing keeps the policy from moving the arm" }
        return "not yet: \(hindrance.description(of: arm)): \(Self.remedy(for: hindrance))"
    }
}
