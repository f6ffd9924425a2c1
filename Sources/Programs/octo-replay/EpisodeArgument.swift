import ArgumentParser
import Replay

/// An episode on the command line: its file, or `last`.
struct EpisodeArgument: ExpressibleByArgument {
    static let help: ArgumentHelp = ArgumentHelp("The file; 'last' is the newest below episodes.", valueName: "episode")

    let path: String

    init?(argument: String) { path = EpisodePaths.newest(argument) ?? argument }
}
