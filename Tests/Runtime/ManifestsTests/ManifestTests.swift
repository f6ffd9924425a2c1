import JSONTree
import ManifestSamples
import Manifests
import Messages
import TestSupport
import Testing
import Time

@Suite struct ManifestTests {
    @Test func fillsInEveryDefault() throws {
        let manifest = try Sample.read(Sample.minimal)
        #expect(manifest.name == "robot")
        #expect(manifest.nodes == ["camera-primary", "goal", "policy", "arm", "recorder"])
        #expect(manifest.bus.transport == .ipc)
        #expect(manifest.bus.basePort == 5560)
        #expect(manifest.bus.address == "127.0.0.1" && !manifest.bus.isInsecure)
        #expect(manifest.hosts.isEmpty && manifest.policy.host == nil && manifest.policyHost == nil)
        #expect(manifest.policy.pictures == .auto)
        #expect(!manifest.needsOwnKey)

        let images = try folder(of: manifest.cameras.first)
        #expect(manifest.cameras.map(\.name) == ["primary"])
        #expect(images.folder == "/robots/one/frames")
        #expect(images.pattern == "*")
        #expect(images.rate == Rate(hertz: 5))
        #expect(images.loops)

        guard case .episode("/robots/one/frames", -1, let patterns) = manifest.goal.source else {
            Issue.record("found \(manifest.goal.source)")
            return
        }
        #expect(patterns.map(\.camera) == ["primary"])
        #expect(patterns.map(\.pattern) == ["*"])
        #expect(manifest.goal.text == nil)
        #expect(manifest.goal.name == nil)

        let policy = manifest.policy
        #expect(policy.checkpoint == "/robots/one/checkpoint")
        #expect(policy.step == nil)
        #expect(policy.tokenizer == nil)
        #expect(policy.dataset == nil)
        #expect(policy.rate == Rate(hertz: 5))
        #expect(policy.window == nil)
        #expect(policy.proprio == nil)
        #expect(policy.taskNumbers.isEmpty && policy.optionalCameras.isEmpty)
        #expect(try Sample.read(Sample.minimal, set: ["policy.proprio=bridge"]).policy.proprio == .bridge)
        #expect(try Sample.read(Sample.minimal, set: ["policy.proprio=joints"]).policy.proprio == .joints)
        #expect(policy.preprocessing == .resize)
        #expect(policy.requiresGoal)
        #expect(policy.seed == 0)
        #expect(policy.threads == 0)
        #expect(policy.maximumFrameAge == .milliseconds(500))
        #expect(policy.actionSpace == .eefDelta)
        #expect(!policy.keepsBLASCore)

        let arm = manifest.arm
        #expect(arm.calibration == "/robots/one/arm.json")
        #expect(arm.controlRate == Rate(hertz: 100))
        #expect(arm.strategy == .recedingHorizon)
        #expect(arm.executionHorizon == 4)
        #expect(arm.ensembleWeight == 0 && arm.ensembleSize == 4)
        #expect(arm.blend == .milliseconds(400))
        #expect(arm.gripper.mode == .absolute && arm.gripper.threshold == 0.5 && arm.gripper.stickySteps == 1)
        #expect(arm.servoLimits.stallError == 0.2 && arm.servoLimits.temperature == 70)
        #expect(arm.deadManTimeout == .milliseconds(250))
        #expect(arm.watchdog == .milliseconds(600))
        #expect(arm.stateRate == Rate(hertz: 50))
        #expect(arm.realTime.priority == 80)
        #expect(arm.realTime.locksMemory)
        #expect(arm.realTime.cpu == nil)
        #expect(!arm.realTime.isRequired)
        guard case .simulated(let simulated) = arm.driver else { return }
        #expect(simulated.timeConstant == .milliseconds(80))
        #expect(simulated.initialPositions == nil)

        let supervision = manifest.supervision
        #expect(supervision.readyTimeout == .seconds(60))
        #expect(supervision.maximumRestarts == 5)
        #expect(supervision.backoff == .milliseconds(200))
        #expect(supervision.maximumBackoff == .seconds(5))
        #expect(supervision.statusTimeout == .seconds(5))
        #expect(supervision.stopTimeout == .seconds(3))
        #expect(supervision == .usual)
    }

