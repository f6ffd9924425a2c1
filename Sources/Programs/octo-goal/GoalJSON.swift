import Goals
import JSONTree
import Messages

extension GoalResult {
    var node: JSONNode {
        .object([
            "accepted": JSONNode(.bool(isAccepted)), "goal_id": JSONNode(goalID), "goal_name": JSONNode(goalName),
            "path": JSONNode(path), "message": JSONNode(message),
        ])
    }
}

extension GoalFit {
    var node: JSONNode {
        .object([
            "goal": JSONNode(goalName), "goal_id": JSONNode(goalID), "verdict": JSONNode(verdict.description),
            "cameras": JSONNode(.array(cameras.map(\.node))),
        ])
    }
}

extension GoalFit.CameraFit {
    var node: JSONNode {
        .object([
            "camera": JSONNode(camera), "verdict": JSONNode(verdict.description),
            "reasons": JSONNode(.array(reasons.map { JSONNode($0.text) })),
            "shift_px": JSONNode(.array([JSONNode(number: shiftX), JSONNode(number: shiftY)])),
            "rotation_rad": JSONNode(number: rotation), "scale": JSONNode(number: scale),
            "brightness": JSONNode(number: brightness), "agreement": JSONNode(number: agreement),
            "overlap": JSONNode(number: overlap),
        ])
    }
}
