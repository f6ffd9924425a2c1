import Time

/// What an operator asks of the goal node.
package struct GoalCommand: Equatable, Sendable {
    /// What is to be done.
    package enum Action: Equatable, Sendable {
        /// The goal of this name in the library becomes the present one.
        case set(name: String)
        /// A sentence becomes the present goal.
        case setText(String)
        /// No goal: the policy holds, or runs unconditioned, as the manifest says.
        case clear
        /// Takes a goal from the live cameras once their pictures have settled, and keeps it under this name. It is not
        /// set thereby.
        case record(Recording)
    }
    /// A goal that is to be taken from what the cameras see.
    package struct Recording: Equatable, Sendable {
        /// Who brought the scene into the goal's state.
        package enum Origin: String, Sendable {
            /// Nobody through this program: the cameras were just looking.
            case live
            /// An operator who drove the arm there.
            case teleop
        }
        /// Name of the goal in the library.
        package var name: String
        /// The sentence that goes with the pictures.
        package var text: String?
        /// A goal of that name may be overwritten.
        package var replaces: Bool
        package var origin: Origin
        /// What an image encoder with FiLM layers reads of the task, by key.
        package var taskNumbers: [String: [Float]]

        package init(
            name: String, text: String? = nil, replaces: Bool = false, origin: Origin,
            taskNumbers: [String: [Float]] = [:]
        ) {
            self.name = name
            self.text = text
            self.replaces = replaces
            self.origin = origin
            self.taskNumbers = taskNumbers
        }
    }
    /// Chosen by the sender; the same command sent again keeps it.
    package var id: UInt64
    /// Who asks, as "octo-teleop (pid 1234)"; never empty.
    package var operatorID: String
    package var action: Action
    /// The id of the goal that the operator saw when asking ("" for none): the command is refused when another has been
    /// set meanwhile. Nil: it does not matter.
    package var expectedGoalID: String?
    package var time: MonotonicTime

    package init(id: UInt64, operatorID: String, action: Action, expectedGoalID: String? = nil, time: MonotonicTime) {
        self.id = id
        self.operatorID = operatorID
        self.action = action
        self.expectedGoalID = expectedGoalID
        self.time = time
    }
}

/// What became of a `GoalCommand`.
package struct GoalResult: Equatable, Sendable {
    /// Id of the command, with the operator who sent it.
    package var id: UInt64
    package var operatorID: String
    package var isAccepted: Bool
    /// Id and name of the goal that is set, or was recorded.
    package var goalID: String
    package var goalName: String
    /// The folder that holds the goal; empty when it is in none.
    package var path: String
    /// Answer for people: what was done, or why not and what to do.
    package var message: String
    package var time: MonotonicTime

    package init(
        id: UInt64, operatorID: String, isAccepted: Bool, goalID: String, goalName: String, path: String,
        message: String,
        time: MonotonicTime
    ) {
        self.id = id
        self.operatorID = operatorID
        self.isAccepted = isAccepted
        self.goalID = goalID
        self.goalName = goalName
        self.path = path
        self.message = message
        self.time = time
    }
}
