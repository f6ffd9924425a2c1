import Cameras
import Foundation
import Glibc
import TestSupport
import Testing
import Time

/// Which camera is meant, whatever number the kernel gave it.
@Suite struct DeviceNameTests {
    private let device = ScriptedV4L2Device()

    init() {
        device.present = [
            file(0, serial: "A1", port: "1-2"), file(1, serial: "A1", port: "1-2"), file(2, serial: "B7", port: "1-3"),
            file(3, serial: "0001", port: "1-4"), file(4, serial: "0001", port: "2-1"),
            VideoDeviceFiles(path: "/dev/video9", names: []),
        ]
        for (number, bus) in [(0, "usb-2"), (1, "usb-2"), (2, "usb-3"), (3, "usb-4"), (4, "usb-5"), (9, "platform:x")] {
            // The second file of the first camera is for its metadata.
            device.identities["/dev/video\(number)"] = V4L2Capability(
                card: "Cam", bus: bus, captures: number != 1, streams: true)
        }
    }

    private func file(_ number: Int, serial: String, port: String) -> VideoDeviceFiles {
        VideoDeviceFiles(
            path: "/dev/video\(number)", names: ["/dev/v4l/by-id/cam-\(serial)", "/dev/v4l/by-path/\(port)"],
            usb: .init(serial: serial, port: port))
    }

    @Test func namesAreToldApartByHowTheyBegin() {
        #expect(DeviceName("/dev/v4l/by-id/x") == .path("/dev/v4l/by-id/x") && DeviceName("./x") == .path("./x"))
        #expect(DeviceName("usb:A1") == .serial("A1"))
        #expect(DeviceName("usb-0000:00:14.0-2") == .bus("usb-0000:00:14.0-2"))
    }

    @Test(arguments: [
        ("/dev/video2", "/dev/video2"), ("usb:A1", "/dev/video0"), ("usb:B7", "/dev/video2"), ("usb-4", "/dev/video3"),
        ("platform:x", "/dev/video9"),
    ])
    func everyNameLeadsToItsDevice(name: String, path: String) throws {
        #expect(try device.path(of: DeviceName(name)) == path)
        #expect(!device.isOpen)
        var camera = V4L2Camera(
            .init(name: "primary", path: name, width: 8, height: 6, rate: Rate(hertz: 30)), device: device)
        let format = try camera.open(at: .zero)
        #expect(device.opened.last == path && format.summary.contains("at \(name), "))
    }

    @Test func oneSerialNumberOfTwoCamerasIsRefusedWithWhatTellsThemApart() throws {
        let error = #expect(throws: V4L2Problem.self) { try device.path(of: DeviceName("usb:0001")) }
        #expect(error == .ambiguous(["/dev/v4l/by-path/1-4", "/dev/v4l/by-path/2-1"]))
        #expect(error?.description.contains("2 devices go by this name, expected one") == true)
    }

    @Test(arguments: ["usb:", "usb:C3", "usb-9", "video0"])
    func aNameThatNobodyHasIsToldWithThoseThatAreThere(name: String) throws {
        let error = #expect(throws: V4L2Problem.self) { try device.path(of: DeviceName(name)) }
        #expect(error == .absent(present: device.presentPaths()))
        #expect(error?.description.contains("/dev/v4l/by-id/cam-A1, /dev/v4l/by-path/1-2, usb:A1, /dev/video0") == true)
    }

    /// Access to none of them is another trouble than that none is there; one that vanishes meanwhile is none.
    @Test func devicesThatCannotBeAskedAreTold() throws {
        device.fail(.open, EACCES)
        #expect(throws: V4L2Problem.forbidden) { try device.path(of: DeviceName("usb-4")) }
        device.fail(.open, ENOENT)
        #expect(throws: V4L2Problem.absent(present: device.presentPaths())) { try device.path(of: DeviceName("usb-4")) }
        device.heal()
        device.fail(.open, EACCES, times: 1)
        #expect(try device.path(of: DeviceName("usb-4")) == "/dev/video3", "another one cannot be asked")
    }

    @Test func theIdentityOfFramesIsTheNameThatStays() throws {
        device.offered = [(V4L2PixelFormat("YUYV"), [V4L2Size(width: 8, height: 6)])]
        for (name, identity) in [("usb:A1", "usb:A1"), ("usb-3", "usb-3"), ("/dev/video0", "Cam (usb-2)")] {
            var camera = V4L2Camera(
                .init(name: "primary", path: name, width: 8, height: 6, rate: Rate(hertz: 30)), device: device)
            _ = try camera.open(at: .zero)
            device.shots = [.init(bytes: [UInt8](repeating: 128, count: 96), sequence: 0, stamp: .zero)]
            #expect(try camera.nextFrame(at: .zero + .seconds(1))?.deviceID == identity)
            camera.close()
        }
    }

    @Test func onlyNumbersAreWarnedOf() {
        let warning = DeviceName("/dev/video2").warning(among: device.present)
        #expect(warning?.contains("after a restart it may be another camera") == true)
        #expect(warning?.hasSuffix("to /dev/v4l/by-id/cam-B7.") == true)
        #expect(DeviceName("/dev/video7").warning(among: device.present)?.contains("octo-camera list") == true)
        for name in ["/dev/v4l/by-id/x", "usb:A1", "usb-3", "/dev/videoX"] {
            #expect(DeviceName(name).warning(among: device.present) == nil)
        }
    }

    /// sysfs as the kernel lays it out, in a folder.
    @Test func serialNumbersAreReadFromTheSystem() throws {
        let folder = try TemporaryFolder()
        let manager = FileManager.default
        let bus = folder.file("devices/usb1/1-2.4")
        for path in ["dev", "class/video0", "class/video1", "devices/usb1/1-2.4/1-2.4:1.0", "devices/platform/vivid.0"]
        {
            try manager.createDirectory(atPath: folder.file(path), withIntermediateDirectories: true)
        }
        for name in ["video0", "video1"] { try folder.write([], to: "dev/" + name) }
        try folder.write(Array("4F2A91\n".utf8), to: "devices/usb1/1-2.4/serial")
        try folder.write(Array("046d\n".utf8), to: "devices/usb1/1-2.4/idVendor")
        try manager.createSymbolicLink(
            atPath: folder.file("class/video0/device"), withDestinationPath: bus + "/1-2.4:1.0")
        try manager.createSymbolicLink(
            atPath: folder.file("class/video1/device"), withDestinationPath: folder.file("devices/platform/vivid.0"))
        let found = VideoDeviceFiles.present(in: folder.file("dev"), system: folder.file("class"))
        #expect(found.map(\.usb) == [.init(serial: "4F2A91", port: "1-2.4"), nil])
        #expect(found.map(\.stableNames) == [["usb:4F2A91"], []])
    }
}
