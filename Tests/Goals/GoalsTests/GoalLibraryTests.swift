import Digests
import Files
import Foundation
import Goals
import Images
import JSONTree
import Maths
import Messages
import TestSupport
import Testing
import Time

enum SampleGoal {
    static func record(_ name: String = "cup", seed: Int = 1, text: String? = "the cup") -> GoalRecord {
        let primary = RGBImage.waves(width: 64, height: 48, seed: seed)
        return GoalRecord(
            name: name, recorded: WallTime(seconds: 1_709_208_000), origin: .teleop, text: text,
            views: [
                .init(camera: "wrist", image: RGBImage.waves(width: 40, height: 40, seed: seed + 1)),
                .init(
                    camera: "primary", image: primary, deviceID: "usb-cam", pixelFormat: "jpeg",
                    settings: [.init(name: "exposure_time_absolute", value: "157")], calibrationHash: "00ff"),
            ],
            arm: .init(
                jointPositions: [0.1, -0.2, 0.3], gripper: 0.25,
                baseFromEEF: Pose(rotation: Rotation(roll: 0.1, pitch: 0.2, yaw: 0.3), translation: [0.3, 0, 0.2])))
    }
}

extension GoalRecord {
    /// The record without what only a saved goal has.
    fileprivate var asBeforeSaving: GoalRecord {
        var record = self
        for index in views.indices { record.views[index].sha256 = nil }
        return record
    }
}

@Suite struct GoalLibraryTests {
    private let folder: TemporaryFolder
    private var library: GoalLibrary { GoalLibrary(folder: folder.file("a/goals")) }

    init() throws { folder = try TemporaryFolder() }

