import JSONTree
import Launch
import ManifestSamples
import Manifests
import Testing
import Time

@Suite struct ServePlanTests {
    private static let hosts = """
        hosts={"big": {"address": "192.168.1.20", "port": 7500, "key": "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"}, \
        "desk": {"address": "desk.local", "key": "own"}, "here": {"address": "127.0.0.1", "insecure": true}}
        """

    private func plan(
        policyOn host: String?, _ wanted: String? = nil, bind: String? = nil, port: Int? = nil
    ) throws -> ServePlan {
        let manifest = try Sample.read(
            Sample.minimal, set: [Self.hosts] + (host.map { ["policy.host=\($0)"] } ?? []), files: nil)
        return try ServePlan(
            bind: bind, port: port, folder: "/work", manifest: ("/robots/one/robot.json", manifest), host: wanted)
    }

    @Test func withoutAManifestItAnswersThisMachineAlone() throws {
        let plan = try ServePlan(bind: nil, port: nil, folder: "/work", manifest: nil, host: nil)
        #expect(plan.arguments(json: false) == ["serve", "--bind", "127.0.0.1", "--port", "7400", "--folder", "/work"])
        #expect(plan.arguments(json: true).last == "--json" && !plan.isInsecure)
    }

    @Test func whatTheManifestSaysOfTheMachineIsTaken() throws {
        let plan = try plan(policyOn: "big", "big")
        #expect(
            plan.arguments(json: false) == [
                "serve", "--bind", "192.168.1.20", "--port", "7500", "--folder", "/work", "--manifest",
                "/robots/one/robot.json", "--host", "big",
            ])
        #expect(try self.plan(policyOn: "big") == plan, "the policy's machine is meant where none is named")
    }

    @Test func theCommandLineWins() throws {
        let plan = try plan(policyOn: "big", bind: "0.0.0.0", port: 7400)
        #expect(plan.bind == "0.0.0.0" && plan.port == 7400)
    }

    /// A name cannot be listened at.
    @Test func aMachineWithANameListensEverywhere() throws {
        #expect(try plan(policyOn: "desk").bind == "0.0.0.0")
    }

    @Test func withoutKeysItListensToThisMachineAlone() throws {
        #expect(try plan(policyOn: "here").isInsecure)
        let error = #expect(throws: ServePlanError.self) { try plan(policyOn: "here", bind: "0.0.0.0") }
        #expect("\(try #require(error))".contains("hosts.here.insecure in /robots/one/robot.json"))
    }

    @Test(
        arguments: [
            ("big", "bgi", nil, "Did you mean --host big?"), ("big", "desk", nil, "its policy on 'big'"),
            (nil, "big", nil, "its policy on the robot"), (nil, nil, nil, "no policy.host"),
            ("big", nil, "robot", "an IPv4 address of this machine"), ("big", nil, "::1", "an IPv4 address"),
        ] as [(String?, String?, String?, String)])
    func whatCannotBeMeantIsRefused(policy: String?, host: String?, bind: String?, words: String) throws {
        let error = #expect(throws: ServePlanError.self) { try plan(policyOn: policy, host, bind: bind) }
        #expect("\(try #require(error))".contains(words), "\(String(describing: error))")
    }

    @Test func itSaysWhatTheRobotHasToKnow() throws {
        let near = try plan(policyOn: "big").hints(key: "KEY", hasRobots: true)
        #expect(near.count == 1)
        #expect(near[0].contains(#""hosts": {"big": {"address": "192.168.1.20", "port": 7500, "key": "KEY"}}"#))
        let open = try plan(policyOn: "big", bind: "0.0.0.0").hints(key: "KEY", hasRobots: false)
        #expect(open[0].contains("ADDRESS is this machine's"))
        #expect(open[1].contains("octo-bus keys allow NAME 'KEY' --role robot"))
    }
}

@Suite struct ServeRunTests {
    private struct Stage {
        var run = ServeRun()
        var now = MonotonicTime.zero
        var live: Int32?
        var nextProcessID: Int32 = 100
        var log: [Supervisor.Action] = []

