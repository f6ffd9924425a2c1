import Bus
import CShims
import CZeroMQ
import Files
import Glibc
import Images
import Messages
import Time
import Wire

/// The bus beside bare libzmq: a 196,608-byte frame from this process to another and a small answer back, over ipc
/// sockets, both ways of doing it by turns in one run, so that what else the machine does hits both alike.
///
/// The second process is this program again: `main` calls `runBusEcho` or `runBareEcho` when its first argument is
/// `BusBenchmark.busEcho` or `.bareEcho`; the second argument is then the folder of the sockets.
enum BusBenchmark {
    static let busEcho = "bus-echo"
    static let bareEcho = "bare-echo"
    /// Width and height of a frame, pixels: 256 × 256 × 3 bytes are 196,608.
    static let side = 256
    /// An answer that stays away this long means that the other process is gone.
    static let patience = Duration.seconds(10)

    static let frames = Topics.cameraImage("bench")
    static let answers = Topic<ChunkReport>("bench/answer", .every(capacity: 64))
    static func request(_ folder: String, _ kind: String) -> String { "ipc://\(folder)/\(kind)-request" }
    static func answer(_ folder: String, _ kind: String) -> String { "ipc://\(folder)/\(kind)-answer" }
}

/// Round-trip times of one way of sending.
struct RoundTrips {
    var latencies = LatencyHistogram()
    /// Duration of bursts of frames, from the first one's sending to the last one's answer, seconds.
    var burstSeconds = 0.0
    var burstBytes = 0

    var gigabytesPerSecond: Double { burstSeconds > 0 ? Double(burstBytes) / burstSeconds * 1e-9 : 0 }
}

/// What the benchmark found; ratios above 1 say that the bus is slower.
struct BusBenchmarkResult {
    var bus: RoundTrips
    var bare: RoundTrips

    private func ratio(_ q: Double) -> Double {
        bus.latencies.quantile(q).inSeconds / max(bare.latencies.quantile(q).inSeconds, 1e-9)
    }
    var p50Ratio: Double { ratio(0.5) }
    var p99Ratio: Double { ratio(0.99) }
    var throughputRatio: Double { bare.gigabytesPerSecond / max(bus.gigabytesPerSecond, 1e-9) }

    /// Three lines for people.
    var report: String {
        func microseconds(_ trips: RoundTrips, _ q: Double) -> Int {
            Int(trips.latencies.quantile(q).nanoseconds / 1_000)
        }
        func hundredths(_ number: Double) -> Double { (number * 100).rounded() / 100 }
        func line(_ name: String, _ trips: RoundTrips) -> String {
            "\(name): round trip p50 \(microseconds(trips, 0.5)) us, p99 \(microseconds(trips, 0.99)) us, "
                + "\(hundredths(trips.gigabytesPerSecond)) GB/s, \(trips.latencies.count) round trips"
        }
        return line("octo bus   ", bus) + "\n" + line("bare libzmq", bare) + "\n"
            + "ratio: p50 \(hundredths(p50Ratio)), p99 \(hundredths(p99Ratio)), throughput "
            + "\(hundredths(throughputRatio))"
    }
}

enum BusBenchmarkError: Error, CustomStringConvertible {
    case setup(String)
    case noAnswer(String)

    var description: String {
        switch self {
        case .setup(let what):
            "preparing the bus benchmark: \(what) failed. Check that /tmp can be written to."
        case .noAnswer(let kind):
            "benchmarking \(kind): the second process did not answer within \(BusBenchmark.patience), expected one "
                + "answer per frame. See whether it printed an error above; run the benchmark again."
        }
    }
}

