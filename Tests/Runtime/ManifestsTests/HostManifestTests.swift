import JSONTree
import ManifestSamples
import Manifests
import TestSupport
import Testing

@Suite struct HostManifestTests {
    private static let key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
    private static let big = #"hosts={"big": {"address": "192.168.1.20", "key": "\#(key)"}}"#
    private static let consent = #""insecure_network": "I understand that anybody on it can move the arm""#

    @Test func aPolicyElsewhereIsRead() throws {
        let manifest = try Sample.read(Sample.minimal, set: [Self.big, "policy.host=big", "policy.pictures=camera"])
        let host = try #require(manifest.policyHost)
        #expect(host.name == "big" && host.port == 7400 && host.endpoint == "tcp://192.168.1.20:7400")
        guard case .known(let key) = host.key else {
            Issue.record("found \(String(describing: host.key))")
            return
        }
        #expect("\(key)" == Self.key)
        #expect(host.description == "big (192.168.1.20:7400)")
        #expect(manifest.policy.pictures == .camera)
        #expect(manifest.needsOwnKey)
    }

    @Test func aMachineThatNobodyAsksChangesNothing() throws {
        let manifest = try Sample.read(Sample.minimal, set: [Self.big])
        #expect(manifest.hosts.count == 1 && manifest.policyHost == nil && !manifest.needsOwnKey)
        #expect(manifest.policy.checkpoint == "/robots/one/checkpoint")
    }

