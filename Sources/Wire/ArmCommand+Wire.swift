import Geometry
import Images
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
            throw Self.check.failure("action", found: "\(proto.action.rawValue)", expected: "1...\(Action.allCases.count)")
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
        var proto = Octo_ManualCommand()
        proto.timeNs = time.nanoseconds
        proto.isDeadManHeld = isDeadManHeld
        switch motion {
        case .joints(let velocities): proto.joints.velocitiesRadPerS = velocities.array
        case .twist(let linear, let angular):
            proto.twist.linearXMPerS = linear.x
            proto.twist.linearYMPerS = linear.y
            proto.twist.linearZMPerS = linear.z
            proto.twist.angularXRadPerS = angular.x
            proto.twist.angularYRadPerS = angular.y
            proto.twist.angularZRadPerS = angular.z
        case .positions(let positions, let speed):
            proto.positions.positionsRad = positions.array
            proto.positions.speed = speed
        }
        if let gripper { proto.gripper = gripper }
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_ManualCommand.self, from: body)
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

    /// Numbers that are not finite pass: refusing them, and braking, is the arm's work.
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