/// Measures the bus and bare libzmq by turns.
/// - Parameters:
///   - rounds: how often each has its turn.
///   - roundTrips: frames per turn, each sent when the former is answered.
///   - burst: frames per turn that are sent as fast as they are answered, four on the way at once.
///   - program: this program's own path.
func benchmarkBus(
    rounds: Int = 100, roundTrips: Int = 40, burst: Int = 40, program: String = "/proc/self/exe"
) throws -> BusBenchmarkResult {
    var template = Array("/tmp/octo-bench-XXXXXX".utf8CString)
    guard let folder = mkdtemp(&template).map({ String(cString: $0) }) else { throw BusBenchmarkError.setup("mkdtemp") }
    var children: [pid_t] = []
    defer {
        for child in children {
            kill(child, SIGKILL)
            waitpid(child, nil, 0)
        }
        for kind in [BusBenchmark.busEcho, BusBenchmark.bareEcho] {
            for end in ["request", "answer"] { unlink("\(folder)/\(kind)-\(end)") }
        }
        rmdir(folder)
    }
    for kind in [BusBenchmark.busEcho, BusBenchmark.bareEcho] { children.append(try start(program, kind, folder)) }
    let bus = try BusCaller(
        request: BusBenchmark.request(folder, BusBenchmark.busEcho),
        answer: BusBenchmark.answer(folder, BusBenchmark.busEcho))
    let bare = try BareCaller(folder: folder)
    var result = BusBenchmarkResult(bus: RoundTrips(), bare: RoundTrips())
    // The first turn warms caches and allocators, and does not count.
    for round in 0...rounds {
        var (busTurn, bareTurn) = (RoundTrips(), RoundTrips())
        for turn in 0..<2 {
            // Who goes first changes: the second finds a warmer machine.
            if (round + turn).isMultiple(of: 2) {
                try measure(&busTurn, roundTrips: roundTrips, burst: burst, send: bus.send, receive: bus.receive)
            } else {
                try measure(&bareTurn, roundTrips: roundTrips, burst: burst, send: bare.send, receive: bare.receive)
            }
        }
        if round > 0 {
            result.bus.add(busTurn)
            result.bare.add(bareTurn)
        }
    }
    return result
}

extension RoundTrips {
    fileprivate mutating func add(_ other: RoundTrips) {
        latencies.add(other.latencies)
        burstSeconds += other.burstSeconds
        burstBytes += other.burstBytes
    }
}

private func start(_ program: String, _ kind: String, _ folder: String) throws -> pid_t {
    let arguments = [program, kind, folder]
    let pointers = arguments.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    let child = octo_spawn(program, pointers + [nil], [nil], -1, 2, SIGKILL)
    guard child > 0 else { throw BusBenchmarkError.setup("starting \(program)") }
    return child
}

private func measure(
    _ trips: inout RoundTrips, roundTrips: Int, burst: Int, send: () throws -> Void, receive: () throws -> Void
) throws {
    for _ in 0..<roundTrips {
        let start = MonotonicTime.now()
        try send()
        try receive()
        trips.latencies.record(MonotonicTime.now() - start)
    }
    let inFlight = 4
    let start = MonotonicTime.now()
    for index in 0..<burst {
        try send()
        if index >= inFlight { try receive() }
    }
    for _ in 0..<min(inFlight, burst) { try receive() }
    trips.burstSeconds += (MonotonicTime.now() - start).inSeconds
    trips.burstBytes += burst * BusBenchmark.side * BusBenchmark.side * 3
}

// MARK: - The bus

/// The process that sends frames and waits for the answers.
final class BusCaller {
    private let node: BusNode
    private let publisher: Publisher<CameraFrame>
    private let answers: Subscription<ChunkReport>
    private let pixels: CameraFrame.Pixels
    private var sequence: UInt64 = 0

    /// Connects, and waits until the other process answers.
    /// - Parameters:
    ///   - request: endpoint at which it sends.
    ///   - answer: endpoint at which the other process does.
    ///   - security: keys of both, where the endpoints are ports.
    init(
        request: String, answer: String, security: BusSecurity = .userKeys,
        pixels: CameraFrame.Pixels = .rgb8(
            RGBImage(width: BusBenchmark.side, height: BusBenchmark.side, filledWith: 7))
    ) throws {
        self.pixels = pixels
        node = try BusNode(
            BusOptions(node: "caller", runID: "bench", endpoint: request, peers: [answer], security: security))
        publisher = node.publisher(BusBenchmark.frames)
        answers = try node.subscribe(BusBenchmark.answers)
        // The first frames are lost until the other process has subscribed.
        let end = MonotonicTime.now() + BusBenchmark.patience
        while answers.count == 0 {
            guard MonotonicTime.now() < end else { throw BusBenchmarkError.noAnswer("the bus") }
            try send()
            try node.wait(until: .now() + .milliseconds(20))
        }
        // Drain the answers to the others.
        while answers.count > 0 {
            while answers.take() != nil {}
            try node.wait(until: .now() + .milliseconds(100))
        }
    }

    func send() throws {
        let now = MonotonicTime.now()
        try publisher.publish(
            CameraFrame(
                camera: "bench", deviceID: "none", sequence: sequence, captureTime: now, pixels: pixels,
                contentHash: 0), captureTime: now, at: now)
        sequence += 1
    }

    func receive() throws {
        let end = MonotonicTime.now() + BusBenchmark.patience
        while answers.take() == nil {
            try node.wait(until: end)
            guard MonotonicTime.now() < end else { throw BusBenchmarkError.noAnswer("the bus") }
        }
    }

    func close() { node.close() }
}

