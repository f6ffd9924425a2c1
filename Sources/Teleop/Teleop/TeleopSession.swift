import Maths
import Messages
import Time

/// An operator's sitting: keys, a device with axes or a leader arm on one side, the arm, the goal node and the recorder
/// on the other. What comes in is what they say, what goes out is what to send, and a few lines to show.
///
/// Keys, requests, poses and their safety are the `JogSession`'s; this adds what keys alone cannot.
package struct TeleopSession: Sendable {
    /// Axes that twists are along.
    package enum Frame: String, Sendable {
        case base
        case tool
    }
    /// What is asked of other nodes than the arm.
    package enum Wish: Equatable, Sendable {
        case takeGoal
        /// The goal that was taken is good.
        case acceptGoal
        /// A command for the recorder, repeated with its number until the recorder answers.
        case episode(EpisodeCommand.Action, number: UInt64)
    }
    /// Who moves the arm.
    package enum Holder: String, Sendable {
        case policy
        case you
        case another
        case nobody
    }
    private struct EpisodeRequest: Sendable {
        let action: EpisodeCommand.Action
        let number: UInt64
        let asked: MonotonicTime
        var nextTry: MonotonicTime
    }
    /// A device that says nothing for so long while its axes are off the middle is gone: 60 reports a second are usual.
    package static let silence = Duration.milliseconds(150)
    /// A command lasts so long without another.
    private static let steerTime = Duration.milliseconds(200)
    /// How long the recorder has for an answer.
    package static let patience = Duration.seconds(2)
    /// A question to the recorder may be lost.
    private static let retryPeriod = Duration.milliseconds(300)
    /// Time over which the states' rate is counted.
    private static let rateWindow = Duration.seconds(1)

    package private(set) var jog: JogSession
    package var frame: Frame { jog.usesToolAxes ? .tool : .base }
    package private(set) var fit: GoalFit?
    package private(set) var episode: EpisodeState?
    package private(set) var follower: LeaderFollower?
    /// The leader has the arm, as long as it may.
    package private(set) var isFollowing: Bool
    private var reading = DeviceReading()
    private var readingTime = MonotonicTime.zero
    private let needsReports: Bool
    private let confirmation: Duration
    /// A held device has said nothing for so long that it may be lost with its switch held: it moves nothing.
    package private(set) var isUnconfirmed = false
    /// The device began what is underway: a way home, a stroke of the gripper.
    private var isDevicesMotion = false
    private var gripper: Double?
    private var wishes: [Wish] = []
    private var episodeRequests: [EpisodeRequest] = []
    private var requests: UInt64 = 0
    private var rateStart: MonotonicTime?
    private var statesCounted = 0
    /// States of the arm a second, as they arrive; nil before they were counted.
    package private(set) var stateRate: Double?

    /// Begins a session that has heard nothing yet.
    /// - Parameters:
    ///   - needsReports: whether a device that is moved reports all the time, as a SpaceMouse does; one that reports
    ///     changes alone does not.
    ///   - confirmation: time after which what the device moves ends when it says nothing: a stick held still says
    ///     nothing, but neither does a pad whose radio link broke while the switch was held.
    ///   - leader: way in which a leader arm's motion begins; nil without one.
    ///   - follows: whether the arm follows the leader from the start.
    package init(
        arm: TeleopArm, needsReports: Bool = false, confirmation: Duration = .seconds(2),
        leader: LeaderFollower.Start? = nil,
        follows: Bool = false, at now: MonotonicTime
    ) {
        jog = JogSession(arm: arm, at: now)
        self.needsReports = needsReports
        self.confirmation = confirmation
        follower = leader.map { LeaderFollower(arm: arm, start: $0) }
        isFollowing = follows && leader != nil
    }

    // MARK: What comes in

    package mutating func receive(_ state: ArmState, at now: MonotonicTime) {
        countState(at: now)
        jog.receive(state, at: now)
    }
    package mutating func receive(_ fit: GoalFit) { self.fit = fit }
    package mutating func receive(_ state: EpisodeState) { episode = state }
    /// Takes the recorder's answer to a wish.
    /// - Parameter number: number of the wish that it answers.
    package mutating func receive(_ result: EpisodeResult, to number: UInt64) {
        guard let index = episodeRequests.firstIndex(where: { $0.number == number }) else { return }
        episodeRequests.remove(at: index)
        jog.tell(result.message)
    }

    /// Takes in where the leader arm stands, radians.
    package mutating func receive(leader positions: JointVector, gripper: Double, at now: MonotonicTime) {
        follower?.receive(positions: positions, gripper: gripper, at: now)
    }

    package mutating func press(_ key: Key, at now: MonotonicTime) {
        switch key {
        case .sign("p"): wishes.append(.takeGoal)
        case .sign("y"): wishes.append(.acceptGoal)
        case .sign("n"): ask(episode?.isRecording == true ? .stop : .start, at: now)
        case .sign("Y"): ask(.markSuccess, at: now)
        case .sign("N"): ask(.markFailure, at: now)
        case .sign("D"): ask(.discard, at: now)
        case .sign("T"): changeFrame(at: now)
        case .sign("v") where follower != nil:
            isFollowing.toggle()
            if !isFollowing { release(at: now) }
            jog.tell(isFollowing ? "following the leader" : "the leader is let go")
        default:
            // Whoever presses a key means the arm to stop what it was doing.
            stopFollowing(at: now)
            isDevicesMotion = false
            jog.press(key, at: now)
        }
    }

    /// A device with axes says something: it is there, and in a hand.
    package mutating func receive(_ new: DeviceReading, at now: MonotonicTime) {
        isUnconfirmed = false
        let pressed = new.pressed.subtracting(reading.pressed)
        let isReleased = reading.hasSwitch && reading.pressed.contains(.deadMan) && !new.pressed.contains(.deadMan)
        (reading, readingTime) = (new, now)
        // Whatever the device began: a way home, a stroke of the gripper.
        if isReleased {
            gripper = nil
            jog.stopMotion(at: now)
        }
        // The stop before anything else, and whatever else is pressed.
        if pressed.contains(.emergencyStop) { jog.press(.sign("e"), at: now) }
        for button in DeviceReading.Button.allCases where pressed.contains(button) {
            switch button {
            case .deadMan, .emergencyStop: break
            case .resetEmergencyStop: jog.press(.sign("x"), at: now)
            case .toggleGripper: if holdsSwitch() { toggleGripper(at: now) }
            case .home:
                if holdsSwitch() {
                    jog.press(.sign("h"), at: now)
                    isDevicesMotion = true
                }
            case .faster: jog.press(.sign("]"), at: now)
            case .slower: jog.press(.sign("["), at: now)
            case .changeFrame: changeFrame(at: now)
            case .recordGoal: wishes.append(.takeGoal)
            case .episode: ask(episode?.isRecording == true ? .stop : .start, at: now)
            case .success: ask(.markSuccess, at: now)
            }
        }
        steer(at: now)
    }

    /// The device is gone: whatever it held is let go.
    package mutating func loseDevice(_ words: String, at now: MonotonicTime) {
        reading = DeviceReading()
        isUnconfirmed = false
        isFollowing = false
        release(at: now)
        jog.stopMotion(at: now)
        jog.tell(words)
    }

    /// The leader does not move the arm any more, if it did.
    mutating func stopFollowing(at now: MonotonicTime) {
        guard isFollowing else { return }
        isFollowing = false
        release(at: now)
    }

    /// Opens the gripper where it is closed.
    mutating func openGripper(at now: MonotonicTime) { jog.press(.sign("g"), at: now) }

    package mutating func quit(at now: MonotonicTime) { jog.quit(at: now) }
    package mutating func finishKeys() { jog.finishKeys() }
    package mutating func tell(_ words: String) { jog.tell(words) }

    // MARK: What goes out

    /// The command to send now; ask at 50 Hz or more, and send it at once.
    package mutating func command(at now: MonotonicTime) -> ManualCommand? {
        if needsReports, !reading.isAtRest, now - readingTime > Self.silence {
            reading = DeviceReading()
            release(at: now)
        }
        askForConfirmation(at: now)
        // What time ends is over before anything else begins: between the two the arm would be the policy's.
        jog.advance(at: now)
        steer(at: now)
        follow(at: now)
        askRecorder(at: now)
        return jog.command(at: now)
    }

    package mutating func takeRequest(at now: MonotonicTime) -> ArmRequest? { jog.takeRequest(at: now) }

    /// The oldest wish that was not handed out yet.
    package mutating func takeWish() -> Wish? { wishes.isEmpty ? nil : wishes.removeFirst() }

    // MARK: Motion

    /// Stops the motion of a device that has been silent for long, and asks for a sign: silence does not prove that the
    /// hand is gone, nor that it is there.
    private mutating func askForConfirmation(at now: MonotonicTime) {
        if isDevicesMotion, !jog.isUnderway { isDevicesMotion = false }
        let moves = !reading.isAtRest || gripper != nil || isDevicesMotion
        guard !isUnconfirmed, moves, reading.pressed.contains(.deadMan), now - readingTime > confirmation else {
            return
        }
        isUnconfirmed = true
        gripper = nil
        jog.stopMotion(at: now)
        jog.holdStill(until: now + Self.steerTime, at: now)
        jog.tell(
            "the device has said nothing for \(confirmation.inSeconds.decimals(1)) s: move the stick, or let the "
                + "switch go and hold it again"
        )
    }

    private mutating func steer(at now: MonotonicTime) {
        guard reading.pressed.contains(.deadMan) else {
            // Only what the device itself has moved is its to stop.
            if !isFollowing { jog.letGo(at: now) }
            return
        }
        let end = now + Self.steerTime
        guard !isUnconfirmed, !reading.isAtRest || gripper != nil else {
            // A stick in its middle moves nothing, but who holds the switch keeps the arm from the policy.
            return reading.hasSwitch ? jog.holdStill(until: end, at: now) : jog.letGo(at: now)
        }
        var linear = Self.unit(reading.linear) * (jog.speed * JogSession.toolSpeed.linear)
        var angular = Self.unit(reading.angular) * (jog.speed * JogSession.toolSpeed.angular)
        if frame == .tool, let pose = jog.state?.baseFromEEF {
            linear = pose.rotation * linear
            angular = pose.rotation * angular
        }
        jog.steer(.twist(linear: linear, angular: angular), gripper: gripper, until: end, at: now)
    }

    /// Cuts a share to length 1: all axes together are no faster than one.
    private static func unit(_ share: Vector3) -> Vector3 { share.length > 1 ? share * (1 / share.length) : share }

    private mutating func follow(at now: MonotonicTime) {
        guard isFollowing, let state = jog.state, var follower else { return }
        if let hindrance = jog.hindrance(at: now) {
            // What held the arm may move it away from the leader: the operator says when it goes on.
            isFollowing = false
            release(at: now)
            return jog.tell("not followed: \(hindrance.description(of: jog.arm)); then v follows the leader again")
        }
        defer { self.follower = follower }
        switch follower.verdict(state, at: now) {
        case .follow(let motion, let opening): jog.steer(motion, gripper: opening, until: now + Self.steerTime, at: now)
        case .refused(let words):
            isFollowing = false
            jog.letGo(at: now)
            jog.tell("not followed: \(words)")
        case .silent:
            jog.letGo(at: now)
            jog.tell("the leader is silent: the arm holds")
        }
    }

    private mutating func release(at now: MonotonicTime) {
        follower?.release()
        gripper = nil
        jog.letGo(at: now)
    }

    private mutating func holdsSwitch() -> Bool {
        if !reading.hasSwitch || reading.pressed.contains(.deadMan) { return true }
        jog.tell("hold the dead-man button with it")
        return false
    }

    private mutating func toggleGripper(at now: MonotonicTime) {
        guard reading.pressed.contains(.deadMan), let state = jog.state else {
            gripper = nil
            return jog.press(.sign("g"), at: now)
        }
        gripper = (gripper ?? state.setpoint.gripper) > 0.5 ? 0 : 1
    }

    private mutating func changeFrame(at now: MonotonicTime) {
        jog.stopMotion(at: now)
        jog.usesToolAxes.toggle()
        jog.tell("axes of the \(frame.rawValue)")
    }

    private mutating func ask(_ action: EpisodeCommand.Action, at now: MonotonicTime) {
        requests += 1
        wishes.append(.episode(action, number: requests))
        episodeRequests.append(
            EpisodeRequest(action: action, number: requests, asked: now, nextTry: now + Self.retryPeriod))
    }

    private mutating func askRecorder(at now: MonotonicTime) {
        if episodeRequests.contains(where: { now - $0.asked > Self.patience }) {
            episodeRequests = []
            jog.tell("no recorder answers: this run has none, or it hangs (see 'octo-bus list')")
        }
        for index in episodeRequests.indices where now >= episodeRequests[index].nextTry {
            episodeRequests[index].nextTry = now + Self.retryPeriod
            wishes.append(.episode(episodeRequests[index].action, number: episodeRequests[index].number))
        }
    }

    private mutating func countState(at now: MonotonicTime) {
        guard let start = rateStart else {
            rateStart = now
            return
        }
        statesCounted += 1
        guard now - start >= Self.rateWindow else { return }
        stateRate = Double(statesCounted) / (now - start).inSeconds
        (rateStart, statesCounted) = (now, 0)
    }
}

