import Console
import JSONTree
import TestSupport
import Testing
import Time

private let operate = "OPERATEoperate0123456789-_abcdef"
private let view = "VIEWviewVIEWview0123456789-_abcd"
private let lan = ["host": "192.168.1.7:8080"]

private func access(withTokens: Bool = false) -> Access {
    Access(
        bind: withTokens ? "0.0.0.0" : "127.0.0.1", port: 8080,
        tokens: withTokens ? AccessTokens(operate: operate, view: view) : nil, hostnames: ["Robot"])
}

@Suite struct AccessLoginTests {
    private func login(
        _ body: String, peer: String = "192.168.1.9", fields: [String: String] = [:]
    ) -> WebRequest {
        var headers = lan.merging(["content-type": "application/x-www-form-urlencoded; charset=utf-8"]) { $1 }
        headers.merge(fields) { $1 }
        return WebRequest(method: "POST", path: "/login", headers: headers, body: Array(body.utf8), peer: peer)
    }

    private func response(_ verdict: Access.Verdict) throws -> WebResponse {
        guard case .answered(let response) = verdict else { throw TestError.allowed }
        return response
    }
    private enum TestError: Error { case allowed }

    @Test(arguments: [
        "token=\(operate)", "a=b&token=\(operate)", "token=+\(operate)%0A",
        "token=" + operate.utf8.map { "%" + String($0, radix: 16) }.joined(),
    ]) func theRightTokenGivesACookie(body: String) throws {
        var access = access(withTokens: true)
        let answer = try response(access.judge(login(body), at: .zero))
        #expect(answer.status == 303)
        #expect(answer.headers["Location"] == "/")
        #expect(answer.headers["Set-Cookie"] == "octo_console=\(operate); Path=/; HttpOnly; SameSite=Strict")
        #expect(answer.headers["Cache-Control"] == "no-store")
    }

    @Test(arguments: [
        ("", 400), ("token", 400), ("token=", 400), ("token=%zz", 400), ("token=%ff", 400), ("tokens=\(operate)", 400),
        ("token=wrong", 403), ("token=\(operate)\(view)", 403), ("token=%3Cscript%3E", 403),
        ("token=" + String(repeating: "a", count: 5_000), 400),
    ]) func otherTokensGiveThePageAgain(body: String, expected: Int) throws {
        var access = access(withTokens: true)
        let answer = try response(access.judge(login(body), at: .zero))
        #expect(answer.status == expected)
        #expect(answer.headers["Set-Cookie"] == nil)
        let page = String(decoding: answer.body, as: UTF8.self)
        #expect(page.contains("<form method=\"post\" action=\"/login\">"))
        #expect(!page.contains("<script"))
        #expect(!page.contains("style="))
    }

