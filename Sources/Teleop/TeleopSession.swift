import Geometry
import Messages
import Time

/// An operator's sitting: keys, a device with axes or a leader arm on one side, the arm, the goal node and the recorder on
/// the other. What comes in is what they say, what goes out is what to send, and a few lines to show.
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
        case episode(EpisodeCommand.Action)
    }
    /// A device that says nothing for so long while its axes are off the middle is gone: 60 reports a second are usual.
    package static let silence = Duration.milliseconds(150)
    /// A command lasts so long without another.
    private static let steerTime = Duration.milliseconds(200)
    /// How long the recorder has for an answer.
    package static let patience = Duration.seconds(2)

    package private(set) var jog: JogSession
    package private(set) var frame = Frame.base
    package private(set) var fit: GoalFit?
    package private(set) var episode: EpisodeState?
    package private(set) var follower: LeaderFollower?
    /// The leader has the arm, as long as it may.
    package private(set) var isFollowing: Bool
    private var reading = DeviceReading()
    private var readingTime = MonotonicTime.zero
    private var needsReports: Bool
    private var gripper: Double?
    private var wishes: [Wish] = []
    private var episodeAsked: MonotonicTime?

    /// - Parameters:
    ///   - needsReports: a device that is moved reports all the time, as a SpaceMouse does; one that reports changes alone
    ///     does not.
    ///   - leader: how a leader arm's motion begins; nil without one.
    ///   - follows: from the start.
    package init(
        arm: TeleopArm, needsReports: Bool = false, leader: LeaderFollower.Start? = nil, follows: Bool = false, at now: MonotonicTime
    ) {
        jog = JogSession(arm: arm, at: now)
        self.needsReports = needsReports
        follower = leader.map { LeaderFollower(arm: arm, start: $0) }
        isFollowing = follows && leader != nil
    }

    // MARK: What comes in

    package mutating func receive(_ state: ArmState, at now: MonotonicTime) { jog.receive(state, at: now) }
    package mutating func receive(_ fit: GoalFit) { self.fit = fit }
    package mutating func receive(_ state: EpisodeState) { episode = state }
    package mutating func receive(_ result: EpisodeResult) {
        episodeAsked = nil
        jog.tell(result.message)
    }

    /// Where the leader arm stands.
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
        case .sign("T"): changeFrame()
        case .sign("v") where follower != nil:
            isFollowing.toggle()
            if !isFollowing { release(at: now) }
            jog.tell(isFollowing ? "following the leader" : "the leader is let go")
        default:
            // Whoever presses a key means the arm to stop what it was doing.
            if isFollowing {
                isFollowing = false
                release(at: now)
            }
            jog.press(key, at: now)
        }
    }

    /// A device with axes says something.
    package mutating func receive(_ new: DeviceReading, at now: MonotonicTime) {
        let pressed = new.pressed.subtracting(reading.pressed)
        (reading, readingTime) = (new, now)
        // The stop before anything else, and whatever else is pressed.
        if pressed.contains(.emergencyStop) { jog.press(.sign("e"), at: now) }
        for button in DeviceReading.Button.allCases where pressed.contains(button) {
            switch button {
            case .deadMan, .emergencyStop: break
            case .resetEmergencyStop: jog.press(.sign("x"), at: now)
            case .toggleGripper: toggleGripper(at: now)
            case .home: jog.press(.sign("h"), at: now)
            case .faster: jog.press(.sign("]"), at: now)
            case .slower: jog.press(.sign("["), at: now)
            case .changeFrame: changeFrame()
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
        isFollowing = false
        release(at: now)
        jog.tell(words)
    }

    /// A closed gripper opens.
    mutating func openGripper(at now: MonotonicTime) { jog.press(.sign("g"), at: now) }

    package mutating func quit(at now: MonotonicTime) { jog.quit(at: now) }
    package mutating func finishKeys() { jog.finishKeys() }
    package mutating func tell(_ words: String) { jog.tell(words) }

    // MARK: What goes out

    /// To be asked at 50 Hz or more, and sent at once.
    package mutating func command(at now: MonotonicTime) -> ManualCommand? {
        if needsReports, !reading.isAtRest, now - readingTime > Self.silence {
            reading = DeviceReading()
            release(at: now)
        }
        steer(at: now)
        follow(at: now)
        if let asked = episodeAsked, now - asked > Self.patience {
            episodeAsked = nil
            jog.tell("no recorder answers: this run has none, or it hangs (see 'octo-bus list')")
        }
        return jog.command(at: now)
    }

    package mutating func takeRequest(at now: MonotonicTime) -> ArmRequest? { jog.takeRequest(at: now) }

    package mutating func takeWish() -> Wish? { wishes.isEmpty ? nil : wishes.removeFirst() }

    // MARK: Motion

    private mutating func steer(at now: MonotonicTime) {
        guard reading.pressed.contains(.deadMan) else {
            // Only what the device itself has moved is its to stop.
            if !isFollowing { jog.letGo(at: now) }
            return
        }
        guard !reading.isAtRest || gripper != nil else { return jog.letGo(at: now) }
        var linear = reading.linear * (jog.speed * JogSession.toolSpeed.linear)
        var angular = reading.angular * (jog.speed * JogSession.toolSpeed.angular)
        if frame == .tool, let pose = jog.state?.baseFromEEF {
            linear = pose.rotation * linear
            angular = pose.rotation * angular
        }
        jog.steer(.twist(linear: linear, angular: angular), gripper: gripper, until: now + Self.steerTime, at: now)
    }

    private mutating func follow(at now: MonotonicTime) {
        guard isFollowing, let state = jog.state, var follower else { return }
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

    private mutating func toggleGripper(at now: MonotonicTime) {
        guard reading.pressed.contains(.deadMan), !reading.isAtRest, let state = jog.state else {
            gripper = nil
            return jog.press(.sign("g"), at: now)
        }
        gripper = (gripper ?? state.setpoint.gripper) > 0.5 ? 0 : 1
    }

    private mutating func changeFrame() {
        frame = frame == .base ? .tool : .base
        jog.tell("axes of the \(frame.rawValue)")
    }

    private mutating func ask(_ action: EpisodeCommand.Action, at now: MonotonicTime) {
        wishes.append(.episode(action))
        episodeAsked = now
    }
}

extension TeleopSession {
    /// How the arm is, what is held, how the goal fits, whether an episode is recorded.
    package func lines(at now: MonotonicTime) -> [String] {
        var words: [String] = []
        if let state = jog.state {
            switch state.mode {
            case .executing: words.append("POLICY has the arm")
            case .manual: words.append("YOU have the arm")
            case .holding, .recovering: words.append("the arm holds")
            }
        }
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

    package static let help = """
        \(JogSession.help)

          p            take the goal            y  accept it (in goal mode)
          n            start or stop an episode Y N D  success, failure, discard
          T            axes of base or tool, for devices with axes
          v            follow the leader arm, or let it go

        Gamepad: hold the left shoulder button. Left stick x, y; right stick up and yaw; hat
        roll and pitch; right shoulder gripper; east EMERGENCY STOP; start reset; select home;
        north goal; west episode; south success; pressed sticks slower, faster.
        SpaceMouse: the arm moves as the puck does; left button gripper, right EMERGENCY STOP.
        """
}
