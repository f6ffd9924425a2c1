import Files
import Glibc
import Keys
import TestSupport
import Testing

@Suite struct KeyFolderTests {
    private let scratch: KeyScratch
    private let folder: KeyFolder

    init() throws {
        scratch = try KeyScratch()
        folder = scratch.folder
    }

    @Test(arguments: [
        (["OCTO_KEYS": "/k", "XDG_CONFIG_HOME": "/x", "HOME": "/h"], "/k"),
        (["XDG_CONFIG_HOME": "/x", "HOME": "/h"], "/x/octo"), (["HOME": "/h"], "/h/.config/octo"),
        (["OCTO_KEYS": "", "XDG_CONFIG_HOME": "", "HOME": "/h"], "/h/.config/octo"), (["OCTO_KEYS": "here"], "here"),
    ]) func theEnvironmentSaysWhereItIs(_ environment: [String: String], _ path: String) throws {
        #expect(try KeyFolder.standard(environment).path == path)
    }

    @Test(arguments: [[:], ["HOME": ""], ["PATH": "/bin"]])
    func anEnvironmentWithoutAHomeIsRefused(_ environment: [String: String]) {
        let error = #expect(throws: KeyError.noHome) { try KeyFolder.standard(environment) }
        #expect(error.map { "\($0)".contains("OCTO_KEYS") } == true)
    }

    @Test func aKeyIsMadeAndReadBack() throws {
        #expect(throws: KeyError.noOwnKey(path: folder.ownPath)) { try folder.own() }
        let made = try folder.makeOwn()
        let read = try folder.own()
        #expect(read.publicKey == made.publicKey && read.secret == made.secret)
        #expect(scratch.mode(of: folder.ownPath) == 0o600 && scratch.mode(of: folder.path) == 0o700)
        #expect(FileSystem.names(in: folder.path) == ["own.key"], "no draft stays")
    }

    @Test func foldersOnTheWayAreMade() throws {
        let deep = KeyFolder(path: scratch.file("home/.config/octo"))
        #expect(try deep.ownOrMade().publicKey == deep.own().publicKey)
        #expect(scratch.mode(of: deep.path) == 0o700)
    }

    @Test func makingReplacesNothing() throws {
        let key = try folder.makeOwn().publicKey
        let error = #expect(throws: KeyError.self) { try folder.makeOwn() }
        #expect(error == .ownKeyThere(path: folder.ownPath, key))
        #expect(error.map { "\($0)".contains("'\(key)'") } == true)
        #expect(try folder.ownOrMade().publicKey == key)
        #expect(FileSystem.names(in: folder.path) == ["own.key"])
    }

    @Test func changesAtTheSameTimeAreAllMade() async throws {
        for round in 0..<10 {
            let folder = KeyFolder(path: scratch.file("changes \(round)"))
            let bad = try KeyPair.make().publicKey
            try folder.changeAllowed { list in try list.add(AllowedKey(name: "bad", key: bad, role: .operate)) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<8 {
                    let key = try KeyPair.make().publicKey
                    group.addTask {
                        try folder.changeAllowed { list in
                            try list.add(AllowedKey(name: "robot-\(index)", key: key, role: .robot))
                        }
                    }
                }
                group.addTask { try folder.changeAllowed { list in _ = try list.revoke("bad") } }
                try await group.waitForAll()
            }
            let names = try folder.allowed().entries.map(\.name)
            #expect(names.sorted() == (0..<8).map { "robot-\($0)" }, "round \(round)")
        }
    }

