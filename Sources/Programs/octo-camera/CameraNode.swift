import Bus
import Cameras
import Messages
import NodeShell
import Time
import Wire

/// The camera node: opens the camera, waits as it asks, publishes what its core lets through.
struct CameraNode: NodeBody {
    private var camera: any Camera
    private var core: CameraNodeCore
    private let frames: Publisher<CameraFrame>

    /// Opens the camera and makes the publisher of its frames.
    /// - Parameter isDevice: whether the camera looks at the real world, where nothing is black or stands still for
    ///   long.
    /// - Throws: `CameraError` when the camera cannot be opened at all: a run that never had its camera does not start.
    init(_ camera: any Camera, isDevice: Bool, context: NodeContext) throws {
        self.camera = camera
        core = CameraNodeCore(node: context.name, isDevice: isDevice)
        frames = context.bus.publisher(Topics.cameraImage(camera.name))
        try open(at: .now())
    }

    private mutating func open(at now: MonotonicTime) throws(CameraError) {
        core.opened(try camera.open(at: now), at: now)
        camera.prepare()
    }

    var wakeDescriptors: [Int32] {
        if case .readable(let descriptor, _) = camera.wakeup { [descriptor] } else { [] }
    }

    mutating func turn(at now: MonotonicTime) throws -> MonotonicTime? {
        let newest: CameraFrame?
        do throws(CameraError) {
            switch core.turn(at: now) {
            case .wait(let time): return time
            case .open:
                try open(at: now)
                // Opening a device takes its time: a frame that it has by now is later than `now`.
                return now
            case .read: newest = try camera.nextFrame(at: now)
            }
        } catch {
            camera.close()
            return core.failed(error, at: now)
        }
        if let newest, case .publish(let frame) = core.received(newest, at: now) {
            try frames.publish(frame, captureTime: frame.captureTime, at: now)
            camera.prepare()
            core.examine(frame, remark: camera.remark, at: now)
        }
        switch camera.wakeup {
        case .time(let time): return time
        case .readable(_, let deadline): return deadline
        case .never:
            core.ended()
            return nil
        }
    }

    func status(at now: MonotonicTime) -> NodeStatus { core.status(at: now) }

    mutating func stop(at now: MonotonicTime) -> Bool {
        camera.close()
        core.stop()
        return true
    }
}
