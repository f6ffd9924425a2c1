import Foundation
import Simulation
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// Every command that stands by itself in a document is run as it stands there: on a robot that is alive, on
    /// emulated servos, or until it says which device this machine lacks.
    ///
    /// Where a reader puts something of their own (`EPISODE`, `/path/to/checkpoint`) the test does, and what would take
    /// long is made short. A block that cannot be run is marked in the text (`not run by the tests`), and counted.
    @Suite(.serialized) struct DocumentCommandTests {
        /// What becomes of a command.
        private enum Ending {
            /// It does what it says; exit codes that say so.
            case done(Set<Int32> = [0])
            /// It says what is not there.
            case refused(_ words: String)
            /// It goes on until it is interrupted.
            case goesOn
        }
        private struct Rule {
            /// Beginning of the commands that it is for.
            var command: String
            var ending: Ending
            /// What is replaced in them.
            var changes: [(String, String)] = []
            /// What a person would type.
            var keys: [(afterSeconds: Double, text: String)] = []

            init(
                _ command: String, _ ending: Ending = .done(), changes: [(String, String)] = [],
                keys: [(afterSeconds: Double, text: String)] = []
            ) {
                self.command = command
                self.ending = ending
                self.changes = changes
                self.keys = keys
            }
        }
        private struct Command {
            var document: String
            var text: String
        }

        /// The first whose command a line begins with is for it.
        private static let rules: [Rule] = [
            // Draws the frames that are in the repository.
            Rule("make -C launch/episode/generator", changes: [("make", "make -n")]),
            Rule("make run", changes: [("make run", "make -n -C \(Fixture.packageRoot.path) run")]),
            Rule("export PATH"),
            Rule("octo-eval align", changes: [("--episodes 20", "--episodes 1 --axes jpeg")]),
            Rule("octo-eval", changes: [("--episodes 100", "--episodes 1")]),
            Rule("octo-policy inspect"), Rule("octo-camera list"),
            Rule("octo-camera view --camera", .goesOn), Rule("octo-camera", .refused("there is no such device")),
            Rule("octo-arm find-port", .refused("serial adapter")), Rule("octo-arm scan", .refused("serial adapter")),
            Rule("octo-arm setup", .refused("serial adapter")),
            Rule("octo-arm calibrate", .refused("there is no such device")),
            Rule("octo-arm check", .refused("there is no such device")),
            Rule("octo-arm jog --manifest", .refused("there is no such device")),
            Rule("octo-arm jog"), Rule("octo-arm home"), Rule("octo-arm stop"), Rule("octo-arm reset"),
            Rule("octo-arm resume"),
            Rule("octo-arm emulate", .goesOn),
            Rule(
                "octo-launch launch/sim.json --console",
                changes: [("--console", "--console --set console.port=0 --set record.folder=simulated --for 3")]),
            Rule("octo-console --run FOLDER", .goesOn, changes: [("FOLDER", "run/live --port 0")]),
            Rule("octo-console EPISODE", .goesOn, changes: [("EPISODE", "simulated/last --port 0")]),
            Rule("octo-launch launch/robot.json --graph"),
            Rule("octo-launch launch/robot.json --for 15", changes: [("--for 15", "--for 3")]),
            Rule("octo-launch launch/robot.json", .refused("/dev/ttyUSB0")),
            Rule("octo-launch launch/so101.json", .refused("/dev/ttyACM0")),
            Rule(
                "octo-launch launch/replay.json --set policy.checkpoint=/path/to/checkpoint --set policy.tokenizer",
                .refused("/path/to/spiece.model")),
            Rule("octo-launch launch/replay.json --for 15", changes: [("--for 15", "--for 2")]),
            Rule("octo-launch launch/replay.json", changes: [("octo-launch", "octo-launch --for 2")]),
            Rule("octo-bus list"), Rule("octo-bus", .goesOn),
            Rule("octo-teleop goal cup --now"),
            Rule("octo-teleop goal cup", changes: [("goal cup", "goal cup --replace")], keys: [(1, "p"), (5, "y")]),
            Rule("octo-teleop devices"),
            Rule("octo-teleop --device leader", .refused("/dev/ttyUSB1")), Rule("octo-teleop"),
            // The picture stands still, as no camera's does: amber at best.
            Rule("octo-goal check", .done([0, 3])), Rule("octo-goal watch", .goesOn), Rule("octo-goal set"),
            // Long enough for an episode that something can be learned from.
            Rule("octo-record success", changes: [("octo-record", "sleep 2; octo-record")]), Rule("octo-record"),
            Rule("octo-replay bus EPISODE --loop", .goesOn),
            Rule("octo-replay"),
        ]

        /// Indented and fenced blocks, with what a line goes on with, and without comments. A fence that names another
        /// language than a shell's (`text`, `mermaid`) has no commands.
        private static func commands(in document: String) throws -> (run: [Command], marked: Int) {
            let url = Fixture.packageRoot.appendingPathComponent(document)
            let lines = try String(contentsOf: url, encoding: .utf8).split(
                separator: "\n", omittingEmptySubsequences: false)
            var found: [Command] = []
            var (marked, isMarked, isBlock, isCommand) = (0, false, false, true)
            var fence: Substring?
            for (number, line) in lines.enumerated() {
                if line.hasPrefix("```") {
                    fence = fence == nil ? line.dropFirst(3) : nil
                    isBlock = false
                    continue
                }
                let isCode =
                    if let fence {
                        ["", "sh", "bash", "shell", "console"].contains(fence) && !line.isEmpty
                    } else {
                        line.hasPrefix("    ") && (isBlock || number == 0 || lines[number - 1].isEmpty)
                    }
                if isCode, !isBlock { isCommand = !line.contains("summary of") }
                if line.contains("<!-- not run by the tests") {
                    isMarked = true
                } else if !isCode, !line.isEmpty {
                    isMarked = false
                }
                isBlock = isCode
                guard isCode, isCommand else { continue }
                var text = line.trimmingCharacters(in: .whitespaces)
                if let comment = text.range(of: #"\s+# "#, options: .regularExpression) {
                    text = String(text[..<comment.lowerBound])
                }
                if let last = found.last, last.text.hasSuffix("\\") || last.text.count(where: { $0 == "'" }) % 2 == 1 {
                    found[found.count - 1].text = last.text.replacing(/\\$/, with: "") + " " + text
                } else if isMarked {
                    marked += 1
                } else {
                    found.append(Command(document: "\(document):\(number + 1)", text: text))
                }
            }
            return (found, marked)
        }

        /// A folder like the repository's, for what the commands leave, and what a reader has.
        private struct Desk {
            let folder: URL
            var path: String { folder.path }
            var environment: [String: String] {
                [
                    "OCTO_RUN_BASE": path + "/run",
                    "PATH": "\(path)/.build/release:" + (ProcessInfo.processInfo.environment["PATH"] ?? ""),
                ]
            }

            init() throws {
                folder = try TemporaryFolder.make("desk")
                let root = Fixture.packageRoot
                let files = FileManager.default
                for name in ["launch", "calibration"] {
                    try files.copyItem(at: root.appendingPathComponent(name), to: folder.appendingPathComponent(name))
                }
                for name in [".build", "checkpoints"] {
                    try files.createDirectory(
                        at: folder.appendingPathComponent(name), withIntermediateDirectories: false)
                }
                try files.createSymbolicLink(atPath: path + "/.build/release", withDestinationPath: Program.folder.path)
                // Where launch/replay.json has its checkpoint.
                try files.createSymbolicLink(
                    atPath: path + "/Tests", withDestinationPath: root.appendingPathComponent("Tests").path)
                try files.createSymbolicLink(
                    atPath: path + "/checkpoints/octo",
                    withDestinationPath: Fixture.url("octo/case10_wrist_left_out/checkpoint").path)
                // What the commands before would have made, had there been a camera and a leader arm.
                try files.copyItem(
                    atPath: path + "/calibration/cameras/example.json",
                    toPath: path + "/calibration/cameras/primary.json")
                try files.copyItem(
                    atPath: path + "/calibration/widowx-250s.json", toPath: path + "/calibration/leader.json")
            }

            /// What a reader puts in the place of words.
            func filled(_ text: String) -> String {
                [
                    ("/path/to/checkpoint", Fixture.url("octo/case1_primary_goal_w1/checkpoint").path),
                    ("/path/to/frames", path + "/launch/episode"), ("/tmp/tty-arm", path + "/tty"),
                    ("EPISODES", path + "/episodes"), ("EPISODE", "last"), ("FOLDER", path + "/episodes"),
                ].reduce(text) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
            }

            func start(_ text: String, input: Pipe? = nil) throws -> RunningProgram {
                try RunningProgram(
                    executable: "/bin/sh", ["-c", "cd \(path) && \(text.hasPrefix("octo-") ? "exec " : "")\(text)"],
                    environment: environment, input: input)
            }
        }

        @Test(.enabled(if: (try? World.libraryVersion()) != nil, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
        func everyCommandOfTheDocumentsRuns() throws {
            let desk = try Desk()
            defer { try? FileManager.default.removeItem(at: desk.folder) }
            var (marked, ran) = (0, 0)
            var commands: [Command] = []
            for document in Documents.all {
                let found = try Self.commands(in: document)
                commands += found.run
                marked += found.marked
            }
            // The robot that is alive, as the documents have one: its camera sees a scene that stands still.
            let live = try desk.start(
                """
                octo-launch launch/replay.json --run-folder run/live --set cameras.primary.pattern=image_0_000.png \
                --set policy.checkpoint=\(Fixture.url("octo/case1_primary_goal_w1/checkpoint").path) \
                --set 'goal={"source": "none"}' --set record.enabled=true --set record.start=on_command
                """)
            defer { live.process.terminate() }
            let deadline = MonotonicTime.now() + .seconds(60)
            while try Program.run("octo-bus", ["list"], environment: desk.environment).exitCode != 0,
                MonotonicTime.now() < deadline
            { usleep(200_000) }
            var kept: [RunningProgram] = []
            for command in commands {
                ran += 1
                if let program = try run(command, on: desk) { kept.append(program) }
            }
            for program in kept { program.process.terminate() }
            kill(live.process.processIdentifier, SIGINT)
            let end = live.waitForEnd(limit: 30)
            #expect(end.exitCode == 0, "\(end.errors)")
            // A test that finds nothing to look at proves nothing; what is marked is known here.
            #expect(ran > 60 && marked == 60, "\(ran) ran, \(marked) are marked")
        }

        /// In a shell with job control, as a person has one, who reads the terminal in the background is stopped.
        @Test func emulatedServosAnswerInTheBackgroundOfATerminal() throws {
            let desk = try Desk()
            defer { try? FileManager.default.removeItem(at: desk.folder) }
            let words = "octo-arm emulate --link tty & sleep 2; jobs; octo-arm scan --port tty; kill %1; wait"
            let outcome = try desk.start("script -qec \"bash -mc '\(words)'\" /dev/null").waitForEnd(limit: 60)
            #expect(outcome.output.contains("Running") && !outcome.output.contains("Stopped"), "\(outcome.output)")
            #expect(outcome.output.contains("XM430"), "\(outcome.output)")
        }

        /// Runs one as its rule says.
        /// - Returns: what goes on beside the commands that follow.
        private func run(_ command: Command, on desk: Desk) throws -> RunningProgram? {
            var text = command.text.replacingOccurrences(of: ".build/release/", with: "")
            let isBackground = text.hasSuffix("&")
            if isBackground { text = String(text.dropLast()).trimmingCharacters(in: .whitespaces) }
            let words = text.split(separator: " ").joined(separator: " ")
            guard let rule = Self.rules.first(where: { words.hasPrefix($0.command) }) else {
                Issue.record("\(command.document): \(text): say in DocumentCommandTests how it is run")
                return nil
            }
            text = desk.filled(rule.changes.reduce(words) { $0.replacingOccurrences(of: $1.0, with: $1.1) })
            let input = rule.keys.isEmpty ? nil : Pipe()
            let program = try desk.start(text, input: input)
            if isBackground {
                usleep(1_000_000)
                #expect(program.process.isRunning, "\(command.document): \(text): \(program.errors)")
                return program
            }
            for key in rule.keys {
                usleep(UInt32(key.afterSeconds * 1e6))
                try input?.fileHandleForWriting.write(contentsOf: Data(key.text.utf8))
            }
            if case .goesOn = rule.ending {
                usleep(2_500_000)
                #expect(program.process.isRunning, "\(command.document): \(text): \(program.errors)")
                kill(program.process.processIdentifier, SIGINT)
            }
            let outcome = program.waitForEnd(limit: 90)
            let said: Comment = """
                \(command.document): \(text): exit code \(outcome.exitCode): \(outcome.output.suffix(600))\
                \(outcome.errors.suffix(600))
                """
            switch rule.ending {
            case .done(let codes): #expect(codes.contains(outcome.exitCode), said)
            case .refused(let words):
                #expect([2, 3].contains(outcome.exitCode) && (outcome.output + outcome.errors).contains(words), said)
            case .goesOn: #expect([0, 130].contains(outcome.exitCode) && !outcome.output.isEmpty, said)
            }
            return nil
        }
    }
}
