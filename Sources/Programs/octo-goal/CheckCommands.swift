import ArgumentParser
import Bus
import CShims
import Foundation
import Goals
import Images
import JSONTree
import Messages
import NodeShell
import SceneFit
import Time
import Wire

/// Exit codes of a fit, beside those all programs share.
extension GoalFit.Verdict {
    var exitCode: ExitCode {
        switch self {
        case .green: .success
        case .amber: ExitCode(3)
        case .red: ExitCode(4)
        case .unknown: ExitCode(5)
        }
    }
}

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Say whether a goal fits what the cameras see now, and why not.",
        discussion: """
            Without a name it is the goal that is set. The picture of --overlay has, for each camera, the goal, the \
            live view, both laid over each other, where they differ (bright is much), and their edges (goal red, live \
            cyan): turn the camera until it is sharp again, with --watch refreshing it.

            Without a running robot give the live pictures as files: --live primary=now.png.

            How much is too much was measured for the robot's policy where its checkpoint folder has a goal_fit.json \
            (octo-eval align writes it): amber where success falls by a tenth, red where it halves. Else usual limits \
            hold. What no picture tells before the run: whether the thing to be moved may stand elsewhere than it did. \
            A goal shows where it is to come to; how far its place at the beginning matters is in the README's figure.

            Exit codes: 0 green, 3 amber, 4 red, 5 unknown; 2 it cannot be checked (no such goal or run, no frames).
            """)

    @Argument(help: "The goal's name in the library; without one, the goal that is set.")
    var name: String?

    @Option(help: ArgumentHelp("Write goal and live view, laid over each other, to this PNG file.", valueName: "file"))
    var overlay: String?

    @Option(
        help: ArgumentHelp("Take this picture for a running camera's. May be repeated.", valueName: "camera=file"))
    var live: [String] = []

    @Flag(help: "Check again every second, until Ctrl-C.")
    var watch = false

    @Flag(help: "Print one JSON object a check in place of text.")
    var json = false

    @OptionGroup var choice: LibraryChoice

    func validate() throws {
        if !live.isEmpty, watch { throw ValidationError("--watch needs a running robot, not --live.") }
        if !live.isEmpty, name == nil { throw ValidationError("--live needs the goal's name.") }
    }

    func run() throws {
        let verdict = try live.isEmpty ? checkRun() : checkFiles()
        if verdict != .green { throw verdict.exitCode }
    }

    private func checkRun() throws -> GoalFit.Verdict {
        let goals = try GoalOperator(choice.runOption)
        let library = choice.library(of: goals)
        let signals = watch ? octo_signal_fd() : -1
        let (cameras, armViews) = (try goals.policyCameras(), try goals.link.run.manifest.armViews())
        let limits = try goals.fitLimits()
        while true {
            let (goal, record) = try chosen(from: library, goals)
            guard !goal.views.isEmpty else {
                print("\(goal.isNone ? "no goal is set" : "the goal is a sentence"): there is nothing to compare")
                return .unknown
            }
            let frames = try goals.frames(of: goal.views.map(\.camera))
            let arm = armViews.isEmpty ? nil : try goals.armPositions()
            let fit = GoalFit(
                of: goal, record: record, cameras: cameras, onArm: goals.camerasOnArm, armViews: armViews, arm: arm,
                limits: limits, frames: frames, wall: .now(), at: .now())
            let verdict = try tell(fit, goal, frames)
            guard watch else { return verdict }
            try goals.link.bus.wait(until: .now() + .seconds(1), alsoOn: [signals])
            if octo_signal_read(signals) != 0 { return verdict }
        }
    }

    private func chosen(from library: GoalLibrary, _ goals: GoalOperator) throws -> (Goal, GoalRecord?) {
        if let name {
            let record = try library.load(name)
            return (record.goal(folder: library.path(of: name)), record)
        }
        let goal = try goals.currentGoal()
        // What the library knows of how it was taken.
        let record = try? library.load(goal.name)
        return (goal, record?.id == goal.id ? record : nil)
    }

    private func checkFiles() throws -> GoalFit.Verdict {
        let library = try choice.open()
        let record = try library.load(name ?? "")
        var frames: [String: CameraFrame] = [:]
        for text in live {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw ValidationError("--live \(text): give camera=file, such as primary=now.png.")
            }
            let camera = String(text[..<equals])
            let image = try RGBImage(contentsOf: String(text[text.index(after: equals)...]))
            frames[camera] = CameraFrame(
                camera: camera, deviceID: "", sequence: 0, captureTime: .now(), pixels: .rgb8(image), contentHash: 0)
        }
        let goal = record.goal(folder: library.path(of: record.name))
        let fit = GoalFit(of: goal, record: record, cameras: Set(frames.keys), frames: frames, wall: .now(), at: .now())
        return try tell(fit, goal, frames)
    }

    private func tell(_ fit: GoalFit, _ goal: Goal, _ frames: [String: CameraFrame]) throws -> GoalFit.Verdict {
        if let overlay {
            let rows = try goal.views.compactMap { view -> [RGBImage]? in
                guard let live = try frames[view.camera]?.image() else { return nil }
                return FitOverlay.panels(goal: view.image, live: live)
            }
            let sheet = RGBImage.tiled(rows.flatMap { $0 }, columns: FitOverlay.panelCount)
            try working { try sheet?.writePNG(to: overlay) }
        }
        if json {
            print(fit.node.text())
        } else {
            print(fit.lines.joined(separator: "\n"))
            if let overlay, !watch { print("goal | live | both | difference | edges: \(overlay)") }
        }
        fflush(nil)
        return fit.verdict
    }
}

