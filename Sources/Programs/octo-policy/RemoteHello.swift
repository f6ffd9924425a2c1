import JSONTree
import Kinematics
import Manifests
import Messages

/// What the machine that computes a robot's policy has to know of the robot.
struct RemoteHello: Equatable {
    /// The section `policy` of the manifest, paths as it has them.
    var policy: JSONNode
    /// Names of the robot's cameras.
    var cameras: [String]
    var goalUse: GoalUse
    /// The sentence that the policy begins with, if it is used.
    var text: String?
    var goalsMayBringNumbers: Bool
    /// Joints of the arm; nil for policies that neither read nor move them.
    var joints: Int?

    /// Reads what a robot has to say.
    /// - Throws: what reading the arm's calibration throws, where its joints matter.
    init(_ manifest: Manifest) throws {
        policy = manifest.tree["policy"] ?? .object([:])
        cameras = manifest.cameras.map(\.name)
        goalUse = manifest.goal.use
        text = manifest.goal.usedText
        goalsMayBringNumbers = manifest.goal.mayBringNumbers
        let movesJoints =
            switch manifest.policy.actionSpace {
            case .jointPosition, .jointDelta: true
            case .eefDelta, .eefAbsolute: false
            }
        joints =
            movesJoints || manifest.policy.proprio != nil
            ? try ArmCalibration(contentsOfFile: manifest.arm.calibration).joints.count : nil
    }

    /// Reads what a robot has said; nil: it cannot be understood.
    init?(_ body: JSONNode) {
        guard let policy = body["policy"], let names = body["cameras"]?.array, names.count <= 64,
            let use = body["goal_use"]?.string.flatMap(GoalUse.init(rawValue:)),
            let mayBring = body["goals_may_bring_numbers"]?.bool
        else { return nil }
        let cameras = names.compactMap(\.string)
        guard cameras.count == names.count else { return nil }
        if let joints = body["joints"] {
            guard let count = joints.int, (1...64).contains(count) else { return nil }
            self.joints = count
        }
        self.policy = policy
        self.cameras = cameras
        goalUse = use
        text = body["text"]?.string
        goalsMayBringNumbers = mayBring
    }

    var json: JSONNode {
        var members: [JSONNode.Member] = [
            .init(key: "policy", value: policy),
            .init(key: "cameras", value: JSONNode(.array(cameras.map { JSONNode($0) }))),
            .init(key: "goal_use", value: JSONNode(goalUse.rawValue)),
            .init(key: "goals_may_bring_numbers", value: JSONNode(.bool(goalsMayBringNumbers))),
        ]
        if let text { members.append(.init(key: "text", value: JSONNode(text))) }
        if let joints { members.append(.init(key: "joints", value: JSONNode(joints))) }
        return JSONNode(.object(members))
    }
}
