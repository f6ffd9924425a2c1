import Cameras
import Foundation
import Glibc
import Launch
import Manifests

extension MachineProbe {
    /// Makes the probe of this machine. stat(2), access(2), getrlimit(2).
    static func machine() -> MachineProbe {
        MachineProbe(
            device: device,
            camera: { name in
                do throws(V4L2Problem) {
                    return device(try KernelV4L2Device().path(of: DeviceName(name)))
                } catch {
                    if case .forbidden = error { return .forbidden }
                    return .absent
                }
            },
            stableCameraName: { path in
                VideoDeviceFiles.present(in: "/dev").first { $0.path == path }?.stableNames.first
            },
            serialPorts: names("/dev/serial/by-id") + names("/dev", "ttyUSB") + names("/dev", "ttyACM"),
            cameras: KernelV4L2Device().presentPaths(),
            highestPriority: geteuid() == 0 ? 99 : Int(clamping: limit(14)),  // RLIMIT_RTPRIO
            mayLockMemory: geteuid() == 0 || limit(8) == UInt64.max,  // RLIMIT_MEMLOCK
            processors: ProcessInfo.processInfo.activeProcessorCount)
    }

    private static let device: @Sendable (String) -> Device = { path in
        var status = stat()
        guard stat(path, &status) == 0 else { return errno == EACCES ? .forbidden : .absent }
        guard status.st_mode & S_IFMT == S_IFCHR else { return .noDevice }
        return access(path, R_OK | W_OK) == 0 ? .ready : .forbidden
    }

    /// Entries of a folder that begin like this, as paths, in order.
    private static func names(_ folder: String, _ beginning: String = "") -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix(beginning) }.sorted().map { "\(folder)/\($0)" }
    }

    private static func limit(_ resource: Int) -> UInt64 {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(UInt32(resource)), &limit) == 0 else { return 0 }
        return limit.rlim_cur == rlim_t.max ? UInt64.max : UInt64(limit.rlim_cur)
    }
}
