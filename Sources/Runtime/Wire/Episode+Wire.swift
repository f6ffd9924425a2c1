import Files
import Images
import Messages
import Time

extension RunEvent: WireMessage {
    package static let schemaName = "octo.RunEvent"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_RunEvent()
        proto.node = node
        proto.kind = .init(rawValue: Int(kind.rawValue)) ?? .unspecified
        proto.subject = subject
        proto.text = text
        proto.timeNs = time.nanoseconds
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_RunEvent.self, from: body)
        try Self.validate(proto)
        guard let kind = UInt8(exactly: proto.kind.rawValue).flatMap(Kind.init) else {
            throw Self.check.failure("kind", found: "\(proto.kind.rawValue)", expected: "1...\(Kind.allCases.count)")
        }
        self.init(
            node: proto.node, kind: kind, subject: proto.subject, text: proto.text,
            time: MonotonicTime(nanoseconds: proto.timeNs))
    }

    private static func validate(_ proto: Octo_RunEvent) throws(WireError) {
        try check.name(proto.node, "node")
        try check.name(proto.subject, "subject")
        try check.text(proto.text, "text")
        try check.time(proto.timeNs, "time_ns")
    }
}

extension EpisodeCommand: WireMessage {
    package static let schemaName = "octo.EpisodeCommand"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_EpisodeCommand()
        proto.id = id
        proto.operatorID = operatorID
        proto.action = .init(rawValue: Int(action.rawValue)) ?? .unspecified
        proto.text = text
        proto.timeNs = time.nanoseconds
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_EpisodeCommand.self, from: body)
        try Self.validate(proto)
        guard let action = UInt8(exactly: proto.action.rawValue).flatMap(Action.init) else {
            throw Self.check.failure(
                "action", found: "\(proto.action.rawValue)", expected: "1...\(Action.allCases.count)")
        }
        self.init(
            id: proto.id, operatorID: proto.operatorID, action: action, text: proto.text,
            time: MonotonicTime(nanoseconds: proto.timeNs))
    }

    private static func validate(_ proto: Octo_EpisodeCommand) throws(WireError) {
        try check.operatorID(proto.operatorID)
        try check.text(proto.text, "text")
        try check.time(proto.timeNs, "time_ns")
    }
}

extension EpisodeResult: WireMessage {
    package static let schemaName = "octo.EpisodeResult"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_EpisodeResult()
        proto.id = id
        proto.operatorID = operatorID
        proto.isAccepted = isAccepted
        proto.message = message
        proto.timeNs = time.nanoseconds
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_EpisodeResult.self, from: body)
        try Self.validate(proto)
        self.init(
            id: proto.id, operatorID: proto.operatorID, isAccepted: proto.isAccepted, message: proto.message,
            time: MonotonicTime(nanoseconds: proto.timeNs))
    }

    private static func validate(_ proto: Octo_EpisodeResult) throws(WireError) {
        try check.operatorID(proto.operatorID)
        try check.text(proto.message, "message")
        try check.time(proto.timeNs, "time_ns")
    }
}

extension EpisodeState: WireMessage {
    package static let schemaName = "octo.EpisodeState"
    /// The largest number of messages or bytes that can be told.
    package static let largestCount = FieldCheck.largestCount

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_EpisodeState()
        proto.isRecording = isRecording
        proto.name = name
        proto.path = path
        proto.outcome = .init(rawValue: Int(outcome.rawValue)) ?? .unspecified
        proto.startNs = startTime.nanoseconds
        proto.messages = messages
        proto.bytes = bytes
        proto.missing = missing
        proto.timeNs = time.nanoseconds
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_EpisodeState.self, from: body)
        try Self.validate(proto)
        guard let outcome = UInt8(exactly: proto.outcome.rawValue).flatMap(Outcome.init) else {
            throw Self.check.failure(
                "outcome", found: "\(proto.outcome.rawValue)", expected: "1...\(Outcome.allCases.count)")
        }
        self.init(
            isRecording: proto.isRecording, name: proto.name, path: proto.path, outcome: outcome,
            startTime: MonotonicTime(nanoseconds: proto.startNs), messages: proto.messages, bytes: proto.bytes,
            missing: proto.missing, time: MonotonicTime(nanoseconds: proto.timeNs))
    }

    private static func validate(_ proto: Octo_EpisodeState) throws(WireError) {
        try check.name(proto.name, "name")
        try check.text(proto.path, "path")
        try check.time(proto.startNs, "start_ns")
        try check.total(proto.messages, "messages")
        try check.total(proto.bytes, "bytes")
        try check.total(proto.missing, "missing")
        try check.time(proto.timeNs, "time_ns")
    }
}
