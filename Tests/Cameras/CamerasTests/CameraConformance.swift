import Cameras
import Digests
import Glibc
import Messages
import Testing
import Time

/// What every camera must do, whatever it is. A source's tests make one of these with a camera that works, one that
/// cannot be opened, and run `checkAll()`.
struct CameraConformance<Source: Camera> {
    /// Makes a closed camera that can be opened.
    let makeCamera: () throws -> Source
    /// Makes a camera whose `open(at:)` fails, with the error it fails with.
    let makeBroken: () throws -> (camera: Source, error: CameraError)
    /// How many frames the working camera can deliver at least.
    let frameCount: Int

    func checkAll() throws {
        try stampsAndSequencesGrow()
        try framesAreAsAnnounced()
        try sequencesCountPassedOverFrames()
        try closedCamerasDeliverNothing()
        try opensAgainAfterClosing()
        try failedOpeningLeavesItClosed()
    }

    /// Waits for the next frame in the camera's own kind of time: recorded frames jump to when they are due, a device
    /// is polled in real time until its deadline. nil when no more will come.
    private func next(_ camera: inout Source, _ now: inout MonotonicTime) throws -> CameraFrame? {
        for _ in 0..<100 {
            switch camera.wakeup {
            case .never: return nil
            case .time(let due): now = max(now, due)
            case .readable(let descriptor, let deadline):
                var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                let wait = max(0, (deadline - MonotonicTime.now()).inMilliseconds.rounded(.up))
                _ = poll(&request, 1, Int32(min(wait, 10_000)))
                now = MonotonicTime.now()
            }
            let frame = try camera.nextFrame(at: now)
            camera.prepare()
            if let frame { return frame }
        }
        Issue.record("a hundred wake-ups brought no frame")
        return nil
    }

    private func stampsAndSequencesGrow() throws {
        var camera = try makeCamera()
        var now = MonotonicTime.now()
        let start = now
        _ = try camera.open(at: now)
        var previous: CameraFrame?
        for _ in 0..<frameCount {
            let frame = try #require(try next(&camera, &now))
            #expect(frame.captureTime <= now && frame.captureTime >= start)
            if let previous {
                #expect(frame.captureTime > previous.captureTime)
                #expect(frame.sequence > previous.sequence)
                #expect(frame.deviceID == previous.deviceID)
            }
            previous = frame
        }
        camera.close()
    }

    private func framesAreAsAnnounced() throws {
        var camera = try makeCamera()
        var now = MonotonicTime.now()
        let format = try camera.open(at: now)
        #expect(!format.summary.isEmpty)
        for _ in 0..<frameCount {
            let frame = try #require(try next(&camera, &now))
            #expect(frame.width == format.width && frame.height == format.height)
            #expect(frame.camera == camera.name && !frame.deviceID.isEmpty)
            switch frame.pixels {
            case .rgb8(let image): #expect(frame.contentHash == image.pixels.xxh3)
            case .jpeg(let bytes, _, _): #expect(frame.contentHash == bytes.xxh3)
            }
        }
        camera.close()
    }

    private func sequencesCountPassedOverFrames() throws {
        var camera = try makeCamera()
        var now = MonotonicTime.now()
        _ = try camera.open(at: now)
        let first = try #require(try next(&camera, &now))
        let second = try #require(try next(&camera, &now))
        #expect(second.sequence >= first.sequence + 1)
        camera.close()
    }

    private func closedCamerasDeliverNothing() throws {
        var camera = try makeCamera()
        var now = MonotonicTime.now()
        #expect(camera.wakeup == .never)
        #expect(try camera.nextFrame(at: now) == nil)
        _ = try camera.open(at: now)
        _ = try next(&camera, &now)
        camera.close()
        camera.close()
        #expect(camera.wakeup == .never)
        #expect(try camera.nextFrame(at: now + .seconds(10)) == nil)
        camera.prepare()
    }

    private func opensAgainAfterClosing() throws {
        var camera = try makeCamera()
        var now = MonotonicTime.now()
        let format = try camera.open(at: now)
        let before = try #require(try next(&camera, &now))
        camera.close()
        // At once, within the same period: the stamp must still be later.
        #expect(try camera.open(at: now) == format)
        let after = try #require(try next(&camera, &now))
        #expect(after.captureTime > before.captureTime && after.sequence > before.sequence)
        // Opening an open camera starts it again too.
        #expect(try camera.open(at: now) == format)
        let last = try #require(try next(&camera, &now))
        #expect(last.captureTime > after.captureTime && last.sequence > after.sequence)
        camera.close()
    }

    private func failedOpeningLeavesItClosed() throws {
        var (camera, expected) = try makeBroken()
        for _ in 0..<2 {
            #expect(throws: expected) { try camera.open(at: .now()) }
            #expect(camera.wakeup == .never)
            #expect(try camera.nextFrame(at: .now()) == nil)
        }
        #expect(expected.description.contains("camera '\(camera.name)'"), "\(expected)")
    }
}
