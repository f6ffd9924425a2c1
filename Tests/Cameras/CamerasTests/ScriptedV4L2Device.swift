import Cameras
import Foundation
import Glibc
import Time

/// A camera that does what a script says: what it offers, which frames come when, which requests fail.
final class ScriptedV4L2Device: V4L2Device {
    struct Shot {
        var bytes: [UInt8]
        var sequence: UInt32
        var stamp: MonotonicTime
        var isDamaged = false
        var hasMonotonicStamp = true
    }

    var identity = V4L2Capability(card: "Test Cam", bus: "usb-1.2", captures: true, streams: true)
    /// Sizes and rates of each format.
    var offered: [(format: V4L2PixelFormat, sizes: [V4L2Size])] = [
        (V4L2PixelFormat("MJPG"), [V4L2Size(width: 8, height: 6)]),
        (V4L2PixelFormat("YUYV"), [V4L2Size(width: 8, height: 6)]),
    ]
    /// What libv4l2 makes of it.
    var converted: [(format: V4L2PixelFormat, sizes: [V4L2Size])] = []
    var rates = [Rate(hertz: 30), Rate(hertz: 15)]
    /// What the device makes of the format and rate that are asked for.
    var chooseFormat: (V4L2Format) -> V4L2Format = { $0 }
    var chooseRate: (Rate) -> Rate? = { $0 }
    /// Its controls in the order of their ids, and what they are set to.
    var knobs: [V4L2Control] = []
    var values: [UInt32: Int] = [:]
    /// What becomes of a value that is set; nil: it is refused with EIO.
    var settle: (V4L2Control, Int) -> Int? = { $1 }
    /// Every value that was set, in order: `gain=3`.
    private(set) var sets: [String] = []
    var memory = 4
    var hasMonotonicStamps = true
    var present = [VideoDeviceFiles(path: "/dev/video4", names: ["/dev/v4l/by-id/usb-Other-index0"])]
    /// What devices at other paths are; all others are `identity`.
    var identities: [String: V4L2Capability] = [:]

    /// Frames that wait to be dequeued, in order.
    var shots: [Shot] = []
    /// Called when no frame waits.
    var whenEmpty: () -> Shot? = { nil }
    /// The request fails so many times, with this errno.
    private var faults: [V4L2Failure.Request: (errno: Int32, times: Int)] = [:]

    /// Requests so far, closing not counted; the one of this number fails with this errno.
    private(set) var calls = 0
    var faultAtCall: (number: Int, errno: Int32)?

    private(set) var isOpen = false
    private(set) var isStreaming = false
    private(set) var opened: [String] = []
    /// Buffers the device may fill.
    private(set) var queued: [Int] = []
    private var contents: [UnsafeMutableRawBufferPointer] = []
    /// Mapped and not let go of.
    var buffersHeld: Int { contents.count }
    private let descriptor: Int32

