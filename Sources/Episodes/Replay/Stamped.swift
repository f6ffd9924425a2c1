import Messages
import Time
import Wire

/// A message whose stamps can be moved to another time. All times on the run's clock in it are stamps; durations are
/// not.
package protocol Stamped: WireMessage {
    /// Replaces all stamps.
    /// - Parameter present: returns the new time of an old one.
    mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime)
}

extension MonotonicTime {
    /// Moves a stamp, but not one that is zero because there was nothing to stamp.
    fileprivate mutating func moveUnlessZero(_ present: (MonotonicTime) -> MonotonicTime) {
        if self != .zero { self = present(self) }
    }
}

extension CameraFrame: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) { captureTime = present(captureTime) }
}

extension PolicyObservation: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) {
        time = present(time)
        for index in views.indices { views[index].captureTime = present(views[index].captureTime) }
        if let read = proprio {
            proprio = Proprio(values: read.values, before: present(read.before), after: present(read.after))
        }
    }
}

extension ActionChunk: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) {
        observationTime = present(observationTime)
        captureTime = present(captureTime)
        inferredTime = present(inferredTime)
    }
}

extension ArmState: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) {
        measured.time = present(measured.time)
    }
}

extension ArmTrace: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) {
        for index in entries.indices { entries[index].moveStamps(present) }
    }
}

extension ArmTrace.Entry {
    fileprivate mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) {
        switch self {
        case .latched: break
        case .began(var measured, let lower, let upper):
            measured.time = present(measured.time)
            self = .began(measured, lower: lower, upper: upper)
        case .chunk(let id, let observationTime, let takenTime):
            self = .chunk(id: id, observationTime: present(observationTime), takenTime: present(takenTime))
        case .manual(var command, let takenTime):
            command.moveStamps(present)
            self = .manual(command, takenTime: present(takenTime))
        case .command: break
        case .tick(var tick):
            tick.deadline = present(tick.deadline)
            if let time = tick.measured?.time { tick.measured?.time = present(time) }
            tick.writtenTime = tick.writtenTime.map(present)
            self = .tick(tick)
        }
    }
}

extension ChunkReport: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) {
        captureTime.moveUnlessZero(present)
        observationTime.moveUnlessZero(present)
        receivedTime.moveUnlessZero(present)
        firstSetpointTime.moveUnlessZero(present)
    }
}

extension LoopReport: Stamped {
    package mutating func moveStamps(_: (MonotonicTime) -> MonotonicTime) {}
}

extension ArmCommand: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) { time = present(time) }
}

extension ManualCommand: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) { time = present(time) }
}

extension Goal: Stamped {
    package mutating func moveStamps(_: (MonotonicTime) -> MonotonicTime) {}
}

extension GoalCommand: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) { time = present(time) }
}

extension GoalResult: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) { time = present(time) }
}

extension GoalFit: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) { time = present(time) }
}

extension NodeStatus: Stamped {
    package mutating func moveStamps(_: (MonotonicTime) -> MonotonicTime) {}
}

extension RunEvent: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) { time = present(time) }
}

extension EpisodeCommand: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) { time = present(time) }
}

extension EpisodeResult: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) { time = present(time) }
}

extension EpisodeState: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) {
        startTime.moveUnlessZero(present)
        time = present(time)
    }
}

extension SimulationCommand: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) { time = present(time) }
}

extension SimulationResult: Stamped {
    package mutating func moveStamps(_ present: (MonotonicTime) -> MonotonicTime) { time = present(time) }
}

/// Does something with a message whose type the compiler does not know.
package protocol StampedVisitor {
    associatedtype Result
    mutating func visit<Message: Stamped>(_ type: Message.Type, delivery: Delivery) throws -> Result
}

/// All types that can be played again, by the name in the envelope.
package enum StampedTypes {
    private struct Entry: Sendable {
        let type: any Stamped.Type
        let delivery: Delivery
    }

    /// The delivery matters to the publisher in one way only: latched values are sent again to late readers.
    private static let entries: [String: Entry] = {
        var entries: [String: Entry] = [:]
        func add(_ type: any Stamped.Type, _ delivery: Delivery = .every(capacity: 64)) {
            entries[type.schemaName] = Entry(type: type, delivery: delivery)
        }
        add(CameraFrame.self, .latest)
        add(PolicyObservation.self)
        add(ActionChunk.self)
        add(ArmState.self, .latest)
        add(ArmTrace.self)
        add(ChunkReport.self)
        add(LoopReport.self)
        add(ArmCommand.self)
        add(ManualCommand.self, .latest)
        add(Goal.self, .latched)
        add(GoalCommand.self)
        add(GoalResult.self)
        add(GoalFit.self, .latched)
        add(NodeStatus.self, .latched)
        add(RunEvent.self)
        add(EpisodeCommand.self)
        add(EpisodeResult.self)
        add(EpisodeState.self, .latched)
        add(SimulationCommand.self)
        add(SimulationResult.self)
        return entries
    }()

    package static var schemaNames: [String] { entries.keys.sorted() }

    /// Whether a reader that comes late gets the last message.
    package static func isLatched(_ schema: String) -> Bool { entries[schema]?.delivery == .latched }

    /// Whether messages of this type move or change something: they are played only when they are asked for by name.
    package static func isCommand(_ schema: String) -> Bool {
        [
            ArmCommand.schemaName, ManualCommand.schemaName, GoalCommand.schemaName, EpisodeCommand.schemaName,
            SimulationCommand.schemaName,
        ].contains(schema)
    }

    /// Calls the visitor with the type of a schema's messages.
    /// - Returns: what the visitor returns; nil for a type that is not known.
    package static func visit<Visitor: StampedVisitor>(
        _ schema: String, _ visitor: inout Visitor
    ) throws -> Visitor.Result? {
        guard let entry = entries[schema] else { return nil }
        return try visitor.visit(entry.type, delivery: entry.delivery)
    }
}
