import Launch
import ManifestSamples
import Manifests
import Messages
import Testing
import Time

/// A supervisor with its clock and the processes that its actions make: they obey at once unless told otherwise.
struct Stage {
    var supervisor: Supervisor
    var now = MonotonicTime.zero
    /// The live process of each node.
    var live: [String: Int32] = [:]
    var nextProcessID: Int32 = 100
    var log: [Supervisor.Action] = []
    /// Nodes that do not end when asked, only when killed.
    var deaf: Set<String> = []
    /// Nodes that do not even end when killed.
    var undead: Set<String> = []
    var unstartable: Set<String> = []

    static let nodes = ["camera-primary", "goal", "policy", "arm"]

    init(duration: Duration? = nil, set: [String] = [], isRecorded: Bool = false) throws {
        let set = isRecorded ? set : ["record.enabled=false"] + set
        supervisor = Supervisor(.init(try Sample.read(Sample.minimal, set: set), duration: duration))
    }

    mutating func perform(_ actions: [Supervisor.Action]) {
        for action in actions {
            log.append(action)
            switch action {
            case .start(let node):
                precondition(live[node] == nil, "two processes of \(node)")
                if unstartable.contains(node) {
                    perform(supervisor.couldNotStart(node, "no such program", at: now))
                } else {
                    nextProcessID += 1
                    live[node] = nextProcessID
                    perform(supervisor.started(node, processID: nextProcessID, at: now))
                }
            case .terminate(let node, let id): if !deaf.contains(node), live[node] == id { exit(node, .exited(0)) }
            case .kill(let node, let id): if !undead.contains(node), live[node] == id { exit(node, .signalled(9)) }
            case .report, .finish: break
            }
        }
    }

    mutating func exit(_ node: String, _ ending: Supervisor.Ending) {
        guard let living = live[node] else { return }
        live[node] = nil
        perform(supervisor.exited(node, processID: living, ending, at: now))
    }

    mutating func say(_ node: String, _ state: NodeStatus.State, _ headline: String = "works", id: Int32? = nil) {
        guard let id = id ?? live[node] else { return }
        perform(supervisor.received(.init(node: node, processID: id, state: state, headline: headline), at: now))
    }

    mutating func pass(_ duration: Duration, step: Duration = .milliseconds(100), speaking: Bool = true) {
        let end = now + duration
        while now < end {
            now = min(now + step, end)
            if speaking { for node in live.keys.sorted() { say(node, .ready) } }
            perform(supervisor.tick(at: now))
        }
    }

    /// All nodes started and ready.
    mutating func run() {
        perform(supervisor.tick(at: now))
        for node in live.keys.sorted() where node != "policy" { say(node, .ready) }
        perform(supervisor.tick(at: now))
        say("policy", .ready)
        perform(supervisor.tick(at: now))
    }

    var starts: [String] { log.compactMap { if case .start(let node) = $0 { node } else { nil } } }
    var outcome: Supervisor.Outcome? {
        log.compactMap { if case .finish(let outcome) = $0 { outcome } else { nil } }.last
    }
    func reports(_ level: Supervisor.Level) -> [String] {
        log.compactMap { if case .report(level, let text) = $0 { text } else { nil } }
    }
}

@Suite struct SupervisorStartTests {
    @Test func theRecorderComesFirstAndGoesLast() throws {
        var stage = try Stage(isRecorded: true)
        stage.perform(stage.supervisor.tick(at: stage.now))
        #expect(stage.starts == ["recorder"])
        stage.say("recorder", .ready)
        stage.perform(stage.supervisor.tick(at: stage.now))
        stage.run()
        #expect(stage.supervisor.readySince != nil)
        stage.deaf = ["goal"]
        stage.perform(stage.supervisor.stopRequested("Ctrl-C", at: stage.now))
        // Somebody may still have something to say.
        #expect(stage.live.keys.sorted() == ["goal", "recorder"])
        let asked = stage.log.compactMap { if case .terminate(let node, _) = $0 { node } else { nil } }
        #expect(asked.first == "arm" && !asked.contains("recorder"))
        stage.exit("goal", .exited(0))
        #expect(stage.live.isEmpty && stage.outcome == .done)
    }

