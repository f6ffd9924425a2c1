import Files
import Foundation
import TestSupport
import Testing

@Suite struct FileSystemTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    @Test func aFileIsReplacedAsAWhole() throws {
        let path = folder.file("a.json")
        #expect(FileSystem.replace(path, with: "one", mode: 0o600) == nil)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        let reader = try #require(FileHandle(forReadingAtPath: path))
        #expect(FileSystem.replace(path, with: "two") == nil)
        #expect(try reader.readToEnd() == Data("one".utf8), "who had it open has the old one")
        #expect(try text(path) == "two" && names() == ["a.json"])
        #expect(FileSystem.replace(path, with: "") == nil)
        #expect(try text(path).isEmpty)
    }

    @Test func whatStandsInTheWayIsSaidAndNothingIsLeftBehind() throws {
        #expect(FileSystem.replace(folder.file("no/a.json"), with: "x") == SystemError(ENOENT))
        let place = folder.file("folder")
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        #expect(FileSystem.replace(place, with: "x") == SystemError(EISDIR))
        #expect(try names() == ["folder"])
        #expect(
            FileSystem.sync(folder: folder.path) == nil && FileSystem.sync(folder: place + "/no") == SystemError(ENOENT)
        )
    }

    @Test func aLinkIsReplacedNotFollowed() throws {
        let victim = try folder.write(Array("mine".utf8), to: "victim")
        let path = folder.file("link")
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: victim)
        #expect(FileSystem.replace(path, with: "new") == nil)
        #expect(try text(victim) == "mine" && text(path) == "new")
    }

    @Test func pipesAreReadToTheirEndAndNothingIsReadBeyondALimit() throws {
        let path = folder.file("pipe")
        #expect(mkfifo(path, 0o600) == 0)
        let writer = Thread {
            let handle = FileHandle(forWritingAtPath: path)
            handle?.write(Data(repeating: 7, count: 200_000))
            try? handle?.close()
        }
        writer.start()
        #expect(try FileSystem.read(path).get().count == 200_000)
        let file = try folder.write([UInt8](repeating: 1, count: 100), to: "file")
        #expect(try FileSystem.read(file, limit: 100).get().count == 100)
        #expect(FileSystem.read(file, limit: 99) == .failure(SystemError(EFBIG)))
        #expect(FileSystem.read(folder.file("none")) == .failure(SystemError(ENOENT)))
    }
}
