import ArmLoop
import Messages
import Testing

/// What is kept of the loop's trace until the recorder hears it.
@Suite struct TraceBacklogTests {
    /// A trace that is told by its number.
    private func trace(_ number: Int) -> ArmTrace {
        ArmTrace(entries: [.command(.emergencyStop)], dropped: Int64(number))
    }

    private func delivered(by backlog: inout TraceBacklog) -> [Int64] {
        var numbers: [Int64] = []
        backlog.deliver { numbers.append($0.dropped) }
        return numbers
    }

    @Test func whoHearsLateGetsTheBeginningInItsOrderAndOnce() {
        var backlog = TraceBacklog(isRecorded: true)
        for number in 0..<3 { backlog.keep(trace(number)) }
        #expect(delivered(by: &backlog) == [0, 1, 2])
        backlog.keep(trace(3))
        #expect(delivered(by: &backlog) == [3])
        #expect(delivered(by: &backlog).isEmpty)
    }

    @Test func withoutARecorderNothingIsKept() {
        var backlog = TraceBacklog(isRecorded: false)
        backlog.keep(trace(0))
        #expect(delivered(by: &backlog).isEmpty)
    }

    @Test func theBeginningIsKeptWhenThereIsTooMuch() {
        var backlog = TraceBacklog(isRecorded: true)
        for number in 0..<TraceBacklog.capacity + 5 { backlog.keep(trace(number)) }
        #expect(delivered(by: &backlog) == (0..<Int64(TraceBacklog.capacity)).map { $0 })
        backlog.keep(trace(7))
        #expect(delivered(by: &backlog) == [7], "there is room again")
    }

    @Test func whatCouldNotBeSentIsSentAgain() {
        struct Refusal: Error {}
        var backlog = TraceBacklog(isRecorded: true)
        for number in 0..<3 { backlog.keep(trace(number)) }
        #expect(throws: Refusal.self) {
            try backlog.deliver { trace throws(Refusal) in if trace.dropped == 1 { throw Refusal() } }
        }
        #expect(delivered(by: &backlog) == [0, 1, 2])
    }
}