    @Test func afterFiveWrongTokensAnAddressWaits() throws {
        var access = access(withTokens: true)
        for second in 0..<5 {
            #expect(try response(access.judge(login("token=no"), at: .zero + .seconds(second))).status == 403)
        }
        let refused = try response(access.judge(login("token=\(operate)"), at: .zero + .seconds(10)))
        #expect(refused.status == 429)
        #expect(refused.headers["Retry-After"] == "50")
        #expect(refused.headers["Set-Cookie"] == nil)
        // Another address is not meant.
        #expect(
            try response(access.judge(login("token=\(view)", peer: "192.168.1.10"), at: .zero + .seconds(10))).status
                == 303)
        // Nor is who has a token already.
        let inside = WebRequest(
            path: "/", headers: lan.merging(["cookie": "octo_console=\(view)"]) { $1 }, peer: "192.168.1.9")
        #expect(access.judge(inside, at: .zero + .seconds(10)) == .allowed(.view))
        #expect(try response(access.judge(login("token=\(operate)"), at: .zero + .seconds(60))).status == 303)
    }

    @Test func manyAddressesTogetherWaitToo() throws {
        var access = access(withTokens: true)
        for index in 0..<60 {
            #expect(try response(access.judge(login("token=no", peer: "10.0.0.\(index)"), at: .zero)).status == 403)
        }
        for index in 0..<1_000 {
            let answer = try response(access.judge(login("token=no", peer: "10.0.1.\(index)"), at: .zero + .seconds(1)))
            #expect(answer.status == 429)
        }
        // What came meanwhile does not make the wait longer.
        #expect(try response(access.judge(login("token=\(operate)"), at: .zero + .seconds(60))).status == 303)
    }

    @Test(arguments: [
        (["origin": "http://192.168.1.7:8080"], 303), ([:], 303), (["referer": "http://192.168.1.7:8080/login"], 303),
        (["origin": "http://evil.example"], 403), (["origin": "null"], 403),
        (["referer": "http://evil.example/http://192.168.1.7:8080/"], 403), (["sec-fetch-site": "cross-site"], 403),
        (["content-type": "text/plain"], 400), (["content-type": "multipart/form-data"], 400),
    ]) func onlyOurOwnFormLogsIn(fields: [String: String], expected: Int) throws {
        var access = access(withTokens: true)
        #expect(try response(access.judge(login("token=\(view)", fields: fields), at: .zero)).status == expected)
    }

    @Test func loggingOutTakesTheCookieAway() throws {
        var access = access(withTokens: true)
        var request = WebRequest(method: "POST", path: "/logout", headers: lan)
        #expect(try response(access.judge(request, at: .zero)).status == 403)
        request.headers["x-octo-console"] = "1"
        let answer = try response(access.judge(request, at: .zero))
        #expect(answer.status == 303)
        #expect(answer.headers["Set-Cookie"]?.contains("octo_console=;") == true)
        #expect(answer.headers["Set-Cookie"]?.contains("Max-Age=0") == true)
    }

    @Test func everyAnswerHasTheFieldsThatKeepItSafe() throws {
        var access = access(withTokens: true)
        for path in ["/", "/login", "/api/goals"] {
            let answer = try response(access.judge(WebRequest(path: path, headers: lan), at: .zero))
            for (name, value) in Access.headers { #expect(answer.headers[name] == value) }
        }
        #expect(Access.headers(for: "/page/app.js")["Cache-Control"] == "no-cache")
        #expect(Access.headers(for: "/picture/goal/primary.jpg")["Cache-Control"] == "no-store")
        // A browser says "Origin: null" of forms of pages that tell no one where they are.
        #expect(Access.headers["Referrer-Policy"] != "no-referrer")
    }

    @Test func errorsAreJSONForProgramsAndWordsForPeople() throws {
        var access = access()
        var request = WebRequest(path: "/", headers: ["host": "evil.example"])
        let answer = try response(access.judge(request, at: .zero))
        #expect(try JSONNode(parsing: answer.body)["error"]?.string?.contains("localhost:8080") == true)
        request.headers.merge(["sec-fetch-mode": "navigate", "sec-fetch-dest": "document"]) { $1 }
        #expect(try response(access.judge(request, at: .zero)).headers["Content-Type"] == "text/plain; charset=utf-8")
    }

    @Test func anyTextIsJudgedWithoutHarm() {
        var generator = SeededGenerator(seed: 7)
        let pieces = [
            "host", "localhost:8080", "[", "]", ":", "%", "=", ";", "octo_console", "Bearer ", "\u{0}", "é", "\r\n",
            "http://",
        ]
        var access = access(withTokens: true)
        for _ in 0..<2_000 {
            func text() -> String {
                (0..<Int.random(in: 0..<6, using: &generator)).map { _ in pieces.randomElement(using: &generator) ?? ""
                }.joined()
            }
            var request = WebRequest(method: "POST", path: "/login", body: Array(text().utf8), peer: text())
            for field in ["host", "origin", "referer", "cookie", "authorization", "content-type"] {
                request.headers[field] = text()
            }
            #expect(access.judge(request, at: .zero) != .allowed(.operate))
        }
    }
}
