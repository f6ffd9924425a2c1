import Files
import Images
import Messages
import Time

extension GoalCommand: WireMessage {
    package static let schemaName = "octo.GoalCommand"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_GoalCommand()
        proto.id = id
        proto.operatorID = operatorID
        switch action {
        case .set(let name): proto.set.name = name
        case .setText(let text): proto.setText.text = text
        case .clear: proto.clear = .init()
        case .record(let recording):
            proto.record.name = recording.name
            if let text = recording.text { proto.record.text = text }
            proto.record.replaces = recording.replaces
            proto.record.origin = recording.origin.rawValue
            proto.record.taskNumbers = [Octo_TaskNumbers](recording.taskNumbers)
        }
        if let expectedGoalID { proto.expectedGoalID = expectedGoalID }
        proto.timeNs = time.nanoseconds
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_GoalCommand.self, from: body)
        try Self.validate(proto)
        let action: Action
        switch proto.action {
        case .set(let set): action = .set(name: set.name)
        case .setText(let text): action = .setText(text.text)
        case .clear: action = .clear
        case .record(let record):
            guard let origin = Recording.Origin(rawValue: record.origin) else {
                throw Self.check.failure(
                    "record.origin", found: "'\(record.origin.prefix(40))'", expected: "live or teleop")
            }
            action = .record(
                Recording(
                    name: record.name, text: record.hasText ? record.text : nil, replaces: record.replaces,
                    origin: origin, taskNumbers: record.taskNumbers.byKey))
        case nil: throw Self.check.failure("action", found: "absent", expected: "set, set_text, clear or record")
        }
        self.init(
            id: proto.id, operatorID: proto.operatorID, action: action,
            expectedGoalID: proto.hasExpectedGoalID ? proto.expectedGoalID : nil,
            time: MonotonicTime(nanoseconds: proto.timeNs))
    }

    private static func validate(_ proto: Octo_GoalCommand) throws(WireError) {
        try check.operatorID(proto.operatorID)
        try check.name(proto.expectedGoalID, "expected_goal_id")
        try check.name(proto.set.name, "set.name")
        try check.text(proto.setText.text, "set_text.text")
        try check.name(proto.record.name, "record.name")
        try check.text(proto.record.text, "record.text")
        try check.taskNumbers(proto.record.taskNumbers)
        try check.time(proto.timeNs, "time_ns")
    }
}

extension GoalResult: WireMessage {
    package static let schemaName = "octo.GoalResult"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_GoalResult()
        proto.id = id
        proto.operatorID = operatorID
        proto.isAccepted = isAccepted
        proto.goalID = goalID
        proto.goalName = goalName
        proto.path = path
        proto.message = message
        proto.timeNs = time.nanoseconds
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_GoalResult.self, from: body)
        try Self.validate(proto)
        self.init(
            id: proto.id, operatorID: proto.operatorID, isAccepted: proto.isAccepted, goalID: proto.goalID,
            goalName: proto.goalName, path: proto.path, message: proto.message,
            time: MonotonicTime(nanoseconds: proto.timeNs))
    }

    private static func validate(_ proto: Octo_GoalResult) throws(WireError) {
        try check.operatorID(proto.operatorID)
        try check.name(proto.goalID, "goal_id")
        try check.name(proto.goalName, "goal_name")
        try check.text(proto.path, "path")
        try check.text(proto.message, "message")
        try check.time(proto.timeNs, "time_ns")
    }
}

extension GoalFit: WireMessage {
    package static let schemaName = "octo.GoalFit"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_GoalFit()
        proto.goalID = goalID
        proto.goalName = goalName
        proto.verdict = Self.proto(verdict)
        proto.cameras = cameras.map { camera in
            var entry = Octo_GoalFit.CameraFit()
            entry.camera = camera.camera
            entry.verdict = Self.proto(camera.verdict)
            entry.reasons = camera.reasons.map { reason in
                var entry = Octo_GoalFit.Reason()
                entry.verdict = Self.proto(reason.verdict)
                entry.text = reason.text
                return entry
            }
            entry.shiftXPx = camera.shiftX
            entry.shiftYPx = camera.shiftY
            entry.rotationRad = camera.rotation
            entry.scale = camera.scale
            entry.brightness = camera.brightness
            entry.agreement = camera.agreement
            entry.overlap = camera.overlap
            return entry
        }
        proto.timeNs = time.nanoseconds
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_GoalFit.self, from: body)
        try Self.validate(proto)
        var cameras: [CameraFit] = []
        for entry in proto.cameras {
            var reasons: [Reason] = []
            for reason in entry.reasons {
                reasons.append(Reason(verdict: try Self.verdict(reason.verdict), text: reason.text))
            }
            cameras.append(
                CameraFit(
                    camera: entry.camera, verdict: try Self.verdict(entry.verdict), reasons: reasons,
                    shiftX: entry.shiftXPx,
                    shiftY: entry.shiftYPx, rotation: entry.rotationRad, scale: entry.scale,
                    brightness: entry.brightness,
                    agreement: entry.agreement, overlap: entry.overlap))
        }
        self.init(
            goalID: proto.goalID, goalName: proto.goalName, verdict: try Self.verdict(proto.verdict), cameras: cameras,
            time: MonotonicTime(nanoseconds: proto.timeNs))
    }

    private static func proto(_ verdict: Verdict) -> Octo_GoalFit.Verdict {
        .init(rawValue: Int(verdict.rawValue)) ?? .unspecified
    }

    private static func verdict(_ proto: Octo_GoalFit.Verdict) throws(WireError) -> Verdict {
        guard let verdict = UInt8(exactly: proto.rawValue).flatMap(Verdict.init) else {
            throw check.failure("verdict", found: "\(proto.rawValue)", expected: "1...\(Verdict.allCases.count)")
        }
        return verdict
    }

    private static func validate(_ proto: Octo_GoalFit) throws(WireError) {
        try check.name(proto.goalID, "goal_id")
        try check.name(proto.goalName, "goal_name")
        try check.count(proto.cameras.count, atMost: FieldCheck.mostViews, "cameras")
        for camera in proto.cameras {
            try check.name(camera.camera, "camera")
            try check.count(camera.reasons.count, atMost: FieldCheck.mostEntries, "reasons")
            for reason in camera.reasons { try check.text(reason.text, "a reason's text") }
            let numbers = [
                camera.shiftXPx, camera.shiftYPx, camera.rotationRad, camera.scale, camera.brightness, camera.agreement,
                camera.overlap,
            ]
            try check.require(
                numbers.allSatisfy(\.isFinite), "the numbers of camera '\(camera.camera)'", found: "\(numbers)",
                expected: "finite ones")
        }
        try check.ascending(proto.cameras.map(\.camera))
        try check.time(proto.timeNs, "time_ns")
    }
}

extension FieldCheck {
    /// Checks the name of the operator who asks.
    func operatorID(_ text: String) throws(WireError) {
        try name(text, "operator_id")
        try require(!text.isEmpty, "operator_id", found: "nothing", expected: "who asks")
    }
}
