import Cameras
import Foundation
import Glibc
import Messages
import TestSupport
import Testing
import Time

/// Every request may fail, with every errno, at every time.
@Suite struct V4L2FaultTests {
    private static let period: Int64 = 33
    private static let settings: [ControlSetting] = [
        .init("exposure_time_absolute", .number(120)), .init("gain", .number(7)),
        .init("power_line_frequency", .choice("50 Hz")),
    ]

    private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    private static func device() -> ScriptedV4L2Device {
        let device = ScriptedV4L2Device()
        device.knobs = V4L2ControlTests.webcam
        device.present = [
            VideoDeviceFiles(path: "/dev/video0", names: [], usb: .init(serial: "A1", port: "1-2")),
            VideoDeviceFiles(path: "/dev/video1", names: [], usb: .init(serial: "B2", port: "1-3")),
        ]
        return device
    }

    private static func camera(_ device: ScriptedV4L2Device) -> V4L2Camera<ScriptedV4L2Device> {
        V4L2Camera(
            .init(
                name: "primary", path: "usb:A1", width: 8, height: 6, rate: Rate(hertz: 30), encoding: .yuyv,
                controls: settings),
            device: device)
    }

    /// Far from that of its neighbours.
    private static func luma(_ number: Int) -> Int { 16 + number * 37 % 219 }

    /// A picture whose grey tells its number.
    private static func shot(_ number: Int, _ stamp: MonotonicTime) -> ScriptedV4L2Device.Shot {
        .init(
            bytes: (0..<48).flatMap { _ in [UInt8(luma(number)), 128] }, sequence: UInt32(number), stamp: stamp)
    }

    /// Opens the camera and takes ten frames; every second time two wait. What comes is checked, what fails is
    /// returned.
    private func takeTen(
        _ camera: inout V4L2Camera<ScriptedV4L2Device>, of device: ScriptedV4L2Device, from start: Int64
    ) -> (taken: Int, error: CameraError?) {
        var taken = 0
        /// Of every picture so far.
        var stamps: [MonotonicTime] = []
        var last: (sequence: UInt64, time: MonotonicTime)?
        device.shots = []
        do throws(CameraError) {
            let format = try camera.open(at: at(start))
            #expect(format.locked.contains(.init(name: "gain", value: 7)))
            #expect(device.values[0x98_0913] == 7 && device.values[0x9a_0902] == 120, "what counts as locked is locked")
            for step in 1...10 {
                let now = start + Int64(step) * 100
                for index in 0..<(step.isMultiple(of: 2) ? 2 : 1) {
                    let stamp = at(now - 50 + Int64(index) * Self.period)
                    stamps.append(stamp)
                    device.shots.append(Self.shot(stamps.count - 1, stamp))
                }
                guard let frame = try camera.nextFrame(at: at(now)) else { continue }
                camera.prepare()
                taken += 1
                guard case .rgb8(let image) = frame.pixels, let number = stamps.firstIndex(of: frame.captureTime) else {
                    Issue.record("no picture, or a stamp that none has")
                    continue
                }
                let grey = VideoGrey.of(luma: Self.luma(number))
                #expect(
                    image.pixels.bytes.allSatisfy { abs(Int($0) - grey) <= 1 }, "whole, and the picture of its stamp")
                // A device that wrongly says that nothing waits keeps the rest for the next time.
                #expect(number == stamps.count - 1 || device.faultAtCall?.errno == EAGAIN, "the newest")
                if let last { #expect(frame.sequence > last.sequence && frame.captureTime > last.time) }
                last = (frame.sequence, frame.captureTime)
                #expect(frame.settings.contains(.init(name: "gain", value: "7")))
                #expect(device.queued.count == 4, "every buffer is the device's again")
            }
            return (taken, nil)
        } catch {
            return (taken, error)
        }
    }

