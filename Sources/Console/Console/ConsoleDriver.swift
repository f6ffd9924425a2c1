import Manifests
import Maths
import Messages
import Teleop
import Time

/// The arm in the hands of the people at the pages: one at a time, with a dead-man switch that ends as soon as a page
/// is silent. What the hand does becomes motion in a `TeleopSession`, as with every other device.
struct ConsoleDriver: Sendable {
    /// A page that says nothing for so long has let go.
    static let silence = Duration.milliseconds(300)

    /// That the arm was let go is said for some time yet.
    private static let aftermath = Duration.seconds(2)

    /// What was last said of the hand's motion is told for so long.
    private static let memory = Duration.seconds(20)

    /// A goal that is being taken for a page.
    struct Taking: Sendable {
        var steps: GoalTaking
        let viewer: Int
        let request: UInt64
        let recording: GoalCommand.Recording
        var lastWord: MonotonicTime
    }

    private(set) var session: TeleopSession
    private let preparation: GoalTaking.Preparation
    private let period: Duration
    private var nextCommand = MonotonicTime.zero
    /// Page that holds the dead-man switch; nil: nobody.
    private(set) var viewer: Int?
    private var lastWord = MonotonicTime.zero
    private(set) var taking: Taking?
    private var held = DeviceReading()
    /// Pages that have to let go before they move the arm again.
    private(set) var stalled: Set<Int>
    /// The arm is held still, out of the policy's hands, for the goal that is being taken.
    private var holdsForTaking = false

    /// Makes a driver whom nobody has heard of yet.
    /// - Parameters:
    ///   - period: time after which a motion is said again so that it lasts.
    ///   - stalled: pages that have to let go before they move the arm.
    init(
        arm: TeleopArm, preparation: GoalTaking.Preparation, period: Duration, stalled: Set<Int> = [],
        at now: MonotonicTime
    ) {
        session = TeleopSession(arm: arm, needsReports: true, at: now)
        self.preparation = preparation
        self.period = period
        self.stalled = stalled
    }

    mutating func receive(_ state: ArmState, at now: MonotonicTime) { session.receive(state, at: now) }

    /// A page says where its axes stand.
    /// - Returns: why it may not move the arm; nil where it may.
    mutating func drive(
        _ page: Int, isDeadManHeld: Bool, linear: Vector3, angular: Vector3, at now: MonotonicTime
    ) -> String? {
        guard isDeadManHeld else {
            if viewer == page { letGo("", at: now) }
            stalled.remove(page)
            return nil
        }
        // Words that were held up on the way come all at once, when the hand may be gone long since.
        if viewer == page, now - lastWord > TeleopSession.silence {
            letGo("the page stalled: let go, and hold again", at: now)
            stalled.insert(page)
        }
        if stalled.contains(page) { return "the connection stalled: let go, and hold again" }
        if let viewer, viewer != page { return "page \(viewer) moves the arm" }
        if let taking, taking.steps.phaseName != "taken" { return "a goal is being taken: the arm stays where it is" }
        viewer = page
        lastWord = now
        var reading = DeviceReading()
        (reading.linear, reading.angular) = (linear, angular)
        (reading.pressed, reading.hasSwitch) = ([.deadMan], true)
        session.receive(reading, at: now)
        held = reading
        return nil
    }

    /// A button beside the axes is pressed once.
    mutating func press(_ button: DeviceReading.Button, by page: Int, at now: MonotonicTime) -> String? {
        if let viewer, viewer != page { return "page \(viewer) moves the arm" }
        var reading = viewer == page ? held : DeviceReading()
        reading.hasSwitch = true
        reading.pressed.insert(button)
        session.receive(reading, at: now)
        reading.pressed.remove(button)
        session.receive(reading, at: now)
        return nil
    }

    /// A page is gone, or cannot be heard.
    mutating func leave(_ page: Int, at now: MonotonicTime) {
        if viewer == page { letGo("the page that moved the arm is gone", at: now) }
        stalled.remove(page)
        if taking?.viewer == page { abandonMotion(at: now) }
    }

    /// The run is over: a hand that still holds the switch does not move the next one's arm.
    mutating func end(at now: MonotonicTime) {
        if let viewer {
            letGo("the run has ended", at: now)
            stalled.insert(viewer)
        }
        abandonMotion(at: now)
        endTaking()
    }

