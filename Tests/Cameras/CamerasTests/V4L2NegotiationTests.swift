import Cameras
import Glibc
import TestSupport
import Testing
import Time

/// What is agreed on with a device before frames flow.
@Suite struct V4L2NegotiationTests {
    private let device = ScriptedV4L2Device()

    private func camera(
        path: String = "/dev/video0", width: Int = 8, height: Int = 6, rate: Double = 30, encoding: FrameEncoding? = nil
    ) -> V4L2Camera<ScriptedV4L2Device> {
        V4L2Camera(
            .init(name: "wrist", path: path, width: width, height: height, rate: Rate(hertz: rate), encoding: encoding),
            device: device)
    }

    private func offer(_ formats: [(StaticString, [(Int, Int)])]) {
        device.offered = formats.map { (V4L2PixelFormat($0.0), $0.1.map { V4L2Size(width: $0.0, height: $0.1) }) }
    }

    private func problem(_ camera: V4L2Camera<ScriptedV4L2Device>) throws -> V4L2Problem? {
        var camera = camera
        let error = #expect(throws: CameraError.self) { try camera.open(at: .zero) }
        guard case .device("wrist", "/dev/video0", true, let problem)? = error else { return nil }
        return problem
    }

    private func chosen(_ camera: V4L2Camera<ScriptedV4L2Device>) throws -> V4L2PixelFormat? {
        var asked: V4L2PixelFormat?
        device.chooseFormat = {
            asked = $0.pixelFormat
            return $0
        }
        var camera = camera
        _ = try camera.open(at: .zero)
        camera.close()
        return asked
    }

    // MARK: Format

    @Test func jpegIsPreferredWhereTheCameraHasItInThisSize() throws {
        #expect(try chosen(camera()) == V4L2PixelFormat("MJPG"))
        #expect(try chosen(camera(encoding: .yuyv)) == V4L2PixelFormat("YUYV"))
        offer([("YUYV", [(8, 6)]), ("MJPG", [(16, 12)])])
        #expect(try chosen(camera()) == V4L2PixelFormat("YUYV"))
        offer([("RGB3", [(8, 6)]), ("NV12", [(8, 6)]), ("H264", [(8, 6)])])
        #expect(try chosen(camera()) == V4L2PixelFormat("NV12"))
        // Some drivers call it so.
        offer([("JPEG", [(8, 6)]), ("YUYV", [(8, 6)])])
        #expect(try chosen(camera(encoding: .mjpeg)) == V4L2PixelFormat("JPEG"))
    }

    @Test func whatNobodyHereUnderstandsIsConvertedByTheLibrary() throws {
        offer([("BA81", [(8, 6)])])
        #expect(try problem(camera())?.description.hasPrefix("it offers BA81, not understood, expected ") == true)
        device.converted = [(V4L2PixelFormat("RGB3"), [V4L2Size(width: 8, height: 6)])]
        #expect(try chosen(camera()) == V4L2PixelFormat("RGB3"))
        offer([("BA81", [(8, 6)])])
        var camera = camera()
        #expect(try camera.open(at: .zero).summary.contains("converted by libv4l"))
        camera.close()
        // Who asks for another format gets that, or is told.
        offer([("BA81", [(8, 6)])])
        #expect(try problem(self.camera(encoding: .mjpeg))?.description.contains("expected MJPG or JPEG") == true)
        device.fail(.convert, EIO)
        #expect(try problem(self.camera()) != nil)
    }

    @Test func theLibraryIsTakenOnRequestAlthoughTheCameraHasAFormatOfOurs() throws {
        var configuration = V4L2Camera<ScriptedV4L2Device>.Configuration(
            name: "wrist", path: "/dev/video0", width: 8, height: 6, rate: Rate(hertz: 30))
        configuration.isConverted = true
        #expect(try problem(V4L2Camera(configuration, device: device))?.description.contains("expected RGB3") == true)
        device.converted = [(V4L2PixelFormat("RGB3"), [V4L2Size(width: 8, height: 6)])]
        #expect(try chosen(V4L2Camera(configuration, device: device)) == V4L2PixelFormat("RGB3"))
    }

