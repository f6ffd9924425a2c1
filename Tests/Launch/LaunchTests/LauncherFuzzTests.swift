import Launch
import ManifestSamples
import Manifests
import Messages
import TestSupport
import Testing
import Time

/// Whatever numbers nodes say of themselves, the launcher goes on and has a summary.
@Suite struct LauncherFuzzTests {
    private static let farthest: Int64 = 1 << 61

    @Test func statusesAndReportsOfAnyNumbersLeaveASummary() throws {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        let manifest = try Sample.read(Sample.minimal)
        let run = try RunDescription.beginning(manifest, manifestPath: "robot.json", folder: "/run", using: &generator)
        var record = RunRecord()
        var supervisor = Supervisor(.init(manifest, duration: nil))
        var now = MonotonicTime.zero
        func signed() -> Int64 { Fuzzing.signed(upTo: Self.farthest, using: &generator) }
        func time() -> MonotonicTime { MonotonicTime(nanoseconds: signed()) }
        let names = ["frames", "chunks", "bus_lost", "bus_superseded", "pauses", "observations", NodeStatus.bytesLeft]
        for _ in 0..<Fuzzing.rounds(20_000) {
            now += .milliseconds(Int.random(in: 0...50, using: &generator))
            let node = ["camera-primary", "goal", "policy", "arm", "nobody"].randomElement(using: &generator) ?? ""
            let status = NodeStatus(
                node: node, processID: Int32.random(in: 1...4, using: &generator),
                state: NodeStatus.State.allCases.randomElement(using: &generator) ?? .ready, headline: "h",
                counters: names.map { .init(name: $0, value: signed()) })
            record.received(status)
            for case .start(let node) in supervisor.received(status, at: now) + supervisor.tick(at: now) {
                _ = supervisor.started(node, processID: Int32.random(in: 1...4, using: &generator), at: now)
            }
            record.received(
                ActionChunk(
                    id: 0, goalID: "", observationTime: time(), captureTime: time(), inferredTime: time(),
                    stepDuration: .milliseconds(200), actionDimension: 1, actions: [0], actionSpace: .eefDelta,
                    noiseSeed: 0,
                    noiseCounter: 0))
            record.received(
                EpisodeState(
                    isRecording: true, name: "e", path: "/e", outcome: .open, startTime: time(),
                    messages: Int64(Fuzzing.number(upTo: 1 << 40, using: &generator)), bytes: 0,
                    missing: Int64(Fuzzing.number(upTo: 1 << 40, using: &generator)), time: time()))
        }
        let summary = RunSummary(record, of: run, supervisor: supervisor, outcome: .done, ownLost: .max, at: now)
        #expect(summary.text.contains("summary of") && summary.json["bus_lost"] != nil, "seed \(generator.seed)")
    }
}
