import Files
import Images
import Maths
import Messages
import Time

extension ArmCommand: WireMessage {
    package static let schemaName = "octo.ArmCommand"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_ArmCommand()
        proto.id = id
        proto.operatorID = operatorID
        proto.action = Octo_ArmCommand.Action(rawValue: Int(action.rawValue)) ?? .unspecified
        proto.timeNs = time.nanoseconds
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_ArmCommand.self, from: body)
        try Self.validate(proto)
        guard let action = UInt8(exactly: proto.action.rawValue).flatMap(Action.init) else {
            throw Self.check.failure(
                "action", found: "\(proto.action.rawValue)", expected: "1...\(Action.allCases.count)")
        }
        self.init(
            id: proto.id, operatorID: proto.operatorID, action: action, time: MonotonicTime(nanoseconds: proto.timeNs))
    }

    private static func validate(_ proto: Octo_ArmCommand) throws(WireError) {
        try check.name(proto.operatorID, "operator_id")
        try check.require(!proto.operatorID.isEmpty, "operator_id", found: "nothing", expected: "who asks")
        try check.time(proto.timeNs, "time_ns")
    }
}

extension ManualCommand: WireMessage {
    package static let schemaName = "octo.ManualCommand"

    package func encoded() throws(WireError) -> EncodedMessage {
        let proto = Octo_ManualCommand(self)
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        try self.init(checking: Self.parse(Octo_ManualCommand.self, from: body))
    }

    init(checking proto: Octo_ManualCommand) throws(WireError) {
        try Self.validate(proto)
        let motion: Motion
        switch proto.motion {
        case .joints(let joints): motion = .joints(JointVector(joints.velocitiesRadPerS))
        case .twist(let twist):
            motion = .twist(
                linear: [twist.linearXMPerS, twist.linearYMPerS, twist.linearZMPerS],
                angular: [twist.angularXRadPerS, twist.angularYRadPerS, twist.angularZRadPerS])
        case .positions(let positions):
            motion = .positions(JointVector(positions.positionsRad), speed: positions.speed)
        case nil: throw Self.check.failure("motion", found: "absent", expected: "joints, twist or positions")
        }
        self.init(
            time: MonotonicTime(nanoseconds: proto.timeNs), isDeadManHeld: proto.isDeadManHeld, motion: motion,
            gripper: proto.hasGripper ? proto.gripper : nil)
    }

    /// Checks a command's fields. Numbers that are not finite pass: refusing them, and braking, is the arm's work.
    private static func validate(_ proto: Octo_ManualCommand) throws(WireError) {
        try check.time(proto.timeNs, "time_ns")
        let joints =
            switch proto.motion {
            case .joints(let joints): joints.velocitiesRadPerS.count
            case .positions(let positions): positions.positionsRad.count
            case .twist, nil: 1
            }
        try check.require(
            (1...JointVector.capacity).contains(joints), "the number of joints", found: "\(joints)",
            expected: "1...\(JointVector.capacity)")
    }
}

extension Octo_ManualCommand {
    init(_ command: ManualCommand) {
        self.init()
        timeNs = command.time.nanoseconds
        isDeadManHeld = command.isDeadManHeld
        switch command.motion {
        case .joints(let velocities): joints.velocitiesRadPerS = velocities.array
        case .twist(let linear, let angular):
            twist.linearXMPerS = linear.x
            twist.linearYMPerS = linear.y
            twist.linearZMPerS = linear.z
            twist.angularXRadPerS = angular.x
            twist.angularYRadPerS = angular.y
            twist.angularZRadPerS = angular.z
        case .positions(let goal, let speed):
            positions.positionsRad = goal.array
            positions.speed = speed
        }
        if let opening = command.gripper { gripper = opening }
    }
}
