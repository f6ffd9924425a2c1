import Foundation

/// Files of a dataset on their way to the disk, one open at a time. Used by one thread.
///
/// They are no `Draft`s each: a dataset of many files, in folders within folders, grows in a folder beside its place,
/// and that folder is renamed as a whole.
final class GrowingFiles {
    private let folder: String
    private var open: (path: String, handle: FileHandle)?

    init(in folder: String) { self.folder = folder }

    /// Puts bytes at the end of a file, which is made if need be.
    /// - Throws: Foundation's errors.
    func append(_ path: String, _ bytes: [UInt8]) throws {
        if open?.path != path {
            try close()
            let url = URL(fileURLWithPath: "\(folder)/\(path)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            if !FileManager.default.fileExists(atPath: url.path) { try Data().write(to: url) }
            let handle = try FileHandle(forWritingTo: url)
            try handle.seekToEnd()
            open = (path, handle)
        }
        try open?.handle.write(contentsOf: Data(bytes))
    }

    func close() throws {
        try open?.handle.synchronize()
        try open?.handle.close()
        open = nil
    }
}