extension TeleopSession {
    /// Who has the arm; nil before its first state.
    package func holder(at now: MonotonicTime) -> Holder? {
        guard let state = jog.state else { return nil }
        return switch state.mode {
        case .executing: .policy
        case .manual: jog.holdsArm(at: now) ? .you : .another
        case .holding, .recovering: .nobody
        }
    }

    /// How the arm is, what is held, how the goal fits, whether an episode is recorded.
    package func lines(at now: MonotonicTime) -> [String] {
        var words: [String] = []
        switch holder(at: now) {
        case nil: break
        case .policy: words.append("POLICY has the arm")
        case .you: words.append("YOU have the arm")
        case .another: words.append("ANOTHER operator has the arm")
        case .nobody: words.append("the arm holds")
        }
        if let stateRate { words.append("arm \(stateRate.decimals(0)) Hz") }
        if let fit, !fit.goalID.isEmpty {
            words.append("goal '\(fit.goalName)' \(fit.verdict)" + (fit.reasons.first.map { ": \($0)" } ?? ""))
        } else {
            words.append("no goal")
        }
        if let episode {
            words.append(
                episode.isRecording
                    ? "REC \(episode.name) \(Int((now - episode.startTime).inSeconds)) s"
                    : "not recording" + (episode.name.isEmpty ? "" : " (last: \(episode.name), \(episode.outcome))"))
        }
        if follower != nil { words.append(isFollowing ? "leader: followed" : "leader: v follows it") }
        return jog.lines(at: now) + [words.joined(separator: " | ")]
    }

    package static let pages = [KeyHelp.motion, KeyHelp.ends + "\n" + KeyHelp.runs, KeyHelp.devices]
    /// Help on all keys and devices.
    package static let help = pages.joined(separator: "\n\n")
}
