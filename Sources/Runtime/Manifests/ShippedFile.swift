import Foundation

/// Files of this project that programs take where nobody names another: found from any working folder.
package enum ShippedFile {
    /// - Parameters:
    ///   - path: relative, such as `launch/sim.json`.
    ///   - probe: looks at the disk.
    ///   - program: where the running program lies.
    /// - Returns: `path` where something is there; else the file of that name in the nearest folder above the program that has
    ///   one, as a build folder lies within the project; else `path`, about which whoever reads it complains.
    package static func path(
        _ path: String, probe: FileProbe = .disk,
        program: String = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    ) -> String {
        if probe.kind(path) != nil { return path }
        var folder = program.split(separator: "/").dropLast()
        while !folder.isEmpty {
            let candidate = "/" + folder.joined(separator: "/") + "/" + path
            if probe.kind(candidate) == .file { return candidate }
            folder.removeLast()
        }
        return path
    }
}
