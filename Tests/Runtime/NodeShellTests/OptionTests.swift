import ArgumentParser
import Logging
import ManifestSamples
import Manifests
import NodeShell
import TestSupport
import Testing

/// Options that programs share, and what they lead to.
@Suite struct OptionTests {
    @Test func theRunIsTheOneThatIsNamed() throws {
        let scratch = try TemporaryFolder()
        let folder = try RunFolder.claim(scratch.file("run"))
        var generator = SeededGenerator(seed: 1)
        let run = try RunDescription.beginning(
            Sample.read(Sample.minimal), manifestPath: "/robots/one/robot.json", folder: folder.path, using: &generator)
        try folder.publish(run)
        #expect(try RunOption.parse(["--run", folder.path]).load() == run)
        folder.removeRemains()
    }

    @Test func aRunThatIsNotAliveIsNoRunToJoin() throws {
        let scratch = try TemporaryFolder()
        let option = try RunOption.parse(["--run", scratch.path])
        let error = #expect(throws: RunSearchError.self) { _ = try option.load() }
        #expect(error == .notRunning(folder: scratch.path))
        #expect(try RunOption.parse([]).folder == nil)
    }

    @Test func helpSaysWhatTheOptionsDo() {
        let help = RunOption.helpMessage(columns: 200)
        #expect(help.contains("--run <folder>") && help.contains("Join the run in this folder"))
        #expect(JSONFlag.helpMessage(columns: 200).contains("Print one JSON object in place of text."))
    }

    @Test func textIsTheFormUnlessJSONIsWanted() throws {
        #expect(try !JSONFlag.parse([]).isWanted && JSONFlag.parse(["--json"]).isWanted)
    }

    @Test func aNodeIsStartedWithItsRunAndName() throws {
        let arguments = try NodeArguments.parse(["--run", "/tmp/run", "--node", "camera-wrist", "--check"])
        #expect(arguments.run == "/tmp/run" && arguments.node == "camera-wrist" && arguments.check)
        #expect(throws: (any Error).self) { _ = try NodeArguments.parse(["--node", "arm"]) }
    }

    @Test func warningsAndErrorsAreLoggedWithTheirLevel() {
        #expect(LineLog.line("stopping", at: .info) == "stopping")
        #expect(LineLog.line("no frames", at: .warning) == "warning: no frames")
        #expect(LineLog.line("no camera", at: .error) == "error: no camera")
    }
}
