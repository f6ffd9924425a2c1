import Files
import Images
import Messages
import Time

extension ActionChunk: WireMessage {
    package static let schemaName = "octo.ActionChunk"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_ActionChunk()
        proto.id = id
        proto.goalID = goalID
        proto.observationNs = observationTime.nanoseconds
        proto.captureNs = captureTime.nanoseconds
        proto.inferredNs = inferredTime.nanoseconds
        proto.stepDurationNs = stepDuration.nanoseconds
        proto.actionDimension = try Self.check.small(actionDimension, "action_dimension")
        proto.actions = actions
        proto.actionSpace =
            switch actionSpace {
            case .eefDelta: .eefDelta
            case .jointPosition: .jointPosition
            case .jointDelta: .jointDelta
            case .eefAbsolute: .eefAbsolute
            }
        proto.noiseSeed = noiseSeed
        proto.noiseCounter = noiseCounter
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_ActionChunk.self, from: body)
        try Self.validate(proto)
        let space: ActionSpace
        switch proto.actionSpace {
        case .eefDelta: space = .eefDelta
        case .jointPosition: space = .jointPosition
        case .jointDelta: space = .jointDelta
        case .eefAbsolute: space = .eefAbsolute
        case .unspecified, .UNRECOGNIZED:
            throw Self.check.failure(
                "action_space", found: "\(proto.actionSpace.rawValue)", expected: "1...\(ActionSpace.allCases.count)")
        }
        self.init(
            id: proto.id, goalID: proto.goalID, observationTime: MonotonicTime(nanoseconds: proto.observationNs),
            captureTime: MonotonicTime(nanoseconds: proto.captureNs),
            inferredTime: MonotonicTime(nanoseconds: proto.inferredNs),
            stepDuration: .nanoseconds(proto.stepDurationNs),
            actionDimension: Int(proto.actionDimension), actions: proto.actions, actionSpace: space,
            noiseSeed: proto.noiseSeed, noiseCounter: proto.noiseCounter)
    }

    /// Checks a chunk's fields. NaN and infinity pass: refusing such a chunk, and saying so, is the arm's work.
    private static func validate(_ proto: Octo_ActionChunk) throws(WireError) {
        try check.name(proto.goalID, "goal_id")
        try check.time(proto.observationNs, "observation_ns")
        try check.time(proto.captureNs, "capture_ns")
        try check.time(proto.inferredNs, "inferred_ns")
        try check.require(
            (1...FieldCheck.longestStep).contains(proto.stepDurationNs), "step_duration_ns",
            found: "\(proto.stepDurationNs)", expected: "1 ns to 1 h")
        try check.count(proto.actions.count, atMost: FieldCheck.mostActions, "actions")
        let dimension = Int(proto.actionDimension)
        try check.require(
            dimension > 0 && proto.actions.count % dimension == 0, "actions",
            found: "\(proto.actions.count) numbers", expected: "whole rows of action_dimension \(dimension)")
    }
}
