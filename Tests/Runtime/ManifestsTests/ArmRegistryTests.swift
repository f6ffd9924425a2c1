import Foundation
import Manifests
import Testing

@Suite struct ArmRegistryTests {
    private let scratch: ScratchFolder
    private let registry: ArmRegistry
    private var own: String { "\(scratch.path)/octo-arms-\(geteuid())" }

    init() throws {
        scratch = try ScratchFolder()
        registry = ArmRegistry(root: scratch.path)
    }

    private func makeFolder(_ name: String) throws -> String {
        let path = "\(scratch.path)/\(name)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        return path
    }

    private func arm(_ folder: String, port: String? = nil) -> LiveArm {
        LiveArm(
            place: "the run in \(folder)", folder: folder, isRun: true, runID: "00ff",
            endpoint: "ipc://\(folder)/arm.ipc",
            commandEndpoint: "ipc://\(folder)/arm.commands.ipc", manifestPath: "/robots/one.json", port: port)
    }

    @Test func anArmIsFoundAsLongAsItIsHeld() throws {
        #expect(registry.find().arms == [])
        let (a, b) = (arm(try makeFolder("a"), port: "/dev/ttyUSB0"), arm(try makeFolder("b")))
        let second = try registry.register(b)
        let first = try registry.register(a)
        #expect(registry.find().arms == [a, b])
        #expect(registry.find().ignored == [])
        first.end()
        first.end()
        #expect(registry.find().arms == [b])
        second.end()
        #expect(registry.find().arms == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: own) == [])
    }

    @Test func launcherAndArmProcessOfOneRunAreOneArm() throws {
        let run = arm(try makeFolder("run"))
        let held = [try registry.register(run), try registry.register(run)]
        #expect(registry.find().arms == [run])
        held[0].end()
        #expect(registry.find().arms == [run])
        held[1].end()
        #expect(registry.find().arms == [])
    }

    @Test func theEnvironmentChangesNothing() {
        #expect(ArmRegistry.standard.root == getenv(ArmRegistry.variable).map { String(cString: $0) } ?? "/tmp")
    }

