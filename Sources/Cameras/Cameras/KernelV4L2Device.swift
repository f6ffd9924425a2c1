import CVideo
import Glibc
import Time

/// A video device of this machine, through the kernel's own interface. For one thread at a time.
package final class KernelV4L2Device: V4L2Device {
    private var descriptor: Int32 = -1
    private var isStreaming = false
    private var mappings: [UnsafeRawBufferPointer] = []
    private var hasBuffers = false

    package init() {}

    deinit { close() }

    package func open(_ path: String) throws(V4L2Failure) -> Int32 {
        close()
        let opened = Glibc.open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard opened >= 0 else { throw V4L2Failure(.open, errno: errno) }
        descriptor = opened
        return opened
    }

    private func check(_ result: Int32, _ request: V4L2Failure.Request) throws(V4L2Failure) {
        if result != 0 { throw V4L2Failure(request, errno: result) }
    }

    package func capability() throws(V4L2Failure) -> V4L2Capability {
        var found = octo_video_capability()
        try check(octo_video_capability(descriptor, &found), .queryCapability)
        return V4L2Capability(
            card: withUnsafeBytes(of: found.card, Self.text), bus: withUnsafeBytes(of: found.bus, Self.text),
            captures: found.captures != 0, streams: found.streams != 0)
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    package func convert() throws(V4L2Failure) { try check(octo_video_convert(descriptor), .convert) }

    package func pixelFormat(at index: Int) throws(V4L2Failure) -> V4L2PixelFormat {
        var code: UInt32 = 0
        try check(octo_video_list_format(descriptor, UInt32(index), &code), .listFormats)
        return V4L2PixelFormat(rawValue: code)
    }

    package func size(at index: Int, of format: V4L2PixelFormat) throws(V4L2Failure) -> V4L2Size {
        var size = octo_video_size()
        try check(octo_video_list_size(descriptor, format.rawValue, UInt32(index), &size), .listSizes)
        let (width, height) = (Int(size.min_width), Int(size.min_height))
        return V4L2Size(
            widths: width...max(width, Int(size.max_width)), heights: height...max(height, Int(size.max_height)),
            widthStep: Int(size.step_width), heightStep: Int(size.step_height))
    }

    package func rate(
        at index: Int, of format: V4L2PixelFormat, width: Int, height: Int
    ) throws(V4L2Failure) -> Rate {
        var (numerator, denominator): (UInt32, UInt32) = (0, 0)
        try check(
            octo_video_list_interval(
                descriptor, format.rawValue, UInt32(width), UInt32(height), UInt32(index), &numerator, &denominator),
            .listRates)
        guard let rate = Self.rate(numerator, denominator) else { throw V4L2Failure(.listRates, errno: EINVAL) }
        return rate
    }

    /// The rate of frames that each last this fraction of a second; nil where a 0 above or below says nothing.
    private static func rate(_ numerator: UInt32, _ denominator: UInt32) -> Rate? {
        numerator > 0 && denominator > 0 ? Rate(hertz: Double(denominator) / Double(numerator)) : nil
    }

    package func setFormat(_ wanted: V4L2Format) throws(V4L2Failure) -> V4L2Format {
        var format = octo_video_format()
        format.pixel_format = wanted.pixelFormat.rawValue
        format.width = UInt32(wanted.width)
        format.height = UInt32(wanted.height)
        try check(octo_video_set_format(descriptor, &format), .setFormat)
        return V4L2Format(
            V4L2PixelFormat(rawValue: format.pixel_format), width: Int(format.width), height: Int(format.height),
            bytesPerLine: Int(format.bytes_per_line), isWhole: format.whole != 0)
    }

    package func setRate(_ wanted: Rate) throws(V4L2Failure) -> Rate? {
        // Thousandths of hertz hold every rate that cameras have.
        var (numerator, denominator) = (UInt32(1_000), UInt32(max(1, (wanted.hertz * 1_000).rounded())))
        try check(octo_video_set_interval(descriptor, &numerator, &denominator), .setRate)
        return Self.rate(numerator, denominator)
    }

    package func control(after id: UInt32) throws(V4L2Failure) -> V4L2Control {
        var found = octo_video_control()
        try check(octo_video_next_control(descriptor, id, &found), .listControls)
        let kind: V4L2Control.Kind =
            switch Int(found.kind) {
            case OCTO_VIDEO_CONTROL_INTEGER: .integer
            case OCTO_VIDEO_CONTROL_BOOLEAN: .boolean
            case OCTO_VIDEO_CONTROL_MENU: .menu([])
            case OCTO_VIDEO_CONTROL_INTEGER_MENU: .integerMenu([])
            case OCTO_VIDEO_CONTROL_BUTTON: .button
            default: .other
            }
        return V4L2Control(
            id: found.id, driverName: withUnsafeBytes(of: found.name, Self.text), kind: kind,
            range: Int(found.minimum)...max(Int(found.minimum), Int(found.maximum)), step: Int(found.step),
            preset: Int(found.preset), isReadOnly: found.read_only != 0, isInactive: found.inactive != 0)
    }

    package func choice(_ value: Int, of control: V4L2Control) throws(V4L2Failure) -> String {
        var item = octo_video_menu_item()
        let isInteger: Int32 = if case .integerMenu = control.kind { 1 } else { 0 }
        try check(
            octo_video_menu_item(descriptor, control.id, isInteger, UInt32(clamping: value), &item), .listChoices)
        return withUnsafeBytes(of: item.name, Self.text)
    }

    package func value(of control: V4L2Control) throws(V4L2Failure) -> Int {
        var value: Int32 = 0
        try check(octo_video_get_control(descriptor, control.id, &value), .getControl)
        return Int(value)
    }

    package func set(_ control: V4L2Control, to value: Int) throws(V4L2Failure) {
        try check(octo_video_set_control(descriptor, control.id, Int32(clamping: value)), .setControl)
    }

    package func requestBuffers(_ count: Int) throws(V4L2Failure) -> Int {
        var number = UInt32(count)
        try check(octo_video_request_buffers(descriptor, &number), .requestBuffers)
        hasBuffers = number > 0
        return Int(number)
    }

    package func map(_ index: Int) throws(V4L2Failure) -> V4L2Buffer {
        precondition(index == mappings.count, "buffers are mapped in their order")
        var buffer = octo_video_buffer()
        try check(octo_video_query_buffer(descriptor, UInt32(index), &buffer), .queryBuffer)
        guard let memory = octo_video_map(descriptor, Int(buffer.length), Int64(buffer.offset)) else {
            throw V4L2Failure(.map, errno: errno)
        }
        mappings.append(UnsafeRawBufferPointer(start: memory, count: Int(buffer.length)))
        return V4L2Buffer(buffer)
    }

    package func queue(_ index: Int) throws(V4L2Failure) {
        try check(octo_video_queue(descriptor, UInt32(index)), .queue)
    }

    package func start() throws(V4L2Failure) {
        try check(octo_video_stream(descriptor, 1), .start)
        isStreaming = true
    }

    package func dequeue() throws(V4L2Failure) -> V4L2Buffer {
        var buffer = octo_video_buffer()
        try check(octo_video_dequeue(descriptor, &buffer), .dequeue)
        return V4L2Buffer(buffer)
    }

    package func content(of buffer: V4L2Buffer) -> UnsafeRawBufferPointer {
        guard mappings.indices.contains(buffer.index) else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: mappings[buffer.index].prefix(buffer.bytesUsed))
    }

    /// Closes the device. What fails here is of no consequence: the kernel lets go of everything with the last close of
    /// the file.
    package func close() {
        if isStreaming { _ = octo_video_stream(descriptor, 0) }
        isStreaming = false
        for mapping in mappings {
            octo_video_unmap(UnsafeMutableRawPointer(mutating: mapping.baseAddress), mapping.count)
        }
        mappings = []
        var none: UInt32 = 0
        if hasBuffers { _ = octo_video_request_buffers(descriptor, &none) }
        hasBuffers = false
        if descriptor >= 0 { octo_video_close(descriptor) }
        descriptor = -1
    }

    package func presentFiles() -> [VideoDeviceFiles] { VideoDeviceFiles.present(in: "/dev") }
}

extension V4L2Buffer {
    fileprivate init(_ buffer: octo_video_buffer) {
        self.init(
            index: Int(buffer.index), bytesUsed: Int(buffer.bytes_used), sequence: buffer.sequence,
            isDamaged: buffer.damaged != 0, stamp: MonotonicTime(nanoseconds: buffer.time_ns),
            hasMonotonicStamp: buffer.monotonic != 0)
    }
}