    @Test func manyAtOnceGetOneKey() async throws {
        for round in 0..<20 {
            let folder = KeyFolder(path: scratch.file("\(round)"))
            let keys = try await withThrowingTaskGroup(of: PublicKey.self) { group in
                for _ in 0..<8 { group.addTask { try folder.ownOrMade().publicKey } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(keys == [try folder.own().publicKey])
            #expect(FileSystem.names(in: folder.path) == ["own.key"])
        }
    }

    @Test func ofManyWhoMakeItOneHasMadeIt() async throws {
        let folder = folder
        let outcomes = await withTaskGroup(of: Result<PublicKey, any Error>.self) { group in
            for _ in 0..<16 { group.addTask { Result { try folder.makeOwn().publicKey } } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let own = try folder.own().publicKey
        var makers = 0
        for outcome in outcomes {
            switch outcome {
            case .success(let key):
                makers += 1
                #expect(key == own)
            case .failure(let error): #expect(error as? KeyError == .ownKeyThere(path: folder.ownPath, own))
            }
        }
        #expect(makers == 1)
    }

    @Test(arguments: [
        ("", "another first line"), ("octo-key 2\nKEY\n", "another first line"), ("KEY\n", "another first line"),
        ("octo-key 1\n", "no key in the second line"), ("octo-key 1\nKEY0\n", "no key in the second line"),
        ("octo-key 1\nKEY\nKEY\n", "more than two lines"),
    ]) func aFileThatIsNoKeyIsRefusedAndStays(_ text: String, _ found: String) throws {
        let secret = String(repeating: "0", count: PublicKey.textLength)
        let bytes = Array(text.replacing("KEY", with: secret).utf8)
        try scratch.put(bytes, at: folder.ownPath)
        for read in [folder.own, folder.ownOrMade, folder.makeOwn] {
            guard case .malformed(let path, found, _)? = #expect(throws: KeyError.self, performing: { try read() })
            else {
                Issue.record("expected .malformed with '\(found)'")
                continue
            }
            #expect(path == folder.ownPath)
        }
        #expect(try FileSystem.read(folder.ownPath) == bytes)
    }

    @Test func noErrorQuotesASecretKey() throws {
        let secret = String(repeating: "s", count: PublicKey.textLength)
        for text in ["octo-key 2\n\(secret)\n", "\(secret)\n", "octo-key 1\n\(secret)s\n", "octo-key 1 \(secret)"] {
            try scratch.put(Array(text.utf8), at: folder.ownPath)
            let error = #expect(throws: KeyError.self) { try folder.own() }
            #expect(error.map { "\($0)".contains("sss") } == false)
        }
    }

    @Test func nobodyIsLetInWhereThereIsNoFile() throws {
        #expect(try folder.allowed() == AllowList() && folder.allowedStamp() == nil)
        #expect(FileSystem.names(in: folder.path) == nil, "reading makes nothing")
    }

    @Test func aListIsReadBack() throws {
        let list = try scratch.allow()
        #expect(try folder.allowed() == list && scratch.mode(of: folder.allowedPath) == 0o600)
        let longer = try scratch.allow("desk")
        #expect(try folder.allowed() == longer && longer.entries.count == 2)
        #expect(FileSystem.names(in: folder.path) == ["allowed.keys"])
    }

    @Test func aLineThatIsNoneIsNamedWithItsFile() throws {
        try scratch.put(Array("# people\n\nnonsense listen a\n".utf8), at: folder.allowedPath)
        let error = #expect(throws: KeyError.self) { try folder.allowed() }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.hasPrefix("reading \(folder.allowedPath):3: found 'nonsense' where the key stands, expected"))
        #expect(text.contains("listen, operate, robot"))
    }

    @Test func everyChangeOfTheListIsSeenInItsStamp() throws {
        try scratch.allow()
        let first = try #require(folder.allowedStamp())
        #expect(folder.allowedStamp() == first)
        try folder.save(AllowList())
        let second = try #require(folder.allowedStamp())
        #expect(second != first)
        // Mending a file that was open to others changes neither its size nor when it was written.
        try #require(chmod(folder.allowedPath, 0o644) == 0)
        let third = try #require(folder.allowedStamp())
        #expect(third != second)
        unlink(folder.allowedPath)
        #expect(folder.allowedStamp() == nil)
    }
}