    /// Polls as readable at any time.
    init() { descriptor = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC) }

    deinit {
        close()
        Glibc.close(descriptor)
    }

    func fail(_ request: V4L2Failure.Request, _ errno: Int32, times: Int = .max) { faults[request] = (errno, times) }
    func heal() { faults = [:] }

    private func meet(_ request: V4L2Failure.Request) throws(V4L2Failure) {
        precondition(isOpen || request == .open, "\(request) on a closed device")
        calls += 1
        if let faultAtCall, faultAtCall.number == calls { throw V4L2Failure(request, errno: faultAtCall.errno) }
        guard let fault = faults[request], fault.times > 0 else { return }
        faults[request] = (fault.errno, fault.times - 1)
        throw V4L2Failure(request, errno: fault.errno)
    }

    private func entry<Entry>(
        _ entries: [Entry], _ index: Int, _ request: V4L2Failure.Request
    ) throws(V4L2Failure) -> Entry {
        try meet(request)
        guard entries.indices.contains(index) else { throw V4L2Failure(request, errno: EINVAL) }
        return entries[index]
    }

    func open(_ path: String) throws(V4L2Failure) -> Int32 {
        try meet(.open)
        precondition(!isOpen, "opened twice")
        isOpen = true
        opened.append(path)
        return descriptor
    }

    func capability() throws(V4L2Failure) -> V4L2Capability {
        try meet(.queryCapability)
        return opened.last.flatMap { identities[$0] } ?? identity
    }

    func convert() throws(V4L2Failure) {
        try meet(.convert)
        offered += converted
    }

    func pixelFormat(at index: Int) throws(V4L2Failure) -> V4L2PixelFormat {
        try entry(offered.map(\.format), index, .listFormats)
    }

    func size(at index: Int, of format: V4L2PixelFormat) throws(V4L2Failure) -> V4L2Size {
        try entry(offered.first { $0.format == format }?.sizes ?? [], index, .listSizes)
    }

    func rate(at index: Int, of format: V4L2PixelFormat, width: Int, height: Int) throws(V4L2Failure) -> Rate {
        try entry(rates, index, .listRates)
    }

    func setFormat(_ wanted: V4L2Format) throws(V4L2Failure) -> V4L2Format {
        try meet(.setFormat)
        return chooseFormat(wanted)
    }

    func setRate(_ wanted: Rate) throws(V4L2Failure) -> Rate? {
        try meet(.setRate)
        return chooseRate(wanted)
    }

    func control(after id: UInt32) throws(V4L2Failure) -> V4L2Control {
        try meet(.listControls)
        guard var control = knobs.first(where: { $0.id > id }) else { throw V4L2Failure(.listControls, errno: EINVAL) }
        // The kernel tells the choices apart from the control.
        if case .menu = control.kind { control.kind = .menu([]) }
        if case .integerMenu = control.kind { control.kind = .integerMenu([]) }
        return control
    }

    func choice(_ value: Int, of control: V4L2Control) throws(V4L2Failure) -> String {
        try meet(.listChoices)
        let choices = knobs.first { $0.id == control.id }?.choices ?? []
        guard let choice = choices.first(where: { $0.value == value }) else {
            throw V4L2Failure(.listChoices, errno: EINVAL)
        }
        return choice.name
    }

    func value(of control: V4L2Control) throws(V4L2Failure) -> Int {
        try meet(.getControl)
        return values[control.id] ?? control.preset
    }

    func set(_ control: V4L2Control, to value: Int) throws(V4L2Failure) {
        try meet(.setControl)
        sets.append("\(control.name)=\(value)")
        guard let value = settle(control, value) else { throw V4L2Failure(.setControl, errno: EIO) }
        values[control.id] = value
    }

    func requestBuffers(_ count: Int) throws(V4L2Failure) -> Int {
        try meet(.requestBuffers)
        return min(count, memory)
    }

    func map(_ index: Int) throws(V4L2Failure) -> V4L2Buffer {
        try meet(.map)
        precondition(index == contents.count)
        contents.append(.allocate(byteCount: 4_096, alignment: 16))
        return V4L2Buffer(
            index: index, bytesUsed: 0, sequence: 0, isDamaged: false, stamp: .zero,
            hasMonotonicStamp: hasMonotonicStamps)
    }

    func queue(_ index: Int) throws(V4L2Failure) {
        try meet(.queue)
        precondition(contents.indices.contains(index) && !queued.contains(index), "buffer \(index) was not taken")
        // What the device writes into it next is none of the caller's business: a frame still read from it would show.
        contents[index].initializeMemory(as: UInt8.self, repeating: 0xee)
        queued.append(index)
    }

    func start() throws(V4L2Failure) {
        try meet(.start)
        isStreaming = true
    }

    func dequeue() throws(V4L2Failure) -> V4L2Buffer {
        precondition(isStreaming)
        try meet(.dequeue)
        guard let shot = shots.isEmpty ? whenEmpty() : shots.removeFirst(), let index = queued.first else {
            throw V4L2Failure(.dequeue, errno: EAGAIN)
        }
        queued.removeFirst()
        contents[index].copyBytes(from: shot.bytes)
        return V4L2Buffer(
            index: index, bytesUsed: shot.bytes.count, sequence: shot.sequence, isDamaged: shot.isDamaged,
            stamp: shot.stamp,
            hasMonotonicStamp: shot.hasMonotonicStamp)
    }

    func content(of buffer: V4L2Buffer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: contents[buffer.index].prefix(buffer.bytesUsed))
    }

    func close() {
        isOpen = false
        isStreaming = false
        queued = []
        for content in contents { content.deallocate() }
        contents = []
    }

    func presentFiles() -> [VideoDeviceFiles] { present }
}
