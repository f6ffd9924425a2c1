import Cameras
import Images
import Messages
import Testing
import Time

@Suite struct CameraNodeCoreTests {
    private var core = CameraNodeCore(node: "camera-primary")
    private let format = CameraFormat(width: 4, height: 2, rate: Rate(hertz: 10), summary: "a test")
    private let error = CameraError.noPictures(camera: "primary", folder: "/f", pattern: nil, found: [])

    private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    private func frame(_ sequence: UInt64, captured: Int64, hash: UInt64? = nil) -> CameraFrame {
        CameraFrame(
            camera: "primary", deviceID: "test", sequence: sequence, captureTime: at(captured),
            pixels: .rgb8(RGBImage(width: 4, height: 2, filledWith: 0)), contentHash: hash ?? sequence)
    }

    private func counter(_ name: String, at time: MonotonicTime = .zero) -> Int64? {
        core.status(at: time).counters.first { $0.name == name }?.value
    }

    @Test mutating func startsThenIsReadyWithTheFirstFrame() {
        #expect(core.status(at: .zero).state == .starting)
        core.opened(format, at: at(10))
        #expect(core.status(at: at(20)).state == .starting)
        let first = frame(0, captured: 20)
        #expect(core.received(first, at: at(21)) == .publish(first))
        let status = core.status(at: at(22))
        #expect(status.state == .ready && status.headline == "4x2 at 10.0 Hz: a test")
        #expect(status.node == "camera-primary")
    }

    @Test mutating func countsWhatWasPassedOver() {
        core.opened(format, at: .zero)
        for (sequence, time) in [(0, 0), (1, 100), (4, 400), (5, 500), (9, 900)] as [(UInt64, Int64)] {
            _ = core.received(frame(sequence, captured: time), at: at(time + 5))
        }
        #expect(counter("frames") == 5 && counter("skipped") == 2 + 3)
        let latency = core.status(at: at(905)).latencies.first { $0.name == "capture_to_publish" }
        #expect(latency?.count == 5)
        #expect(latency.map { abs($0.p50.inMilliseconds - 5) < 0.1 } == true)
    }