    @Test func readsEveryKey() throws {
        let manifest = try Sample.read(Sample.full)
        #expect(manifest.name == "bench-2")
        #expect(manifest.nodes == ["camera-primary", "camera-wrist", "goal", "policy", "arm"])
        #expect(manifest.bus.transport == .tcp)
        #expect(manifest.bus.basePort == 6000)
        #expect(manifest.bus.address == "192.168.1.4" && manifest.bus.isInsecure)
        #expect(manifest.hosts.map(\.description) == ["big (192.168.1.20:7500)", "near (desk.local:7400)"])
        #expect(manifest.hosts.map(\.isInsecure) == [false, true])

        let wrist = try folder(of: manifest.cameras.last)
        #expect(wrist.folder == "/data/wrist")
        #expect(wrist.pattern == "w_*.png")
        #expect(wrist.rate == Rate(hertz: 10))
        #expect(!wrist.loops)

        guard case .images(let files) = manifest.goal.source else {
            Issue.record("found \(manifest.goal.source)")
            return
        }
        #expect(files.map(\.camera) == ["primary"])
        #expect(files.map(\.path) == ["/robots/one/goal.png"])
        #expect(manifest.goal.text == "close the drawer")
        #expect(manifest.goal.name == "drawer")

        let policy = manifest.policy
        #expect(policy.step == 300_000)
        #expect(policy.host == "big" && policy.pictures == .network)
        #expect(
            policy.checkpoint == "checkpoint" && policy.tokenizer == "spiece.model", "as the other machine has them")
        #expect(policy.dataset == "bridge_dataset")
        #expect(policy.rate == Rate(hertz: 10))
        #expect(policy.window == 2)
        #expect(policy.proprio == .fields([.x, .joint(1), .gripper]))
        #expect(policy.taskNumbers == ["speed": [0.5, -1]])
        #expect(policy.optionalCameras == ["wrist"])
        #expect(policy.preprocessing == .resizeAndCenterCrop)
        #expect(!policy.requiresGoal)
        #expect(policy.seed == 7)
        #expect(policy.threads == 2)
        #expect(policy.maximumFrameAge == .milliseconds(250))
        #expect(policy.actionSpace == .jointDelta)
        #expect(policy.keepsBLASCore)

        let arm = manifest.arm
        #expect(arm.controlRate == Rate(hertz: 250))
        #expect(arm.strategy == .asynchronous)
        #expect(arm.executionHorizon == 2)
        #expect(arm.ensembleWeight == 0.1 && arm.ensembleSize == 3)
        #expect(arm.blend == .milliseconds(200))
        #expect(arm.gripper.mode == .sticky && arm.gripper.threshold == 0.4 && arm.gripper.stickySteps == 2)
        let servos = arm.servoLimits
        #expect(servos.stallError == 0.3 && servos.stallLoad == 0.6 && servos.stallTime == .milliseconds(250))
        #expect(servos.overloadLoad == 0.9 && servos.overloadTime == .seconds(2) && servos.temperature == 65)
        #expect(arm.deadManTimeout == .milliseconds(125))
        #expect(arm.watchdog == .milliseconds(500))
        #expect(arm.stateRate == Rate(hertz: 25))
        #expect(arm.realTime.priority == 0)
        #expect(!arm.realTime.locksMemory)
        #expect(arm.realTime.cpu == 1)
        #expect(arm.realTime.isRequired)
        guard case .simulated(let simulated) = arm.driver else { return }
        #expect(simulated.timeConstant == .milliseconds(100))
        #expect(simulated.initialPositions == [0, -0.5, 1.25])

