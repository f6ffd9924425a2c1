import Console
import Testing
import Time

private let host = "localhost:8080"
private let operate = "OPERATEoperate0123456789-_abcdef"
private let view = "VIEWviewVIEWview0123456789-_abcd"
private let lan = ["host": "192.168.1.7:8080"]

private func access(withTokens: Bool = false) -> Access {
    Access(
        bind: withTokens ? "0.0.0.0" : "127.0.0.1", port: 8080,
        tokens: withTokens ? AccessTokens(operate: operate, view: view) : nil, hostnames: ["Robot"])
}

private func status(_ verdict: Access.Verdict) -> Int {
    switch verdict {
    case .allowed: 200
    case .answered(let response): response.status
    }
}

private func words(_ verdict: Access.Verdict) -> String {
    guard case .answered(let response) = verdict else { return "" }
    return String(decoding: response.body, as: UTF8.self)
}

@Suite struct AccessWithoutTokensTests {
    @Test(arguments: [
        ("127.0.0.1", "localhost:8080"), ("127.0.0.1", "LOCALHOST:8080"), ("::1", "[::1]:8080"),
        ("127.3.2.1", "127.3.2.1:8080"), ("::ffff:127.0.0.1", "127.0.0.1:8080"), ("0:0:0:0:0:0:0:1", "localhost:8080"),
    ]) func programsOfThisMachineOperate(peer: String, host: String) {
        var access = access()
        #expect(
            access.judge(WebRequest(path: "/", headers: ["host": host], peer: peer), at: .zero) == .allowed(.operate))
    }

    @Test(arguments: [
        "192.168.1.9", "10.0.0.1", "::ffff:192.168.1.9", "fe80::1", "128.0.0.1", "12.7.0.0", "localhost", "",
        "::127.0.0.1",
        "127.0.0.1.example.com", "::ffff:0:127.0.0.1",
    ]) func otherMachinesAreRefused(peer: String) {
        var access = access()
        let verdict = access.judge(WebRequest(path: "/", headers: ["host": host], peer: peer), at: .zero)
        #expect(status(verdict) == 403)
        #expect(words(verdict).contains("octo-console token"))
    }

    @Test(arguments: ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded", "via"])
    func relayedRequestsAreNotOfThisMachine(field: String) {
        var access = access()
        let request = WebRequest(path: "/", headers: ["host": host, field: "127.0.0.1"])
        let verdict = access.judge(request, at: .zero)
        #expect(status(verdict) == 403)
        #expect(words(verdict).contains(field))
    }

    @Test(arguments: [
        nil, "", "evil.example:8080", "localhost", "localhost:80", "localhost:8081", "localhost.evil.example:8080",
        "robot:8080",
        "192.168.1.7:8080", "localhost:8080:8080", "localhost:+8080", "localhost:08080x", "127.0.0.1.nip.io:8080",
        "[::1:8080",
        "::1:8080", "[::2]:8080", "2130706433:8080", "user@localhost:8080", "localhost:8080/", "[127.0.0.1]:8080",
        "[::1]8080", "0x7f.1:8080", "localhost.:8080", "ﬂocalhost:8080",
    ]) func namesThatAStrangerMayAnswerForAreRefused(host: String?) {
        var access = access()
        var request = WebRequest(path: "/")
        request.headers["host"] = host
        #expect(status(access.judge(request, at: .zero)) == 403)
    }

    @Test func thereIsNothingToLogInTo() {
        var access = access()
        let verdict = access.judge(WebRequest(path: "/login", headers: ["host": host]), at: .zero)
        guard case .answered(let response) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(response.status == 303)
        #expect(response.headers["Location"] == "/")
    }

    @Test func whatChangesSomethingHasOurField() {
        var access = access()
        var request = WebRequest(method: "POST", path: "/api/command", headers: ["host": host])
        #expect(status(access.judge(request, at: .zero)) == 403)
        request.headers["x-octo-console"] = "1"
        #expect(access.judge(request, at: .zero) == .allowed(.operate))
        request.headers["x-octo-console"] = "0"
        #expect(status(access.judge(request, at: .zero)) == 403)
    }

    @Test(arguments: ["PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "get", ""])
    func methodsThatNothingHasAreRefused(method: String) {
        var access = access()
        let request = WebRequest(method: method, path: "/", headers: ["host": host, "x-octo-console": "1"])
        #expect(status(access.judge(request, at: .zero)) == 405)
    }

    @Test(arguments: [
        "null", "", "http://localhost:8081", "http://localhost", "https://localhost:8080", "http://evil.example",
        "http://127.0.0.1:8080", "http://localhost:8080.evil.example", "localhost:8080",
        "http://localhost:8080@evil.example",
        "file://", "chrome-extension://abc", "http://[::1]:8080",
    ]) func foreignOriginsAreRefused(origin: String) {
        var access = access()
        for fields in [["x-octo-console": "1"], ["upgrade": "WebSocket"], [:]] {
            let request = WebRequest(
                method: fields["x-octo-console"] == nil ? "GET" : "POST", path: "/live",
                headers: ["host": host, "origin": origin].merging(fields) { $1 })
            #expect(status(access.judge(request, at: .zero)) == 403, "\(fields)")
        }
    }

    @Test func ourOwnOriginIsServed() {
        var access = access()
        let request = WebRequest(
            path: "/live",
            headers: [
                "host": host, "origin": "http://localhost:8080", "upgrade": "websocket",
                "sec-fetch-site": "same-origin",
            ])
        #expect(access.judge(request, at: .zero) == .allowed(.operate))
    }

    @Test(arguments: [
        ("https://app.foxglove.dev", "foxglove.sdk.v1", 200),
        ("https://app.foxglove.dev", "foxglove.websocket.v1, foxglove.sdk.v1", 200),
        ("https://app.foxglove.dev", "octo.console.1", 403),
        ("https://app.foxglove.dev", "foxglove.sdk.v1, octo.console.1", 403), ("https://app.foxglove.dev", "", 403),
        ("http://app.foxglove.dev", "foxglove.sdk.v1", 403), ("https://evil.example", "foxglove.sdk.v1", 403),
    ]) func foxglovesOwnPageMayLookAndNothingElse(origin: String, protocols: String, expected: Int) {
        var access = access()
        let request = WebRequest(
            path: "/",
            headers: [
                "host": host, "origin": origin, "upgrade": "websocket", "sec-websocket-protocol": protocols,
                "sec-fetch-site": "cross-site", "sec-fetch-mode": "websocket",
            ])
        #expect(status(access.judge(request, at: .zero)) == expected)
        var posted = request
        posted.method = "POST"
        posted.headers["upgrade"] = nil
        posted.headers["x-octo-console"] = "1"
        #expect(status(access.judge(posted, at: .zero)) == 403)
    }

    @Test func programsOpenWebSocketsWithoutAnOrigin() {
        var access = access()
        let request = WebRequest(path: "/", headers: ["host": host, "upgrade": "websocket"])
        #expect(access.judge(request, at: .zero) == .allowed(.operate))
    }

    @Test(arguments: [
        ("cross-site", "no-cors", "image", "GET", 403), ("same-site", "cors", "empty", "GET", 403),
        ("cross-site", "navigate", "iframe", "GET", 403), ("cross-site", "navigate", "document", "GET", 200),
        ("cross-site", "navigate", "document", "POST", 403), ("same-origin", "cors", "empty", "GET", 200),
        ("none", "navigate", "document", "GET", 200), ("unheard", "cors", "empty", "GET", 403),
        ("same-site", "websocket", "websocket", "GET", 403),
    ]) func foreignPagesMayOnlyLinkToUs(site: String, mode: String, destination: String, method: String, expected: Int)
    {
        var access = access()
        let request = WebRequest(
            method: method, path: "/api/goals",
            headers: [
                "host": host, "sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": destination,
                "x-octo-console": "1",
            ])
        #expect(status(access.judge(request, at: .zero)) == expected)
    }

    @Test(arguments: [false, true]) func tokensInAnAddressAreNeverTaken(withTokens: Bool) {
        var access = access(withTokens: withTokens)
        let verdict = access.judge(
            WebRequest(path: "/", query: ["token": operate], headers: ["host": host]), at: .zero)
        #expect(status(verdict) == 400)
        #expect(words(verdict).contains("history"))
        #expect(!words(verdict).contains(operate))
    }
}

@Suite struct AccessWithTokensTests {
    @Test(arguments: [
        (["cookie": "octo_console=\(operate)"], Role.operate), (["cookie": "octo_console=\(view)"], .view),
        (["cookie": "a=b; octo_console=\(operate) ; c=d"], .operate), (["authorization": "Bearer \(view)"], .view),
        (["authorization": "bearer  \(operate)"], .operate),
        (["cookie": "octo_console=old; octo_console=\(operate)"], .operate),
        (["cookie": "octo_console=\(view)", "authorization": "Bearer \(operate)"], .operate),
    ]) func aTokenGivesItsRole(fields: [String: String], role: Role) {
        var access = access(withTokens: true)
        let request = WebRequest(path: "/", headers: lan.merging(fields) { $1 }, peer: "192.168.1.9")
        #expect(access.judge(request, at: .zero) == .allowed(role))
    }

    @Test(arguments: [
        [:], ["cookie": "octo_console="], ["cookie": "octo_console"], ["cookie": "other=\(operate)"],
        ["cookie": "octo_console=\(operate)x"], ["cookie": "octo_console=\(operate.dropLast())"],
        ["authorization": operate], ["authorization": "Basic \(operate)"], ["authorization": "Bearer "],
        ["authorization": "Bearer \(operate.lowercased())"], ["cookie": ";;=;=\(operate);octo_console"],
        ["cookie": "octo_console=" + String(repeating: "x", count: 100_000)],
    ]) func withoutATokenNothingIsServed(fields: [String: String]) {
        var access = access(withTokens: true)
        for peer in ["127.0.0.1", "192.168.1.9"] {
            func judged(_ path: String, _ more: [String: String] = [:]) -> Access.Verdict {
                access.judge(
                    WebRequest(path: path, headers: lan.merging(fields) { $1 }.merging(more) { $1 }, peer: peer),
                    at: .zero)
            }
            #expect(status(judged("/")) == 303)
            #expect(status(judged("/api/goals")) == 401)
            #expect(status(judged("/page/app.js")) == 401)
            #expect(status(judged("/", ["upgrade": "websocket"])) == 401)
            #expect(status(judged("/login")) == 200)
            #expect(judged("/page/style.css") == .allowed(.view))
        }
    }

    @Test(arguments: [
        ("192.168.1.7:8080", 200), ("[fe80::1]:8080", 200), ("robot:8080", 200), ("ROBOT.local:8080", 200),
        ("localhost:9000", 200), ("robot", 200), ("evil.example:8080", 403), ("robot.evil.example:8080", 403),
        ("192.168.1.7.nip.io:8080", 403), ("robot.localhost:8080", 403),
    ]) func onlyNamesOfThisMachineAreServed(host: String, expected: Int) {
        var access = access(withTokens: true)
        let request = WebRequest(
            path: "/", headers: ["host": host, "authorization": "Bearer \(view)"], peer: "10.0.0.9")
        #expect(status(access.judge(request, at: .zero)) == expected)
    }

    @Test func aRelayMayStandInFrontOfTokens() {
        var access = access(withTokens: true)
        let request = WebRequest(
            path: "/", headers: lan.merging(["x-forwarded-for": "9.9.9.9", "cookie": "octo_console=\(view)"]) { $1 })
        #expect(access.judge(request, at: .zero) == .allowed(.view))
    }

    @Test func whoLooksOnMayOnlyGiveCommands() {
        var access = access(withTokens: true)
        func judged(_ path: String, _ token: String) -> Int {
            let fields = ["x-octo-console": "1", "cookie": "octo_console=\(token)"]
            return status(
                access.judge(WebRequest(method: "POST", path: path, headers: lan.merging(fields) { $1 }), at: .zero))
        }
        #expect(judged("/api/command", view) == 200)
        #expect(judged("/api/jobs", view) == 403)
        #expect(judged("/api/jobs", operate) == 200)
    }

    @Test func stoppingIsForEverybody() {
        #expect(Role.view.mayDo(action: "stop"))
        #expect(Role.operate.mayDo(action: "stop"))
        for action in ["reset", "resume", "goal.set", "", "Stop", "stop "] {
            #expect(!Role.view.mayDo(action: action))
            #expect(Role.operate.mayDo(action: action))
        }
    }

    @Test func tokensDoNotShowInText() {
        let tokens = AccessTokens(operate: operate, view: view)
        var dumped = ""
        dump(tokens, to: &dumped)
        for text in ["\(tokens)", String(reflecting: tokens), dumped, "\(access(withTokens: true))"] {
            #expect(!text.contains(operate))
            #expect(!text.contains(view))
        }
    }
}