    @Test func startsThePolicyOnlyWhenAllOthersAreReady() throws {
        var stage = try Stage()
        stage.perform(stage.supervisor.tick(at: stage.now))
        #expect(stage.starts == ["camera-primary", "goal", "arm"])
        stage.say("arm", .ready)
        stage.say("goal", .ready)
        stage.say("camera-primary", .starting)
        stage.pass(.seconds(1), speaking: false)
        #expect(stage.starts.count == 3)
        stage.say("camera-primary", .degraded)
        stage.pass(.milliseconds(100), speaking: false)
        #expect(stage.starts.last == "policy")
        #expect(stage.supervisor.readySince == nil)
        stage.say("policy", .ready)
        stage.pass(.milliseconds(100), speaking: false)
        #expect(stage.supervisor.readySince == stage.now)
    }

    @Test(arguments: [Supervisor.Ending.exited(0), .exited(1), .signalled(11)])
    func aNodeThatEndsBeforeItIsReadyEndsTheRun(_ ending: Supervisor.Ending) throws {
        var stage = try Stage()
        stage.perform(stage.supervisor.tick(at: stage.now))
        stage.supervisor.wrote("the folder is empty", by: "camera-primary")
        stage.say("camera-primary", .starting, "reading frames")
        stage.exit("camera-primary", ending)
        #expect(stage.outcome == .nodeFailed)
        #expect(stage.live.isEmpty)
        #expect(!stage.starts.contains("policy"))
        let errors = stage.reports(.error)
        #expect(errors.count == 1)
        for part in ["'camera-primary'", "\(ending) before it was ready", "the folder is empty", "reading frames"] {
            #expect(errors.first?.contains(part) == true, "\(part) in \(errors)")
        }
        // The error is what the user reads last.
        #expect(stage.log.suffix(2).first == errors.first.map { .report(.error, $0) })
    }

