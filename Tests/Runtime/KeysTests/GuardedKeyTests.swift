import Files
import Glibc
import Keys
import TestSupport
import Testing

/// Files that others could have read, changed or put there.
@Suite struct GuardedKeyTests {
    private let scratch: KeyScratch
    private let folder: KeyFolder

    init() throws {
        scratch = try KeyScratch()
        folder = scratch.folder
    }

    enum Place: CaseIterable { case own, allowed }

    private func path(_ place: Place) -> String { place == .own ? folder.ownPath : folder.allowedPath }

    private func read(_ place: Place) throws(KeyError) {
        switch place {
        case .own: _ = try folder.own()
        case .allowed: _ = try folder.allowed()
        }
    }

    @Test(arguments: Place.allCases, [0o644, 0o640, 0o604, 0o660, 0o602, 0o610] as [mode_t])
    func aFileThatOthersMayReadIsRefused(_ place: Place, _ mode: mode_t) throws {
        _ = try folder.makeOwn()
        try scratch.allow()
        let path = path(place)
        try #require(chmod(path, mode) == 0)
        let error = #expect(throws: KeyError.self) { try read(place) }
        #expect(error == .open(path: path, mode: mode, expected: 0o600))
        #expect(error.map { "\($0)".contains("chmod 600 \(path)") } == true)
        try #require(chmod(path, 0o600) == 0)
        try read(place)
    }

    @Test(arguments: [0o777, 0o770, 0o720, 0o702] as [mode_t])
    func aFolderThatOthersMayChangeIsRefused(_ mode: mode_t) throws {
        _ = try folder.makeOwn()
        let list = try scratch.allow()
        try #require(chmod(folder.path, mode) == 0)
        let refusal = KeyError.open(path: folder.path, mode: mode, expected: 0o700)
        #expect(throws: refusal) { try folder.own() }
        #expect(throws: refusal) { try folder.allowed() }
        #expect(throws: refusal) { try folder.save(list) }
        #expect(throws: refusal) { try folder.makeOwn() }
        #expect("\(refusal)".contains("chmod 700 \(folder.path)"))
    }

    @Test func aFolderThatOthersMayOnlyLookIntoWillDo() throws {
        let key = try folder.makeOwn().publicKey
        try #require(chmod(folder.path, 0o755) == 0)
        #expect(try folder.own().publicKey == key)
    }

    @Test(arguments: Place.allCases) func aLinkIsRefused(_ place: Place) throws {
        _ = try folder.makeOwn()
        try scratch.allow()
        let path = path(place)
        let away = scratch.file("away")
        try #require(rename(path, away) == 0 && symlink(away, path) == 0)
        #expect(throws: KeyError.link(path: path)) { try read(place) }
        unlink(away)
        #expect(throws: KeyError.link(path: path), "also one that leads nowhere") { try read(place) }
        #expect(scratch.mode(of: away) == nil)
    }

    @Test func nothingIsMadeBehindALink() throws {
        _ = try folder.makeOwn()
        unlink(folder.ownPath)
        let away = scratch.file("away")
        try #require(symlink(away, folder.ownPath) == 0)
        #expect(throws: KeyError.link(path: folder.ownPath)) { try folder.makeOwn() }
        #expect(throws: KeyError.link(path: folder.ownPath)) { try folder.ownOrMade() }
        #expect(scratch.mode(of: away) == nil)
    }

    @Test(arguments: Place.allCases) func aFolderOrAPipeIsNoFile(_ place: Place) throws {
        try #require(mkdir(folder.path, 0o700) == 0)
        let path = path(place)
        try #require(mkdir(path, 0o700) == 0)
        #expect(throws: KeyError.link(path: path)) { try read(place) }
        try #require(rmdir(path) == 0 && mkfifo(path, 0o600) == 0)
        #expect(throws: KeyError.link(path: path)) { try read(place) }
    }

    @Test func aFileInTheFoldersPlaceIsRefused() throws {
        try FileSystem.replace(folder.path, with: "x")
        #expect(throws: KeyError.self) { try folder.own() }
        #expect(throws: KeyError.self) { try folder.ownOrMade() }
        #expect(throws: KeyError.self) { try folder.save(AllowList()) }
    }

    @Test(arguments: Place.allCases) func aFileThatIsTooLargeIsNotRead(_ place: Place) throws {
        let path = path(place)
        try scratch.put([], at: path)
        try #require(truncate(path, (1 << 20) + 1) == 0)
        #expect(throws: KeyError.file(.tooLarge(path: path, bytes: (1 << 20) + 1, limit: 1 << 20))) { try read(place) }
    }

    @Test(arguments: Place.allCases) func bytesThatAreNoTextAreRefused(_ place: Place) throws {
        let path = path(place)
        try scratch.put([UInt8(ascii: "#"), 0xFF, 0xFE, 10], at: path)
        guard case .malformed(path, let found, _)? = #expect(throws: KeyError.self, performing: { try read(place) })
        else {
            Issue.record("expected .malformed of \(path)")
            return
        }
        #expect(found == "bytes that are no text")
    }
}
