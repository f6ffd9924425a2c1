import Console
import FlyingFox

extension ConnectionGate {
    /// What came of a request whose head has come.
    enum Arrived {
        case whole(body: [UInt8])
        /// It is not to be looked at; this is its answer.
        case refused(WebResponse)
    }

    /// Reads a request's body, within the limits, and keeps the ledger told. The first thing that is done with a
    /// request.
    /// - Parameter headers: of the request, names in small letters.
    /// - Throws: where the connection ends meanwhile.
    func body(of request: HTTPRequest, headers: [String: String]) async throws -> Arrived {
        guard let (address, port) = Self.peer(of: request), headArrived(from: address, port: port) else {
            return .refused(WebResponse(status: 400))
        }
        if let refusal = ServerLimits.refusal(ofBody: headers) {
            refuseRest(from: address, port: port)
            return .refused(refusal)
        }
        let body = try await Array(request.bodyData)
        guard requestArrived(from: address, port: port) else { return .refused(WebResponse(status: 400)) }
        return .whole(body: body)
    }

    /// Address and port of who asks; nil where it is no connection of the internet protocol.
    static func peer(of request: HTTPRequest) -> (address: String, port: UInt16)? {
        switch request.remoteAddress {
        case .ip4(let address, let port)?, .ip6(let address, let port)?: (address, port)
        case .unix?, nil: nil
        }
    }
}
