import Console
import EpisodeFixture
import Files
import Foundation
import Images
import JSONTree
import MCAPFiles
import Messages
import Recording
import TestSupport
import Testing
import Time

@Suite struct EpisodeShelfTests {
    private let folder: TemporaryFolder
    private let shelf: EpisodeShelf
    private static let now = RecordedEpisode.time(20)

    init() throws {
        folder = try TemporaryFolder()
        shelf = EpisodeShelf(folder: folder.path)
    }

    /// Puts an episode's file into the shelf's folder.
    @discardableResult
    private func put(_ path: String, at place: String) throws -> String {
        let target = folder.file(place)
        try FileManager.default.createDirectory(
            atPath: FileSystem.folder(of: target), withIntermediateDirectories: true)
        return try folder.write(FileSystem.read(path), to: place)
    }

    @discardableResult
    private func putRun(at place: String, seconds: Double = 1) throws -> String {
        var episode = try RecordedEpisode.run(seconds: seconds)
        return try put(episode.finish(), at: place)
    }

    @discardableResult
    private func putCut(at place: String) throws -> String {
        var episode = try RecordedEpisode.run(seconds: 1)
        return try put(episode.cut(), at: place)
    }

    private func get(
        _ path: String, _ query: [String: String] = [:], from shelf: EpisodeShelf? = nil
    ) throws -> WebResponse {
        try #require((shelf ?? self.shelf).answer(WebRequest(path: path, query: query), at: Self.now))
    }

    private func list(of shelf: EpisodeShelf? = nil) throws -> [JSONNode] {
        try #require(try JSONNode(parsing: get("/api/episodes", from: shelf).body)["episodes"]?.array)
    }

    private func details(_ id: String) throws -> JSONNode {
        let answer = try get("/api/episodes/\(id)")
        #expect(answer.status == 200)
        return try JSONNode(parsing: answer.body)
    }

    // MARK: The list

    @Test func anEpisodeIsListedWithWhatItsFileSays() throws {
        var episode = try RecordedEpisode.run()
        try episode.mark(.markSuccess, "well <i>done</i>")
        try put(episode.finish(), at: "run/grasp.mcap")
        let entry = try #require(try list().first)
        #expect(entry["id"]?.string == "run~grasp.mcap")
        #expect(entry["name"]?.string == "2026-01-31T12-00-00-001")
        #expect(entry["started"]?.string == "2026-01-31T12-00-00")
        #expect(entry["outcome"]?.string == "success")
        #expect(entry["notes"] == ["well <i>done</i>"])
        #expect(entry["cameras"] == ["primary", "wrist"])
        #expect(entry["goal"]?.string == "cup")
        #expect(abs((entry["seconds"]?.double ?? 0) - 3.48) < 0.01)
        #expect(entry["missing"]?.array?.first?.string?.hasPrefix("camera/wrist/image: 35 sent") == true)
        #expect(entry["recording"]?.bool == false && entry["problem"] == nil)
        #expect(entry["bytes"]?.int == (try FileSystem.read(folder.file("run/grasp.mcap"))).count)
        #expect((entry["messages"]?.int ?? 0) > 200)
    }

    @Test func theNewestComesFirstAndOtherFilesAreNotListed() throws {
        try putRun(at: "a.mcap")
        try putRun(at: "run/b~1%.mcap")
        try putRun(at: ".hidden.mcap")
        try putRun(at: "exports/x.mcap")
        try putRun(at: "run/deeper/c.mcap")
        try folder.write([1, 2, 3], to: "notes.txt")
        #expect(try list().map { $0["id"]?.string } == ["run~b%7E1%25.mcap", "a.mcap"])
        #expect(try details("run~b%257E1%2525.mcap")["name"]?.string == "2026-01-31T12-00-00-001")
    }

    /// What lies between a file's beginning and its end is not read for the list: here it is destroyed.
    @Test func theListReadsTheEndsOfAFileOnly() throws {
        let path = try putRun(at: "a.mcap", seconds: 3)
        let whole = try list()
        var bytes = try FileSystem.read(path)
        for place in bytes.count / 3..<bytes.count / 2 { bytes[place] = 0xff }
        try folder.write(bytes, to: "a.mcap")
        let damaged = try list()
        #expect(damaged.first?["messages"] == whole.first?["messages"])
        #expect(damaged.first?["problem"] == nil)
        #expect(try details("a.mcap")["problem"]?.string?.isEmpty == false)
    }

