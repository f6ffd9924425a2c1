import Foundation
import Goals
import JSONTree
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// What a console says to those who are no browser, byte by byte, beside one run that goes on through all of it.
    @Suite(.serialized, .sharedConsole) enum ConsoleProtocolTests {}
}

extension EndToEnd.ConsoleProtocolTests {
    /// What is answered, and to whom.
    @Suite struct Requests {
        private let run: SharedConsole.Run

        init() throws { run = try SharedConsole.run }

        private var port: Int { run.port }

        /// A command that changes nothing, and that its owner answers.
        private static let harmless: JSONNode = .object(["action": "goal.set", "name": "no-such-goal"])

        // MARK: The page

        @Test func everythingThatThePageNeedsComesFromTheProgramAndNothingElseMayRun() throws {
            let page = try ConsoleConnection.get(port, "/")
            #expect(page.status == 200)
            #expect(page.headers["content-type"]?.hasPrefix("text/html") == true)
            let policy = try #require(page.headers["content-security-policy"])
            for rule in [
                "default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'",
                "form-action 'self'",
            ] { #expect(policy.contains(rule), "\(policy)") }
            #expect(!policy.contains("unsafe"), "\(policy)")
            #expect(page.headers["x-content-type-options"] == "nosniff")
            let files = page.text.matches(of: /(?:href|src)="([^"]*)"/).map { String($0.output.1) }
            #expect(!files.isEmpty)
            for file in files {
                #expect(file.hasPrefix("/page/"), "a page that works without a network: \(file)")
                #expect(try ConsoleConnection.get(port, file).status == 200, "\(file)")
            }
            #expect(try ConsoleConnection.get(port, "/nothing").status == 404)
            #expect(try ConsoleConnection.ask(port, "PUT", "/", body: "x").status >= 400)
        }

        @Test func theConsoleSaysWhereItIs() throws {
            try run.look { pipeline in
                try pipeline.wait(for: "its line") { $0.launcher.errors.contains("console: http://127.0.0.1:\(port)/") }
            }
        }

        // MARK: Who may ask

        /// What a page of another site, or a relay, can and cannot send. RFC 6454; DNS rebinding.
        static let foreign: [[String: String]] = [
            ["Origin": "http://evil.example"], ["Origin": "null"], ["Origin": "http://127.0.0.1:1"],
            ["Host": "evil.example"], ["Host": "evil.example:8080"], ["X-Forwarded-For": "10.0.0.7"],
            ["Forwarded": "for=10.0.0.7"],
        ]

        @Test(arguments: foreign)
        func noOtherSiteChangesAnything(headers: [String: String]) throws {
            let answer = try ConsoleConnection.post(port, "/api/command", Self.harmless, headers: headers)
            #expect([401, 403, 421].contains(answer.status), "\(answer.status) \(answer.text)")
            let job = try ConsoleConnection.post(port, "/api/jobs", .object(["kind": "rank"]), headers: headers)
            #expect([401, 403, 421].contains(job.status), "\(job.status) \(job.text)")
            let status = try RawWebSocket.status(port: port, headers: headers)
            #expect([401, 403, 421].contains(status), "\(status)")
            let foxglove = try RawWebSocket.status(
                port: port, path: "/", protocols: ["foxglove.sdk.v1"], headers: headers)
            #expect([401, 403, 421].contains(foxglove), "\(foxglove)")
        }

        @Test func thePageItselfIsAnsweredByTheOwner() throws {
            let answer = try ConsoleConnection.post(port, "/api/command", Self.harmless)
            #expect(answer.status == 409 && answer.json["accepted"]?.bool == false, "\(answer.status) \(answer.text)")
            #expect(answer.json["message"]?.string?.contains("no-such-goal") == true, "\(answer.text)")
            let hello = try RawWebSocket(port: port).message("hello")
            #expect(hello["role"]?.string == "operate")
        }

