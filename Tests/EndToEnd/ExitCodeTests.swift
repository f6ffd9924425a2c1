import EpisodeFixture
import Files
import Foundation
import Images
import TestSupport
import Testing

extension EndToEnd {
    /// Exit codes mean the same in all programs, as launch/README.md has them in a table: here 2, for an invocation or
    /// input that cannot be used, for what does not exist, and where nobody is there to talk to; and 1, for output that
    /// cannot be written.
    @Suite(.serialized) struct ExitCodeTests {
        /// Commands that join a run.
        private static let joining = [
            ["octo-bus", "list"], ["octo-bus", "echo", "arm/state"], ["octo-bus", "hz", "arm/state"],
            ["octo-bus", "bw", "arm/state"], ["octo-bus", "delay", "arm/state"],
            ["octo-goal", "set", "cup"], ["octo-goal", "text", "the cup"], ["octo-goal", "clear"],
            ["octo-goal", "record", "cup"], ["octo-goal", "check", "cup"], ["octo-goal", "rank"],
            ["octo-goal", "watch"], ["octo-goal", "probe", "cup"],
            ["octo-record", "start"], ["octo-record", "stop"], ["octo-record", "success"], ["octo-record", "failure"],
            ["octo-record", "discard"], ["octo-record", "note", "words"], ["octo-record", "status"],
            ["octo-sim", "nudge", "--right", "0.01"], ["octo-sim", "light", "0.5"],
            ["octo-sim", "place", "cup", "0.3", "0.1"],
            ["octo-teleop"], ["octo-teleop", "goal", "cup", "--now"],
            ["octo-arm", "jog"], ["octo-arm", "home"], ["octo-arm", "stop"], ["octo-arm", "reset"],
            ["octo-arm", "resume"], ["octo-arm", "clear"],
            ["octo-camera", "view"],
        ]

        /// Commands about what is not there; FOLDER is an empty one.
        private static let missing = [
            ["octo-launch", "FOLDER/robot.json"], ["octo-launch", "FOLDER/robot.json", "--check"],
            ["octo-goal", "show", "nothing", "--library", "FOLDER"],
            ["octo-goal", "delete", "nothing", "--yes", "--library", "FOLDER"],
            ["octo-goal", "check", "nothing", "--live", "primary=FOLDER/a.png", "--library", "FOLDER"],
            ["octo-goal", "from-episode", "FOLDER/a.mcap", "cup", "--library", "FOLDER"],
            ["octo-goal", "from-image", "FOLDER/a.png", "cup", "--library", "FOLDER"],
            ["octo-replay", "info", "FOLDER/a.mcap"], ["octo-replay", "recover", "FOLDER/a.mcap"],
            ["octo-replay", "bus", "FOLDER/a.mcap"], ["octo-replay", "arm", "FOLDER/a.mcap"],
            ["octo-replay", "verify", "FOLDER/a.mcap"], ["octo-replay", "stats", "FOLDER/a.mcap"],
            ["octo-replay", "frames", "FOLDER/a.mcap", "--sheet", "FOLDER/a.png"],
            ["octo-replay", "plot", "FOLDER/a.mcap", "--out", "FOLDER/a.svg"],
            ["octo-replay", "export", "FOLDER/a.mcap", "--rlds", "FOLDER/rlds"],
            ["octo-policy", "inspect", "FOLDER/octo"], ["octo-policy", "bench", "--checkpoint", "FOLDER/octo"],
            ["octo-policy", "verify", "--checkpoint", "FOLDER/octo", "--case", "FOLDER/io.safetensors"],
            ["octo-camera", "view", "FOLDER/video0"], ["octo-camera", "settings", "FOLDER/video0"],
            ["octo-camera", "tune", "FOLDER/video0"],
            ["octo-camera", "snapshot", "FOLDER/a.png", "--device", "FOLDER/video0"],
            ["octo-arm", "scan", "--port", "FOLDER/tty"], ["octo-arm", "setup", "--id", "1", "--port", "FOLDER/tty"],
            ["octo-arm", "check", "--calibration", "FOLDER/arm.json", "--port", "FOLDER/tty"],
            ["octo-arm", "calibrate", "--calibration", "FOLDER/arm.json", "--port", "FOLDER/tty"],
            ["octo-arm", "lerobot", "import", "FOLDER/a.json", "--calibration", "FOLDER/arm.json"],
            ["octo-arm", "lerobot", "export", "FOLDER/a.json", "--calibration", "FOLDER/arm.json"],
            ["octo-arm", "emulate", "--calibration", "FOLDER/arm.json", "--link", "FOLDER/tty"],
            ["octo-arm", "jog", "--manifest", "FOLDER/robot.json"],
            ["octo-arm", "home", "--manifest", "FOLDER/robot.json"],
            ["octo-sim", "picture", "--scene", "FOLDER/scene.json", "--out", "FOLDER/a.png"],
            ["octo-sim", "goal", "--scene", "FOLDER/scene.json", "--out", "FOLDER/goal"],
            ["octo-sim", "demos", "--task", "reach", "--scene", "FOLDER/scene.json", "--out", "FOLDER/demos"],
            ["octo-sim", "scene", "--scene", "FOLDER/scene.json"],
            ["octo-sim", "mjcf", "--scene", "FOLDER/scene.json"],
            ["octo-eval", "--task", "reach", "--manifest", "FOLDER/robot.json"],
            ["octo-eval", "align", "--task", "reach", "--manifest", "FOLDER/robot.json", "--out", "FOLDER/align"],
            ["octo-bench", "control", "--calibration", "FOLDER/arm.json"],
            ["octo-bench", "kinematics", "FOLDER/arm.json"],
        ]

