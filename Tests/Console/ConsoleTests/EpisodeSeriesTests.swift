import Console
import EpisodeFixture
import Messages
import Recording
import Testing
import Time
import Wire

@Suite struct EpisodeSeriesTests {
    /// Frames are found by the stamp in front of their pixels: it must be the one that a whole reading gives.
    @Test func framesHaveTheirCaptureTimes() throws {
        var episode = try RecordedEpisode.run(seconds: 2)
        let file = try EpisodeFile(path: episode.finish())
        let series = EpisodeSeries(reading: file)
        for camera in ["primary", "wrist"] {
            let expected = try file.messages(of: Topics.cameraImage(camera)).map {
                ($0.message.captureTime, $0.logTime)
            }
            let found = try #require(series.frames[camera])
            #expect(found.map(\.capture) == expected.map(\.0) && !found.isEmpty)
            #expect(found.map(\.logged) == expected.map(\.1))
        }
        #expect(series.problem == nil)
    }

    @Test(arguments: [1, 1_999, 2_000, 2_001, 9_000]) func statesAreThinnedEvenlyAndKeepBothEnds(count: Int) throws {
        var episode = try RecordedEpisode()
        for tick in 0..<count {
            let seconds = Double(tick) * 0.02
            try episode.publish(
                RecordedEpisode.state(at: seconds), on: "arm/state", from: "arm", at: RecordedEpisode.time(seconds))
        }
        let states = EpisodeSeries(reading: try EpisodeFile(path: episode.finish())).states
        #expect(states.count <= EpisodeSeries.mostStates)
        #expect(states.count > min(count, EpisodeSeries.mostStates) * 9 / 20)
        #expect(states.first?.measured.time == RecordedEpisode.time(0))
        #expect(states.last?.measured.time == RecordedEpisode.time(Double(count - 1) * 0.02))
        let steps = Set(
            zip(states, states.dropFirst()).dropLast().map { ($1.measured.time - $0.measured.time).nanoseconds })
        #expect(steps.count <= 1)
    }

    @Test func theNewestPictureIsTheOneThatIsNotNewer() throws {
        var episode = try RecordedEpisode.run(seconds: 1)
        let series = EpisodeSeries(reading: try EpisodeFile(path: episode.finish()))
        #expect(series.newest(of: "primary", at: RecordedEpisode.time(0.07)) == 1)
        #expect(series.newest(of: "primary", at: RecordedEpisode.time(0.069)) == 0)
        #expect(series.newest(of: "primary", at: .zero) == nil)
        #expect(series.newest(of: "none", at: RecordedEpisode.time(1)) == nil)
    }
}
