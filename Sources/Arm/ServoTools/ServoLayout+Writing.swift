import ArmDrivers
import JSONTree

extension ServoLayout {
    /// A calibration file's tree with what was measured in the place of what it said; all else stays as it is.
    package func written(into root: JSONNode) -> JSONNode {
        guard let servos = root["servos"] else { return root }
        var nodes = servos["joints"]?.array ?? []
        for (index, joint) in joints.enumerated() where index < nodes.count {
            var node = nodes[index].with("id", JSONNode(Int(joint.id)))
            if let offset = joint.homingOffset { node = node.with("homing_offset_pulse", JSONNode(offset)) }
            if joint.zeroPulse != 2_048 || node["zero_pulse"] != nil {
                node = node.with("zero_pulse", JSONNode(joint.zeroPulse))
            }
            nodes[index] = node.with(limits: joint.limits)
        }
        var hand = (servos["gripper"] ?? JSONNode(.object([]))).with("id", JSONNode(Int(gripper.id)))
        if let offset = gripper.homingOffset { hand = hand.with("homing_offset_pulse", JSONNode(offset)) }
        hand = hand.with(limits: gripper.limits)
        if case .linear(let closed, let open) = gripper.linkage {
            hand = hand.with("closed_pulse", JSONNode(closed)).with("open_pulse", JSONNode(open))
        }
        return root.with("servos", servos.with("joints", JSONNode(.array(nodes))).with("gripper", hand))
    }
}

extension JSONNode {
    fileprivate func with(limits: ClosedRange<Int>) -> JSONNode {
        with("lower_pulse", JSONNode(limits.lowerBound)).with("upper_pulse", JSONNode(limits.upperBound))
    }
}
