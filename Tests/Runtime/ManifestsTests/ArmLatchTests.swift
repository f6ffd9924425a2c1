import Foundation
import Manifests
import TestSupport
import Testing

@Suite struct ArmLatchTests {
    private let folder: ScratchFolder
    private var path: String { folder.path + "/arm-latch.json" }

    init() throws { folder = try ScratchFolder() }

    @Test func withoutAFileNothingHoldsTheArm() {
        let latch = ArmLatch.load(folder: folder.path)
        #expect(latch == ArmLatch())
        #expect(latch.isOpen)
    }

    @Test(
        arguments: [
            ArmLatch(), ArmLatch(isEmergencyStop: true, stoppedBy: "ann"), ArmLatch(isEmergencyStop: true),
            ArmLatch(
                isEmergencyStop: true, stoppedBy: "\"bo\" \n ü",
                fault: .init(.overheated, joint: 2, text: "servo 3 has 71 °C: let it cool")),
        ] + ArmLatch.Fault.Reason.allCases.map { ArmLatch(fault: .init($0)) })
    func whatIsWrittenIsReadBack(_ latch: ArmLatch) throws {
        try ArmLatch.update(folder: folder.path) { $0 = latch }
        #expect(ArmLatch.load(folder: folder.path) == latch)
        #expect(latch.isOpen == (latch == ArmLatch()))
    }

    @Test func theFileIsForPeopleToo() throws {
        try ArmLatch.update(folder: folder.path) {
            $0 = ArmLatch(
                isEmergencyStop: true, stoppedBy: "ann", fault: .init(.stalled, joint: 1, text: "the elbow is blocked"))
        }
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(
            text == """
                {
                  "emergency_stop": true,
                  "by": "ann",
                  "fault": {
                    "reason": "stalled",
                    "joint": 1,
                    "text": "the elbow is blocked"
                  },
                  "awaits_resume": false
                }

                """)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func anUpdateKeepsWhatAnotherProcessWrote() throws {
        try ArmLatch.update(folder: folder.path) { $0.fault = .init(.driverFault, joint: 0, text: "servo 1 is silent") }
        let latch = try ArmLatch.update(folder: folder.path) { ($0.isEmergencyStop, $0.stoppedBy) = (true, "bo") }
        #expect(latch.fault?.text == "servo 1 is silent")
        #expect(ArmLatch.load(folder: folder.path) == latch)
    }

    @Test(
        arguments: [
            "", "{", "[]", "null", "{}", "{\"emergency_stop\": false}",
            "{\"emergency_stop\": 0, \"by\": null, \"fault\": null}",
            "{\"emergency_stop\": false, \"by\": 7, \"fault\": null}",
            "{\"emergency_stop\": false, \"by\": null, \"fault\": null}",
            "{\"emergency_stop\": false, \"by\": null, \"fault\": null, \"awaits_resume\": 1}",
            "{\"emergency_stop\": false, \"by\": null, \"fault\": {}}",
            "{\"emergency_stop\": false, \"by\": null, \"fault\": {\"reason\": \"tired\", \"joint\": null, \"text\": "
                + "\"\"}}",
            "{\"emergency_stop\": false, \"by\": null, \"fault\": {\"reason\": \"stalled\", \"joint\": \"1\", "
                + "\"text\": \"\"}}",
        ])
    func aGarbledFileIsAnEmergencyStop(_ text: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        let latch = ArmLatch.load(folder: folder.path)
        #expect(latch.isEmergencyStop)
        #expect(!latch.isOpen)
        #expect(latch.damage?.contains(path) == true)
        #expect(latch.damage?.contains("emergency stop") == true)
        // Once a person has said go on, the file is sound again.
        try ArmLatch.update(folder: folder.path) { $0.isEmergencyStop = false }
        #expect(ArmLatch.load(folder: folder.path) == ArmLatch())
    }

    @Test func everyPartOfAFileIsAnEmergencyStop() throws {
        let whole = Array(
            ArmLatch(fault: .init(.overloaded, joint: 3, text: "the wrist")).json.text().utf8)
        for count in 0..<whole.count {
            #expect(ArmLatch(parsing: whole[..<count], path: path).isEmergencyStop, "\(count) bytes")
        }
        #expect(!ArmLatch(parsing: whole, path: path).isEmergencyStop)
    }

    @Test func aFileThatCannotBeReadIsAnEmergencyStop() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let latch = ArmLatch.load(folder: folder.path)
        #expect(latch.isEmergencyStop)
        #expect(latch.damage?.contains("it is a folder or a device") == true)
        #expect(throws: RunFolderError.self) { try ArmLatch.update(folder: folder.path) { $0 = ArmLatch() } }
    }

    @Test func aLinkInThePlaceOfTheFileIsReplacedNotFollowed() throws {
        let victim = folder.path + "/victim"
        try "mine".write(toFile: victim, atomically: false, encoding: .utf8)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: victim)
        try ArmLatch.update(folder: folder.path) { $0.isEmergencyStop = true }
        #expect(try String(contentsOfFile: victim, encoding: .utf8) == "mine")
        #expect(ArmLatch.load(folder: folder.path).isEmergencyStop)
    }

    @Test func outlivesALauncherThatWasKilledButNotARunThatEnded() throws {
        let run = folder.path + "/run"
        do {
            let claimed = try RunFolder.claim(run)
            try ArmLatch.update(folder: claimed.path) { $0.isEmergencyStop = true }
        }
        let claimed = try RunFolder.claim(run)
        #expect(ArmLatch.load(folder: run).isEmergencyStop)
        claimed.removeRemains()
        #expect(ArmLatch.load(folder: run).isEmergencyStop)
        claimed.removeLatch()
        #expect(ArmLatch.load(folder: run).isOpen)
    }
}
