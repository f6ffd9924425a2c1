import Console
import Files
import Glibc
import Manifests

/// The page's files, read once at the start: what is on the disk afterwards changes nothing.
struct PageFiles: Sendable {
    private static let types = [
        "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8",
        "svg": "image/svg+xml",
    ]
    private let files: [String: WebResponse]

    /// Reads the files: those beside the program as they are built, else those that were installed.
    /// - Throws: `FileError`; `PageMissing`.
    init() throws {
        let folder = try Self.folder()
        var files: [String: WebResponse] = [:]
        for name in FileSystem.names(in: folder) ?? [] {
            let ending = name.split(separator: ".").last.map(String.init) ?? ""
            guard let type = Self.types[ending] else { continue }
            files[name] = WebResponse(
                headers: ["Content-Type": type, "Cache-Control": "no-cache"],
                body: try FileSystem.read("\(folder)/\(name)"))
        }
        self.files = files
    }

    /// The answer to a request for one of them; nil where there is none of this name.
    subscript(name: String) -> WebResponse? { files[name] }

    private static func folder() throws -> String {
        let index = "index.html"
        var places: [String] = []
        if let own = realpath("/proc/self/exe", nil) {
            let program = String(cString: own)
            free(own)
            places.append(FileSystem.folder(of: program) + "/octo-runtime_octo-console.resources/Page")
        }
        places.append(FileSystem.folder(of: ShippedFile.path("console/" + index)))
        for place in places where FileProbe.disk.kind("\(place)/\(index)") == .file { return place }
        throw PageMissing(places: places)
    }
}

/// The page was not installed with the program.
struct PageMissing: Error, CustomStringConvertible {
    let places: [String]

    var description: String {
        "looking for the page's files: found no index.html in \(places.joined(separator: " nor ")); expected it where "
            + "the program was built or installed. Run 'make build' or 'make install' again."
    }
}
