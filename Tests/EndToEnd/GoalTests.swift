import Bus
import Files
import Foundation
import Goals
import Images
import JSONTree
import Manifests
import Maths
import Messages
import Simulation
import TestSupport
import Testing
import Time
import Wire

private let canSimulate = (try? World.libraryVersion()) != nil

extension EndToEnd {
    /// Goals taken, set, checked and refused with real processes, on the simulated robot.
    @Suite(.serialized, .enabled(if: canSimulate, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
    struct GoalTests {
        private static let manifest = Fixture.packageRoot.appendingPathComponent("launch/sim.json").path
        private let library: URL

        init() throws { library = try TemporaryFolder.make("goals") }

        private func pipeline(_ settings: [String] = []) throws -> Pipeline {
            try Pipeline(
                [#"goal={"source": "none", "library": "\#(library.path)/goals"}"#] + settings, manifest: Self.manifest)
        }

        private func goal(_ pipeline: Pipeline, _ arguments: [String], limit: Double = 30) throws -> Program.Outcome {
            try Program.run("octo-goal", arguments + ["--run", pipeline.folder.path], limit: limit)
        }

        @Test func aGoalIsTakenByTeleoperationFitsAndIsLostWhenTheCameraMoves() throws {
            defer { try? FileManager.default.removeItem(at: library) }
            let pipeline = try pipeline(["policy.require_goal_fit=green", "policy.on_drift=pause"])
            let events = try pipeline.bus.subscribe(Topics.allEvents)
            var log: [RunEvent] = []
            func wait(for what: String, limit: Double = 40, until condition: (Pipeline) -> Bool) throws {
                try pipeline.wait(for: what, limit: limit) {
                    while let event = events.take() { log.append(event.message) }
                    return condition($0)
                }
            }
            try wait(for: "the policy to hold for want of a goal", limit: 60) {
                $0.status["policy"]?.headline.contains("no goal is set") == true && $0.armState != nil
            }
            let home = try #require(pipeline.armState).measured.positions
            #expect(pipeline.count("chunks", of: "policy") == 0)

            // Keys through a pipe: faster, tool mode, to the left; then let go.
            let keys = Pipe()
            let teleop = try RunningProgram(
                "octo-teleop", ["drive", "--device", "keyboard", "--run", pipeline.folder.path, "--json"], input: keys)
            func press(_ text: String) throws { try keys.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }
            try press("]]t")
            try wait(for: "the arm to be moved by keys") { pipeline in
                try? press("a")
                return pipeline.armState.map { ($0.measured.positions - home).magnitude > 0.4 } ?? false
            }
            try keys.fileHandleForWriting.close()
            #expect(teleop.waitForEnd(limit: 20).exitCode == 0)

            let taken = try Program.run(
                "octo-teleop", ["goal", "reach", "--now", "--run", pipeline.folder.path, "--device", "keyboard"],
                limit: 30)
            #expect(taken.exitCode == 0, "\(taken.output)\(taken.errors)")
            let record = try GoalLibrary(folder: library.path + "/goals").load("reach")
            #expect(record.origin == .teleop && record.views.map(\.camera) == ["primary", "wrist"])
            let arm = try #require(record.arm)
            #expect((arm.jointPositions - home).magnitude > 0.3, "the arm as it stood then")

            let back = try Program.run("octo-arm", ["home", "--run", pipeline.folder.path], limit: 40)
            #expect(back.exitCode == 0, "\(back.errors)")
            let check = try goal(pipeline, ["check", "reach", "--overlay", library.path + "/o.png", "--json"])
            #expect(check.exitCode == 0, "green: \(check.output)\(check.errors)")
            #expect(FileManager.default.fileExists(atPath: library.path + "/o.png"))

            #expect(try goal(pipeline, ["set", "reach"]).exitCode == 0)
            try wait(for: "the arm to go for the goal") { $0.isExecuting }

            // 24 mm to the right are about a dozen pixels.
            let nudged = try Program.run(
                "octo-sim", ["nudge", "--right", "0.024", "--run", pipeline.folder.path], limit: 20)
            #expect(nudged.exitCode == 0, "\(nudged.errors)")
            let moved = MonotonicTime.now()
            try wait(for: "the policy to pause") { $0.status["policy"]?.headline.hasPrefix("paused: ") == true }
            let headline = pipeline.status["policy"]?.headline ?? ""
            #expect(headline.contains("camera moved: the picture went ") && headline.contains("px left"), "\(headline)")
            let red = try #require(log.last { $0.kind == .fitChanged && $0.text.contains("-> red") })
            #expect(red.time > moved - .seconds(1))
            #expect(log.contains { $0.kind == .policyHeld && $0.text.hasPrefix("paused") })
            try wait(for: "the arm to hold") { $0.isAtRest }
            #expect(try goal(pipeline, ["check"]).exitCode == 4)

            // To the right of the arm's middle is less than zero, and no option.
            func place(_ arguments: String...) throws -> Program.Outcome {
                try Program.run("octo-sim", ["place"] + arguments + ["--run", pipeline.folder.path], limit: 20)
            }
            #expect(try place("cup", "0.30", "-0.10").exitCode == 0)
            #expect(try place("cup", "0.30").errors.contains("expected two: metres forward and to the left"))
            // The camera is put back, and the arm goes on.
            #expect(
                try Program.run("octo-sim", ["nudge", "--reset", "--run", pipeline.folder.path], limit: 20).exitCode
                    == 0)
            try wait(for: "the arm to go on") { $0.isExecuting }
            #expect(log.contains { $0.kind == .policyReleased })
            #expect(
                log.contains { $0.kind == .goalRecorded }
                    && log.contains { $0.kind == .goalChanged && $0.subject == "reach" })

            // No goal any more: it holds.
            #expect(try goal(pipeline, ["clear"]).exitCode == 0)
            try wait(for: "the arm to hold without a goal") { $0.isAtRest }
            #expect(pipeline.status["policy"]?.headline.contains("no goal is set") == true)
            _ = try pipeline.stop()
        }

        /// The commonest fault of a camera program: red and blue in each other's place.
        @Test func aGoalWhoseColoursAreSwappedHoldsTheArmAndSaysSo() throws {
            defer { try? FileManager.default.removeItem(at: library) }
            let pipeline = try pipeline(["policy.require_goal_fit=amber"])
            try pipeline.wait(for: "the policy to hold for want of a goal", limit: 60) {
                $0.status["policy"]?.headline.contains("no goal is set") == true && $0.armState != nil
            }
            #expect(try goal(pipeline, ["record", "right"]).exitCode == 0)
            let goals = GoalLibrary(folder: library.path + "/goals")
            func mode(_ path: String) throws -> Int? {
                try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            }
            // Pictures of somebody's room.
            #expect(try mode(library.path + "/goals/right") == 0o700)
            #expect(try mode(library.path + "/goals/right/goal.json") == 0o600)
            var pictures: [String] = []
            for view in try goals.load("right").views {
                let image = view.image
                let rgb = image.pixels.bytes
                let pixels = rgb.indices.map { rgb[$0 + 2 - 2 * ($0 % 3)] }
                let path = "\(library.path)/\(view.camera).png"
                try RGBImage(width: image.width, height: image.height, pixels: SharedBytes(copying: pixels)).writePNG(
                    to: path)
                pictures.append("\(view.camera)=\(path)")
            }
            #expect(try goal(pipeline, ["from-image"] + pictures + ["swapped"]).exitCode == 0)

            let check = try goal(pipeline, ["check", "swapped"])
            #expect(check.exitCode == 4 && check.output.contains("red and blue are in each other's place"), "\(check)")
            _ = try goal(pipeline, ["set", "swapped"])
            try pipeline.wait(for: "the policy to hold for the colours") {
                $0.status["policy"]?.headline.contains("other colours than the goal") == true
            }
            #expect(pipeline.count("chunks", of: "policy") == 0)
            // The same picture as it was: nothing stands against it.
            #expect(try goal(pipeline, ["set", "right"]).exitCode == 0)
            try pipeline.wait(for: "the policy to be released") { $0.count("chunks", of: "policy") > 0 }
            _ = try pipeline.stop()
        }

        @Test func ofTwoClientsOneWinsAndBothAreTold() throws {
            defer { try? FileManager.default.removeItem(at: library) }
            let pipeline = try pipeline()
            try pipeline.wait(for: "the goal node", limit: 60) {
                $0.status["goal"]?.state == .ready && $0.armState != nil
            }
            for name in ["one", "two"] {
                let taken = try goal(pipeline, ["record", name] + (name == "two" ? ["--text", "another"] : []))
                #expect(taken.exitCode == 0, "\(taken.errors)")
            }
            let listed = try goal(pipeline, ["list", "--json"])
            #expect(try JSONNode(parsing: Array(listed.output.utf8))["goals"]?.array?.count == 2, "\(listed.output)")
            // Both have seen that no goal is set; both set theirs.
            let commands = pipeline.run.commandEndpoints["goal"].map { [$0] } ?? []
            let client = try BusNode(
                BusOptions(
                    node: "clients", runID: pipeline.run.runID, endpoint: nil,
                    peers: pipeline.run.endpoints.values.sorted(),
                    listeners: commands))
            defer { client.close() }
            let results = try client.subscribe(Topics.goalResult)
            let publisher = client.publisher(Topics.goalCommand)
            let deadline = MonotonicTime.now() + .seconds(20)
            while !client.isHeard(on: Topics.goalCommand), MonotonicTime.now() < deadline {
                try client.wait(until: .now() + .milliseconds(20))
            }
            var answers: [String: GoalResult] = [:]
            while answers.count < 2, MonotonicTime.now() < deadline {
                for (who, name) in [("ann", "one"), ("bob", "two")] {
                    try publisher.publish(
                        GoalCommand(id: 7, operatorID: who, action: .set(name: name), expectedGoalID: "", time: .now()),
                        at: .now())
                }
                try client.wait(until: .now() + .milliseconds(200))
                while let result = results.take() { answers[result.message.operatorID] = result.message }
            }
            #expect(answers["ann"]?.isAccepted == true)
            #expect(
                answers["bob"]?.isAccepted == false && answers["bob"]?.message.hasPrefix("ann has set 'one'") == true,
                "\(answers)")

            // A goal that is taken already, one that is not there, one that is damaged.
            let again = try goal(pipeline, ["record", "one"])
            #expect(again.exitCode == 1 && again.errors.contains("--replace"))
            let absent = try goal(pipeline, ["set", "nothing"])
            #expect(absent.exitCode == 2 && absent.errors.contains("looking for goal 'nothing'"))
            try "{".write(toFile: library.path + "/goals/two/goal.json", atomically: true, encoding: .utf8)
            let damaged = try goal(pipeline, ["list"])
            #expect(
                damaged.exitCode == 1 && damaged.errors.contains("reading goal 'two'") && damaged.output.contains("one")
            )
            let refused = try goal(pipeline, ["set", "two", "--force"])
            #expect(refused.exitCode == 1 && refused.errors.contains("reading goal 'two'"))
            // A goal that is set is no goal that the policy goes for: whoever sets it hears that.
            let spoken = try goal(pipeline, ["text", "put", "it", "there"])
            #expect(
                spoken.exitCode == 1 && spoken.errors.contains("the policy does not go for it"),
                "\(spoken.output)\(spoken.errors)")
            let shown = try goal(pipeline, ["set", "one", "--json"])
            #expect(
                shown.exitCode == 0 && shown.output.contains("goes_for_it\": true"), "\(shown.output)\(shown.errors)")
            let ranked = try goal(pipeline, ["rank"])
            #expect(ranked.exitCode == 1 && ranked.output.hasPrefix("one\t"))
            _ = try pipeline.stop()
        }

        @Test func theProbeTellsWhetherThePolicyListens() throws {
            defer { try? FileManager.default.removeItem(at: library) }
            let pipeline = try pipeline()
            try pipeline.wait(for: "observations", limit: 60) { $0.count("observations", of: "policy") > 3 }
            #expect(try goal(pipeline, ["record", "here"]).exitCode == 0)
            let before = try #require(pipeline.armState).setpoint.positions
            let probe = try goal(pipeline, ["probe", "here", "--samples", "2", "--json"], limit: 60)
            #expect([0, 3, 4].contains(probe.exitCode), "\(probe.errors)")
            let found = try JSONNode(parsing: Array(probe.output.utf8))
            // A black picture is another goal than the scene; the scene itself is nearly none.
            let (black, present) = (found["against_black"]?.double ?? 0, found["against_present"]?.double ?? .infinity)
            #expect(black > 0 && present < black, "\(probe.output)")
            let steps = ["goal", "black", "present"].map { found["chunks"]?[$0]?.array ?? [] }
            #expect(steps.allSatisfy { !$0.isEmpty && $0.count == steps[0].count }, "\(probe.output)")
            #expect(steps[0].first?.array?.count == found["scatter"]?.array?.count, "a row has a number per dimension")
            try pipeline.letTick(20)
            #expect(pipeline.armState?.setpoint.positions == before, "nothing moved")
            let none = try goal(pipeline, ["probe"])
            #expect(none.exitCode == 2 && none.errors.contains("expected one"))
            _ = try pipeline.stop()
        }
    }

    /// What needs no run.
    @Suite(.serialized) struct GoalFileTests {
        @Test func goalsAreMadeOfFilesAndEpisodesAndComparedWithFiles() throws {
            let folder = try TemporaryFolder.make("goals")
            defer { try? FileManager.default.removeItem(at: folder) }
            let library = ["--library", folder.path + "/goals"]
            let episode = Fixture.packageRoot.appendingPathComponent("launch/episode").path
            let frames = try ImageNames(episode)
            let imported = try Program.run("octo-goal", ["from-episode", episode + ":2", "early"] + library)
            #expect(imported.exitCode == 0, "\(imported.errors)")
            let last = try Program.run("octo-goal", ["from-episode", episode, "late"] + library)
            #expect(last.exitCode == 0, "\(last.errors)")
            let goals = GoalLibrary(folder: folder.path + "/goals")
            guard case .episode(episode, 2) = try goals.load("early").origin else {
                Issue.record("found \(try goals.load("early").origin)")
                return
            }
            let file = try Program.run(
                "octo-goal",
                ["from-image", "primary=\(frames.path(0))", "file", "--text", "do it", "--numbers", "speed=0.5,-1"]
                    + library)
            #expect(file.exitCode == 0, "\(file.errors)")
            let record = try goals.load("file")
            #expect(record.text == "do it" && record.taskNumbers == ["speed": [0.5, -1]])
            // The same picture: nothing to do. Another: the arm has moved, nothing else.
            let same = try Program.run("octo-goal", ["check", "file", "--live", "primary=\(frames.path(0))"] + library)
            #expect(same.exitCode == 3 && same.output.contains("nothing to do"), "\(same.output)\(same.errors)")
            let shown = try Program.run("octo-goal", ["show", "file", "--png", folder.path + "/s.png"] + library)
            #expect(shown.exitCode == 0 && FileManager.default.fileExists(atPath: folder.path + "/s.png"))
            #expect(
                try Program.run("octo-goal", ["from-image", frames.path(1), "file"] + library).exitCode == 2,
                "not unasked")
            #expect(
                try Program.run("octo-goal", ["from-image", frames.path(1), "file", "--replace"] + library).exitCode
                    == 0)
            #expect(try Program.run("octo-goal", ["delete", "file"] + library).exitCode == 2, "nobody to be asked")
            #expect(try Program.run("octo-goal", ["delete", "file", "--yes"] + library).exitCode == 0)
            #expect(try goals.names() == ["early", "late"])
        }

        @Test(arguments: [
            (["from-episode", "/nonexistent", "x"], "/nonexistent"),
            (["from-image", "/nonexistent.png", "x"], "/nonexistent.png"),
            (["show", "nothing"], "looking for goal 'nothing'"),
            (["from-image", "only-one"], "Give at least one picture"),
            (["check", "x", "--live", "oops"], "x"), (["delete", "../x", "--yes"], "naming a goal"),
        ]) func badInputEndsWithTwoAndSaysWhy(_ arguments: [String], _ words: String) throws {
            let folder = try TemporaryFolder.make("goals")
            defer { try? FileManager.default.removeItem(at: folder) }
            let outcome = try Program.run("octo-goal", arguments + ["--library", folder.path])
            #expect(outcome.exitCode == 2, "\(outcome)")
            #expect(outcome.errors.contains(words), "\(outcome.errors)")
        }
    }
}

/// The frames of a folder, in order.
private struct ImageNames {
    private let folder: String
    private let names: [String]

    init(_ folder: String) throws {
        self.folder = folder
        names = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
            $0.hasSuffix(".png") || $0.hasSuffix(".jpg")
        }.sorted()
    }

    func path(_ index: Int) -> String { folder + "/" + names[index] }
}
