import CShims
import Cameras
import ClosedLoop
import Foundation
import Images
import RealTime
import Simulation
import Synchronization
import Threads
import Time

/// Why no pictures can be handed out.
enum PictureError: Error, CustomStringConvertible {
    case socket(path: String, errno: Int32)

    var description: String {
        switch self {
        case .socket(let path, let errno):
            "opening the socket \(path) for the cameras: \(String(cString: strerror(errno))), expected a new one. End "
                + "the other simulation of this run folder, or choose a shorter folder."
        }
    }
}

/// Draws what the cameras see and hands it to their nodes, on a thread of its own: a picture takes as long as several
/// physics steps.
// Sendable: world, socket and connections belong to the thread once it has started; what others ask is behind
// `figures`.
final class PictureThread: @unchecked Sendable {
    private struct Figures {
        var count: Int64 = 0
        var lost: Int64 = 0
        var clients = 0
        var renderer: String?
        var failure: WorldError?
    }

    /// One camera node.
    private struct Client {
        let descriptor: Int32
        var line: [UInt8] = []
        var request: SimulatedCameraLink.Request?
        var cadence: Cadence?
        var sequence: UInt64 = 0
        /// Unsent bytes of the frame that is on its way.
        var unsent: ArraySlice<UInt8> = []
    }

    private let world: World
    private let states: SharedStates
    private let listener: Int32
    private let path: String
    private let film: (film: Film, rate: Rate)?
    private let stopFlag = StopFlag()
    private let figures = Mutex(Figures())
    private let look: Mutex<SceneLook>
    /// Look that the thread has drawn last.
    private var shown: SceneLook
    private var clients: [Client] = []
    private var thread: RealTimeThread?

