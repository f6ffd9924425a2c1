/// One number of the arm's state, as the data sets of policies write it.
package enum ProprioField: Hashable, Sendable {
    /// The tool point, metres in base axes.
    case x, y, z
    /// The gripper's orientation about fixed base axes, radians; all zero while it points straight down.
    case roll, pitch, yaw
    /// A joint's position, radians; counted from 0 at the base.
    case joint(Int)
    /// Opening, 0 closed ... 1 open.
    case gripper
    /// A number that is always 0: a place in the data set's state that its robot leaves empty.
    case zero

    /// Every field there is, joints up to the largest arm's.
    package static let all: [ProprioField] =
        [.x, .y, .z, .roll, .pitch, .yaw] + (0..<mostJoints).map { .joint($0) } + [.gripper, .zero]

    /// Most joints of an arm: as many as a `JointVector` holds.
    private static let mostJoints = 8

    /// What the manifest calls it; people count joints from 1.
    package var name: String {
        switch self {
        case .x: "x_m"
        case .y: "y_m"
        case .z: "z_m"
        case .roll: "roll_rad"
        case .pitch: "pitch_rad"
        case .yaw: "yaw_rad"
        case .joint(let joint): "joint_\(joint + 1)_rad"
        case .gripper: "gripper"
        case .zero: "zero"
        }
    }

    /// The field that the manifest calls so; nil when there is none.
    package init?(name: String) {
        guard let field = Self.all.first(where: { $0.name == name }) else { return nil }
        self = field
    }
}

/// How a data set writes the arm's state: which numbers, in which order.
package enum ProprioLayout: Equatable, Sendable {
    /// Bridge: x, y, z, roll, pitch, yaw, gripper. Where a checkpoint reads eight numbers, a 0 stands before the
    /// gripper, as in the official evaluation of the WidowX.
    case bridge
    /// Every joint from the base on, then the gripper.
    case joints
    case fields([ProprioField])

    /// The names of layouts that need no list.
    package static let names = ["bridge", "joints"]
    /// Bridge's state, which is also what recordings are exported with.
    package static let bridgeFields: [ProprioField] = [.x, .y, .z, .roll, .pitch, .yaw, .gripper]

    /// The layout that the manifest calls so; nil when there is none.
    package init?(name: String) {
        switch name {
        case "bridge": self = .bridge
        case "joints": self = .joints
        default: return nil
        }
    }

    /// The layout as the manifest writes it.
    package var description: String {
        switch self {
        case .bridge: "\"bridge\""
        case .joints: "\"joints\""
        case .fields(let fields): "[" + fields.map { "\"\($0.name)\"" }.joined(separator: ", ") + "]"
        }
    }

    /// The lists of numbers that it can stand for, each of another length.
    /// - Parameter joints: the arm's, without the gripper.
    package func variants(joints: Int) -> [[ProprioField]] {
        switch self {
        case .bridge: [Self.bridgeFields, Self.bridgeFields.dropLast() + [.zero, .gripper]]
        case .joints: [(0..<joints).map { .joint($0) } + [.gripper]]
        case .fields(let fields): [fields]
        }
    }
}
