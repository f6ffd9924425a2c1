import EpisodeFixture
import Foundation
import JSONTree
import MCAPFiles
import Messages
import Recording
import Replay
import Testing
import Time

@Suite struct EpisodeSummaryTests {
    private func summary(_ path: String) throws -> EpisodeSummary { try EpisodeSummary(of: EpisodeFile(path: path)) }

    @Test func tellsWhatTheRecorderWrote() throws {
        var episode = try RecordedEpisode.run(attachments: [
            .init(logTime: 0, name: "manifest.json", mediaType: "application/json", data: [123, 125])
        ])
        try episode.mark(.markSuccess, "well done")
        let summary = try summary(episode.finish())
        #expect(summary.outcome == "success" && summary.notes == "well done" && !summary.isAmended)
        #expect(summary.wallStart == "2026-01-31T12-00-00" && summary.goals == ["cup"])
        #expect(summary.attachments == ["manifest.json"])
        #expect(summary.condition == "whole" && summary.problems.isEmpty)
        #expect(summary.duration == .milliseconds(3_480))  // the last arm state, and the first message
        #expect(summary.interventions == [RecordedEpisode.time(2)...RecordedEpisode.time(2.5)])
    }

    @Test func countsTopicsTheirRatesAndTheirGaps() throws {
        var episode = try RecordedEpisode.run()
        let summary = try summary(episode.finish())
        let topics = Dictionary(uniqueKeysWithValues: summary.topics.map { ($0.name, $0) })
        let states = try #require(topics["arm/state"])
        #expect(states.count == 175 && states.schema == "octo.ArmState" && states.missingCount == 0)
        #expect(abs((states.hertz ?? 0) - 50) < 0.1 && states.longestGap == .milliseconds(20))
        let wrist = try #require(topics["camera/wrist/image"])
        #expect(wrist.count == 34 && wrist.missing == [7...7] && wrist.missingCount == 1)
        #expect(wrist.longestGap == .milliseconds(200))
        #expect(wrist.longestGapStart == RecordedEpisode.time(0.601))
        #expect(wrist.isProven && wrist.account == TopicAccount(topic: wrist.name, sent: 35, taken: 34, inFile: 34))
        #expect(
            summary.text.contains("\(wrist.name): 35 sent, 34 taken, 34 in the file: 1 lost on the way to the recorder")
        )
        #expect(topics["goal/current"]?.hertz == nil)
        #expect(summary.missing == 1)
    }

    /// Frames are 30 ms old when the policy sees them, inference takes 100 ms, the arm 20 ms.
    @Test func latenciesAreThoseOfTheStamps() throws {
        var episode = try RecordedEpisode.run()
        let latencies = try summary(episode.finish()).latencies
        #expect(latencies.chunks == 9)
        for (quantiles, milliseconds) in [
            (latencies.frameToChunk, 130), (latencies.chunkToSetpoint, 20), (latencies.frameToSetpoint, 150),
        ] as [(EpisodeLatencies.Quantiles?, Int)] {
            let found = try #require(quantiles)
            #expect(
                found.count == 9 && found.p50 == .milliseconds(milliseconds)
                    && found.maximum == .milliseconds(milliseconds))
        }
        #expect(latencies.outcomes == [.superseded: 8, .interrupted: 1])
    }

    @Test func aChunkThatNeverMovedTheArmHasNoLatencyToASetpoint() {
        var latencies = EpisodeLatencies()
        latencies.receive(
            .init(
                chunkID: 1, outcome: .tooLate, captureTime: RecordedEpisode.time(1),
                observationTime: RecordedEpisode.time(1),
                firstSetpointTime: .zero, stepsSkipped: 4, stepsExecuted: 0, stepsClamped: 0))
        #expect(latencies.frameToSetpoint == nil && latencies.outcomes == [.tooLate: 1])
    }

    @Test func quantilesAreRanks() throws {
        var latencies = EpisodeLatencies()
        for number in 1...200 {
            var chunk = Samples.chunk
            chunk.id = UInt64(number)
            chunk.inferredTime = chunk.captureTime + .milliseconds(number)
            latencies.receive(chunk)
        }
        let found = try #require(latencies.frameToChunk)
        #expect(found.p50 == .milliseconds(100) && found.p95 == .milliseconds(190))
        #expect(found.p99 == .milliseconds(198) && found.maximum == .milliseconds(200))
    }

    @Test func aCutFileTellsWhatItHas() throws {
        var episode = try RecordedEpisode.run()
        let summary = try summary(episode.cut())
        #expect(!summary.isFinished && summary.condition == "cut" && summary.outcome == nil)
        #expect(summary.messages > 200 && summary.topics.allSatisfy { !$0.isProven && $0.account?.taken == nil })
        // By the events, as the recorder's own record is missing.
        #expect(summary.interventions == [RecordedEpisode.time(2)...RecordedEpisode.time(2.5)])
        #expect(summary.text.contains("octo-replay recover") && summary.text.contains("proof: all topics"))
    }

    @Test func anAmendmentCounts() throws {
        var episode = try RecordedEpisode.run(seconds: 0.5)
        try episode.mark(.stop)
        try episode.mark(.markFailure, "dropped it")
        let summary = try summary(episode.finish())
        #expect(summary.outcome == "failure" && summary.notes == "dropped it" && summary.isAmended)
        #expect(summary.text.contains("failure (amended afterwards)"))
    }

    @Test(arguments: [MCAP.Compression.none, .zstd(level: 1), .lz4])
    func sizesAreOfTheChunks(compression: MCAP.Compression) throws {
        var episode = try RecordedEpisode.run(seconds: 1, compression: compression)
        let found = try #require(try summary(episode.finish()).compressions.first)
        #expect(found.name == compression.name && found.chunks > 1)
        #expect(compression == .none ? found.compressed == found.uncompressed : found.compressed < found.uncompressed)
    }

    @Test func jsonIsOfTheSameNumbers() throws {
        var episode = try RecordedEpisode.run()
        let summary = try summary(episode.finish())
        let tree = try JSONNode(parsing: Array(summary.json.text().utf8))
        #expect(tree["missing"]?.int == 1 && tree["condition"]?.string == "whole")
        #expect(tree["latencies"]?["frame_to_chunk"]?["p50_s"]?.double == 0.13)
        #expect(tree["topics"]?.array?.count == summary.topics.count)
        #expect(tree["interventions_s"]?.array?.first?.array?.first?.double == 1.999)
        #expect(tree["chunk_outcomes"]?["interrupted"]?.int == 1)
    }

    @Test func aSessionHasALineForEach() throws {
        var (one, two) = (try RecordedEpisode.run(seconds: 0.5), try RecordedEpisode.run(seconds: 1))
        let lines = EpisodeSummary.rows(of: [try summary(one.finish()), try summary(two.cut())])
        #expect(lines.count == 3 && lines[0].hasPrefix("EPISODE") && lines[2].contains("cut"))
        #expect(Set(lines.map(\.count)).count == 1, "columns stand under one another")
    }
}
