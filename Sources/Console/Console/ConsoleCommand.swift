import JSONTree
import Messages

/// What a person asks for by a button of the page.
package enum ConsoleCommand: Equatable, Sendable {
    case arm(ArmCommand.Action)
    case goal(GoalCommand.Action, expectedGoalID: String?)
    /// The arm moves out of the way as the manifest says, then the goal is taken.
    case take(GoalCommand.Recording, viewer: Int)
    case deleteGoal(name: String)
    case episode(EpisodeCommand.Action, text: String)

    /// Most bytes of a sentence or a note.
    private static let longestText = 4096
    /// Most bytes of a name or an id: no message on the bus holds a longer one.
    private static let longestName = 255

    /// Reads the body of a request.
    /// - Throws: words that say what was found and expected.
    package init(parsing body: [UInt8]) throws(ConsoleCommandError) {
        let node: JSONNode
        do throws(JSONSyntaxError) {
            node = try JSONNode(parsing: body, maximumDepth: 8)
        } catch {
            throw ConsoleCommandError("the body is no JSON: \(error)")
        }
        guard let action = node["action"]?.string else {
            throw ConsoleCommandError("found no \"action\", expected one of \(Self.names.joined(separator: ", "))")
        }
        func text(_ key: String) throws(ConsoleCommandError) -> String? {
            guard let value = node[key], !value.isNull else { return nil }
            let longest = key == "text" ? Self.longestText : Self.longestName
            guard let text = value.string, text.utf8.count <= longest else {
                throw ConsoleCommandError(
                    "\"\(key)\" is \(value.string == nil ? value.kind : "too long"), expected a string of at most "
                        + "\(longest) bytes")
            }
            return text
        }
        func required(_ key: String) throws(ConsoleCommandError) -> String {
            guard let value = try text(key), !value.isEmpty else {
                throw ConsoleCommandError("'\(action)' needs \"\(key)\", a string that is not empty")
            }
            return value
        }
        if let known = Self.armActions.first(where: { $0.name == action }) {
            self = .arm(known.action)
            return
        }
        if let known = Self.episodeActions.first(where: { $0.name == action }) {
            let words = known.action == .note ? try required("text") : try text("text") ?? ""
            self = .episode(known.action, text: words)
            return
        }
        let expected = try text("expected_goal_id")
        switch action {
        case "goal.set": self = .goal(.set(name: try required("name")), expectedGoalID: expected)
        case "goal.text": self = .goal(.setText(try required("text")), expectedGoalID: expected)
        case "goal.clear": self = .goal(.clear, expectedGoalID: expected)
        case "goal.delete": self = .deleteGoal(name: try required("name"))
        case "goal.take":
            guard let viewer = node["viewer"]?.int else {
                throw ConsoleCommandError("'goal.take' needs \"viewer\", the number that \"hello\" gave the page")
            }
            let recording = GoalCommand.Recording(
                name: try required("name"), text: try text("text"), replaces: node["replaces"]?.bool ?? false,
                origin: .teleop)
            self = .take(recording, viewer: viewer)
        default:
            throw ConsoleCommandError(
                "found the action \(JSONNode(action).text()), expected one of \(Self.names.joined(separator: ", "))")
        }
    }

    private static let armActions: [(name: String, action: ArmCommand.Action)] = [
        ("stop", .emergencyStop), ("reset", .resetEmergencyStop), ("resume", .resume), ("clear_fault", .clearFault),
        ("recover", .recover),
    ]
    private static let episodeActions: [(name: String, action: EpisodeCommand.Action)] = [
        ("episode.start", .start), ("episode.stop", .stop), ("episode.success", .markSuccess),
        ("episode.failure", .markFailure), ("episode.discard", .discard), ("episode.note", .note),
    ]
    private static let goalActions = ["goal.set", "goal.text", "goal.clear", "goal.take", "goal.delete"]

    /// The name of what is asked for.
    package var action: String {
        switch self {
        case .arm(let action): Self.armActions.first { $0.action == action }?.name ?? ""
        case .episode(let action, _): Self.episodeActions.first { $0.action == action }?.name ?? ""
        case .take: "goal.take"
        case .deleteGoal: "goal.delete"
        case .goal(.set, _): "goal.set"
        case .goal(.setText, _): "goal.text"
        case .goal(.clear, _): "goal.clear"
        case .goal(.record, _): "goal.take"
        }
    }

    /// The names of all actions.
    package static let names = armActions.map(\.name) + goalActions + episodeActions.map(\.name)
}

/// A request that cannot be understood, in words for whoever sent it.
package struct ConsoleCommandError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ words: String) { description = words }
}