        mutating func perform(_ actions: [Supervisor.Action]) {
            for action in actions {
                log.append(action)
                switch action {
                case .start:
                    precondition(live == nil, "two processes")
                    nextProcessID += 1
                    live = nextProcessID
                    perform(run.started(processID: nextProcessID, at: now))
                case .terminate: exit(.exited(0))
                case .kill: exit(.signalled(9))
                case .report, .finish: break
                }
            }
        }

        mutating func exit(_ ending: Supervisor.Ending) {
            guard let living = live else { return }
            live = nil
            perform(run.exited(processID: living, ending, at: now))
        }

        mutating func pass(_ duration: Duration) {
            let end = now + duration
            while now < end {
                now = min(now + .milliseconds(50), end)
                perform(run.tick(at: now))
            }
        }

        func reports(_ level: Supervisor.Level) -> [String] {
            log.compactMap { if case .report(level, let text) = $0 { text } else { nil } }
        }
        var outcome: Supervisor.Outcome? {
            log.compactMap { if case .finish(let outcome) = $0 { outcome } else { nil } }.last
        }
    }

    @Test func itIsReadyWithItsFirstWords() {
        var stage = Stage()
        stage.pass(.milliseconds(200))
        #expect(stage.live != nil && stage.run.supervisor.readySince == nil)
        let isShown = stage.run.wrote("listens at 127.0.0.1:7400")
        #expect(isShown)
        stage.pass(.milliseconds(200))
        #expect(stage.run.supervisor.readySince != nil)
        // It is on no bus, and yet never taken for silent.
        stage.pass(.seconds(120))
        #expect(stage.outcome == nil && stage.reports(.warning).isEmpty)
    }

    @Test func oneThatSaysNothingIsReadyToo() {
        var stage = Stage()
        stage.pass(.seconds(3))
        #expect(stage.run.supervisor.readySince != nil)
    }

    @Test func oneThatCannotStartIsNotTriedAgain() {
        var stage = Stage()
        stage.pass(.milliseconds(100))
        let isShown = stage.run.wrote("error: binding tcp://127.0.0.1:7400: Address already in use.")
        #expect(!isShown, "it comes back with its end")
        stage.exit(.exited(2))
        stage.pass(.milliseconds(200))
        #expect(stage.outcome == .nodeFailed && stage.nextProcessID == 101)
        #expect(stage.reports(.error).first?.contains("Address already in use") == true)
    }

    @Test func oneThatDiesIsStartedAgainUntilThatIsInVain() {
        var stage = Stage()
        stage.pass(.seconds(3))
        stage.exit(.signalled(9))
        stage.pass(.seconds(3))
        #expect(stage.live != nil && stage.reports(.warning).first?.contains("restart 1 of 5 in 0.2 s") == true)
        for _ in 0..<6 {
            stage.exit(.signalled(11))
            stage.pass(.seconds(6))
        }
        #expect(stage.outcome == .nodeFailed && stage.live == nil)
        #expect(stage.reports(.error).last?.contains("after 5 restarts") == true)
    }

    @Test func itStopsAsItIsAskedAndTellsWhatItCameTo() throws {
        var stage = Stage()
        stage.pass(.seconds(3))
        stage.perform(stage.run.stopRequested("Ctrl-C", at: stage.now))
        let wasShown = stage.run.wrote(#"{"robots": 2}"#)
        let isOtherShown = stage.run.wrote("{no JSON")
        #expect(!wasShown && isOtherShown && stage.outcome == .done && stage.live == nil)
        let summary = ServeSummary(stage.run, outcome: .done, at: stage.now)
        #expect(summary.json["policy"]?["robots"]?.int == 2 && summary.json["restarts"]?.int == 0)
        // Ready after two seconds without a word.
        #expect(summary.text == "served for 1.0 s, 0 restarts", "\(summary.text)")
    }
}

@Suite struct PolicyElsewhereTests {
    private static let set = [
        #"hosts={"big": {"address": "192.168.1.20", "key": "own"}}"#, "policy.host=big",
    ]

