import Files
import Foundation
import JSONTree

/// Finds the files of a checkpoint folder as `save_pretrained` of the official code writes it, and reads them. What is
/// in them is decided elsewhere.
struct CheckpointFolder {
    let path: String

    /// Makes sure that `path` is a folder; reads nothing yet.
    /// - Throws: `.notAFolder`.
    init(_ path: String) throws(CheckpointError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .notAFolder(path: path, found: "nothing")
        }
        guard isFolder.boolValue else { throw .notAFolder(path: path, found: "a file") }
        self.path = path
    }

    func file(_ name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }

    func json(_ name: String, role: String) throws(CheckpointError) -> JSONNode {
        let bytes = try contents(file(name), role: role)
        do throws(JSONSyntaxError) {
            return try JSONNode(parsing: bytes)
        } catch {
            throw .notJSON(path: file(name), problem: error)
        }
    }

    func archive(_ path: String, role: String) throws(CheckpointError) -> FlaxArchive {
        try checkExists(path, role: role)
        try checkIsFetched(path)
        return try FlaxArchive(path: path)
    }

    /// A pointer is a few lines of text that begin with the address of their specification.
    private func checkIsFetched(_ path: String) throws(CheckpointError) {
        // A pipe would be waited for.
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            let handle = FileHandle(forReadingAtPath: path)
        else { return }
        defer { try? handle.close() }
        guard let start = try? handle.read(upToCount: 512), let text = String(data: start, encoding: .utf8),
            text.hasPrefix("version https://git-lfs.github.com/spec/")
        else { return }
        let size = text.split(separator: "\n").first { $0.hasPrefix("size ") }
        throw .gitLFSPointer(path: path, bytes: size.flatMap { Int($0.dropFirst("size ".count)) })
    }

    private func checkExists(_ path: String, role: String) throws(CheckpointError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else {
            throw .missingFile(path: path, role: role, hint: missingFileHint)
        }
    }

    private func contents(_ path: String, role: String) throws(CheckpointError) -> [UInt8] {
        try checkExists(path, role: role)
        try checkIsFetched(path)
        do throws(FileError) {
            return try FileSystem.read(path)
        } catch {
            throw .unreadableFile(path: path, reason: error.found)
        }
    }

    /// Words for a missing file: people give the folder of a step, or the one above.
    private var missingFileHint: String {
        let above = URL(fileURLWithPath: path).deletingLastPathComponent()
        let inside = entries(of: path).filter { exists(file($0) + "/config.json") }
        if exists(above.appendingPathComponent("config.json").path) && !exists(file("config.json")) {
            return "The folder above has a config.json: give '\(above.path)'."
        }
        if let first = inside.first { return "Its folder '\(first)' has a config.json: give '\(file(first))'." }
        return "Give the folder that save_pretrained wrote, copied whole."
    }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// Names in a folder, sorted; empty if it is no readable folder.
    private func entries(of folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }

    /// The step to load: the one wanted, or the last.
    func step(_ wanted: Int?) throws(CheckpointError) -> Int {
        let available = entries(of: path).compactMap { name -> Int? in
            // Plain digits only: `007` and `+7` are no names orbax gives.
            guard let step = Int(name), String(step) == name, step >= 0 else { return nil }
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: file(name), isDirectory: &isFolder) && isFolder.boolValue
                ? step : nil
        }.sorted()
        guard let last = available.last, wanted == nil || available.contains(wanted ?? last) else {
            throw .noSuchStep(folder: path, wanted: wanted, available: available)
        }
        return wanted ?? last
    }

    /// The file that holds the parameters of a step.
    /// - Throws: `.foreignLayout` if they were saved in another way.
    func parameterFile(step: Int) throws(CheckpointError) -> String {
        // Without `default` the step itself is the item, as older managers of single items wrote it.
        let stepFolder = file(String(step))
        let item = entries(of: stepFolder).contains("default") ? stepFolder + "/default" : stepFolder
        let names = entries(of: item)
        if names.contains("manifest.ocdbt") || names.contains("ocdbt.process_0") {
            throw .foreignLayout(path: item, layout: .ocdbt)
        }
        if names.contains(where: { exists("\(item)/\($0)/.zarray") }) {
            throw .foreignLayout(path: item, layout: .zarr)
        }
        guard names.contains("checkpoint") else { throw .foreignLayout(path: item, layout: .unknown(found: names)) }
        return item + "/checkpoint"
    }
}
