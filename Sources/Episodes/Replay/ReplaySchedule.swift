import Time

/// Decides when each recorded message is sent. Reads no file and no clock: it is told of the next message, and of the
/// time.
package struct ReplaySchedule: Sendable {
    /// How fast messages are played, and whether step by step.
    package struct Options: Equatable, Sendable {
        /// Playback speed, as a factor of the recorded one.
        package var speed: Double
        /// Whether it waits for `step` before each message that begins a step.
        package var isStepping: Bool

        package init(speed: Double = 1, isStepping: Bool = false) {
            self.speed = speed
            self.isStepping = isStepping
        }
    }
    /// What becomes of a message now.
    package enum Verdict: Equatable, Sendable {
        /// Send it now; stamps move by `timeline`.
        case send
        /// Ask again at this time.
        case wait(until: MonotonicTime)
        /// Ask again after `step`.
        case pause
    }
    /// Lateness that is made up for by sending faster; what follows a message that is later keeps its distance to it
    /// instead.
    package static let patience = Duration.milliseconds(500)

    private let options: Options
    package private(set) var timeline: ReplayTimeline
    /// A step that was asked for and has not begun.
    private var isStepDue = false
    /// The message at which it waits was let through, and waits for its time.
    private var isReleased = false
    private var isPaused = false
    /// How far messages were sent behind their time, at most, and how much time was given up.
    package private(set) var latest = Duration.zero
    package private(set) var heldBack = Duration.zero
    package private(set) var steps = 0

    /// Makes a schedule whose first instant, `recorded`, is now.
    /// - Parameter recorded: the time at which the playing begins, whether there is a message or not.
    package init(_ options: Options = Options(), from recorded: MonotonicTime, at now: MonotonicTime) {
        self.options = options
        timeline = ReplayTimeline(recorded: recorded, at: now, speed: options.speed)
    }

    /// Lets the message at which it waits, and those up to the next step, go.
    package mutating func step() { isStepDue = true }

    /// Decides what becomes of the next message.
    /// - Parameters:
    ///   - time: when it was recorded; never before that of the message sent last.
    ///   - beginsStep: whether a step begins with it.
    package mutating func verdict(on time: MonotonicTime, beginsStep: Bool, at now: MonotonicTime) -> Verdict {
        if options.isStepping && beginsStep && !isReleased {
            let due = timeline.present(of: time)
            // Until its time has come the step before is still going on.
            if !isPaused && now < due { return .wait(until: due) }
            guard isStepDue else {
                isPaused = true
                return .pause
            }
            isStepDue = false
            isReleased = true
            // However long it stood, this message is of now.
            if isPaused { timeline.anchor(time, at: now) }
            isPaused = false
            steps += 1
        }
        let due = timeline.present(of: time)
        if now < due { return .wait(until: due) }
        let late = now - due
        latest = max(latest, late)
        if late > Self.patience {
            heldBack += late
            timeline.anchor(time, at: now)
        }
        return .send
    }

    /// The message was sent: the next one is asked about anew.
    package mutating func sent() { isReleased = false }

    /// Begins again at `recorded`, now.
    package mutating func restart(from recorded: MonotonicTime, at now: MonotonicTime) {
        timeline = ReplayTimeline(recorded: recorded, at: now, speed: options.speed)
        isReleased = false
        isPaused = false
    }
}
