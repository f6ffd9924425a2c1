import Foundation
import JSONTree
import Launch
import Manifests
import TestSupport
import Testing

@Suite struct MachineCheckTests {
    /// Names of cameras that outlive a restart.
    private static let stable = [
        "cameras.primary.device=\"usb:4F2A91\"", "cameras.wrist.device=\"/dev/v4l/by-id/wrist\"",
    ]

    /// A second camera beside the one of launch/robot.json and launch/so101.json.
    private static let wrist = [#"cameras.wrist={"source": "v4l2", "device": "/dev/video2"}"#]

    private func manifest(_ name: String, _ settings: [String] = []) throws -> Manifest {
        try Manifest.load(
            Fixture.packageRoot.appendingPathComponent("launch/\(name).json").path,
            overrides: try ((["robot", "so101"].contains(name) ? Self.wrist : []) + settings).map {
                try ManifestOverride(parsing: $0)
            }, asksForFiles: false)
    }

    private func machine(
        _ device: @escaping @Sendable (String) -> MachineProbe.Device = { _ in .ready }
    ) -> MachineProbe {
        MachineProbe(
            device: device, serialPorts: ["/dev/serial/by-id/arm", "/dev/ttyUSB1"], cameras: [], highestPriority: 99,
            mayLockMemory: true, processors: 2)
    }

    @Test(arguments: ["robot", "so101", "replay"])
    func aMachineThatHasEverythingIsReady(name: String) throws {
        let check = MachineCheck(try manifest(name, name == "replay" ? [] : Self.stable), on: machine())
        #expect(check.isReady && check.findings.isEmpty)
    }

    @Test func aSimulatedRobotNeedsNoDevice() throws {
        let check = MachineCheck(try manifest("sim"), on: machine { _ in .absent })
        #expect(check.isReady && check.findings.isEmpty)
    }

    @Test func aCameraThatIsOnlyANumberIsAWarningWithItsBetterName() throws {
        var named = machine()
        named.stableCameraName = { $0 == "/dev/video0" ? "/dev/v4l/by-id/cam" : nil }
        let check = MachineCheck(try manifest("robot"), on: named)
        #expect(check.isReady && check.findings.map(\.severity) == [.warning, .warning])
        #expect(check.findings.map(\.path) == ["$.cameras.primary.device", "$.cameras.wrist.device"])
        #expect(check.findings[0].found == "/dev/video0, which may be another camera after a restart")
        #expect(check.findings[0].fix == "set cameras.primary.device to /dev/v4l/by-id/cam")
        #expect(check.findings[1].fix.contains("octo-camera list"))
    }

    /// `usb:4F2A91` is no path: who knows cameras is asked.
    @Test func camerasAreLookedForByAnyOfTheirNames() throws {
        var probe = machine()
        probe.camera = { $0 == "usb:4F2A91" ? .ready : .absent }
        let check = MachineCheck(
            try manifest("robot", ["cameras.primary.device=\"usb:4F2A91\"", "cameras.wrist.device=\"usb:5\""]),
            on: probe)
        #expect(check.findings.map(\.path) == ["$.cameras.wrist.device"] && check.findings[0].found == "no usb:5")
    }

    @Test func everyDeviceThatIsMissingIsNamedWithWhatIsThere() throws {
        let check = MachineCheck(try manifest("robot"), on: machine { _ in .absent })
        #expect(!check.isReady)
        let missing = check.findings.filter { $0.severity == .missing }
        #expect(missing.map(\.path) == ["$.cameras.primary.device", "$.cameras.wrist.device", "$.arm.port"])
        #expect(missing[0].fix == "plug it in (no camera is there)")
        #expect(missing[2].found == "no /dev/ttyUSB0")
        #expect(missing[2].fix == "set arm.port to one that is there: /dev/serial/by-id/arm, /dev/ttyUSB1")
    }

    @Test func rightsAndThingsThatAreNoDevicesAreTold() throws {
        let check = MachineCheck(
            try manifest("so101"), on: machine { $0.hasPrefix("/dev/video") ? .forbidden : .noDevice })
        let missing = check.findings.filter { $0.severity == .missing }
        #expect(missing.map { $0.fix.contains("usermod -aG video") } == [true, true, false])
        #expect(missing[2].found == "/dev/ttyACM0, which is no device")
    }

    @Test func lackingRealTimeRightsAreAWarningUnlessTheyAreRequired() throws {
        var weak = machine()
        (weak.highestPriority, weak.mayLockMemory) = (0, false)
        let check = MachineCheck(try manifest("robot", Self.stable), on: weak)
        #expect(check.isReady && check.findings.map(\.severity) == [.warning, .warning])
        let strict = MachineCheck(try manifest("robot", Self.stable + ["arm.realtime.required=true"]), on: weak)
        #expect(!strict.isReady && strict.findings.allSatisfy { $0.fix.contains("limits.conf") })
        let pinned = MachineCheck(try manifest("robot", Self.stable + ["arm.realtime.cpu=2"]), on: machine())
        #expect(pinned.findings.map(\.path) == ["$.arm.realtime.cpu"] && !pinned.isReady)
    }

    @Test func whatTheManifestsFilesLackComesFirst() throws {
        var check = MachineCheck(try manifest("robot"), on: machine { _ in .absent })
        let path = Fixture.packageRoot.appendingPathComponent("launch/robot.json").path
        let overrides = [try ManifestOverride(parsing: "cameras.primary.calibration=calibration/cameras/primary.json")]
        let error = #expect(throws: ManifestError.self) { try Manifest.load(path, overrides: overrides) }
        check.add(error?.problems ?? [])
        #expect(
            check.findings.first?.path == "$.cameras.primary.calibration" && check.findings.last?.path == "$.arm.port")
        #expect(check.findings.first?.fix.contains("octo-camera tune") == true)
        #expect(check.findings.first?.fix.hasPrefix("expected the path of a file") == true)
    }
}
