import Files
import Goals
import Images
import Messages
import TestSupport
import Testing

@Suite struct EpisodeDescriptionTests {
    private func parse(_ text: String) throws(EpisodeDescriptionError) -> EpisodeDescription {
        try EpisodeDescription(parsing: SharedBytes(copying: Array(text.utf8)), path: "e.json")
    }

    @Test func readsWhatIsThere() throws {
        let description = try parse(
            #"{"steps": 1, "state": [[1,2,3,4,5,6,0.5]], "action": [[0,0,0,0,0,0,1]], "extra": 1}"#)
        #expect(description.steps == 1 && description.languageInstruction == nil)
        #expect(description.states == [[1, 2, 3, 4, 5, 6, 0.5]] && description.actions == [[0, 0, 0, 0, 0, 0, 1]])
        #expect(try parse(#"{"steps": 3}"#).states.isEmpty)
    }

    @Test(arguments: [
        ("[]", "the top", "an array"), ("{}", "steps", "nothing"), (#"{"steps": 0}"#, "steps", "0"),
        (#"{"steps": 1.5}"#, "steps", "1.5"), (#"{"steps": "2"}"#, "steps", #""2""#),
        (#"{"steps": 1, "language_instruction": 3}"#, "language_instruction", "a number"),
        (#"{"steps": 2, "state": [[0,0,0,0,0,0,0]]}"#, "state", "1 rows"),
        (#"{"steps": 1, "state": 5}"#, "state", "a number"),
        (#"{"steps": 1, "action": [[0,0]]}"#, "action[0]", "[0, 0]"),
        (#"{"steps": 1, "action": [[0,0,0,0,0,0,"1"]]}"#, "action[0]", #"[0, 0, 0, 0, 0, 0, "1"]"#),
        (#"{"steps": 1, "state": [[0,0,0,0,0,0,1e999]]}"#, "state[0]", "[0, 0, 0, 0, 0, 0, 1e999]"),
    ])
    func everyFaultHasItsPlace(text: String, place: String, found: String) {
        let error = #expect(throws: EpisodeDescriptionError.self) { try parse(text) }
        guard case .wrong("e.json", place, found, _)? = error else {
            Issue.record("\(error.debugDescription)")
            return
        }
        #expect(error?.description.hasPrefix("reading e.json: \(place) is \(found), expected ") == true)
    }

    @Test func brokenJSONNamesLineAndColumn() {
        let error = #expect(throws: EpisodeDescriptionError.self) { try parse("{\n \"steps\": }") }
        #expect(error?.description.contains("line 2, column 11") == true)
        #expect(throws: EpisodeDescriptionError.file(.missing(path: "/no/episode/episode.json"))) {
            try EpisodeDescription(inFolder: "/no/episode")
        }
    }

    // MARK: Real ones

    @Test func theDemoEpisodeIsWhole() throws {
        let folder = Fixture.packageRoot.appendingPathComponent("launch/episode").path
        let description = try EpisodeDescription(inFolder: folder)
        #expect(description.steps == 30 && description.states.count == 30 && description.actions.count == 30)
        #expect(try ImageFolder(path: folder, pattern: "image_0_*.png").names.count == 30)
        let source = { (frame: Int) in
            GoalSource(
                views: .episode(
                    .init(
                        folder: folder, views: [.init(camera: "primary", pattern: "image_0_*.png")], frame: frame)),
                text: .ofEpisode)
        }
        let (first, last) = (try Goal(loading: source(0)), try Goal(loading: source(-1)))
        #expect(first.views[0].image.width == 256 && first.views[0].image.height == 256)
        #expect(first.views[0].image != last.views[0].image && first.id != last.id)
        #expect(last.text == "put the red block into the tray" && last.name == "episode")
    }

    /// Actions are the states' differences, steps are those of an arm at 5 Hz, and the gripper closes and opens once.
    @Test func theDemoEpisodesActionsLeadFromStateToState() throws {
        let folder = Fixture.packageRoot.appendingPathComponent("launch/episode").path
        let description = try EpisodeDescription(inFolder: folder)
        for step in 0..<29 {
            for k in 0..<6 {
                let change = description.states[step + 1][k] - description.states[step][k]
                #expect(abs(change - description.actions[step][k]) < 2e-6, "step \(step), number \(k)")
                #expect(abs(change) < 0.12, "step \(step), number \(k) moves by \(change)")
            }
        }
        #expect(description.actions[29][..<6] == [0, 0, 0, 0, 0, 0])
        let gripper = description.actions.map { $0[6] }
        #expect(gripper.allSatisfy { $0 == 0 || $0 == 1 } && gripper.first == 1 && gripper.last == 1)
        #expect(zip(gripper, gripper.dropFirst()).count { $0 != $1 } == 2)
        for state in description.states {
            // The workspace of the official WidowX evaluation.
            #expect(
                (0.1...0.45).contains(state[0]) && (-0.15...0.25).contains(state[1])
                    && (-0.01...0.25).contains(state[2]))
        }
    }

    @Test(.enabled(if: Fixture.shared("octo/bridge-episode") != nil, "octo/bridge-episode is not on this machine"))
    func aRealBridgeEpisodeIsAGoal() throws {
        let folder = try #require(Fixture.shared("octo/bridge-episode")).path
        let description = try EpisodeDescription(inFolder: folder)
        #expect(description.steps == 10 && description.states.count == 10 && description.actions.count == 10)
        let views = (0..<3).map { GoalSource.Episode.View(camera: "camera\($0)", pattern: "image_\($0)_*.png") }
        let goal = try Goal(
            loading: GoalSource(
                views: .episode(.init(folder: folder, views: views, frame: -1)), text: .ofEpisode))
        #expect(goal.text == "put cup from counter or drying rack into sink")
        #expect(goal.views.count == 3 && goal.views.allSatisfy { $0.image.width == 64 && $0.image.height == 64 })
        #expect({ if case .episode(_, 9) = goal.origin { true } else { false } }())
    }
}
