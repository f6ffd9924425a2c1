import Glibc

/// Serial adapters that are plugged in.
package struct SerialDevices: Equatable, Sendable {
    /// One adapter, with the paths that lead to it.
    package struct Device: Equatable, Sendable {
        /// A name that stays the same whatever else is plugged in, where the system has one; else that of the device.
        package var path: String
        /// The kernel's name for the device, `/dev/ttyUSB0`.
        package var device: String
        /// Whether this user may read and write.
        package var isAccessible: Bool
    }
    /// Devices in the order of their paths.
    package var devices: [Device]

    /// Lists the serial adapters that are plugged in.
    /// - Parameter folder: the folder of the devices, `/dev`.
    package static func present(in folder: String) -> Self {
        var names: [String: String] = [:]
        for link in entries(of: folder + "/serial/by-id") {
            let path = "\(folder)/serial/by-id/\(link)"
            if let target = resolved(path) { names[target] = path }
        }
        let devices = entries(of: folder).filter { name in
            ["ttyUSB", "ttyACM"].contains { name.hasPrefix($0) }
        }.map { name in
            let path = "\(folder)/\(name)"
            let device = resolved(path) ?? path
            return Device(path: names[device] ?? path, device: path, isAccessible: access(path, R_OK | W_OK) == 0)
        }
        return Self(devices: devices.sorted { $0.path < $1.path })
    }

    /// The name of a port that stays the same whatever else is plugged in, with its adapter's serial number; nil if the
    /// system has none for it.
    /// - Parameters:
    ///   - port: any of its names.
    ///   - folder: `/dev`.
    package static func stableName(of port: String, in folder: String) -> String? {
        guard let device = resolved(port) else { return nil }
        return entries(of: folder + "/serial/by-id").first { resolved("\(folder)/serial/by-id/\($0)") == device }
    }

    /// The devices that are gone in `later`.
    package func missing(in later: Self) -> [Device] {
        devices.filter { device in !later.devices.contains { $0.path == device.path } }
    }

    private static func entries(of folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
