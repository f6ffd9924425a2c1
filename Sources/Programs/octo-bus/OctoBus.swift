import ArgumentParser
import Messages
import NodeShell

/// Shows what passes between the nodes of a run, without taking part in it.
struct OctoBus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-bus", abstract: "Look at the messages of a running robot, and say who else may.",
        discussion: "Exit codes: 0 done, or ended by Ctrl-C, 1 the bus failed, 2 there is no such run or topic.",
        version: OctoRuntime.version,
        subcommands: [
            List.self, Echo.self, Hertz.self, Bandwidth.self, Delay.self, AwayCommand.self, HostCommand.self,
            KeysCommand.self,
        ])
}

/// Options of the commands that look at one topic.
struct TopicOptions: ParsableArguments {
    @OptionGroup var runOption: RunOption
    @Argument(help: "The topic's name, as 'octo-bus list' shows it.")
    var topic: String
    @Option(
        help: ArgumentHelp(
            "Wait so long for a first message before asking whether the topic exists.", valueName: "seconds"))
    var patience = 2.0

    func validate() throws {
        guard patience > 0, patience <= 3_600 else {
            throw ValidationError("--patience must be between 0 and 3600 seconds.")
        }
    }
}
