import ArgumentParser
import Messages

/// Shows what passes between the nodes of a run, without taking part in it.
struct OctoBus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-bus", abstract: "Look at the messages of a running robot.",
        version: OctoRuntime.version,
        subcommands: [List.self, Echo.self, Hertz.self, Bandwidth.self, Delay.self])
}

struct RunOptions: ParsableArguments {
    @Option(name: .customLong("run"), help: "The run's folder. Without it, the one run that is alive.")
    var folder: String?
}

struct TopicOptions: ParsableArguments {
    @OptionGroup var place: RunOptions
    @Argument(help: "The topic's name, as 'octo-bus list' shows it.")
    var topic: String
    @Option(help: "Seconds to wait for a first message before asking whether the topic exists.")
    var patience = 2.0

    func validate() throws {
        guard patience > 0, patience <= 3_600 else {
            throw ValidationError("--patience must be between 0 and 3600 seconds.")
        }
    }
}
