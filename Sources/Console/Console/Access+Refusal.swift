/// Why a request is not even asked for its token.
extension Access {
    /// The answer to a request that comes by a way that is not to be trusted; nil for all others.
    func refusal(of request: WebRequest) -> WebResponse? {
        guard request.query["token"] == nil else {
            return Self.refusal(
                of: request, 400,
                "a token stands in the address, where histories and logs keep it. Remove that address from the "
                    + "browser's history, make new tokens ('octo-console token FILE --replace'), and type one at "
                    + "/login or send it as 'Authorization: Bearer TOKEN'.")
        }
        guard ["GET", "HEAD", "POST"].contains(request.method) else {
            return Self.refusal(of: request, 405, "found a method that nothing here has, expected GET, HEAD or POST.")
        }
        let problem = (tokens == nil ? strangerProblem(request) : nil) ?? hostProblem(request) ?? pageProblem(request)
        return problem.map { Self.refusal(of: request, 403, $0) }
    }

    /// Without tokens: why the request is not one of a program on this machine that asks us directly.
    private func strangerProblem(_ request: WebRequest) -> String? {
        let remedy =
            "Make tokens ('octo-console token FILE') and name the file as console.token_file in the manifest, or come "
            + "over ssh ('ssh -L \(port):localhost:\(port) ROBOT')."
        guard IPAddress(request.peer)?.isLoopback == true else {
            return "found a request from another machine, and this console has no tokens: it serves this machine "
                + "alone. " + remedy
        }
        // A relay on this machine hands on what anybody sends it.
        if let field = Self.relayFields.first(where: { request.headers[$0] != nil }) {
            return "found a request that was relayed (it has the field \(field)), and this console has no tokens: "
                + "it serves this machine alone, whatever stands in front of it. " + remedy
        }
        return nil
    }

    /// Fields by which a relay says for whom it asks. RFC 7239; RFC 9110, section 7.6.3.
    private static let relayFields = [
        "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via",
    ]

    /// Why the name by which the browser came is not ours.
    ///
    /// A foreign page's name can be made to mean this machine after the page is loaded; the browser then takes us for a
    /// part of it. Addresses, and the names that people here gave this machine, are not a stranger's to answer for.
    private func hostProblem(_ request: WebRequest) -> String? {
        guard let host = request.host else {
            return "found no Host that can be read, expected the address by which you came, such as "
                + "localhost:\(port)."
        }
        guard tokens != nil else {
            // Tunnels that end at another port would do no harm, but who comes by one is easily told.
            return host.isLoopback && host.port == port
                ? nil
                : "found a name or port that is not ours in Host, expected localhost:\(port) or 127.0.0.1:\(port). Open"
                    + " http://localhost:\(port)/."
        }
        // The port may be another one (a container's, a tunnel's): no page gets a name of ours by it.
        return host.address != nil || host.isLoopback || hostnames.contains(host.name)
            ? nil
            : "found a name in Host that is not known as this machine's. Open the console by the machine's address or "
                + "its own host name (hostname)."
    }

    /// Why the request may be a foreign page's.
    private func pageProblem(_ request: WebRequest) -> String? {
        let headers = request.headers
        if request.isFoxglovesUpgrade { return nil }
        if let origin = headers["origin"], Authority(origin: origin) != request.host {
            return Self.foreign("its Origin is another one")
        }
        // Only the login form is posted without our field; what does not say its origin may say the page it is from.
        if request.isLogin, headers["origin"] == nil, let page = headers["referer"],
            Authority(origin: page) != request.host
        {
            return Self.foreign("its Referer is another one")
        }
        // Ports do not part sites: a page of another port here is "same-site", and as foreign as any.
        if let site = headers["sec-fetch-site"], site != "same-origin", site != "none", !request.isNavigation {
            return Self.foreign("the browser calls it \(site == "same-site" ? site : "cross-site")")
        }
        if request.changesSomething, !request.isLogin, headers["x-octo-console"] != "1" {
            return
                "found no field X-Octo-Console: 1, which everything that changes something has, because foreign pages "
                + "cannot send it. Add it to your request."
        }
        return nil
    }

    private static func foreign(_ sign: String) -> String {
        "found a request that another page made (\(sign)), expected one of our own. Open the console's own address; "
            + "programs leave Origin out."
    }
}

extension WebRequest {
    /// Where Foxglove is as a page. What it gets is for looking alone.
    private static let foxglove = "https://app.foxglove.dev"

    /// Whether Foxglove's own page wants to look, and nothing else: a page of ours could do more.
    var isFoxglovesUpgrade: Bool {
        let offered = (headers["sec-websocket-protocol"] ?? "").split { $0 == "," || $0 == " " }.map(String.init)
        return isUpgrade && headers["origin"] == Self.foxglove && !offered.isEmpty
            && offered.allSatisfy(FoxgloveSession.subprotocols.contains)
    }

    /// Host that the sender believes to talk to; nil where that is missing or cannot be read.
    var host: Authority? { headers["host"].flatMap { Authority($0) } }
    /// Whether the connection is to become a WebSocket. RFC 6455, section 4.1.
    package var isUpgrade: Bool { headers["upgrade"]?.lowercased() == "websocket" }
    /// Whether it is of a kind that may change something. RFC 9110, section 9.2.1.
    var changesSomething: Bool { method != "GET" && method != "HEAD" }
    var isLogin: Bool { method == "POST" && path == "/login" }
    /// Whether somebody opens a page, by a link or the address bar. Its answer is shown, and no page gets to read it.
    var isNavigation: Bool {
        method == "GET" && !isUpgrade && headers["sec-fetch-mode"] == "navigate"
            && headers["sec-fetch-dest"] == "document"
    }

    /// The tokens it shows, as a cookie or as RFC 6750 has it. There may be several cookies of one name.
    var tokens: [String] {
        var tokens: [String] = []
        let bearer = "bearer "
        if let field = headers["authorization"], field.lowercased().hasPrefix(bearer) {
            tokens.append(Self.trimmed(field.dropFirst(bearer.count)))
        }
        for pair in (headers["cookie"] ?? "").split(separator: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2, Self.trimmed(parts[0]) == Access.cookie { tokens.append(Self.trimmed(parts[1])) }
        }
        return tokens
    }

    /// Without blanks at its ends.
    static func trimmed(_ text: Substring) -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0.isNewline }
        return String(String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed()))
    }
}
