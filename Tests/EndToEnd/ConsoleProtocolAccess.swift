import Foundation
import JSONTree
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd.ConsoleProtocolTests {
    /// Who may do what, by tokens, and consoles that do not start.
    @Suite struct Access {
        private let run: SharedConsole.Run
        private let folder: URL

        init() throws {
            run = try SharedConsole.run
            folder = try TemporaryFolder.make("console")
        }

        /// A console beside the run that asks for tokens.
        private func guarded() throws -> (program: RunningProgram, port: Int, view: String, operate: String) {
            let file = folder.appendingPathComponent("tokens").path
            let made = try Program.run("octo-console", ["token", file])
            #expect(made.exitCode == 0, "\(made.errors)")
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let console = try RunningProgram(
                "octo-console", ["--run", run.folder.path, "--port", "0", "--token-file", file])
            let port = try Browser.poll("a console beside the run", limit: 30) {
                (console.errors + console.output).firstMatch(of: /http:\/\/127\.0\.0\.1:(\d+)\//)
                    .flatMap { Int($0.output.1) }
            }
            let tokens = try JSONNode(parsing: Data(contentsOf: URL(fileURLWithPath: file)))
            return (console, port, try #require(tokens["view"]?.string), try #require(tokens["operate"]?.string))
        }

        private func login(_ port: Int, _ token: String) throws -> ConsoleAnswer {
            try ConsoleConnection.ask(
                port, "POST", "/login",
                headers: [
                    "Content-Type": "application/x-www-form-urlencoded", "Origin": "http://127.0.0.1:\(port)",
                ],
                body: "token=\(token)")
        }

        @Test func whoHasNoTokenSeesNothingAndAViewerMayStopAndNoMore() throws {
            defer { try? FileManager.default.removeItem(at: folder) }
            let (console, port, view, operate) = try guarded()
            defer { kill(console.process.processIdentifier, SIGKILL) }
            let harmless: JSONNode = .object(["action": "goal.set", "name": "no-such-goal"])

            // Nobody.
            for path in ["/", "/api/goals", "/picture/goal/primary.jpg", "/?token=\(operate)"] {
                let answer = try ConsoleConnection.get(port, path)
                #expect([303, 400, 401].contains(answer.status), "\(path): \(answer.status)")
                #expect(answer.cookie == nil)
            }
            #expect([401, 403].contains(try RawWebSocket.status(port: port)))
            #expect(
                [401, 403].contains(try RawWebSocket.status(port: port, path: "/", protocols: ["foxglove.sdk.v1"])))
            #expect([401, 403].contains(try ConsoleConnection.post(port, "/api/command", harmless).status))
            let form = try ConsoleConnection.get(port, "/login")
            #expect(
                form.status == 200 && form.text.contains("name=\"token\"")
                    && !form.text.contains("<script"))

            // One who may look, and stop.
            let seen = try login(port, view)
            #expect([302, 303].contains(seen.status), "\(seen.status) \(seen.text)")
            let setting = try #require(seen.headers["set-cookie"])
            #expect(setting.contains("HttpOnly") && setting.contains("SameSite=Strict"), "\(setting)")
            let viewer = ["Cookie": try #require(seen.cookie)]
            #expect(try ConsoleConnection.get(port, "/", headers: viewer).status == 200)
            let hello = try RawWebSocket(port: port, headers: viewer).message("hello")
            #expect(hello["role"]?.string == "view")
            for body: JSONNode in [
                harmless, .object(["action": "reset"]), .object(["action": "episode.note", "text": "x"]),
                .object(["action": "goal.clear"]),
            ] {
                let answer = try ConsoleConnection.post(port, "/api/command", body, headers: viewer)
                #expect(answer.status == 403, "\(body.text()): \(answer.status)")
            }
            #expect(
                try ConsoleConnection.post(port, "/api/jobs", .object(["kind": "rank"]), headers: viewer).status == 403)
            let driver = try RawWebSocket(port: port, headers: viewer)
            try driver.message("hello")
            driver.send(
                .object(["type": "drive", "dead_man": true, "linear": [1, 0, 0], "angular": [0, 0, 0]]))
            try driver.message("clock")
            try run.look { pipeline in
                try pipeline.letTick(50)
                #expect(pipeline.armState?.mode != .manual)
            }
            let stop = try ConsoleConnection.post(port, "/api/command", .object(["action": "stop"]), headers: viewer)
            #expect(stop.status == 200, "\(stop.text)")
            try run.look { try $0.wait(for: "the arm to stop") { $0.isStopped } }
            #expect(
                try ConsoleConnection.post(port, "/api/command", .object(["action": "reset"]), headers: viewer).status
                    == 403)

            // One who may do all of it.
            let operating = ["Cookie": try #require(try login(port, operate).cookie)]
            #expect(
                try RawWebSocket(port: port, headers: operating).message("hello")["role"]?.string == "operate")
            #expect(try ConsoleConnection.post(port, "/api/command", harmless, headers: operating).status == 409)
            for action in ["reset", "resume"] {
                let answer = try ConsoleConnection.post(
                    port, "/api/command", .object(["action": JSONNode(action)]), headers: operating)
                #expect(answer.status == 200, "\(action): \(answer.text)")
            }
            try run.look { try $0.wait(for: "the arm to go on") { $0.isExecuting } }
            // A cookie is no licence for other sites.
            let foreign = operating.merging(["Origin": "http://evil.example"]) { $1 }
            #expect(try ConsoleConnection.post(port, "/api/command", harmless, headers: foreign).status == 403)
            #expect([401, 403].contains(try RawWebSocket.status(port: port, headers: foreign)))
            #expect(
                try RawWebSocket.status(port: port, headers: ["Cookie": "\(viewer["Cookie"] ?? "")x"]) >= 400,
                "a cookie that nobody was given")

            // Last, since whoever guesses is made to wait, right or wrong.
            let likely = String(repeating: "a", count: operate.count)
            for wrong in ["", "x", String(operate.dropLast()), operate + "x", view + operate, likely] {
                let answer = try login(port, wrong)
                #expect(answer.status >= 400 && answer.cookie == nil, "'\(wrong)': \(answer.status)")
            }
            #expect(try login(port, operate).status == 429)
        }

        @Test func aConsoleForAWholeNetworkNeedsTokens() throws {
            defer { try? FileManager.default.removeItem(at: folder) }
            let check = try Program.run(
                "octo-launch",
                [
                    Pipeline.replayManifest, "--check", "--set", #"console={"bind": "0.0.0.0"}"#, "--set",
                    "record.enabled=false",
                ])
            #expect(check.exitCode == 2, "\(check.output)\(check.errors)")
            let words = check.output + check.errors
            #expect(words.contains("console.bind") && words.contains("token_file"), "\(words)")
            let beside = try Program.run("octo-console", ["--run", run.folder.path, "--bind", "0.0.0.0"])
            #expect(beside.exitCode != 0 && beside.errors.contains("octo-console token"), "\(beside.errors)")
            // Tokens that others can read, and none at all.
            let file = folder.appendingPathComponent("tokens").path
            _ = try Program.run("octo-console", ["token", file])
            chmod(file, 0o644)
            for path in [file, file + "-absent"] {
                let refused = try Program.run(
                    "octo-console", ["--run", run.folder.path, "--port", "0", "--token-file", path], limit: 20)
                #expect(refused.exitCode == 2 && refused.errors.contains(path), "\(path): \(refused)")
            }
            // A file that is there is not written over.
            let before = try Data(contentsOf: URL(fileURLWithPath: file))
            #expect(try Program.run("octo-console", ["token", file]).exitCode != 0)
            #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
        }

        @Test func aPortThatAnotherHasIsSaid() throws {
            defer { try? FileManager.default.removeItem(at: folder) }
            let outcome = try Program.run(
                "octo-console", ["--run", run.folder.path, "--port", "\(run.port)"], limit: 20)
            #expect(outcome.exitCode == 1, "\(outcome)")
            #expect(
                outcome.errors.contains("port \(run.port)") && outcome.errors.contains("another"), "\(outcome.errors)")
        }
    }
}
