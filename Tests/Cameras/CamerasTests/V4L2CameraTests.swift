import Cameras
import Files
import Glibc
import Images
import Messages
import TestSupport
import Testing
import Time

@Suite struct V4L2CameraTests {
    let device = ScriptedV4L2Device()

    func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    func camera(
        path: String = "/dev/video0", rate: Double = 30, encoding: FrameEncoding? = .yuyv
    ) -> V4L2Camera<ScriptedV4L2Device> {
        V4L2Camera(
            .init(name: "primary", path: path, width: 8, height: 6, rate: Rate(hertz: rate), encoding: encoding),
            device: device)
    }

    /// A grey frame of this luma.
    func grey(_ luma: UInt8) -> [UInt8] { (0..<8 * 6).flatMap { _ in [luma, 128] } }

    func shot(_ sequence: UInt32, stamp: Int64, luma: UInt8 = 100) -> ScriptedV4L2Device.Shot {
        .init(bytes: grey(luma), sequence: sequence, stamp: at(stamp))
    }

    /// The grey of a frame's first pixel.
    func red(_ frame: CameraFrame?) -> UInt8? {
        guard case .rgb8(let image)? = frame?.pixels else { return nil }
        return image.pixels.bytes[0]
    }

    // MARK: Conformance

    @Test(arguments: [FrameEncoding.mjpeg, .yuyv])
    func isACamera(encoding: FrameEncoding) throws {
        try CameraConformance(
            makeCamera: {
                let device = ScriptedV4L2Device()
                let picture =
                    encoding == .mjpeg ? try RGBImage.waves(width: 8, height: 6, seed: 1).jpegData().array : grey(90)
                var (count, isDue): (UInt32, Bool) = (0, true)
                device.whenEmpty = {
                    // Frames and silence in turns; every third frame was lost before.
                    isDue.toggle()
                    guard isDue else { return nil }
                    count += count % 3 == 2 ? 2 : 1
                    return .init(bytes: picture, sequence: count, stamp: .now() - .microseconds(1))
                }
                return V4L2Camera(
                    .init(
                        name: "primary", path: "/dev/video0", width: 8, height: 6, rate: Rate(hertz: 30),
                        encoding: encoding),
                    device: device)
            },
            makeBroken: {
                device.fail(.open, EACCES)
                return (camera(), .device(camera: "primary", path: "/dev/video0", isOpening: true, problem: .forbidden))
            },
            frameCount: 12
        ).checkAll()
    }

    // MARK: Frames

    @Test func theNewestFrameWinsAndTheOthersAreAGap() throws {
        var camera = camera()
        _ = try camera.open(at: at(1_000))
        #expect(device.queued.count == 4)
        device.shots = [
            shot(0, stamp: 1_010, luma: 50), shot(1, stamp: 1_043, luma: 100), shot(2, stamp: 1_077, luma: 150),
        ]
        let newest = try #require(try camera.nextFrame(at: at(1_100)))
        #expect(newest.sequence == 2 && newest.captureTime == at(1_077) && red(newest) == 156)
        #expect(device.queued.count == 4, "every buffer is the device's again")
        #expect(try camera.nextFrame(at: at(1_101)) == nil)
        device.shots = [shot(5, stamp: 1_177)]
        #expect(try camera.nextFrame(at: at(1_180))?.sequence == 5, "the kernel's gap is ours")
    }

    /// The kernel counts anew with each stream, and in 32 bits.
    @Test func sequencesGrowWhateverTheKernelCounts() throws {
        var camera = camera()
        var time: Int64 = 1_000
        func next(_ kernel: UInt32, _ camera: inout V4L2Camera<ScriptedV4L2Device>) throws -> UInt64? {
            time += 10
            device.shots = [shot(kernel, stamp: time)]
            return try camera.nextFrame(at: at(time))?.sequence
        }
        _ = try camera.open(at: at(time))
        #expect(try next(.max - 1, &camera) == 0)
        #expect(try next(.max, &camera) == 1)
        #expect(try next(1, &camera) == 3, "one was lost at the end of 32 bits")
        #expect(try next(1, &camera) == 4, "a driver that does not count")
        #expect(try next(0, &camera) == 5, "or counts backwards")
        _ = try camera.open(at: at(time))
        #expect(try next(0, &camera) == 6)
        #expect(try next(2, &camera) == 8)
    }