    @Test func aGoalComesBackAsItWasSaved() throws {
        let record = SampleGoal.record()
        let path = try library.save(record, replaces: false)
        #expect(path == library.path(of: "cup"))
        #expect(try library.load("cup").asBeforeSaving == record)
        #expect(try library.names() == ["cup"])
        #expect(
            Set(try FileManager.default.contentsOfDirectory(atPath: path)) == ["goal.json", "primary.png", "wrist.png"])
    }

    @Test func anAbsentLibraryIsEmpty() throws { #expect(try library.entries().isEmpty) }

    @Test func everyOriginComesBack() throws {
        for (index, origin) in [
            GoalRecord.Origin.live, .teleop, .episode(path: "/e/1", frame: 17), .images(paths: ["a.png", "b.png"]),
        ].enumerated() {
            var record = SampleGoal.record("g\(index)")
            record.origin = origin
            record.text = nil
            record.arm = nil
            try library.save(record, replaces: false)
            #expect(try library.load("g\(index)").asBeforeSaving == record)
        }
    }

    @Test func aGoalIsNotOverwrittenUnasked() throws {
        try library.save(SampleGoal.record(), replaces: false)
        let other = SampleGoal.record(seed: 5)
        #expect(throws: GoalLibraryError.exists(name: "cup", path: library.path(of: "cup"))) {
            try library.save(other, replaces: false)
        }
        #expect(try library.load("cup").asBeforeSaving == SampleGoal.record())
        try library.save(other, replaces: true)
        #expect(try library.load("cup").asBeforeSaving == other)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: library.folder) == ["cup"], "nothing is left behind")
    }

    @Test(arguments: ["", ".", "..", ".hidden", "a/b", "../x", "a b", "ä", String(repeating: "x", count: 65)])
    func namesThatAreNoFoldersAreRefused(_ name: String) {
        #expect(throws: GoalLibraryError.badName(name)) { try library.load(name) }
        #expect(throws: GoalLibraryError.badName(name)) { try library.save(SampleGoal.record(name), replaces: true) }
        #expect(throws: GoalLibraryError.badName(name)) { try library.delete(name) }
    }

    @Test func aDeletedGoalIsGone() throws {
        try library.save(SampleGoal.record(), replaces: false)
        try library.delete("cup")
        #expect(try library.names().isEmpty)
        #expect(throws: GoalLibraryError.missing(name: "cup", folder: library.folder, known: [])) {
            try library.load("cup")
        }
    }

    /// Each damage is told with its place; the others of the library are read all the same.
    @Test(arguments: [
        ("\"version\": 1", "\"version\": 2", "found 2, expected 1"),
        ("\"name\": \"cup\"", "\"name\": \"mug\"", "expected 'cup'"),
        ("2024-02-29T12:00:00Z", "yesterday", "recorded (line"), ("teleop", "dream", "source.kind (line"),
        ("\"width\": 64", "\"width\": 65", "is 64x48, expected 65x48"),
        ("\"width\": 64", "\"width\": -1", "found -1, expected a whole number from 1 to 16384"),
        ("primary.png", "../../etc/passwd", "cameras[0].file (line"),
        ("the cup", "the mug", "are not those that were recorded"),
        ("\"gripper\"", "\"griper\"", "did you mean 'gripper'?"),
        ("\"157\"", "157", "settings.exposure_time_absolute (line"), ("{", "[", "line 2"),
    ]) func damageIsToldWithItsPlace(_ old: String, _ new: String, _ words: String) throws {
        try library.save(SampleGoal.record(), replaces: false)
        try library.save(SampleGoal.record("sound"), replaces: false)
        let file = library.path(of: "cup") + "/goal.json"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let range = try #require(text.range(of: old), "the sample has no \(old)")
        try text.replacingCharacters(in: range, with: new).write(toFile: file, atomically: false, encoding: .utf8)
        let entries = try library.entries()
        #expect(entries.map(\.name) == ["cup", "sound"])
        guard case .failure(let error) = entries[0].record, case .success = entries[1].record else {
            Issue.record("found \(entries)")
            return
        }
        #expect("\(error)".contains(words), "\(error)")
        #expect("\(error)".contains("octo-goal record cup --replace"), "it says what to do")
    }

    @Test(arguments: ["primary.png", "wrist.png", "goal.json"]) func missingAndCutFilesAreTold(_ name: String) throws {
        let file = library.path(of: "cup") + "/" + name
        try library.save(SampleGoal.record(), replaces: true)
        let content = try Data(contentsOf: URL(fileURLWithPath: file))
        for keep in [0, 20, content.count / 2] {
            try content.prefix(keep).write(to: URL(fileURLWithPath: file))
            #expect(throws: GoalLibraryError.self, "\(name) cut to \(keep)") { try library.load("cup") }
        }
        try FileManager.default.removeItem(atPath: file)
        #expect(throws: GoalLibraryError.self) { try library.load("cup") }
    }

    @Test func anotherPictureUnderTheSameNameIsFound() throws {
        try library.save(SampleGoal.record(), replaces: false)
        try RGBImage.waves(width: 40, height: 40, seed: 77).writePNG(to: library.path(of: "cup") + "/wrist.png")
        #expect { try library.load("cup") } throws: {
            "\($0)".contains("wrist.png is not the picture that was recorded: its SHA-256 is ")
        }
    }

    @Test func theDigestsAreThoseOfTheFiles() throws {
        let path = try library.save(SampleGoal.record(), replaces: false)
        for view in try library.load("cup").views {
            #expect(try FileSystem.sha256("\(path)/\(view.camera).png").get().hex == view.sha256)
        }
    }

    /// Up to version 0.2.0 pictures had no digest, and the id was another hash.
    @Test func aFormerGoalIsReadAndCheckedByItsFormerID() throws {
        let record = SampleGoal.record()
        let file = try library.save(record, replaces: false) + "/goal.json"
        let former = try String(contentsOfFile: file, encoding: .utf8)
            .replacing(#/"sha256": "[0-9a-f]{64}",\s*/#, with: "").replacing(record.id, with: record.formerID)
        #expect(!former.contains("sha256"))
        try former.write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try library.load("cup") == record)
        try former.replacing("the cup", with: "the mug").write(toFile: file, atomically: true, encoding: .utf8)
        #expect { try library.load("cup") } throws: { "\($0)".contains("are not those that were recorded") }
    }

    @Test func theTasksNumbersBelongToTheGoal() throws {
        var record = SampleGoal.record()
        record.taskNumbers = ["speed": [0.5, -1], "place": [3]]
        try library.save(record, replaces: false)
        #expect(try library.load("cup").asBeforeSaving == record)
        #expect(try library.load("cup").goal(folder: "/g").taskNumbers == record.taskNumbers)
        #expect(record.id != SampleGoal.record().id, "other numbers are another goal")
    }

    /// Until 0.2.0 a tensor lay beside the picture, which nothing went by.
    @Test func aRecordThatTellsOfATensorIsReadAsBefore() throws {
        try library.save(SampleGoal.record(), replaces: false)
        let file = library.path(of: "cup") + "/goal.json"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let network =
            #""network": { "file": "primary.npy", "width": 32, "height": 32, "preprocess": "resize" }"#
            + #", "device_id": "usb-cam""#
        try text.replacingOccurrences(of: #""device_id": "usb-cam""#, with: network).write(
            toFile: file, atomically: true, encoding: .utf8)
        #expect(try String(contentsOfFile: file, encoding: .utf8).contains("primary.npy"))
        #expect(try library.load("cup").asBeforeSaving == SampleGoal.record())
    }

    /// A process that is killed while it saves: its hidden folder is no goal, and goes with the next save.
    @Test func whatAKilledSaveLeftIsSweptAway() throws {
        try library.save(SampleGoal.record(), replaces: false)
        // No process has this number: beyond the kernel's largest.
        let left = library.folder + "/.cup.new-4194999"
        try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: true)
        try "half".write(toFile: left + "/goal.json", atomically: true, encoding: .utf8)
        #expect(try library.names() == ["cup"])
        try library.save(SampleGoal.record("mug"), replaces: false)
        #expect(!FileManager.default.fileExists(atPath: left))
        #expect(try library.names() == ["cup", "mug"])
    }

    @Test func aFolderThatCannotBeMadeIsTold() throws {
        let file = try folder.write(Array("x".utf8), to: "file")
        #expect { try GoalLibrary(folder: file + "/goals").save(SampleGoal.record(), replaces: false) } throws: {
            "\($0)".contains("making the goal library") && "\($0)".contains(file)
        }
    }

    @Test func randomChangesOfADescriptionNeverTrap() throws {
        try library.save(SampleGoal.record(), replaces: false)
        let file = URL(fileURLWithPath: library.path(of: "cup") + "/goal.json")
        let original = [UInt8](try Data(contentsOf: file))
        var generator = SeededGenerator(seed: 0x60A1_0001)
        var refused = 0
        for _ in 0..<400 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let index = Int.random(in: bytes.indices, using: &generator)
                bytes[index] = UInt8.random(in: 32...126, using: &generator)
            }
            try Data(bytes).write(to: file)
            if (try? library.load("cup")) == nil { refused += 1 }
        }
        #expect(refused > 100, "seed \(generator.seed)")
    }
}
