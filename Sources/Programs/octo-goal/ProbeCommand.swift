import ArgumentParser
import Files
import Foundation
import Goals
import Images
import JSONTree
import Kinematics
import Manifests
import Messages
import NodeShell
import OctoModel
import Policy
import Time
import Wire

struct ProbeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe", abstract: "Say whether the policy listens to the goal at all. Nothing moves.",
        discussion: """
            Runs the checkpoint of the running robot in this process, on the observation that its policy takes at this \
            moment and with the same noise: with the goal, with a black picture for a goal, and with the present view \
            for a goal ("stay"). How far the three chunks differ is told in units of the sampler's own scatter: 1 is \
            as much as chance moves them.

            Exit codes: 0 it listens, 3 hardly, 4 not at all; 2 it cannot be probed (no such goal or run).
            """)

    @Argument(help: "The goal's name in the library; without one, the goal that is set.")
    var name: String?

    @Option(help: "Average over this many noise seeds, 2 or more.")
    var samples = 8

    @OptionGroup var json: JSONFlag

    @OptionGroup var choice: LibraryChoice

    func validate() throws {
        guard (2...1_000).contains(samples) else { throw ValidationError("--samples: give 2 to 1000.") }
    }

    func run() throws {
        let goals = try GoalOperator(choice.runOption)
        let library = choice.library(of: goals)
        let goal = try name.map { try library.load($0).goal(folder: library.path(of: $0)) } ?? goals.currentGoal()
        let manifest = goals.link.run.manifest
        let observation = try self.observation(goals)
        let policy = try LoadedPolicy(
            manifest.policy, text: nil, goalUse: manifest.goal.use, goalsMayBringNumbers: true,
            cameras: manifest.cameras.map(\.name)
        ) {
            try ArmCalibration(contentsOfFile: manifest.arm.calibration).joints.count
        }
        let cameras = policy.configuration.cameras.filter(\.takesGoal)
        guard let fused = cameras.first(where: { camera in goal.views.contains { $0.camera == camera.name } })
        else {
            throw NothingToProbe(goal: goal.name, takes: cameras.map(\.name))
        }
        note("probing with the goal image of camera '\(fused.name)', \(3 * samples) inferences")
        let found = try probe(policy, dataset: manifest.policy.dataset, goal, observation)
        tell(found, goal: goal, policy.configuration)
        switch found.verdict {
        case .listens: break
        case .hardly: throw ExitCode(3)
        case .deaf: throw ExitCode(4)
        }
    }

    private func observation(_ goals: GoalOperator) throws -> PolicyObservation {
        let patience = Duration.seconds(10)
        let observations = try goals.link.bus.subscribe(Topics.policyObservation)
        // A window that is still filling is not what the policy sees later.
        guard
            let full = try goals.link.next(
                of: observations, within: patience, where: { $0.timestepPadMask.allSatisfy(\.self) })
        else { throw NodeSilence(of: [Manifest.policyNode], missing: "observation with a full window", for: patience) }
        return full
    }

    private func probe(
        _ policy: LoadedPolicy, dataset: String?, _ goal: Goal, _ observation: PolicyObservation
    ) throws -> GoalSensitivity {
        let configuration = policy.configuration
        let real = Dictionary(
            uniqueKeysWithValues: configuration.cameras.filter(\.takesGoal).compactMap { camera in
                goal.views.first { $0.camera == camera.name }.map { view in
                    (
                        camera.name,
                        configuration.preprocessing.plan(
                            camera: camera.name, fromWidth: view.image.width, height: view.image.height,
                            toWidth: camera.width,
                            height: camera.height
                        ).resize(view.image)
                    )
                }
            })
        let present = Dictionary(
            uniqueKeysWithValues: observation.views.compactMap { view in
                real[view.camera].map { _ in (view.camera, view.newest) }
            })
        let black = real.mapValues { RGBImage(width: $0.width, height: $0.height, filledWith: 0) }
        var engine = policy.engine
        let progress = ProgressLine(total: 3 * samples, of: "inferences", at: .now())
        var done = 0
        func chunks(_ images: [String: RGBImage], _ id: String) throws -> [[Float]] {
            try (0..<samples).map { seed in
                progress.show(done, at: .now())
                done += 1
                return try engine.run(
                    PolicyNodeCore.Request(
                        observation: observation, goal: .init(id: id, images: images, taskNumbers: goal.taskNumbers),
                        captureTime: observation.time,
                        noiseSeed: UInt64(seed), noiseCounter: 0))
            }
        }
        let results = try (chunks(real, "goal"), chunks(black, "black"), chunks(present, "present"))
        progress.end()
        let statistics = try policy.checkpoint.actionStatistics(dataset: dataset)
        return GoalSensitivity(
            goal: results.0, black: results.1, present: results.2, dimension: configuration.actionDimension,
            floor: statistics.std.map { max(Double($0) * 1e-3, 1e-9) })
    }

    private func tell(_ found: GoalSensitivity, goal: Goal, _ configuration: PolicyConfiguration) {
        if json.isWanted {
            func node(_ chunk: [[Double]]) -> JSONNode {
                JSONNode(.array(chunk.map { JSONNode(.array($0.map { JSONNode(number: $0) })) }))
            }
            return print(
                JSONNode.object([
                    "goal": JSONNode(goal.name), "against_black": JSONNode(number: found.againstBlack),
                    "against_present": JSONNode(number: found.againstPresent), "verdict": JSONNode("\(found.verdict)"),
                    "scatter": JSONNode(.array(found.scatter.map { JSONNode(number: $0) })),
                    "samples": JSONNode(samples), "words": JSONNode(found.words),
                    // Mean chunks over the seeds, a row for each step.
                    "action_space": JSONNode(configuration.actionSpace.rawValue),
                    "step_s": JSONNode(number: configuration.rate.period.inSeconds),
                    "chunks": .object([
                        "goal": node(found.means.goal), "black": node(found.means.black),
                        "present": node(found.means.present),
                    ]),
                ]).text())
        }
        print(String(format: "goal against a black picture    %6.2f × the sampler's scatter", found.againstBlack))
        print(String(format: "goal against the present view   %6.2f × the sampler's scatter", found.againstPresent))
        print(found.words)
    }
}

extension PolicyObservation.View {
    /// The window's last picture.
    fileprivate var newest: RGBImage {
        let size = width * height * 3
        let last = withExtendedLifetime(pixels) { SharedBytes(copying: pixels.bytes.suffix(size)) }
        return RGBImage(width: width, height: height, pixels: last)
    }
}

private struct NothingToProbe: Error, CustomStringConvertible {
    let goal: String
    let takes: [String]

    var description: String {
        "probing the goal '\(goal)': it has no image of a camera that the checkpoint fuses goals of "
            + "[\(takes.joined(separator: ", "))], expected one. Name a goal that has: octo-goal probe NAME."
    }
}
