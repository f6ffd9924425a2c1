import ArgumentParser
import Files
import Images
import NodeShell
import Recording
import Replay
import Time

struct PlotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot",
        abstract: "Draw where the arm was told to go, and where it went.",
        discussion: """
            Joints, tool and gripper, setpoint and measured; a vertical line where each chunk took over, coloured by \
            what became of it; times in which an operator had the arm; latencies. The file is SVG: any browser shows \
            it.

              octo-replay plot EPISODE --out grasp.svg

            Exit codes: 0, 1 the file cannot be written, 2 the episode has no states of an arm.
            """)

    @Argument(help: EpisodeArgument.help)
    var episode: EpisodeArgument

    @Option(help: ArgumentHelp("Write the drawing there.", valueName: "file.svg"))
    var out: String

    func validate() throws {
        if !out.hasSuffix(".svg") {
            throw ValidationError("--out is '\(out)': the drawing is SVG. Give a name that ends in .svg.")
        }
    }

    func run() throws {
        let file = try EpisodeFile(path: episode.path)
        let progress = ProgressLine(
            total: Int(clamping: file.reader.statistics.messageCount), of: "messages", at: .now())
        defer { progress.end() }
        let plot = try EpisodePlot(of: file) { progress.show($0, at: .now()) }
        progress.end()
        try working { try FileSystem.replace(out, with: plot.svg) }
        print("\(out): \(plot.duration.decimals(1)) s, \(plot.seams.count) chunks")
    }
}
