import Console
import FlyingFox
import Foundation
import JSONTree
import Messages
import Time

/// Answers requests: who may ask, then what is asked for.
struct RequestHandler: HTTPHandler {
    let server: ConsoleServer

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        let peer = ConnectionLedger.Peer(request)
        var asked = Self.head(of: request, from: peer)
        switch try await server.gate.body(of: request, headers: asked.headers) {
        case .whole(let body): asked.body = body
        case .refused(let response): return Self.response(response, to: asked)
        }
        let role: Role
        switch server.withState({ $0.access.judge(asked, at: .now()) }) {
        case .allowed(let found): role = found
        case .answered(let response): return Self.response(response, to: asked)
        }
        if asked.isUpgrade { return try await upgrade(request, asked, role, peer) }
        return Self.response(await answer(asked, role), to: asked)
    }

    // MARK: What is asked for

    private func answer(_ request: WebRequest, _ role: Role) async -> WebResponse {
        guard let parts = request.parts else { return .error(400, "no such path: \(request.path)") }
        switch (request.method, parts.first) {
        case ("GET", nil): return server.files["index.html"] ?? .error(404, "the page is not there")
        case ("GET", "page"?) where parts.count == 2:
            return server.files[parts[1]] ?? .error(404, "no such file: \(parts[1])")
        case ("GET", "picture"?) where parts.count == 3 && parts[1] == "goal":
            return LivePictures.answer(parts[2], of: server.withState { $0.hub.goal }, id: request.query["id"])
        case ("GET", "picture"?), ("GET", "api"?): return await shelf(request)
        case ("POST", "api"?): return await change(request, parts, role)
        case ("GET", _): return .error(404, "nothing is called \(request.path) here")
        default: return .error(405, "\(request.method) is not for \(request.path)")
        }
    }

    private func shelf(_ request: WebRequest) async -> WebResponse {
        await server.shelves.answer(request) ?? .error(404, "nothing is called \(request.path) here")
    }

    private func change(_ request: WebRequest, _ parts: [String], _ role: Role) async -> WebResponse {
        switch parts {
        case ["api", "command"]:
            let command: ConsoleCommand
            do {
                command = try ConsoleCommand(parsing: request.body)
            } catch {
                return .error(400, "\(error)")
            }
            guard role.mayDo(action: command.action) else {
                return .error(403, "'\(command.action)' needs the token for operating; this one only sees, and stops")
            }
            if case .deleteGoal(let name) = command { return await server.shelves.deleteGoal(name) }
            return await server.perform(command, by: request.peer)
        case ["api", "jobs"]:
            guard role.mayDo(action: "job") else { return .error(403, "that needs the token for operating") }
            let run = server.withState { state in
                state.hub.run.flatMap { $0.isLive ? $0.description.folder : nil }
            }
            return await server.shelves.startJob(request.body, run: run)
        default: return .error(404, "nothing is called \(request.path) here")
        }
    }

    // MARK: WebSockets

    private func upgrade(
        _ request: HTTPRequest, _ asked: WebRequest, _ role: Role, _ peer: ConnectionLedger.Peer
    ) async throws -> HTTPResponse {
        let offered = (request.headers[.webSocketProtocol] ?? "").split(separator: ",")
            .map { $0.trimmingCharacters(in: .whitespaces) }
        let chosen: (name: String, kind: ConsoleServer.ViewerKind)
        if offered.contains(Self.pageProtocol) {
            chosen = (Self.pageProtocol, .page)
        } else if let name = FoxgloveSession.subprotocol(offered: offered) {
            chosen = (name, .foxglove)
        } else {
            return Self.response(
                .error(
                    400,
                    "found the subprotocols \(offered), expected one of "
                        + ([Self.pageProtocol] + FoxgloveSession.subprotocols).joined(separator: ", ")), to: asked)
        }
        guard let socket = server.join(chosen.kind, role: role, peer: peer) else {
            return Self.response(
                .error(
                    503,
                    "\(server.settings.viewers) pages watch already, as many as may: close one, or raise "
                        + "console.viewers"
                ), to: asked)
        }
        server.gate.upgraded(from: peer.address, port: peer.port)
        var response = try await WebSocketHTTPHandler(handler: socket).handleRequest(request)
        guard case .webSocket = response.payload else {
            server.leave(socket)
            return response
        }
        response.headers[.webSocketProtocol] = chosen.name
        return response
    }

    private static let pageProtocol = "octo.console.1"

    // MARK: FlyingFox's words and ours

    private static func head(of request: HTTPRequest, from peer: ConnectionLedger.Peer) -> WebRequest {
        var query: [String: String] = [:]
        for item in request.query { query[item.name] = item.value }
        var headers: [String: String] = [:]
        for (header, value) in request.headers {
            let name = header.rawValue.lowercased()
            headers[name] = headers[name].map { "\($0), \(value)" } ?? value
        }
        let path = request.target.rawValue.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)[0]
        return WebRequest(
            method: request.method.rawValue, path: String(path), query: query, headers: headers, peer: peer.address)
    }

    private static func response(_ answer: WebResponse, to request: WebRequest) -> HTTPResponse {
        var headers = HTTPHeaders()
        for (name, value) in Access.headers(for: request.path) { headers[HTTPHeader(name)] = value }
        for (name, value) in answer.headers { headers[HTTPHeader(name)] = value }
        return HTTPResponse(
            statusCode: HTTPStatusCode(answer.status, phrase: ""), headers: headers, body: Data(answer.body))
    }
}

extension HTTPHeader {
    fileprivate static let webSocketProtocol = HTTPHeader("Sec-WebSocket-Protocol")
}

extension ConnectionLedger.Peer {
    /// Who asks; without an address where it is no connection of the internet protocol, which nobody is.
    fileprivate init(_ request: HTTPRequest) {
        let peer = ConnectionGate.peer(of: request)
        self.init(address: peer?.address ?? "", port: peer?.port ?? 0)
    }
}