    @Test func aNodeThatIsNeverReadyEndsTheRun() throws {
        var stage = try Stage(set: ["supervision.ready_timeout_s=2"])
        stage.perform(stage.supervisor.tick(at: stage.now))
        for node in ["goal", "arm"] { stage.say(node, .ready) }
        stage.say("camera-primary", .starting, "looking for the device")
        stage.pass(.milliseconds(1900), speaking: false)
        #expect(stage.outcome == nil)
        stage.pass(.milliseconds(100), speaking: false)
        #expect(stage.outcome == .nodeFailed)
        #expect(stage.live.isEmpty)
        #expect(
            stage.reports(.error).first?.contains("it was not ready within 2 s (supervision.ready_timeout_s)") == true)
        #expect(stage.reports(.error).first?.contains("looking for the device") == true)
    }

    @Test func aFaultWhileStartingIsFinal() throws {
        var stage = try Stage()
        stage.perform(stage.supervisor.tick(at: stage.now))
        stage.say("arm", .fault, "the calibration has 5 joints, expected 6: mend arm.calibration")
        #expect(stage.outcome == .nodeFailed)
        #expect(
            stage.reports(.error) == [
                "starting 'arm': the calibration has 5 joints, expected 6: mend arm.calibration Everything was stopped."
            ])
    }

    @Test func aNodesOwnErrorIsToldOnceInItsOwnWords() throws {
        let words = "reading arm.json: found 5 joints, expected 6. Mend arm.calibration."
        for reportsFault in [true, false] {
            var stage = try Stage()
            stage.perform(stage.supervisor.tick(at: stage.now))
            // It says so on the bus, unless the message gets lost, and with its last line; then it ends.
            stage.deaf = ["arm"]
            if reportsFault { stage.say("arm", .fault, words) }
            let isShown = [
                stage.supervisor.wrote("loading", by: "arm"), stage.supervisor.wrote("error: \(words)", by: "arm"),
            ]
            #expect(isShown == [true, false])
            stage.exit("arm", .exited(2))
            #expect(stage.outcome == .nodeFailed)
            #expect(stage.reports(.error) == ["starting 'arm': \(words) Everything was stopped."])
            #expect(stage.reports(.warning) == [])
        }
    }

    @Test func aSecondNodeThatFailsMeanwhileIsToldToo() throws {
        var stage = try Stage()
        stage.perform(stage.supervisor.tick(at: stage.now))
        stage.deaf = ["arm", "goal"]
        stage.say("arm", .fault, "Mend the arm.")
        stage.supervisor.wrote("error: Mend the goal.", by: "goal")
        stage.exit("goal", .exited(2))
        stage.exit("arm", .exited(2))
        #expect(stage.reports(.warning) == ["goal: ended with exit code 2 while it was stopping: Mend the goal."])
        #expect(stage.reports(.error) == ["starting 'arm': Mend the arm. Everything was stopped."])
    }

    @Test func aNodeThatEndsWithoutAWordIsSaidToHaveDoneSo() throws {
        var stage = try Stage()
        stage.perform(stage.supervisor.tick(at: stage.now))
        stage.exit("goal", .exited(7))
        let error = try #require(stage.reports(.error).first)
        #expect(error.contains("it ended with exit code 7 before it was ready, expected it to become ready"))
        #expect(error.contains("It wrote nothing") && !error.contains("below"))
    }

    @Test func aProgramThatCannotBeStartedEndsTheRun() throws {
        var stage = try Stage()
        stage.unstartable = ["goal"]
        stage.perform(stage.supervisor.tick(at: stage.now))
        #expect(stage.outcome == .nodeFailed)
        #expect(stage.live.isEmpty)
        #expect(stage.reports(.error).first?.contains("could not be started: no such program") == true)
    }

    @Test func keepsTheLastTwentyLines() throws {
        var stage = try Stage()
        stage.perform(stage.supervisor.tick(at: stage.now))
        for number in 1...50 { stage.supervisor.wrote("line <\(number)>", by: "goal") }
        stage.exit("goal", .exited(1))
        let error = try #require(stage.reports(.error).first)
        #expect(error.contains("<31>") && error.contains("<50>") && !error.contains("<30>"))
    }

    @Test func aStopWhileStartingIsNoFailure() throws {
        var stage = try Stage()
        stage.perform(stage.supervisor.tick(at: stage.now))
        stage.perform(stage.supervisor.stopRequested("Ctrl-C", at: stage.now))
        #expect(stage.outcome == .done)
        #expect(stage.live.isEmpty)
    }

    @Test func aProcessThatAppearsAfterTheStopIsStoppedToo() throws {
        var supervisor = try Stage().supervisor
        #expect(supervisor.tick(at: .zero).contains(.start("arm")))
        _ = supervisor.stopRequested("Ctrl-C", at: .zero)
        #expect(supervisor.started("arm", processID: 7, at: .zero) == [.terminate("arm", 7)])
    }
}

@Suite struct SupervisorRunTests {
    @Test func restartsWithABackOffThatDoubles() throws {
        var stage = try Stage(set: ["supervision.backoff_s=0.5", "supervision.backoff_max_s=1.5"])
        stage.run()
        for (round, wait) in [(1, 500), (2, 1000), (3, 1500), (4, 1500)] {
            stage.exit("policy", .signalled(9))
            let before = stage.starts.count
            stage.pass(.milliseconds(wait - 100))
            #expect(stage.starts.count == before, "round \(round)")
            stage.pass(.milliseconds(100))
            #expect(stage.starts.count == before + 1, "round \(round)")
            stage.pass(.milliseconds(100))
        }
        #expect(stage.supervisor.restarts.first { $0.node == "policy" }?.count == 4)
        #expect(stage.outcome == nil)
    }

    @Test func givesUpAfterTooManyRestarts() throws {
        var stage = try Stage(set: ["supervision.max_restarts=2"])
        stage.run()
        for _ in 0..<3 {
            stage.exit("camera-primary", .exited(1))
            stage.pass(.seconds(6))
        }
        #expect(stage.outcome == .nodeFailed)
        #expect(stage.live.isEmpty)
        #expect(stage.starts.count { $0 == "camera-primary" } == 3)
        #expect(stage.reports(.error).count == 1)
        #expect(stage.reports(.error).first?.contains("after 2 restarts") == true)
    }

