import ArgumentParser
import NodeShell
import Testing

/// What a program says and with which code it ends, for what its command throws.
@Suite struct ProgramEndTests {
    private struct Command: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "octo-test", version: "1")

        @OptionGroup var json: JSONFlag
        @OptionGroup var runOption: RunOption
    }
    private struct Trouble: Error, CustomStringConvertible {
        let description = "reading a.json: found nothing, expected a robot. Write one."
    }

    private func programEnd(of error: any Error) -> ProgramEnd? { ProgramEnd(of: error, in: Command.self) }

    private func parsingError(_ arguments: [String]) throws -> any Error {
        try #require(
            #expect(throws: (any Error).self) {
                var command = try Command.parseAsRoot(arguments)
                try command.run()
            })
    }

    @Test func whatIsWrongWithTheInputIsToldInOneLineWithTwo() throws {
        let end = try #require(programEnd(of: Trouble()))
        #expect(end.words == "error: \(Trouble())" && end.code == .badInput && end.code.rawValue == 2)
    }

    @Test func whatFailsOnTheWayIsToldInOneLineWithOne() throws {
        let end = try #require(programEnd(of: WorkFailure("the arm was lost")))
        #expect(end.words == "error: the arm was lost" && end.code == .failure && end.code.rawValue == 1)
    }

    @Test func aCodeEndsTheProgramWithoutAWord() throws {
        for code in [ExitCode(3), .failure, .badInput, .interrupted] {
            let end = try #require(programEnd(of: code))
            #expect(end.words == nil && end.code == code)
        }
        #expect(ExitCode.interrupted.rawValue == 130)
    }

    @Test func aWrongCommandLineIsToldWithItsUsageAndTwo() throws {
        for arguments in [["--no-such-option"], ["--run"], ["word"]] {
            let end = try #require(programEnd(of: parsingError(arguments)))
            #expect(end.code == .badInput && end.words?.contains("Usage: octo-test") == true, "\(end)")
        }
        let own = try #require(programEnd(of: ValidationError("--json and --plot are two forms")))
        #expect(own.code == .badInput && own.words?.contains("--json and --plot are two forms") == true)
    }

    @Test func whoAsksForHelpOrTheVersionMadeNoError() throws {
        for arguments in [["--help"], ["--version"], ["--generate-completion-script", "bash"]] {
            #expect(programEnd(of: try parsingError(arguments)) == nil)
        }
        #expect(programEnd(of: CleanExit.message("done")) == nil)
    }

    @Test func workTurnsEveryErrorIntoAFailureButCodesAndWrongInvocations() throws {
        #expect(try working { 7 } == 7)
        #expect(throws: WorkFailure("\(Trouble())")) { try working { throw Trouble() } }
        #expect(throws: WorkFailure("lost")) { try working { throw WorkFailure("lost") } }
        #expect(throws: ExitCode(4)) { try working { throw ExitCode(4) } }
        #expect(throws: ValidationError.self) { try working { throw ValidationError("--n: give 1") } }
    }
}
