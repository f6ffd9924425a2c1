import ArgumentParser
import Manifests
import NodeShell

/// Which arm an operator's program moves.
struct ArmChoice: ParsableArguments {
    @Option(
        name: .customLong("run"),
        help: ArgumentHelp(
            "Move the arm of this run. Without it and without --manifest, of the one run that is alive.",
            valueName: "folder"))
    var folder: String?

    @Option(
        help: ArgumentHelp(
            "Drives this manifest's arm itself; no run of it may be alive. Only the manifest's \"arm\" has to be "
                + "right.",
            valueName: "file"))
    var manifest: String?

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp(
            "Put a value into the manifest, as octo-launch does. May be repeated.", valueName: "path=value"))
    var overrides: [String] = []

    init() {}

    mutating func validate() throws {
        if folder != nil, manifest != nil {
            throw ValidationError("--run and --manifest both name an arm: give one of them.")
        }
        if manifest == nil, !overrides.isEmpty {
            throw ValidationError("--set changes a manifest: give --manifest too.")
        }
    }

    /// Opens the arm.
    /// - Throws: `ExitCode`, having said why.
    func open() throws -> any ArmHandle {
        do {
            guard let manifest else { return try BusArm(run: folder) }
            let parsed = try overrides.map { try ManifestOverride(parsing: $0) }
            return try LocalArmOpening.open(ArmManifest.load(manifest, overrides: parsed), path: manifest) {
                Terminal.complain("warning: \($0)")
            }
        } catch {
            Terminal.complain("error: \(error)")
            throw NodeExit.badInput
        }
    }
}
