import Digests
import Glibc
import Images
import Messages
import Time

/// A camera at this machine, through V4L2.
///
/// The newest buffer wins: each call takes all that are filled and gives the older ones back. Frames that are damaged,
/// cut short or empty are passed over, and show as gaps of the sequence, which the kernel counts. A frame's time is the
/// driver's stamp where that is of CLOCK_MONOTONIC, else the time at which the frame was fetched.
package struct V4L2Camera<Device: V4L2Device>: Camera {
    /// What the manifest says about it.
    package struct Configuration: Equatable, Sendable {
        package var name: String
        /// A `DeviceName`: `/dev/v4l/by-id/…`, `usb:SERIAL`, `usb-0000:00:14.0-2`, `/dev/video0`.
        package var path: String
        /// Width that is asked for, pixels.
        package var width: Int
        /// Height that is asked for, pixels.
        package var height: Int
        /// Frame rate that is asked for; the camera may choose another.
        package var rate: Rate
        /// Encoding of the frames; nil: the first in the order of preference that the camera offers in this size.
        package var encoding: FrameEncoding?
        /// Whether frames come as RGB24 through libv4l2 even where the camera has a format of ours.
        package var isConverted: Bool
        /// Settings of controls, which are set, read back and so locked each time the camera is opened.
        package var controls: [ControlSetting]

        package init(
            name: String, path: String, width: Int, height: Int, rate: Rate, encoding: FrameEncoding? = nil,
            isConverted: Bool = false, controls: [ControlSetting] = []
        ) {
            self.name = name
            self.path = path
            self.width = width
            self.height = height
            self.rate = rate
            self.encoding = encoding
            self.isConverted = isConverted
            self.controls = controls
        }
    }

    /// A stream that runs.
    struct Session {
        let descriptor: Int32
        let deviceID: String
        let encoding: FrameEncoding
        /// Bytes from one line to the next.
        let bytesPerLine: Int
        let start: MonotonicTime
        /// How long no whole frame may come, once one has.
        let steadyPatience: Duration
        /// How long no whole frame may come at present.
        var patience: Duration
        /// Time at which the last whole frame came, or the stream was started.
        var lastSign: MonotonicTime
        /// The kernel's number of the last frame.
        var kernelSequence: UInt32?
        /// Damaged frames since the last whole one.
        var damaged = 0

        /// The camera's settings as they travel with each frame.
        var settings: [CameraFrame.Setting]
        /// What its controls are locked at.
        let plan: ControlPlan
        var nextCheck: MonotonicTime
        /// Number of controls looked at again since the start of the stream.
        var checked = 0
        /// Number of those that had changed.
        var changes = 0
        /// The control that had changed last, and when that was seen.
        var changed: (problem: ControlProblem, time: MonotonicTime)?

        /// Time at which the device counts as silent.
        var deadline: MonotonicTime { lastSign + patience }
    }

    package let configuration: Configuration
    let device: Device
    private var session: Session?
    private var nextSequence: UInt64 = 0
    private var lastCaptureTime: MonotonicTime?

    /// Most buffers taken in one call: were the device ever faster than we are, there would be no end.
    private static var drainLimit: Int { 32 }
    /// Some cameras take seconds from the start of the stream to the first frame.
    static var firstPatience: Duration { .seconds(5) }
    /// Time between two looks at locked controls, one each time: a look takes a USB camera milliseconds.
    static var checkPeriod: Duration { .seconds(1) }
    /// How long a control that had changed is told.
    static var remarkTime: Duration { .seconds(10) }

    package init(_ configuration: Configuration, device: Device) {
        self.configuration = configuration
        self.device = device
    }

    package var name: String { configuration.name }

    /// Opens the device, sets its controls and starts the stream; a stream that runs ends first.
    /// - Throws: `CameraError.device`, naming what the device offers where it does not offer what was asked for, or
    ///   whose controls do not take what they are set to.
    package mutating func open(at now: MonotonicTime) throws(CameraError) -> CameraFormat {
        close()
        do throws(V4L2Problem) {
            let opened = try start(at: now)
            session = opened.session
            return opened.format
        } catch {
            device.close()
            throw .device(camera: name, path: configuration.path, isOpening: true, problem: error)
        }
    }

    package var wakeup: CameraWakeup {
        guard let session else { return .never }
        return .readable(fileDescriptor: session.descriptor, deadline: session.deadline)
    }

    package mutating func nextFrame(at now: MonotonicTime) throws(CameraError) -> CameraFrame? {
        guard var session else { return nil }
        defer { self.session = session }
        do throws(V4L2Problem) {
            guard let (buffer, sequence) = try newest(&session) else {
                if now < session.deadline { return nil }
                throw .silent(now - session.lastSign, damaged: session.damaged)
            }
            (session.lastSign, session.patience, session.damaged) = (now, session.steadyPatience, 0)
            let captureTime = captureTime(of: buffer, in: session, at: now)
            // Fetched twice within one tick of the clock: lost, as if it had come a little earlier.
            if let lastCaptureTime, captureTime <= lastCaptureTime {
                try requeue(buffer)
                return nil
            }
            let pixels = session.encoding.pixels(
                of: device.content(of: buffer), width: configuration.width, height: configuration.height,
                bytesPerLine: session.bytesPerLine)
            try requeue(buffer)
            lastCaptureTime = captureTime
            let bytes =
                switch pixels {
                case .rgb8(let image): image.pixels
                case .jpeg(let bytes, _, _): bytes
                }
            return CameraFrame(
                camera: name, deviceID: session.deviceID, sequence: sequence, captureTime: captureTime, pixels: pixels,
                contentHash: bytes.xxh3, settings: session.settings)
        } catch {
            throw .device(camera: name, path: configuration.path, isOpening: false, problem: error)
        }
    }

    /// Looks after the controls: another program may change them at any time.
    package mutating func prepare() {
        guard var session else { return }
        check(&session, at: session.lastSign)
        self.session = session
    }

    package var remark: String? {
        guard let session, let changed = session.changed, session.lastSign - changed.time < Self.remarkTime else {
            return nil
        }
        return "of its controls, \(changed.problem): something else changed it, and it was locked again "
            + "(\(session.changes) times by now). End the program that sets it, such as a video call or v4l2-ctl."
    }

    package mutating func close() {
        guard session != nil else { return }
        session = nil
        device.close()
    }

    // MARK: - Buffers

    /// The newest whole frame that waits, and its number; everything else goes back to the device.
    private mutating func newest(
        _ session: inout Session
    ) throws(V4L2Problem) -> (buffer: V4L2Buffer, sequence: UInt64)? {
        var newest: (buffer: V4L2Buffer, sequence: UInt64)?
        for _ in 0..<Self.drainLimit {
            guard let buffer = try dequeue() else { break }
            let sequence = count(buffer.sequence, &session)
            let isWhole =
                !buffer.isDamaged && buffer.bytesUsed > 0
                && session.encoding.isWhole(
                    device.content(of: buffer), width: configuration.width, height: configuration.height,
                    bytesPerLine: session.bytesPerLine)
            if isWhole {
                if let older = newest { try requeue(older.buffer) }
                newest = (buffer, sequence)
            } else {
                session.damaged += 1
                try requeue(buffer)
            }
        }
        return newest
    }

    /// Takes the next filled buffer; nil when none is filled.
    private func dequeue() throws(V4L2Problem) -> V4L2Buffer? {
        do throws(V4L2Failure) {
            return try device.uninterrupted { () throws(V4L2Failure) in try device.dequeue() }
        } catch {
            if error.errno == EAGAIN { return nil }
            throw V4L2Problem(error, present: device.presentPaths)
        }
    }

    private func requeue(_ buffer: V4L2Buffer) throws(V4L2Problem) {
        try ask { () throws(V4L2Failure) in try device.queue(buffer.index) }
    }

    /// Makes a request, again after a signal.
    func ask<Result>(_ request: () throws(V4L2Failure) -> Result) throws(V4L2Problem) -> Result {
        do throws(V4L2Failure) {
            return try device.uninterrupted(request)
        } catch {
            throw V4L2Problem(error, present: device.presentPaths)
        }
    }

    // MARK: - Numbers and times

    /// The number of a frame that goes out, from the kernel's, which begins anew with each stream and after 2^32. One
    /// that stands still or runs back, as some drivers' do, counts as the next.
    private mutating func count(_ kernelSequence: UInt32, _ session: inout Session) -> UInt64 {
        let step = session.kernelSequence.map { kernelSequence &- $0 } ?? 1
        session.kernelSequence = kernelSequence
        let sequence = nextSequence + ((1...UInt32.max / 2).contains(step) ? UInt64(step) - 1 : 0)
        nextSequence = sequence + 1
        return sequence
    }

    /// The driver's stamp, if it is of our clock and can be true: after the frame before, after the start, not later
    /// than now. Else now.
    private func captureTime(of buffer: V4L2Buffer, in session: Session, at now: MonotonicTime) -> MonotonicTime {
        guard buffer.hasMonotonicStamp, buffer.stamp >= session.start, buffer.stamp <= now else { return now }
        if let lastCaptureTime, buffer.stamp <= lastCaptureTime { return now }
        return buffer.stamp
    }
}