        /// Commands whose input is sound and whose output cannot be written, not by root either: FILE is a file, in
        /// which they are to make another. GOALS is a library with the goal cup, PICTURE a picture, ROOT the source's
        /// folder.
        private static let unwritable = [
            ["octo-goal", "from-image", "PICTURE", "mug", "--library", "FILE/goals"],
            ["octo-goal", "show", "cup", "--library", "GOALS", "--png", "FILE/a.png"],
            [
                "octo-goal", "check", "cup", "--library", "GOALS", "--live", "primary=PICTURE", "--overlay",
                "FILE/a.png",
            ],
            ["octo-arm", "lerobot", "export", "FILE/a.json", "--calibration", "ROOT/calibration/so101.json"],
            [
                "octo-arm", "emulate", "--ids", "1", "--driver", "dynamixel", "--link", "FOLDER/tty", "--register-log",
                "FILE/log",
            ],
            ["octo-sim", "picture", "--out", "FILE/a.png"] + arm, ["octo-sim", "goal", "--out", "FILE/goal"] + arm,
            ["octo-sim", "demos", "--task", "reach", "--episodes", "1", "--out", "FILE/demos"] + arm,
            evaluation + ["--csv", "FILE/a.csv"], evaluation + ["--sheet", "FILE/a.png"],
            evaluation + ["--results", "FILE/a.jsonl"], evaluation + ["--record", "FILE/episodes"],
        ]
        private static let arm = ["--calibration", "ROOT/calibration/widowx-250s.json"]
        private static let evaluation = [
            "octo-eval", "--manifest", "ROOT/launch/sim.json", "--task", "reach", "--random", "--episodes", "1",
            "--max-steps", "5",
        ]

        /// The same with EPISODE, a recording.
        private static let unwritableOfEpisodes = [
            ["octo-replay", "plot", "EPISODE", "--out", "FILE/a.svg"],
            ["octo-replay", "frames", "EPISODE", "--sheet", "FILE/a.png"],
            ["octo-replay", "frames", "EPISODE", "--folder", "FILE/frames"],
        ]

        /// Commands that need neither run nor file.
        private static let others = [
            ["octo-goal", "list"], ["octo-camera", "list"], ["octo-teleop", "devices"], ["octo-arm", "find-port"],
            ["octo-bench", "bus"], ["octo-bench", "inference"],
        ]

        private func run(
            _ command: [String], in folder: URL, environment: [String: String] = [:]
        ) throws -> Program.Outcome {
            let words = command.map { $0.replacingOccurrences(of: "FOLDER", with: folder.path) }
            return try Program.run(words[0], Array(words.dropFirst()), environment: environment)
        }

