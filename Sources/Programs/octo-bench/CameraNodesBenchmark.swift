import Bus
import CShims
import Cameras
import Files
import Foundation
import Images
import JSONTree
import Messages
import Time
import Wire

/// Camera nodes as processes of their own, whose frames this process receives.
struct CameraNodesRun {
    /// CPU time of a node's process, all its threads, milliseconds a frame.
    var cpu: Double
    /// Age of the frames when they were published, and when they were received here, milliseconds.
    var published: Quantiles
    var received: Quantiles

    var text: String {
        String(format: "       %6.3f", cpu) + "          \(published.text)         \(received.text)"
    }

    /// The first argument with which this program is such a node.
    static let argument = "camera-node"
    private static let patience = Duration.seconds(10)

    static func measure(format: String, cameras: Int, seconds: Double) throws -> CameraNodesRun {
        var template = Array("/tmp/octo-bench-XXXXXX".utf8CString)
        guard let folder = mkdtemp(&template).map({ String(cString: $0) }) else {
            throw BusBenchmarkError.setup("mkdtemp")
        }
        defer { _ = try? FileManager.default.removeItem(atPath: folder) }
        let names = (0..<cameras).map { "camera\($0)" }
        let node = try BusNode(
            BusOptions(node: "reader", runID: "bench", endpoint: nil, peers: names.map { "ipc://\(folder)/\($0)" }))
        let frames = try names.map { try node.subscribe(Topics.cameraImage($0)) }
        let children = try names.map { name in
            let process = Process()
            let pipe = Pipe()
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = [argument, folder, name, format, "\(seconds)"]
            process.standardOutput = pipe
            try process.run()
            return (process, pipe)
        }
        var received: [Double] = []
        let end = MonotonicTime.now() + .fromSeconds(seconds) + patience
        while children.contains(where: { $0.0.isRunning }), MonotonicTime.now() < end {
            try node.wait(until: .now() + .milliseconds(50))
            let now = MonotonicTime.now()
            for subscription in frames {
                while let frame = subscription.take() {
                    received.append((now - frame.message.captureTime).inMilliseconds)
                }
            }
        }
        var (cpu, p50, p99): ([Double], [Double], [Double]) = ([], [], [])
        for (process, pipe) in children {
            process.terminate()
            guard let tree = try? JSONNode(parsing: pipe.fileHandleForReading.readDataToEndOfFile()),
                let used = tree["cpu_ms"]?.double, let times = Quantiles(tree["published"])
            else { throw BusBenchmarkError.noAnswer("camera nodes") }
            cpu.append(used)
            p50.append(times.p50)
            p99.append(times.p99)
        }
        var published = Quantiles(p50)
        (published.p50, published.p99) = (p50.reduce(0, +) / Double(cameras), p99.max() ?? 0)
        return CameraNodesRun(
            cpu: cpu.reduce(0, +) / Double(cameras), published: published,
            // The first ones come while connections are made.
            received: Quantiles(Array(received.dropFirst(10))))
    }
}

/// A camera node without the manifest around it: camera, core and bus in the order in which octo-camera uses them.
func runCameraNode(_ arguments: [String]) throws -> Never {
    guard arguments.count == 4, let encoding = FrameEncoding(rawValue: arguments[2]), let seconds = Double(arguments[3])
    else {
        throw BusBenchmarkError.setup("reading \(CameraNodesRun.argument)'s arguments")
    }
    let (folder, name) = (arguments[0], arguments[1])
    let rate = Rate(hertz: 30)
    let pictures = try BenchPictures()
    let device = InMemoryCamera(pictures: encoding == .mjpeg ? pictures.jpegs : pictures.yuyv, encoding, rate)
    var camera = AdjustedCamera(
        V4L2Camera(
            .init(
                name: name, path: "/dev/video0", width: BenchPictures.width, height: BenchPictures.height, rate: rate,
                encoding: encoding),
            device: device),
        calibration: CameraCalibration())
    let bus = try BusNode(BusOptions(node: name, runID: "bench", endpoint: "ipc://\(folder)/\(name)", peers: []))
    let publisher = bus.publisher(Topics.cameraImage(name))
    var core = CameraNodeCore(node: name, isDevice: true)
    core.opened(try camera.open(at: .now()), at: .now())
    var (published, spent, frames): ([Double], Double, Int) = ([], 0, -15)
    let count = Int(seconds * rate.hertz)
    while frames < count {
        // The kernel wakes a real node with poll(2) when the buffer is full.
        octo_sleep_until_ns(device.nextTime.nanoseconds)
        let now = MonotonicTime.now()
        if frames == 0 { spent = -processorSeconds() }
        guard let frame = try camera.nextFrame(at: now), case .publish(let frame) = core.received(frame, at: now) else {
            continue
        }
        try publisher.publish(frame, captureTime: frame.captureTime, at: now)
        if frames >= 0 { published.append((MonotonicTime.now() - frame.captureTime).inMilliseconds) }
        frames += 1
        camera.prepare()
        core.examine(frame, remark: camera.remark, at: now)
        try bus.wait(until: now)
    }
    spent += processorSeconds()
    let times = Quantiles(published)
    print(
        JSONNode.object([
            "cpu_ms": JSONNode(number: spent / Double(count) * 1e3),
            "published": .object(["p50": JSONNode(number: times.p50), "p99": JSONNode(number: times.p99)]),
        ]).text())
    bus.close()
    exit(0)
}

