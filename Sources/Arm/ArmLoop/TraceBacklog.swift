import Messages

/// Keeps the beginning of the control loop's trace until somebody hears it: the recorder starts beside the arm, and
/// needs all of it to compute the setpoints again. Pure.
package struct TraceBacklog: Sendable {
    /// How many traces are kept: a minute at a state rate of 50 Hz.
    package static let capacity = 3000

    private let isRecorded: Bool
    private var traces: [ArmTrace] = []

    /// - Parameter isRecorded: whether the run has a recorder; without one nobody needs the trace, and none is kept.
    package init(isRecorded: Bool) { self.isRecorded = isRecorded }

    /// Keeps a trace, behind the others; nothing when `capacity` are kept already, since a trace with a gap at its
    /// beginning is of no use.
    package mutating func keep(_ trace: ArmTrace) {
        if isRecorded, traces.count < Self.capacity { traces.append(trace) }
    }

    /// Hands over what is kept, in its order, and forgets it; all of it stays when `send` throws.
    package mutating func deliver<Failure: Error>(_ send: (ArmTrace) throws(Failure) -> Void) throws(Failure) {
        for trace in traces { try send(trace) }
        traces.removeAll(keepingCapacity: true)
    }
}
