import Messages
import Time

/// A source of frames that has a beginning and an end: opened, read, closed, opened again.
///
/// It reads no clock and never waits: the time is an argument, and `wakeup` says what is worth waiting for. So the same
/// loop drives recorded frames (a time) and a device (a file descriptor), and tests drive both without sleeping:
/// open; wait for `wakeup`; `nextFrame(at:)`; publish; `prepare()`; and so on. `CameraConformance` in the tests holds
/// every source to this.
package protocol Camera {
    /// The camera's name in the manifest: `primary`, `wrist`.
    var name: String { get }

    /// Starts delivering; the first frame is due now or later.
    ///
    /// Everything that can be checked before frames flow is checked here.
    /// - Returns: what every frame until `close()` will look like.
    /// - Throws: `CameraError`; the camera is closed then, and may be opened again.
    mutating func open(at now: MonotonicTime) throws(CameraError) -> CameraFormat

    /// What to wait for before the next call of `nextFrame(at:)`.
    var wakeup: CameraWakeup { get }

    /// The newest frame that was captured until `now` and not delivered yet; nil when there is none.
    ///
    /// Older ones that nobody fetched in time are passed over: `CameraFrame.sequence` then has a gap. Capture stamps
    /// and sequence grow from frame to frame, also over `close()` and `open(at:)`.
    /// - Throws: `CameraError`; close the camera then, and open it again later.
    mutating func nextFrame(at now: MonotonicTime) throws(CameraError) -> CameraFrame?

    /// Does what can be done before the next frame is due, such as decoding it. Call it after publishing; leaving it
    /// out costs punctuality, nothing else.
    mutating func prepare()

    /// What is wrong with it although it delivers, and what to do; nil when nothing is.
    var remark: String? { get }

    /// Stops delivering and lets go of the device. A closed camera may be closed again.
    mutating func close()
}

extension Camera {
    package mutating func prepare() {}
    package var remark: String? { nil }
}

/// What an open camera delivers.
package struct CameraFormat: Equatable, Sendable {
    /// Width of the frames, pixels.
    package var width: Int
    /// Height of the frames, pixels.
    package var height: Int
    /// Rate of the frames, as the source intends.
    package var rate: Rate
    /// One line for people: what the source is.
    package var summary: String
    /// What was set on the camera and read back.
    package var locked: [LockedControl]

    /// A control with the value that it was set to and read back with.
    package struct LockedControl: Equatable, Sendable {
        package var name: String
        package var value: Int

        package init(name: String, value: Int) {
            self.name = name
            self.value = value
        }
    }

    package init(width: Int, height: Int, rate: Rate, summary: String, locked: [LockedControl] = []) {
        self.width = width
        self.height = height
        self.rate = rate
        self.summary = summary
        self.locked = locked
    }
}

/// What a camera waits for.
package enum CameraWakeup: Equatable, Sendable {
    /// A time: the next frame is due then.
    case time(MonotonicTime)
    /// The descriptor becomes readable; if it has not by `deadline`, ask for the frame all the same, so that the source
    /// can say that its device went silent.
    case readable(fileDescriptor: Int32, deadline: MonotonicTime)
    /// No more frames will come: closed, or all shown.
    case never
}
