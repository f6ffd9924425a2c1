import Files
import Images
import Maths
import Messages
import Time

extension ArmTrace: WireMessage {
    package static let schemaName = "octo.ArmTrace"

    package func encoded() throws(WireError) -> EncodedMessage {
        try Self.check.count(entries.count, atMost: Self.mostEntries, "entries")
        var proto = Octo_ArmTrace()
        proto.dropped = dropped
        proto.entries.reserveCapacity(entries.count)
        for entry in entries { proto.entries.append(try Self.write(entry)) }
        try Self.check.total(dropped, "dropped")
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_ArmTrace.self, from: body)
        try Self.check.count(proto.entries.count, atMost: Self.mostEntries, "entries")
        try Self.check.total(proto.dropped, "dropped")
        var entries: [Entry] = []
        entries.reserveCapacity(proto.entries.count)
        for entry in proto.entries { entries.append(try Self.read(entry)) }
        self.init(entries: entries, dropped: proto.dropped)
    }

    private static func write(_ entry: Entry) throws(WireError) -> Octo_ArmTrace.Entry {
        var proto = Octo_ArmTrace.Entry()
        switch entry {
        case .began(let measured, let lower, let upper):
            proto.began.measured = Octo_ArmTrace.Joints(measured)
            proto.began.lowerRad = lower.array
            proto.began.upperRad = upper.array
        case .latched(let reason):
            proto.latched = Octo_ArmState.HoldReason(rawValue: Int(reason.rawValue)) ?? .unspecified
        case .chunk(let id, let observationTime, let takenTime):
            proto.chunk.chunkID = id
            proto.chunk.observationNs = observationTime.nanoseconds
            proto.chunk.takenNs = takenTime.nanoseconds
        case .manual(let command, let takenTime):
            proto.manual.command = Octo_ManualCommand(command)
            proto.manual.takenNs = takenTime.nanoseconds
        case .command(let action):
            proto.command = Octo_ArmCommand.Action(rawValue: Int(action.rawValue)) ?? .unspecified
        case .tick(let tick):
            proto.tick.deadlineNs = tick.deadline.nanoseconds
            if let measured = tick.measured { proto.tick.measured = Octo_ArmTrace.Joints(measured) }
            proto.tick.isStopping = tick.isStopping
            proto.tick.setpointPositionsRad = tick.setpoint.positions.array
            proto.tick.setpointVelocitiesRadPerS = tick.setpoint.velocities.array
            proto.tick.setpointGripper = tick.setpoint.gripper
            proto.tick.isLimp = tick.isLimp
            if let written = tick.writtenTime { proto.tick.writtenNs = written.nanoseconds }
            proto.tick.hasFailed_p = tick.hasFailed
        }
        return proto
    }

    private static func read(_ proto: Octo_ArmTrace.Entry) throws(WireError) -> Entry {
        switch proto.kind {
        case .began(let began):
            let measured = try joints(began.measured)
            try check.require(
                began.lowerRad.count == measured.positions.count && began.upperRad.count == measured.positions.count,
                "the number of limits", found: "\(began.lowerRad.count) and \(began.upperRad.count)",
                expected: "one for each of \(measured.positions.count) joints")
            return .began(measured, lower: JointVector(began.lowerRad), upper: JointVector(began.upperRad))
        case .latched(let value):
            guard let reason = UInt8(exactly: value.rawValue).flatMap(HoldReason.init) else {
                throw check.failure("latched", found: "\(value.rawValue)", expected: "1...\(HoldReason.allCases.count)")
            }
            return .latched(reason)
        case .chunk(let chunk):
            return .chunk(
                id: chunk.chunkID, observationTime: try time(chunk.observationNs, "observation_ns"),
                takenTime: try time(chunk.takenNs, "taken_ns"))
        case .manual(let manual):
            return .manual(
                try ManualCommand(checking: manual.command), takenTime: try time(manual.takenNs, "taken_ns"))
        case .command(let action):
            guard let known = UInt8(exactly: action.rawValue).flatMap(ArmCommand.Action.init) else {
                throw check.failure(
                    "command", found: "\(action.rawValue)", expected: "1...\(ArmCommand.Action.allCases.count)")
            }
            return .command(known)
        case .tick(let tick):
            let counts = [tick.setpointPositionsRad.count, tick.setpointVelocitiesRadPerS.count]
            try check.require(
                counts[0] == counts[1] && counts[0] <= JointVector.capacity, "the number of joints", found: "\(counts)",
                expected: "the same in both vectors, at most \(JointVector.capacity)")
            return .tick(
                Tick(
                    deadline: try time(tick.deadlineNs, "deadline_ns"),
                    measured: tick.hasMeasured ? try joints(tick.measured) : nil, isStopping: tick.isStopping,
                    setpoint: JointSetpoint(
                        positions: JointVector(tick.setpointPositionsRad),
                        velocities: JointVector(tick.setpointVelocitiesRadPerS), gripper: tick.setpointGripper),
                    isLimp: tick.isLimp, writtenTime: tick.hasWrittenNs ? try time(tick.writtenNs, "written_ns") : nil,
                    hasFailed: tick.hasFailed_p))
        case nil:
            throw check.failure("kind", found: "absent", expected: "began, latched, chunk, manual, command or tick")
        }
    }

    private static func time(_ nanoseconds: Int64, _ field: String) throws(WireError) -> MonotonicTime {
        try check.time(nanoseconds, field)
        return MonotonicTime(nanoseconds: nanoseconds)
    }

    /// Reads joints. Numbers that are not finite pass: what encoders say is kept as it is.
    private static func joints(_ proto: Octo_ArmTrace.Joints) throws(WireError) -> JointState {
        let count = proto.positionsRad.count
        let others = [proto.velocitiesRadPerS, proto.load, proto.temperatureCelsius].map(\.count)
        try check.require(
            count <= JointVector.capacity && others[0] == count
                && others.dropFirst().allSatisfy { $0 == 0 || $0 == count },
            "the number of joints", found: "\(count), \(others)",
            expected: "the same in each, at most \(JointVector.capacity)")
        try check.joints(proto.unread, among: count, "unread")
        return JointState(
            time: try time(proto.timeNs, "time_ns"), positions: JointVector(proto.positionsRad),
            velocities: JointVector(proto.velocitiesRadPerS), gripper: proto.gripper,
            load: proto.load.isEmpty ? nil : JointVector(proto.load),
            temperatures: proto.temperatureCelsius.isEmpty ? nil : JointVector(proto.temperatureCelsius),
            gripperLoad: proto.hasGripperLoad ? proto.gripperLoad : nil,
            gripperTemperature: proto.hasGripperTemperatureCelsius ? proto.gripperTemperatureCelsius : nil,
            unread: JointSet(bits: UInt16(proto.unread)))
    }
}

extension Octo_ArmTrace.Joints {
    fileprivate init(_ state: JointState) {
        self.init()
        timeNs = state.time.nanoseconds
        positionsRad = state.positions.array
        velocitiesRadPerS = state.velocities.array
        gripper = state.gripper
        unread = UInt32(state.unread.bits)
        load = state.load?.array ?? []
        temperatureCelsius = state.temperatures?.array ?? []
        if let load = state.gripperLoad { gripperLoad = load }
        if let temperature = state.gripperTemperature { gripperTemperatureCelsius = temperature }
    }
}
