import Glibc

/// A video device file, with its other names.
package struct VideoDeviceFiles: Equatable, Sendable {
    /// A USB device, which may have several files: frames, metadata.
    package struct USB: Equatable, Sendable {
        /// Serial number of the product; empty where its maker gave it none.
        package var serial: String
        /// The port it is plugged into, as sysfs calls it: `1-2.4`.
        package var port: String

        package init(serial: String, port: String) {
            self.serial = serial
            self.port = port
        }
    }

    /// Path as the kernel calls it: `/dev/video0`.
    package var path: String
    /// Links to it that stay the same: by product, whatever else is plugged in; then by socket.
    package var names: [String]
    /// The USB device that has the file; nil: it is no USB device.
    package var usb: USB?

    package init(path: String, names: [String], usb: USB? = nil) {
        self.path = path
        self.names = names
        self.usb = usb
    }

    /// Everything that it can be called and that outlives a restart, the best first.
    package var stableNames: [String] {
        names + (usb.flatMap { $0.serial.isEmpty ? nil : ["usb:\($0.serial)"] } ?? [])
    }

    /// Lists the video devices that are plugged in.
    /// - Parameters:
    ///   - folder: the folder of the devices, `/dev`.
    ///   - system: the folder in which sysfs describes video devices.
    /// - Returns: the devices, in the order of their numbers.
    package static func present(
        in folder: String, system: String = "/sys/class/video4linux"
    ) -> [VideoDeviceFiles] {
        var names: [String: [String]] = [:]
        for kind in ["by-id", "by-path"] {
            for link in entries(of: "\(folder)/v4l/\(kind)") {
                let path = "\(folder)/v4l/\(kind)/\(link)"
                if let target = resolved(path) { names[target, default: []].append(path) }
            }
        }
        return entries(of: folder).compactMap { name in
            name.hasPrefix("video") ? Int(name.dropFirst(5)).map { (number: $0, name: name) } : nil
        }.sorted { $0.number < $1.number }.map { entry in
            let path = "\(folder)/\(entry.name)"
            return VideoDeviceFiles(
                path: path, names: names[resolved(path) ?? path] ?? [], usb: usb("\(system)/\(entry.name)/device"))
        }
    }

    /// The USB device behind a video device; nil for one that is not on USB.
    /// - Parameter link: the link to the interface of a USB device (`1-2.4:1.0`), within whose folder it lies.
    private static func usb(_ link: String) -> USB? {
        guard let interface = resolved(link), let slash = interface.lastIndex(of: "/") else { return nil }
        let device = String(interface[..<slash])
        guard firstLine(of: device + "/idVendor") != nil, let end = device.lastIndex(of: "/") else { return nil }
        return USB(serial: firstLine(of: device + "/serial") ?? "", port: String(device[device.index(after: end)...]))
    }

    private static func firstLine(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { return nil }
        return String(decoding: bytes[..<count].prefix { $0 != 10 }, as: UTF8.self)
    }

    private static func entries(of folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            // The name is a C array of fixed size within the entry, closed by a zero byte.
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
