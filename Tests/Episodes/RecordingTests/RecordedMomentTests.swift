import EpisodeFixture
import Messages
import Recording
import TestSupport
import Testing

@Suite struct RecordedMomentTests {
    @Test func theLeadingCamerasFrameIsTakenWithTheOthersNewest() throws {
        var episode = try RecordedEpisode()
        // The wrist is later by 60 ms, and slower.
        for number in 0..<5 {
            try publish("primary", number, at: Double(number) * 0.1, in: &episode)
            if number % 2 == 0 { try publish("wrist", number, at: Double(number) * 0.1 + 0.06, in: &episode) }
        }
        let file = try EpisodeFile(path: episode.finish())
        let third = try RecordedMoment(file, frame: 3)
        #expect(
            third.index == 3 && third.frames.map(\.camera) == ["primary", "wrist"]
                && third.frames.map(\.sequence) == [3, 2])
        let last = try RecordedMoment(file, frame: -1)
        #expect(last.index == 4 && last.frames.map(\.sequence) == [4, 2])
        // Before the wrist's first frame there is none of it.
        #expect(try RecordedMoment(file, frame: 0).frames.map(\.camera) == ["primary"])
        for wrong in [5, -6] {
            #expect(throws: RecordedMomentError.noSuchFrame(path: file.path, frame: wrong, count: 5)) {
                try RecordedMoment(file, frame: wrong)
            }
        }
    }

    @Test func aRecordingWithoutCamerasHasNoMoment() throws {
        var episode = try RecordedEpisode()
        try episode.publish(RecordedEpisode.state(at: 0), on: "arm/state", from: "arm", at: RecordedEpisode.time(0))
        let file = try EpisodeFile(path: episode.finish())
        #expect(throws: RecordedMomentError.noFrames(path: file.path)) { try RecordedMoment(file, frame: -1) }
    }

    private func publish(_ camera: String, _ number: Int, at seconds: Double, in episode: inout RecordedEpisode) throws
    {
        let frame = RecordedEpisode.frame(camera, number, at: seconds)
        try episode.publish(
            frame, on: "camera/\(camera)/image", from: camera, at: RecordedEpisode.time(seconds),
            captured: frame.captureTime)
    }
}
