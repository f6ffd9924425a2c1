import Digests
import Glibc
import Images
import Messages
import Time

/// A camera in the simulated world, reached over the world's socket.
package struct SimulatedCamera: Camera {
    /// What the manifest says about it.
    package struct Settings: Equatable, Sendable {
        package var request: SimulatedCameraLink.Request
        /// Path of the world's socket.
        package var socket: String
        package var imperfections: FrameImperfections.Settings

        package init(
            request: SimulatedCameraLink.Request, socket: String, imperfections: FrameImperfections.Settings = .init()
        ) {
            self.request = request
            self.socket = socket
            self.imperfections = imperfections
        }
    }

    private struct Session {
        var descriptor: Int32
        var reader: SimulatedCameraLink.Reader
        /// Time at which something was last heard.
        var lastHeard: MonotonicTime
    }

    private let settings: Settings
    private var session: Session?
    private var imperfections: FrameImperfections
    /// Offset of the sequence numbers: the world counts anew for every connection.
    private var firstSequence: UInt64 = 0
    private var last: (sequence: UInt64, captureTime: MonotonicTime)?

    package init(_ settings: Settings) {
        self.settings = settings
        imperfections = FrameImperfections(settings.imperfections)
    }

    package var name: String { settings.request.camera }

    /// Silence after which the world counts as gone: several periods, and never less than two seconds, for a machine
    /// that has other work.
    private var patience: Duration { max(settings.request.rate.period * 5, .seconds(2)) }

    /// Connects to the world. socket(2), connect(2).
    package mutating func open(at now: MonotonicTime) throws(CameraError) -> CameraFormat {
        close()
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure() }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array(settings.socket.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.count < room else {
            Glibc.close(descriptor)
            throw .world(camera: name, socket: settings.socket, problem: "the path is too long for a socket")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        let line = settings.request.line
        guard connected == 0, write(descriptor, line, line.count) == line.count else {
            let error = failure()
            Glibc.close(descriptor)
            throw error
        }
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        session = Session(
            descriptor: descriptor, reader: .init(pixelBytes: settings.request.pixelBytes), lastHeard: now)
        firstSequence = last.map { $0.sequence + 1 } ?? 0
        let request = settings.request
        return CameraFormat(
            width: request.width, height: request.height, rate: request.rate, summary: "the simulated world")
    }

    private func failure() -> CameraError {
        .world(camera: name, socket: settings.socket, problem: String(cString: strerror(errno)))
    }

    package var wakeup: CameraWakeup {
        guard let session else { return .never }
        let silence = session.lastHeard + patience
        return .readable(
            fileDescriptor: session.descriptor, deadline: min(imperfections.nextTime ?? silence, silence))
    }

    package mutating func nextFrame(at now: MonotonicTime) throws(CameraError) -> CameraFrame? {
        guard var session else { return nil }
        var bytes = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = read(session.descriptor, &bytes, bytes.count)
            if count > 0 {
                session.reader.append(bytes[..<count])
                session.lastHeard = now
            } else if count == 0 {
                throw .world(camera: name, socket: settings.socket, problem: "the world has closed the connection")
            } else if errno == EAGAIN {
                break
            } else if errno != EINTR {
                throw failure()
            }
        }
        if let (sequence, captureTime, pixels) = session.reader.takeNewest() {
            let frame = CameraFrame(
                camera: name, deviceID: "simulated", sequence: firstSequence + sequence, captureTime: captureTime,
                pixels: .rgb8(
                    RGBImage(width: settings.request.width, height: settings.request.height, pixels: pixels)),
                contentHash: pixels.xxh3)
            imperfections.add(frame)
        }
        self.session = session
        if now - session.lastHeard >= patience {
            throw .world(camera: name, socket: settings.socket, problem: "nothing came for \(patience.inSeconds) s")
        }
        guard let frame = imperfections.take(at: now) else { return nil }
        // A frame that waited while a connection was made anew must not run time back.
        if let last, frame.captureTime <= last.captureTime || frame.sequence <= last.sequence { return nil }
        last = (frame.sequence, frame.captureTime)
        return frame
    }

    package mutating func close() {
        if let session { Glibc.close(session.descriptor) }
        session = nil
        imperfections.removeAll()
    }
}
