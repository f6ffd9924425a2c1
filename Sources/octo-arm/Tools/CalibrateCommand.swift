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
        abstract: "Measures offsets and limits of the servos, moved by hand, and keeps them in servos and file.",
        discussion: """
            The servos' torque is switched off: hold the arm. Five steps show the live positions and wait for Enter; b goes
            back, q gives up and puts everything back. After Ctrl-C, a lost cable or a power cut the same command goes on
            where it was. Nothing moves by itself.

            The file is replaced as a whole at the end; the old one stays beside it under a dated name.
            """)

    @OptionGroup var options: ArmOptions

    @Flag(help: "Forgets a calibration that is under way, and begins anew.")
    var restart = false

    func run() throws {
        let arm = try options.arm()
        let line = try arm.openLine()
        do {
            var dialogue = CalibrationDialogue(arm: arm, line: line, session: try session(arm, line))
            try dialogue.run()
        } catch let code as ExitCode {
            throw code
        } catch {
            throw Console.fail(error)
        }
    }

    private func session(_ arm: ToolArm, _ line: ServoLine<SerialPort>) throws -> CalibrationSession {
        let spans = arm.calibration.joints.map { $0.lower...$0.upper }
        if restart { arm.file.draft.remove() }
        if let text = try arm.file.draft.read() {
            guard let draft = try? JSONNode(parsing: text),
                let session = CalibrationSession(layout: arm.layout, names: arm.names, spans: spans, draft: draft)
            else { throw CalibrateError.otherDraft(arm.file.draft.path) }
            print("going on with the calibration that is under way in \(arm.file.draft.path); --restart begins anew")
            return session
        }
        let before = try line.registers(of: arm.layout.ids)
        return CalibrationSession(layout: arm.layout, names: arm.names, spans: spans, before: before)
    }
}

enum CalibrateError: Error, CustomStringConvertible {
    case otherDraft(String)

    var description: String {
        switch self {
        case .otherDraft(let path):
            "going on with the calibration in \(path): it is of another arm or damaged, expected one of this arm. Begin anew with "
                + "--restart."
        }
    }
}

/// Carries positions and answers to a session, and its prompts to the terminal.
private struct CalibrationDialogue {
    private static let look = Duration.milliseconds(50)
    private static let redraw = Duration.milliseconds(100)

    let arm: ToolArm
    let line: ServoLine<SerialPort>
    var session: CalibrationSession
    private var screen = Screen()
    private var input = LineInput()

    init(arm: ToolArm, line: ServoLine<SerialPort>, session: CalibrationSession) {
        (self.arm, self.line, self.session) = (arm, line, session)
    }

    mutating func run() throws {
        let signals = octo_signal_fd()
        defer { screen.end() }
        try perform(session.begin())
        var shown: CalibrationSession.Stage?
        var nextDraw = MonotonicTime.now()
        while !session.isOver {
            session.observe(try line.positions(of: arm.layout.leaders))
            if shown != session.stage {
                screen.say(session.prompt)
                shown = session.stage
            }
            if MonotonicTime.now() >= nextDraw {
                screen.draw(session.table)
                nextDraw = .now() + Self.redraw
            }
            guard octo_signal_read(signals) == 0, !input.hasEnded else { return pause() }
            guard let text = input.wait(until: .now() + Self.look, orFor: signals) else { continue }
            try hear(text.trimmingCharacters(in: .whitespaces).lowercased())
            if session.stage != shown || session.isOver { screen.leave(session.table) }
        }
    }

    private mutating func hear(_ text: String) throws {
        let answers: [String: CalibrationSession.Answer] = ["": .next, "b": .back, "q": .quit]
        guard let answer = answers[text] else { return screen.say("found '\(text)', expected Enter, b or q") }
        try perform(session.answer(answer))
        if let problem = session.problem { screen.say(problem) }
    }

    private mutating func perform(_ actions: [CalibrationSession.Action]) throws {
        for action in actions {
            switch action {
            case .write, .align: try line.perform(action)
            case .keepDraft: try arm.file.draft.write(session.draft.text(columns: 120) + "\n")
            case .save:
                screen.say(try arm.save(session.result, at: Date()))
                arm.file.draft.remove()
            case .discard:
                arm.file.draft.remove()
                screen.say("nothing was kept; the servos have their old registers")
            }
        }
    }

    private mutating func pause() {
        screen.say("stopped at step '\(session.stage.rawValue)'; the same command goes on there. Until then the arm does not start")
    }
}

/// Lines on standard output; a table that is drawn over itself where that is a terminal.
private struct Screen {
    private let isTerminal = isatty(STDOUT_FILENO) == 1
    private var drawn = 0

    mutating func say(_ text: String) {
        drawn = 0
        print(text)
        fflush(nil)
    }

    mutating func draw(_ lines: [String]) {
        guard isTerminal else { return }
        var text = drawn > 0 ? "\u{1B}[\(drawn)A" : ""
        for line in lines { text += "\r\u{1B}[K\(line)\n" }
        drawn = lines.count
        print(text, terminator: "")
        fflush(nil)
    }

    /// What stays on the screen when a step is over; without a terminal its only table.
    mutating func leave(_ lines: [String]) {
        if !isTerminal { print(lines.joined(separator: "\n")) }
        drawn = 0
        fflush(nil)
    }

    mutating func end() { fflush(nil) }
}

/// Lines of standard input, as they come.
private struct LineInput {
    private var bytes: [UInt8] = []
    private(set) var hasEnded = false

    /// - Returns: the next line; nil at the deadline, or when the other descriptor has something.
    mutating func wait(until deadline: MonotonicTime, orFor other: Int32) -> String? {
        if let line = takeLine() { return line }
        var polled = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0), pollfd(fd: other, events: Int16(POLLIN), revents: 0),
        ]
        _ = octo_poll_until_ns(&polled, 2, deadline.nanoseconds)
        guard polled[0].revents != 0 else { return nil }
        var piece = [UInt8](repeating: 0, count: 1_024)
        let count = read(STDIN_FILENO, &piece, piece.count)
        if count <= 0 { hasEnded = true } else { bytes += piece[..<count] }
        return takeLine()
    }

    private mutating func takeLine() -> String? {
        guard let end = bytes.firstIndex(of: 10) else { return nil }
        let line = String(decoding: bytes[..<end], as: UTF8.self)
        bytes.removeSubrange(...end)
        return line
    }
}
