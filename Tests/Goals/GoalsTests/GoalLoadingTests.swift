import Foundation
import Goals
import Images
import Messages
import TestSupport
import Testing

@Suite struct GoalLoadingTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func picture(_ seed: Int) -> RGBImage { .waves(width: 6, height: 4, seed: seed) }

    private func fill(_ prefix: String, _ count: Int, firstSeed: Int = 0) throws {
        for index in 0..<count { try picture(firstSeed + index).writePNG(to: folder.file("\(prefix)_\(index).png")) }
    }

    private func episode(
        _ frame: Int, _ cameras: [(String, String)] = [("primary", "image_0_*.png")]
    )
        -> GoalSource.Views
    {
        .episode(
            .init(
                folder: folder.path, views: cameras.map { .init(camera: $0.0, pattern: $0.1) }, frame: frame))
    }

    // MARK: Files

    @Test func loadsOneImageForEachCamera() throws {
        try fill("goal", 2)
        let goal = try Goal(
            loading: GoalSource(
                views: .files([
                    .init(camera: "wrist", path: folder.file("goal_1.png")),
                    .init(camera: "primary", path: folder.file("goal_0.png")),
                ]), text: .given("put it there")))
        #expect(goal.views.map(\.camera) == ["primary", "wrist"])
        #expect(goal.views.map(\.image) == [picture(0), picture(1)])
        #expect(goal.text == "put it there" && goal.name == "goal_1.png")
        #expect(
            {
                if case .images(let paths) = goal.origin {
                    paths.map { $0.hasSuffix("goal_0.png") || $0.hasSuffix("goal_1.png") } == [true, true]
                } else {
                    false
                }
            }())
    }

    @Test func takesJPEGFilesToo() throws {
        let path = try folder.write(picture(0).jpegData().array, to: "goal.jpg")
        let goal = try Goal(loading: GoalSource(name: "mine", views: .files([.init(camera: "primary", path: path)])))
        #expect(goal.views.first?.image.width == 6 && goal.name == "mine")
    }

    @Test func noGoalIsTheOneAndOnlyNone() throws {
        #expect(try Goal(loading: .none) == .none)
        #expect(try Goal(loading: GoalSource(name: "x", views: .files([]), text: .given(""))) == .none)
    }

    @Test func textAloneIsAGoal() throws {
        let goal = try Goal(loading: GoalSource(views: .none, text: .given("wave")))
        #expect(!goal.isNone && goal.views.isEmpty && goal.text == "wave" && goal.name == "wave" && goal.id.count == 12)
    }

    @Test func aMissingFileIsNamed() {
        let source = GoalSource(views: .files([.init(camera: "primary", path: "/no/goal.png")]))
        let expected = GoalError.image(camera: "primary", error: .file(.missing(path: "/no/goal.png")))
        #expect(throws: expected) { try Goal(loading: source) }
        #expect(
            expected.description.hasPrefix(
                "loading the goal of camera 'primary': reading /no/goal.png: nothing is there"))
    }

    @Test func aDamagedPNGIsNamed() throws {
        let whole = try picture(0).pngData().array
        let path = try folder.write(whole.prefix(40), to: "goal.png")
        let error = #expect(throws: GoalError.self) {
            try Goal(loading: GoalSource(views: .files([.init(camera: "primary", path: path)])))
        }
        #expect(error?.description.contains(path) == true && error?.description.contains("damaged") == true)
    }

    @Test func aCameraCannotHaveTwoGoals() throws {
        try fill("goal", 1)
        let file = GoalSource.File(camera: "primary", path: folder.file("goal_0.png"))
        #expect(throws: GoalError.cameraTwice(camera: "primary")) {
            try Goal(loading: GoalSource(views: .files([file, file])))
        }
    }

    // MARK: Episodes

    @Test(arguments: [(0, 0), (5, 5), (11, 11), (-1, 11), (-12, 0)])
    func framesCountFromBothEnds(frame: Int, expected: Int) throws {
        try fill("image_0", 12)
        let goal = try Goal(loading: GoalSource(views: episode(frame)))
        #expect(goal.views.first?.image == picture(expected), "natural order: 2 before 10")
        #expect(goal.origin == .episode(path: folder.path, frame: expected))
    }

    @Test(arguments: [12, -13, 1000, Int.min, Int.max])
    func anIndexOutOfRangeSaysHowManyThereAre(frame: Int) throws {
        try fill("image_0", 12)
        let error = #expect(throws: GoalError.self) { try Goal(loading: GoalSource(views: episode(frame))) }
        #expect(
            error
                == .noSuchFrame(
                    camera: "primary", folder: folder.path, pattern: "image_0_*.png", frame: frame, count: 12))
        #expect(error?.description.hasSuffix("Take one of 0...11, or -1 for the last.") == true)
    }

    @Test func allCamerasShowTheSameMoment() throws {
        try fill("image_0", 3)
        try fill("image_1", 3, firstSeed: 10)
        let goal = try Goal(
            loading: GoalSource(views: episode(1, [("wrist", "image_1_*.png"), ("primary", "image_0_*.png")])))
        #expect(goal.views.map(\.image) == [picture(1), picture(11)])
        try fill("image_1", 4)
        #expect(
            throws: GoalError.framesDiffer(
                folder: folder.path, first: .init(camera: "primary", frames: 3),
                other: .init(camera: "wrist", frames: 4))
        ) {
            try Goal(
                loading: GoalSource(views: episode(-1, [("primary", "image_0_*.png"), ("wrist", "image_1_*.png")])))
        }
    }

    @Test func anEpisodeWithoutMatchesSaysWhatIsThere() throws {
        try folder.write([], to: "shot_0.png")
        #expect(
            throws: GoalError.noFrames(
                camera: "primary", folder: folder.path, pattern: "image_0_*.png", found: ["shot_0.png"])
        ) {
            try Goal(loading: GoalSource(views: episode(-1)))
        }
        #expect(throws: GoalError.folder(.missing(path: "/no/episode"))) {
            try Goal(
                loading: GoalSource(
                    views: .episode(
                        .init(folder: "/no/episode", views: [.init(camera: "primary", pattern: "*")]))))
        }
    }

    @Test func theTextCanComeFromTheEpisode() throws {
        try fill("image_0", 1)
        try folder.write(Array(#"{"steps": 1, "language_instruction": "close the drawer"}"#.utf8), to: "episode.json")
        #expect(try Goal(loading: GoalSource(views: episode(-1), text: .ofEpisode)).text == "close the drawer")
        try folder.write(Array(#"{"steps": 1, "language_instruction": ""}"#.utf8), to: "episode.json")
        #expect(throws: GoalError.noInstruction(path: folder.file("episode.json"))) {
            try Goal(loading: GoalSource(views: episode(-1), text: .ofEpisode))
        }
        #expect(throws: GoalError.textWithoutEpisode) {
            try Goal(loading: GoalSource(views: .none, text: .ofEpisode))
        }
    }

    @Test func aLongTextGivesAShortName() throws {
        #expect(try Goal(loading: GoalSource(name: "drawer", views: .none, text: .given("close it"))).name == "drawer")
        let long = try Goal(loading: GoalSource(views: .none, text: .given(String(repeating: "👩‍🚀", count: 300))))
        #expect(long.name.utf8.count <= 255 && long.name.hasSuffix("…"))
        #expect(long.text?.count == 300)
    }

    // MARK: Size

    @Test func aGoalOfAnotherSizeThanTheCamerasFramesIsRefused() throws {
        try fill("image_0", 2)
        let goal = try Goal(loading: GoalSource(views: episode(-1)))
        let (width, height) = (goal.views[0].image.width, goal.views[0].image.height)
        let frames = try #require(
            AnnouncedFrames(camera: "primary", folder: folder.path, pattern: "image_0_*.png"))
        #expect(frames == AnnouncedFrames(camera: "primary", width: width, height: height, source: folder.path))
        try goal.requireSize(of: frames)
        for (w, h) in [(width + 1, height), (height, width), (width * 2, height * 2)] {
            let view = Goal.View(camera: "primary", image: RGBImage.waves(width: w, height: h, seed: 1))
            let other = Goal(id: "g", name: "g", views: [view], text: nil)
            let error = #expect(throws: GoalError.self) { try other.requireSize(of: frames) }
            #expect(error?.description.contains("is \(w)x\(h), its frames") == true)
            #expect(error?.description.contains("are \(width)x\(height)") == true)
            #expect(error?.description.hasSuffix("record the goal with the same camera.") == true)
        }
        // Another camera's goal is not compared with them.
        try goal.requireSize(of: AnnouncedFrames(camera: "wrist", width: width + 1, height: height, source: "a device"))
    }

    @Test func framesThatCannotBeReadHaveNoSize() throws {
        try folder.write([1, 2, 3], to: "broken_0.png")
        #expect(AnnouncedFrames(camera: "primary", folder: "/nonexistent", pattern: "*") == nil)
        #expect(AnnouncedFrames(camera: "primary", folder: folder.path, pattern: "broken_*") == nil)
        #expect(AnnouncedFrames(camera: "primary", folder: folder.path, pattern: "absent_*") == nil)
    }

    // MARK: Identity

    @Test func theIDFollowsFromTheContentAlone() throws {
        try fill("image_0", 3)
        let hindsight = try Goal(loading: GoalSource(views: episode(2), text: .given("go")))
        let file = try Goal(
            loading: GoalSource(
                name: "other", views: .files([.init(camera: "primary", path: folder.file("image_0_2.png"))]),
                text: .given("go")))
        #expect(hindsight.id == file.id && hindsight.id.count == 12)
        #expect(hindsight.id.allSatisfy { $0.isHexDigit && !$0.isUppercase })
        let views = hindsight.views
        let others = [
            Goal.contentID(views: views, text: nil), Goal.contentID(views: views, text: ""),
            Goal.contentID(views: views, text: "go!"), Goal.contentID(views: [], text: "go"),
            Goal.contentID(views: views.map { .init(camera: "wrist", image: $0.image) }, text: "go"),
            Goal.contentID(views: [.init(camera: "primary", image: picture(1))], text: "go"), hindsight.id,
        ]
        #expect(Set(others).count == others.count)
    }

    /// A shape is part of the content: the same bytes as 6x4 and as 4x6 are two goals. The value itself is fixed, for
    /// ids of recorded episodes must mean the same in later versions.
    @Test func theIDIsStable() {
        let bytes = picture(0).pixels
        let wide = Goal.View(camera: "primary", image: RGBImage(width: 6, height: 4, pixels: bytes))
        let tall = Goal.View(camera: "primary", image: RGBImage(width: 4, height: 6, pixels: bytes))
        #expect(Goal.contentID(views: [wide], text: nil) != Goal.contentID(views: [tall], text: nil))
        #expect(Goal.contentID(views: [], text: "wave") == "9248cb506d66")
        #expect(Goal.formerContentID(views: [], text: "wave") == "80a1c14b42f2")
    }
}
