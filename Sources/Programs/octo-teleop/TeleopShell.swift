import CShims
import Foundation
import Images
import JSONTree
import Manifests
import Maths
import Messages
import NodeShell
import Teleop
import Time

/// The loop around a `TeleopSession`: terminal, device and bus on one thread.
struct TeleopShell {
    private static let drawPeriod = Duration.milliseconds(100)

    private let link: TeleopLink
    private let signals: Int32
    private let json: Bool
    private(set) var session: TeleopSession
    private var device: DeviceInput?
    private var leader: LeaderInput?
    /// How many readings of the leader were not believed.
    private var refusedReadings = 0
    private var decoder = KeyDecoder()
    private var input = KeyInput()
    private var screen = StatusScreen()
    private var terminal: RawTerminal?
    private var shownHelp = 0

    /// The goal that is being taken, in goal mode.
    private(set) var taking: GoalTaking?
    private var recording: GoalCommand.Recording?
    private var command: GoalCommand?
    private var nextAsking = MonotonicTime.zero
    /// No operator is at the keys: the goal is taken at once, and accepted.
    private let takesAtOnce: Bool

    init(
        link: TeleopLink, session: TeleopSession, device: DeviceInput?, leader: LeaderInput?, signals: Int32,
        json: Bool,
        recording: GoalCommand.Recording? = nil, takesAtOnce: Bool = false
    ) {
        self.link = link
        self.session = session
        self.device = device
        self.leader = leader
        self.signals = signals
        self.json = json
        self.recording = recording
        self.takesAtOnce = takesAtOnce
        if recording != nil { taking = GoalTaking(GoalTaking.Preparation(link.link.run.manifest.teleop)) }
    }

    /// Runs until the operator quits.
    /// - Throws: `NoStateError` when the arm says nothing, and what the bus throws.
    mutating func run() throws {
        guard try awaitState() else { return }
        try leader?.start()
        terminal = RawTerminal(STDIN_FILENO)
        if !json, isatty(STDOUT_FILENO) == 1 { screen.print("the run in \(link.link.run.folder)\n\(KeyHelp.short)") }
        if takesAtOnce { taking?.begin(&session, at: .now()) }
        var nextCommand = MonotonicTime.now()
        var nextDraw = nextCommand
        while true {
            let now = MonotonicTime.now()
            while octo_signal_read(signals) != 0 { session.quit(at: now) }
            for answer in link.deliver(to: &session, at: now) { receive(answer) }
            takeDevice(at: now)
            takeLeader(at: now)
            takeKeys(at: now)
            while let request = session.takeRequest(at: now) { try link.send(request) }
            if now >= nextCommand {
                if let command = session.command(at: now) { try link.send(command) }
                nextCommand = now + link.commandPeriod
            }
            try carryOutWishes(at: now)
            if now >= nextDraw {
                draw(at: now)
                nextDraw = now + Self.drawPeriod
            }
            if session.jog.isDone(at: now) { return draw(at: now) }
            let wake = min(nextCommand, nextDraw, decoder.deadline ?? nextDraw)
            let others = (input.isOpen ? [STDIN_FILENO] : []) + (device.map { [$0.descriptor] } ?? [])
            try link.link.bus.wait(until: wake, alsoOn: [signals] + others)
        }
    }

    /// Keys from before the arm has said where it is would be pressed blindly.
    /// - Returns: false when a signal came first.
    private mutating func awaitState() throws -> Bool {
        let deadline = MonotonicTime.now() + OperatorShell.firstStateTime
        while session.jog.state == nil {
            if octo_signal_read(signals) != 0 { return false }
            guard MonotonicTime.now() < deadline else {
                throw NoStateError(place: "the run in \(link.link.run.folder)")
            }
            try link.link.bus.wait(until: .now() + .milliseconds(20), alsoOn: [signals])
            _ = link.deliver(to: &session, at: .now())
        }
        return true
    }

    // MARK: What comes in

    private mutating func takeKeys(at now: MonotonicTime) {
        if input.isOpen {
            var keys = decoder.receive(input.read(), at: now)
            if !input.isOpen { keys += decoder.finish() }
            for key in keys { session.press(key, at: now) }
        }
        // A device in the hand goes on without a keyboard, as do a leader that is followed and a goal that is being
        // taken.
        if !input.isOpen, device == nil, leader == nil || !session.isFollowing, !isBusyWithGoal { session.finishKeys() }
    }

    private var isBusyWithGoal: Bool {
        switch taking?.phase {
        case nil, .driving, .taken: false
        case .openingGripper, .goingToPose, .taking, .accepted: true
        }
    }

    private mutating func takeDevice(at now: MonotonicTime) {
        guard var present = device else { return }
        do throws(DeviceInput.Failure) {
            for reading in try present.read(at: now) { session.receive(reading, at: now) }
            device = present
        } catch {
            present.close()
            device = nil
            session.loseDevice("\(error)", at: now)
            if !json { screen.print("\(error)") }
        }
    }