    @Test func theWordOwnIsTheUsersKey() throws {
        let manifest = try Sample.read(
            Sample.minimal,
            set: [#"hosts={"here": {"address": "127.0.0.1", "key": "own", "port": 7401}}"#, "policy.host=here"])
        #expect(manifest.policyHost?.key == .own && manifest.policyHost?.port == 7401)
        #expect(manifest.policyHost?.isInsecure == false)
    }

    /// The robot's disk knows nothing of the checkpoint: it is neither looked for nor made absolute, also not when the
    /// run's description is read again.
    @Test func filesOfAPolicyElsewhereAreLeftAsTheyAreWritten() throws {
        let manifest = try Sample.read(
            Sample.minimal,
            set: [Self.big, "policy.host=big", "policy.checkpoint=far/away", "policy.tokenizer=./there.model"])
        #expect(manifest.policy.checkpoint == "far/away" && manifest.policy.tokenizer == "./there.model")
        let again = try Manifest(
            parsing: manifest.tree.text().utf8, path: "run.json", folder: "/elsewhere", workingFolder: "/", files: nil)
        #expect(again.policy.checkpoint == "far/away" && again == manifest)
    }

    @Test func aRunCarriesTheOtherMachines() throws {
        let manifest = try Sample.read(Sample.full)
        var generator = SystemRandomNumberGenerator()
        let run = try RunDescription.beginning(
            manifest, manifestPath: "/robots/one/robot.json", folder: "/run", using: &generator)
        #expect(run.endpoints["arm"] == "tcp://192.168.1.4:6004")
        #expect(run.json["manifest"]?["hosts"]?["big"]?["key"]?.string == Self.key)
    }

    @Test(arguments: [
        (#"hosts={"big": {}}"#, "$.hosts.big.address", "a string that is not empty"),
        (#"hosts={"Big": {"address": "10.0.0.1", "key": "own"}}"#, "$.hosts.Big", "a lower-case letter"),
        (#"hosts={}"#, "$.hosts", "at least 1 name"),
        (#"hosts={"big": {"address": "192.168.1.20"}}"#, "$.hosts.big.key", "'octo-bus keys show'"),
        (#"hosts={"big": {"address": "127.0.0.1"}}"#, "$.hosts.big.key", "this key is required"),
        (#"hosts={"big": {"address": "192.168.1.20", "key": "short"}}"#, "$.hosts.big.key", "40 signs"),
        (#"hosts={"big": {"address": "192.168.1.20", "key": 5}}"#, "$.hosts.big.key", "or \"own\""),
        (#"hosts={"big": {"address": "192.168.1", "key": "own"}}"#, "$.hosts.big.address", "an IPv4 address"),
        (#"hosts={"big": {"address": "10.0.0.1:7400", "key": "own"}}"#, "$.hosts.big.address", "hosts.big.port"),
        (#"hosts={"big": {"address": "a_b", "key": "own"}}"#, "$.hosts.big.address", "the machine's name"),
        (#"hosts={"big": {"address": "tcp://big", "key": "own"}}"#, "$.hosts.big.address", "an IPv4 address"),
        (#"hosts={"big": {"address": "10.0.0.1", "key": "own", "port": 0}}"#, "$.hosts.big.port", "from 1 to 65534"),
        (#"hosts={"big": {"address": "10.0.0.1", "kee": "own"}}"#, "$.hosts.big.kee", "the keys address"),
        (#"hosts={"big": {"address": "192.168.1.20", "insecure": true}}"#, "$.hosts.big.insecure", "anybody on it"),
        (
            #"hosts={"big": {"address": "desk", "insecure": true, "insecure_network": "yes"}}"#,
            "$.hosts.big.insecure_network", "I understand that anybody on it can move the arm"
        ),
        (
            #"hosts={"big": {"address": "127.0.0.1", "insecure": true, "key": "own"}}"#, "$.hosts.big.insecure",
            "one of the two"
        ),
        ("policy.host=big", "$.policy.host", "the section \"hosts\""),
        ("policy.pictures=small", "$.policy.pictures", "one of \"auto\", \"camera\", \"network\""),
        ("bus.insecure=true", "$.bus.insecure", "without keys"),
        (#"bus={"transport": "tcp", "address": "0.0.0.0"}"#, "$.bus.address", "reach each other there"),
        (#"bus={"transport": "tcp", "address": "robot"}"#, "$.bus.address", "one IPv4 address"),
        (#"bus={"transport": "tcp", "address": "10.0.0.1", "insecure": true}"#, "$.bus.insecure", "insecure_network"),
        ("goal.host=big", "$.goal.host", "\"hosts\": {\"big\""),
        ("record.host=big", "$.record.host", "\"hosts\": {\"big\""),
        (#"console={"host": "big"}"#, "$.console.host", "\"hosts\": {\"big\""),
        ("cameras.primary.host=big", "$.cameras.primary.host", "camera and arm stay"),
    ])
    func whatCannotBeMeantIsRefused(_ set: String, _ path: String, _ allowed: String) throws {
        let problems = try Sample.problems(Sample.minimal, set: [set])
        #expect(problems.map(\.path.description) == [path], "\(problems)")
        #expect(problems.first?.allowed.contains(allowed) == true, "\(problems)")
    }

    @Test(arguments: [
        #"hosts={"big": {"address": "127.0.0.1", "insecure": true}}"#,
        #"hosts={"big": {"address": "127.1.2.3", "insecure": true}}"#,
        #"hosts={"big": {"address": "desk.local", "insecure": true, \#(consent)}}"#,
        #"hosts={"big": {"address": "192.168.1.20", "insecure": true, \#(consent)}}"#,
        #"bus={"transport": "tcp", "insecure": true}"#,
        #"bus={"transport": "tcp", "address": "127.0.0.2", "insecure": true}"#,
        #"bus={"transport": "tcp", "address": "10.0.0.1", "insecure": true, \#(consent)}"#,
        #"bus={"transport": "tcp", "address": "10.0.0.1"}"#,
    ])
    func insecurityThatReachesNobodyOrIsMeantIsTaken(_ set: String) throws {
        #expect(try Sample.problems(Sample.minimal, set: [set]).isEmpty)
    }

    @Test func whoNeedsAKeyIsKnown() throws {
        func needs(_ set: String...) throws -> Bool { try Sample.read(Sample.minimal, set: set).needsOwnKey }
        #expect(try needs("bus.transport=tcp"))
        #expect(try !needs(#"bus={"transport": "tcp", "insecure": true}"#))
        #expect(try !needs(#"hosts={"big": {"address": "127.0.0.1", "insecure": true}}"#, "policy.host=big"))
        #expect(try needs(Self.big, "policy.host=big"))
    }

    @Test func aMistypedMachineIsFound() throws {
        let problems = try Sample.problems(Sample.minimal, set: [Self.big, "policy.host=bgi"])
        #expect(problems.map(\.suggestion) == ["big"])
        #expect(problems.first?.found == "\"bgi\", which is not in hosts")
        #expect(problems.first?.allowed == "the machines of hosts: big")
    }

    /// What is wrong with the machine is told once, not again as a machine that is not there.
    @Test func aFaultyMachineIsOneProblem() throws {
        let problems = try Sample.problems(
            Sample.minimal, set: [#"hosts={"big": {"address": 7, "key": "own"}}"#, "policy.host=big"])
        #expect(problems.map(\.path.description) == ["$.hosts.big.address"])
    }

    /// The demo whose policy is on another machine, which is this one as it is brought: its paths are those of a
    /// machine that serves from the repository's folder.
    @Test func theDemonstrationFindsItsPolicyOnThisMachine() throws {
        let root = Fixture.packageRoot.path
        let manifest = try Manifest.load("\(root)/launch/remote.json")
        let host = try #require(manifest.policyHost)
        #expect(host.key == .own && host.endpoint == "tcp://127.0.0.1:7400" && manifest.needsOwnKey)
        let asked = try AskedPolicy(try #require(manifest.tree["policy"]), folder: root)
        #expect(asked.policy.checkpoint == "\(root)/launch/policies/table")
    }
}