    /// In the dark a webcam exposes for several frames; whoever tunes a policy's rate has to know.
    @Test func aDeviceThatIsSlowerThanItSaysIsToldSo() {
        var core = CameraNodeCore(node: "camera-primary", isDevice: true)
        core.opened(format, at: .zero)
        func deliver(_ count: UInt64, every period: Int64, from sequence: UInt64, at start: Int64) -> Int64 {
            for index in 0..<count {
                let time = start + Int64(index) * period
                _ = core.received(frame(sequence + index, captured: time), at: at(time))
            }
            return start + Int64(count) * period
        }
        let slow = deliver(20, every: 300, from: 0, at: 0)
        let status = core.status(at: at(slow - 300))
        #expect(
            status.state == .degraded && status.headline.hasPrefix("it delivers 3.3 frames a second of the 10.0"),
            "\(status.headline)")
        let usual = deliver(80, every: 100, from: 20, at: slow)
        #expect(core.status(at: at(usual - 100)).state == .ready)
        // One frame late is none too few.
        let late = deliver(60, every: 105, from: 100, at: usual + 400)
        #expect(core.status(at: at(late - 105)).state == .ready)
    }

    @Test mutating func timeNeverRunsBackForReaders() {
        core.opened(format, at: .zero)
        _ = core.received(frame(3, captured: 300), at: at(300))
        #expect(core.received(frame(4, captured: 300), at: at(310)) == .discard)
        #expect(core.received(frame(4, captured: 250), at: at(310)) == .discard)
        #expect(core.received(frame(3, captured: 400), at: at(400)) == .discard)
        let next = frame(4, captured: 400)
        #expect(core.received(next, at: at(400)) == .publish(next))
        #expect(counter("discarded") == 3 && counter("frames") == 2 && counter("skipped") == 0)
    }

    @Test mutating func waitsLongerWithEachFailureInARow() {
        let waits = (0..<8).map { _ in (core.failed(error, at: at(1_000)) - at(1_000)).inMilliseconds }
        #expect(waits == [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000])
        let status = core.status(at: at(1_000))
        #expect(status.state == .fault)
        #expect(status.headline == "\(error) The next attempt follows in 8.0 s.")
        // Opening alone is no success: a camera that opens and fails at once must not be hammered.
        core.opened(format, at: at(9_000))
        #expect(core.failed(error, at: at(9_000)) == at(17_000))
        core.opened(format, at: at(17_000))
        _ = core.received(frame(0, captured: 17_000), at: at(17_000))
        #expect(core.status(at: at(17_001)).state == .ready)
        #expect(core.failed(error, at: at(18_000)) == at(18_500))
        #expect(counter("failures") == 10)
    }

    @Test mutating func aCameraThatFailedIsLeftClosedUntilItsTimeThenOpenedAndRead() {
        #expect(core.turn(at: .zero) == .open)
        core.opened(format, at: .zero)
        #expect(core.turn(at: at(1)) == .read)
        let retry = core.failed(error, at: at(1_000))
        #expect(core.turn(at: at(1_000)) == .wait(until: retry) && core.turn(at: at(1_499)) == .wait(until: retry))
        #expect(core.turn(at: retry) == .open && core.turn(at: at(9_000)) == .open)
        core.opened(format, at: at(9_000))
        #expect(core.turn(at: at(9_000)) == .read)
        core.ended()
        #expect(core.turn(at: at(9_001)) == .read)
    }

    @Test mutating func anEndlessRowOfFailuresDoesNotOverflow() {
        for _ in 0..<200 { #expect(core.failed(error, at: .zero) <= at(8_000)) }
    }

    @Test mutating func identicalPicturesAreARemarkNotAFault() {
        core.opened(format, at: .zero)
        for sequence in 0..<30 {
            _ = core.received(
                frame(UInt64(sequence), captured: Int64(sequence) * 100, hash: 42), at: at(Int64(sequence) * 100))
        }
        #expect(counter("repeats", at: at(2_900)) == 29)
        #expect(core.status(at: at(2_900)).headline.contains("identical") == false)
        _ = core.received(frame(30, captured: 3_000, hash: 42), at: at(3_000))
        let status = core.status(at: at(3_000))
        #expect(status.state == .ready && status.headline.hasSuffix("; the last 31 are identical"))
        _ = core.received(frame(31, captured: 3_100, hash: 43), at: at(3_100))
        #expect(counter("repeats", at: at(3_100)) == 0)
        #expect(core.status(at: at(3_100)).headline.contains("identical") == false)
    }

    // MARK: Devices

    /// 30 Hz for so long, one picture.
    private mutating func stand(from start: Int64, seconds: Int64, hash: UInt64) {
        for step in 0...seconds * 30 {
            let time = start + step * 1_000 / 30
            _ = core.received(frame(UInt64(time), captured: time, hash: hash), at: at(time + 2))
        }
    }

    @Test mutating func aDeviceThatShowsOnePictureForSecondsIsDegraded() {
        core = CameraNodeCore(node: "camera-primary", isDevice: true)
        core.opened(format, at: .zero)
        stand(from: 1_000, seconds: 4, hash: 42)
        #expect(core.status(at: at(5_010)).state == .ready, "a second of darkness may look the same")
        stand(from: 5_100, seconds: 2, hash: 42)
        let status = core.status(at: at(7_110))
        #expect(
            status.state == .degraded
                && status.headline.hasPrefix("the image stands still for 6.1 s (182 identical frames)"))
        stand(from: 7_200, seconds: 0, hash: 43)
        #expect(core.status(at: at(7_210)).state == .ready)
    }

    /// A firmware that hangs and goes on counting: its one picture is not fed to anybody as a new one for a minute.
    @Test mutating func aPictureThatStandsStillIsNotPassedOn() {
        core = CameraNodeCore(node: "camera-primary", isDevice: true)
        core.opened(format, at: at(1_000))
        func action(_ time: Int64, hash: UInt64) -> CameraNodeCore.Action {
            core.received(frame(UInt64(time), captured: time, hash: hash), at: at(time))
        }
        for time in stride(from: 1_000 as Int64, through: 6_000, by: 100) {
            #expect(action(time, hash: 42) == .publish(frame(UInt64(time), captured: time, hash: 42)))
        }
        for time in stride(from: 6_100 as Int64, to: 60_000, by: 100) { #expect(action(time, hash: 42) == .withhold) }
        #expect(counter("withheld", at: at(60_000)) == 539 && counter("frames", at: at(60_000)) == 51)
        #expect(core.status(at: at(60_000)).headline.contains("it is not passed on any more"))
        #expect(action(60_000, hash: 43) == .publish(frame(60_000, captured: 60_000, hash: 43)), "it moves again")
        // Opened anew, it has its time again.
        for time in stride(from: 60_100 as Int64, to: 66_000, by: 100) { _ = action(time, hash: 43) }
        core.opened(format, at: at(70_000))
        #expect(action(70_100, hash: 43) == .publish(frame(70_100, captured: 70_100, hash: 43)))
        // A folder with one picture is a legitimate camera.
        core = CameraNodeCore(node: "camera-primary")
        core.opened(format, at: .zero)
        for time in stride(from: 0 as Int64, to: 20_000, by: 100) {
            #expect(action(time, hash: 42) != .withhold)
        }
    }

    @Test mutating func aBlackPictureIsDegradedUntilItIsNot() {
        core = CameraNodeCore(node: "camera-primary", isDevice: true)
        core.opened(format, at: .zero)
        var dark = frame(1, captured: 100)
        _ = core.received(dark, at: at(101))
        core.examine(dark, at: at(101))
        #expect(
            core.status(at: at(102)).headline.hasPrefix("the image is black (100 % of its pixels), expected a scene."))
        #expect(core.status(at: at(102)).state == .degraded)
        dark.pixels = .rgb8(RGBImage(width: 4, height: 2, filledWith: 90))
        core.examine(dark, at: at(500))
        #expect(core.status(at: at(501)).state == .degraded, "looked at once a second")
        core.examine(dark, at: at(1_102))
        #expect(core.status(at: at(1_100)).state == .ready)
        // A recorded folder may be as dark as it likes.
        core = CameraNodeCore(node: "camera-primary")
        core.opened(format, at: .zero)
        _ = core.received(frame(1, captured: 100), at: at(101))
        core.examine(frame(1, captured: 100), at: at(101))
        #expect(core.status(at: at(102)).state == .ready)
    }

    @Test mutating func whatACameraSaysOfItselfIsTold() {
        core = CameraNodeCore(node: "camera-primary", isDevice: true)
        core.opened(format, at: .zero)
        var bright = frame(1, captured: 100)
        bright.pixels = .rgb8(RGBImage(width: 4, height: 2, filledWith: 90))
        _ = core.received(bright, at: at(101))
        core.examine(bright, remark: "its gain wanders.", at: at(101))
        #expect(core.status(at: at(102)).headline == "its gain wanders. 4x2 at 10.0 Hz: a test")
        #expect(core.status(at: at(102)).state == .degraded)
        core.examine(bright, remark: nil, at: at(103))
        #expect(core.status(at: at(104)).state == .ready)
    }

    @Test mutating func silenceShowsWithoutAnyEvent() {
        core.opened(format, at: .zero)
        _ = core.received(frame(0, captured: 0), at: .zero)
        #expect(core.status(at: at(1_000)).state == .ready)
        let status = core.status(at: at(2_500))
        #expect(status.state == .degraded && status.headline.hasPrefix("no frame for 2.5 s"))
        _ = core.received(frame(25, captured: 2_500), at: at(2_500))
        #expect(core.status(at: at(2_600)).state == .ready)
    }

    /// A camera with 5 s between frames is not silent after one.
    @Test mutating func patienceFollowsTheRate() {
        core.opened(CameraFormat(width: 4, height: 2, rate: Rate(hertz: 0.2), summary: "slow"), at: .zero)
        _ = core.received(frame(0, captured: 0), at: .zero)
        #expect(core.status(at: at(24_000)).state == .ready)
        #expect(core.status(at: at(26_000)).state == .degraded)
    }

    @Test mutating func saysWhenAllIsShownAndWhenItStops() {
        core.opened(format, at: .zero)
        core.ended()
        #expect(core.status(at: .zero).state == .degraded)
        core.stop()
        #expect(core.status(at: .zero).state == .stopping)
    }
}
