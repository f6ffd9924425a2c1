import Time

/// The requests of V4L2 that taking frames needs, one method each and no decisions: the kernel, or a script in a test.
///
/// One device file at a time. Every method but `open` and `close` needs it open. Requests a signal interrupted fail
/// with EINTR; `uninterrupted(_:)` repeats them.
package protocol V4L2Device: AnyObject {
    /// Opens a device file for frames that are taken without waiting.
    /// - Returns: the descriptor that becomes readable when a frame is there. open(2).
    func open(_ path: String) throws(V4L2Failure) -> Int32

    /// Asks what the device is. VIDIOC_QUERYCAP.
    func capability() throws(V4L2Failure) -> V4L2Capability

    /// Has libv4l2 convert what the device delivers: from now on it also offers RGB24. v4l2_fd_open of libv4l2.
    /// - Returns: false where the library is not installed.
    func convert() throws(V4L2Failure)

    /// The `index`-th pixel format; EINVAL after the last. VIDIOC_ENUM_FMT.
    func pixelFormat(at index: Int) throws(V4L2Failure) -> V4L2PixelFormat

    /// The `index`-th frame size; EINVAL after the last. VIDIOC_ENUM_FRAMESIZES.
    func size(at index: Int, of format: V4L2PixelFormat) throws(V4L2Failure) -> V4L2Size

    /// The `index`-th frame rate; EINVAL after the last. VIDIOC_ENUM_FRAMEINTERVALS.
    func rate(at index: Int, of format: V4L2PixelFormat, width: Int, height: Int) throws(V4L2Failure) -> Rate

    /// Asks for pixel format and size; lines and `isWhole` of `wanted` do not count.
    /// - Returns: what the device chose. VIDIOC_S_FMT.
    func setFormat(_ wanted: V4L2Format) throws(V4L2Failure) -> V4L2Format

    /// Asks the device for a frame rate.
    /// - Returns: the rate that the device chose; nil when it does not say. VIDIOC_S_PARM.
    func setRate(_ wanted: Rate) throws(V4L2Failure) -> Rate?

    /// The control with the least id above `id`, a menu without its choices; EINVAL after the last. VIDIOC_QUERYCTRL.
    func control(after id: UInt32) throws(V4L2Failure) -> V4L2Control

    /// The name of a menu's choice; EINVAL where there is none of this number. VIDIOC_QUERYMENU.
    func choice(_ value: Int, of control: V4L2Control) throws(V4L2Failure) -> String

    /// Reads the value of a control. VIDIOC_G_CTRL.
    func value(of control: V4L2Control) throws(V4L2Failure) -> Int

    /// Sets the value of a control. VIDIOC_S_CTRL.
    func set(_ control: V4L2Control, to value: Int) throws(V4L2Failure)

    /// Asks for buffers. VIDIOC_REQBUFS.
    /// - Returns: how many there are.
    func requestBuffers(_ count: Int) throws(V4L2Failure) -> Int

    /// Maps a buffer into memory. VIDIOC_QUERYBUF, mmap(2).
    /// - Returns: what is known of it; it holds no frame yet.
    func map(_ index: Int) throws(V4L2Failure) -> V4L2Buffer

    /// Lets the device fill a buffer. VIDIOC_QBUF.
    func queue(_ index: Int) throws(V4L2Failure)

    /// Starts the stream. VIDIOC_STREAMON.
    func start() throws(V4L2Failure)

    /// Takes the oldest filled buffer; EAGAIN when there is none. VIDIOC_DQBUF.
    func dequeue() throws(V4L2Failure) -> V4L2Buffer

    /// The bytes of a dequeued buffer; valid until the buffer is queued again or the device closed.
    func content(of buffer: V4L2Buffer) -> UnsafeRawBufferPointer

    /// Stops the stream, unmaps and releases the buffers and closes the file, as far as that was begun.
    /// VIDIOC_STREAMOFF, munmap(2), close(2).
    func close()

    /// The video device files of this machine.
    func presentFiles() -> [VideoDeviceFiles]
}

extension V4L2Device {
    /// What cameras of this machine can be called, names that stay the same first.
    package func presentPaths() -> [String] { presentFiles().flatMap { $0.stableNames + [$0.path] } }
}

/// A request that failed; errno(3).
package struct V4L2Failure: Error, Equatable, Sendable {
    /// The requests to a device, by their ioctl without VIDIOC_, or by their call.
    package enum Request: String, Sendable {
        case open
        case queryCapability = "QUERYCAP"
        case convert = "v4l2_fd_open"
        case listFormats = "ENUM_FMT"
        case listSizes = "ENUM_FRAMESIZES"
        case listRates = "ENUM_FRAMEINTERVALS"
        case setFormat = "S_FMT"
        case setRate = "S_PARM"
        case listControls = "QUERYCTRL"
        case listChoices = "QUERYMENU"
        case getControl = "G_CTRL"
        case setControl = "S_CTRL"
        case requestBuffers = "REQBUFS"
        case queryBuffer = "QUERYBUF"
        case map = "mmap"
        case queue = "QBUF"
        case start = "STREAMON"
        case dequeue = "DQBUF"
    }
    package var request: Request
    package var errno: Int32

    package init(_ request: Request, errno: Int32) {
        self.request = request
        self.errno = errno
    }
}