    private mutating func takeLeader(at now: MonotonicTime) {
        guard let leader else { return }
        do {
            guard let reading = try leader.take() else { return }
            refusedReadings = reading.refused
            session.receive(leader: reading.positions, gripper: reading.gripper, at: reading.time)
        } catch {
            self.leader = nil
            session.loseDevice("\(error)", at: now)
            if !json { screen.print("\(error)") }
        }
    }

    // MARK: Wishes

    private mutating func carryOutWishes(at now: MonotonicTime) throws {
        while let wish = session.takeWish() {
            switch wish {
            case .takeGoal:
                if taking == nil { session.tell("to take goals, start 'octo-teleop goal NAME'") }
                if taking?.isTaking == false { command = nil }
                taking?.begin(&session, at: now)
            case .acceptGoal:
                if taking == nil { session.tell("there is no goal to accept") }
                taking?.accept(&session)
            case .episode(let action, let number): try link.send(action, number: number)
            }
        }
        if taking?.advance(&session, at: now) == true || taking?.isTaking == true && command == nil { ask() }
        if let command, taking?.isTaking == true, now >= nextAsking {
            try link.send(command)
            nextAsking = now + NodeExchange.repeatPeriod
        }
        if case .accepted = taking?.phase { session.quit(at: now) }
        // Nobody is there to try it again.
        if takesAtOnce, taking?.phase == .driving { session.quit(at: now) }
    }

    private mutating func ask() {
        guard var wanted = recording else { return }
        wanted.replaces = wanted.replaces || taking?.retakes == true
        command = link.makeGoalCommand(wanted)
        nextAsking = .zero
    }

    private mutating func receive(_ answer: GoalResult) {
        guard let command, answer.answers(command) else { return }
        self.command = nil
        taking?.receive(answer, &session)
        guard case .taken = taking?.phase else { return }
        if !json { preview(answer.path) }
        if takesAtOnce { taking?.accept(&session) }
    }

    /// Rows that the state and what was said last take.
    private static let liveRows = 11

    /// The pictures of a goal, where the terminal shows colours; in each case where they lie.
    private mutating func preview(_ path: String) {
        var text = "goal in \(path)"
        if Terminal.showsColours, let folder = try? ImageFolder(path: path, pattern: "*.png") {
            let pictures = folder.paths.compactMap { try? RGBImage(contentsOf: $0) }
            let size = Terminal.size
            // What is live below them stays on the screen.
            if let sheet = RGBImage.tiled(pictures, columns: 2, gap: 0) {
                let rows = max(6, min(24, size.rows - Self.liveRows))
                text += "\n" + sheet.terminalLines(columns: size.columns, lines: rows).joined(separator: "\n")
            }
        }
        screen.print(text)
    }

    // MARK: The screen

    private mutating func draw(at now: MonotonicTime) {
        if json {
            guard let state = session.jog.state else { return }
            return Terminal.say(state.json(of: link.arm, extra: members).text())
        }
        if session.jog.helpRequests != shownHelp {
            shownHelp = session.jog.helpRequests
            screen.print(KeyHelp.page(shownHelp, of: TeleopSession.pages))
        }
        screen.show(
            session.lines(at: now),
            words: [session.jog.held, session.jog.message].filter { !$0.isEmpty }.joined(separator: " | "))
    }

    private var members: [JSONNode.Member] {
        let goal = taking.map { [JSONNode.Member(key: "goal_phase", value: JSONNode($0.phaseName))] } ?? []
        return goal + [
            .init(key: "controller", value: JSONNode(session.holder(at: .now())?.rawValue ?? "unknown")),
            .init(key: "state_rate_hz", value: JSONNode(number: session.stateRate ?? 0)),
            .init(key: "frame", value: JSONNode(session.frame.rawValue)),
            .init(key: "speed", value: JSONNode(number: session.jog.speed)),
            .init(key: "is_moving", value: JSONNode(.bool(session.jog.isMoving))),
            .init(key: "is_following", value: JSONNode(.bool(session.isFollowing))),
            .init(key: "leader_refused", value: JSONNode(refusedReadings)),
            .init(key: "is_unconfirmed", value: JSONNode(.bool(session.isUnconfirmed))),
            .init(key: "goal_fit", value: JSONNode("\(session.fit?.verdict ?? .unknown)")),
            .init(key: "is_recording", value: JSONNode(.bool(session.episode?.isRecording ?? false))),
            .init(
                key: "message",
                value: JSONNode(
                    [session.jog.held, session.jog.message].filter { !$0.isEmpty }.joined(separator: " | "))),
        ]
    }

    /// The terminal first: it must be usable again whatever the arm does.
    mutating func end() {
        screen.end()
        terminal?.restore()
        leader?.stop()
        device?.close()
        link.close()
    }
}