    @Test func aFaultOfARunningNodeIsToldOnceAndItsRestartsEndWithItsWords() throws {
        var stage = try Stage(set: ["supervision.max_restarts=1"])
        stage.run()
        stage.say("camera-primary", .fault, "the device is gone: plug it in.")
        stage.supervisor.wrote("error: the device is gone: plug it in.", by: "camera-primary")
        stage.exit("camera-primary", .exited(1))
        #expect(stage.reports(.error) == ["camera-primary: the device is gone: plug it in."])
        #expect(
            stage.reports(.warning) == ["camera-primary: it ended with exit code 1; restart 1 of 1 in 0.2 s"])
        stage.pass(.milliseconds(200), speaking: false)
        stage.say("camera-primary", .fault, "no such device.")
        #expect(stage.outcome == .nodeFailed)
        #expect(
            stage.reports(.error).last
                == "running 'camera-primary': it cannot start, after 1 restart: no such device. Everything was stopped."
        )
    }

    @Test func forgetsFailuresOfAProcessThatRecovered() throws {
        var stage = try Stage(set: ["supervision.max_restarts=1"])
        stage.run()
        for _ in 0..<4 {
            stage.exit("goal", .exited(1))
            stage.pass(.seconds(62))
        }
        #expect(stage.outcome == nil)
        #expect(stage.supervisor.restarts.first { $0.node == "goal" }?.count == 4)
    }

    @Test func withoutRestartsTheFirstFailureEndsTheRun() throws {
        var stage = try Stage(set: ["supervision.max_restarts=0"])
        stage.run()
        stage.exit("policy", .signalled(6))
        #expect(stage.outcome == .nodeFailed)
    }

    @Test func killsAndRestartsAProcessThatFellSilent() throws {
        var stage = try Stage()
        stage.run()
        let silent = stage.live["policy"]
        for _ in 0..<60 {
            stage.now += .milliseconds(100)
            for node in Stage.nodes where node != "policy" { stage.say(node, .ready) }
            stage.perform(stage.supervisor.tick(at: stage.now))
        }
        #expect(silent.map { stage.log.contains(.kill("policy", $0)) } == true)
        #expect(stage.live["policy"] != nil && stage.live["policy"] != silent)
        #expect(stage.starts.count { $0 == "policy" } == 2)
        #expect(stage.starts.count == 5)
    }

    @Test func theLaunchersOwnPauseIsNoSilenceOfTheNodes() throws {
        var stage = try Stage()
        stage.run()
        stage.now += .seconds(3600)
        stage.perform(stage.supervisor.tick(at: stage.now))
        stage.pass(.seconds(1))
        #expect(stage.starts.count == 4)
    }

    @Test func wordsOfAnEarlierProcessAreIgnored() throws {
        var stage = try Stage()
        stage.run()
        let earlier = stage.live["policy"]
        stage.exit("policy", .signalled(9))
        stage.pass(.milliseconds(200), speaking: false)
        #expect(stage.live["policy"] != nil)
        let before = stage.log.count
        stage.say("policy", .fault, "from the grave", id: earlier)
        stage.say("policy", .ready, "from the grave", id: earlier)
        #expect(stage.log.count == before)
    }

    @Test func anExitOfAnEarlierProcessIsIgnored() throws {
        var stage = try Stage()
        stage.run()
        #expect(stage.supervisor.exited("policy", processID: 1, .exited(0), at: stage.now) == [])
        #expect(stage.outcome == nil)
    }

    @Test func aRestartedProcessThatIsNeverReadyIsTriedAgainAndThenGivenUp() throws {
        var stage = try Stage(set: ["supervision.max_restarts=2", "supervision.ready_timeout_s=1"])
        stage.run()
        stage.exit("policy", .exited(1))
        for _ in 0..<200 {
            stage.now += .milliseconds(100)
            for node in Stage.nodes where node != "policy" { stage.say(node, .ready) }
            stage.perform(stage.supervisor.tick(at: stage.now))
        }
        #expect(stage.starts.count { $0 == "policy" } == 3)
        #expect(stage.outcome == .nodeFailed)
        #expect(stage.live.isEmpty)
    }

    @Test func reportsAChangeOfStateOnce() throws {
        var stage = try Stage()
        stage.run()
        stage.say("policy", .degraded, "no fresh frame for 0.6 s")
        stage.say("policy", .degraded, "no fresh frame for 0.7 s")
        #expect(stage.reports(.warning) == ["policy: no fresh frame for 0.6 s"])
        stage.say("policy", .ready, "5 chunks a second")
        #expect(stage.reports(.note).last == "policy: 5 chunks a second")
        stage.say("policy", .fault, "the goal is gone")
        #expect(stage.reports(.error) == ["policy: the goal is gone"])
        #expect(stage.outcome == nil)
    }

    /// Why something does not work may change while it does not: the user reads each reason once.
    @Test func anotherReasonIsToldTooAndNoneTwice() throws {
        var stage = try Stage()
        stage.run()
        stage.say("policy", .degraded, "no goal is set")
        stage.say("policy", .degraded, "no fresh frame for 0.6 s")
        stage.say("policy", .degraded, "no fresh frame for 12 s")
        for _ in 0..<20 {
            stage.say("policy", .degraded, "no goal is set")
            stage.say("policy", .degraded, "no fresh frame for 13.5 s")
        }
        #expect(stage.reports(.warning) == ["policy: no goal is set", "policy: no fresh frame for 0.6 s"])
        stage.say("policy", .fault, "servo 2 is silent")
        stage.say("policy", .fault, "servo 3 is silent")
        #expect(stage.reports(.error) == ["policy: servo 2 is silent", "policy: servo 3 is silent"])
        stage.say("policy", .ready, "5 chunks a second")
        stage.say("policy", .degraded, "no goal is set")
        #expect(stage.reports(.warning).last == "policy: no goal is set" && stage.reports(.warning).count == 3)
    }

    @Test func stopsWhenItsTimeIsOverCountedFromReady() throws {
        var stage = try Stage(duration: .seconds(10))
        stage.perform(stage.supervisor.tick(at: stage.now))
        stage.pass(.seconds(4), speaking: false)
        stage.run()
        stage.pass(.milliseconds(9900))
        #expect(stage.outcome == nil)
        stage.pass(.milliseconds(100))
        #expect(stage.outcome == .done)
        #expect(stage.live.isEmpty)
    }
}

