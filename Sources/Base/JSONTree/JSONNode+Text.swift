extension JSONNode {
    /// The value as JSON text.
    /// - Parameter indented: over several lines, two spaces a level; else on one line.
    package func text(indented: Bool = false) -> String {
        var output = ""
        write(to: &output, indented: indented, level: 0)
        return output
    }

    private func write(to output: inout String, indented: Bool, level: Int) {
        func lineBreak(_ level: Int) {
            if indented { output += "\n" + String(repeating: "  ", count: level) }
        }
        switch value {
        case .null: output += "null"
        case .bool(let b): output += b ? "true" : "false"
        case .number(let text): output += text
        case .string(let s): Self.quote(s, to: &output)
        case .array(let elements):
            output += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { output += indented ? "," : ", " }
                lineBreak(level + 1)
                element.write(to: &output, indented: indented, level: level + 1)
            }
            if !elements.isEmpty { lineBreak(level) }
            output += "]"
        case .object(let members):
            output += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { output += indented ? "," : ", " }
                lineBreak(level + 1)
                Self.quote(member.key, to: &output)
                output += ": "
                member.value.write(to: &output, indented: indented, level: level + 1)
            }
            if !members.isEmpty { lineBreak(level) }
            output += "}"
        }
    }

    /// The value as JSON text for people: two spaces a level, and on one line what fits there.
    /// - Parameter columns: number of characters that a line should have at most.
    package func text(columns: Int) -> String {
        var output = ""
        write(to: &output, columns: columns, level: 0, room: columns)
        return output
    }

    /// Appends the value's text to `output`: on one line if there is room, else indented by two spaces a level.
    /// - Parameter room: number of characters that are left on this line.
    private func write(to output: inout String, columns: Int, level: Int, room: Int) {
        let line = inline
        guard line.count > room else { return output += line }
        let indent = String(repeating: "  ", count: level + 1)
        var isFirst = true
        func separate() {
            output += isFirst ? "\n" : ",\n"
            output += indent
            isFirst = false
        }
        // A comma may follow.
        let inner = columns - 2 * (level + 1) - 1
        switch value {
        case .array(let elements):
            output += "["
            for element in elements {
                separate()
                element.write(to: &output, columns: columns, level: level + 1, room: inner)
            }
            output += "\n" + String(repeating: "  ", count: level) + "]"
        case .object(let members):
            output += "{"
            for member in members {
                separate()
                Self.quote(member.key, to: &output)
                output += ": "
                member.value.write(to: &output, columns: columns, level: level + 1, room: inner - member.key.count - 4)
            }
            output += "\n" + String(repeating: "  ", count: level) + "}"
        case .null, .bool, .number, .string: output += line
        }
    }

    /// The node's text on one line, with a space inside braces.
    private var inline: String {
        switch value {
        case .array(let elements): return "[" + elements.map(\.inline).joined(separator: ", ") + "]"
        case .object(let members):
            if members.isEmpty { return "{}" }
            let texts = members.map { member in
                var key = ""
                Self.quote(member.key, to: &key)
                return key + ": " + member.value.inline
            }
            return "{ " + texts.joined(separator: ", ") + " }"
        case .null, .bool, .number, .string: return text()
        }
    }

    private static func quote(_ string: String, to output: inout String) {
        output += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }
}