        let supervision = manifest.supervision
        #expect(supervision.readyTimeout == .seconds(10))
        #expect(supervision.maximumRestarts == 2)
        #expect(supervision.backoff == .milliseconds(500))
        #expect(supervision.maximumBackoff == .seconds(2))
        #expect(supervision.statusTimeout == .seconds(4))
        #expect(supervision.stopTimeout == .seconds(1))
    }

    @Test func aTextAloneIsAGoalThatIsEnough() throws {
        let manifest = try Sample.read(
            Sample.minimal, set: ["goal={\"source\": \"text\", \"text\": \"close the drawer\", \"name\": \"drawer\"}"])
        #expect(manifest.goal.source == .text)
        #expect(manifest.goal.text == "close the drawer")
        #expect(manifest.goal.name == "drawer")
        #expect(manifest.policy.requiresGoal)
        #expect(
            try Sample.read(Sample.minimal, set: ["goal={\"source\": \"text\", \"text\": \"go\"}"]).goal.name == nil)
    }

    @Test func aSimulatedWorldIsReadWithItsCamerasAndServos() throws {
        let manifest = try Sample.read(
            Sample.minimal,
            set: [
                #"simulation={"seed": 7, "film": "/robots/one/frames/film.png", "film_rate_hz": 2}"#,
                #"cameras.primary={"source": "simulated", "width": 128, "noise": 0.02, "freeze_after_s": 3}"#,
                #"goal={"source": "text", "text": "go"}"#,
                #"arm={"driver": "dynamixel", "port": "simulation", "calibration": "/robots/one/arm.json"}"#,
            ])
        let simulation = try #require(manifest.simulation)
        #expect(simulation.seed == 7 && simulation.scene == nil && simulation.film == "/robots/one/frames/film.png")
        guard case .simulated(let camera) = manifest.cameras[0].source else {
            Issue.record("found \(manifest.cameras[0].source)")
            return
        }
        #expect(camera.width == 128 && camera.height == 256 && camera.noise == 0.02 && camera.latency == .zero)
        #expect(camera.freezesAfter == .seconds(3))
        #expect(manifest.nodes == ["camera-primary", "goal", "policy", "arm", "simulation", "recorder"])
    }

    @Test(arguments: [
        (#"cameras.primary={"source": "simulated"}"#, "without a simulated world"),
        (#"arm={"driver": "dynamixel", "port": "simulation", "calibration": "/a.json"}"#, "without a simulated world"),
        (#"cameras={"side": {"source": "simulated"}}"#, "primary, wrist"),
        (#"simulation={"sead": 1}"#, "seed"),
    ])
    func whatNeedsASimulatedWorldSaysSo(setting: String, words: String) throws {
        let error = #expect(throws: ManifestError.self) {
            try Sample.read(Sample.minimal, set: [#"goal={"source": "text", "text": "go"}"#, setting])
        }
        #expect("\(try #require(error))".contains(words))
    }

    @Test func feetechServosAreNotInTheSimulatedWorld() throws {
        let error = #expect(throws: ManifestError.self) {
            try Sample.read(
                Sample.minimal,
                set: ["simulation={}", #"arm={"driver": "feetech", "port": "simulation", "calibration": "/a.json"}"#])
        }
        #expect("\(try #require(error))".contains("dynamixel"))
    }

    @Test func whatIsRecordedIsRead() throws {
        let usual = try Sample.read(Sample.minimal)
        #expect(usual.record.packsFrames)
        #expect(usual.record.isEnabled && usual.record.start == .withRun && usual.record.folder.hasSuffix("/episodes"))
        #expect(usual.commandedNodes.contains("recorder"))
        let asked = try Sample.read(
            Sample.minimal,
            set: [
                "record.enabled=false", "record.folder=mine/episodes", "record.ring_s=0", "record.compression=lz4",
                "record.pack_frames=false",
            ])
        #expect(!asked.record.packsFrames)
        #expect(
            !asked.record.isEnabled && asked.record.folder.hasSuffix("/mine/episodes") && asked.record.ring == .zero)
        #expect(
            asked.record.compression == .lz4 && !asked.nodes.contains("recorder")
                && !asked.commandedNodes.contains("recorder"))
        let problems = try Sample.problems(
            Sample.minimal, set: ["record.start=soon", "record.ring_s=-1", "record.memory_mb=0.5"])
        #expect(problems.count == 3, "\(problems)")
    }

    @Test func whatTheArmDoesBeforeAGoalIsTakenIsRead() throws {
        let usual = try Sample.read(Sample.minimal).teleop
        #expect(!usual.beforeGoal.opensGripper && usual.beforeGoal.retreat == .none)
        let asked = try Sample.read(
            Sample.minimal, set: ["teleop.before_goal.open_gripper=true", "teleop.before_goal.pose=rest"])
        #expect(asked.teleop.beforeGoal.opensGripper && asked.teleop.beforeGoal.retreat == .rest)
        let problems = try Sample.problems(
            Sample.minimal, set: ["teleop.before_goal.pose=aside", "teleop.before_gaol={}"])
        #expect(usual.confirmation == .seconds(2))
        #expect(
            try Sample.read(Sample.minimal, set: ["teleop.confirm_s=0.5"]).teleop.confirmation == .milliseconds(500))
        #expect(try Sample.problems(Sample.minimal, set: ["teleop.confirm_s=3600"]).count == 1)
        #expect(
            problems.count == 2 && problems.contains { "\($0)".contains("neutral") }
                && problems.contains { "\($0)".contains("before_goal") })
    }

    private struct Wrong: Error { var camera: Manifest.Camera? }

    private func folder(of camera: Manifest.Camera?) throws -> Manifest.Camera.ImageFolder {
        switch try #require(camera).source {
        case .images(let folder): return folder
        case .device, .simulated: throw Wrong(camera: camera)
        }
    }

    @Test(arguments: [Sample.minimal, Sample.full]) func itsTreeGivesTheSameManifestAgain(_ text: String) throws {
        let manifest = try Sample.read(text)
        let again = try Manifest(
            parsing: manifest.tree.text().utf8, path: "elsewhere.json", folder: "/elsewhere", workingFolder: "/",
            files: nil)
        #expect(again == manifest)
    }

    @Test(arguments: [
        ("launch/replay.json", "replay"), ("/a/My_Robot 2.v1.json", "my-robot-2-v1"), ("2arm.json", "arm"),
        ("42.json", "robot"), (".json", "json"), ("", "robot"),
    ])
    func isNamedAfterItsFile(_ path: String, _ name: String) throws {
        let manifest = try Manifest(
            parsing: Sample.minimal.utf8, path: path, folder: Sample.folder, workingFolder: "/", files: nil)
        #expect(manifest.name == name)
    }

    @Test func pathsAreSeenFromTheManifestAndThoseOfTheCommandLineFromTheWorkingFolder() throws {
        let manifest = try Sample.read(
            Sample.minimal,
            set: ["cameras.primary.folder=../me/mine", "policy.checkpoint=/robots/one/./x/../checkpoint"])
        guard case .images(let images) = manifest.cameras[0].source else { return }
        #expect(images.folder == "/home/me/mine")
        #expect(manifest.policy.checkpoint == "/robots/one/checkpoint")
        // The goal's folder was not set: it is still seen from the manifest.
        guard case .episode("/robots/one/frames", _, _) = manifest.goal.source else {
            Issue.record("found \(manifest.goal.source)")
            return
        }
    }

    @Test func theDemonstrationIsSoundButForFilesThatAreMadeElsewhere() throws {
        let path = Fixture.packageRoot.appendingPathComponent("launch/replay.json").path
        let text = try JSONNode(parsing: Array(readFile(path)))
        let manifest = try Manifest(
            parsing: text.text().utf8, path: path, folder: Fixture.packageRoot.appendingPathComponent("launch").path,
            workingFolder: "/", files: nil)
        #expect(manifest.name == "replay")
        #expect(manifest.policy.dataset == "bridge_dataset")
        #expect(FileProbe.disk.kind(manifest.policy.checkpoint) == .folder)
    }
}

