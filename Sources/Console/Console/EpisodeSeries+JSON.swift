import JSONTree
import Maths
import Messages
import Time

extension EpisodeSeries {
    /// A number with five digits behind the point: a hundredth of a millimetre, and of a milliradian.
    static func rounded(_ number: Double) -> Double { (number * 1e5).rounded() / 1e5 }

    /// The members that an episode's details have beside those of the list.
    var members: [JSONNode.Member] {
        let pictures = frames.sorted { $0.key < $1.key }.map { camera, frames in
            JSONNode.Member(key: camera, value: Self.list(frames) { JSONNode($0.capture.nanoseconds) })
        }
        return [
            .init(key: "frames", value: JSONNode(.object(pictures))),
            .init(key: "joints", value: Self.list(joints) { JSONNode($0) }),
            .init(key: "states", value: statesNode),
            .init(key: "chunks", value: Self.list(chunks) { $0.node }),
            .init(key: "events", value: Self.list(events) { Self.node($0) }),
        ]
    }

    private var statesNode: JSONNode {
        .object([
            "time_ns": Self.list(states) { JSONNode($0.measured.time.nanoseconds) },
            "measured_rad": Self.list(states) { Self.node($0.measured.positions) },
            "setpoint_rad": Self.list(states) { Self.node($0.setpoint.positions) },
            "measured_gripper": Self.list(states) { JSONNode(number: Self.rounded($0.measured.gripper)) },
            "setpoint_gripper": Self.list(states) { JSONNode(number: Self.rounded($0.setpoint.gripper)) },
            "tool_m": Self.list(states) { state in
                let place = state.baseFromEEF.translation
                return Self.list([place.x, place.y, place.z]) { JSONNode(number: Self.rounded($0)) }
            },
        ])
    }

    fileprivate static func list<Element>(_ elements: [Element], _ node: (Element) -> JSONNode) -> JSONNode {
        JSONNode(.array(elements.map(node)))
    }

    private static func node(_ positions: JointVector) -> JSONNode {
        list((0..<positions.count).map { positions[$0] }) { JSONNode(number: rounded($0)) }
    }

    private static func node(_ event: RunEvent) -> JSONNode {
        .object([
            "time_ns": JSONNode(event.time.nanoseconds), "node": JSONNode(event.node),
            "kind": JSONNode("\(event.kind)"), "text": JSONNode(event.text),
        ])
    }
}

extension EpisodeSeries.Chunk {
    fileprivate var node: JSONNode {
        let width = max(chunk.actionDimension, 1)
        let rows = (0..<chunk.actionHorizon).map { row in Array(chunk.actions[row * width..<(row + 1) * width]) }
        var members: [JSONNode.Member] = [
            .init(key: "id", value: JSONNode(Int64(clamping: chunk.id))),
            .init(key: "observation_ns", value: JSONNode(chunk.observationTime.nanoseconds)),
            .init(key: "inferred_ns", value: JSONNode(chunk.inferredTime.nanoseconds)),
            .init(key: "step_ns", value: JSONNode(chunk.stepDuration.nanoseconds)),
        ]
        if let report {
            // Zero says that it never moved the arm.
            if report.firstSetpointTime > .zero {
                members.append(
                    .init(key: "first_setpoint_ns", value: JSONNode(report.firstSetpointTime.nanoseconds)))
            }
            members.append(.init(key: "outcome", value: JSONNode("\(report.outcome)")))
        }
        members.append(.init(key: "action_space", value: JSONNode(chunk.actionSpace.rawValue)))
        members.append(
            .init(
                key: "actions",
                value: EpisodeSeries.list(rows) { row in
                    EpisodeSeries.list(row) { JSONNode(number: EpisodeSeries.rounded(Double($0))) }
                }))
        return JSONNode(.object(members))
    }
}
