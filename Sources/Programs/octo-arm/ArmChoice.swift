import ArgumentParser
import Manifests
import NodeShell

/// The arm that an operator's program moves.
struct ArmChoice: ParsableArguments {
    @OptionGroup var runOption: RunOption

    @Option(
        help: ArgumentHelp(
            "Drive this manifest's arm without a run, of which none may be alive. Only the manifest's \"arm\" has "
                + "to be right.",
            valueName: "file"))
    var manifest: String?

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp(
            "Put a value into the manifest, as octo-launch does. May be repeated.", valueName: "path=value"))
    var overrides: [String] = []

    init() {}

    mutating func validate() throws {
        if runOption.folder != nil, manifest != nil {
            throw ValidationError("--run and --manifest both name an arm: give one of them.")
        }
        if manifest == nil, !overrides.isEmpty {
            throw ValidationError("--set changes a manifest: give --manifest too.")
        }
    }

    /// Opens the arm: the run's, or without a run the one that the manifest names.
    /// - Throws: what keeps the arm from being moved.
    func open() throws -> any ArmHandle {
        guard let manifest else { return try BusArm(in: runOption.load()) }
        let parsed = try overrides.map { try ManifestOverride(parsing: $0) }
        return try LocalArmOpening.open(ArmManifest.load(manifest, overrides: parsed), path: manifest) {
            note("warning: \($0)")
        }
    }
}
