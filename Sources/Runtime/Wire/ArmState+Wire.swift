import Files
import Images
import Maths
import Messages
import Time

extension ArmState: WireMessage {
    package static let schemaName = "octo.ArmState"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_ArmState()
        proto.tick = tick
        switch mode {
        case .executing(let chunkID, let step):
            proto.executing.chunkID = chunkID
            proto.executing.step = try Self.check.small(step, "step")
        case .holding(let reason):
            proto.holding = Octo_ArmState.HoldReason(rawValue: Int(reason.rawValue)) ?? .unspecified
        case .manual: proto.manual = Octo_ArmState.Manual()
        case .recovering: proto.recovering = Octo_ArmState.Recovering()
        }
        proto.measuredNs = measured.time.nanoseconds
        proto.measuredPositionsRad = measured.positions.array
        proto.measuredVelocitiesRadPerS = measured.velocities.array
        proto.measuredGripper = measured.gripper
        proto.setpointPositionsRad = setpoint.positions.array
        proto.setpointVelocitiesRadPerS = setpoint.velocities.array
        proto.setpointGripper = setpoint.gripper
        proto.baseFromEef = Octo_Pose(baseFromEEF)
        proto.commandedBaseFromEef = Octo_Pose(commandedBaseFromEEF)
        proto.measuredLoad = measured.load?.array ?? []
        proto.measuredTemperatureCelsius = measured.temperatures?.array ?? []
        if let load = measured.gripperLoad { proto.measuredGripperLoad = load }
        if let temperature = measured.gripperTemperature { proto.measuredGripperTemperatureCelsius = temperature }
        proto.measuredUnread = UInt32(measured.unread.bits)
        if let blamedJoint { proto.blamedJoint = try Self.check.small(blamedJoint, "blamed_joint") }
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_ArmState.self, from: body)
        try Self.validate(proto)
        let mode: ArmMode
        switch proto.mode {
        case .executing(let executing):
            mode = .executing(chunkID: executing.chunkID, step: Int(executing.step))
        case .holding(let value):
            guard let reason = UInt8(exactly: value.rawValue).flatMap(HoldReason.init) else {
                throw Self.check.failure(
                    "holding", found: "\(value.rawValue)", expected: "1...\(HoldReason.allCases.count)")
            }
            mode = .holding(reason)
        case .manual: mode = .manual
        case .recovering: mode = .recovering
        case nil:
            throw Self.check.failure("mode", found: "absent", expected: "executing, holding, manual or recovering")
        }
        self.init(
            tick: proto.tick, mode: mode,
            measured: JointState(
                time: MonotonicTime(nanoseconds: proto.measuredNs), positions: JointVector(proto.measuredPositionsRad),
                velocities: JointVector(proto.measuredVelocitiesRadPerS), gripper: proto.measuredGripper,
                load: proto.measuredLoad.isEmpty ? nil : JointVector(proto.measuredLoad),
                temperatures: proto.measuredTemperatureCelsius.isEmpty
                    ? nil : JointVector(proto.measuredTemperatureCelsius),
                gripperLoad: proto.hasMeasuredGripperLoad ? proto.measuredGripperLoad : nil,
                gripperTemperature: proto.hasMeasuredGripperTemperatureCelsius
                    ? proto.measuredGripperTemperatureCelsius : nil,
                unread: JointSet(bits: UInt16(proto.measuredUnread))),
            setpoint: JointSetpoint(
                positions: JointVector(proto.setpointPositionsRad),
                velocities: JointVector(proto.setpointVelocitiesRadPerS), gripper: proto.setpointGripper),
            baseFromEEF: Pose(proto.baseFromEef), commandedBaseFromEEF: Pose(proto.commandedBaseFromEef),
            blamedJoint: proto.hasBlamedJoint ? Int(proto.blamedJoint) : nil)
    }

    /// Checks a state's fields. Numbers that are not finite pass: what encoders say is shown as it is.
    private static func validate(_ proto: Octo_ArmState) throws(WireError) {
        try check.time(proto.measuredNs, "measured_ns")
        let counts = [
            proto.measuredPositionsRad.count, proto.measuredVelocitiesRadPerS.count, proto.setpointPositionsRad.count,
            proto.setpointVelocitiesRadPerS.count,
        ]
        try check.require(
            counts.allSatisfy { $0 == counts[0] && $0 <= JointVector.capacity }, "the number of joints",
            found: "\(counts) in the four vectors", expected: "the same in each, at most \(JointVector.capacity)")
        for (values, name) in [
            (proto.measuredLoad, "measured_load"), (proto.measuredTemperatureCelsius, "measured_temperature_celsius"),
        ] {
            try check.require(
                values.isEmpty || values.count == counts[0], "the number of joints",
                found: "\(values.count) in \(name)",
                expected: "none, or \(counts[0]) as in the positions")
        }
        try check.joints(proto.measuredUnread, among: counts[0], "measured_unread")
        try check.require(
            !proto.hasBlamedJoint || Int(proto.blamedJoint) <= counts[0], "blamed_joint", found: "\(proto.blamedJoint)",
            expected: "at most \(counts[0])")
        try check.require(
            proto.hasBaseFromEef && proto.hasCommandedBaseFromEef, "a pose", found: "absent",
            expected: "base_from_eef and commanded_base_from_eef")
    }
}

extension Octo_Pose {
    fileprivate init(_ pose: Pose) {
        self.init()
        rotationW = pose.rotation.w
        rotationX = pose.rotation.x
        rotationY = pose.rotation.y
        rotationZ = pose.rotation.z
        translationXM = pose.translation.x
        translationYM = pose.translation.y
        translationZM = pose.translation.z
    }
}

extension Pose {
    fileprivate init(_ proto: Octo_Pose) {
        self.init(
            rotation: Rotation(w: proto.rotationW, x: proto.rotationX, y: proto.rotationY, z: proto.rotationZ),
            translation: [proto.translationXM, proto.translationYM, proto.translationZM])
    }
}