    @Test func aFileThatWasCutIsListedWithItsProblem() throws {
        try putCut(at: "cut.mcap")
        let entry = try #require(try list().first)
        #expect(entry["name"]?.string == "2026-01-31T12-00-00-001")
        #expect(entry["outcome"]?.string == "unknown")
        #expect(entry["recording"]?.bool == false)
        #expect(entry["problem"]?.string?.contains("recover") == true)
        // Who opens it sees all that is left.
        let details = try details("cut.mcap")
        #expect(details["cameras"] == ["primary", "wrist"])
        #expect((details["frames"]?["primary"]?.array?.count ?? 0) > 5)
    }

    @Test func aFileThatIsBeingRecordedIsNotOpened() throws {
        try putCut(at: "now.mcap")
        let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY)
        defer { close(descriptor) }
        try #require(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        let entry = try #require(try list().first)
        #expect(entry["recording"]?.bool == true && entry["problem"] == nil && entry["outcome"]?.string == "open")
        // The start, and the time that it is now.
        #expect(abs((entry["seconds"]?.double ?? 0) - 20) < 0.1)
        #expect(try get("/api/episodes/now.mcap").status == 409)
        flock(descriptor, LOCK_UN)
        #expect(try list().first?["recording"]?.bool == false)
        #expect(try get("/api/episodes/now.mcap").status == 200)
    }

    @Test func aFileThatHasChangedIsReadAgain() throws {
        try putCut(at: "a.mcap")
        #expect(try list().first?["problem"] != nil)
        #expect(try details("a.mcap")["outcome"]?.string == "unknown")
        var episode = try RecordedEpisode.run(seconds: 1)
        try episode.mark(.markFailure)
        try put(episode.finish(), at: "a.mcap")
        #expect(try details("a.mcap")["outcome"]?.string == "failure")
        #expect(try list().first?["outcome"]?.string == "failure")
        try FileManager.default.removeItem(atPath: folder.file("a.mcap"))
        #expect(try get("/api/episodes/a.mcap").status == 404)
        #expect(try list().isEmpty)
    }

    @Test func singleFilesAreServedToo() throws {
        let path = try putRun(at: "a.mcap")
        let shelf = EpisodeShelf(files: [path, folder.file("missing.mcap")])
        let entries = try list(of: shelf)
        #expect(entries.count == 1)
        let id = try #require(entries.first?["id"]?.string)
        #expect(!id.contains("/"))
        #expect(try shelf.path(of: id) == path)
        #expect(try get("/api/episodes/\(id)", from: shelf).status == 200)
    }

    // MARK: Details and pictures

    @Test func detailsHaveEverythingOnOneClock() throws {
        try putRun(at: "a.mcap", seconds: 3.5)
        let details = try details("a.mcap")
        #expect(details["start_ns"]?.int == Int(RecordedEpisode.time(0.001).nanoseconds))
        #expect(details["joints"]?.array?.count == 6)
        let frames = try #require(details["frames"]?["primary"]?.array)
        #expect(frames.first?.int == Int(RecordedEpisode.time(-0.03).nanoseconds) && frames.count == 35)
        #expect(details["frames"]?["wrist"]?.array?.count == 34)
        let states = try #require(details["states"])
        #expect(states["time_ns"]?.array?.count == 175)
        for key in ["measured_rad", "setpoint_rad", "measured_gripper", "setpoint_gripper", "tool_m"] {
            #expect(states[key]?.array?.count == 175)
        }
        #expect(states["measured_rad"]?.array?.first?.array?.count == 6)
        #expect(states["tool_m"]?.array?.first == [0.3, 0, 0.2])
        let chunks = try #require(details["chunks"]?.array)
        #expect(chunks.map { $0["outcome"]?.string }.prefix(3) == ["superseded", "superseded", "interrupted"])
        #expect(chunks.first?["actions"]?.array?.count == 4)
        #expect(chunks.first?["actions"]?.array?.last?.array?.last?.double == 0.27)
        #expect(chunks.first?["step_ns"]?.int == 200_000_000)
        #expect(chunks.first?["first_setpoint_ns"]?.int == Int(RecordedEpisode.time(0.12).nanoseconds))
        let events = try #require(details["events"]?.array)
        #expect(events.map { $0["kind"]?.string } == ["interventionBegan", "interventionEnded"])
        #expect(events.first?["node"]?.string == "arm")
    }

    @Test func picturesAreTheFramesByTheirNumber() throws {
        try putRun(at: "a.mcap")
        for index in [0, 9, 4] {
            let answer = try get("/picture/episodes/a.mcap/primary/\(index).jpg")
            #expect(answer.status == 200)
            let picture = try RGBImage(decoding: SharedBytes(copying: answer.body), source: "answer")
            let expected = RGBImage.waves(width: 64, height: 48, seed: index)
            #expect(picture.width == 64 && picture.height == 48)
            // Blue says which one it is; a JPEG is a little off.
            #expect(abs(Int(picture.pixels.bytes[2]) - Int(expected.pixels.bytes[2])) < 12)
        }
        let small = try get("/picture/episodes/a.mcap/wrist/3.jpg", ["width": "32"])
        let picture = try RGBImage(decoding: SharedBytes(copying: small.body), source: "small")
        #expect(picture.width == 32 && picture.height == 24)
        #expect(try get("/picture/episodes/a.mcap/wrist/3.jpg", ["width": "1e2"]).status == 400)
    }

    /// The first and the last picture are had without what lies between them: here it is destroyed.
    @Test func theListsPicturesAreCheap() throws {
        let path = try putRun(at: "a.mcap", seconds: 3)
        _ = try get("/api/episodes/a.mcap")
        let expected = try ["0", "29", "last"].map { try get("/picture/episodes/a.mcap/primary/\($0).jpg") }
        #expect(expected[1] == expected[2] && expected[0] != expected[1])
        var bytes = try FileSystem.read(path)
        for place in bytes.count / 3..<bytes.count / 2 { bytes[place] = 0xff }
        try folder.write(bytes, to: "b.mcap")
        #expect(try get("/picture/episodes/b.mcap/primary/0.jpg") == expected[0])
        #expect(try get("/picture/episodes/b.mcap/primary/last.jpg") == expected[2])
        for end in ["0", "last"] { #expect(try get("/picture/episodes/b.mcap/none/\(end).jpg").status == 404) }
        // Once it has been opened it ends where the damage begins.
        _ = try get("/api/episodes/b.mcap")
        #expect(try get("/picture/episodes/b.mcap/primary/last.jpg") != expected[2])
        #expect(try get("/picture/episodes/b.mcap/none/last.jpg").status == 404)
    }

    @Test func theCamerasOwnJPEGIsPassedThrough() throws {
        let file = try RGBImage.waves(width: 64, height: 48, seed: 3).jpegData(quality: 40)
        var episode = try RecordedEpisode()
        for number in 0..<3 {
            try episode.publish(
                CameraFrame(
                    camera: "primary", deviceID: "usb", sequence: UInt64(number),
                    captureTime: RecordedEpisode.time(Double(number)),
                    pixels: .jpeg(file, width: 64, height: 48), contentHash: 1), on: "camera/primary/image",
                from: "camera-primary", at: RecordedEpisode.time(Double(number)))
        }
        try put(episode.finish(), at: "a.mcap")
        #expect(try get("/picture/episodes/a.mcap/primary/2.jpg").body == file.array)
        #expect(try get("/picture/episodes/a.mcap/primary/2.jpg", ["width": "64"]).body == file.array)
        let small = try get("/picture/episodes/a.mcap/primary/2.jpg", ["width": "16"])
        #expect(try RGBImage(decoding: SharedBytes(copying: small.body), source: "small").width == 16)
    }

    @Test(arguments: [
        "/api/episodes/none.mcap", "/api/episodes/..~secret.mcap", "/api/episodes/%2e%2e%2Fsecret.mcap",
        "/api/episodes/..", "/api/episodes/a.mcap%00", "/api/episodes/%FF", "/api/episodes/a.mcap/x",
        "/api/episodes/~etc~passwd", "/api/episodes/link.mcap", "/api/episodes/out~secret.mcap",
        "/api/episodes/%3Cimg%20src=x%3E", "/picture/episodes/a.mcap/primary/10.jpg",
        "/picture/episodes/a.mcap/primary/-1.jpg", "/picture/episodes/a.mcap/primary/x.jpg",
        "/picture/episodes/a.mcap/primary/0.png", "/picture/episodes/a.mcap/primary/0",
        "/picture/episodes/a.mcap/primary/99999999999999999999.jpg", "/picture/episodes/a.mcap/gripper/0.jpg",
        "/picture/episodes/a.mcap/primary", "/picture/episodes/..~secret.mcap/primary/0.jpg",
    ]) func whatIsNotThereIsSaidInWords(path: String) throws {
        let outside = try TemporaryFolder()
        try putRun(at: "a.mcap")
        let secret = try outside.write(FileSystem.read(folder.file("a.mcap")), to: "secret.mcap")
        try FileManager.default.createSymbolicLink(atPath: folder.file("link.mcap"), withDestinationPath: secret)
        try FileManager.default.createSymbolicLink(atPath: folder.file("out"), withDestinationPath: outside.path)
        #expect(try list().map { $0["id"]?.string } == ["a.mcap"])
        let answer = try get(path)
        #expect(answer.status == 404)
        #expect(try JSONNode(parsing: answer.body)["error"]?.string?.isEmpty == false)
    }

    @Test func aLinkThatTakesTheFilesPlaceIsNotFollowed() throws {
        let outside = try TemporaryFolder()
        let path = try putRun(at: "a.mcap")
        let secret = try outside.write(FileSystem.read(path), to: "secret.mcap")
        #expect(try get("/api/episodes/a.mcap").status == 200)
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: secret)
        #expect(try get("/api/episodes/a.mcap").status == 404)
        #expect(throws: EpisodeShelfError.noSuchEpisode("a.mcap")) { try shelf.path(of: "a.mcap") }
    }

    /// Wherever a file ends, and whatever stands in it, there is an answer.
    @Test(arguments: 0..<24) func damagedFilesAreAnswered(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        var bytes = try FileSystem.read(putRun(at: "a.mcap", seconds: 0.5))
        if seed % 2 == 0 { bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator)) }
        for _ in 0..<(seed % 3) * 20 where !bytes.isEmpty {
            bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        try folder.write(bytes, to: "a.mcap")
        #expect(try list().count == 1)
        #expect([200, 409].contains(try get("/api/episodes/a.mcap").status))
        #expect([200, 404, 409].contains(try get("/picture/episodes/a.mcap/primary/3.jpg").status))
    }

    @Test func manyThreadsMayAskAtOnce() async throws {
        for number in 0..<6 { try putRun(at: "\(number).mcap", seconds: 0.5) }
        let first = try get("/picture/episodes/0.mcap/primary/1.jpg")
        await withTaskGroup(of: Bool.self) { [shelf] group in
            for turn in 0..<60 {
                group.addTask {
                    let path = "/picture/episodes/\(turn % 6).mcap/primary/1.jpg"
                    let list = shelf.answer(WebRequest(path: "/api/episodes"), at: Self.now)
                    return shelf.answer(WebRequest(path: path), at: Self.now) == first && list?.status == 200
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    @Test(arguments: ["/", "/api/episodesx", "/api/goals", "/picture/goals/a/b.jpg"])
    func otherAddressesAreForOthers(path: String) {
        #expect(shelf.answer(WebRequest(path: path), at: Self.now) == nil)
    }

    @Test func nothingIsChangedByARequest() {
        #expect(shelf.answer(WebRequest(method: "DELETE", path: "/api/episodes/a.mcap"), at: Self.now)?.status == 405)
    }

    // MARK: Moments

    @Test func aMomentIsAFrameOfTheLeadingCamera() throws {
        try putRun(at: "a.mcap")
        func frame(_ moment: EpisodeMoment) throws -> Int { try shelf.leadingFrame(of: "a.mcap", at: moment) }
        #expect(try frame(.frame(camera: "primary", index: 4)) == 4)
        // The wrist's eighth frame was lost: its number 7 is of the same time as the primary's 8.
        #expect(try frame(.frame(camera: "wrist", index: 7)) == 8)
        #expect(try frame(.time(RecordedEpisode.time(0.5))) == 5)
        #expect(try frame(.time(RecordedEpisode.time(99))) == 9)
        #expect(throws: EpisodeShelfError.noPictureYet("a.mcap", camera: "primary")) {
            try frame(.time(RecordedEpisode.time(-1)))
        }
        #expect(throws: EpisodeShelfError.self) { try frame(.frame(camera: "wrist", index: 9)) }
        #expect(throws: EpisodeShelfError.self) { try frame(.frame(camera: "none", index: 0)) }
        #expect(throws: EpisodeShelfError.noSuchEpisode("b.mcap")) {
            try shelf.leadingFrame(of: "b.mcap", at: .time(.zero))
        }
    }
}