/// The second process, with the bus: answers each frame until it is killed.
func runBusEcho(request: String, answer: String, security: BusSecurity = .userKeys) throws -> Never {
    let node = try BusNode(
        BusOptions(node: "echo", runID: "bench", endpoint: answer, peers: [request], security: security))
    let publisher = node.publisher(BusBenchmark.answers)
    // Each frame is answered, also when several lie waiting; "latest" would pass over some.
    let frames = try node.subscribe(Topic<CameraFrame>(BusBenchmark.frames.name, .every(capacity: 64)))
    while true {
        try node.wait(until: nil)
        while let frame = frames.take() {
            try publisher.publish(
                ChunkReport(
                    chunkID: frame.message.sequence, outcome: .executed, captureTime: frame.message.captureTime,
                    observationTime: .zero, firstSetpointTime: .zero, stepsSkipped: 0, stepsExecuted: 0, stepsClamped: 0
                ),
                at: .now())
        }
    }
}

// MARK: - Bare libzmq

/// PUB and SUB as the library's guide shows them: topic and payload, nothing checked, nothing counted.
private final class BareEnd {
    private let context = zmq_ctx_new()
    private let output: UnsafeMutableRawPointer?
    private let input: UnsafeMutableRawPointer?
    private var part = zmq_msg_t()

    init(endpoint: String, peer: String) throws {
        output = zmq_socket(context, ZMQ_PUB)
        input = zmq_socket(context, ZMQ_SUB)
        var (linger, patience, reconnect) = (Int32(0), Int32(BusBenchmark.patience.inMilliseconds), Int32(20))
        zmq_setsockopt(output, ZMQ_LINGER, &linger, MemoryLayout<Int32>.size)
        zmq_setsockopt(input, ZMQ_LINGER, &linger, MemoryLayout<Int32>.size)
        zmq_setsockopt(input, ZMQ_RCVTIMEO, &patience, MemoryLayout<Int32>.size)
        zmq_setsockopt(input, ZMQ_RECONNECT_IVL, &reconnect, MemoryLayout<Int32>.size)
        zmq_setsockopt(input, ZMQ_SUBSCRIBE, "b", 1)
        guard zmq_bind(output, endpoint) == 0, zmq_connect(input, peer) == 0 else {
            throw BusBenchmarkError.setup("binding \(endpoint)")
        }
    }

    deinit {
        zmq_close(output)
        zmq_close(input)
        zmq_ctx_term(context)
    }

    func send(_ payload: UnsafeRawBufferPointer) {
        zmq_send(output, "b", 1, ZMQ_SNDMORE)
        zmq_send(output, payload.baseAddress, payload.count, 0)
    }

    /// Receives one message of two parts.
    /// - Returns: false when nothing came in time (`flags`: ZMQ_DONTWAIT not to wait at all).
    func receive(flags: Int32 = 0) -> Bool {
        for _ in 0..<2 {
            zmq_msg_init(&part)
            guard zmq_msg_recv(&part, input, flags) >= 0 else { return false }
            zmq_msg_close(&part)
        }
        return true
    }
}

private final class BareCaller {
    private let end: BareEnd
    private let payload = SharedBytes(copying: repeatElement(7, count: BusBenchmark.side * BusBenchmark.side * 3))

    init(folder: String) throws {
        end = try BareEnd(
            endpoint: BusBenchmark.request(folder, BusBenchmark.bareEcho),
            peer: BusBenchmark.answer(folder, BusBenchmark.bareEcho))
        let limit = MonotonicTime.now() + BusBenchmark.patience
        while !end.receive(flags: ZMQ_DONTWAIT) {
            guard MonotonicTime.now() < limit else { throw BusBenchmarkError.noAnswer("bare libzmq") }
            send()
            usleep(20_000)
        }
        repeat { usleep(100_000) } while end.receive(flags: ZMQ_DONTWAIT)
        while end.receive(flags: ZMQ_DONTWAIT) {}
    }

    func send() { end.send(payload.bytes) }

    func receive() throws {
        guard end.receive() else { throw BusBenchmarkError.noAnswer("bare libzmq") }
    }
}

/// The second process, with bare libzmq: answers each frame until it is killed.
func runBareEcho(folder: String) throws -> Never {
    let end = try BareEnd(
        endpoint: BusBenchmark.answer(folder, BusBenchmark.bareEcho),
        peer: BusBenchmark.request(folder, BusBenchmark.bareEcho))
    let answer = SharedBytes(copying: repeatElement(1, count: 32))
    while true {
        if end.receive() { withExtendedLifetime(answer) { end.send(answer.bytes) } }
    }
}
