import ArgumentParser

/// What every node is started with.
package struct NodeArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Use this run folder, which octo-launch made.", valueName: "folder"))
    package var run: String

    @Option(help: ArgumentHelp("Take the part of this node in the run.", valueName: "name"))
    package var node: String

    @Flag(help: "Open what a start reads from files, say what is wrong with it, and end.")
    package var check = false

    package init() {}
}
