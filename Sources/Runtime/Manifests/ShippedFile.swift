import Foundation

/// Files of this project that programs take where nobody names another: found from any working folder.
package enum ShippedFile {
    /// Folder within `make install`'s prefix that gets launch/ and calibration/.
    private static let share = "share/octo-runtime"

    /// Finds a file that belongs to the runtime, from wherever the program is started.
    /// - Parameters:
    ///   - path: a relative path, such as `launch/sim.json`.
    ///   - probe: looks at the disk.
    ///   - program: path of the running program.
    /// - Returns: `path` where something is there; else the file of that name in the nearest folder above the program
    ///   that has one, as a build folder lies within the project, or in its `share/octo-runtime`, as they are
    ///   installed; else `path`, about which whoever reads it complains.
    package static func path(
        _ path: String, probe: FileProbe = .disk,
        program: String = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    ) -> String {
        if path.hasPrefix("/") || probe.kind(path) != nil { return path }
        var folder = program.split(separator: "/").dropLast()
        while !folder.isEmpty {
            let above = "/" + folder.joined(separator: "/")
            for candidate in ["\(above)/\(path)", "\(above)/\(share)/\(path)"] where probe.kind(candidate) == .file {
                return candidate
            }
            folder.removeLast()
        }
        return path
    }
}