        private func expectTwo(_ outcome: Program.Outcome, _ command: [String], naming words: [String] = []) {
            let said: Comment = "\(command.joined(separator: " ")): exit code \(outcome.exitCode): \(outcome)"
            #expect(outcome.exitCode == 2, said)
            let told = outcome.errors.split(separator: "\n").filter { $0.contains("rror: ") }
            #expect(told.count == 1, said)
            for word in words { #expect(outcome.errors.contains(word), said) }
        }

        @Test(arguments: joining) func withoutARunItIsTwo(command: [String]) throws {
            let folder = try TemporaryFolder.make("none")
            defer { try? FileManager.default.removeItem(at: folder) }
            expectTwo(try run(command, in: folder, environment: ["OCTO_RUN_BASE": folder.path]), command)
            let named = command + ["--run", "\(folder.path)/run"]
            expectTwo(try run(named, in: folder), named, naming: ["\(folder.path)/run"])
        }

        @Test(arguments: missing) func whatDoesNotExistIsTwo(command: [String]) throws {
            let folder = try TemporaryFolder.make("none")
            defer { try? FileManager.default.removeItem(at: folder) }
            let outcome = try run(command, in: folder, environment: ["OCTO_RUN_BASE": folder.path])
            expectTwo(outcome, command, naming: [folder.path])
        }

        private func expectOne(_ command: [String], at file: String, replacing words: [String: String]) throws {
            let words = command.map { word in
                words.reduce(word) { $0.replacingOccurrences(of: $1.key, with: $1.value) }
            }
            let outcome = try Program.run(words[0], Array(words.dropFirst()), limit: 60)
            let said: Comment = "\(command.joined(separator: " ")): exit code \(outcome.exitCode): \(outcome)"
            #expect(outcome.exitCode == 1, said)
            #expect(outcome.errors.contains(file) && !outcome.errors.contains("Domain="), said)
        }

        @Test(arguments: unwritable) func outputThatCannotBeWrittenIsOne(command: [String]) throws {
            let folder = try TemporaryFolder.make("full")
            defer { try? FileManager.default.removeItem(at: folder) }
            let (file, picture, goals) = (folder.path + "/file", folder.path + "/a.png", folder.path + "/goals")
            try FileSystem.replace(file, with: "no folder")
            if command.contains(where: { $0.hasSuffix("PICTURE") || $0 == "GOALS" }) {
                try RGBImage(width: 64, height: 48, filledWith: 99).writePNG(to: picture)
                let saved = try Program.run("octo-goal", ["from-image", picture, "cup", "--library", goals])
                #expect(saved.exitCode == 0, "\(saved)")
            }
            try expectOne(
                command, at: file,
                replacing: [
                    "FILE": file, "PICTURE": picture, "GOALS": goals, "FOLDER": folder.path,
                    "ROOT": Fixture.packageRoot.path,
                ])
        }

        @Test(arguments: unwritableOfEpisodes) func outputOfAnEpisodeThatCannotBeWrittenIsOne(command: [String]) throws
        {
            var episode = try RecordedEpisode.run(seconds: 1)
            let path = try episode.finish()
            let file = episode.folder.file("file")
            try FileSystem.replace(file, with: "no folder")
            try expectOne(command, at: file, replacing: ["FILE": file, "EPISODE": path])
        }

        /// Peers need a Python that the caller names.
        @Test func aPythonThatIsNotThereIsTwo() throws {
            let command = ["octo-bench", "peers", "--python", "FOLDER/python"]
            let folder = try TemporaryFolder.make("none")
            defer { try? FileManager.default.removeItem(at: folder) }
            expectTwo(try run(command, in: folder), command, naming: ["--python", folder.path])
        }

        @Test(arguments: joining + missing + others) func aWrongOptionIsTwo(command: [String]) throws {
            let folder = try TemporaryFolder.make("none")
            defer { try? FileManager.default.removeItem(at: folder) }
            let wrong = command + ["--no-such-option"]
            let outcome = try run(wrong, in: folder, environment: ["OCTO_RUN_BASE": folder.path])
            expectTwo(outcome, wrong, naming: ["--no-such-option"])
            #expect(outcome.output.isEmpty, "\(wrong): \(outcome.output)")
        }

        /// A robot without recorder and without a simulated world.
        @Test func whatARunDoesNotHaveIsTwo() throws {
            let pipeline = try Pipeline.quiet()
            for command in [
                ["octo-bus", "echo", "nothing"], ["octo-bus", "hz", "nothing"], ["octo-bus", "bw", "nothing"],
                ["octo-bus", "delay", "nothing"], ["octo-goal", "set", "nothing"], ["octo-goal", "check", "nothing"],
                ["octo-goal", "probe", "nothing"], ["octo-camera", "view", "--camera", "nothing"],
            ] {
                let outcome = try Program.run(
                    command[0], Array(command.dropFirst()) + ["--run", pipeline.folder.path])
                expectTwo(outcome, command, naming: ["nothing"])
            }
            for (command, node) in [
                (["octo-record", "start"], "recorder"), (["octo-sim", "light", "0.5"], "simulation"),
            ] {
                let outcome = try Program.run(
                    command[0], Array(command.dropFirst()) + ["--run", pipeline.folder.path])
                expectTwo(outcome, command, naming: ["'\(node)'"])
            }
            _ = try pipeline.stop()
        }
    }
}