    @Test func damagedFramesArePassedOverAndCounted() throws {
        var camera = camera()
        _ = try camera.open(at: at(1_000))
        var marked = shot(1, stamp: 1_020, luma: 200)
        marked.isDamaged = true
        var short = shot(2, stamp: 1_030, luma: 200)
        short.bytes.removeLast()
        let empty = ScriptedV4L2Device.Shot(bytes: [], sequence: 3, stamp: at(1_040))
        device.shots = [shot(0, stamp: 1_010), marked, short, empty]
        let whole = try #require(try camera.nextFrame(at: at(1_100)))
        #expect(whole.sequence == 0 && red(whole) == 98, "the newest whole one, though damaged ones are newer")
        #expect(device.queued.count == 4)
        device.shots = [shot(4, stamp: 1_110)]
        #expect(try camera.nextFrame(at: at(1_120))?.sequence == 4)
        // Ten damaged ones at once are more than the device has buffers.
        device.shots = (5..<15).map { index in
            var shot = shot(UInt32(index), stamp: 1_130)
            shot.isDamaged = true
            return shot
        }
        #expect(try camera.nextFrame(at: at(1_200)) == nil)
        device.shots = [shot(15, stamp: 1_210)]
        #expect(try camera.nextFrame(at: at(1_220))?.sequence == 15)
    }

    @Test func jpegGoesOutAsItCameAndOnlyWhole() throws {
        var camera = camera(encoding: .mjpeg)
        _ = try camera.open(at: .zero)
        let picture = try RGBImage.waves(width: 8, height: 6, seed: 3).jpegData().array
        let larger = try RGBImage.waves(width: 16, height: 6, seed: 3).jpegData().array
        let damaged = [Array(picture.dropLast(4)), Array(picture.dropLast(picture.count / 2)), larger, grey(1)]
        device.shots = damaged.enumerated().map { .init(bytes: $0.element, sequence: UInt32($0.offset), stamp: at(10)) }
        #expect(try camera.nextFrame(at: at(20)) == nil)
        // Cameras may send their whole buffer.
        let filled = picture + [0, 0, 0]
        device.shots = [.init(bytes: filled, sequence: 4, stamp: at(30))]
        let frame = try #require(try camera.nextFrame(at: at(40)))
        #expect(frame.pixels == .jpeg(SharedBytes(copying: filled), width: 8, height: 6) && frame.sequence == 4)
    }

    @Test func linesMayBeLongerThanTheyHaveTo() throws {
        device.chooseFormat = { V4L2Format($0.pixelFormat, width: $0.width, height: $0.height, bytesPerLine: 32) }
        var camera = camera()
        _ = try camera.open(at: .zero)
        var lines: [UInt8] = []
        for y in 0..<6 {
            for _ in 0..<8 { lines += [UInt8(50 + y), 128] }
            lines += Array(repeating: 255, count: 16)
        }
        device.shots = [.init(bytes: lines, sequence: 0, stamp: at(1))]
        guard case .rgb8(let image)? = try camera.nextFrame(at: at(2))?.pixels else {
            Issue.record("no picture")
            return
        }
        let firsts = (0..<6).map { image.pixels.bytes[$0 * 24] }
        #expect(firsts == [40, 41, 42, 43, 44, 45] && image.pixels.bytes[23] == 40)
    }

    // MARK: Times

    @Test func stampsThatCannotBeTrueGiveWayToTheTimeOfFetching() throws {
        var camera = camera()
        _ = try camera.open(at: at(1_000))
        func time(_ stamp: Int64, fetched: Int64, monotonic: Bool = true) throws -> MonotonicTime? {
            var shot = shot(UInt32(fetched), stamp: stamp)
            shot.hasMonotonicStamp = monotonic
            device.shots = [shot]
            return try camera.nextFrame(at: at(fetched))?.captureTime
        }
        #expect(try time(500, fetched: 1_010) == at(1_010), "before the stream began")
        #expect(try time(1_020, fetched: 1_030) == at(1_020))
        #expect(try time(1_090, fetched: 1_040) == at(1_040), "in the future")
        #expect(try time(1_040, fetched: 1_050) == at(1_050), "not after the one before")
        #expect(try time(1_055, fetched: 1_060, monotonic: false) == at(1_060), "of another clock")
        #expect(try time(1_055, fetched: 1_060) == nil, "twice within one tick of the clock")
        #expect(try time(1_065, fetched: 1_070) == at(1_065))
        #expect(device.queued.count == 4)
    }

