/// Why bytes are no message, or a message cannot become bytes.
package enum WireError: Error, Equatable, Sendable {
    /// The bytes are not the protobuf encoding of `schema`.
    case malformed(schema: String, byteCount: Int)
    /// A field has a value that no correct sender gives it.
    case invalid(schema: String, field: String, found: String, expected: String)
    /// No message type of this program has that schema name.
    case unknownSchema(String, known: [String])
}

extension WireError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let schema, let byteCount):
            "reading a message: \(byteCount) bytes are not the protobuf encoding of \(schema), as the topic says they "
                + "are. Something else publishes on the bus, or another version: build and start all nodes from one "
                + "version."
        case .invalid(let schema, let field, let found, let expected):
            "checking \(schema): \(field) is \(found), expected \(expected). If all nodes are of one version, the node "
                + "that publishes it is at fault; else build and start all nodes from one version."
        case .unknownSchema(let name, let known):
            "reading a message: its schema is '\(name)', expected one of \(known.joined(separator: ", ")). "
                + "It comes from a newer version: rebuild this program from the version that the nodes run."
        }
    }
}
