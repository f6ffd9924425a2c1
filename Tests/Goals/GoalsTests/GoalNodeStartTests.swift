import Goals
import Images
import Messages
import TestSupport
import Testing
import Time

/// The goal that a run begins with.
@Suite struct GoalNodeStartTests {
    private var core = GoalNodeCore(node: "goal", cameras: ["primary"])
    private let store = MemoryStore()
    private let now = MonotonicTime.zero + .seconds(3)

    private mutating func begin(
        _ first: FirstGoal, frames: [AnnouncedFrames] = []
    ) throws(GoalError) -> [GoalNodeCore.Output] {
        try core.begin(with: first, frames: frames, store: store, at: now)
    }

    @Test mutating func aGoalOfTheLibraryIsSetWithItsRecord() throws {
        let picture = RGBImage.waves(width: 128, height: 128, seed: 4)
        var record = SampleGoal.record()
        record.views = [.init(camera: "primary", image: picture)]
        store.records["cup"] = record
        let outputs = try begin(.library("cup"))
        #expect(outputs.first == .goal(record.goal(folder: "/goals/cup")))
        #expect(core.current.id == record.id && core.current.origin == .library(folder: "/goals/cup"))
        guard case .event(let event)? = outputs.last else {
            Issue.record("\(outputs)")
            return
        }
        #expect(event.kind == .goalChanged && event.text == "the goal changes to 'cup', by the manifest")
        // The record is known: it says how old the goal is.
        core.receive(
            CameraFrame(
                camera: "primary", deviceID: "cam", sequence: 0, captureTime: now, pixels: .rgb8(picture),
                contentHash: 0))
        let ticked = core.tick(store: store, wall: WallTime(seconds: record.recorded.seconds + 200_000), at: now)
        guard case .fit(let fit)? = ticked.first else {
            Issue.record("\(ticked)")
            return
        }
        #expect(fit.reasons.contains("the goal is 2 days old"), "\(fit.reasons)")
    }

    @Test mutating func whatIsNotInTheLibraryEndsTheStartInItsWords() throws {
        let missing = GoalLibraryError.missing(name: "cup", folder: "/goals", known: [])
        let error = #expect(throws: GoalError.library(missing)) { try begin(.library("cup")) }
        #expect(error?.description == missing.description)
        #expect(core.current.isNone && core.status(at: now).state == .starting)
    }

    @Test mutating func aGoalFromElsewhereIsSetToo() throws {
        let goal = Goal(
            id: "abc", name: "cup",
            views: [.init(camera: "primary", image: RGBImage(width: 4, height: 2, filledWith: 1))], text: nil)
        store.outside = .success(goal)
        #expect(try begin(.source(.none)).first == .goal(goal))
        #expect(core.status(at: now).headline.hasPrefix("cup (abc): primary 4x2"))
    }

    /// "No goal" goes out too: the policy waits for it.
    @Test mutating func noGoalIsSetAndPublished() throws {
        #expect(try begin(.source(.none)).first == .goal(.none))
        #expect(core.status(at: now).state == .ready)
    }

    @Test mutating func whatCannotBeLoadedEndsTheStart() {
        store.outside = .failure(.textWithoutEpisode)
        #expect(throws: GoalError.textWithoutEpisode) { try begin(.source(.none)) }
        #expect(core.current.isNone && core.status(at: now).state == .starting)
    }

    @Test(arguments: [true, false])
    mutating func aGoalOfAnotherSizeThanItsCamerasFramesIsNotSet(isInLibrary: Bool) throws {
        let record = SampleGoal.record()
        store.records["cup"] = record
        store.outside = .success(record.goal(folder: "/goals/cup"))
        let first = isInLibrary ? FirstGoal.library("cup") : .source(.none)
        let frames = record.views.map {
            AnnouncedFrames(camera: $0.camera, width: $0.image.width, height: $0.image.height, source: "/dev/video0")
        }
        for index in frames.indices {
            var other = frames
            other[index].width += 1
            let error = #expect(throws: GoalError.self) { try begin(first, frames: other) }
            #expect(error?.description.contains("camera '\(frames[index].camera)'") == true)
            #expect(error?.description.contains("its frames in /dev/video0 are \(other[index].width)x") == true)
            #expect(core.current.isNone)
        }
        #expect(try begin(first, frames: frames).isEmpty == false)
        #expect(core.current.id == record.id)
    }
}