    @Test(arguments: [EINTR, EAGAIN, ENODEV, EIO, ENOMEM, EBUSY, EINVAL])
    func eitherAnErrorIsToldOrFramesAreRightWhicheverRequestFails(code: Int32) throws {
        let device = Self.device()
        var counting = Self.camera(device)
        let whole = takeTen(&counting, of: device, from: 1_000)
        #expect(whole.error == nil && whole.taken == 10)
        let requests = device.calls
        #expect(requests > 60, "\(requests) requests are made")
        var told = 0
        for number in 1...requests {
            let device = Self.device()
            device.faultAtCall = (number, code)
            var camera = Self.camera(device)
            let first = takeTen(&camera, of: device, from: 1_000)
            if let error = first.error {
                told += 1
                #expect(error.description.contains("camera 'primary' at usb:A1: "), "\(error)")
                #expect(error.description.contains(", expected "), "\(error)")
            } else {
                #expect(first.taken >= 9, "request \(number)")
            }
            camera.close()
            #expect(
                !device.isOpen && !device.isStreaming && device.buffersHeld == 0, "request \(number): all is let go of")
            // The fault is over: it goes on where it was.
            device.faultAtCall = nil
            let again = takeTen(&camera, of: device, from: 10_000)
            #expect(again.error == nil && again.taken == 10, "request \(number): \(again)")
            camera.close()
        }
        #expect(code == EINTR ? told == 0 : told > 10, "errno \(code): \(told) of \(requests) were told")
    }

    /// Faults come in any number and order; whatever happens, no frame is older than the one before.
    @Test func aCameraThatFailsAgainAndAgainNeverRunsBackInTime() throws {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        let device = Self.device()
        var camera = Self.camera(device)
        var start: Int64 = 1_000
        var last: (sequence: UInt64, time: MonotonicTime)?
        var frames = 0
        for _ in 0..<300 {
            device.faultAtCall = (
                device.calls + Int.random(in: 1...90, using: &generator),
                [ENODEV, EIO, EINTR].randomElement(using: &generator) ?? EIO
            )
            do {
                _ = try camera.open(at: at(start))
                for number in 0..<8 {
                    start += 40
                    device.shots.append(Self.shot(number, at(start - 20)))
                    guard let frame = try camera.nextFrame(at: at(start)) else { continue }
                    camera.prepare()
                    frames += 1
                    if let last {
                        #expect(frame.sequence > last.sequence && frame.captureTime > last.time, "seed \(seed)")
                    }
                    last = (frame.sequence, frame.captureTime)
                }
            } catch {
                device.shots = []
            }
            camera.close()
            #expect(!device.isOpen && device.buffersHeld == 0, "seed \(seed)")
            start += 500
        }
        #expect(frames > 300, "\(frames) frames came between the faults; seed \(seed)")
    }

    /// The kernel's own device, on a file that is no camera: what it opens it closes, whatever refuses.
    @Test func descriptorsOfRefusedDevicesAreClosed() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write([1, 2, 3], to: "video0")
        for _ in 0..<50 {
            var camera = V4L2Camera(
                .init(name: "primary", path: path, width: 8, height: 6, rate: Rate(hertz: 30)),
                device: KernelV4L2Device())
            let error = #expect(throws: CameraError.self) { try camera.open(at: .zero) }
            #expect(error?.description.contains("it is no video device") == true)
        }
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + $0)) == path
        }
        #expect(open.isEmpty)
    }

    /// A driver that delivers another size in the middle of a stream: nothing of it goes out, and opening anew finds it
    /// out.
    @Test func aFormatThatChangesInTheStreamIsFoundOut() throws {
        let device = Self.device()
        var camera = Self.camera(device)
        _ = try camera.open(at: at(1_000))
        device.shots = [Self.shot(0, at(1_010))]
        #expect(try camera.nextFrame(at: at(1_020)) != nil)
        var error: CameraError?
        for step in 1...60 where error == nil {
            device.shots = [
                .init(
                    bytes: [UInt8](repeating: 128, count: 48), sequence: UInt32(step),
                    stamp: at(1_020 + Int64(step) * 33))
            ]
            do throws(CameraError) {
                #expect(try camera.nextFrame(at: at(1_020 + Int64(step) * 33)) == nil)
            } catch let found {
                error = found
            }
        }
        #expect(
            error?.description.contains("no whole frame for 1.0 s (31 damaged ones)") == true,
            "\(error.debugDescription)")
        camera.close()
        device.chooseFormat = { V4L2Format($0.pixelFormat, width: 4, height: 6) }
        let refusal = #expect(throws: CameraError.self) { try camera.open(at: at(9_000)) }
        #expect(refusal?.description.contains("it gives YUYV 4x6") == true)
        #expect(!device.isOpen)
    }
}

/// The grey that a luma of limited range stands for.
private enum VideoGrey {
    static func of(luma: Int) -> Int { Int((Double(luma - 16) * 255 / 219).rounded()) }
}
