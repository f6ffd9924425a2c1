import JSONTree
import Time

/// The way in and out, and the answers that are given at the door.
extension Access {
    mutating func logIn(_ request: WebRequest, by tokens: AccessTokens, at now: MonotonicTime) -> WebResponse {
        // The right token is not looked at either: an answer in this minute would tell that it was right.
        if let wait = attempts.wait(of: request.peer, at: now) {
            let seconds = max(1, Int(wait.inSeconds.rounded(.up)))
            var response = Self.page(
                LoginPage.html(problem: "Too many wrong tokens came. Wait \(seconds) s, then try again."), status: 429)
            response.headers["Retry-After"] = "\(seconds)"
            return response
        }
        guard let token = request.form("token") else {
            return Self.page(
                LoginPage.html(problem: "No token came. Type one of the two in the token file."), status: 400)
        }
        guard tokens.role(of: token) != nil else {
            attempts.countWrong(from: request.peer, at: now)
            return Self.page(
                LoginPage.html(problem: "That is none of the two tokens. Copy one from the token file."), status: 403)
        }
        // Strict: no request that a foreign page begins has it, not even one that only opens ours.
        var response = Self.redirect(to: "/")
        response.headers["Set-Cookie"] = "\(Self.cookie)=\(token); Path=/; HttpOnly; SameSite=Strict"
        return response
    }

    static var loggedOut: WebResponse {
        var response = redirect(to: "/login")
        response.headers["Set-Cookie"] = "\(cookie)=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
        return response
    }

    /// Who opens the page is shown the way in; scripts and programs are told.
    static func tokenMissing(_ request: WebRequest) -> WebResponse {
        if request.path == "/", !request.changesSomething, !request.isUpgrade { return redirect(to: "/login") }
        var response = refusal(
            of: request, 401,
            "found no token, or one that is not valid (any more). Log in at /login, or send 'Authorization: Bearer "
                + "TOKEN'.")
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    }

    static func redirect(to path: String) -> WebResponse {
        var fields = headers(for: path)
        fields["Location"] = path
        return WebResponse(status: 303, headers: fields)
    }

    static func page(_ html: String, status: Int) -> WebResponse {
        var fields = headers(for: "/login")
        fields["Content-Type"] = "text/html; charset=utf-8"
        return WebResponse(status: status, headers: fields, body: Array(html.utf8))
    }

    /// An error's answer: plain words for who opened a page, JSON for all others.
    static func refusal(of request: WebRequest, _ status: Int, _ words: String) -> WebResponse {
        var fields = headers(for: "/api")
        if request.isNavigation {
            fields["Content-Type"] = "text/plain; charset=utf-8"
            return WebResponse(status: status, headers: fields, body: Array((words + "\n").utf8))
        }
        fields["Content-Type"] = "application/json"
        let body = JSONNode.object(["error": JSONNode(words)]).text()
        return WebResponse(status: status, headers: fields, body: Array(body.utf8))
    }
}

extension WebRequest {
    /// A field of a posted form, without blanks at its ends; nil where the body is no form, is too long for ours, or
    /// has no such field. URL standard, section 5.1.
    func form(_ name: String) -> String? {
        let kind = (headers["content-type"] ?? "").lowercased().prefix { $0 != ";" }
        guard Self.trimmed(kind) == "application/x-www-form-urlencoded", body.count <= 4_096,
            let text = String(validating: body, as: UTF8.self)
        else { return nil }
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == name else { continue }
            let spaced = String(parts[1].map { $0 == "+" ? " " : $0 })
            guard let value = Self.decoded(spaced).map({ Self.trimmed(Substring($0)) }), !value.isEmpty else {
                return nil
            }
            return value
        }
        return nil
    }
}
