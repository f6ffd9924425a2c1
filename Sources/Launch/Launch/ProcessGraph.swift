import Manifests

/// The processes of a robot and the topics between them, as a Mermaid flowchart.
package struct ProcessGraph {
    /// A topic from one process to another.
    package struct Edge: Equatable, Sendable {
        package var from: String
        package var topic: String
        package var to: String
    }
    /// Names of the processes with their programs, in the order of the manifest's nodes.
    package let processes: [(node: String, program: String)]
    package let edges: [Edge]
    /// Name of the machine that computes the policy; nil: this one.
    private let host: String?

    package init(_ manifest: Manifest) {
        processes = manifest.nodes.map { ($0, NodeProgram.of($0, in: manifest).name) }
        edges =
            manifest.cameras.map { Edge(from: $0.node, topic: "camera/\($0.name)/image", to: Manifest.policyNode) }
            + [
                Edge(from: Manifest.goalNode, topic: "goal/current", to: Manifest.policyNode),
                Edge(from: Manifest.policyNode, topic: "policy/chunk", to: Manifest.armNode),
            ]
            + (manifest.policy.proprio == nil
                ? [] : [Edge(from: Manifest.armNode, topic: "arm/state", to: Manifest.policyNode)])
            + Self.simulated(manifest)
        host = manifest.policyHost?.name
    }

    /// Edges that do not go over the bus: pictures and servo packets of the simulated world.
    private static func simulated(_ manifest: Manifest) -> [Edge] {
        guard manifest.simulation != nil else { return [] }
        var edges = manifest.cameras.compactMap { camera -> Edge? in
            guard case .simulated = camera.source else { return nil }
            return Edge(from: Manifest.simulationNode, topic: "pictures", to: camera.node)
        }
        if case .dynamixel(let line, _) = manifest.arm.driver, line.port == Manifest.simulatedPort {
            edges.append(Edge(from: Manifest.armNode, topic: "servo packets", to: Manifest.simulationNode))
        }
        return edges
    }

    /// The graph in Mermaid, for any Markdown page that draws it.
    package var mermaid: String {
        let watched = "launch"
        let boxes = processes.map { "  \(Self.id($0.node))[\"\($0.node)<br/>\($0.program)\"]" }
        let arrows = edges.map { "  \(Self.id($0.from)) -- \"\($0.topic)\" --> \(Self.id($0.to))" }
        let statuses = processes.map { "  \(Self.id($0.node)) -. \"node/\($0.node)/status\" .-> \(watched)" }
        let records =
            processes.contains { $0.node == Manifest.recorderNode }
            ? processes.filter { $0.node != Manifest.recorderNode }.map {
                "  \(Self.id($0.node)) -. \"every topic\" .-> \(Self.id(Manifest.recorderNode))"
            } : []
        let reports = [
            "  \(Self.id(Manifest.armNode)) -. \"arm/chunk, arm/loop\" .-> \(watched)",
            "  \(Self.id(Manifest.policyNode)) -. \"policy/chunk\" .-> \(watched)",
        ]
        let views =
            processes.contains { $0.node == Manifest.consoleNode }
            ? processes.filter { $0.node != Manifest.consoleNode }.map {
                "  \(Self.id($0.node)) -. \"every topic\" .-> \(Self.id(Manifest.consoleNode))"
            } : []
        let elsewhere =
            host.map { name in
                [
                    "  elsewhere_\(name)[[\"\(name)<br/>octo-policy\"]]",
                    "  \(Self.id(Manifest.policyNode)) -- \"pictures\" --> elsewhere_\(name)",
                    "  elsewhere_\(name) -- \"actions\" --> \(Self.id(Manifest.policyNode))",
                ]
            } ?? []
        return
            (["flowchart LR"] + boxes + ["  \(watched)([\"octo-launch\"])"] + arrows + statuses + reports + records
            + views + elsewhere)
            .joined(separator: "\n")
    }

    /// Name of a node without hyphens, which Mermaid reads before some letters as the start of an arrow.
    private static func id(_ node: String) -> String { "node_" + node.map { $0 == "-" ? "_" : String($0) }.joined() }
}

/// The program that is a node, and how it is called.
package struct NodeProgram: Equatable, Sendable {
    package var name: String
    /// Arguments before `--run` and `--node`.
    package var subcommand: [String]

    /// The program that the robot starts for a node: the node's, or what stands for it where it is on another machine.
    package static func of(_ node: String, in manifest: Manifest) -> NodeProgram {
        manifest.host(ofNode: node) == nil ? of(node) : NodeProgram(name: "octo-bus", subcommand: ["away"])
    }

    package static func of(_ node: String) -> NodeProgram {
        switch node {
        case Manifest.goalNode: NodeProgram(name: "octo-goal", subcommand: ["run"])
        case Manifest.policyNode: NodeProgram(name: "octo-policy", subcommand: ["run"])
        case Manifest.armNode: NodeProgram(name: "octo-arm", subcommand: ["run"])
        case Manifest.simulationNode: NodeProgram(name: "octo-sim", subcommand: ["run"])
        case Manifest.recorderNode: NodeProgram(name: "octo-record", subcommand: ["run"])
        case Manifest.consoleNode: NodeProgram(name: "octo-console", subcommand: ["run"])
        default: NodeProgram(name: "octo-camera", subcommand: [])
        }
    }

    /// The command line with which octo-launch starts the node.
    package func arguments(node: String, runFolder: String) -> [String] {
        subcommand + ["--run", runFolder, "--node", node]
    }

    /// The environment of a node's process.
    ///
    /// OpenBLAS chooses its kernels by OPENBLAS_CORETYPE when it is loaded; a core type pinned for another purpose can
    /// halve its speed, so the policy does not inherit it unless the manifest says so.
    package static func environment(
        of node: String, in manifest: Manifest, from inherited: [String: String]
    ) -> [String: String] {
        guard node == Manifest.policyNode, !manifest.policy.keepsBLASCore else { return inherited }
        return withoutBLASCore(inherited)
    }

    /// The environment of a process that computes policies of which nobody says that they keep the core type.
    package static func withoutBLASCore(_ inherited: [String: String]) -> [String: String] {
        inherited.filter { $0.key != "OPENBLAS_CORETYPE" && $0.key != "OPENBLAS_L2_SIZE" }
    }
}
