import ArgumentParser

/// The option `--run` of commands to arms that are driven, whether by a run or by a program of its own: without it they
/// find them all, which `RunOption` does not.
struct DrivenArmOption: ParsableArguments {
    @Option(
        name: .customLong("run"),
        help: ArgumentHelp(
            "Address the arm of this run only; without it, every arm that you drive (stop), or the only one.",
            valueName: "folder"))
    var folder: String?
}
