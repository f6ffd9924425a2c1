import Cameras
import Glibc
import Synchronization
import TestSupport
import Testing
import Threads
import Time

/// A world of which only the cameras' socket is there: whoever connects is sent a new grey every few milliseconds.
private final class StandInWorld: Sendable {
    let path: String
    private let folder: TemporaryFolder
    private let listener: Int32
    private let isOver = Atomic(false)

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("cameras.sock")
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 8) == 0)
        NamedThread.run("simulation") { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                // Children of other tests end at any time, and their signal interrupts.
                if connection < 0 && errno == EINTR { continue }
                guard connection >= 0, !isOver.load(ordering: .relaxed) else { return }
                NamedThread.run("simulation") { Self.serve(connection) }
            }
        }
    }

    /// Wakes the thread that accepts, so that it ends.
    func end() {
        isOver.store(true, ordering: .relaxed)
        shutdown(listener, Int32(SHUT_RDWR))
        Glibc.close(listener)
    }

    private static func serve(_ connection: Int32) {
        defer { Glibc.close(connection) }
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = read(connection, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            guard count == 1, byte != 10 else { break }
            line.append(byte)
        }
        guard let request = SimulatedCameraLink.Request(parsing: line) else { return }
        var sequence: UInt64 = 0
        while true {
            var bytes = SimulatedCameraLink.header(sequence: sequence, captureTime: .now())
            bytes += [UInt8](repeating: UInt8(sequence % 256), count: request.pixelBytes)
            // Every third is lost on its way. The camera that closed the connection ends this.
            sequence += sequence % 3 == 2 ? 2 : 1
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return }
                sent += count
            }
            usleep(5_000)
        }
    }
}

@Suite struct SimulatedCameraConformanceTests {
    @Test(arguments: [
        FrameImperfections.Settings(),
        FrameImperfections.Settings(latency: .milliseconds(20), noise: 0.05, dropProbability: 0.2, seed: 3),
    ])
    func isACamera(imperfections: FrameImperfections.Settings) throws {
        let world = try StandInWorld()
        defer { world.end() }
        let request = SimulatedCameraLink.Request(camera: "primary", width: 8, height: 6, rate: Rate(hertz: 200))
        try CameraConformance(
            makeCamera: { SimulatedCamera(.init(request: request, socket: world.path, imperfections: imperfections)) },
            makeBroken: {
                (
                    SimulatedCamera(.init(request: request, socket: "/nonexistent/cameras.sock")),
                    .world(camera: "primary", socket: "/nonexistent/cameras.sock", problem: "No such file or directory")
                )
            },
            frameCount: 12
        ).checkAll()
    }
}
