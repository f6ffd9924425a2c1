import JSONTree
import Time

/// Decides who may ask the console for what. Knows no socket: it is handed requests and the time.
///
/// Without tokens, only programs of this machine are served, and everything they send is taken as a person's at this
/// machine; with tokens each request shows one, those of this machine too: whoever can open a port here (another
/// account, a container, a relay) is not yet the person beside the robot.
///
/// Both ways a browser is not to be led here by a foreign page: names that a stranger's name server may answer for are
/// no names of ours (DNS rebinding), requests that change something have a field that foreign pages cannot send, and
/// where a browser says where a request comes from, that must be us.
package struct Access: Sendable {
    package enum Verdict: Equatable, Sendable {
        /// The request may go on, with what this role may do.
        case allowed(Role)
        /// The request ends here, with this answer; it has the fields of `headers(for:)`.
        case answered(WebResponse)
    }

    /// Name of the cookie that holds a token.
    package static let cookie = "octo_console"

    let port: Int
    let tokens: AccessTokens?
    /// Names by which people call this machine, in small letters.
    let hostnames: Set<String>
    var attempts = AccessAttempts()

    /// - Parameters:
    ///   - bind: address or name that the port is opened at, as in the manifest.
    ///   - port: the port, 1...65535.
    ///   - tokens: nil to serve this machine alone.
    ///   - hostnames: names of this machine besides its addresses; each counts with ".local" too.
    package init(bind: String, port: Int, tokens: AccessTokens?, hostnames: [String] = []) {
        (self.port, self.tokens) = (port, tokens)
        let names = (hostnames + [bind]).map { $0.lowercased() }.filter { !$0.isEmpty }
        self.hostnames = Set(names + names.map { $0 + ".local" })
    }

    /// Decides about one request, before anything else looks at it. The upgrade to a WebSocket is one too.
    package mutating func judge(_ request: WebRequest, at now: MonotonicTime) -> Verdict {
        if let refusal = refusal(of: request) { return .answered(refusal) }
        guard let tokens else { return judgeWithoutTokens(request) }
        let role = role(of: request, by: tokens)
        switch (request.method, request.path) {
        case ("POST", "/login"): return .answered(logIn(request, by: tokens, at: now))
        case ("POST", "/logout"): return .answered(Self.loggedOut)
        case (_, "/login") where role == nil: return .answered(Self.page(LoginPage.html(), status: 200))
        // The login page's own look; it is the same in every console.
        case ("GET", "/page/style.css"), ("HEAD", "/page/style.css"): return .allowed(role ?? .view)
        default: break
        }
        guard let role else { return .answered(Self.tokenMissing(request)) }
        if request.path == "/login" { return .answered(Self.redirect(to: "/")) }
        return allow(role, request)
    }

    private func judgeWithoutTokens(_ request: WebRequest) -> Verdict {
        guard request.path != "/login", request.path != "/logout" else { return .answered(Self.redirect(to: "/")) }
        return allow(.operate, request)
    }

    /// Whoever only looks on changes nothing; which command it is, stopping or another, the command's own reader asks.
    private func allow(_ role: Role, _ request: WebRequest) -> Verdict {
        guard role < .operate, request.changesSomething, request.path != "/api/command" else { return .allowed(role) }
        return .answered(
            Self.refusal(
                of: request, 403,
                "your token is the one for looking on, this needs the one for operating. Log out, and log in with the "
                    + "\"operate\" token."))
    }

    /// The better of the roles that the request's tokens give.
    ///
    /// Wrong ones are not counted here: a page that was open while the tokens were replaced would lock its own person
    /// out, and 128 bits are not found by trying.
    private func role(of request: WebRequest, by tokens: AccessTokens) -> Role? {
        request.tokens.prefix(4).compactMap(tokens.role).max()
    }
}