        /// What a form on another site can send without asking.
        @Test(arguments: ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"])
        func formsOfOtherSitesChangeNothing(type: String) throws {
            let body = Self.harmless.text()
            for origin in ["http://evil.example", "http://127.0.0.1:\(port)"] {
                let answer = try ConsoleConnection.ask(
                    port, "POST", "/api/command", headers: ["Content-Type": type, "Origin": origin], body: body)
                #expect(answer.status == 403, "\(answer.status) \(answer.text)")
            }
            // A browser from before `Origin`, and a program.
            let bare = try ConsoleConnection.ask(
                port, "POST", "/api/command", headers: ["Content-Type": "application/json"], body: body)
            #expect(bare.status == 403 && bare.text.contains("X-Octo-Console"), "\(bare.status) \(bare.text)")
            // Nor does an address that somebody follows.
            let link = try ConsoleConnection.get(port, "/api/command?action=stop", headers: ["X-Octo-Console": "1"])
            #expect(link.status >= 400)
        }

        @Test(arguments: [
            "", "{", "[]", "7", #"{"action": 7}"#, #"{"action": "fly"}"#, #"{"action": "goal.set"}"#,
            #"{"action": "goal.set", "name": ["x"]}"#, #"{"action": "goal.take", "name": ""}"#,
            #"{"action": "goal.set", "name": "x", "expected_goal_id": {}}"#,
        ])
        func whatIsNoCommandIsSaidToBeNone(body: String) throws {
            let answer = try ConsoleConnection.ask(
                port, "POST", "/api/command",
                headers: [
                    "Content-Type": "application/json", "X-Octo-Console": "1", "Origin": "http://127.0.0.1:\(port)",
                ], body: body)
            #expect(answer.status == 400, "\(answer.status) \(answer.text)")
            #expect(answer.json["error"]?.string?.isEmpty == false, "\(answer.text)")
        }

        // MARK: Names that lead elsewhere

        @Test func namesOfGoalsAndEpisodesLeadNowhereElse() throws {
            // A goal and an episode that are whole, beside the folders where they may be.
            let beside = run.folder.appendingPathComponent("beside")
            let recorded = try Program.run(
                "octo-goal",
                [
                    "from-episode", Fixture.packageRoot.appendingPathComponent("launch/episode").path, "secret",
                    "--library", beside.path,
                ])
            #expect(recorded.exitCode == 0, "\(recorded.errors)")
            try Data("root:secret".utf8).write(to: run.folder.appendingPathComponent("secret.mcap"))
            let up = "..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2f"
            for path in [
                "/page/\(up)etc/passwd", "/page/\(up)etc%2fpasswd", "/page/..%2f..%2fmain.swift",
                "/page/%2e%2e/%2e%2e/main.swift", "/../../../../../../etc/passwd", "/page/..%00/etc/passwd",
                "/page//etc/passwd", "/page/%2fetc%2fpasswd",
                "/picture/goals/..%2fbeside%2fsecret/primary.jpg", "/picture/goals/../beside/secret/primary.jpg",
                "/picture/goals/\(up)etc%2fpasswd/primary.jpg", "/picture/goals/secret/..%2f..%2fprimary.jpg",
                "/picture/goal/..%2fprimary.jpg", "/picture/goals/%ff/primary.jpg",
                "/api/episodes/..~secret.mcap", "/api/episodes/..%2fsecret.mcap", "/api/episodes/~etc~passwd",
                "/api/episodes/..~..~..~..~..~..~etc~passwd", "/api/episodes/\(beside.path)",
                "/picture/episodes/..~secret.mcap/primary/0.jpg", "/picture/episodes/x/..%2f..%2f/0.jpg",
                "/picture/episodes/x/primary/-1.jpg", "/picture/episodes/x/primary/99999999999999999999.jpg",
            ] {
                let answer = try ConsoleConnection.get(port, path)
                #expect([400, 404].contains(answer.status), "\(path): \(answer.status) \(answer.text.prefix(200))")
                #expect(!answer.text.contains("root:"), "\(path)")
            }
            for name in ["../beside/secret", beside.path + "/secret", "..", ".", "a/b", "a\u{0}b", ""] {
                for action in ["goal.set", "goal.take", "goal.delete"] {
                    let answer = try ConsoleConnection.post(
                        port, "/api/command",
                        .object(["action": JSONNode(action), "name": JSONNode(name), "viewer": 1]))
                    #expect([400, 404, 409].contains(answer.status), "\(action) '\(name)': \(answer.text)")
                }
                for kind in ["verify", "export", "from_episode"] {
                    let answer = try ConsoleConnection.post(
                        port, "/api/jobs",
                        .object([
                            "kind": JSONNode(kind), "episode": JSONNode(name.replacing("/", with: "~")),
                            "name": JSONNode(name), "format": "rlds", "time_ns": 0,
                        ]))
                    #expect([400, 404, 409, 503].contains(answer.status), "\(kind) '\(name)': \(answer.text)")
                }
            }
            #expect(try GoalLibrary(folder: beside.path).load("secret").views.count == 1, "it is still there")
        }
    }
}