    mutating func hear(_ page: Int, at now: MonotonicTime) {
        if taking?.viewer == page { taking?.lastWord = now }
    }

    private mutating func letGo(_ words: String, at now: MonotonicTime) {
        viewer = nil
        lastWord = now
        held = DeviceReading()
        session.loseDevice(words, at: now)
    }

    // MARK: Goals

    /// Begins to take a goal for a page.
    /// - Returns: why not; nil where it has begun.
    mutating func take(
        _ recording: GoalCommand.Recording, for page: Int, request: UInt64, at now: MonotonicTime
    ) -> String? {
        if let taking { return "page \(taking.viewer) takes the goal '\(taking.recording.name)'" }
        if viewer != nil { return "the arm is being moved: let it go first" }
        var steps = GoalTaking(preparation)
        steps.begin(&session, at: now)
        taking = Taking(steps: steps, viewer: page, request: request, recording: recording, lastWord: now)
        return nil
    }

    /// Goes on with the goal that is being taken.
    /// - Returns: whether the goal node is to be asked for it now.
    mutating func advanceTaking(at now: MonotonicTime) -> Bool {
        guard let present = taking else { return false }
        if isMovingAside, now - present.lastWord > Self.silence { abandonMotion(at: now) }
        let asksNow = taking?.steps.advance(&session, at: now) ?? false
        return asksNow || taking?.steps.isTaking == true
    }

    /// The answer of the goal node to what was asked for the goal.
    mutating func receive(_ result: GoalResult) { taking?.steps.receive(result, &session) }

    /// Why the taking came to nothing, where it did.
    var takingFailure: String? {
        guard let taking, taking.steps.phase == .driving else { return nil }
        let failure = Self.withoutKeys(taking.steps.failure)
        return failure.isEmpty ? "nothing was taken" : failure
    }

    mutating func endTaking() { taking = nil }

    /// Whoever takes a goal has the arm until the pictures are taken: in the policy's hands they would not settle.
    private mutating func holdForTaking(at now: MonotonicTime) {
        let holds = taking.map { now - $0.lastWord <= Self.silence } ?? false
        guard viewer == nil, holds || holdsForTaking else { return }
        holdsForTaking = holds
        var reading = DeviceReading()
        reading.hasSwitch = true
        if holds { reading.pressed = [.deadMan] }
        session.receive(reading, at: now)
        lastWord = now
    }

    /// Whether the arm moves, or is about to, for the goal that is being taken.
    private var isMovingAside: Bool {
        switch taking?.steps.phase {
        case .openingGripper, .goingToPose: true
        case nil, .driving, .taking, .taken, .accepted: false
        }
    }

    /// Ends the way out of the cameras' sight; the taking fails by itself then.
    private mutating func abandonMotion(at now: MonotonicTime) {
        guard isMovingAside else { return }
        taking?.steps.abandon("the page that takes the goal is gone", &session, at: now)
    }

    // MARK: What goes out

    /// What is going on, in words for people who have no keys of octo-teleop.
    func words(at now: MonotonicTime) -> [String] {
        // Before anybody drives, the session's words are about keys; and why a hand let go is soon of the past.
        guard lastWord > .zero, viewer != nil || now - lastWord < Self.memory else { return [] }
        return [session.jog.held, Self.withoutKeys(session.jog.message)].filter { !$0.isEmpty }
    }

    /// What a session says, for people who have no keys: after the reason of a refusal comes the key that mends it in a
    /// terminal.
    private static func withoutKeys(_ words: String) -> String {
        guard words.contains("not moved: ") else { return words }
        let reason = words.split(separator: "; ").dropLast().joined(separator: "; ")
        return reason.isEmpty ? words : reason
    }

    /// The motion to send now, if it is time for one.
    mutating func command(at now: MonotonicTime) -> ManualCommand? {
        if let viewer, now - lastWord > Self.silence {
            letGo("page \(viewer) said nothing for \(Self.silence.inSeconds) s: let go", at: now)
            stalled.insert(viewer)
        }
        guard now >= nextCommand else { return nil }
        nextCommand = now + period
        holdForTaking(at: now)
        return session.command(at: now)
    }

    /// Time at which `command` is to be asked next; nil when nobody has anything to do with the arm.
    func wake(at now: MonotonicTime) -> MonotonicTime? {
        viewer != nil || taking != nil || now - lastWord < Self.aftermath ? nextCommand : nil
    }
}
