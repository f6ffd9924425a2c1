import ArgumentParser
import ArmDrivers
import CShims
import Control
import Foundation
import JSONTree
import NodeShell
import ServoTools
import Time

/// Measures offsets and limits of an arm with a person who moves it.
struct CalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Measure offsets and limits of the servos, moved by hand, and keep them in servos and file.",
        discussion: """
            Hold the arm: after the first Enter its torque is switched off. Nothing is written to the servos before \
            that, and all that they remember is kept in a draft beside the file first. Five steps show the live \
            positions and wait for Enter; b goes back, q gives up and gives the servos everything back. After Ctrl-C, \
            a lost cable or a power cut the same command goes on where it was, with the same arm: another one is \
            refused. Nothing moves by itself.

            The file is replaced as a whole at the end; the old one stays beside it under a dated name.
            """)

    @OptionGroup var options: ArmOptions

    @Flag(help: "Forget the steps of a calibration that is under way, and begin anew.")
    var restart = false

    func run() throws {
        let arm = try options.arm()
        let line = try arm.openLine()
        try working {
            var dialogue = CalibrationDialogue(arm: arm, line: line, session: try session(arm, line))
            try dialogue.run()
        }
    }

    /// Begins a session: reads everything, and writes nothing.
    private func session(_ arm: ToolArm, _ line: ServoLine<SerialPort>) throws -> CalibrationSession {
        let found = try line.registers(of: arm.layout.ids)
        let adapter = SerialDevices.stableName(of: arm.port, in: "/dev")
        let fresh = CalibrationSession(
            layout: arm.layout, names: arm.names, spans: arm.spans, before: found,
            origin: .init(adapter: adapter, date: ToolArm.stamp("yyyy-MM-dd HH:mm", Date())))
        guard let text = try arm.file.draft.read() else { return fresh }
        let path = arm.file.draft.path
        guard let draft = try? JSONNode(parsing: text),
            var session = CalibrationSession(layout: arm.layout, names: arm.names, spans: arm.spans, draft: draft)
        else {
            guard restart else { throw CalibrateError.damagedDraft(path) }
            return try aside(arm, fresh)
        }
        // Where nothing was written there is nothing to go on with.
        guard session.hasWritten else { return fresh }
        let differences = session.differences(from: found, adapter: adapter)
        guard differences.isEmpty else {
            guard restart else { throw CalibrateError.otherArm(path, begun: session.origin.date, differences) }
            return try aside(arm, fresh)
        }
        if restart {
            session.beginAnew()
        } else {
            print("going on with the calibration that is under way in \(path); --restart begins anew")
        }
        return session
    }

    /// Puts the draft of another arm aside: it alone knows what that arm's servos had.
    private func aside(_ arm: ToolArm, _ fresh: CalibrationSession) throws -> CalibrationSession {
        if let kept = try arm.file.draft.keepOld(stamp: ToolArm.stamp("yyyy-MM-dd'T'HH-mm-ss", Date())) {
            print(
                "the other draft is now \(kept). To give that arm its registers back, connect it, move the draft to "
                    + "\(arm.file.draft.path), and answer q")
        }
        return fresh
    }
}

enum CalibrateError: Error, CustomStringConvertible {
    case damagedDraft(String)
    case otherArm(String, begun: String, [String])
    case nobody

    var description: String {
        switch self {
        case .damagedDraft(let path):
            "going on with the calibration in \(path): it is of another layout, of an older release, or damaged, "
                + "expected one of this arm. Nothing was written to the servos. --restart begins anew, and keeps that "
                + "draft under a dated name."
        case .otherArm(let path, let begun, let differences):
            "going on with the calibration of \(begun) in \(path): this is not the arm that it was begun with:"
                + differences.map { "\n  \($0)" }.joined()
                + "\nNothing was written to this arm. Connect the other one to go on with it, or to give it its "
                + "registers back (q). --restart begins anew with this arm, and keeps the other's draft under a dated "
                + "name."
        case .nobody:
            "asking for the arm to be held: standard input ended, expected Enter from a person at a terminal. Nothing "
                + "was written to the servos, and their torque is as it was."
        }
    }
}

/// Carries positions and answers to a session, and its prompts to the terminal.
private struct CalibrationDialogue {
    private static let look = Duration.milliseconds(50)
    private static let redraw = Duration.milliseconds(100)
    private static let retryPause = Duration.milliseconds(300)

