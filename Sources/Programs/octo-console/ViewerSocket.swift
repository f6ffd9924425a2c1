import Console
import FlyingFox
import Foundation
import Synchronization
import Time

/// One WebSocket of a page or of Foxglove. What waits for it is asked for when the last of it has gone out, so that a
/// viewer who reads slowly costs no memory.
final class ViewerSocket: WSHandler {
    /// What is at the other end, as the hubs count it.
    enum Viewer: Sendable {
        case page(Int)
        case foxglove(Int)
    }
    private struct Status {
        var isClosed = false
        /// Answers to pings and closings, which go before all else.
        var control: [WSFrame] = []
        /// The beginning of a message that comes in pieces.
        var pieces: (isText: Bool, bytes: Data)?
        var lastHeard: MonotonicTime
        var budget: MessageBudget
    }
    /// A viewer that does not answer pings for so long is gone.
    private static let silence = Duration.seconds(30)
    private static let largestMessage = ServerLimits.messageBytes

    let viewer: Viewer
    private let server: ConsoleServer
    private let peer: ConnectionLedger.Peer
    private let bell = Doorbell()
    private let status: Mutex<Status>

    init(_ viewer: Viewer, peer: ConnectionLedger.Peer, server: ConsoleServer) {
        self.viewer = viewer
        self.peer = peer
        self.server = server
        let now = MonotonicTime.now()
        status = Mutex(Status(lastHeard: now, budget: MessageBudget(at: now)))
    }

    func makeFrames(for client: AsyncThrowingStream<WSFrame, any Error>) async throws -> AsyncStream<WSFrame> {
        let reader = Task {
            do {
                for try await frame in client { guard receive(frame) else { break } }
            } catch {
                close(.protocolError)
            }
            end()
        }
        // Goes with the stream, when nobody asks for frames any more: a reader may wait for a connection that is gone.
        let tether = Tether { reader.cancel() }
        return AsyncStream { [self] in
            _ = tether
            if let frame = await next() { return frame }
            // The connection is closed when this returns, and its descriptor used again: nobody may wait for it then.
            reader.cancel()
            await reader.value
            return nil
        }
    }

    /// Something may wait for the viewer.
    func ring() { bell.ring() }

    /// Asks whether the viewer is still there; ends the connection of one that has not answered for long.
    func ping(at now: MonotonicTime) {
        let isGone = status.withLock { status in
            if now - status.lastHeard > Self.silence { return true }
            status.control.append(WSFrame(fin: true, opcode: .ping, mask: nil, payload: Data()))
            // One that reads nothing gets no more of them.
            if status.control.count > 4 { status.control.removeFirst() }
            return false
        }
        if isGone { end() }
        bell.ring()
    }

    /// Says goodbye: what waits goes out no more.
    func close(_ code: WSCloseCode) {
        status.withLock { $0.control = [.close(code: code)] }
        bell.ring()
    }

    /// The viewer is gone.
    private func end() {
        let isNew = status.withLock { status in
            defer { status.isClosed = true }
            return !status.isClosed
        }
        guard isNew else { return }
        server.leave(self)
        bell.ring()
    }

    private func next() async -> WSFrame? {
        while true {
            let (isClosed, control) = status.withLock { status in
                (status.isClosed, status.control.isEmpty ? nil : status.control.removeFirst())
            }
            if let control {
                if control.opcode == .close { end() }
                return control
            }
            if isClosed { return nil }
            if let message = server.next(for: viewer) { return Self.frame(message) }
            await bell.wait()
        }
    }

    private static func frame(_ message: SocketMessage) -> WSFrame {
        switch message {
        case .text(let text): WSFrame(fin: true, opcode: .text, mask: nil, payload: Data(text.utf8))
        case .binary(let bytes): WSFrame(fin: true, opcode: .binary, mask: nil, payload: Data(bytes))
        }
    }

    /// Takes a frame. RFC 6455, section 5.
    /// - Returns: whether another one may come.
    private func receive(_ frame: WSFrame) -> Bool {
        guard server.gate.frameArrived(from: peer.address, port: peer.port) else { return false }
        let now = MonotonicTime.now()
        let isAdmitted = status.withLock { status in
            status.lastHeard = now
            return status.budget.admit(bytes: frame.payload.count, at: now)
        }
        guard isAdmitted else {
            close(WSCloseCode(1008, reason: "too many messages"))
            return false
        }
        switch frame.opcode {
        case .ping:
            status.withLock { status in
                var pong = frame
                pong.opcode = .pong
                if status.control.count < 4 { status.control.append(pong) }
            }
            bell.ring()
            return true
        case .pong: return true
        case .close:
            close(.normalClosure)
            return false
        case .text, .binary, .continuation: return assemble(frame)
        default:
            close(.protocolError)
            return false
        }
    }

    /// Puts a message together from its pieces. RFC 6455, section 5.4.
    private func assemble(_ frame: WSFrame) -> Bool {
        enum Step {
            case wait
            case whole(isText: Bool, Data)
            case refuse(WSCloseCode)
        }
        let step = status.withLock { status -> Step in
            var present: (isText: Bool, bytes: Data)
            if frame.opcode == .continuation {
                guard let pieces = status.pieces else { return .refuse(.protocolError) }
                present = pieces
            } else {
                guard status.pieces == nil else { return .refuse(.protocolError) }
                present = (frame.opcode == .text, Data())
            }
            guard present.bytes.count + frame.payload.count <= Self.largestMessage else {
                return .refuse(WSCloseCode(1009, reason: "a message of at most \(Self.largestMessage) bytes"))
            }
            present.bytes.append(frame.payload)
            status.pieces = frame.fin ? nil : present
            return frame.fin ? .whole(isText: present.isText, present.bytes) : .wait
        }
        switch step {
        case .wait: return true
        case .refuse(let code):
            close(code)
            return false
        case .whole(let isText, let bytes):
            guard isText else { return hear(.binary(Array(bytes))) }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                close(WSCloseCode(1007, reason: "text is UTF-8"))
                return false
            }
            return hear(.text(text))
        }
    }

    private func hear(_ message: SocketMessage) -> Bool {
        guard server.receive(message, from: viewer) else {
            close(WSCloseCode(1008, reason: "not understood"))
            return false
        }
        return true
    }
}

/// Does something when the last who holds it lets go.
private final class Tether: Sendable {
    private let letGo: @Sendable () -> Void

    init(_ letGo: @escaping @Sendable () -> Void) { self.letGo = letGo }

    deinit { letGo() }
}
