/// One message on a WebSocket, in either direction. RFC 6455, section 5.6.
package enum SocketMessage: Equatable, Sendable {
    case text(String)
    case binary([UInt8])

    /// Bytes of the payload.
    package var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        }
    }
}
