import ArmDrivers
import JSONTree

extension CalibrationSession {
    private static var version: Int { 2 }

    /// Draft of the session: all that is needed to go on another time, and to know the arm again.
    package var draft: JSONNode {
        let measured = parts.map { part in
            JSONNode.object([
                "name": JSONNode(part.name), "id": JSONNode(Int(part.id)),
                "homing_offset_pulse": JSONNode(part.homingOffset),
                "pose_pulse": JSONNode(part.pose), "lower_pulse": JSONNode(part.seen?.lowerBound),
                "upper_pulse": JSONNode(part.seen?.upperBound), "wrapped": JSONNode(.bool(part.hasWrapped)),
            ])
        }
        let servos = before.sorted { $0.key < $1.key }.map { id, registers in
            JSONNode.object([
                "id": JSONNode(Int(id)), "model": JSONNode(registers.model), "firmware": JSONNode(registers.firmware),
                "before": fields { registers.values[$0].map { JSONNode($0) } },
                "left": fields { left[id]?[$0].map { JSONNode(.array($0.map { JSONNode($0) })) } },
            ])
        }
        return .object([
            "version": JSONNode(Self.version), "begun": JSONNode(origin.date),
            "adapter": origin.adapter.map { JSONNode($0) } ?? nil,
            "written": JSONNode(.bool(hasWritten)), "stage": JSONNode(stage.rawValue),
            "parts": JSONNode(.array(measured)),
            "servos": JSONNode(.array(servos)), "closed_pulse": JSONNode(closedPulse),
            "open_pulse": JSONNode(openPulse),
        ])
    }

    private func fields(_ value: (ServoField) -> JSONNode?) -> JSONNode {
        JSONNode(
            .object(ServoField.calibrated.compactMap { field in value(field).map { .init(key: field.key, value: $0) } })
        )
    }

    /// Restores a session from its draft.
    /// - Returns: nil if it is of another layout or cannot be read.
    package init?(layout: ServoLayout, names: [String], spans: [ClosedRange<Double>], draft: JSONNode) {
        guard draft["version"]?.int == Self.version, let date = draft["begun"]?.string,
            let hasWritten = draft["written"]?.bool,
            let stage = draft["stage"]?.string.flatMap(Stage.init(rawValue:))
        else { return nil }
        var before: [UInt8: ServoRegisters] = [:]
        var left: [UInt8: [ServoField: [Int]]] = [:]
        for node in draft["servos"]?.array ?? [] {
            guard let id = node["id"]?.int.flatMap({ UInt8(exactly: $0) }), let model = node["model"]?.int,
                let firmware = node["firmware"]?.string
            else { return nil }
            var registers = ServoRegisters(model: model, firmware: firmware, values: [:])
            for field in ServoField.calibrated where field.exists(in: layout.servoProtocol) {
                guard let value = node["before"]?[field.key]?.int, let now = node["left"]?[field.key]?.array else {
                    return nil
                }
                registers.values[field] = value
                left[id, default: [:]][field] = now.compactMap(\.int)
            }
            before[id] = registers
        }
        guard Set(before.keys) == Set(layout.ids) else { return nil }
        self.init(
            layout: layout, names: names, spans: spans, before: before,
            origin: Origin(adapter: draft["adapter"]?.string, date: date))
        let nodes = draft["parts"]?.array ?? []
        guard nodes.count == parts.count else { return nil }
        for (index, node) in nodes.enumerated() {
            guard node["id"]?.int == Int(parts[index].id), node["name"]?.string == parts[index].name else { return nil }
            parts[index].homingOffset = node["homing_offset_pulse"]?.int
            parts[index].pose = node["pose_pulse"]?.int
            parts[index].seen = Self.range(node)
            parts[index].hasWrapped = node["wrapped"]?.bool ?? false
        }
        closedPulse = draft["closed_pulse"]?.int
        openPulse = draft["open_pulse"]?.int
        self.stage = stage
        self.left = left
        self.hasWritten = hasWritten
    }

    private static func range(_ node: JSONNode) -> ClosedRange<Int>? {
        guard let lower = node["lower_pulse"]?.int, let upper = node["upper_pulse"]?.int, lower <= upper else {
            return nil
        }
        return lower...upper
    }

    /// Differences that show that the arm at the line is not the one that this session was left with; empty if nothing
    /// does.
    /// - Parameters:
    ///   - found: registers of its servos now, by id.
    ///   - adapter: the serial adapter, named as in `Origin.adapter`.
    package func differences(from found: [UInt8: ServoRegisters], adapter: String?) -> [String] {
        var differences: [String] = []
        if let known = origin.adapter, let adapter, known != adapter {
            differences.append("the adapter is \(adapter), expected \(known)")
        }
        for id in layout.ids {
            guard let now = found[id], let was = before[id] else {
                differences.append("servo \(id) does not answer")
                continue
            }
            if now.model != was.model {
                differences.append(
                    "servo \(id) is a \(layout.servoProtocol.modelName(now.model)), expected a "
                        + layout.servoProtocol.modelName(was.model))
            }
            if now.firmware != was.firmware {
                differences.append("servo \(id) has firmware \(now.firmware), expected \(was.firmware)")
            }
            for field in ServoField.calibrated {
                guard let value = now.values[field], let allowed = left[id]?[field], !allowed.isEmpty,
                    !allowed.contains(value)
                else {
                    continue
                }
                differences.append(
                    "\(field.rawValue) of servo \(id) is \(value), expected "
                        + "\(allowed.map(String.init).joined(separator: " or "))"
                )
            }
        }
        return differences
    }
}

extension ServoField {
    /// Name of the field as a key of a draft.
    fileprivate var key: String { rawValue.replacing(" ", with: "_") }
}

extension JSONNode {
    fileprivate init(_ number: Int?) { self = number.map { JSONNode($0) } ?? nil }
}
