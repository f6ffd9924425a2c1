import ArmDrivers
import JSONTree

extension CalibrationSession {
    /// All that is needed to go on another time.
    package var draft: JSONNode {
        let measured = parts.map { part in
            JSONNode.object([
                "name": JSONNode(part.name), "id": JSONNode(Int(part.id)), "homing_offset_pulse": JSONNode(part.homingOffset),
                "lower_pulse": JSONNode(part.seen?.lowerBound), "upper_pulse": JSONNode(part.seen?.upperBound),
            ])
        }
        let registers = before.sorted { $0.key < $1.key }.map { id, registers in
            JSONNode.object([
                "id": JSONNode(Int(id)), "homing_offset_pulse": JSONNode(registers.homingOffset),
                "lower_pulse": JSONNode(registers.limits.lowerBound), "upper_pulse": JSONNode(registers.limits.upperBound),
            ])
        }
        return .object([
            "stage": JSONNode(stage.rawValue), "parts": JSONNode(.array(measured)), "before": JSONNode(.array(registers)),
            "closed_pulse": JSONNode(closedPulse), "open_pulse": JSONNode(openPulse),
        ])
    }

    /// Goes on with a draft.
    /// - Returns: nil if it is of another arm or cannot be read.
    package init?(layout: ServoLayout, names: [String], spans: [ClosedRange<Double>], draft: JSONNode) {
        var before: [UInt8: Registers] = [:]
        for node in draft["before"]?.array ?? [] {
            guard let id = node["id"]?.int.flatMap({ UInt8(exactly: $0) }), let offset = node["homing_offset_pulse"]?.int,
                let limits = Self.range(node)
            else { return nil }
            before[id] = Registers(homingOffset: offset, limits: limits)
        }
        guard Set(before.keys) == Set(layout.ids), let stage = draft["stage"]?.string.flatMap(Stage.init(rawValue:)) else {
            return nil
        }
        self.init(layout: layout, names: names, spans: spans, before: before)
        let nodes = draft["parts"]?.array ?? []
        guard nodes.count == parts.count else { return nil }
        for (index, node) in nodes.enumerated() {
            guard node["id"]?.int == Int(parts[index].id), node["name"]?.string == parts[index].name else { return nil }
            parts[index].homingOffset = node["homing_offset_pulse"]?.int
            parts[index].seen = Self.range(node)
        }
        closedPulse = draft["closed_pulse"]?.int
        openPulse = draft["open_pulse"]?.int
        self.stage = stage
    }

    private static func range(_ node: JSONNode) -> ClosedRange<Int>? {
        guard let lower = node["lower_pulse"]?.int, let upper = node["upper_pulse"]?.int, lower <= upper else { return nil }
        return lower...upper
    }
}

extension JSONNode {
    fileprivate init(_ number: Int?) { self = number.map { JSONNode($0) } ?? nil }
}
