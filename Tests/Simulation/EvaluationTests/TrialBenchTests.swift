import ClosedLoop
import Evaluation
import Images
import Messages
import Recording
import Replay
import Simulation
import TestSupport
import Testing
import Time

@Suite(.enabled(if: Bench.areUsable, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
struct TrialBenchTests {
    private func trials(_ episodes: Int, goal: GoalChoice = .own) throws -> [Trial] {
        TrialPlan.trials(
            of: [.init(task: .reach, object: "block", goal: goal, change: .none)], episodes: episodes, seed: 1)
    }

    /// With worlds, not with made-up results: the second half does not depend on the first.
    @Test func aRunCutInTwoGivesTheSameTable() throws {
        let trials = try trials(4)
        var bench = TrialBench(try Bench.setup(), policy: .random)
        let whole = try trials.map { try bench.run($0) }
        let settings: ResultLog.Settings = [("policy", "random")]
        let text = ([ResultLog.header(settings)] + whole.prefix(2).map { $0.tree.text() }).map { $0 + "\n" }.joined()
        var log = try ResultLog(parsing: text.utf8, path: "r", settings: settings)
        var second = TrialBench(try Bench.setup(), policy: .random)
        for trial in log.missing(of: trials) { log.add(try second.run(trial)) }
        #expect(TrialTable(policy: "random", log.results(of: trials)) == TrialTable(policy: "random", whole))
    }

    @Test func theExpertReachesWhatItShould() throws {
        var bench = TrialBench(try Bench.setup(), policy: .expert)
        let results = try trials(2).map { try bench.run($0) }
        #expect(results.allSatisfy { $0.isSuccess })
        #expect(results.allSatisfy { $0.run?.touched == .right && $0.run?.isSameAim == true })
    }

    @Test func whatTheExpertCannotDoIsRefusedAndNotAFailure() throws {
        var scene = Scene.tabletop
        scene.objects[0].position = [0.75, 0]
        scene.variation = .none
        var bench = TrialBench(try Bench.setup(scene), policy: .random)
        bench.readsFit = true
        let result = try bench.run(trials(1)[0])
        #expect(result.run == nil)
        #expect(result.refusal?.contains("the expert did not manage") == true)
    }

    @Test(arguments: [true, false])
    func episodesAreRecordedForReplay(keepsSuccesses: Bool) throws {
        let folder = try TemporaryFolder()
        var names: [String] = []
        let tape = TrialTape(
            attachments: [], keepsSuccesses: keepsSuccesses, policy: "expert", wallTime: { "now" },
            keep: { name, content in names.append(try folder.write(content, to: name + ".mcap")) })
        var bench = TrialBench(try Bench.setup(), policy: .expert)
        bench.tape = tape
        let trial = try trials(1)[0]
        let result = try bench.run(trial)
        #expect(result.isSuccess)
        guard keepsSuccesses else {
            #expect(names.isEmpty)
            return
        }
        let file = try EpisodeFile(path: try #require(names.first))
        let summary = try EpisodeSummary(of: file)
        #expect(summary.problems == [] && summary.isFinished && summary.outcome == "success")
        #expect(summary.name == "reach-block-goal-task-seed-1")
        #expect(summary.goals == ["move the gripper above the block"])
        #expect(summary.missing == 0)
        let counts = Dictionary(summary.topics.map { ($0.name, Int($0.count)) }) { first, _ in first }
        let steps = try #require(result.run?.outcome.timesteps)
        #expect(counts["camera/primary/image"] == steps && counts["camera/wrist/image"] == steps)
        #expect(counts["policy/chunk"] == steps && (counts["arm/state"] ?? 0) > 10 * steps)
        #expect(try file.metadata(named: "evaluation")?["trial"]?.contains("\"seed\": 1") == true)
        #expect(try file.attachment(named: "simulation/scene.json") != nil)
        // The episode is the same with and without the tape.
        bench.tape = nil
        #expect(try bench.run(trial) == result)
    }

    @Test func fileNamesHoldNothingThatAFileSystemMinds() {
        let trial = Trial(
            task: .push, object: "blue block/2", goal: .file("/tmp/a b.png"), change: GoalChange(.jpeg, 20), seed: 9)
        #expect(TrialTape.name(of: trial) == "push-blue-block-2-goal-file--tmp-a-b.png-jpeg-20-seed-9")
    }

    @Test func aBlackGoalIsBlack() throws {
        var bench = TrialBench(try Bench.setup(), policy: .random)
        let views = try bench.goal(for: Trial(task: .reach, object: "block", goal: .black, seed: 1)).views
        #expect(views.map(\.image.width) == [128, 64])
        #expect(views.allSatisfy { $0.image.pixels.bytes.allSatisfy { $0 == 0 } })
    }

    @Test func aShuffledGoalIsTheOtherScenesOwn() throws {
        var bench = TrialBench(try Bench.setup(Bench.wide), policy: .random)
        for trial in try trials(3, goal: .shuffled) {
            let donor = try #require(try bench.run(trial).run?.goalSeed)
            let other = Trial(task: .reach, object: "block", seed: donor)
            #expect(try bench.goal(for: trial).views == bench.goal(for: other).views)
            let own = Trial(task: .reach, object: "block", seed: trial.seed)
            #expect(try bench.goal(for: trial).views != bench.goal(for: own).views)
            #expect(try bench.run(own).run?.goalSeed == nil)
        }
    }

    /// Told by what it does: the expert that follows shuffled goals ends elsewhere, every time.
    @Test func theExpertDoesWhatAnotherScenesGoalShows() throws {
        var bench = TrialBench(try Bench.setup(Bench.wide), policy: .expert)
        #expect(try trials(4).map { try bench.run($0) }.allSatisfy(\.isSuccess))
        for trial in try trials(4, goal: .shuffled) {
            let result = try bench.run(trial)
            #expect(result.run?.isSameAim == false && !result.isSuccess, "\(result)")
        }
        let cup = Trial(task: .reach, object: "block", goal: .other(.reach, object: "cup"), seed: 1)
        let run = try #require(try bench.run(cup).run)
        #expect(run.touched == .wrong && !run.outcome.isSuccess && run.isSameAim == false)
    }

    @Test func theEndOfAnotherTaskCanBeTheGoal() throws {
        var bench = TrialBench(try Bench.setup(), policy: .random)
        let trial = Trial(task: .reach, object: "block", goal: .other(.reach, object: "cup"), seed: 1)
        let cup = Trial(task: .reach, object: "cup", seed: 1)
        #expect(try bench.goal(for: trial).views == bench.goal(for: cup).views)
    }
}