@Suite struct ManifestOverrideTests {
    @Test(arguments: [
        ("arm.control_rate_hz=250", "250"), ("$.arm.control_rate_hz=250.5", "250.5"), ("name=my-robot", "\"my-robot\""),
        ("name=\"quoted\"", "\"quoted\""), ("a=", "\"\""), ("a=b=c", "\"b=c\""), ("a=[1, 2]", "[1, 2]"),
        ("a={\"b\": true}", "{\"b\": true}"), ("a=/x/y z", "\"/x/y z\""), ("a=null", "null"), ("a=01", "\"01\""),
    ])
    func readsTheValueAsJSONElseAsAString(_ text: String, _ value: String) throws {
        #expect(try ManifestOverride(parsing: text).value.text() == value)
    }

    @Test(arguments: ["", "arm", "=3", ".a=3", "a.=3", "a..b=3", "$.=1"]) func refusesAMalformedPath(_ text: String) {
        let error = #expect(throws: ManifestError.self) { try ManifestOverride(parsing: text) }
        #expect(error?.description.contains("--set arm.control_rate_hz=250") == true)
    }

    @Test func makesTheObjectsOnItsWay() throws {
        let manifest = try Sample.read(Sample.minimal, set: ["arm.realtime.cpu=1", "supervision.max_restarts=0"])
        #expect(manifest.arm.realTime.cpu == 1)
        #expect(manifest.arm.realTime.priority == 80)
        #expect(manifest.supervision.maximumRestarts == 0)
    }

    @Test func theLastOneWins() throws {
        #expect(try Sample.read(Sample.minimal, set: ["policy.seed=1", "policy.seed=2"]).policy.seed == 2)
    }

    @Test func cannotGoIntoAValueThatIsNoObject() {
        let error = #expect(throws: ManifestError.self) { try Sample.read(Sample.minimal, set: ["goal.source.x=1"]) }
        #expect(error?.description.contains("a string at $.goal.source") == true)
    }

    @Test func aFaultyValueIsSaidToComeFromTheCommandLine() throws {
        let problems = try Sample.problems(Sample.minimal, set: ["arm.control_rate_hz=fast"])
        #expect(problems.map(\.origin) == [.commandLine])
        #expect(
            problems.first?.description
                == """
                $.arm.control_rate_hz (set on the command line): found \"fast\"; allowed: a number from 50 to \
                1000 (Hz).
                """
        )
    }
}
