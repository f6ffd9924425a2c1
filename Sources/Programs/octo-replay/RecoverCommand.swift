import ArgumentParser
import Foundation
import JSONTree
import MCAPFiles
import NodeShell
import Recording
import Replay

struct RecoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Make a whole file of an episode that was cut or damaged.",
        discussion: """
            Everything that can be read goes into a new file, with new indexes and checksums; the old one is left as \
            it is. What is missing is told by topic, with sequence numbers and times.

              octo-replay recover episodes/today/grasp.mcap      writes grasp.recovered.mcap beside it

            A whole file is left alone, unless --out names another. One that a run still records is refused.

            Exit codes: 0 everything could be read, 3 something is lost (the new file has the rest), 1 the new file \
            cannot be written, 2 the old one is no episode.
            """)

    /// The new file has less than there was.
    static let somethingLost = ExitCode(3)

    @Argument(help: EpisodeArgument.help)
    var episode: EpisodeArgument

    @Option(
        help: ArgumentHelp(
            "Write the new file there; without it, NAME.recovered.mcap beside the old one.", valueName: "file"))
    var out: String?

    @Flag(help: "Replace the new file where there is one.")
    var force = false

    @OptionGroup var json: JSONFlag

    func run() throws {
        let file = try EpisodeFile(path: episode.path)
        if file.isBeingRecorded { throw StillRecording(path: episode.path) }
        let source = try MCAPFile(path: episode.path)
        let target = out ?? RecoveredFile.path(beside: episode.path)
        let report: MCAPRecovery.Report
        do throws(RecoveredFileError) {
            report = try RecoveredFile.make(of: source, compressedAs: file.reader, at: target, replaces: force)
        } catch {
            if error.isAboutOutput { throw WorkFailure("\(error)") }
            throw error
        }
        // Beside a whole file another would only be taken for the better one.
        if out == nil, report.wasWhole, unlink(target) == 0, !json.isWanted {
            print("\(episode.path) is whole: there is nothing to recover. --out FILE writes it anew all the same.")
            return
        }
        let found = RecoveryFindings(report, path: episode.path, output: target)
        print(json.isWanted ? found.json.text() : found.text)
        if found.isLossy { throw Self.somethingLost }
    }
}

/// The episode has not ended.
private struct StillRecording: Error, CustomStringConvertible {
    let path: String

    var description: String {
        "recovering \(path): a run still records it, expected one that has ended. End it first ('octo-record stop', or "
            + "Ctrl-C in the launcher): then it is whole."
    }
}