    @Test func whatAProcessLeftThatWasKilledIsNoArmAndGoes() throws {
        let run = arm(try makeFolder("run"))
        let registration = try registry.register(run)
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: own).first)
        // No process has this number: they end at 4194304. proc(5).
        let remains = ["\(own)/4194999-1.json", "\(own)/4194999-2"]
        try FileManager.default.copyItem(atPath: "\(own)/\(name)", toPath: remains[0])
        try FileManager.default.createDirectory(atPath: remains[1], withIntermediateDirectories: false)
        _ = FileManager.default.createFile(atPath: remains[1] + "/arm.ipc", contents: nil)
        #expect(registry.find().arms == [run])
        let sockets = try registry.makeSocketFolder()
        #expect(try FileManager.default.contentsOfDirectory(atPath: own).count == 2)
        #expect(FileManager.default.fileExists(atPath: sockets))
        registration.end()
    }

    @Test func onlyItsUserCanReadOrWriteIt() throws {
        let registration = try registry.register(arm(try makeFolder("run")))
        func mode(_ path: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: own).first)
        #expect(try mode(own).map { $0 & 0o777 } == 0o700)
        #expect(try mode("\(own)/\(name)").map { $0 & 0o777 } == 0o600)
        registration.end()
    }

    @Test func aFolderThatOthersCouldHaveMadeIsNeitherUsedNorBelieved() throws {
        let registration = try registry.register(arm(try makeFolder("run")))
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: own)
        #expect(throws: RunFolderError.self) { _ = try registry.register(arm(scratch.path)) }
        let found = registry.find()
        #expect(found.arms == [])
        #expect(found.ignored.contains { $0.contains(own) && $0.contains("written to by others") })
        registration.end()
    }

    @Test func aLinkInItsPlaceIsNotFollowed() throws {
        let elsewhere = try makeFolder("elsewhere")
        try FileManager.default.createSymbolicLink(atPath: own, withDestinationPath: elsewhere)
        let error = #expect(throws: RunFolderError.self) { _ = try registry.register(arm(elsewhere)) }
        #expect(
            error?.description.contains("no folder, or a link to one") == true
                && error?.description.contains("rm -r") == true)
        #expect(registry.find().ignored.contains { $0.contains("no folder") })
    }

    @Test func anArmWhoseFolderOthersCanWriteToIsNotBelieved() throws {
        let folder = try makeFolder("run")
        let registration = try registry.register(arm(folder))
        try FileManager.default.setAttributes([.posixPermissions: 0o722], ofItemAtPath: folder)
        #expect(registry.find().arms == [])
        #expect(registry.find().ignored.contains { $0.contains(folder) })
        registration.end()
    }

    @Test(arguments: ["", "{", "{}", "[]", "{\"place\": \"x\", \"pid\": 1}"])
    func aDamagedEntryOfALivingProcessIsSaid(_ text: String) throws {
        let registration = try registry.register(arm(try makeFolder("run")))
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: own).first)
        // In place, so that the lock stays.
        let file = try #require(FileHandle(forWritingAtPath: "\(own)/\(name)"))
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
        #expect(registry.find().arms == [])
        #expect(registry.find().ignored.contains { $0.contains("damaged") })
        registration.end()
    }

    @Test func aPlaceInWhichOthersCanRenameIsNotUsed() throws {
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: scratch.path)
        let error = #expect(throws: RunFolderError.self) { _ = try registry.register(arm(scratch.path)) }
        #expect(error?.description.contains("chmod 1777 \(scratch.path)") == true)
    }

    @Test func socketsInAnotherFolderAreNotBelieved() throws {
        var run = arm(try makeFolder("run"))
        run.commandEndpoint = "ipc:///tmp/somebody/arm.commands.ipc"
        let registration = try registry.register(run)
        #expect(registry.find().arms == [])
        #expect(registry.find().ignored.contains { $0.contains("damaged") })
        registration.end()
    }

    @Test func aLinkOrAPipeAmongTheEntriesHoldsNobodyUp() throws {
        let registration = try registry.register(arm(try makeFolder("run")))
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: own).first)
        try FileManager.default.createSymbolicLink(atPath: "\(own)/0.json", withDestinationPath: "\(own)/\(name)")
        #expect(mkfifo("\(own)/1.json", 0o600) == 0)
        let found = registry.find()
        #expect(found.arms.count == 1 && found.ignored.count == 2, "\(found.ignored)")
        registration.end()
    }

    // MARK: Users

    @Test(.enabled(if: geteuid() == 0, "only root can give files to another user"))
    func rootSeesTheArmsOfAllUsersAndNobodyElseDoes() throws {
        let folder = try makeFolder("run")
        let registration = try registry.register(arm(folder))
        let theirs = "\(scratch.path)/octo-arms-12345"
        try FileManager.default.moveItem(atPath: own, toPath: theirs)
        for path in [folder, theirs]
            + (try FileManager.default.contentsOfDirectory(atPath: theirs)).map({ "\(theirs)/\($0)" })
        {
            #expect(lchown(path, 12_345, 12_345) == 0)
        }
        #expect(registry.find().arms.map(\.user) == [12_345])
        #expect(registry.find().arms.map(\.folder) == [folder])
        let other = ArmRegistry(root: scratch.path, user: 54_321)
        #expect(other.find().arms == [])
        #expect(other.hiddenOwners == [12_345])
        // An entry that somebody else put there, and a folder of somebody else.
        #expect(lchown(folder, 54_321, 54_321) == 0)
        #expect(registry.find().arms == [])
        #expect(registry.find().ignored.contains { $0.contains("belongs to user 54321") })
        #expect(lchown(theirs, 54_321, 54_321) == 0)
        #expect(registry.find().ignored.contains { $0.contains("octo-arms-12345 belongs to user 54321") })
        registration.end()
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give files to another user"))
    func aRunFolderOfAnotherUserIsNotFoundWhereRunsAre() throws {
        let run = try RunFolder.claim(scratch.path + "/run")
        #expect(RunFolder.findLive(in: scratch.path) == [run.path])
        #expect(lchown(run.path, 12_345, 12_345) == 0)
        #expect(RunFolder.findLive(in: scratch.path) == [])
        #expect(RunFolder.reasonNotToTrust(run.path, owner: geteuid())?.contains("belongs to user 12345") == true)
    }

    @Test func aRunFolderThatOthersCanWriteToIsNoRunToJoin() throws {
        let run = try RunFolder.claim(scratch.path + "/run")
        #expect(try RunSearch.folder(run.path) == run.path)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: run.path)
        let error = #expect(throws: RunSearchError.self) { _ = try RunSearch.folder(run.path) }
        #expect(error?.description.contains("written to by others") == true)
        #expect(RunFolder.findLive(in: scratch.path) == [])
    }
}