struct RankCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rank",
        abstract: "Rank the library's goals: the one that fits the present scene best comes first.",
        discussion: "Exit codes: 0 ranked, 1 a goal could not be read, 2 there is no such run.")

    @Flag(help: "Print one JSON array in place of text.")
    var json = false

    @OptionGroup var choice: LibraryChoice

    func run() throws {
        let goals = try GoalOperator(choice.runOption)
        let library = choice.library(of: goals)
        var ranked: [GoalFit] = []
        var damaged = 0
        let known = Set(goals.link.run.manifest.cameras.map(\.name))
        let entries = try library.entries()
        let frames = try goals.frames(of: known.sorted())
        let (cameras, limits) = (try goals.policyCameras(), try goals.fitLimits())
        let progress = ProgressLine(total: entries.count, of: "goals", at: .now())
        for (index, entry) in entries.enumerated() {
            progress.show(index, at: .now())
            switch entry.record {
            case .success(let record):
                ranked.append(
                    GoalFit(
                        of: record.goal(folder: library.path(of: entry.name)), record: record, cameras: cameras,
                        onArm: goals.camerasOnArm, limits: limits, frames: frames, wall: .now(), at: .now()))
            case .failure(let error):
                damaged += 1
                progress.end()
                note("error: \(error)")
            }
        }
        progress.end()
        ranked.sort { $0.fitsBetter(than: $1) }
        if json { print(JSONNode(.array(ranked.map(\.node))).text()) }
        if !json, ranked.isEmpty { print("no goal in \(library.folder)") }
        for fit in ranked where !json { print("\(fit.goalName)\t\(fit.lines.first ?? "")") }
        if damaged > 0 { throw ExitCode.failure }
    }
}

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Follow the goal of a running robot and how it fits, until Ctrl-C.",
        discussion: """
            A line whenever goal, verdict or reasons change, with the time of day, and what the log has of goals, \
            holds and operators: why the arm or the policy holds, and with what it is ended. --json prints every fit, \
            twice a second.
            """)

    @OptionGroup var runOption: RunOption

    @Flag(help: "Print JSON in place of text, one object a line.")
    var json = false

    func run() throws {
        let goals = try GoalOperator(runOption)
        let fits = try goals.link.bus.subscribe(Topics.goalFit)
        let events = try goals.link.bus.subscribe(Topics.allEvents)
        let states = try goals.link.bus.subscribe(Topics.armState)
        var isArmKnown = false
        let signals = octo_signal_fd()
        var said = ""
        while octo_signal_read(signals) == 0 {
            try goals.link.bus.wait(until: .now() + .milliseconds(500), alsoOn: [signals])
            goals.takeGoals()
            while let state = states.take() {
                // What begins later is an event.
                if !isArmKnown, !json, let hold = state.message.latchedHold {
                    Terminal.say("\(WallTime.now())  arm: it \(hold.words)")
                }
                isArmKnown = true
            }
            while let received = events.take() {
                let event = received.message
                if json {
                    Terminal.say(
                        JSONNode.object([
                            "event": JSONNode("\(event.kind)"), "node": JSONNode(event.node),
                            "text": JSONNode(event.text),
                        ]).text())
                } else {
                    Terminal.say("\(WallTime.now())  \(event.node): \(event.text)")
                }
            }
            while let received = fits.take() {
                let fit = received.message
                if json {
                    Terminal.say(fit.node.text())
                    continue
                }
                let line =
                    "\(fit.goalName.isEmpty ? "none" : fit.goalName): \(fit.verdict)"
                    + fit.reasons.map { "; \($0)" }.joined()
                if line != said { Terminal.say("\(WallTime.now())  \(line)") }
                said = line
            }
        }
    }
}

extension GoalFit {
    /// A few lines for people, the verdict first.
    var lines: [String] {
        let colour = Terminal.showsColours ? verdict.colour : ("", "")
        var lines = ["\(colour.0)\(verdict.description.uppercased())\(colour.1)  goal '\(goalName)'"]
        for camera in cameras {
            lines.append("  \(camera.camera): \(camera.verdict)" + camera.reasons.map { "; \($0.text)" }.joined())
            guard camera.verdict != .unknown else { continue }
            lines.append(
                String(
                    format:
                        "    shift %+.1f %+.1f px, turn %+.1f°, size %.1f %%, brightness %.0f %%, %.0f %% agrees, "
                        + "%.0f %% in view",
                    camera.shiftX, camera.shiftY, camera.rotation * 180 / .pi, camera.scale * 100,
                    camera.brightness * 100,
                    camera.agreement * 100, camera.overlap * 100))
        }
        return lines
    }

    /// Whether the fit is better: by verdict first, then by what agrees more.
    func fitsBetter(than other: GoalFit) -> Bool {
        if verdict != other.verdict { return verdict < other.verdict }
        func agreement(_ fit: GoalFit) -> Double { fit.cameras.map(\.agreement).min() ?? 0 }
        if agreement(self) != agreement(other) { return agreement(self) > agreement(other) }
        return goalName < other.goalName
    }
}

extension GoalFit.Verdict {
    fileprivate var colour: (String, String) {
        let code =
            switch self {
            case .green: 32
            case .amber: 33
            case .red: 31
            case .unknown: 35
            }
        return ("\u{1B}[\(code);1m", "\u{1B}[0m")
    }
}
