import ArgumentParser
import CShims
import Foundation
import JSONTree
import Messages
import NodeShell
import Teleop
import Time

/// Moves an arm by keys.
struct JogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jog",
        abstract: "Move joints, tool and gripper from the keyboard, inside the arm's safety envelope.",
        discussion: """
            Begin with the arm free, a hand at its power switch and a low speed ('['). In a run the policy gives way \
            while a key is held, and goes on afterwards; 'octo-arm jog --manifest robot.json' moves the arm without a \
            run.

            \(JogSession.help)

            Standard input need not be a terminal: bytes are keys, and the end of input quits once the motion is over, \
            as in

              (printf 1; sleep 0.5; printf +) | octo-arm jog --json

            Exit codes: 0 quit, 1 the arm was lost or did not confirm an emergency stop, 2 the arm cannot be opened.
            """)

    @OptionGroup var choice: ArmChoice
    @Flag(help: "Print a JSON line with the arm's state ten times a second instead of the screen.")
    var json = false

    func run() throws {
        let signals = try OperatorShell.begin("octo-arm")
        let handle = try choice.open()
        var shell = JogShell(handle: handle, signals: signals, json: json)
        defer { shell.end() }
        try working { try shell.run() }
        if shell.session.isStopUnconfirmed { throw WorkFailure(shell.session.message) }
    }
}

/// The loop around a `JogSession`.
private struct JogShell {
    private static let drawPeriod = Duration.milliseconds(100)

    private let handle: any ArmHandle
    private let signals: Int32
    private let json: Bool
    private(set) var session: JogSession
    private var decoder = KeyDecoder()
    private var input = KeyInput()
    private var screen = StatusScreen()
    private var terminal: RawTerminal?
    private var shownHelp = 0

    init(handle: any ArmHandle, signals: Int32, json: Bool) {
        self.handle = handle
        self.signals = signals
        self.json = json
        session = JogSession(arm: handle.arm, at: .now())
    }

    mutating func run() throws {
        guard try awaitState() else { return }
        terminal = RawTerminal(STDIN_FILENO)
        if !json, isatty(STDOUT_FILENO) == 1 { screen.print("\(handle.place)\n\(KeyHelp.short)") }
        var nextCommand = MonotonicTime.now()
        var nextDraw = nextCommand
        while true {
            let now = MonotonicTime.now()
            while octo_signal_read(signals) != 0 { session.quit(at: now) }
            while let state = handle.takeState() { session.receive(state, at: now) }
            takeKeys(at: now)
            while let request = session.takeRequest(at: now) { try handle.send(request) }
            if now >= nextCommand {
                if let command = session.command(at: now) { try handle.send(command) }
                nextCommand = now + handle.commandPeriod
            }
            if now >= nextDraw {
                draw(at: now)
                nextDraw = now + Self.drawPeriod
            }
            if session.isDone(at: now) { return draw(at: now) }
            let wake = min(nextCommand, nextDraw, decoder.deadline ?? nextDraw)
            try handle.wait(until: wake, alsoOn: [signals] + (input.isOpen ? [STDIN_FILENO] : []))
        }
    }

    /// Waits until the arm has said where it is: keys from before that would be pressed blindly.
    /// - Returns: false when a signal came first.
    private mutating func awaitState() throws -> Bool {
        let deadline = MonotonicTime.now() + OperatorShell.firstStateTime
        while session.state == nil {
            let now = MonotonicTime.now()
            if octo_signal_read(signals) != 0 { return false }
            guard now < deadline else { throw NoStateError(place: handle.place) }
            try handle.wait(until: now + .milliseconds(20), alsoOn: [signals])
            while let state = handle.takeState() { session.receive(state, at: .now()) }
        }
        return true
    }

    private mutating func takeKeys(at now: MonotonicTime) {
        guard input.isOpen else { return }
        var keys = decoder.receive(input.read(), at: now)
        if !input.isOpen { keys += decoder.finish() }
        for key in keys { session.press(key, at: now) }
        if !input.isOpen { session.finishKeys() }
    }

    private mutating func draw(at now: MonotonicTime) {
        if json {
            guard let state = session.state else { return }
            return Terminal.say(state.json(of: handle.arm, extra: members).text())
        }
        if session.helpRequests != shownHelp {
            shownHelp = session.helpRequests
            screen.print(KeyHelp.page(shownHelp, of: JogSession.pages))
        }
        var lines = session.lines(at: now)
        if let trouble = handle.trouble { lines.append(trouble) }
        screen.show(lines, words: [session.held, session.message].filter { !$0.isEmpty }.joined(separator: " | "))
    }

    private var members: [JSONNode.Member] {
        [
            .init(key: "jog_mode", value: JSONNode(session.mode.rawValue)),
            .init(key: "jog_joint", value: JSONNode(handle.arm.joints[session.joint])),
            .init(key: "speed", value: JSONNode(number: session.speed)),
            .init(key: "is_moving", value: JSONNode(.bool(session.isMoving))),
            .init(
                key: "message",
                value: JSONNode([session.held, session.message].filter { !$0.isEmpty }.joined(separator: " | "))),
        ]
    }

    /// Gives terminal and arm back; the terminal first, which must be usable again whatever the arm does.
    mutating func end() {
        screen.end()
        terminal?.restore()
        handle.close()
    }
}
