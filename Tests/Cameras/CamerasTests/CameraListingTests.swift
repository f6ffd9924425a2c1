import Cameras
import Foundation
import Glibc
import TestSupport
import Testing
import Time

@Suite struct CameraListingTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Device files are plain ones here: only their names count.
    private func fill(_ names: [String], links: [(String, String)] = []) throws {
        for name in names { try folder.write([], to: name) }
        for (link, target) in links {
            let path = folder.file(link)
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
        }
    }

    // MARK: Files

    @Test func filesAreFoundInTheOrderOfTheirNumbersWithTheirOtherNames() throws {
        try fill(
            ["video10", "video2", "video0", "vbi0", "videoX"],
            links: [
                ("v4l/by-path/socket-index0", "../../video2"), ("v4l/by-id/product-index0", "../../video2"),
                ("v4l/by-id/gone-index0", "../../video7"),
            ])
        let found = VideoDeviceFiles.present(in: folder.path)
        #expect(found.map(\.path) == ["video0", "video2", "video10"].map(folder.file))
        #expect(
            found.map(\.names) == [
                [], ["v4l/by-id/product-index0", "v4l/by-path/socket-index0"].map(folder.file), [],
            ])
        #expect(VideoDeviceFiles.present(in: "/no/such/folder").isEmpty)
    }

    // MARK: Listing

    private let files = VideoDeviceFiles(path: "/dev/video0", names: ["/dev/v4l/by-id/cam"])

    @Test func aCameraIsListedWithAllItOffers() throws {
        let device = ScriptedV4L2Device()
        device.offered = [
            (V4L2PixelFormat("MJPG"), [V4L2Size(width: 640, height: 480), V4L2Size(width: 1_280, height: 720)]),
            (V4L2PixelFormat("H264"), [V4L2Size(width: 640, height: 480)]),
            (V4L2PixelFormat("YUYV"), [V4L2Size(widths: 16...1_920, heights: 16...1_080)]),
            (V4L2PixelFormat("GREY"), []),
        ]
        device.rates = [Rate(hertz: 30), Rate(hertz: 7.5)]
        device.knobs = Array(V4L2ControlTests.webcam.prefix(3)) + Array(V4L2ControlTests.webcam.suffix(1))
        let listing = CameraListing([files], device: device)
        #expect(listing.entries.first?.path == "/dev/v4l/by-id/cam" && !device.isOpen)
        #expect(
            listing.text == """
                /dev/v4l/by-id/cam  (/dev/video0)
                  Test Cam (usb-1.2)
                  MJPG: 640x480 at 30/7.5 Hz, 1280x720 at 30/7.5 Hz
                  YUYV: 16x16 to 1920x1080
                  not understood: H264 GREY
                  controls: brightness white_balance_automatic gain
                """)
    }

    @Test func filesWithoutFramesAreLeftOut() throws {
        let device = ScriptedV4L2Device()
        device.identity.captures = false
        #expect(CameraListing([files], device: device).entries.isEmpty)
        #expect(CameraListing([], device: device).text.isEmpty)
    }

    @Test func whatCannotBeAskedIsListedWithTheReason() throws {
        let device = ScriptedV4L2Device()
        device.fail(.open, EACCES)
        let listing = CameraListing([files, VideoDeviceFiles(path: "/dev/video1", names: [])], device: device)
        #expect(listing.entries.map(\.state) == [.unknown(.forbidden), .unknown(.forbidden)])
        #expect(listing.text.contains("usermod -aG video") && listing.text.contains("\n/dev/video1\n"))
    }

    @Test func aSignalDoesNotDisturbIt() throws {
        let device = ScriptedV4L2Device()
        for request: V4L2Failure.Request in [.open, .queryCapability, .listFormats, .listSizes, .listRates] {
            device.fail(request, EINTR, times: 1)
        }
        guard case .camera(_, let formats, _)? = CameraListing([files], device: device).entries.first?.state else {
            Issue.record("no camera")
            return
        }
        #expect(formats.map(\.encoding) == [.mjpeg, .yuyv])
    }

    /// The kernel itself, as far as a machine without cameras has it.
    @Test func theKernelIsAsked() throws {
        let listing = CameraListing([VideoDeviceFiles(path: "/dev/null", names: [])], device: KernelV4L2Device())
        #expect(listing.entries.map(\.state) == [.unknown(.notVideo)])
        var camera = V4L2Camera(
            .init(name: "primary", path: folder.file("video0"), width: 8, height: 6, rate: Rate(hertz: 30)),
            device: KernelV4L2Device())
        let error = #expect(throws: CameraError.self) { try camera.open(at: .zero) }
        #expect(error?.description.contains("there is no such device, expected a camera") == true)
    }
}
