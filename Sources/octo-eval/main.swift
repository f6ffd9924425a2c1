import ArgumentParser
import NodeShell

/// How well a policy does in the simulated world, and how well its goal must fit.
struct OctoEval: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-eval",
        abstract: "Measures how often a policy solves a task in the simulated world.",
        discussion: """
            'run' needs not be written: octo-eval --task push … is octo-eval run --task push ….

            Exit codes: 0 measured, 2 the input cannot be used.
            """,
        subcommands: [RunCommand.self, AlignCommand.self], defaultSubcommand: RunCommand.self)
}

OctoEval.runProgram()
