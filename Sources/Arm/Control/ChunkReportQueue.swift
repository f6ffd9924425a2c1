import Messages

/// Reports that wait to be taken, oldest first, stored in place. Full, it drops the oldest and counts it.
struct ChunkReportQueue: Sendable, BitwiseCopyable {
    private static let capacity = 16
    private var slots: InlineArray<16, ChunkReport>
    private var head = 0
    private(set) var count = 0
    /// How many reports had to make room.
    private(set) var dropped: UInt64 = 0

    init() {
        slots = InlineArray(
            repeating: ChunkReport(
                chunkID: 0, outcome: .rejected, captureTime: .zero, observationTime: .zero, firstSetpointTime: .zero,
                stepsSkipped: 0, stepsExecuted: 0, stepsClamped: 0))
    }

    mutating func append(_ report: ChunkReport) {
        if count == Self.capacity {
            head = (head + 1) % Self.capacity
            count -= 1
            dropped += 1
        }
        slots[(head + count) % Self.capacity] = report
        count += 1
    }

    mutating func popFirst() -> ChunkReport? {
        guard count > 0 else { return nil }
        let report = slots[head]
        head = (head + 1) % Self.capacity
        count -= 1
        return report
    }
}