/// What a device file is.
package struct V4L2Capability: Equatable, Sendable {
    /// The product, in the driver's words.
    package var card: String
    /// The port it is plugged into: `usb-0000:00:14.0-2`.
    package var bus: String
    /// Whether it takes frames; a camera has other files too, such as one for metadata.
    package var captures: Bool
    /// Whether it hands frames over in mapped buffers.
    package var streams: Bool

    package init(card: String, bus: String, captures: Bool, streams: Bool) {
        self.card = card
        self.bus = bus
        self.captures = captures
        self.streams = streams
    }
}

/// A four-character code, first character in the lowest byte: V4L2's name of a pixel format.
package struct V4L2PixelFormat: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package var rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package init(_ name: StaticString) {
        precondition(name.utf8CodeUnitCount == 4, "a pixel format's name has four characters")
        rawValue = name.withUTF8Buffer { bytes in bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
    }

    package var description: String {
        // The highest bit marks big-endian variants.
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: rawValue >> (8 * $0)) & 0x7f }
        let name = bytes.map { (0x21..<0x7f).contains($0) ? String(UnicodeScalar($0)) : $0 == 0x20 ? "" : "?" }.joined()
        return rawValue >> 31 == 1 ? name + "-BE" : name
    }
}

/// A frame size in pixels, or a range of sizes.
package struct V4L2Size: Equatable, Sendable, CustomStringConvertible {
    package var widths: ClosedRange<Int>
    package var heights: ClosedRange<Int>
    /// Step between two widths of a range of sizes, pixels, at least 1.
    package var widthStep: Int
    package var heightStep: Int

    package init(widths: ClosedRange<Int>, heights: ClosedRange<Int>, widthStep: Int = 1, heightStep: Int = 1) {
        self.widths = widths
        self.heights = heights
        self.widthStep = max(widthStep, 1)
        self.heightStep = max(heightStep, 1)
    }

    package init(width: Int, height: Int) { self.init(widths: width...width, heights: height...height) }

    package var isSingle: Bool { widths.count == 1 && heights.count == 1 }

    package func contains(width: Int, height: Int) -> Bool {
        widths.contains(width) && (width - widths.lowerBound) % widthStep == 0 && heights.contains(height)
            && (height - heights.lowerBound) % heightStep == 0
    }

    package var description: String {
        isSingle
            ? "\(widths.lowerBound)x\(heights.lowerBound)"
            : "\(widths.lowerBound)x\(heights.lowerBound) to \(widths.upperBound)x\(heights.upperBound)"
    }
}

/// How frames lie in memory.
package struct V4L2Format: Equatable, Sendable {
    package var pixelFormat: V4L2PixelFormat
    /// Width of the frames, pixels.
    package var width: Int
    /// Height of the frames, pixels.
    package var height: Int
    /// Bytes from one line to the next; 0 where lines have no fixed length.
    package var bytesPerLine: Int
    /// Whether frames are whole: no single or stacked fields of interlaced video.
    package var isWhole: Bool

    package init(_ pixelFormat: V4L2PixelFormat, width: Int, height: Int, bytesPerLine: Int = 0, isWhole: Bool = true) {
        self.pixelFormat = pixelFormat
        self.width = width
        self.height = height
        self.bytesPerLine = bytesPerLine
        self.isWhole = isWhole
    }
}

/// A buffer of the device and what the kernel says of its content.
package struct V4L2Buffer: Equatable, Sendable, BitwiseCopyable {
    package var index: Int
    package var bytesUsed: Int
    /// Counts frames from the start of the stream, lost ones too; begins again after 2^32.
    package var sequence: UInt32
    /// The content was damaged on its way.
    package var isDamaged: Bool
    package var stamp: MonotonicTime
    /// Whether `stamp` is a time of CLOCK_MONOTONIC.
    package var hasMonotonicStamp: Bool

    package init(
        index: Int, bytesUsed: Int, sequence: UInt32, isDamaged: Bool, stamp: MonotonicTime, hasMonotonicStamp: Bool
    ) {
        self.index = index
        self.bytesUsed = bytesUsed
        self.sequence = sequence
        self.isDamaged = isDamaged
        self.stamp = stamp
        self.hasMonotonicStamp = hasMonotonicStamp
    }
}
