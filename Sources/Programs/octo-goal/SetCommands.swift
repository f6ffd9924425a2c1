import ArgumentParser
import Goals
import Messages
import NodeShell
import Time

/// What the commands to the goal node of a run share.
struct GoalNodeOptions: ParsableArguments {
    @OptionGroup var runOption: RunOption
    @OptionGroup var json: JSONFlag

    init() {}

    /// Sets a goal and says what the policy makes of it.
    /// - Throws: `GoalLibraryError` for a goal that the library does not have.
    func set(_ action: GoalCommand.Action, isForced: Bool) throws {
        let goals = try GoalOperator(runOption)
        // The node would refuse it; but what does not exist is no refusal.
        if case .set(let name) = action { try goals.library.require(name) }
        let (result, policy, hold) = try goals.set(action, isForced: isForced)
        try result.report(json: json.isWanted, policy: policy, hold: hold)
    }

    func send(_ action: GoalCommand.Action, isForced: Bool = true, patience: Duration = .zero) throws {
        try GoalOperator(runOption).send(action, isForced: isForced, patience: patience)
            .report(json: json.isWanted)
    }
}

struct SetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set a goal of the library while the robot runs.",
        discussion: """
            The policy goes for it with its next chunk, which is waited for and told; history and episode go on. When \
            somebody else sets a goal at the same moment, one of you wins and the other is told; --force sets it \
            whatever was set before. A goal with pictures and a sentence is its pictures, unless the manifest's \
            goal.use is "both".

            Exit codes: 0 set, 1 refused, or set and the policy does not go for it, 2 there is no such goal or run.
            """)

    @Argument(help: "The goal's name.")
    var name: String

    @Flag(help: "Set the goal even if another one was set in the meantime.")
    var force = false

    @OptionGroup var options: GoalNodeOptions

    func run() throws { try options.set(.set(name: name), isForced: force) }
}

struct TextCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "text", abstract: "Set a sentence as the goal, for checkpoints that read language.",
        discussion: "Exit codes: 0 set, 1 refused, or set and the policy does not go for it, 2 there is no such run.")

    @Argument(help: "The sentence.")
    var words: [String]

    @Flag(help: "Set the goal even if another one was set in the meantime.")
    var force = false

    @OptionGroup var options: GoalNodeOptions

    func run() throws { try options.set(.setText(words.joined(separator: " ")), isForced: force) }
}

struct ClearCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clear", abstract: "Take the goal away: with policy.require_goal the arm holds.",
        discussion: "Exit codes: 0 cleared, 1 refused, 2 there is no such run.")

    @OptionGroup var options: GoalNodeOptions

    func run() throws { try options.send(.clear) }
}

struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record", abstract: "Take a goal from all cameras of the running robot.",
        discussion: """
            Waits until nothing moves in the pictures and the exposure is steady, then keeps the full-size frames, the \
            cameras' settings and the arm's state. The goal is not set thereby.

              octo-goal record cup && octo-goal set cup

            Exit codes: 0 recorded, 1 refused (the pictures do not settle, the name is taken), 2 there is no such run.
            """)

    @Argument(help: "Name that the goal gets.")
    var name: String

    @Option(help: "Keep this sentence with the pictures.")
    var text: String?

    @Flag(help: "Overwrite a goal of that name.")
    var replace = false

    @OptionGroup var numbers: TaskNumberOptions
    @OptionGroup var options: GoalNodeOptions

    func run() throws {
        try options.send(
            .record(.init(name: name, text: text, replaces: replace, origin: .live, taskNumbers: numbers.byKey)),
            patience: GoalCapture.defaultPatience + .seconds(1))
    }
}
