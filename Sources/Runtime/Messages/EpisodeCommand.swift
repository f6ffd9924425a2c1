import Time

/// What an operator asks of the recorder.
package struct EpisodeCommand: Equatable, Sendable {
    /// Raw values travel on the bus: only add.
    package enum Action: UInt8, CaseIterable, Sendable {
        case start = 1
        /// The episode that is recorded, or else the last one, reached its aim.
        case markSuccess = 2
        case markFailure = 3
        /// Ends the episode and says that it is not to be used; what was recorded stays.
        case discard = 4
        case stop = 5
        /// Adds `text` to the episode.
        case note = 6
    }
    /// Chosen by the sender; the same command sent again keeps it.
    package var id: UInt64
    /// Who asks, as "octo-teleop (pid 1234)"; never empty.
    package var operatorID: String
    package var action: Action
    /// The episode's name for `start`, empty for one by time; a note for all others.
    package var text: String
    package var time: MonotonicTime

    package init(id: UInt64, operatorID: String, action: Action, text: String = "", time: MonotonicTime) {
        self.id = id
        self.operatorID = operatorID
        self.action = action
        self.text = text
        self.time = time
    }
}

/// What became of an `EpisodeCommand`.
package struct EpisodeResult: Equatable, Sendable {
    /// Id of the command, with the operator who sent it.
    package var id: UInt64
    package var operatorID: String
    package var isAccepted: Bool
    /// Answer for people: what was done, or why not and what to do.
    package var message: String
    package var time: MonotonicTime

    package init(id: UInt64, operatorID: String, isAccepted: Bool, message: String, time: MonotonicTime) {
        self.id = id
        self.operatorID = operatorID
        self.isAccepted = isAccepted
        self.message = message
        self.time = time
    }
}

/// What the recorder is about.
package struct EpisodeState: Equatable, Sendable {
    /// Raw values travel on the bus: only add.
    package enum Outcome: UInt8, CaseIterable, Sendable {
        /// Nobody has said.
        case open = 1
        case success = 2
        case failure = 3
        case discarded = 4
    }
    package var isRecording: Bool
    /// Name of the present or the last episode; empty before the first.
    package var name: String
    /// Path of the episode's file; empty before the first.
    package var path: String
    package var outcome: Outcome
    /// Time at which the episode began; meaningless before the first.
    package var startTime: MonotonicTime
    package var messages: Int64
    package var bytes: Int64
    /// Messages that are known to be missing.
    package var missing: Int64
    package var time: MonotonicTime

    package init(
        isRecording: Bool, name: String, path: String, outcome: Outcome, startTime: MonotonicTime, messages: Int64,
        bytes: Int64,
        missing: Int64, time: MonotonicTime
    ) {
        self.isRecording = isRecording
        self.name = name
        self.path = path
        self.outcome = outcome
        self.startTime = startTime
        self.messages = messages
        self.bytes = bytes
        self.missing = missing
        self.time = time
    }
}
