import ArgumentParser

/// What every node is started with.
package struct NodeArguments: ParsableArguments {
    @Option(help: ArgumentHelp("The run folder that octo-launch made.", valueName: "folder"))
    package var run: String

    @Option(help: ArgumentHelp("This node's name in the run.", valueName: "name"))
    package var node: String

    @Flag(help: "Opens what a start reads from files, says what is wrong with it, and ends.")
    package var check = false

    package init() {}
}

/// Exit codes that all programs share; they are part of the command-line interface.
package enum NodeExit {
    /// The program failed while it ran.
    package static let failure = ExitCode(1)
    /// What it was given (arguments, manifest, files) cannot be used.
    package static let badInput = ExitCode(2)
}
