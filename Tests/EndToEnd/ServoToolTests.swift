import Foundation
import JSONTree
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// The tools of `octo-arm` at a serial line with emulated servos.
    @Suite(.serialized) struct ServoToolTests {
        private func arm(_ arguments: [String]) throws -> Program.Outcome {
            try RunningProgram("octo-arm", arguments).waitForEnd(limit: 60)
        }

        private func json(_ outcome: Program.Outcome) throws -> JSONNode {
            try JSONNode(parsing: Array(outcome.output.utf8))
        }

        @Test(arguments: [(EmulatedServos.Arm.widowX, "dynamixel", 9), (.so101, "feetech", 6)])
        func scanFindsTheServosAtTheirRate(arm kind: EmulatedServos.Arm, name: String, count: Int) throws {
            let servos = try EmulatedServos(["--baud", "115200"], arm: kind)
            let outcome = try arm(["scan", "--port", servos.link, "--driver", name, "--json"])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            let found = try #require(try json(outcome)["found"]?.array)
            #expect(found.count == 1 && found[0]["baud"]?.int == 115_200 && found[0]["protocol"]?.string == name)
            #expect(found[0]["servos"]?.array?.compactMap { $0["id"]?.int } == Array(1...count))
            let table = try arm(["scan", "--port", servos.link, "--driver", name, "--baud", "115200"])
            #expect(table.output.contains("\(count) \(name) servos") && table.output.contains("12.0 V"))
            #expect(try servos.goals().isEmpty)
        }

        @Test func whereNothingAnswersItSaysSo() throws {
            let servos = try EmulatedServos(
                ["--fault", "missing 1"], of: ["--driver", "feetech", "--ids", "1"], arm: .so101)
            let outcome = try arm(["scan", "--port", servos.link, "--baud", "1000000"])
            #expect(outcome.exitCode == 1 && outcome.output.contains("no servo answers on \(servos.link)"))
            #expect(outcome.output.contains("without --driver and --baud tries everything"))
            let nowhere = try arm(["scan", "--port", "/dev/nowhere"])
            #expect(nowhere.exitCode == 2 && nowhere.errors.contains("/dev/nowhere: there is no such device"))
        }

        @Test func scanNamesWhatCannotBeUsed() throws {
            let servos = try EmulatedServos(
                ["--fault", "duplicate 2", "--fault", "level 3 0"], of: ["--driver", "dynamixel", "--ids", "1,2,3"])
            let outcome = try arm(["scan", "--port", servos.link])
            #expect(
                outcome.exitCode == 1 && outcome.output.contains("1 dynamixel servos on \(servos.link) at 1000000 baud")
            )
            #expect(
                outcome.output.contains(
                    "problem: id 2: damaged answers, as of two servos with this id. Connect one of them alone and "
                        + "give it its own id with 'octo-arm setup'"), "\(outcome.output)")
            #expect(outcome.output.contains("problem: id 3: it answers pings and no reads"))
            let old = try EmulatedServos(["--fault", "protocol 1 1"], of: ["--driver", "dynamixel", "--ids", "1"])
            let first = try arm(["scan", "--port", old.link, "--driver", "dynamixel", "--baud", "1000000", "--json"])
            let problems = try json(first)["found"]?.array?.first?["problems"]?.array
            #expect(
                first.exitCode == 1 && problems?.first?["found"]?.string == "id 1: it answers in Dynamixel protocol 1.0"
            )
        }

        @Test func setupGivesAServoItsIdAndRate() throws {
            let servos = try EmulatedServos(["--baud", "57600"], of: ["--driver", "dynamixel", "--ids", "1"])
            // Nobody says yes: nothing is written.
            let unasked = try arm(["setup", "--id", "6", "--port", servos.link])
            #expect(
                unasked.exitCode == 1 && unasked.output.contains("found id 1 in Dynamixel protocol 2.0 at 57600 baud"))
            #expect(unasked.errors.contains("Nothing was written"))
            #expect(try servos.writeCount() == 0)
            let done = try arm(["setup", "--id", "6", "--port", servos.link, "--yes"])
            #expect(done.exitCode == 0, "\(done.errors)")
            #expect(done.output.contains("id 1 becomes 6, 57600 baud become 1000000"))
            #expect(done.output.contains("the servo answers as id 6 at 1000000 baud: XM430-W350, firmware 45"))
            let again = try arm(["setup", "--id", "6", "--port", servos.link, "--yes", "--json"])
            #expect(try json(again)["servos"]?.array?.first?["id"]?.int == 6, "\(again.output)\(again.errors)")
        }

        /// Servos 11 and 12 are new ones that a person connects one after the other.
        @Test func setupLeadsThroughTheServosOfAnArm() throws {
            let servos = try EmulatedServos(
                ["--fault", "missing 12"], of: ["--driver", "feetech", "--ids", "11,12"], arm: .so101)
            let input = Pipe()
            let program = try RunningProgram(
                "octo-arm", ["setup", "--arm", EmulatedServos.Arm.so101.calibration, "--port", servos.link],
                input: input)
            func answer(_ text: String) { input.fileHandleForWriting.write(Data((text + "\n").utf8)) }
            try wait("the first servo") {
                program.output.contains("1 of 6. Connect only the servo of shoulder_pan: it gets id 1")
            }
            answer("")
            try wait("its id") { program.output.contains("the servo answers as id 1 at 1000000 baud: STS3215") }
            try wait("the second servo") { program.output.contains("2 of 6. Connect only the servo of shoulder_lift") }
            servos.say("missing")
            usleep(300_000)
            answer("")
            try wait("a refusal, since the first is still there") {
                program.output.contains("id 12 in Feetech's protocol")
            }
            servos.say("missing 1")
            usleep(300_000)
            answer("")
            try wait("its id") { program.output.contains("the servo answers as id 2 at 1000000 baud") }
            for index in 3...6 {
                try wait("the next servo") { program.output.contains("\(index) of 6.") }
                answer("s")
            }
            let outcome = program.waitForEnd(limit: 30)
            #expect(outcome.exitCode == 0 && outcome.output.contains("connect all servos now"), "\(outcome.errors)")
        }

        @Test func setupRefusesTwoServosAndWritesNothing() throws {
            let servos = try EmulatedServos(of: ["--driver", "feetech", "--ids", "1,2"], arm: .so101)
            let outcome = try arm(["setup", "--id", "3", "--port", servos.link, "--yes"])
            #expect(
                outcome.exitCode == 1
                    && outcome.errors.contains("found id 1 in Feetech's protocol at 1000000 baud; id 2"))
            #expect(try servos.writeCount() == 0)
            for wrong in [
                ["setup"], ["setup", "--id", "3", "--arm", "x"], ["setup", "--id", "3", "--json"],
                ["setup", "--id", "3", "--baud", "7"],
            ] {
                #expect(try arm(wrong).exitCode == 2, "\(wrong)")
            }
        }

        @Test func checkTellsWhatIsNotAsTheFileSays() throws {
            let servos = try EmulatedServos(arm: .widowX)
            let calibration = EmulatedServos.Arm.widowX.calibration
            let sound = try arm(["check", "--port", servos.link, "--calibration", calibration])
            #expect(sound.exitCode == 0 && sound.output.contains("are as \(calibration) says"), "\(sound.output)")
            servos.say("missing 6")
            let broken = try arm(["check", "--port", servos.link, "--calibration", calibration, "--json"])
            #expect(broken.exitCode == 1)
            let findings = try #require(try json(broken)["findings"]?.array)
            #expect(findings.count == 1 && findings[0]["servo"]?.int == 6 && findings[0]["subject"]?.string == "answer")
            let other = try arm(["check", "--port", servos.link, "--calibration", "/dev/null"])
            #expect(other.exitCode == 2 && other.errors.contains("/dev/null"))
        }

        @Test func portAdaptersAreTold() throws {
            let folder = try TemporaryFolder.make("dev")
            defer { try? FileManager.default.removeItem(at: folder) }
            let names = ["ttyUSB0", "ttyUSB1"].map { folder.appendingPathComponent($0) }
            let empty = try arm(["find-port", "--dev", folder.path])
            #expect(empty.exitCode == 2 && empty.errors.contains("found no ttyUSB or ttyACM device"))
            for name in names { try Data().write(to: name) }
            let program = try RunningProgram("octo-arm", ["find-port", "--dev", folder.path])
            try wait("the question") { program.errors.contains("unplug the arm's adapter") }
            try FileManager.default.removeItem(at: names[1])
            let outcome = program.waitForEnd(limit: 30)
            #expect(outcome.exitCode == 0 && outcome.output.contains("the arm's port is \(names[1].path)"))
            let only = try arm(["find-port", "--dev", folder.path, "--json"])
            #expect(try json(only)["port"]?.string == names[0].path)
        }

        private func wait(_ what: String, _ condition: () -> Bool) throws {
            let deadline = MonotonicTime.now() + .seconds(30)
            while !condition() {
                guard MonotonicTime.now() < deadline else { throw TimedOut(description: "waited for \(what)") }
                usleep(10_000)
            }
        }

        // MARK: - Calibrating

        /// A person with a copy of the calibration file.
        private final class Person {
            let servos: EmulatedServos
            let folder: URL
            let file: String
            private(set) var program: RunningProgram
            private var input = Pipe()

            init() throws {
                servos = try EmulatedServos(arm: .so101)
                folder = try TemporaryFolder.make("calibration")
                file = folder.appendingPathComponent("arm.json").path
                try FileManager.default.copyItem(atPath: EmulatedServos.Arm.so101.calibration, toPath: file)
                program = try RunningProgram(
                    "octo-arm", ["calibrate", "--port", servos.link, "--calibration", file], input: input)
                try hold()
            }

            /// Says that the arm is held.
            func hold() throws {
                _ = try awaitAny(["hold it, and press Enter"])
                answer()
            }

            deinit { try? FileManager.default.removeItem(at: folder) }

            func beginAgain(killing signal: Int32, at link: String? = nil, _ arguments: [String] = []) throws {
                kill(program.process.processIdentifier, signal)
                program.process.waitUntilExit()
                input = Pipe()
                program = try RunningProgram(
                    "octo-arm", ["calibrate", "--port", link ?? servos.link, "--calibration", file] + arguments,
                    input: input)
            }

            func answer(_ text: String = "") { input.fileHandleForWriting.write(Data((text + "\n").utf8)) }

            /// The last of these that was printed.
            func awaitAny(_ texts: [String], after start: Int = 0) throws -> String {
                let deadline = MonotonicTime.now() + .seconds(30)
                while MonotonicTime.now() < deadline {
                    let output = program.output.dropFirst(start)
                    if let found = texts.first(where: { output.contains($0) }) { return found }
                    guard program.process.isRunning else { break }
                    usleep(10_000)
                }
                throw TimedOut(description: "waited for \(texts):\n\(program.output)\n\(program.errors)")
            }

            /// Turns the joints to both ends until the program has seen enough.
            func sweep() throws {
                for _ in 0..<10 {
                    for pulses in [2_047, 1_300, 900, 1_300, 2_047, 2_700, 3_200, 2_700, 2_047] {
                        for id in 1...4 { servos.say("turn \(id) \(pulses)") }
                        usleep(250_000)
                    }
                    let before = program.output.count
                    answer()
                    if try awaitAny(["3 of 5", "not moved", "went past", "middle of the sweep"], after: before)
                        == "3 of 5"
                    {
                        return
                    }
                }
                throw TimedOut(description: "the sweep was never complete:\n\(program.output)")
            }
        }

        @Test func aPersonCalibratesAnArmAndIsInterrupted() throws {
            let person = try Person()
            _ = try person.awaitAny(["1 of 5"])
            for id in 1...5 { person.servos.say("turn \(id) \(1_000 + 400 * id)") }
            usleep(300_000)
            person.answer()
            _ = try person.awaitAny(["2 of 5"])
            // Until it is done the driver refuses the arm: angles would be wrong.
            let half = try arm(["check", "--port", person.servos.link, "--calibration", person.file])
            #expect(half.exitCode == 2 && half.errors.contains("another program has it"))

            try person.beginAgain(killing: SIGKILL)
            _ = try person.awaitAny(["going on with the calibration"])
            try person.hold()
            _ = try person.awaitAny(["2 of 5"])
            // A cable that is out for a while.
            person.servos.say("missing 3")
            _ = try person.awaitAny(["no answer from elbow_flex (servo 3)"])
            person.servos.say("missing")
            _ = try person.awaitAny(["all servos answer again"])
            try person.sweep()
            person.servos.say("turn 6 1500")
            usleep(300_000)
            person.answer()
            _ = try person.awaitAny(["4 of 5"])
            person.servos.say("turn 6 2600")
            usleep(300_000)
            person.answer()
            _ = try person.awaitAny(["5 of 5"])
            person.answer()
            let outcome = person.program.waitForEnd(limit: 30)
            #expect(outcome.exitCode == 0 && outcome.output.contains("calibration written to"), "\(outcome.errors)")

            let check = try arm(["check", "--port", person.servos.link, "--calibration", person.file])
            #expect(check.exitCode == 0, "\(check.output)")
            let root = try JSONNode(parsing: try Data(contentsOf: URL(fileURLWithPath: person.file)))
            let joints = try #require(root["servos"]?["joints"]?.array)
            for joint in joints.prefix(4) {
                #expect((joint["lower_pulse"]?.int ?? 0) < 1_300 && (joint["upper_pulse"]?.int ?? 0) > 2_700)
                #expect(joint["homing_offset_pulse"]?.int != 0)
            }
            #expect(root["servos"]?["gripper"]?["open_pulse"]?.int ?? 0 > 2_000)
            let names = try FileManager.default.contentsOfDirectory(atPath: person.folder.path)
            #expect(names.count == 2 && names.contains { $0.hasPrefix("arm.20") }, "\(names)")
            #expect(try person.servos.goals().isEmpty, "nothing moved by itself")
        }

        @Test func givingUpKeepsNothing() throws {
            let person = try Person()
            let before = try Data(contentsOf: URL(fileURLWithPath: person.file))
            _ = try person.awaitAny(["1 of 5"])
            person.answer("what?")
            _ = try person.awaitAny(["found 'what?', expected Enter, b or q"])
            person.answer()
            _ = try person.awaitAny(["2 of 5"])
            // Ctrl-C only interrupts.
            try person.beginAgain(killing: SIGINT)
            _ = try person.awaitAny(["going on with the calibration"])
            try person.hold()
            _ = try person.awaitAny(["2 of 5"])
            person.answer("q")
            let outcome = person.program.waitForEnd(limit: 30)
            #expect(outcome.exitCode == 0 && outcome.output.contains("nothing was kept"), "\(outcome.errors)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: person.file)) == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: person.folder.path) == ["arm.json"])
            let check = try arm(["check", "--port", person.servos.link, "--calibration", person.file])
            #expect(check.exitCode == 0, "the servos are as before: \(check.output)")
        }

        @Test func withoutAPersonNothingIsWritten() throws {
            let servos = try EmulatedServos(arm: .so101)
            let folder = try TemporaryFolder.make("calibration")
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appendingPathComponent("arm.json").path
            try FileManager.default.copyItem(atPath: EmulatedServos.Arm.so101.calibration, toPath: file)
            for id in 1...6 { servos.say("torque \(id) 1") }
            let outcome = try arm(["calibrate", "--port", servos.link, "--calibration", file])
            #expect(
                outcome.exitCode == 1 && outcome.errors.contains("standard input ended, expected Enter from a person"))
            #expect(outcome.errors.contains("Nothing was written"))
            #expect(try servos.writeCount() == 0, "torque is on as it was")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["arm.json"])
        }

        @Test func anotherArmIsNotTakenForTheOneThatWasBegunWith() throws {
            let person = try Person()
            _ = try person.awaitAny(["1 of 5"])
            for id in 1...5 { person.servos.say("turn \(id) \(1_000 + 400 * id)") }
            usleep(300_000)
            person.answer()
            _ = try person.awaitAny(["2 of 5"])
            let other = try EmulatedServos(arm: .so101)
            try person.beginAgain(killing: SIGKILL, at: other.link)
            let refused = person.program.waitForEnd(limit: 30)
            #expect(refused.exitCode == 1 && refused.errors.contains("this is not the arm that it was begun with"))
            #expect(refused.errors.contains("homing offset of servo 1 is 0, expected -647"), "\(refused.errors)")
            #expect(refused.errors.contains("Nothing was written to this arm"))
            // Begun anew with it, the first arm's draft stays, and gives that arm everything back.
            try person.beginAgain(killing: SIGKILL, at: other.link, ["--restart"])
            _ = try person.awaitAny(["the other draft is now"])
            _ = try person.awaitAny(["hold it, and press Enter"])
            person.answer("q")
            _ = try person.awaitAny(["nothing was written to the servos"])
            #expect(try other.writeCount() == 0)
            let kept = try #require(
                try FileManager.default.contentsOfDirectory(atPath: person.folder.path).first { $0.contains(".draft.") }
            )
            try FileManager.default.moveItem(
                atPath: person.folder.appendingPathComponent(kept).path, toPath: person.file + ".draft")
            try person.beginAgain(killing: SIGKILL)
            _ = try person.awaitAny(["hold it, and press Enter"])
            person.answer("q")
            _ = try person.awaitAny(["the servos have their old registers"])
            _ = person.program.waitForEnd(limit: 30)
            let check = try arm(["check", "--port", person.servos.link, "--calibration", person.file])
            #expect(check.exitCode == 0, "\(check.output)")
        }

        @Test func leRobotsFilesComeAndGo() throws {
            let folder = try TemporaryFolder.make("lerobot")
            defer { try? FileManager.default.removeItem(at: folder) }
            let ours = folder.appendingPathComponent("arm.json").path
            let theirs = folder.appendingPathComponent("theirs.json").path
            try FileManager.default.copyItem(atPath: EmulatedServos.Arm.so101.calibration, toPath: ours)
            #expect(try arm(["lerobot", "export", "--calibration", ours, theirs]).exitCode == 0)
            let text = try String(contentsOfFile: theirs, encoding: .utf8)
            #expect(text.contains("    \"shoulder_pan\": {\n        \"id\": 1,\n        \"drive_mode\": 0,"))
            let moved = text.replacingOccurrences(of: "\"homing_offset\": 0", with: "\"homing_offset\": -77")
            try Data(moved.utf8).write(to: URL(fileURLWithPath: theirs))
            #expect(try arm(["lerobot", "import", theirs, "--calibration", ours]).exitCode == 0)
            #expect(try arm(["lerobot", "export", "--calibration", ours, "-"]).output == moved)
            let bad = try arm(["lerobot", "import", ours, "--calibration", ours])
            #expect(bad.exitCode == 2 && bad.errors.contains("reading the LeRobot calibration"))
            let missing = try arm(["lerobot", "import", "/nowhere", "--calibration", ours])
            #expect(missing.exitCode == 2 && missing.errors.contains("/nowhere"))
        }
    }
}
