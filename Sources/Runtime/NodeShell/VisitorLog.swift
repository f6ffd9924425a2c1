import Bus

/// What is to be told of those who came to a node's ports, from what its connection counted. Reads no clock.
package struct VisitorLog {
    private var told = BusStatistics()

    package init() {}

    /// What is new since the last time, a line each.
    package mutating func take(_ statistics: BusStatistics) -> [String] {
        defer { told = statistics }
        var lines: [String] = []
        for (name, count) in statistics.admittedConnections.sorted(by: { $0.key < $1.key })
        where count > told.admittedConnections[name] ?? 0 {
            lines.append("'\(name)' of the allowed keys has connected")
        }
        if statistics.refusedConnections > told.refusedConnections {
            lines.append(
                "refused a connection: its key is not allowed here (\(statistics.refusedConnections) so far; "
                    + "octo-bus keys list)")
        }
        for (name, count) in statistics.refusedMessages.sorted(by: { $0.key < $1.key })
        where count > told.refusedMessages[name] ?? 0 {
            lines.append("refused what '\(name)' said: that key has no right to (\(count) messages so far)")
        }
        return lines
    }
}