    @Test func whatIsNotOfferedIsToldWithWhatIs() throws {
        offer([("H264", [(8, 6)]), ("YUYV", [(640, 480), (1_280, 720)])])
        let format = try problem(camera(encoding: .mjpeg))
        #expect(
            format?.description
                == """
                it offers YUYV 640x480 1280x720; H264, not understood, expected MJPG or JPEG. Set the \
                camera's format in the manifest to one of them, or leave it out.
                """)
        let size = try problem(camera())
        #expect(
            size?.description
                == """
                it offers YUYV 640x480 1280x720, expected 8x6. Set the camera's width and height in the \
                manifest to one of them.
                """)
        offer([("H264", [(8, 6)])])
        #expect(try problem(camera())?.description.hasPrefix("it offers H264, not understood, expected") == true)
        offer([
            ("GREY", []), ("H264", [(8, 6)]), ("Y16 ", []), ("BA81", []), ("GBRG", []), ("RGGB", []),
        ])
        #expect(
            try problem(camera())?.description.hasPrefix("it offers GREY H264 Y16 BA81 and 2 more, not understood")
                == true)
        offer([])
        #expect(try problem(camera())?.description.hasPrefix("it offers no formats") == true)
    }

    @Test func sizesMayBeARangeOrUnknown() throws {
        let range = V4L2Size(widths: 2...20, heights: 2...20, widthStep: 2, heightStep: 4)
        device.offered = [(V4L2PixelFormat("YUYV"), [range])]
        _ = try chosen(camera(width: 8, height: 6))
        let offers = [V4L2Offer(V4L2PixelFormat("YUYV"), sizes: [range])]
        #expect(try problem(camera(width: 8, height: 8)) == .sizeNotOffered(width: 8, height: 8, offers: offers))
        #expect(try problem(camera(width: 22, height: 6)) == .sizeNotOffered(width: 22, height: 6, offers: offers))
        #expect("\(range)" == "2x2 to 20x20")
        device.fail(.listSizes, ENOTTY)
        _ = try chosen(camera(width: 22, height: 6))
    }

    /// Drivers change what they cannot do without an error.
    @Test func anotherFormatThanAskedForIsRefused() throws {
        let given: [(V4L2Format) -> V4L2Format] = [
            { V4L2Format($0.pixelFormat, width: 16, height: 6) },
            { V4L2Format($0.pixelFormat, width: 8, height: 12) },
            { V4L2Format(V4L2PixelFormat("H264"), width: $0.width, height: $0.height) },
            { V4L2Format($0.pixelFormat, width: 8, height: 6, isWhole: false) },
            { V4L2Format($0.pixelFormat, width: 8, height: 6, bytesPerLine: 15) },
        ]
        let texts = ["YUYV 16x6", "YUYV 8x12", "H264 8x6", "in fields of interlaced video", "with 15 bytes a line"]
        for (choice, text) in zip(given, texts) {
            device.chooseFormat = choice
            let problem = try problem(camera(encoding: .yuyv))
            guard case .formatDiffers? = problem else {
                Issue.record("\(problem.debugDescription)")
                continue
            }
            #expect(problem?.description.contains(text) == true, "\(problem.debugDescription)")
        }
    }

    // MARK: Rate, stamps, buffers

    @Test func anotherRateIsAcceptedAndTold() throws {
        var camera = camera()
        #expect(try camera.open(at: .zero).summary == "Test Cam at /dev/video0, MJPG")
        device.chooseRate = { _ in Rate(hertz: 15) }
        let slower = try camera.open(at: .zero)
        #expect(slower.rate == Rate(hertz: 15))
        #expect(slower.summary.hasSuffix("MJPG, 15.0 frames a second, not the 30.0 that were asked for"))
        device.chooseRate = { _ in Rate(hertz: 29.97) }
        #expect(try camera.open(at: .zero).summary.hasSuffix("MJPG"), "what was meant")
        device.chooseRate = { _ in nil }
        let silent = try camera.open(at: .zero)
        #expect(silent.rate == Rate(hertz: 30) && silent.summary.hasSuffix("at a rate it does not tell"))
        device.fail(.setRate, ENOTTY)
        #expect(try camera.open(at: .zero).summary.hasSuffix("at a rate it does not tell"))
    }

    @Test func stampsOfAnotherClockAreTold() throws {
        device.hasMonotonicStamps = false
        var camera = camera()
        #expect(
            try camera.open(at: .zero).summary.hasSuffix("stamped when fetched, as its driver has no monotonic time"))
    }

    @Test func oneBufferIsTooFew() throws {
        device.memory = 1
        #expect(try problem(camera()) == .tooFewBuffers(1))
        device.memory = 2
        var camera = camera()
        _ = try camera.open(at: .zero)
        #expect(device.queued == [0, 1])
    }

    @Test func aDeviceFileWithoutFramesIsToldWithTheOthers() throws {
        device.identity.captures = false
        let text = try problem(camera())?.description
        #expect(text?.hasPrefix("it is 'Test Cam' and delivers no frames") == true)
        #expect(text?.hasSuffix("one that is there: /dev/v4l/by-id/usb-Other-index0, /dev/video4.") == true)
    }

    // MARK: Identity

    @Test(arguments: [
        ("/dev/video0", "Test Cam (usb-1.2)"),
        ("/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920-video-index0", "usb-046d_HD_Pro_Webcam_C920-video-index0"),
        ("/dev/v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index0", "pci-0000:00:14.0-usb-0:2:1.0-video-index0"),
    ])
    func theDevicesIdentityOutlastsARestart(path: String, identity: String) throws {
        var camera = camera(path: path, encoding: .yuyv)
        _ = try camera.open(at: .zero)
        device.shots = [.init(bytes: Array(repeating: 128, count: 96), sequence: 0, stamp: .zero)]
        #expect(try camera.nextFrame(at: .zero)?.deviceID == identity)
        #expect(device.opened == [path])
    }
}
