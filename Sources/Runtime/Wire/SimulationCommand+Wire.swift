import Files
import Images
import Maths
import Messages
import Time

extension SimulationCommand: WireMessage {
    package static let schemaName = "octo.SimulationCommand"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_SimulationCommand()
        proto.id = id
        proto.operatorID = operatorID
        switch action {
        case .nudgeCamera(let offset, let roll):
            proto.nudgeCamera.rightM = offset.x
            proto.nudgeCamera.downM = offset.y
            proto.nudgeCamera.forwardM = offset.z
            proto.nudgeCamera.rollRad = roll
        case .resetCamera: proto.resetCamera = .init()
        case .setBrightness(let brightness): proto.setBrightness.brightness = brightness
        case .placeObject(let name, let position):
            proto.placeObject.name = name
            proto.placeObject.xM = position.x
            proto.placeObject.yM = position.y
            proto.placeObject.zM = position.z
        }
        proto.timeNs = time.nanoseconds
        try Self.validate(proto)
        return try Self.encode(proto)
    }

    package init(body: UnsafeRawBufferPointer, bulk: SharedBytes?) throws(WireError) {
        try Self.check.noBulk(bulk)
        let proto = try Self.parse(Octo_SimulationCommand.self, from: body)
        try Self.validate(proto)
        let action: Action
        switch proto.action {
        case .nudgeCamera(let nudge):
            action = .nudgeCamera(offset: [nudge.rightM, nudge.downM, nudge.forwardM], roll: nudge.rollRad)
        case .resetCamera: action = .resetCamera
        case .setBrightness(let light): action = .setBrightness(light.brightness)
        case .placeObject(let place): action = .placeObject(name: place.name, position: [place.xM, place.yM, place.zM])
        case nil:
            throw Self.check.failure(
                "action", found: "absent", expected: "nudge_camera, reset_camera, set_brightness or place_object")
        }
        self.init(
            id: proto.id, operatorID: proto.operatorID, action: action, time: MonotonicTime(nanoseconds: proto.timeNs))
    }

    private static func validate(_ proto: Octo_SimulationCommand) throws(WireError) {
        try check.operatorID(proto.operatorID)
        let numbers =
            switch proto.action {
            case .nudgeCamera(let nudge): [nudge.rightM, nudge.downM, nudge.forwardM, nudge.rollRad]
            case .setBrightness(let light): [light.brightness]
            case .placeObject(let place): [place.xM, place.yM, place.zM]
            case .resetCamera, nil: [Double]()
            }
        try check.require(
            numbers.allSatisfy { abs($0) <= 1000 }, "the action's numbers", found: "\(numbers)",
            expected: "-1000...1000")
        try check.name(proto.placeObject.name, "place_object.name")
        try check.time(proto.timeNs, "time_ns")
    }
}

extension SimulationResult: WireMessage {
    package static let schemaName = "octo.SimulationResult"

    package func encoded() throws(WireError) -> EncodedMessage {
        var proto = Octo_SimulationResult()
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
        let proto = try Self.parse(Octo_SimulationResult.self, from: body)
        try Self.validate(proto)
        self.init(
            id: proto.id, operatorID: proto.operatorID, isAccepted: proto.isAccepted, message: proto.message,
            time: MonotonicTime(nanoseconds: proto.timeNs))
    }

    private static func validate(_ proto: Octo_SimulationResult) throws(WireError) {
        try check.operatorID(proto.operatorID)
        try check.text(proto.message, "message")
        try check.time(proto.timeNs, "time_ns")
    }
}
