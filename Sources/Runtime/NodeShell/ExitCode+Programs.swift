import ArgumentParser

/// How programs end. Each of these codes means the same in every program, and is part of the command-line interface;
/// launch/README.md has them in a table.
///
/// - `success`, 0: it is done, and what was asked about is so.
/// - `failure`, 1: what was asked about is not so, a node refused, or the work failed while it ran (`WorkFailure`).
/// - `badInput`, 2: the invocation or the input cannot be used, what it names is not there, or nobody is there to talk
///   to: any other error that a command throws.
/// - `interrupted`, 130: Ctrl-C ended a measurement early.
///
/// 3 and above are verdicts of single commands, which list them in their `--help`.
extension ExitCode {
    package static let badInput = ExitCode(2)
    /// What had been done by then is kept and told. 128 + SIGINT, as shells have it.
    package static let interrupted = ExitCode(130)
}
