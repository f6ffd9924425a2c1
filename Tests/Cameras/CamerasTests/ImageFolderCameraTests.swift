import Cameras
import Files
import Foundation
import Images
import Messages
import TestSupport
import Testing
import Time

@Suite struct ImageFolderCameraTests {
    private let folder: TemporaryFolder
    /// 100 ms a frame.
    private let rate = Rate(hertz: 10)

    init() throws { folder = try TemporaryFolder() }

    private func milliseconds(_ value: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: value * 1_000_000) }

    private func fill(_ count: Int, jpeg: Bool = false) throws {
        for index in 0..<count {
            let picture = RGBImage.waves(width: 8, height: 6, seed: index)
            let bytes = jpeg ? try picture.jpegData() : try picture.pngData()
            try folder.write(bytes.array, to: "image_0_\(index).\(jpeg ? "jpg" : "png")")
        }
    }

    private func camera(pattern: String? = nil, loops: Bool = true, memoryLimit: Int = 128 << 20) -> ImageFolderCamera {
        ImageFolderCamera(
            .init(name: "primary", folder: folder.path, pattern: pattern, rate: rate, loops: loops),
            memoryLimit: memoryLimit)
    }

    /// Which picture of `fill(_:)` a frame shows.
    private func picture(_ frame: CameraFrame?) throws -> Int? {
        guard case .rgb8(let image)? = frame?.pixels else { return nil }
        return (0..<20).first { RGBImage.waves(width: 8, height: 6, seed: $0) == image }
    }

    // MARK: Conformance

    /// With everything in memory, with nothing, and with JPEG files.
    @Test(arguments: [(128 << 20, false), (0, false), (200, false), (128 << 20, true), (0, true)])
    func isACamera(memoryLimit: Int, jpeg: Bool) throws {
        try fill(3, jpeg: jpeg)
        try CameraConformance(
            makeCamera: { camera(memoryLimit: memoryLimit) },
            makeBroken: {
                let settings = ImageFolderCamera.Settings(name: "wrist", folder: "/no/such/folder", rate: rate)
                return (ImageFolderCamera(settings), .folder(camera: "wrist", error: .missing(path: "/no/such/folder")))
            },
            frameCount: 7
        ).checkAll()
    }

    // MARK: Time

    @Test(arguments: [128 << 20, 0])
    func showsEachPictureAtItsDeadline(memoryLimit: Int) throws {
        try fill(12)
        var camera = camera(memoryLimit: memoryLimit)
        let format = try camera.open(at: milliseconds(1_000))
        #expect(format.width == 8 && format.height == 6 && format.rate == rate)
        for index in 0..<12 {
            let due = milliseconds(1_000 + Int64(index) * 100)
            #expect(camera.wakeup == .time(due))
            #expect(try camera.nextFrame(at: due - .nanoseconds(1)) == nil, "not before it is due")
            // The caller is 40 ms late each time: stamps and deadlines stay where they belong.
            let frame = try camera.nextFrame(at: due + .milliseconds(40))
            #expect(frame?.captureTime == due && frame?.sequence == UInt64(index))
            #expect(try picture(frame) == index, "natural order: 2 before 10")
            camera.prepare()
        }
    }

    @Test(arguments: [128 << 20, 0])
    func passesOverPicturesNobodyFetched(memoryLimit: Int) throws {
        try fill(10)
        var camera = camera(memoryLimit: memoryLimit)
        _ = try camera.open(at: .zero)
        #expect(try camera.nextFrame(at: .zero)?.sequence == 0)
        camera.prepare()
        let late = try camera.nextFrame(at: milliseconds(450))
        #expect(late?.sequence == 4 && late?.captureTime == milliseconds(400))
        #expect(try picture(late) == 4, "what was prepared for picture 1 is not shown as picture 4")
        #expect(camera.wakeup == .time(milliseconds(500)))
    }

    @Test func beginsAgainAfterTheLastPicture() throws {
        try fill(3)
        var camera = camera()
        _ = try camera.open(at: .zero)
        let shown = try (0..<7).map { try picture(camera.nextFrame(at: milliseconds($0 * 100))) }
        #expect(shown == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test func endsWithTheLastPictureWhenItDoesNotLoop() throws {
        try fill(3)
        var camera = camera(loops: false)
        _ = try camera.open(at: .zero)
        #expect(try picture(camera.nextFrame(at: .zero)) == 0)
        // Long after the end: the last picture is what stays, so it must not be passed over.
        let last = try camera.nextFrame(at: milliseconds(5_000))
        #expect(try picture(last) == 2)
        #expect(last?.sequence == 2 && last?.captureTime == milliseconds(200))
        #expect(camera.wakeup == .never)
        #expect(try camera.nextFrame(at: milliseconds(9_000)) == nil)
    }

    // MARK: Files

    @Test func onlyWhatMatchesIsShown() throws {
        try fill(2)
        try folder.write(RGBImage.waves(width: 99, height: 99, seed: 1).pngData().array, to: "image_1_0.png")
        try folder.write(Array("{}".utf8), to: "episode.json")
        var camera = camera(pattern: "image_0_*.png")
        #expect(try camera.open(at: .zero).width == 8)
    }

    @Test func jpegBytesGoOutAsTheyAre() throws {
        try fill(1, jpeg: true)
        let file = try SharedBytes(contentsOf: folder.file("image_0_0.jpg"))
        var camera = camera()
        _ = try camera.open(at: .zero)
        #expect(try camera.nextFrame(at: .zero)?.pixels == .jpeg(file, width: 8, height: 6))
    }

    @Test func anEmptyFolderSaysWhatIsThere() throws {
        var camera = camera()
        #expect(throws: CameraError.noPictures(camera: "primary", folder: folder.path, pattern: nil, found: [])) {
            try camera.open(at: .zero)
        }
        for index in 0..<8 { try folder.write([], to: "note_\(index).txt") }
        var strict = self.camera(pattern: "image_2_*.png")
        let error = #expect(throws: CameraError.self) { try strict.open(at: .zero) }
        #expect(
            error?.description == """
                opening camera 'primary': \(folder.path) holds note_0.txt, note_1.txt, note_2.txt, \
                note_3.txt, note_4.txt and 3 more, expected at least one file that matches 'image_2_*.png'. \
                Correct the camera's folder or pattern in the manifest.
                """)
    }

    @Test(arguments: ["png", "jpg"])
    func aDamagedFileIsNamedAtOpening(kind: String) throws {
        try fill(3, jpeg: kind == "jpg")
        let path = folder.file("image_0_1.\(kind)")
        let whole = try SharedBytes(contentsOf: path).array
        try folder.write(whole.dropLast(whole.count / 2), to: "image_0_1.\(kind)")
        var camera = camera()
        let error = #expect(throws: CameraError.self) { try camera.open(at: .zero) }
        #expect(error?.description.contains(path) == true && error?.description.contains("damaged") == true)
    }

    @Test func picturesOfDifferentSizesAreRefused() throws {
        try fill(2)
        try folder.write(RGBImage.waves(width: 8, height: 7, seed: 0).pngData().array, to: "image_0_2.png")
        var camera = camera()
        let error = #expect(throws: CameraError.self) { try camera.open(at: .zero) }
        guard case .sizesDiffer("primary", let first, let other)? = error else {
            Issue.record("\(error.debugDescription)")
            return
        }
        #expect(first.path == folder.file("image_0_0.png") && first.height == 6)
        #expect(other.path == folder.file("image_0_2.png") && other.height == 7)
    }

    @Test func aFileThatVanishesLaterIsAnErrorAndTheCameraOpensAgain() throws {
        try fill(3)
        var camera = camera(memoryLimit: 0)
        _ = try camera.open(at: .zero)
        #expect(try camera.nextFrame(at: .zero) != nil)
        let path = folder.file("image_0_1.png")
        let bytes = try SharedBytes(contentsOf: path)
        try FileManager.default.removeItem(atPath: path)
        camera.prepare()
        let expected = CameraError.picture(camera: "primary", error: .file(.missing(path: path)))
        #expect(throws: expected) { try camera.nextFrame(at: milliseconds(100)) }
        camera.close()
        try folder.write(bytes.array, to: "image_0_1.png")
        _ = try camera.open(at: milliseconds(700))
        #expect(try camera.nextFrame(at: milliseconds(700))?.sequence == 1)
    }

    // MARK: Recorded episodes

    @Test func playsTheDemoEpisode() throws {
        let path = Fixture.packageRoot.appendingPathComponent("launch/episode").path
        var camera = ImageFolderCamera(
            .init(name: "primary", folder: path, pattern: "image_0_*.png", rate: Rate(hertz: 5), loops: false))
        let format = try camera.open(at: .zero)
        #expect(format.width == 256 && format.height == 256)
        var hashes: [UInt64] = []
        while case .time(let due) = camera.wakeup {
            if let frame = try camera.nextFrame(at: due) { hashes.append(frame.contentHash) }
        }
        #expect(hashes.count == 30 && hashes.first != hashes.last)
        #expect(Set(hashes).count >= 28, "the arm moves in nearly every step")
    }

    @Test(.enabled(if: Fixture.shared("octo/bridge-episode") != nil, "octo/bridge-episode is not on this machine"))
    func playsARealBridgeEpisode() throws {
        let path = try #require(Fixture.shared("octo/bridge-episode")).path
        for (index, name) in ["primary", "left", "wrist"].enumerated() {
            var camera = ImageFolderCamera(
                .init(name: name, folder: path, pattern: "image_\(index)_*.png", rate: Rate(hertz: 5), loops: false))
            let format = try camera.open(at: .zero)
            #expect(format.width == 64 && format.height == 64)
            var count = 0
            while case .time(let due) = camera.wakeup {
                #expect(try camera.nextFrame(at: due)?.sequence == UInt64(count))
                count += 1
            }
            #expect(count == 10)
        }
    }
}
