import Bus
import Foundation
import Images
import Manifests
import Messages
import TestSupport
import Time
import Wire

/// The camera node of a pipeline, spoken for by the test: it can freeze, so that the same frame with the same stamp
/// comes again and again.
final class FrozenCamera {
    /// Programs of which the camera does nothing: what OCTO_BIN_DIR is to name.
    final class Programs {
        let folder: URL
        var processFile: URL { folder.appendingPathComponent("camera.pid") }

        init() throws {
            folder = try TemporaryFolder.make("camera")
            for program in ["octo-goal", "octo-policy", "octo-arm"] {
                try FileManager.default.createSymbolicLink(
                    atPath: folder.appendingPathComponent(program).path, withDestinationPath: Program.path(program))
            }
            let script = folder.appendingPathComponent("octo-camera")
            let text = "#!/bin/sh\necho $$ > '\(processFile.path)'\n\(StandInRobot.obedient)\n"
            try Data(text.utf8).write(to: script)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script.path)
        }

        deinit { try? FileManager.default.removeItem(at: folder) }
    }

    private static let node = "camera-primary"
    private let programs: Programs
    private let bus: BusNode
    private let frames: Publisher<CameraFrame>
    private let statuses: Publisher<NodeStatus>
    private var frame: CameraFrame
    private var next = MonotonicTime.now()
    /// Frames published so far.
    private(set) var published = 0
    var isFrozen = false

    init(_ pipeline: Pipeline, _ programs: Programs) throws {
        self.programs = programs
        bus = try BusNode(
            BusOptions(
                node: Self.node, runID: pipeline.run.runID, endpoint: pipeline.run.endpoint(of: Self.node), peers: []))
        frames = bus.publisher(Topics.cameraImage("primary"))
        statuses = bus.publisher(Topics.nodeStatus(Self.node))
        let picture = Fixture.packageRoot.appendingPathComponent("launch/episode/image_0_000.png").path
        frame = CameraFrame(
            camera: "primary", deviceID: "test", sequence: 0, captureTime: .now(),
            pixels: .rgb8(try RGBImage(contentsOf: picture)), contentHash: 1)
    }

    deinit { bus.close() }

    /// To be called often: at five frames a second, publishes what is due.
    func keepUp() throws {
        try bus.wait(until: .now())
        let now = MonotonicTime.now()
        guard now >= next else { return }
        next = now + .milliseconds(200)
        if !isFrozen {
            frame.captureTime = now
            frame.sequence += 1
        }
        try frames.publish(frame, captureTime: frame.captureTime, at: now)
        published += 1
        guard let text = try? String(contentsOf: programs.processFile, encoding: .utf8),
            let process = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
        else { return }
        try statuses.publish(
            NodeStatus(node: Self.node, processID: process, state: .ready, headline: "shows frames", counters: []),
            at: now)
    }
}
