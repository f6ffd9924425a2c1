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
        try FileSystem.replace(path, with: "one", mode: 0o600)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        let reader = try #require(FileHandle(forReadingAtPath: path))
        try FileSystem.replace(path, with: "two")
        #expect(try reader.readToEnd() == Data("one".utf8), "who had it open has the old one")
        #expect(try text(path) == "two" && names() == ["a.json"])
        try FileSystem.replace(path, with: "")
        #expect(try text(path).isEmpty)
    }

    @Test func whatStandsInTheWayIsSaidAndNothingIsLeftBehind() throws {
        let lost = folder.file("no/a.json")
        #expect(throws: FileError.notWritten(path: lost, errno: ENOENT)) { try FileSystem.replace(lost, with: "x") }
        let place = folder.file("folder")
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        #expect(throws: FileError.notWritten(path: place, errno: EISDIR)) { try FileSystem.replace(place, with: "x") }
        #expect(try names() == ["folder"])
        try FileSystem.sync(folder: folder.path)
        #expect(throws: FileError.notWritten(path: lost, errno: ENOENT)) { try FileSystem.sync(folder: lost) }
    }

    @Test func aLinkIsReplacedNotFollowed() throws {
        let victim = try folder.write(Array("mine".utf8), to: "victim")
        let path = folder.file("link")
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: victim)
        try FileSystem.replace(path, with: "new")
        #expect(try text(victim) == "mine" && text(path) == "new")
    }

    @Test func foldersAreMadeWithThoseTheyLieIn() throws {
        let path = folder.file("a/b/c")
        try FileSystem.makeFolders(path)
        try FileSystem.makeFolders(path + "/")
        #expect(FileSystem.isFolder(path))
        let file = try folder.write([1], to: "file")
        #expect(throws: FileError.notWritten(path: file, errno: EEXIST)) { try FileSystem.makeFolders(file + "/d") }
    }

    @Test func pipesAreReadToTheirEnd() throws {
        // As a shell's <(…): both ends are open before the name is.
        let pipe = Pipe()
        let writer = Thread {
            pipe.fileHandleForWriting.write(Data(repeating: 7, count: 200_000))
            try? pipe.fileHandleForWriting.close()
        }
        writer.start()
        let path = "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
        #expect(try FileSystem.read(path) == [UInt8](repeating: 7, count: 200_000))
    }

    @Test func aPipeThatNobodyWritesToIsNoFile() throws {
        let path = folder.file("pipe")
        #expect(mkfifo(path, 0o600) == 0)
        #expect(throws: FileError.notAFile(path: path)) { try FileSystem.read(path) }
    }

    @Test func nothingIsReadBeyondALimit() throws {
        let file = try folder.write([UInt8](repeating: 1, count: 100), to: "file")
        #expect(try FileSystem.read(file, limit: 100).count == 100)
        #expect(throws: FileError.tooLarge(path: file, bytes: 100, limit: 99)) {
            try FileSystem.read(file, limit: 99)
        }
        let endless = FileError.tooLarge(path: "/proc/self/status", bytes: nil, limit: 9)
        #expect(throws: endless, "files of /proc do not say how long they are") {
            try FileSystem.read("/proc/self/status", limit: 9)
        }
    }

    @Test func whatIsNoFileIsSaid() throws {
        let none = folder.file("none")
        let file = try folder.write([], to: "file")
        #expect(throws: FileError.missing(path: none)) { try FileSystem.read(none) }
        #expect(throws: FileError.missing(path: file + "/none")) { try FileSystem.read(file + "/none") }
        #expect(throws: FileError.notAFile(path: folder.path)) { try FileSystem.read(folder.path) }
        #expect(throws: FileError.notAFile(path: "/dev/zero")) { try FileSystem.read("/dev/zero") }
        #expect(try FileSystem.read(file).isEmpty)
        #expect(try !FileSystem.read("/proc/self/status").isEmpty)
    }

    @Test(arguments: [
        FileError.missing(path: "/x"), .unreadable(path: "/x", errno: EACCES), .notAFile(path: "/x"),
        .tooLarge(path: "/x", bytes: nil, limit: 7), .notWritten(path: "/x", errno: ENOSPC),
    ])
    func errorsNameTheFileAndSayWhatToDo(error: FileError) {
        let words = "\(error)"
        #expect(words.contains("/x: ") && words.contains("expected") && words.hasSuffix("."))
    }
}
