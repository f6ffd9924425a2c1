import ClosedLoop
import Datasets
import Demonstrations
import Foundation
import Images
import JSONTree
import Kinematics
import Maths
import Simulation
import TestSupport
import Testing

enum Demos {
    static let areUsable = (try? World.libraryVersion()) != nil

    static func plan(
        _ assignments: [DemonstrationPlan.Assignment] = [.init(.reach)], seed: UInt64 = 3, noise: Double = 0,
        startsAnywhere: Bool = false, goalArm: DemonstrationPlan.GoalArm? = nil,
        tellsTruth: Bool = false
    ) throws -> DemonstrationPlan {
        try DemonstrationPlan(
            assignments, in: .tabletop, arm: widowX(), seed: seed, noise: noise, startsAnywhere: startsAnywhere,
            goalArm: goalArm, tellsTruth: tellsTruth)
    }
}

@Suite(.enabled(if: Demos.areUsable, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
struct DemonstrationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Writes a dataset and gives its files back, by name.
    private func write(_ plan: DemonstrationPlan, count: Int, jobs: Int, name: String) throws -> [String: Data] {
        let writer = try RLDSDatasetWriter(creating: "demos", in: folder.path + "/" + name, features: plan.features)
        var told: [Int] = []
        let (tally, _) = try DemonstrationDataset(plan).write(count, jobs: jobs, to: writer) { told.append($0.made) }
        #expect(tally.made == count && tally.written == count && told == Array(1...count))
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: writer.folder) {
            files[name] = try Data(contentsOf: URL(fileURLWithPath: writer.folder + "/" + name))
        }
        return files
    }

    private func read(_ name: String) throws -> [RLDSEpisode] {
        let cursor = try RLDSDatasetReader(folder: folder.path + "/\(name)/demos/1.0.0").episodes(of: "train")
        var episodes: [RLDSEpisode] = []
        while let episode = try cursor.next() { episodes.append(episode) }
        return episodes
    }

    @Test func theSameSeedMakesTheSameBytesWhateverTheNumberOfJobs() throws {
        let plan = try Demos.plan(
            [.init(.reach), .init(.reach, object: "cup")], noise: 1, startsAnywhere: true, goalArm: .away)
        let one = try write(plan, count: 4, jobs: 1, name: "one")
        let three = try write(plan, count: 4, jobs: 3, name: "three")
        #expect(Set(one.keys) == Set(three.keys) && one.count == 4, "\(one.keys.sorted())")
        for (name, bytes) in one { #expect(three[name] == bytes, "\(name)") }
        let other = try write(
            Demos.plan(
                [.init(.reach), .init(.reach, object: "cup")], seed: 4, noise: 1, startsAnywhere: true, goalArm: .away),
            count: 4, jobs: 3, name: "other")
        #expect(other != one)

        // Tasks and objects take turns; what was written is what is read.
        let episodes = try read("one")
        let instructions = episodes.map { $0.steps[0].languageInstruction }
        let (block, cup) = ("move the gripper above the block", "move the gripper above the cup")
        #expect(instructions == [block, cup, block, cup])
        #expect(episodes.map(\.metadata.filePath).first == "octo-sim/reach/block/3")
        #expect(episodes.map(\.metadata.episodeID) == [0, 1, 2, 3])
        for episode in episodes {
            let goal = try RGBImage(decoding: try #require(episode.metadata.goal), source: "goal")
            #expect(goal.width == 256 && goal.height == 256)
            #expect(episode.metadata.goal != episode.steps.last?.pictures["image_0"], "the arm is elsewhere")
        }

        // The statistics are those of the dataset.
        let statistics = try JSONNode(parsing: Array(try #require(one["dataset_statistics.json"])))
        let again = try DatasetStatistics(
            of: episodes.map { Trajectory($0) }, actionMask: DemonstrationDataset.actionMask)
        #expect(statistics.text() == again.json.text())
        let actions = episodes.flatMap { $0.steps.map { Double($0.action[0]) } }
        #expect(statistics["num_transitions"]?.int == actions.count && statistics["num_trajectories"]?.int == 4)
        let mean = actions.reduce(0, +) / Double(actions.count)
        let written = try #require(statistics["action"]?["mean"]?.array?[0].double)
        #expect(abs(written - mean) < 1e-12)
        #expect(statistics["action"]?["max"]?.array?[0].double == actions.max())
        #expect(statistics["action"]?["mask"] == [true, true, true, true, true, true, false])
    }

    @Test func aGoalWithTheArmThereIsTheLastPicture() throws {
        let episode = try Demos.plan(goalArm: .there).demonstration(0).episode
        #expect(episode.metadata.goal != nil && episode.metadata.goal == episode.steps.last?.pictures["image_0"])
    }

    @Test func aGoalWithoutDecoysShowsTheTrayUnderWhatLiesInIt() throws {
        var scene = Scene.tabletop
        scene.tray?.builtAt = [0.34, -0.16]
        func goal(lacksDecoys: Bool) throws -> RGBImage {
            let plan = try DemonstrationPlan(
                [.init(.pickPlace)], in: scene, arm: widowX(), seed: 3, goalArm: .away,
                goalLacksDecoys: lacksDecoys)
            return try RGBImage(decoding: try #require(plan.demonstration(0).episode.metadata.goal), source: "goal")
        }
        func end(_ scene: Scene) throws -> RGBImage {
            let world = try World(scene.varied(seed: 3), arm: widowX())
            try world.place(arm: widowX().rest, gripper: 1)
            return try world.picture(.primary, width: 256, height: 256)
        }
        /// Numbers that are far from each other, whatever JPEG did to them.
        func distance(_ a: RGBImage, _ b: RGBImage) -> Int {
            zip(a.pixels.array, b.pixels.array).count { abs(Int($0) - Int($1)) > 30 }
        }
        let (with, without) = (try goal(lacksDecoys: false), try goal(lacksDecoys: true))
        var right = scene
        right.tray?.builtAt = nil
        // Nothing but the block's place differs from a scene that begins so.
        let distances = try [without, with].map { (distance($0, try end(right)), distance($0, try end(scene))) }
        #expect(2 * distances[0].0 < distances[0].1 && 2 * distances[1].1 < distances[1].0, "\(distances)")
    }

    @Test func aGoalOfReachWithoutDecoysShowsTheObjectWhereTheHandIs() throws {
        var scene = Scene.tabletop
        scene.reachAim = [0.33, 0.14]
        let plan = try DemonstrationPlan(
            [.init(.reach)], in: scene, arm: widowX(), seed: 3, goalArm: .away, goalLacksDecoys: true)
        let goal = try RGBImage(decoding: try #require(plan.demonstration(0).episode.metadata.goal), source: "goal")
        func difference(withBlockAt place: SIMD2<Double>) throws -> Int {
            var right = scene.varied(seed: 3)
            right.objects[0].position = place
            let world = try World(right, arm: widowX())
            try world.place(arm: widowX().rest, gripper: 1)
            let picture = try world.picture(.primary, width: 256, height: 256)
            return zip(goal.pixels.array, picture.pixels.array).count { abs(Int($0) - Int($1)) > 30 }
        }
        let (there, before) = (
            try difference(withBlockAt: [0.33, 0.14]),
            try difference(withBlockAt: scene.varied(seed: 3).objects[0].position)
        )
        #expect(
            2 * there < before,
            "\(there) numbers differ from a picture with the block there, \(before) with it where it lay")
    }

    /// What the expert would do for another scene's goal leads there: the reach's first actions point at the place that
    /// the other picture shows, whatever stands on this table.
    @Test(arguments: ManipulationTask.Kind.allCases) func goalsOfOtherScenesAreAnsweredAtEveryStep(
        _ kind: ManipulationTask.Kind
    ) throws {
        var scene = Scene.tabletop
        scene.variation.objectPosition = 0.05
        scene.variation.mark = 0.05
        scene.variation.tray = 0.05
        let plan = try DemonstrationPlan(
            [.init(kind)], in: scene, arm: widowX(), seed: 5, goalArm: .there, tellsTruth: true, otherGoals: 2)
        let episode = try plan.demonstration(0).episode
        #expect(episode.problems(for: plan.features).isEmpty && episode.metadata.otherGoals.count == 2)
        let others = episode.metadata.otherGoals
        #expect(Set(others.map { $0.picture.array }).count == 2)
        let first = try #require(episode.steps.first)
        for (index, other) in others.enumerated() {
            #expect(try RGBImage(decoding: other.picture, source: "goal").width == 256)
            let chunk = Array(first.otherActions[index * 28..<(index + 1) * 28])
            switch kind {
            case .reach:
                let way = zip(other.state, first.state).map { $0 - $1 }
                let (asked, whole) = (chunk[0..<3], way[0..<3])
                let cosine = zip(asked, whole).map { $0 * $1 }.reduce(0, +) / (Self.length(asked) * Self.length(whole))
                #expect(cosine > 0.99, "step 0 goes \(asked), the other goal is at \(whole)")
            case .push, .pickPlace:
                #expect(chunk[0..<3].contains { abs($0) > 0.005 }, "it goes to the object")
            }
        }
        // Carried, it goes to the tray that the other picture shows.
        guard kind == .pickPlace else { return }
        let carried = try #require(episode.steps.first { $0.truth[2] > 0.1 })
        for (index, other) in others.enumerated() {
            let step = carried.otherActions[index * 28..<index * 28 + 2]
            let way = [other.truth[0] - carried.truth[0], other.truth[1] - carried.truth[1]]
            let cosine = zip(step, way).map { $0 * $1 }.reduce(0, +) / (Self.length(step) * Self.length(way[...]))
            #expect(cosine > 0.98, "carried \(step), the other tray is \(way) away")
        }
    }

    private static func length(_ numbers: ArraySlice<Float>) -> Float {
        numbers.map { $0 * $0 }.reduce(0, +).squareRoot()
    }

    @Test func truthIsWhereTheObjectIs() throws {
        let plan = try Demos.plan([.init(.push)], tellsTruth: true)
        let episode = try plan.demonstration(0).episode
        #expect(plan.features.hasTruth && episode.problems(for: plan.features).isEmpty)
        let scene = Scene.tabletop.varied(seed: 3)
        let (first, last) = (try #require(episode.steps.first).truth, try #require(episode.steps.last).truth)
        #expect(abs(Double(first[0]) - scene.objects[0].position.x) < 1e-3)
        #expect(abs(Double(first[3]) - scene.objects[0].yaw) < 0.01)
        let mark = try #require(scene.mark).position
        #expect(abs(Double(last[0]) - mark.x) < 0.03 && abs(Double(last[1]) - mark.y) < 0.03)
    }

    @Test func withoutNoiseNothingIsMarkedNorDeclared() throws {
        let plan = try Demos.plan()
        #expect(!plan.features.hasPerturbations && plan.features.goal == nil)
        let episode = try plan.demonstration(0).episode
        #expect(episode.metadata.success && episode.problems(for: plan.features).isEmpty)
        #expect(episode.steps.allSatisfy { !$0.isPerturbed } && episode.metadata.filePath == "octo-sim/reach/3")
    }

    @Test func whatTheSceneCannotHaveIsRefusedBeforeAnythingIsMade() throws {
        let error = #expect(throws: ManipulationTask.Problem.self) {
            try Demos.plan([.init(.reach), .init(.push, object: "spoon")])
        }
        #expect(error.map { "\($0)".contains("spoon") } == true)
    }
}
