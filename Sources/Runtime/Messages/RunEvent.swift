import Time

/// Something that happened in a run and belongs in its log: who did what, when.
package struct RunEvent: Equatable, Sendable {
    /// Raw values travel on the bus: only add.
    package enum Kind: UInt8, CaseIterable, Sendable {
        case goalChanged = 1
        case goalRecorded = 2
        case fitChanged = 3
        /// An operator took the arm while the policy had it.
        case interventionBegan = 4
        case interventionEnded = 5
        /// The policy was kept from moving the arm, or let go on: by the goal's fit, or a missing goal.
        case policyHeld = 6
        case policyReleased = 7
        case emergencyStop = 8
        case emergencyStopReset = 9
        /// The arm holds until a person does something: a fault, a joint beyond its limits, a stop that was reset.
        case armHeld = 10
        /// Nothing of that kind holds the arm any more.
        case armReleased = 11
    }
    package var node: String
    package var kind: Kind
    /// What it is about: the goal's name, the operator.
    package var subject: String
    /// One line for people.
    package var text: String
    package var time: MonotonicTime

    package init(node: String, kind: Kind, subject: String, text: String, time: MonotonicTime) {
        self.node = node
        self.kind = kind
        self.subject = subject
        self.text = text
        self.time = time
    }
}
