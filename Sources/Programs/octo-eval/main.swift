import ArgumentParser
import Messages
import NodeShell

/// How well a policy does in the simulated world, and how well its goal must fit.
struct OctoEval: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octo-eval",
        abstract: "Measure how often a policy solves a task in the simulated world.",
        discussion: """
            How often does it succeed? Is it the goal that it follows? How well must the goal fit?

              octo-eval --task push --policy checkpoints/octo --episodes 50
              octo-eval --task push --goal-from task,shuffled,black
              octo-eval align --task push --policy checkpoints/octo --out align

            The word 'run' may be left out. 'octo-eval run --help' and 'octo-eval align --help' explain all options. \
            Exit codes: 0 measured, 1 a file cannot be written, 2 the input cannot be used, 130 stopped by \
            Ctrl-C: what had been run by then is told.
            """,
        version: OctoRuntime.version,
        subcommands: [RunCommand.self, AlignCommand.self], defaultSubcommand: RunCommand.self)
}

OctoEval.runProgram()
