import JSONTree
import ManifestSamples
import Manifests
import Testing

@Suite struct ManifestProblemTests {
    @Test func reportsEverythingAtOnceWithItsPlace() throws {
        let text = """
            {
              "nmae": "x",
              "bus": { "transport": "icp" },
              "cameras": { "Primary": { "source": "images", "folder": "frames", "rate": 5 } },
              "goal": { "source": "none", "images": {} },
              "policy": { "checkpoint": "nowhere", "seed": -1 },
              "arm": { "driver": "simulated", "control_rate_hz": 20, "simulated": { "initial_rad": [9] } }
            }
            """
        let problems = try Sample.problems(text)
        let found = problems.map { "\($0.path) \($0.line):\($0.column)" }
        #expect(
            Set(found) == [
                "$.nmae 2:11", "$.bus.transport 3:25", "$.cameras.Primary 4:27", "$.cameras.Primary.rate 4:77",
                "$.goal.images 5:41", "$.policy.checkpoint 6:29", "$.policy.seed 6:48",
                "$.arm.calibration 7:10", "$.arm.control_rate_hz 7:54", "$.arm.simulated.initial_rad 7:88",
            ])
        #expect(found.count == Set(found).count)
        func suggestion(_ path: String) -> String? { problems.first { $0.path.description == path }?.suggestion }
        #expect(suggestion("$.nmae") == "name")
        #expect(suggestion("$.bus.transport") == "ipc")
        #expect(suggestion("$.cameras.Primary.rate") == nil)
    }

    @Test(arguments: [
        ("arm.control_rate=100", "control_rate_hz"), ("arm.controlrate_hz=100", "control_rate_hz"),
        ("policy.chekpoint=x", "checkpoint"), ("policy.sede=x", "seed"), ("supervison.max_restarts=1", "supervision"),
        ("arm.realtime.prioritty=3", "priority"),
    ])
    func suggestsTheNearestKey(_ set: String, _ suggestion: String) throws {
        let problems = try Sample.problems(Sample.minimal, set: [set])
        #expect(problems.map(\.suggestion) == [suggestion])
        #expect(problems.first?.found == "an unknown key")
    }

    @Test func anUnknownKindOfSectionHidesNothingElseThatIsWrongInIt() throws {
        let problems = try Sample.problems(
            Sample.minimal,
            set: [
                "arm.driver=foo", "arm.contol_rate_hz=100", "arm.control_rate_hz=20", "goal.source=frame",
                "goal.zebra=1",
            ])
        #expect(
            Set(problems.map(\.path.description)) == [
                "$.arm.driver", "$.arm.contol_rate_hz", "$.arm.control_rate_hz", "$.goal.source", "$.goal.zebra",
            ])
        #expect(problems.first { $0.path.description == "$.arm.contol_rate_hz" }?.suggestion == "control_rate_hz")
    }

    @Test func doesNotSuggestWhatIsFarAway() throws {
        #expect(try Sample.problems(Sample.minimal, set: ["arm.zebra=1"]).map(\.suggestion) == [nil])
    }

    @Test(arguments: [
        // Types and ranges.
        ("arm.control_rate_hz=1001", "$.arm.control_rate_hz", "from 50 to 1000"),
        ("arm.execution_horizon=1.5", "$.arm.execution_horizon", "a whole number from 1 to 256 (policy steps)"),
        ("policy.require_goal=1", "$.policy.require_goal", "true or false"),
        ("policy.dataset=", "$.policy.dataset", "a string that is not empty"),
        ("policy.step=null", "$.policy.step", "a whole number"),
        ("policy.proprio=droid", "$.policy.proprio", "\"bridge\", \"joints\", or an array of 1 to 64 out of \"x_m\""),
        ("policy.proprio=[]", "$.policy.proprio", "an array of 1 to 64"),
        ("policy.proprio=[\"x_m\", 3]", "$.policy.proprio", "\"joint_8_rad\", \"gripper\", \"zero\""),
        ("policy.task_numbers={\"speed\": []}", "$.policy.task_numbers.speed", "an array of 1 to 1000 numbers"),
        ("policy.task_numbers={}", "$.policy.task_numbers", "at least 1 name"),
        ("policy.cameras={\"wrist\": {}}", "$.policy.cameras.wrist", "the names of the manifest's cameras: primary"),
        ("policy.cameras.primary.optional=true", "$.policy.cameras", "at least one of primary that is not"),
        ("policy.cameras.primary.optional=1", "$.policy.cameras.primary.optional", "true or false"),
        ("name=My Robot", "$.name", "a lower-case letter"),
        ("name=aaaaaaaaaabbbbbbbbbbccccccccccddd", "$.name", "at most 32"),
        ("cameras={}", "$.cameras", "at least 1"),
        ("cameras.primary.pattern=a/b", "$.cameras.primary.pattern", "without '/'"),
        ("arm.simulated.initial_rad=[]", "$.arm.simulated.initial_rad", "an array of 1 to 8 numbers"),
        ("bus=3", "$.bus", "an object"),
        ("goal=[]", "$.goal", "an object"),
        ("goal.source=pictures", "$.goal.source", "one of \"none\", \"images\", \"episode\", \"text\", \"library\""),
        ("goal={\"source\": \"text\"}", "$.goal.text", "this key is required"),
        ("goal={\"source\": \"text\", \"text\": \"\"}", "$.goal.text", "a string that is not empty"),
        (
            "goal={\"source\": \"text\", \"text\": \"go\", \"frame\": 1}", "$.goal.frame",
            "belongs to source \"episode\""
        ),
        ("arm.realtime.cpu=-1", "$.arm.realtime.cpu", "from 0"),
        // Files.
        ("policy.checkpoint=/robots/one/arm.json", "$.policy.checkpoint", "the path of a folder"),
        ("policy.checkpoint=nowhere", "$.policy.checkpoint", "seen from /home/me"),
        ("policy.tokenizer=/robots/one/frames", "$.policy.tokenizer", "the path of a file"),
        ("policy.tokenizer=spiece.model", "$.policy.tokenizer", "the path of a file that is there"),
        ("arm.calibration=/robots/one/frames", "$.arm.calibration", "the path of a file"),
        ("cameras.primary.folder=/robots/one/empty", "$.cameras.primary.folder", "with image files"),
        ("cameras.primary.pattern=*.jpg", "$.cameras.primary.folder", "cameras.primary.pattern"),
        ("goal.folder=/robots/one/empty", "$.goal.folder", "mend goal.folder"),
        ("goal.frame=3", "$.goal.frame", "from -3 to 2"),
        ("goal.frame=-4", "$.goal.frame", "from -3 to 2"),
        // Combinations.
        ("goal.patterns={\"wrist\": \"*\"}", "$.goal.patterns.wrist", "the cameras of this manifest: primary"),
        ("goal.patterns={\"primry\": \"*\"}", "$.goal.patterns.primry", "the cameras of this manifest: primary"),
        ("goal.images={}", "$.goal.images", "belongs to source \"images\""),
        ("arm.watchdog_s=0.1", "$.arm.watchdog_s", "0.2 s"),
        ("policy.rate_hz=1", "$.arm.watchdog_s", "at least one policy step, 1 s"),
        ("arm.state_rate_hz=500", "$.arm.state_rate_hz", "at most arm.control_rate_hz, here 100 Hz"),
        ("policy.rate_hz=50", "$.arm.control_rate_hz", "here 200 Hz"),
        ("cameras.primary.rate_hz=1", "$.cameras.primary.rate_hz", "at least 2 Hz"),
        ("supervision.backoff_max_s=0.1", "$.supervision.backoff_max_s", "here 0.2 s"),
        ("bus={\"transport\": \"tcp\", \"base_port\": 65533}", "$.bus.base_port", "at most 655"),
    ])
    func namesPlaceAndWhatIsAllowed(_ set: String, _ path: String, _ allowed: String) throws {
        let problems = try Sample.problems(Sample.minimal, set: [set])
        #expect(problems.map(\.path.description) == [path])
        #expect(problems.first?.allowed.contains(allowed) == true, "\(problems)")
    }

    @Test func theStateRateIsEnoughForAPolicyThatReadsTheArm() throws {
        let set = ["policy.proprio=bridge", "arm.state_rate_hz=19"]
        #expect(try Sample.problems(Sample.minimal, set: set).map(\.path.description) == ["$.arm.state_rate_hz"])
        #expect(try Sample.problems(Sample.minimal, set: set).first?.allowed.contains("at least 20 Hz") == true)
        let fast = try Sample.problems(
            Sample.minimal, set: ["policy.proprio=bridge", "policy.rate_hz=20", "arm.state_rate_hz=39"])
        #expect(fast.first?.allowed.contains("at least 40 Hz") == true, "\(fast)")
        #expect(try Sample.problems(Sample.minimal, set: ["arm.state_rate_hz=1"]).isEmpty)
    }

    @Test func aMistypedFieldOfTheArmIsFound() throws {
        let problems = try Sample.problems(Sample.minimal, set: ["policy.proprio=[\"x_m\", \"joint_1_rat\"]"])
        #expect(problems.first?.suggestion == "joint_1_rad")
        #expect(try Sample.problems(Sample.minimal, set: ["policy.proprio=brigde"]).first?.suggestion == "bridge")
    }

    @Test func namesTheAbsolutePlaceWhereItLookedForAFile() throws {
        let problems = try Sample.problems(Sample.minimal.replacing("\"frames\" }\n", with: "\"../frame\" }\n"))
        #expect(problems.map(\.found) == [])
        let missing = try Sample.problems(Sample.minimal.replacing("\"arm.json\"", with: "\"../arm.json\""))
        #expect(missing.map(\.found) == ["\"../arm.json\", but nothing is at /robots/arm.json"])
        #expect(missing.first?.allowed.contains("seen from /robots/one") == true)
    }

    /// What was typed is no default, even where the whole around it is none that a file has.
    @Test func aConflictWithAnOverrideIsNotCalledADefault() throws {
        let problems = try Sample.problems(Sample.minimal, set: ["policy.cameras.wrst.optional=true"])
        #expect(problems.map(\.found).filter { $0.contains("wrst") } == ["a camera called \"wrst\""], "\(problems)")
    }

    @Test func aConflictWithADefaultSaysSoAndPointsAtWhatIsWritten() throws {
        let problems = try Sample.problems(Sample.minimal, set: ["policy.rate_hz=1"])
        #expect(problems.map(\.found) == ["0.6 s, the default"])
        #expect(problems.map(\.origin) == [.text(line: 5, column: 10)])
    }

    @Test func aMissingSectionIsOneProblem() throws {
        let text = Sample.minimal.replacing("\"policy\": { \"checkpoint\": \"checkpoint\" },", with: "")
        let problems = try Sample.problems(text)
        #expect(problems.map(\.path.description) == ["$.policy"])
        #expect(problems.first?.found == "nothing")
    }

    @Test(arguments: [("", "1, column 1"), ("{", "1, column 2"), ("{\n \"name\": x\n}", "2, column 10"), ("[]", "$")])
    func whatIsNoManifestAtAllIsOneErrorWithItsPlace(_ text: String, _ place: String) {
        let error = #expect(throws: ManifestError.self) { try Sample.read(text) }
        #expect(error?.description.contains(place) == true)
        #expect(error?.description.contains("octo-launch --check /robots/one/robot.json") == true)
    }

    @Test func aFileThatIsNotThereIsAnErrorWithTheMend() {
        let error = #expect(throws: ManifestError.self) { try Manifest.load("/nonexistent/robot.json") }
        #expect(error?.description.contains("No such file or directory") == true)
        #expect(error?.description.contains("launch/replay.json") == true)
    }

    @Test func theErrorListsEachProblemOnItsLine() {
        let error = #expect(throws: ManifestError.self) { try Sample.read(Sample.minimal, set: ["a=1", "b=2"]) }
        let lines = error?.description.split(separator: "\n") ?? []
        #expect(lines.count == 3)
        #expect(lines.first?.contains("found 2 problems") == true)
    }
}

@Suite struct FileNamePatternTests {
    @Test(arguments: [
        ("*", "image.png", true), ("*", "", true), ("*", ".hidden", false), (".*", ".hidden", true),
        ("image_0_*.png", "image_0_12.png", true), ("image_0_*.png", "image_1_12.png", false),
        ("image_0_*.png", "image_0_.png", true), ("image_0_*.png", "image_0_1.png.bak", false),
        ("a?c", "abc", true), ("a?c", "ac", false), ("*a*b*", "xxaxxbxx", true), ("*a*b*", "xxbxxaxx", false),
        ("*.png", "a.png.png", true), ("", "a", false), ("", "", true), ("a", "a", true), ("a*", "a", true),
    ])
    func matchesAsAShellDoes(_ pattern: String, _ name: String, _ expected: Bool) {
        #expect(FileNamePattern(pattern).matches(name) == expected)
    }

    @Test func manyStarsDoNotTakeForever() {
        #expect(!FileNamePattern(String(repeating: "*a", count: 30) + "b").matches(String(repeating: "a", count: 2000)))
    }
}
