import Datasets
import Foundation
import Images
import JSONTree
import Maths
import Messages
import Simulation
import TestSupport
import Testing
import Time

private let canSimulate = (try? World.libraryVersion()) != nil

extension EndToEnd {
    /// The simulated robot as users start it.
    @Suite(.serialized, .enabled(if: canSimulate, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
    struct SimulationTests {
        private static let manifest = Fixture.packageRoot.appendingPathComponent("launch/sim.json").path
        private static let calibration = Fixture.packageRoot.appendingPathComponent("calibration/widowx-250s.json").path

        private func pipeline(_ settings: [String] = []) throws -> Pipeline {
            try Pipeline(settings, manifest: Self.manifest)
        }

        @Test func theWholePipelineMovesTheSimulatedRobotAndLeavesAFilm() throws {
            let folder = try TemporaryFolder.make("film")
            defer { try? FileManager.default.removeItem(at: folder) }
            let film = folder.appendingPathComponent("film.png").path
            let pipeline = try pipeline(["simulation.film=\(film)"])
            try pipeline.waitUntilMoving()
            let before = try #require(pipeline.armState)
            try pipeline.letTick(300)
            let after = try #require(pipeline.armState)
            // The real driver, over a pseudo-terminal: what the arm measures is where the world's joints are.
            #expect((after.measured.positions - before.measured.positions).magnitude > 0.01, "it moved")
            #expect((after.measured.positions - after.setpoint.positions).magnitude < 0.4, "it follows")
            #expect(pipeline.count("frames", of: "camera-primary") > 5)
            #expect(pipeline.status["simulation"]?.state != .fault)
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0 && restarts(in: summary) == 0, "\(outcome.errors)")
            let picture = try RGBImage(contentsOf: film)
            #expect(picture.width > 192 * 2)
        }

        /// Where demonstrations and evaluations begin, too: a policy that learnt from there starts from what it knows.
        @Test func theArmBeginsWhereTheSceneSays() throws {
            let pipeline = try pipeline()
            try pipeline.wait(for: "the arm's state", limit: 60) { $0.armState != nil }
            let place = try #require(pipeline.armState).baseFromEEF.translation
            let start = try #require(Scene.tabletop.start)
            // It may have set out already; the calibration's neutral pose is 15 cm away.
            #expect((place - start).length < 0.05, "\(place)")
            _ = try pipeline.stop()
        }

        @Test func picturesOfTheCamerasAreThoseOfTheWorld() throws {
            let pipeline = try pipeline(["policy.require_goal=true"])
            let frames = try pipeline.frames(of: "primary")
            var first: CameraFrame?
            try pipeline.wait(for: "frames of the world", limit: 60) { _ in
                while let frame = frames.take() { first = first ?? frame.message }
                return first != nil
            }
            let frame = try #require(first)
            #expect(frame.width == 256 && frame.height == 256 && frame.deviceID == "simulated")
            guard case .rgb8(let image) = frame.pixels else {
                Issue.record("no pixels")
                return
            }
            // Red of the block, blue of the tray: it looks at the table.
            let pixels = Array(image.pixels.bytes)
            func count(_ isSo: (Int, Int, Int) -> Bool) -> Int {
                stride(from: 0, to: pixels.count, by: 3).count {
                    isSo(Int(pixels[$0]), Int(pixels[$0 + 1]), Int(pixels[$0 + 2]))
                }
            }
            #expect(count { $0 > 120 && $1 < 60 && $2 < 60 } > 100)
            #expect(count { $2 > $0 + 40 } > 300)
            _ = try pipeline.stop()
        }

        @Test func aSimulationThatIsKilledComesBackAndTheArmHoldsMeanwhile() throws {
            let pipeline = try pipeline()
            try pipeline.waitUntilMoving()
            let victim = try pipeline.processID(of: "simulation")
            kill(victim, SIGKILL)
            try pipeline.wait(for: "a fault of the arm") { $0.status["arm"]?.state == .fault }
            try pipeline.wait(for: "another simulation", limit: 60) {
                $0.status["simulation"].map { $0.processID != victim && $0.state == .ready } ?? false
            }
            try pipeline.resetArm()
            try pipeline.wait(for: "motion in the new world", limit: 60) { $0.isExecuting }
            let (summary, outcome) = try pipeline.stop()
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(summary["restarts"]?["simulation"]?.int == 1)
        }

        @Test func aSecondSimulationInOneRunFolderIsRefused() throws {
            let pipeline = try pipeline()
            try pipeline.wait(for: "the simulation", limit: 60) { $0.status["simulation"]?.state == .ready }
            let second = try Program.run(
                "octo-sim", ["run", "--run", pipeline.folder.path, "--node", "simulation"], limit: 20)
            #expect(second.exitCode == 2, "\(second.output)\(second.errors)")
            #expect(second.errors.contains(pipeline.folder.path))
            // The first one goes on.
            try pipeline.waitUntilMoving()
            _ = try pipeline.stop()
        }

        @Test func aBrokenSceneIsRefusedAtTheStart() throws {
            let folder = try TemporaryFolder.make("scene")
            defer { try? FileManager.default.removeItem(at: folder) }
            let scene = folder.appendingPathComponent("scene.json")
            try Data(#"{"objects": [{"name": "x", "shape": "ball", "position_m": [0.2, 0]}]}"#.utf8).write(to: scene)
            let outcome = try Program.run(
                "octo-launch",
                [
                    Self.manifest, "--set", "record.enabled=false", "--run-folder",
                    folder.appendingPathComponent("run").path, "--set", "simulation.scene=\(scene.path)",
                ])
            #expect(outcome.exitCode == 3)
            #expect(outcome.errors.contains("objects[0].shape"), "\(outcome.errors)")
        }

        /// The usual model with something else in it.
        private func model(replacing old: String, with new: String, in folder: URL) throws -> String {
            let printed = try Program.run("octo-sim", ["mjcf", "--calibration", Self.calibration])
            #expect(printed.exitCode == 0 && printed.output.contains(old), "\(printed.errors)")
            let path = folder.appendingPathComponent("world.xml")
            try Data(printed.output.replacing(old, with: new).utf8).write(to: path)
            return path.path
        }

        @Test func aBrokenModelIsRefusedByItsElement() throws {
            let folder = try TemporaryFolder.make("model")
            defer { try? FileManager.default.removeItem(at: folder) }
            let model = try model(replacing: "<worldbody>", with: "<worldbody><gizmo/>", in: folder)
            let outcome = try Program.run(
                "octo-launch",
                [
                    Self.manifest, "--set", "record.enabled=false", "--run-folder",
                    folder.appendingPathComponent("run").path, "--set", "simulation.mjcf=\(model)",
                ])
            #expect(outcome.exitCode == 3)
            #expect(outcome.errors.contains("gizmo"), "\(outcome.errors)")
        }

        @Test func aWorldThatBlowsUpIsToldAndTheArmHolds() throws {
            let folder = try TemporaryFolder.make("model")
            defer { try? FileManager.default.removeItem(at: folder) }
            // A slider that flees from its origin, five times as fast every fifth of a second: after some seconds its
            // place is no number that MuJoCo believes. It touches nothing meanwhile.
            var model = try model(
                replacing: "</worldbody>",
                with: "<body name=\"runaway\" pos=\"2 2 2\"><joint name=\"runaway\" type=\"slide\" axis=\"1 0 0\"/>"
                    + "<geom type=\"sphere\" size=\"0.01\" mass=\"1\" contype=\"0\" "
                    + "conaffinity=\"0\"/></body></worldbody>",
                in: folder)
            let text = try String(contentsOfFile: model, encoding: .utf8).replacing(
                "</actuator>",
                with: "<general name=\"runaway\" joint=\"runaway\" biastype=\"affine\" biasprm=\"0.000001 25 0\" "
                    + "gainprm=\"0\"/></actuator>")
            model = folder.appendingPathComponent("runaway.xml").path
            try Data(text.utf8).write(to: URL(fileURLWithPath: model))
            let pipeline = try pipeline(["simulation.mjcf=\(model)"])
            try pipeline.waitUntilMoving()
            try pipeline.wait(for: "the simulation's fault", limit: 60) {
                $0.status["simulation"].map { $0.state == .fault && $0.headline.contains("blew up") } ?? false
            }
            try pipeline.wait(for: "the arm's fault") { $0.status["arm"]?.state == .fault }
            try pipeline.wait(for: "the arm to stand still") { $0.armState?.setpoint.velocities.magnitude == 0 }
            _ = try pipeline.stop()
        }

        @Test(arguments: [
            ("cameras.primary.source=simulated", "simulated world"), ("arm.port=simulation", "simulated world"),
        ])
        func whatNeedsAWorldSaysSoWithoutOne(setting: String, words: String) throws {
            let start =
                setting.hasPrefix("arm")
                ? #"arm={"driver": "dynamixel", "port": "simulation", "calibration": "\#(Self.calibration)"}"#
                : #"cameras.primary={"source": "simulated"}"#
            let outcome = try Program.run("octo-launch", [Pipeline.replayManifest, "--check", "--set", start])
            #expect(outcome.exitCode == 2)
            #expect((outcome.errors + outcome.output).contains(words), "\(outcome.errors)")
        }

        // MARK: Programs without a run

        @Test func demonstrationsAreADatasetAndTheSameAgain() throws {
            let folder = try TemporaryFolder.make("demos")
            defer { try? FileManager.default.removeItem(at: folder) }
            func write(_ name: String) throws -> URL {
                let outcome = try Program.run(
                    "octo-sim",
                    [
                        "demos", "--task", "reach", "--episodes", "2", "--seed", "4", "--out", folder.path, "--name",
                        name,
                        "--calibration", Self.calibration, "--json",
                    ])
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                let summary = try JSONNode(parsing: Array(outcome.output.utf8))
                #expect(summary["succeeded"]?.int == 2)
                return URL(fileURLWithPath: try #require(summary["folder"]?.string))
            }
            let (one, two) = (try write("one"), try write("two"))
            let episodes = try RLDSDatasetReader(folder: one.path).episodes(of: "train")
            var count = 0
            while let episode = try episodes.next() {
                count += 1
                #expect(episode.metadata.success)
                #expect(episode.steps.count > 3)
                for step in episode.steps {
                    #expect(step.action.count == 7 && step.state.count == 7)
                    #expect(step.languageInstruction == "move the gripper above the block")
                    let primary = try RGBImage(decoding: try #require(step.pictures["image_0"]), source: "image_0")
                    let wrist = try RGBImage(decoding: try #require(step.pictures["image_1"]), source: "image_1")
                    #expect(primary.width == 256 && primary.height == 256 && wrist.width == 128 && wrist.height == 128)
                }
                // States follow actions: what is asked for is what is reached a step later, less the arm's lag.
                let asked = episode.steps.reduce(0) { $0 + Double($1.action[0]) }
                let reached = Double(try #require(episode.steps.last).state[0] - episode.steps[0].state[0])
                #expect(abs(asked - reached) < 0.03)
                #expect(episode.steps.last?.reward == 1 && episode.steps.last?.isTerminal == true)
            }
            #expect(count == 2)
            let shard = "train.tfrecord-00000-of-00001"
            #expect(
                try Data(contentsOf: one.appendingPathComponent("one-\(shard)"))
                    == Data(contentsOf: two.appendingPathComponent("two-\(shard)")))
            let again = try Program.run(
                "octo-sim",
                [
                    "demos", "--task", "reach", "--episodes", "1", "--out", folder.path, "--name", "one",
                    "--calibration",
                    Self.calibration,
                ])
            #expect(again.exitCode == 2 && again.errors.contains(one.path), "\(again.errors)")
        }

        @Test func demonstrationsOfSeveralTasksAreOneDatasetWithItsStatistics() throws {
            let folder = try TemporaryFolder.make("demos")
            defer { try? FileManager.default.removeItem(at: folder) }
            let outcome = try Program.run(
                "octo-sim",
                [
                    "demos", "--task", "reach,push", "--episodes", "2", "--noise", "1", "--random-start", "--goal-arm",
                    "away",
                    "--jobs", "2", "--out", folder.path, "--calibration", Self.calibration, "--json",
                ], limit: 120)
            #expect(outcome.exitCode <= 1, "\(outcome.errors)")
            let summary = try JSONNode(parsing: Array(outcome.output.utf8))
            let dataset = try #require(summary["folder"]?.string)
            #expect(dataset.hasSuffix("octo_sim/1.0.0") && summary["parts"]?.array?.count == 2)
            let statistics = try JSONNode(
                parsing: Data(contentsOf: URL(fileURLWithPath: dataset + "/dataset_statistics.json")))
            #expect(statistics["num_trajectories"]?.int == 2 && statistics["num_transitions"] == summary["steps"])
            let reader = try RLDSDatasetReader(folder: dataset)
            #expect(reader.features.hasPerturbations && reader.features.goal?.key == "goal_image_0")
        }

        /// A policy that reads the arm's state drives. How well it does so is its own affair: an episode in which it
        /// does as the expert would is a good one, too.
        @Test func aLearnerDrivesAndTheExpertEndsTheTask() throws {
            let folder = try TemporaryFolder.make("demos")
            defer { try? FileManager.default.removeItem(at: folder) }
            let outcome = try Program.run(
                "octo-sim",
                [
                    "demos", "--task", "reach", "--episodes", "4", "--random-start", "--policy",
                    "launch/policies/table", "--truth",
                    "--out", folder.path, "--calibration", Self.calibration, "--json",
                ], limit: 120)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let summary = try JSONNode(parsing: Array(outcome.output.utf8))
            let reader = try RLDSDatasetReader(folder: try #require(summary["folder"]?.string))
            #expect(reader.features.hasPerturbations && reader.features.hasTruth)
            let episodes = try reader.episodes(of: "train")
            var astray = 0
            while let episode = try episodes.next() {
                #expect(episode.metadata.success)
                astray += episode.steps.count(where: \.isPerturbed)
                #expect(episode.steps.last?.isPerturbed == false, "the expert ends it")
            }
            #expect(astray > 0, "nobody does in every step what the expert would have done")
        }

        @Test(arguments: [
            (["--task", "reach", "--policy", "nowhere"], "nowhere"),
            (["--task", "reach", "--policy", "launch/policies/table", "--noise", "1"], "--noise"),
            (["--task", "reach", "--policy", "launch/policies/table", "--jobs", "2"], "--jobs"),
            (["--task", "reach,fly"], "fly"), (["--task", "reach,"], "reach,"),
            (["--task", "reach", "--noise", "9"], "--noise"),
            (["--task", "reach", "--jobs", "0"], "--jobs"), (["--task", "reach", "--goal-arm", "gone"], "there"),
            (["--task", "reach", "--object", "block,spoon"], "block, cylinder, cup"),
        ])
        func demonstrationsRefuseWhatTheyCannotDo(arguments: [String], words: String) throws {
            let folder = try TemporaryFolder.make("demos")
            defer { try? FileManager.default.removeItem(at: folder) }
            let outcome = try Program.run(
                "octo-sim", ["demos", "--out", folder.path, "--calibration", Self.calibration] + arguments)
            #expect(outcome.exitCode == 2, "\(outcome.output)")
            #expect(outcome.errors.contains(words), "\(outcome.errors)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        }

        @Test func evaluationsTellExpertFromChance() throws {
            func evaluate(_ arguments: [String]) throws -> JSONNode {
                let outcome = try Program.run(
                    "octo-eval", ["--manifest", Self.manifest, "--json"] + arguments, limit: 120)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                let tree = try JSONNode(parsing: Array(outcome.output.utf8))
                return try #require(tree["table"]?.array?.first)
            }
            let folder = try TemporaryFolder.make("eval")
            defer { try? FileManager.default.removeItem(at: folder) }
            let rows = folder.appendingPathComponent("rows.csv").path
            let sheet = folder.appendingPathComponent("sheet.png").path
            let expert = try evaluate(
                ["--task", "pick-place", "--episodes", "5", "--expert", "--csv", rows, "--sheet", sheet])
            #expect((expert["successes"]?.int ?? 0) >= 4)
            let text = try String(contentsOfFile: rows, encoding: .utf8)
            #expect(text.split(separator: "\n").count == 6 && text.hasPrefix("task,object,goal,seed,"))
            #expect(try RGBImage(contentsOf: sheet).width > 900)
            let random = try evaluate(["--task", "pick-place", "--episodes", "5", "--random", "--max-steps", "40"])
            #expect(random["successes"]?.int == 0)
            // A checkpoint runs through the same cores, and comes again.
            let arguments = ["--task", "pick-place", "--episodes", "1", "--max-steps", "10", "--delay-steps", "1"]
            let (first, second) = (try evaluate(arguments), try evaluate(arguments))
            #expect(first["rows"] == second["rows"])
            #expect((first["rows"]?.array?.first?["chunks"]?.int ?? 0) >= 8)
            #expect(try evaluate(arguments.dropLast(2) + [])["rows"] != first["rows"], "the delay has an effect")
        }

        /// The limits are far below what was measured (launch/policies/README.md) and far above chance.
        @Test func theShippedPolicyDoesWhatItsGoalShows() throws {
            func successes(_ arguments: [String]) throws -> [JSONNode] {
                let outcome = try Program.run(
                    "octo-eval",
                    [
                        "--manifest", Self.manifest, "--json", "--seed", "4000", "--episodes", "6", "--delay-steps",
                        "1", "--max-steps",
                        "80",
                    ] + arguments, limit: 300)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                return try #require(try JSONNode(parsing: Array(outcome.output.utf8))["table"]?.array)
            }
            let pushing = Fixture.packageRoot.appendingPathComponent("launch/policies/push").path
            let rows =
                try successes(["--task", "reach,pick-place"]) + successes(["--task", "push", "--policy", pushing])
            #expect(rows.count == 3)
            for (row, least) in zip(rows, [4, 2, 2]) {
                #expect((row["successes"]?.int ?? 0) >= least, "\(row.text())")
            }
            // Without a goal to be seen it does not know what is wanted: it was 0 of 25.
            let black = try #require(try successes(["--task", "pick-place", "--goal-from", "black"]).first)
            #expect((black["successes"]?.int ?? 6) <= 1, "\(black.text())")
        }

        @Test func anEvaluationThatWasCutGoesOnAndRecordsItsFailures() throws {
            let folder = try TemporaryFolder.make("eval-cut")
            defer { try? FileManager.default.removeItem(at: folder) }
            func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
            func evaluate(_ episodes: Int, _ arguments: [String]) throws -> (table: JSONNode?, errors: String) {
                let outcome = try Program.run(
                    "octo-eval",
                    [
                        "--manifest", Self.manifest, "--json", "--task", "reach,push", "--goal-from", "task,black",
                        "--max-steps", "3",
                        "--episodes", "\(episodes)",
                    ] + arguments, limit: 120)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                return (try JSONNode(parsing: Array(outcome.output.utf8))["table"], outcome.errors)
            }
            let whole = try evaluate(2, ["--record", path("failures")])
            #expect(whole.table?.array?.count == 4)
            _ = try evaluate(1, ["--results", path("results.jsonl")])
            // As if it had been killed while it wrote.
            let log = try FileHandle(forUpdating: URL(fileURLWithPath: path("results.jsonl")))
            try log.truncate(atOffset: log.seekToEnd() - 10)
            try log.close()
            let rest = try evaluate(2, ["--results", path("results.jsonl")])
            #expect(rest.table == whole.table)
            #expect(rest.errors.contains("3 of 8 episodes are in the results already"), "\(rest.errors)")
            let other = try Program.run(
                "octo-eval",
                [
                    "--manifest", Self.manifest, "--task", "reach", "--max-steps", "4", "--results",
                    path("results.jsonl"),
                ])
            #expect(other.exitCode == 2 && other.errors.contains("max_steps is 3 there, 4 here"), "\(other.errors)")

            let episode = path("failures/push-block-goal-black-seed-1.mcap")
            let info = try Program.run("octo-replay", ["info", episode, "--json"])
            #expect(info.exitCode == 0, "\(info.errors)")
            let facts = try JSONNode(parsing: Array(info.output.utf8))
            #expect(facts["outcome"]?.string == "failure")
            let verified = try Program.run("octo-replay", ["verify", episode], limit: 120)
            #expect(verified.exitCode == 0, "\(verified.output) \(verified.errors)")
        }

        /// An hour's evaluation that somebody stops has not been for nothing.
        @Test func anEvaluationThatIsStoppedTellsWhatItHas() throws {
            let folder = try TemporaryFolder.make("eval-stopped")
            defer { try? FileManager.default.removeItem(at: folder) }
            let results = folder.appendingPathComponent("results.jsonl")
            let running = try RunningProgram(
                "octo-eval",
                [
                    "--manifest", Self.manifest, "--task", "reach", "--random", "--episodes", "100000", "--results",
                    results.path,
                ])
            func lines() -> Int {
                (try? String(contentsOf: results, encoding: .utf8))?.split(separator: "\n").count ?? 0
            }
            let deadline = MonotonicTime.now() + .seconds(60)
            while lines() < 3, MonotonicTime.now() < deadline { usleep(50_000) }
            kill(running.process.processIdentifier, SIGINT)
            let outcome = running.waitForEnd(limit: 60)
            #expect(outcome.exitCode == 130, "\(outcome.errors)")
            #expect(
                outcome.output.contains("reach") && outcome.errors.contains("of 100000 episodes were not run"),
                "\(outcome.errors)")
            #expect(lines() >= 3)
        }

        @Test func anAlignmentStudyWritesTableFigureAndLimits() throws {
            let folder = try TemporaryFolder.make("align")
            defer { try? FileManager.default.removeItem(at: folder) }
            let outcome = try Program.run(
                "octo-eval",
                [
                    "align", "--manifest", Self.manifest, "--task", "reach", "--axes", "camera-turn,arm-away",
                    "--episodes", "1",
                    "--max-steps", "3", "--out", folder.path,
                ], limit: 120)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            func content(_ name: String) throws -> [UInt8] {
                Array(try Data(contentsOf: folder.appendingPathComponent(name)))
            }
            let table = try JSONNode(parsing: content("table.json"))
            #expect(table["axes"]?.array?.map { $0["rows"]?.array?.count } == [6, 2])
            let limits = try JSONNode(parsing: content("goal_fit.json"))
            #expect(
                limits["limits"]?.array?.allSatisfy { $0["unknown"]?.string?.contains("only 1 episodes") == true }
                    == true)
            #expect(String(decoding: try content("alignment.svg"), as: UTF8.self).contains("camera-turn"))
            #expect(try RGBImage(contentsOf: folder.appendingPathComponent("goals.png").path).width > 700)
            #expect(String(decoding: try content("results.jsonl"), as: UTF8.self).split(separator: "\n").count == 8)
        }

        @Test(arguments: [
            (["--task", "fly"], "reach"), (["--task", "reach,reach"], "twice"),
            (["--task", "reach", "--goal-from", "white"], "'white'"),
            (["--task", "reach", "--goal-from", "push:spoon"], "block, cylinder, cup"),
            (["--task", "reach", "--goal-from", "file:/nonexistent.png"], "/nonexistent.png"),
            (["--task", "reach", "--expert", "--goal-from", "black"], "--goal-from"),
            (["--task", "reach", "--record-all"], "--record"),
            (["align", "--task", "reach", "--out", "/tmp", "--axes", "smell"], "'smell'"),
            (["align", "--task", "reach,push", "--out", "/tmp"], "one task"),
            (["--task", "reach", "--expert", "--random"], "three policies"),
            (["--task", "reach", "--object", "spoon"], "block, cylinder, cup"),
            (["--task", "reach", "--manifest", Pipeline.replayManifest], "simulation"),
            (["--task", "reach", "--policy", "/nonexistent"], "/nonexistent"),
        ])
        func evaluationsRefuseWhatTheyCannotDo(arguments: [String], words: String) throws {
            let manifest = arguments.contains("--manifest") ? [] : ["--manifest", Self.manifest]
            let outcome = try Program.run("octo-eval", arguments + manifest)
            #expect(outcome.exitCode == 2, "\(outcome.output)")
            #expect(outcome.errors.contains(words), "\(outcome.errors)")
        }

        @Test func goalsComeFromAStateOrFromTheExpert() throws {
            let folder = try TemporaryFolder.make("goal")
            defer { try? FileManager.default.removeItem(at: folder) }
            let state = folder.appendingPathComponent("final.json").path
            try Data(#"{"gripper": 1, "objects": {"block": {"position_m": [0.28, 0.17, 0.0235]}}}"#.utf8)
                .write(to: URL(fileURLWithPath: state))
            let calibration = ["--calibration", Self.calibration]
            let out = folder.appendingPathComponent("goal").path
            let good = try Program.run("octo-sim", ["goal", "--state", state, "--out", out] + calibration)
            #expect(good.exitCode == 0, "\(good.errors)")
            let start = folder.appendingPathComponent("start.png").path
            _ = try Program.run("octo-sim", ["picture", "--out", start] + calibration)
            #expect(try RGBImage(contentsOf: out + "/primary.png") != RGBImage(contentsOf: start))
            try Data(#"{"gripper": 3, "objects": {"spoon": {"position_m": [0, 0, 0]}}}"#.utf8)
                .write(to: URL(fileURLWithPath: state))
            let bad = try Program.run("octo-sim", ["goal", "--state", state, "--out", out] + calibration)
            #expect(bad.exitCode == 2)
            #expect(bad.errors.contains("gripper") && bad.errors.contains("spoon"), "\(bad.errors)")
        }
    }
}