/// CPU time of this process, seconds, of all threads, those of ZeroMQ too. CLOCK_PROCESS_CPUTIME_ID.
private func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// A camera whose pictures are in memory, one each period, in four buffers as a kernel has them.
private final class InMemoryCamera: V4L2Device {
    private let pictures: [SharedBytes]
    private let encoding: FrameEncoding
    private let period: Duration
    private var number: UInt32 = 0
    private var queued: [Int] = []
    private var shown = [Int](repeating: 0, count: 4)
    /// Time at which the next buffer is full.
    private(set) var nextTime = MonotonicTime.zero

    init(pictures: [SharedBytes], _ encoding: FrameEncoding, _ rate: Rate) {
        (self.pictures, self.encoding, period) = (pictures, encoding, rate.period)
    }

    private var format: V4L2PixelFormat { encoding.pixelFormats[0] }

    func open(_ path: String) throws(V4L2Failure) -> Int32 { STDIN_FILENO }
    func capability() throws(V4L2Failure) -> V4L2Capability {
        .init(card: "memory", bus: "memory", captures: true, streams: true)
    }
    func convert() throws(V4L2Failure) {}
    func pixelFormat(at index: Int) throws(V4L2Failure) -> V4L2PixelFormat {
        guard index == 0 else { throw V4L2Failure(.listFormats, errno: EINVAL) }
        return format
    }
    func size(at index: Int, of format: V4L2PixelFormat) throws(V4L2Failure) -> V4L2Size {
        guard index == 0 else { throw V4L2Failure(.listSizes, errno: EINVAL) }
        return V4L2Size(width: BenchPictures.width, height: BenchPictures.height)
    }
    func rate(at index: Int, of format: V4L2PixelFormat, width: Int, height: Int) throws(V4L2Failure) -> Rate {
        throw V4L2Failure(.listRates, errno: EINVAL)
    }
    func setFormat(_ wanted: V4L2Format) throws(V4L2Failure) -> V4L2Format { wanted }
    func setRate(_ wanted: Rate) throws(V4L2Failure) -> Rate? { wanted }
    func control(after id: UInt32) throws(V4L2Failure) -> V4L2Control {
        throw V4L2Failure(.listControls, errno: EINVAL)
    }
    func choice(_ value: Int, of control: V4L2Control) throws(V4L2Failure) -> String {
        throw V4L2Failure(.listChoices, errno: EINVAL)
    }
    func value(of control: V4L2Control) throws(V4L2Failure) -> Int { throw V4L2Failure(.getControl, errno: EINVAL) }
    func set(_ control: V4L2Control, to value: Int) throws(V4L2Failure) {
        throw V4L2Failure(.setControl, errno: EINVAL)
    }
    func requestBuffers(_ count: Int) throws(V4L2Failure) -> Int { min(count, shown.count) }
    func map(_ index: Int) throws(V4L2Failure) -> V4L2Buffer { buffer(index, at: .zero) }
    func queue(_ index: Int) throws(V4L2Failure) { queued.append(index) }
    func start() throws(V4L2Failure) { nextTime = .now() + period }

    func dequeue() throws(V4L2Failure) -> V4L2Buffer {
        guard MonotonicTime.now() >= nextTime, let index = queued.first else {
            throw V4L2Failure(.dequeue, errno: EAGAIN)
        }
        queued.removeFirst()
        shown[index] = Int(number) % pictures.count
        number += 1
        defer { nextTime += period }
        return buffer(index, at: nextTime)
    }

    private func buffer(_ index: Int, at time: MonotonicTime) -> V4L2Buffer {
        V4L2Buffer(
            index: index, bytesUsed: pictures[shown[index]].count, sequence: number, isDamaged: false, stamp: time,
            hasMonotonicStamp: true)
    }

    func content(of buffer: V4L2Buffer) -> UnsafeRawBufferPointer { pictures[shown[buffer.index]].bytes }
    func close() {}
    func presentFiles() -> [VideoDeviceFiles] { [] }
}
