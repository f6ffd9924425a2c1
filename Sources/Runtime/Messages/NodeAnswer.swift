/// A command to a node. The node answers it by its id, and does it once however often it is said.
package protocol NodeCommand: Sendable {
    /// Chosen by the sender; the same command sent again keeps it.
    var id: UInt64 { get }
    /// Who asks, as "octo-teleop (pid 1234)"; never empty.
    var operatorID: String { get }
}

/// What a node says to one command.
package protocol NodeAnswer: Sendable {
    /// The command's.
    var id: UInt64 { get }
    /// The command's.
    var operatorID: String { get }
    var isAccepted: Bool { get }
    /// What became of the command, or why it was refused; for people.
    var message: String { get }
}

extension NodeAnswer {
    /// Whether this is the answer to `command`, and not to another operator's of the same id.
    package func answers(_ command: some NodeCommand) -> Bool {
        id == command.id && operatorID == command.operatorID
    }
}

extension ArmCommand: NodeCommand {}
extension GoalCommand: NodeCommand {}
extension EpisodeCommand: NodeCommand {}
extension SimulationCommand: NodeCommand {}

extension GoalResult: NodeAnswer {}
extension EpisodeResult: NodeAnswer {}
extension SimulationResult: NodeAnswer {}
