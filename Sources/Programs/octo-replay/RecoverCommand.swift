import MCAPFiles
import ArgumentParser
import Foundation
import JSONTree
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

    /// Part of the command's interface.
    static let somethingLost = ExitCode(3)

    @Argument(help: EpisodeArgument.help)
    var episode: EpisodeArgument

    @Option(help: ArgumentHelp("The new file. Without it NAME.recovered.mcap beside the old one.", valueName: "file"))
    var out: String?

    @Flag(help: "Replaces the new file where there is one.")
    var force = false

    @Flag(help: "Print what was found as JSON.")
    var json = false

    func run() throws {
        try reporting {
            let file = try EpisodeFile(path: episode.path)
            if file.isBeingRecorded {
                complain(
                    "error: recovering \(episode.path): a run still records it, expected one that has ended. End it "
                        + "first ('octo-record stop', or Ctrl-C in the launcher): then it is whole.")
                throw NodeExit.badInput
            }
            let source = try MCAPFile(path: episode.path)
            let target = out ?? RecoveredFile.path(beside: episode.path)
            let report: MCAPRecovery.Report
            do throws(RecoveredFileError) {
                report = try RecoveredFile.make(of: source, compressedAs: file.reader, at: target, replaces: force)
            } catch {
                complain("error: \(error)")
                throw error.isAboutOutput ? NodeExit.failure : NodeExit.badInput
            }
            // Beside a whole file another would only be taken for the better one.
            if out == nil, report.wasWhole, unlink(target) == 0, !json {
                print("\(episode.path) is whole: there is nothing to recover. --out FILE writes it anew all the same.")
                return
            }
            let found = RecoveryFindings(report, path: episode.path, output: target)
            print(json ? found.json.text() : found.text)
            if found.isLossy { throw Self.somethingLost }
        }
    }
}