@Suite struct SupervisorStopTests {
    @Test func theArmStopsBeforeAllOthers() throws {
        var stage = try Stage()
        stage.run()
        stage.deaf = ["arm"]
        let arm = try #require(stage.live["arm"])
        let before = stage.log.count
        stage.perform(stage.supervisor.stopRequested("Ctrl-C", at: stage.now))
        #expect(stage.log[before...] == [.report(.note, "stopping: Ctrl-C"), .terminate("arm", arm)])
        stage.exit("arm", .exited(0))
        #expect(stage.outcome == .done)
        let order = stage.log.compactMap { if case .terminate(let node, _) = $0 { node } else { nil } }
        #expect(order == ["arm", "camera-primary", "goal", "policy"])
    }

    @Test func aDeafProcessIsKilledAfterItsTime() throws {
        var stage = try Stage()
        stage.run()
        stage.deaf = Set(Stage.nodes)
        stage.perform(stage.supervisor.stopRequested("SIGTERM", at: stage.now))
        stage.pass(.milliseconds(2900))
        #expect(stage.live.count == 4)
        stage.pass(.milliseconds(100))
        #expect(stage.live.keys.sorted() == ["camera-primary", "goal", "policy"])
        stage.pass(.seconds(3))
        #expect(stage.live.isEmpty)
        #expect(stage.outcome == .done)
        #expect(stage.reports(.warning).count { $0.contains("did not stop within 3 s") } == 4)
    }

