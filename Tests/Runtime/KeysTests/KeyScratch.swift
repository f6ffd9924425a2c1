import Files
import Glibc
import Keys
import TestSupport
import Testing

/// A place for a folder of keys, which is not made yet, and is removed with the test.
struct KeyScratch {
    private let place: TemporaryFolder
    let folder: KeyFolder

    init() throws {
        place = try TemporaryFolder()
        folder = KeyFolder(path: place.file("keys"))
    }

    /// The path of a file beside the folder.
    func file(_ name: String) -> String { place.file(name) }

    /// A file's permissions, not those of what it links to; nil: it is not there. lstat(2).
    func mode(of path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    /// Lets somebody in, with a new key.
    @discardableResult
    func allow(_ name: String = "laptop") throws -> AllowList {
        var list = try folder.allowed()
        try list.add(AllowedKey(name: name, key: KeyPair.make().publicKey, role: .listen))
        try folder.save(list)
        return list
    }

    /// Puts bytes in the place of a file of the folder, which only this user can read.
    func put(_ bytes: [UInt8], at path: String) throws {
        if !FileSystem.isFolder(folder.path) { try #require(mkdir(folder.path, 0o700) == 0) }
        unlink(path)
        try bytes.withUnsafeBytes { try FileSystem.replace(path, with: $0, mode: 0o600) }
    }
}
