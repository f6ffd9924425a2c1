import Console
import Glibc
import TestSupport
import Testing

private let operate = "OPERATEoperate0123456789-_abcdef"
private let view = "VIEWviewVIEWview0123456789-_abcd"

@Suite struct TokenFileTests {
    private func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: 1)
        let tokens = AccessTokens.make(using: &generator)
        try TokenFile.write(tokens, to: folder.file("tokens"))
        #expect(mode(folder.file("tokens")) == 0o600)
        let read = try TokenFile.read(folder.file("tokens"))
        #expect(read.operate == tokens.operate)
        #expect(read.view == tokens.view)
        #expect(read.role(of: tokens.operate) == .operate)
        #expect(read.role(of: tokens.view) == .view)
    }

    @Test func newTokensAreLongAndDiffer() {
        var generator = SystemRandomNumberGenerator()
        let made = (0..<50).map { _ in AccessTokens.make(using: &generator) }
        let all = made.flatMap { [$0.operate, $0.view] }
        #expect(Set(all).count == 100)
        #expect(all.allSatisfy { $0.utf8.count == 32 && $0.utf8.allSatisfy(AccessTokens.alphabet.contains) })
        // Every one is one that reading takes.
        for tokens in made {
            #expect(throws: Never.self) { try TokenFile.parse(Array(TokenFile.text(tokens).utf8), of: "t") }
        }
    }

    @Test func aFileThatIsThereStays() throws {
        let folder = try TemporaryFolder()
        let tokens = AccessTokens(operate: operate, view: view)
        let path = try folder.write(Array("mine".utf8), to: "tokens")
        #expect(throws: TokenFileError.exists(path: path)) { try TokenFile.write(tokens, to: path) }
        #expect(throws: TokenFileError.self) { try TokenFile.read(path) }
        try TokenFile.write(tokens, to: path, replaces: true)
        #expect(mode(path) == 0o600)
        #expect(try TokenFile.read(path).view == view)
    }

    @Test(arguments: [0o640, 0o604, 0o644, 0o660, 0o620, 0o610, 0o601, 0o666, 0o777] as [mode_t])
    func aFileThatOthersMayReadIsRefused(mode: mode_t) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("tokens")
        try TokenFile.write(AccessTokens(operate: operate, view: view), to: path)
        try #require(chmod(path, mode) == 0)
        let error = #expect(throws: TokenFileError.open(path: path, mode: mode)) { try TokenFile.read(path) }
        #expect("\(try #require(error))".contains("chmod 600 \(path)"))
        #expect("\(try #require(error))".contains("0" + String(mode, radix: 8)))
    }

    @Test(
        arguments: [
            (S_IFREG | 0o600, 1_000, 1_000, true), (S_IFREG | 0o400, 1_000, 1_000, true),
            (S_IFREG | 0o600, 0, 1_000, true),
            (S_IFREG | 0o600, 1_001, 1_000, false), (S_IFREG | 0o600, 1_001, 0, false),
            (S_IFREG | 0o640, 1_000, 1_000, false),
            (S_IFDIR | 0o700, 1_000, 1_000, false), (S_IFIFO | 0o600, 1_000, 1_000, false),
            (S_IFCHR | 0o600, 0, 0, false),
        ] as [(mode_t, uid_t, uid_t, Bool)])
    func onlyOnesOwnFilesAreTrusted(mode: mode_t, owner: uid_t, reader: uid_t, isTrusted: Bool) {
        do throws(TokenFileError) {
            try TokenFile.check("tokens", mode: mode, owner: owner, reader: reader)
            #expect(isTrusted)
        } catch {
            #expect(!isTrusted, "\(error)")
        }
    }

    @Test(
        arguments: [
            ("", .notJSON), ("[]", .notJSON), ("\(operate)\n\(view)\n", .notJSON), ("{", .notJSON), ("\u{0}", .notJSON),
            ("{}", .missing(.operate)), ("{\"operate\":\"\(operate)\"}", .missing(.view)),
            ("{\"operate\":1,\"view\":\"\(view)\"}", .missing(.operate)),
            ("{\"operate\":\"\(operate)\",\"view\":\"\(view)\",\"admin\":\"\(view)\"}", .unknownKey),
            ("{\"operate\":\"short\",\"view\":\"\(view)\"}", .wrongLength(.operate, characters: 5)),
            ("{\"operate\":\"\(operate)\",\"view\":\"012345678901234567890\"}", .wrongLength(.view, characters: 21)),
            ("{\"operate\":\"\(operate)\",\"view\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", .guessable(.view)),
            ("{\"operate\":\"\(operate);\",\"view\":\"\(view)\"}", .strangeCharacters(.operate)),
            ("{\"operate\":\"\(operate)\",\"view\":\"\(operate)\"}", .same),
        ] as [(String, TokenFileError.Problem)])
    func otherContentIsRefusedWithoutBeingShown(content: String, problem: TokenFileError.Problem) {
        let error = #expect(throws: TokenFileError.notTokens(path: "tokens", problem: problem)) {
            try TokenFile.parse(Array(content.utf8), of: "tokens")
        }
        let words = error.map { "\($0)" } ?? ""
        #expect(words.contains("--replace"))
        #expect(!words.contains(operate) && !words.contains(view))
    }

    @Test func whatIsNoFileIsRefused() throws {
        let folder = try TemporaryFolder()
        #expect(throws: TokenFileError.missing(path: folder.file("none"))) { try TokenFile.read(folder.file("none")) }
        #expect(throws: TokenFileError.notAFile(path: folder.path)) { try TokenFile.read(folder.path) }
        let pipe = folder.file("pipe")
        try #require(mkfifo(pipe, 0o600) == 0)
        #expect(throws: TokenFileError.notAFile(path: pipe)) { try TokenFile.read(pipe) }
        let long = try folder.write([UInt8](repeating: 32, count: 10_000), to: "long")
        try #require(chmod(long, 0o600) == 0)
        #expect(throws: TokenFileError.notTokens(path: long, problem: .tooLong)) { try TokenFile.read(long) }
    }

    @Test func aLinkIsFollowedToAFileInOrder() throws {
        let folder = try TemporaryFolder()
        try TokenFile.write(AccessTokens(operate: operate, view: view), to: folder.file("tokens"))
        try #require(symlink("tokens", folder.file("link")) == 0)
        #expect(try TokenFile.read(folder.file("link")).operate == operate)
        try #require(chmod(folder.file("tokens"), 0o644) == 0)
        #expect(throws: TokenFileError.open(path: folder.file("link"), mode: 0o644)) {
            try TokenFile.read(folder.file("link"))
        }
    }
}
