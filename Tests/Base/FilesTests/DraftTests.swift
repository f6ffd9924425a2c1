import Files
import Foundation
import TestSupport
import Testing

@Suite struct DraftTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func text(_ name: String) throws -> String {
        String(decoding: try FileSystem.read(folder.file(name)), as: UTF8.self)
    }
    private func names() -> [String] { (FileSystem.names(in: folder.path) ?? []).sorted() }

    @Test func aFileIsThereWhenItIsCommittedAndNotBefore() throws {
        let draft = try Draft(ofFile: folder.file("a"))
        try draft.write(Array("on".utf8))
        try draft.write(Array("e".utf8))
        #expect(names().count == 1 && names() != ["a"])
        try draft.commit()
        #expect(try names() == ["a"] && text("a") == "one")
    }

    @Test func aDraftThatIsLetGoIsRemoved() throws {
        do {
            let draft = try Draft(ofFile: folder.file("a"))
            try draft.write([1])
            let other = try Draft(ofFolder: folder.file("b"), at: folder.file("b.new"))
            try folder.write([1], to: "b.new/file")
            #expect(names().count == 2)
            withExtendedLifetime((draft, other)) {}
        }
        #expect(names() == [])
    }

    /// A call that writes nothing and says nothing of why would be asked again for ever.
    @Test func aWriteThatWritesNothingIsAnError() throws {
        let path = folder.file("a")
        try FileSystem.replace(path, with: "old")
        let calls = Draft.Calls(write: { _, _, _ in 0 })
        #expect(throws: FileError.notWritten(path: path, errno: EIO)) {
            try [UInt8]([1, 2]).withUnsafeBytes { try FileSystem.replace(path, with: $0, calls: calls) }
        }
        #expect(try names() == ["a"] && text("a") == "old")
    }

    @Test func shortAndInterruptedWritesGoOn() throws {
        var turn = 0
        let calls = Draft.Calls(write: { file, bytes, count in
            turn += 1
            if turn % 2 == 0 {
                errno = EINTR
                return -1
            }
            return write(file, bytes, min(count, 2))
        })
        let draft = try Draft(ofFile: folder.file("a"), calls: calls)
        try draft.write(Array("seven77".utf8))
        try draft.commit()
        #expect(try text("a") == "seven77" && turn == 7)
    }

    @Test func contentThatDoesNotReachTheDiskLeavesTheOldFile() throws {
        let path = folder.file("a")
        try FileSystem.replace(path, with: "old")
        let draft = try Draft(
            ofFile: path,
            calls: .init(sync: { _ in
                errno = EIO
                return -1
            }))
        try draft.write([1])
        #expect(throws: FileError.notWritten(path: path, errno: EIO)) { try draft.commit() }
        #expect(try names() == ["a"] && text("a") == "old")
    }

    @Test func aFolderThatDoesNotReachTheDiskIsTold() throws {
        let path = folder.file("a")
        var synced = 0
        // The content first, then the folder that it lies in.
        let calls = Draft.Calls(sync: { file in
            synced += 1
            guard synced == 2 else { return fsync(file) }
            errno = EIO
            return -1
        })
        #expect(throws: FileError.notWritten(path: path, errno: EIO)) {
            try [UInt8]([55]).withUnsafeBytes { try FileSystem.replace(path, with: $0, calls: calls) }
        }
        #expect(try names() == ["a"] && text("a") == "7", "it is in its place all the same")
    }

    @Test func aFileSystemThatCannotSyncFoldersIsTakenAsItIs() throws {
        let calls = Draft.Calls(sync: { _ in
            errno = EINVAL
            return -1
        })
        try FileSystem.sync(folder: folder.path, calls: calls)
    }

    @Test func neitherDevicesNorPipesAreReplaced() throws {
        let path = folder.file("pipe")
        #expect(mkfifo(path, 0o600) == 0)
        for place in ["/dev/null", path] {
            #expect(throws: FileError.notWritten(path: place, errno: ENOTSUP)) { try Draft(ofFile: place) }
        }
        #expect(names() == ["pipe"])
    }

    @Test func whatIsWrittenIntoADeviceOrPipeLeavesItWhatItIs() throws {
        try FileSystem.replace("/dev/null", with: "gone")
        let pipe = Pipe()
        try FileSystem.replace("/dev/fd/\(pipe.fileHandleForWriting.fileDescriptor)", with: "as it comes")
        try pipe.fileHandleForWriting.close()
        #expect(try pipe.fileHandleForReading.readToEnd() == Data("as it comes".utf8))
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    }

    @Test func aLinkTakesNoPlaceThatIsTaken() throws {
        let path = folder.file("a")
        try FileSystem.replace(path, with: "old")
        let draft = try Draft(ofFile: path)
        #expect(throws: FileError.notWritten(path: path, errno: EEXIST)) { try draft.commit(by: Draft.link) }
        #expect(try names() == ["a"] && text("a") == "old")
        let other = try Draft(ofFile: folder.file("b"))
        try other.write(Array("new".utf8))
        try other.commit(by: Draft.link)
        #expect(try names() == ["a", "b"] && text("b") == "new")
    }

    @Test func aFolderGetsItsPlaceWithWhatIsInIt() throws {
        try FileManager.default.createDirectory(
            atPath: folder.file("goal.new"), withIntermediateDirectories: false)
        try folder.write([1], to: "goal.new/left-behind")
        let draft = try Draft(ofFolder: folder.file("goal"), at: folder.file("goal.new"))
        try FileSystem.replace(draft.path + "/text", with: "words")
        try draft.commit()
        #expect(try names() == ["goal"] && text("goal/text") == "words")
        #expect(FileSystem.names(in: folder.file("goal")) == ["text"], "what a killed process left is gone")
    }

    @Test func severalArePutInPlaceOneByOne() throws {
        let drafts = try ["a", "b"].map { try Draft(ofFile: folder.file($0), at: folder.file($0 + ".unfinished")) }
        for draft in drafts { try draft.finish() }
        #expect(names() == ["a.unfinished", "b.unfinished"])
        drafts[1].place = folder.file("c")
        for draft in drafts { try draft.putInPlace() }
        #expect(names() == ["a", "c"])
    }
}