    let arm: ToolArm
    let line: ServoLine<SerialPort>
    var session: CalibrationSession
    private var screen = Screen()
    private var input = LineInput()
    private let signals = octo_signal_fd()
    /// What was last said of servos that do not answer.
    private var complaint: String?

    init(arm: ToolArm, line: ServoLine<SerialPort>, session: CalibrationSession) {
        (self.arm, self.line, self.session) = (arm, line, session)
    }

    mutating func run() throws {
        defer { screen.end() }
        guard try perform(session.begin()) else { return pause() }
        var shown: String?
        var nextDraw = MonotonicTime.now()
        while !session.isOver {
            look()
            if shown != session.prompt {
                screen.say(session.prompt)
                shown = session.prompt
            }
            if MonotonicTime.now() >= nextDraw {
                screen.draw(session.table)
                nextDraw = .now() + Self.redraw
            }
            if input.hasEnded, !session.isLoose { return try leave() }
            guard !isInterrupted, !input.hasEnded else { return pause() }
            guard let text = input.wait(until: .now() + Self.look, orFor: signals) else { continue }
            let answered = session.table
            guard try hear(text.trimmingCharacters(in: .whitespaces).lowercased()) else { return pause() }
            if session.prompt != shown || session.isOver { screen.leave(answered) }
        }
    }

    private var interruption = false
    private var isInterrupted: Bool {
        mutating get {
            if octo_signal_read(signals) != 0 { interruption = true }
            return interruption
        }
    }

    /// Takes a line that the person typed.
    /// - Returns: false if it was interrupted.
    private mutating func hear(_ text: String) throws -> Bool {
        let answers: [String: CalibrationSession.Answer] = ["": .next, "b": .back, "q": .quit]
        guard let answer = answers[text] else {
            screen.say("found '\(text)', expected Enter, b or q")
            return true
        }
        guard try perform(session.answer(answer)) else { return false }
        if let problem = session.problem { screen.say(problem) }
        return true
    }

    /// Carries actions out.
    /// - Returns: false if it was interrupted.
    private mutating func perform(_ actions: [CalibrationSession.Action]) throws -> Bool {
        for action in actions {
            switch action {
            case .write, .align:
                guard try insist(action) else { return false }
            case .keepDraft(let draft): try arm.file.draft.write(draft.text(columns: 120) + "\n")
            case .save:
                screen.say(try arm.save(session.result, at: Date()))
                arm.file.draft.remove()
            case .discard:
                arm.file.draft.remove()
                screen.say(session.farewell)
            }
        }
        return true
    }

    // MARK: - A line that comes and goes

    /// Reads the servos; a cable that is out for a while loses nothing.
    private mutating func look() {
        do throws(ServoToolError) {
            session.observe(try line.positions(of: arm.layout.leaders))
            complain(session.silence)
        } catch {
            session.observe([:])
            complain("\(error) Nothing is lost; it goes on when it is back")
            line.reopen()
        }
    }

    private mutating func complain(_ text: String?) {
        guard text != complaint else { return }
        complaint = text
        screen.say(text ?? "all servos answer again")
    }

    /// Carries a write out, once its servo is there.
    /// - Returns: false if it was interrupted.
    private mutating func insist(_ action: CalibrationSession.Action) throws -> Bool {
        while true {
            do throws(ServoToolError) {
                try line.perform(action)
                complain(session.silence)
                return true
            } catch {
                switch error {
                case .silent: complain("\(error) It is tried again until it does; Ctrl-C stops")
                case .port:
                    complain("\(error) It is tried again until it is; Ctrl-C stops")
                    line.reopen()
                default: throw error
                }
            }
            octo_sleep_until_ns((MonotonicTime.now() + Self.retryPause).nanoseconds)
            if isInterrupted { return false }
        }
    }

    // MARK: - Ends

    private mutating func pause() {
        guard session.hasWritten else {
            arm.file.draft.remove()
            return screen.say("stopped; nothing was written to the servos")
        }
        screen.say(
            "stopped at step '\(session.stage.rawValue)'; the same command goes on there. Until then the arm does not "
                + "start"
        )
    }

    /// Ends the session; nobody holds the arm, so nothing is done to it.
    private mutating func leave() throws {
        if !session.hasWritten { arm.file.draft.remove() }
        throw CalibrateError.nobody
    }
}
