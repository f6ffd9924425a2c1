import JSONTree
import Maths
import Messages

extension ArmState {
    /// Writes one line of `--json`, with `extra` members behind the state.
    package func json(of arm: TeleopArm, extra: [JSONNode.Member]) -> JSONNode {
        func numbers(_ vector: JointVector) -> JSONNode { JSONNode(.array(vector.array.map { JSONNode(number: $0) })) }
        func numbers(_ vector: Vector3) -> JSONNode { JSONNode(.array((0..<3).map { JSONNode(number: vector[$0]) })) }
        var members: [JSONNode.Member] = [
            .init(key: "time_ns", value: JSONNode(measured.time.nanoseconds)),
            .init(key: "mode", value: JSONNode(mode.name)),
        ]
        if case .holding(let reason) = mode { members.append(.init(key: "hold", value: JSONNode("\(reason)"))) }
        if let name = arm.name(of: blamedJoint) { members.append(.init(key: "blamed_joint", value: JSONNode(name))) }
        members += [
            .init(key: "positions_rad", value: numbers(measured.positions)),
            .init(key: "setpoint_rad", value: numbers(setpoint.positions)),
            .init(key: "gripper", value: JSONNode(number: measured.gripper)),
            .init(key: "eef_m", value: numbers(baseFromEEF.translation)),
            .init(key: "eef_rpy_rad", value: numbers(baseFromEEF.rotation.rollPitchYaw)),
        ]
        return JSONNode(.object(members + extra))
    }
}

extension ArmMode {
    fileprivate var name: String {
        switch self {
        case .executing: "executing"
        case .holding: "holding"
        case .manual: "manual"
        case .recovering: "recovering"
        }
    }
}