    private func started() throws -> Stage {
        var stage = try Stage(set: Self.set + ["supervision.ready_timeout_s=2"])
        stage.perform(stage.supervisor.tick(at: stage.now))
        for node in ["camera-primary", "goal", "arm"] { stage.say(node, .ready) }
        stage.perform(stage.supervisor.tick(at: stage.now))
        return stage
    }

    private func wait(_ stage: inout Stage, _ duration: Duration, saying headline: String?) {
        let end = stage.now + duration
        while stage.now < end {
            stage.now = stage.now + .milliseconds(100)
            for node in ["camera-primary", "goal", "arm"] { stage.say(node, .ready) }
            if let headline { stage.say("policy", .starting, headline) }
            stage.perform(stage.supervisor.tick(at: stage.now))
        }
    }

    @Test(arguments: [nil, "starting", "waits for big (192.168.1.20:7400)"] as [String?])
    func theStartWaitsForTheOtherMachineAndSaysSoOnce(headline: String?) throws {
        var stage = try started()
        #expect(stage.starts.last == "policy")
        wait(&stage, .seconds(20), saying: headline)
        #expect(stage.outcome == nil && stage.supervisor.readySince == nil, "it has no time limit")
        let words = stage.reports(.note).filter { $0.hasPrefix("policy: ") }
        #expect(words == ["policy: waits for big (192.168.1.20:7400)"])
        stage.say("policy", .ready)
        stage.perform(stage.supervisor.tick(at: stage.now))
        #expect(stage.supervisor.readySince == stage.now)
    }

    @Test func anotherReasonIsTold() throws {
        var stage = try started()
        wait(&stage, .seconds(5), saying: "waits for big (192.168.1.20:7400)")
        wait(&stage, .seconds(5), saying: "big refuses this robot: its key is not allowed there")
        wait(&stage, .seconds(40), saying: "big refuses this robot: its key is not allowed there")
        let words = stage.reports(.note).filter { $0.hasPrefix("policy: ") }
        #expect(words.count == 2 && words.last?.contains("refuses") == true, "\(words)")
    }

    @Test func oneThatDiesMeanwhileStillEndsTheRun() throws {
        var stage = try started()
        stage.supervisor.wrote("error: no own.key", by: "policy")
        stage.exit("policy", .exited(2))
        #expect(stage.outcome == .nodeFailed && stage.reports(.error).first?.contains("no own.key") == true)
    }

    @Test func theDrawingShowsTheOtherMachine() throws {
        let graph = ProcessGraph(try Sample.read(Sample.minimal, set: Self.set)).mermaid
        #expect(graph.contains(#"node_policy -- "pictures" --> elsewhere_big"#))
        #expect(!ProcessGraph(try Sample.read(Sample.minimal)).mermaid.contains("elsewhere"))
    }

    @Test func theCheckSaysWhereTheCheckpointIsLookedAt() throws {
        let machine = MachineProbe(
            device: { _ in .ready }, serialPorts: [], cameras: [], highestPriority: 99, mayLockMemory: true,
            processors: 2)
        let check = MachineCheck(try Sample.read(Sample.minimal, set: Self.set), on: machine)
        #expect(check.isReady && check.findings.map(\.severity) == [.note])
        #expect(check.findings[0].found == "that big (192.168.1.20:7400) computes the policy")
        #expect(check.findings[0].fix.contains("--host big --check"))
    }

    @Test(arguments: [("127.0.0.1", "every user of this machine"), ("10.0.0.4", "anybody in the network")])
    func portsWithoutKeysAreAWarning(address: String, who: String) throws {
        let machine = MachineProbe(
            device: { _ in .ready }, serialPorts: [], cameras: [], highestPriority: 99, mayLockMemory: true,
            processors: 2)
        let bus = """
            bus={"transport": "tcp", "address": "\(address)", "insecure": true, \
            "insecure_network": "\(Manifest.NetworkConsent.given.rawValue)"}
            """
        let check = MachineCheck(try Sample.read(Sample.minimal, set: [bus]), on: machine)
        #expect(check.isReady && check.findings.map(\.path) == ["$.bus.insecure"])
        #expect(check.findings.first?.fix.hasPrefix("\(who) can move the arm at \(address)") == true)
    }
}