    /// Nothing on its way to a slow disk is lost because the disk is slow; a disk that has stopped is not waited for.
    @Test func aNodeThatStillBringsOutBytesIsWaitedForAsLongAsTheyGetFewer() throws {
        var stage = try Stage()
        stage.run()
        stage.deaf = ["goal"]
        stage.perform(stage.supervisor.stopRequested("Ctrl-C", at: stage.now))
        func say(_ bytes: Int64) {
            let status = NodeStatus(
                node: "goal", processID: stage.live["goal"] ?? 0, state: .ready, headline: "",
                counters: [.init(name: NodeStatus.bytesLeft, value: bytes)])
            stage.perform(stage.supervisor.received(status, at: stage.now))
        }
        for megabytes in stride(from: Int64(20), through: 10, by: -1) {
            say(megabytes << 20)
            stage.pass(.seconds(2), speaking: false)
        }
        #expect(stage.live.keys.sorted() == ["goal"])
        #expect(stage.reports(.note).contains { $0.contains("still on their way to the disk") })
        for _ in 0..<3 {
            say(10 << 20)
            stage.pass(.seconds(1), speaking: false)
        }
        #expect(stage.live.isEmpty && stage.outcome == .done)
        #expect(stage.reports(.warning).contains { $0.hasPrefix("goal: did not stop within") })
    }

    @Test func theSecondRequestKillsAtOnce() throws {
        var stage = try Stage()
        stage.run()
        stage.deaf = Set(Stage.nodes)
        stage.perform(stage.supervisor.stopRequested("Ctrl-C", at: stage.now))
        // Two at the same moment are one: what is being written is not cut for that.
        stage.pass(.milliseconds(100))
        stage.perform(stage.supervisor.stopRequested("Ctrl-C", at: stage.now))
        #expect(stage.live.count == 4)
        stage.pass(.seconds(1))
        stage.perform(stage.supervisor.stopRequested("Ctrl-C", at: stage.now))
        #expect(stage.live.isEmpty)
        #expect(stage.outcome == .done)
    }

    @Test func evenAProcessThatCannotBeKilledDoesNotHoldUpTheEnd() throws {
        var stage = try Stage()
        stage.run()
        stage.deaf = ["arm"]
        stage.undead = ["arm"]
        stage.perform(stage.supervisor.stopRequested("Ctrl-C", at: stage.now))
        stage.pass(.seconds(10))
        #expect(stage.outcome == .done)
        #expect(stage.reports(.error).first?.contains("is still there") == true)
        #expect(stage.live.keys.sorted() == ["arm"])
    }

    @Test func aCrashWhileStoppingIsToldButNoRestart() throws {
        var stage = try Stage()
        stage.run()
        stage.deaf = ["arm"]
        stage.perform(stage.supervisor.stopRequested("Ctrl-C", at: stage.now))
        stage.exit("arm", .signalled(11))
        stage.pass(.seconds(30))
        #expect(stage.starts.count == 4)
        #expect(stage.reports(.warning).contains("arm: was ended by signal 11 while it was stopping"))
        #expect(stage.outcome == .done)
    }

    @Test func nothingHappensAfterTheEnd() throws {
        var stage = try Stage()
        stage.run()
        stage.perform(stage.supervisor.stopRequested("Ctrl-C", at: stage.now))
        #expect(stage.supervisor.hasFinished)
        #expect(stage.supervisor.tick(at: stage.now + .seconds(100)) == [])
        #expect(stage.supervisor.stopRequested("Ctrl-C", at: stage.now) == [])
    }

    @Test func theRunGoesOnWithoutItsPage() throws {
        var stage = try Stage(set: ["console={}", "supervision.max_restarts=2"])
        stage.run()
        for _ in 0..<3 {
            #expect(stage.live["console"] != nil)
            stage.exit("console", .signalled(9))
            stage.pass(.seconds(2))
        }
        #expect(stage.live["console"] == nil && stage.live["arm"] != nil && stage.outcome == nil)
        let last = stage.log.compactMap { action -> String? in
            guard case .report(.error, let text) = action else { return nil }
            return text
        }
        #expect(last.count == 1 && last[0].contains("goes on without 'console'"), "\(last)")
        stage.perform(stage.supervisor.stopRequested("Ctrl-C", at: stage.now))
        stage.pass(.seconds(1))
        #expect(stage.outcome == .done)
    }

    @Test func aPageThatCannotStartIsToldBeforeAnythingMoves() throws {
        var stage = try Stage(set: ["console={}"])
        stage.unstartable = ["console"]
        stage.pass(.seconds(1))
        #expect(stage.outcome == .nodeFailed)
    }
}
