import Glibc

/// What a manifest or a command line calls a camera.
package enum DeviceName: Equatable, Sendable {
    /// A device file, or a link to it such as those in `/dev/v4l/by-id`.
    case path(String)
    /// `usb:` and the serial number that its maker gave it.
    case serial(String)
    /// The port it is plugged into, in its driver's words: `usb-0000:00:14.0-2`.
    case bus(String)

    package init(_ text: String) {
        if text.hasPrefix("/") || text.hasPrefix("./") || text.hasPrefix("../") {
            self = .path(text)
        } else if text.hasPrefix("usb:") {
            self = .serial(String(text.dropFirst(4)))
        } else {
            self = .bus(text)
        }
    }

    /// Whether the name is the number that the kernel gave the camera this time, and says nothing of the camera.
    package var isNumber: Bool {
        guard case .path(let path) = self, path.hasPrefix("/dev/video") else { return false }
        return Int(path.dropFirst("/dev/video".count)) != nil
    }

    /// A warning that the name may mean another camera after a restart; nil for names that stay the same.
    /// - Parameter files: video devices of this machine.
    package func warning(among files: [VideoDeviceFiles]) -> String? {
        guard isNumber, case .path(let path) = self else { return nil }
        let better = files.first { $0.path == path }?.stableNames.first
        return
            "\(path) is a number that the kernel gives anew: after a restart it may be another camera. Set the "
            + "camera's "
            + "device in the manifest to " + (better ?? "a name that 'octo-camera list' shows") + "."
    }
}

extension V4L2Device {
    /// The device file of this name. Opens devices that may be it, and closes them again; starts none.
    /// - Throws: `.absent`, `.ambiguous`; why none can be asked.
    package func path(of name: DeviceName) throws(V4L2Problem) -> String {
        var candidates = presentFiles()
        switch name {
        case .path(let path): return path
        case .serial(let serial): candidates.removeAll { $0.usb?.serial != serial || serial.isEmpty }
        case .bus: break
        }
        var found: [VideoDeviceFiles] = []
        var obstacle: V4L2Problem?
        for candidate in candidates {
            do throws(V4L2Failure) {
                let capability = try asked(candidate.path)
                // A camera has files without frames too, such as one for metadata.
                guard capability.captures else { continue }
                if case .bus(let bus) = name, capability.bus != bus { continue }
                found.append(candidate)
            } catch {
                obstacle = V4L2Problem(error, present: { [] })
            }
        }
        guard let first = found.first else {
            if case .some(.absent) = obstacle { obstacle = nil }
            throw obstacle ?? .absent(present: presentPaths())
        }
        // Several files of one camera: the first is the main one. Several cameras: nobody knows which is meant.
        let others = found.filter { $0.usb != first.usb || $0.usb == nil }
        if case .serial = name, others.contains(where: { $0.path != first.path }) {
            throw .ambiguous(found.map { $0.names.last ?? $0.path })
        }
        return first.path
    }

    private func asked(_ path: String) throws(V4L2Failure) -> V4L2Capability {
        defer { close() }
        _ = try uninterrupted { () throws(V4L2Failure) in try open(path) }
        return try uninterrupted { () throws(V4L2Failure) in try capability() }
    }

    /// Opens the device of this name.
    /// - Returns: the descriptor that becomes readable when a frame is there.
    package func open(_ name: DeviceName) throws(V4L2Problem) -> Int32 {
        let path = try path(of: name)
        do throws(V4L2Failure) {
            return try uninterrupted { () throws(V4L2Failure) in try open(path) }
        } catch {
            throw V4L2Problem(error, present: presentPaths)
        }
    }
}
