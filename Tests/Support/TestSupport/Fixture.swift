import Foundation

/// Where test data lies in the repository.
package enum Fixture {
    /// The package's top folder.
    package static let packageRoot = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// A file or folder under Tests/Fixtures.
    package static func url(_ path: String) -> URL {
        packageRoot.appendingPathComponent("Tests/Fixtures").appendingPathComponent(path)
    }

    /// Recorded data that may be read but not copied into the repository (the real Bridge episode), or nil where this
    /// machine does not have it. It stands beside the checkout, or where OCTO_SHARED says.
    package static func shared(_ path: String) -> URL? {
        let folder =
            ProcessInfo.processInfo.environment["OCTO_SHARED"].map { URL(fileURLWithPath: $0) }
            ?? packageRoot.deletingLastPathComponent().appendingPathComponent("shared")
        let url = folder.appendingPathComponent(path)
        return FileManager.default.fileExists(atPath: url.path) ? url : nil
    }
}