    /// Opens the socket. socket(2), bind(2), listen(2).
    init(_ world: World, states: SharedStates, socket path: String, film: (Film, Rate)?) throws(PictureError) {
        self.world = world
        self.states = states
        self.path = path
        shown = SceneLook(of: world.scene)
        look = Mutex(shown)
        self.film = film.map { ($0.0, $0.1) }
        listener = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw .socket(path: path, errno: errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw .socket(path: path, errno: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        // One of a simulation that was killed may still lie there; its launcher's lock keeps a living one out.
        unlink(path)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, listen(listener, 8) == 0 else { throw .socket(path: path, errno: errno) }
        _ = fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK)
    }

    var count: Int64 { figures.withLock { $0.count } }
    var lost: Int64 { figures.withLock { $0.lost } }
    var cameraCount: Int { figures.withLock { $0.clients } }
    var renderer: String { figures.withLock { $0.renderer } ?? "nobody" }
    var failure: WorldError? { figures.withLock { $0.failure } }

    /// Starts, and waits for the first picture, which tells whether there is any GL.
    /// - Throws: `WorldError`, `ThreadStartError`.
    func start() throws {
        let thread = RealTimeThread(
            "pictures",
            rights: RealTimeRights(fifoPriority: nil, locksMemory: false, cpu: nil, timerSlackNanoseconds: nil)
        ) { [self] in run() }
        self.thread = thread
        _ = try thread.start()
        while true {
            let (failure, renderer) = figures.withLock { ($0.failure, $0.renderer) }
            if let failure { throw failure }
            if renderer != nil { return }
            octo_sleep_until_ns((MonotonicTime.now() + .milliseconds(5)).nanoseconds)
        }
    }

    /// Lets the world look so from the next picture on.
    func show(_ wanted: SceneLook) { look.withLock { $0 = wanted } }

    func stop() {
        stopFlag.raise()
        thread?.join()
        for client in clients { close(client.descriptor) }
        clients = []
        close(listener)
        unlink(path)
    }

    private func run() {
        do throws(WorldError) {
            _ = try world.picture(.primary, width: 64, height: 64)
            let name = world.renderer
            figures.withLock { $0.renderer = name }
            let start = MonotonicTime.now()
            var filmCadence = film.map { Cadence(start: .now(), rate: $0.rate) }
            while !stopFlag.isSet {
                let now = MonotonicTime.now()
                acceptClients()
                let wanted = look.withLock { $0 }
                if wanted != shown {
                    try world.movePrimaryCamera(to: wanted.view, roll: wanted.roll)
                    world.setBrightness(wanted.brightness)
                    shown = wanted
                }
                for index in clients.indices { try serve(&clients[index], at: now) }
                clients.removeAll { client in
                    if client.sequence == .max { close(client.descriptor) }
                    return client.sequence == .max
                }
                figures.withLock { $0.clients = clients.count }
                if let film, let cadence = filmCadence, cadence.deadline <= now {
                    try world.restore(states.newest.state)
                    let picture = try world.picture(.primary, width: Film.size, height: Film.size)
                    let figures = states.figures
                    // Counted as the summary counts.
                    let begin = figures.progress == nil ? start : figures.begin
                    film.film.add(picture, seconds: begin.map { (now - $0).inSeconds }, isReached: figures.isReached)
                    _ = filmCadence?.advance(past: now)
                }
                wait(at: now, film: filmCadence?.deadline)
            }
        } catch {
            figures.withLock { $0.failure = error }
        }
    }

    private func acceptClients() {
        while true {
            let descriptor = accept(listener, nil, nil)
            if descriptor < 0 { return }
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            clients.append(Client(descriptor: descriptor))
        }
    }

    /// Takes its request, draws when it is time, sends what fits. A client that is gone, or speaks another language,
    /// has the largest sequence number afterwards.
    private func serve(_ client: inout Client, at now: MonotonicTime) throws(WorldError) {
        guard let request = client.request else { return readRequest(of: &client, at: now) }
        if let cadence = client.cadence, cadence.deadline <= now {
            let late = client.cadence?.advance(past: now) ?? 0
            client.sequence += UInt64(late) + 1
            if client.unsent.isEmpty {
                let (state, time) = states.newest
                try world.restore(state)
                let camera = World.Camera(rawValue: request.camera) ?? .primary
                let picture = try world.picture(camera, width: request.width, height: request.height)
                client.unsent =
                    (SimulatedCameraLink.header(sequence: client.sequence - 1, captureTime: time)
                    + Array(picture.pixels.bytes))[...]
                figures.withLock { $0.count += 1 }
            } else {
                // Its reader sleeps: the frame that is half sent goes on, this one is lost.
                figures.withLock { $0.lost += 1 }
            }
        }
        send(&client)
    }

    private func readRequest(of client: inout Client, at now: MonotonicTime) {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(client.descriptor, &bytes, bytes.count)
        if count == 0 || count < 0 && errno != EAGAIN && errno != EINTR {
            client.sequence = .max
            return
        }
        if count > 0 { client.line += bytes[..<count] }
        guard let end = client.line.firstIndex(of: 10) else {
            if client.line.count > 256 { client.sequence = .max }
            return
        }
        guard let request = SimulatedCameraLink.Request(parsing: client.line[..<end]),
            World.Camera(rawValue: request.camera) != nil, request.width <= WorldModel.largestPicture.width,
            request.height <= WorldModel.largestPicture.height
        else {
            client.sequence = .max
            return
        }
        client.request = request
        client.cadence = Cadence(start: now, rate: request.rate)
    }

    private func send(_ client: inout Client) {
        while !client.unsent.isEmpty {
            let count = client.unsent.withUnsafeBytes {
                Glibc.send(client.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                client.unsent = client.unsent.dropFirst(count)
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                client.sequence = .max
                return
            }
        }
    }

    private func wait(at now: MonotonicTime, film: MonotonicTime?) {
        var deadline = min(now + .milliseconds(200), film ?? now + .milliseconds(200))
        var polled = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
        for client in clients {
            if let due = client.cadence?.deadline { deadline = min(deadline, due) }
            let events = client.request == nil ? POLLIN : client.unsent.isEmpty ? 0 : POLLOUT
            polled.append(pollfd(fd: client.descriptor, events: Int16(events), revents: 0))
        }
        _ = octo_poll_until_ns(&polled, UInt32(polled.count), deadline.nanoseconds)
        for (index, entry) in polled.dropFirst().enumerated() where entry.revents & Int16(POLLHUP | POLLERR) != 0 {
            clients[index].sequence = .max
        }
    }
}
