import ArgumentParser
import Manifests

/// The option `--run` of a command that joins a run which is alive.
package struct RunOption: ParsableArguments {
    @Option(
        name: .customLong("run"),
        help: ArgumentHelp("Join the run in this folder; without it, the only one that is alive.", valueName: "folder"))
    package var folder: String?

    package init() {}

    /// What the launcher has written about the run.
    /// - Throws: `RunSearchError` when there is no such run, or more than one; `RunFolderError`.
    package func load() throws -> RunDescription { try RunDescription.load(folder: RunSearch.folder(folder)) }
}

/// The flag `--json` of a command that has one result.
package struct JSONFlag: ParsableArguments {
    @Flag(name: .customLong("json"), help: "Print one JSON object in place of text.")
    package var isWanted = false

    package init() {}
}