    @Test func aDeviceThatFallsSilentIsToldAfterSeveralPeriods() throws {
        var camera = camera(rate: 2)
        _ = try camera.open(at: at(1_000))
        #expect(camera.wakeup.deadline == at(6_000), "the first frame may take its time")
        device.shots = [shot(0, stamp: 3_000)]
        _ = try camera.nextFrame(at: at(3_000))
        #expect(camera.wakeup.deadline == at(5_500), "five periods")
        var damaged = shot(1, stamp: 3_500)
        damaged.isDamaged = true
        device.shots = [damaged]
        #expect(try camera.nextFrame(at: at(3_500)) == nil)
        #expect(try camera.nextFrame(at: at(5_499)) == nil)
        let error = #expect(throws: CameraError.self) { try camera.nextFrame(at: at(5_500)) }
        #expect(
            error?.description
                == """
                taking frames from camera 'primary' at /dev/video0: no whole frame for 2.5 s (1 damaged \
                ones), expected several. Check its cable and plug it in anew.
                """)
        camera.close()
        #expect(!device.isOpen && camera.wakeup == .never)
    }

    @Test func aFastDeviceIsGivenASecondAtLeast() throws {
        var camera = camera(rate: 60)
        _ = try camera.open(at: .zero)
        device.shots = [shot(0, stamp: 10)]
        _ = try camera.nextFrame(at: at(10))
        #expect(camera.wakeup.deadline == at(1_010))
    }

    // MARK: Faults

    @Test func interruptedRequestsAreRepeated() throws {
        let requests: [V4L2Failure.Request] = [
            .open, .queryCapability, .listFormats, .listSizes, .setFormat, .setRate, .requestBuffers, .map, .queue,
            .start,
            .dequeue,
        ]
        for request in requests { device.fail(request, EINTR, times: 3) }
        var camera = camera()
        _ = try camera.open(at: .zero)
        device.shots = [shot(0, stamp: 1)]
        #expect(try camera.nextFrame(at: at(1)) != nil)
    }

    @Test(arguments: [ENODEV, EIO, ENXIO])
    func anUnpluggedCameraSaysSoAndOpensAgain(code: Int32) throws {
        var camera = camera()
        _ = try camera.open(at: .zero)
        device.shots = [shot(0, stamp: 1)]
        #expect(try camera.nextFrame(at: at(1))?.sequence == 0)
        device.fail(.dequeue, code)
        let error = #expect(throws: CameraError.self) { try camera.nextFrame(at: at(2)) }
        #expect(error?.description.contains("camera 'primary' at /dev/video0: it is gone or unplugged") == true)
        camera.close()
        device.heal()
        device.fail(.open, ENOENT)
        let absent = CameraError.device(
            camera: "primary", path: "/dev/video0", isOpening: true, problem: .absent(present: device.presentPaths()))
        #expect(throws: absent) { try camera.open(at: at(3)) }
        device.heal()
        _ = try camera.open(at: at(4))
        device.shots = [shot(0, stamp: 5)]
        #expect(try camera.nextFrame(at: at(5))?.sequence == 1)
    }

    /// Whatever fails, and whenever it does: an error that names camera and device, and a device that is let go.
    @Test func everyRequestThatFailsWhileOpeningLeavesTheDeviceClosed() throws {
        let requests: [V4L2Failure.Request] = [
            .queryCapability, .listFormats, .listSizes, .setFormat, .setRate, .requestBuffers, .map, .queue, .start,
        ]
        for request in requests {
            for code in [EBUSY, ENODEV, EIO, ENOMEM, ENOSPC, EPERM] {
                device.heal()
                device.fail(request, code)
                var camera = camera()
                let error = #expect(throws: CameraError.self, "\(request)") { try camera.open(at: .zero) }
                let text = error?.description ?? ""
                #expect(
                    text.hasPrefix("opening camera 'primary' at /dev/video0: ") && text.contains(", expected "),
                    "\(text)")
                #expect(!device.isOpen && camera.wakeup == .never)
            }
        }
    }

    @Test func meansOfFailuresAreTold() throws {
        let cases: [(V4L2Failure.Request, Int32, String)] = [
            (
                .open, ENOENT,
                "there is no such device, expected a camera. Set the camera's device in the manifest to one that is "
                    + "there: /dev/v4l/by-id/usb-Other-index0, /dev/video4."
            ),
            (.open, EACCES, "sudo usermod -aG video $USER"), (.open, EBUSY, "another program has it"),
            (.setFormat, EBUSY, "another program has it"), (.requestBuffers, EBUSY, "another program has it"),
            (.start, EBUSY, "another program has it"), (.queryCapability, ENOTTY, "it is no video device"),
            (.start, ENOSPC, "its USB port has no room"), (.start, EPIPE, "it refuses STREAMON (Broken pipe)"),
        ]
        for (request, code, text) in cases {
            device.heal()
            device.fail(request, code)
            var camera = camera()
            let error = #expect(throws: CameraError.self) { try camera.open(at: .zero) }
            #expect(error?.description.contains(text) == true, "\(error.debugDescription)")
        }
        device.heal()
        device.present = []
        device.fail(.open, ENODEV)
        var camera = camera()
        let error = #expect(throws: CameraError.self) { try camera.open(at: .zero) }
        #expect(error?.description.hasSuffix("Plug it in: no video device is there.") == true)
    }

    @Test func aFailureWhileABufferGoesBackIsAnError() throws {
        var camera = camera()
        _ = try camera.open(at: .zero)
        device.shots = [shot(0, stamp: 1)]
        device.fail(.queue, ENODEV)
        #expect(throws: CameraError.self) { try camera.nextFrame(at: at(1)) }
    }
}

extension CameraWakeup {
    var deadline: MonotonicTime? {
        if case .readable(_, let deadline) = self { deadline } else { nil }
    }
}
