import Foundation
import JSONTree
import ManifestSamples
import Manifests
import TestSupport
import Testing

/// A folder for one test that is gone afterwards.
final class ScratchFolder {
    let path: String

    init() throws {
        // Short, so that socket paths within it stay under the limit.
        var template = Array("/tmp/octo-test-XXXXXX".utf8CString)
        path = try template.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress, mkdtemp(start) != nil else { throw POSIXError(.EIO) }
            return String(cString: start)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct RunFolderTests {
    private func describe(_ folder: borrowing RunFolder, set: [String] = []) throws -> RunDescription {
        var generator = SeededGenerator(seed: 1)
        return try RunDescription.beginning(
            Sample.read(Sample.minimal, set: set), manifestPath: "/robots/one/robot.json", folder: folder.path,
            using: &generator)
    }

    @Test func aPublishedRunIsReadBackAsItWas() throws {
        let scratch = try ScratchFolder()
        let folder = try RunFolder.claim(scratch.path + "/run")
        let description = try describe(folder, set: ["policy.seed=9"])
        try folder.publish(description)
        let read = try RunDescription.load(folder: scratch.path + "/run")
        #expect(read == description)
        #expect(read.manifest.policy.seed == 9)
        #expect(read.launcherPID == getpid())
        #expect(read.runID.count == 16)
        #expect(read.started.count == 20)
        #expect(try read.endpoint(of: "policy") == "ipc://\(scratch.path)/run/policy.ipc")
        let error = #expect(throws: RunFolderError.self) { try read.endpoint(of: "wheel") }
        #expect(error?.description.contains("camera-primary, goal, policy, arm") == true)
    }

    @Test func nobodyElseCanReadWhatItHolds() throws {
        let scratch = try ScratchFolder()
        let folder = try RunFolder.claim(scratch.path + "/run")
        try folder.publish(describe(folder))
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        #expect(try mode(folder.path) == 0o700)
        #expect(try mode(folder.path + "/run.json") == 0o600)
    }

    @Test func aSecondLauncherIsToldWhoHoldsIt() throws {
        let scratch = try ScratchFolder()
        let folder = try RunFolder.claim(scratch.path + "/run")
        let error = #expect(throws: RunFolderError.self) { _ = try RunFolder.claim(folder.path) }
        #expect(error == .busy(path: folder.path, launcher: getpid()))
        #expect(error?.description.contains("kill \(getpid())") == true)
    }

    @Test func isLiveAsLongAsItsLauncher() throws {
        let scratch = try ScratchFolder()
        #expect(RunFolder.findLive(in: scratch.path) == [])
        do {
            let b = try RunFolder.claim(scratch.path + "/b")
            let a = try RunFolder.claim(scratch.path + "/a")
            #expect(RunFolder.findLive(in: scratch.path) == [a.path, b.path])
        }
        #expect(RunFolder.findLive(in: scratch.path) == [])
        #expect(FileManager.default.fileExists(atPath: scratch.path + "/a/lock"))
        // And it can be had again.
        let again = try RunFolder.claim(scratch.path + "/a")
        #expect(RunFolder.isLive(again.path))
    }

    @Test func remainsOfARunThatWasKilledAreRemoved() throws {
        let scratch = try ScratchFolder()
        let path = scratch.path + "/run"
        do {
            let folder = try RunFolder.claim(path)
            try folder.publish(describe(folder))
        }
        _ = FileManager.default.createFile(atPath: path + "/arm.ipc", contents: nil)
        _ = FileManager.default.createFile(atPath: path + "/notes.txt", contents: nil)
        _ = try RunFolder.claim(path)
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == ["lock", "notes.txt"])
        #expect(throws: RunFolderError.noRun(path: path + "/run.json")) { try RunDescription.load(folder: path) }
    }

    @Test(arguments: [0o777, 0o720, 0o702]) func refusesAFolderThatOthersCanWriteTo(_ mode: Int) throws {
        let scratch = try ScratchFolder()
        let path = scratch.path + "/run"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        let error = #expect(throws: RunFolderError.self) { _ = try RunFolder.claim(path) }
        #expect(error == .writableByOthers(path: path, mode: UInt32(mode)))
        #expect(error?.description.contains("chmod 700 \(path)") == true)
    }

    @Test func refusesAFolderWhoseParentOthersCanRenameIn() throws {
        let scratch = try ScratchFolder()
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: scratch.path)
        #expect(throws: RunFolderError.writableByOthers(path: scratch.path, mode: 0o777)) {
            _ = try RunFolder.claim(scratch.path + "/run")
        }
        // The sticky bit, as /tmp has it, leaves renaming to the owner.
        try FileManager.default.setAttributes([.posixPermissions: 0o1777], ofItemAtPath: scratch.path)
        _ = try RunFolder.claim(scratch.path + "/run")
    }

    @Test func refusesALinkAndAFile() throws {
        let scratch = try ScratchFolder()
        let path = scratch.path + "/run"
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: scratch.path)
        #expect(throws: RunFolderError.notAFolder(path: path)) { _ = try RunFolder.claim(path) }
        _ = FileManager.default.createFile(atPath: path + "-file", contents: nil)
        #expect(throws: RunFolderError.notAFolder(path: path + "-file")) { _ = try RunFolder.claim(path + "-file") }
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give a folder away"))
    func refusesAFolderOfAnotherUser() throws {
        let scratch = try ScratchFolder()
        let path = scratch.path + "/run"
        mkdir(path, 0o700)
        chown(path, 12345, 12345)
        #expect(throws: RunFolderError.foreignOwner(path: path, owner: 12345, user: 0)) {
            _ = try RunFolder.claim(path)
        }
    }

    @Test func saysWhenASocketsPathWouldNotFit() throws {
        let scratch = try ScratchFolder()
        let folder = try RunFolder.claim(scratch.path + "/" + String(repeating: "x", count: 100))
        let error = #expect(throws: RunFolderError.self) { _ = try describe(folder) }
        #expect(error?.description.contains("at most 107") == true)
        let overTCP = try describe(folder, set: ["bus.transport=tcp"])
        #expect(
            overTCP.endpoints == [
                "camera-primary": "tcp://127.0.0.1:5560", "goal": "tcp://127.0.0.1:5561",
                "policy": "tcp://127.0.0.1:5562", "arm": "tcp://127.0.0.1:5563", "recorder": "tcp://127.0.0.1:5564",
            ])
    }

    @Test(arguments: ["", "{}", "{\"run_id\": 3}"]) func saysWhenTheDescriptionIsDamaged(_ text: String) throws {
        let scratch = try ScratchFolder()
        try Data(text.utf8).write(to: URL(fileURLWithPath: scratch.path + "/run.json"))
        let error = #expect(throws: RunFolderError.self) { try RunDescription.load(folder: scratch.path) }
        guard case .damaged(scratch.path + "/run.json", _) = error else {
            Issue.record("found \(String(describing: error))")
            return
        }
    }

    @Test func everyKeyOfTheDescriptionIsNeeded() throws {
        let scratch = try ScratchFolder()
        let folder = try RunFolder.claim(scratch.path + "/run")
        let whole = try describe(folder).json
        for member in whole.object ?? [] {
            let rest = JSONNode(.object((whole.object ?? []).filter { $0.key != member.key }))
            try Data(rest.text().utf8).write(to: URL(fileURLWithPath: folder.path + "/run.json"))
            #expect(throws: RunFolderError.self, "without \(member.key)") {
                try RunDescription.load(folder: folder.path)
            }
        }
    }

    @Test(arguments: [
        (["OCTO_RUN_BASE": "/a/b/../c", "XDG_RUNTIME_DIR": "/run/user/1"], "/a/c"),
        (["XDG_RUNTIME_DIR": "/run/user/1"], "/run/user/1/octo"), (["OCTO_RUN_BASE": ""], "/tmp/octo-\(geteuid())"),
        ([:], "/tmp/octo-\(geteuid())"),
    ])
    func theBaseComesFromTheEnvironment(_ environment: [String: String], _ base: String) {
        #expect(RunFolder.base(environment) == base)
    }
}
