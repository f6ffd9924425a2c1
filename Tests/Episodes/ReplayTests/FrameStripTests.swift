import EpisodeFixture
import Files
import Images
import Messages
import Recording
import Replay
import Testing
import Time

@Suite struct FrameStripTests {
    private func strip(
        _ options: FrameStrip.Options, of episode: RecordedEpisode, _ body: (FrameStrip) throws -> Void
    ) throws {
        var episode = episode
        try body(FrameStrip(EpisodeFile(path: episode.finish()), options))
    }

    private func pictures(_ options: FrameStrip.Options) throws -> [FrameStrip.Picture] {
        var pictures: [FrameStrip.Picture] = []
        try strip(options, of: .run()) { try $0.visit { pictures.append($0) } }
        return pictures
    }

    @Test func everyFrameComesWithItsTimeAndTheGoal() throws {
        let found = try pictures(.init(cameras: ["primary"]))
        #expect(found.count == 35 && found.map(\.number) == Array(0..<35))
        // Captured 30 ms before it was published, and the recorder had the first message a millisecond after that.
        #expect(found[10].time == .milliseconds(1_000 - 30 - 1))
        #expect(found[10].image == RGBImage.waves(width: 64, height: 48, seed: 10))
        #expect(found[10].goal == RGBImage.waves(width: 64, height: 48, seed: 99))
    }

    @Test func everyNthIsOfEachCamera() throws {
        let found = try pictures(.init(every: 10))
        #expect(found.filter { $0.camera == "primary" }.map(\.number) == [0, 10, 20, 30])
        #expect(found.filter { $0.camera == "wrist" }.map(\.number) == [0, 10, 20, 30])
    }

    @Test func aPartIsBetweenItsEnds() throws {
        let found = try pictures(.init(cameras: ["primary"], from: .seconds(1), to: .seconds(2)))
        #expect(found.count == 11)
        #expect(found.allSatisfy { $0.time > .milliseconds(900) && $0.time < .milliseconds(2_000) })
    }

    @Test func observationsAreTheNewestOfTheWindow() throws {
        let found = try pictures(.init(cameras: ["wrist"], showsObservations: true))
        #expect(found.count == 18 && found.allSatisfy { $0.camera == "wrist" && $0.image.width == 8 })
        let second = 8 * 8 * 3
        let newest = SharedBytes(copying: (second..<2 * second).map { UInt8(truncatingIfNeeded: $0 + 3) })
        #expect(found[3].image == RGBImage(width: 8, height: 8, pixels: newest))
    }

    @Test func jpegFramesAreDecoded() throws {
        var episode = try RecordedEpisode()
        let picture = RGBImage.waves(width: 64, height: 48, seed: 4)
        var frame = RecordedEpisode.frame("primary", 0, at: 0)
        frame.pixels = .jpeg(try picture.jpegData(quality: 100), width: 64, height: 48)
        try episode.publish(frame, on: "camera/primary/image", from: "camera-primary", at: RecordedEpisode.time(0))
        try strip(.init(), of: episode) { strip in
            var sizes: [[Int]] = []
            try strip.visit { sizes.append([$0.image.width, $0.image.height]) }
            #expect(sizes == [[64, 48]])
        }
    }

    @Test func aSheetHasThePicturesInRowsWithTheGoalBeside() throws {
        try strip(.init(cameras: ["primary"], every: 5), of: .run()) { strip in
            let sheet = try #require(try strip.sheet(columns: 4))
            // Seven cells of view, gap and goal, below a line of text: two rows.
            let (cell, line) = (64 + 2 + 64, 14)
            #expect(sheet.width == 4 * (cell + 4) + 4 && sheet.height == 2 * (48 + line + 4) + 4)
            let bytes = sheet.pixels.bytes
            defer { withExtendedLifetime(sheet) {} }
            let first = ((4 + line) * sheet.width + 4) * 3
            let view = RGBImage.waves(width: 64, height: 48, seed: 0)
            withExtendedLifetime(view) {
                #expect(bytes[first..<first + 64 * 3].elementsEqual(view.pixels.bytes[..<(64 * 3)]))
            }
            // Something is written above it.
            var label: Set<UInt8> = []
            for row in 4..<4 + line {
                let start = (row * sheet.width + 4) * 3
                label.formUnion(bytes[start..<start + cell * 3])
            }
            #expect(label == [32, 235])
        }
    }

    @Test func widePicturesBecomeSmaller() throws {
        try strip(.init(cameras: ["primary"], every: 100), of: .run()) { strip in
            let sheet = try #require(try strip.sheet(columns: 1, maximumWidth: 32))
            #expect(sheet.width == 32 + 2 + 32 + 8 && sheet.height == 24 + 14 + 8)
        }
    }

    @Test func eachCameraBeginsARow() throws {
        try strip(.init(every: 20), of: .run()) { strip in
            let sheet = try #require(try strip.sheet(columns: 4))
            #expect(sheet.height == 2 * (48 + 14 + 4) + 4, "two pictures of each camera")
        }
    }

    @Test func aCameraThatIsNotThereIsNamedWithThoseThatAre() throws {
        let error = #expect(throws: FrameStripError.self) { try pictures(.init(cameras: ["wirst"])) }
        #expect(error?.description.contains("primary, wrist") == true)
    }

    @Test func anEpisodeWithoutPicturesHasNone() throws {
        var episode = try RecordedEpisode()
        try episode.publish(RecordedEpisode.state(at: 0), on: "arm/state", from: "arm", at: RecordedEpisode.time(0))
        let path = try episode.finish()
        #expect(throws: FrameStripError.noPictures(path: path, observations: false)) {
            try FrameStrip(EpisodeFile(path: path), .init())
        }
    }
}
