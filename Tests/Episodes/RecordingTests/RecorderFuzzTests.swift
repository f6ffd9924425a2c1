import Messages
import Recording
import TestSupport
import Testing
import Time
import Wire

/// Whatever numbers come from the bus, the recorder counts on.
@Suite struct RecorderFuzzTests {
    private static let largestSequence: UInt64 = 1 << 40
    private static let farthestTime: Int64 = 1 << 61

    @Test func envelopesOfAnyNumbersAreRecordedOrRefused() throws {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        var core = RecorderCore(.init(ringBytes: 1 << 16, startsByItself: false))
        var now = MonotonicTime.zero
        func time() -> MonotonicTime {
            MonotonicTime(nanoseconds: Fuzzing.signed(upTo: Self.farthestTime, using: &generator))
        }
        var refused = 0
        for round in 0..<Fuzzing.rounds(100_000) {
            now += .milliseconds(1)
            let topic = ["a", "b", "node/n/status", "camera/c/image", "event/arm"][
                Int.random(in: 0..<5, using: &generator)]
            let envelope = Envelope(
                schema: ["octo.Thing", NodeStatus.schemaName, RunEvent.schemaName][
                    Int.random(in: 0..<3, using: &generator)],
                sequence: Fuzzing.number(upTo: Self.largestSequence, using: &generator),
                captureTime: Bool.random(using: &generator) ? time() : nil, publishTime: time(), sourceNode: "n",
                instanceID: Fuzzing.number(upTo: 3, using: &generator), runID: "r",
                traceID: Fuzzing.number(upTo: .max, using: &generator), hostID: "h")
            let status = NodeStatus(
                node: "n", processID: 1, state: .ready, headline: "",
                counters: ["a", "b", "c"].map {
                    .init(
                        name: NodeStatus.sentPrefix + $0,
                        value: Fuzzing.signed(upTo: Self.farthestTime, using: &generator))
                })
            let body = topic == "node/n/status" ? try status.encoded().body : [8, 1]
            do throws(WireError) {
                _ = try core.receive(topic: topic, envelope: envelope, body: body, bulk: nil, at: now, wallTime: "w")
            } catch {
                refused += 1
            }
            if round % 97 == 0 {
                let action = EpisodeCommand.Action.allCases.randomElement(using: &generator) ?? .start
                let command = EpisodeCommand(
                    id: generator.next(), operatorID: "me", action: action, text: "x", time: time())
                _ = core.receive(command, at: now, wallTime: "w")
                // What it says of itself can always be said.
                #expect(throws: Never.self, "seed \(generator.seed)") {
                    try core.state(at: now, path: "p", dropped: .max).encoded()
                }
            }
        }
        _ = core.end(at: now)
        #expect(refused < Fuzzing.rounds(100_000), "seed \(generator.seed)")
    }
}
