import JSONTree
import Messages
import Time

/// What one robot consists of and how it runs: the manifest, checked, with every default filled in and every path
/// absolute. `launch/schema.json` describes each key.
package struct Manifest: Equatable, Sendable {
    package var name: String
    package var bus: Bus
    /// Other machines, sorted by name; none where everything runs on this one.
    package var hosts: [Host]
    /// Sorted by name; at least one.
    package var cameras: [Camera]
    package var goal: Goal
    package var policy: Policy
    package var arm: Arm
    package var simulation: Simulation?
    package var record: Record
    package var teleop: Teleop
    /// The page in the browser; nil: there is none.
    package var console: Console?
    package var supervision: Supervision
    /// The JSON it was read from, after `--set`, with defaults and absolute paths: it gives the same manifest again.
    package var tree: JSONNode = nil

    package static let goalNode = "goal"
    package static let policyNode = "policy"
    package static let armNode = "arm"
    package static let simulationNode = "simulation"
    package static let recorderNode = "recorder"
    package static let consoleNode = "console"
    /// The value of `arm.port` that means the simulated servos.
    package static let simulatedPort = "simulation"

    /// The names of all processes: cameras, goal, policy, arm, and simulation, recorder and console if there are such.
    /// With transport `tcp` they take ports in this order.
    package var nodes: [String] {
        cameras.map(\.node) + [Self.goalNode, Self.policyNode, Self.armNode]
            + (simulation == nil ? [] : [Self.simulationNode]) + (record.isEnabled ? [Self.recorderNode] : [])
            + (console == nil ? [] : [Self.consoleNode])
    }

    /// Those of them that take commands from programs that come and go. With transport `tcp` their ports follow, in
    /// this order.
    package var commandedNodes: [String] {
        [Self.armNode, Self.goalNode] + (simulation == nil ? [] : [Self.simulationNode])
            + (record.isEnabled ? [Self.recorderNode] : [])
    }
}

extension Manifest {
    /// The whole file.
    static let form = ManifestForm.section(Manifest.init)

    private init(_ keys: inout ManifestKeys) {
        _ = keys.optional("$schema", .text, "Where editors find the schema of this file; it changes nothing.")
        name =
            keys.optional(
                ManifestName.Section.name.rawValue, .name(separator: "-"),
                "The robot's name; the run folder is called after it. Left out, it is the name of the file.") ?? ""
        bus = keys.section(ManifestName.Section.bus.rawValue, "How the processes reach each other.", Bus.init)
        hosts =
            keys.optional(
                ManifestName.Section.hosts.rawValue, .named(Host.form),
                "Other machines that can compute for this robot, by names that you choose; 'policy.host' takes one.")?
            .map(Host.init) ?? []
        let cameras = keys.required(
            ManifestName.Section.cameras.rawValue, .named(Camera.form),
            "One camera process each. The keys are the camera names of the checkpoint without 'image_': primary, wrist."
        ).map { Camera(name: $0.name, $0.value) }
        self.cameras = cameras
        goal = keys.required(ManifestName.Section.goal.rawValue, Goal.form(cameras), "What the robot shall reach.")
        policy = keys.required(
            ManifestName.Section.policy.rawValue, .section(Policy.init),
            "The process that turns images into chunks of actions.")
        arm = keys.required(ManifestName.Section.arm.rawValue, Arm.form, "The process that carries out the chunks.")
        simulation = keys.optional(
            ManifestName.Section.simulation.rawValue, .section(Simulation.init),
            "A world that stands in for cameras (source 'simulated') and servos (arm.port 'simulation').")
        record = keys.section(ManifestName.Section.record.rawValue, "What is kept of a run.", Record.init)
        teleop = keys.section("teleop", "What octo-teleop does.", Teleop.init)
        console = keys.optional(
            ManifestName.Section.console.rawValue, .section(Console.init),
            "A page in the browser beside the run: {} will do. octo-launch --console has it without this.")
        supervision = keys.section(
            ManifestName.Section.supervision.rawValue, "How octo-launch watches the processes.", Supervision.init)
    }

    /// Makes a manifest from its checked tree.
    /// - Parameters:
    ///   - tree: a tree that keeps the rules of `form`.
    ///   - fallbackName: name of the manifest where the tree says none.
    init(checked tree: JSONNode, fallbackName: String) {
        var tree = tree
        if tree[ManifestName.Section.name.rawValue] == nil {
            let name = JSONNode.Member(key: ManifestName.Section.name.rawValue, value: JSONNode(fallbackName))
            tree = JSONNode(.object([name] + (tree.object ?? [])))
        }
        self = ManifestKeys.read(tree, Manifest.init)
        self.tree = tree
    }
}
