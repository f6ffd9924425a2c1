import JSONTree

/// A robot's run as a node of its on another machine finds it in a folder there: the node's own endpoints, and one for
/// all others, behind which the relay is.
package struct MirroredRun: Sendable {
    /// Why a robot's run cannot be had here.
    package struct Refusal: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    /// Nodes that may be elsewhere: nothing of theirs is bound to the robot's machine.
    package static let possibleNodes = ["goal", "recorder", "console"]

    package let node: String
    package let runID: String
    /// Folder of its files here.
    package let folder: String
    /// run.json as the node reads it.
    package let description: JSONNode

    private var ownEndpoint: String { "ipc://\(folder)/node.ipc" }
    private var ownCommands: String { "ipc://\(folder)/node.commands" }
    private var robotEndpoint: String { "ipc://\(folder)/robot.ipc" }
    private var robotCommands: String { "ipc://\(folder)/robot.commands" }

    /// Where the relay is on the bus here: it publishes what the robot's nodes say, and hears the node.
    package var place: RelayPlace {
        RelayPlace(
            publishes: robotEndpoint, commandsAt: robotCommands, peers: [ownEndpoint], listeners: [ownCommands])
    }

    /// Makes a robot's run into one of here.
    /// - Parameters:
    ///   - question: what the robot asked, as `AwayNode.question` makes it.
    ///   - base: folder for run folders, absolute.
    ///   - home: folder below which the node finds and leaves its files, absolute: each of the robot's folders is one
    ///     of its own name there.
    ///   - process: the process that starts the node.
    /// - Throws: `Refusal` where it is no run, or the node may not be elsewhere.
    package init(_ question: JSONNode, base: String, home: String, process: Int32) throws(Refusal) {
        guard let node = question["node"]?.string, let run = question["run"], let id = run["run_id"]?.string,
            id.count == 16, id.allSatisfy({ $0.isASCII && $0.isHexDigit }), let endpoints = run["endpoints"]?.object,
            let commands = run["command_endpoints"]?.object, let manifest = run["manifest"], manifest.object != nil
        else {
            throw Refusal(description: "what it asked is no run of a robot")
        }
        guard Self.possibleNodes.contains(node), endpoints.contains(where: { $0.key == node }) else {
            throw Refusal(
                description: "its node '\(node)' cannot run elsewhere; expected one of "
                    + Self.possibleNodes.joined(separator: ", "))
        }
        self.node = node
        runID = id
        folder = "\(base)/away-\(id)-\(node)"
        let folder = self.folder
        func endpointList(_ names: [JSONNode.Member], _ own: String, _ others: String) -> JSONNode {
            JSONNode(
                .object(
                    names.map { member in
                        .init(
                            key: member.key,
                            value: JSONNode("ipc://\(folder)/" + (member.key == node ? own : others)))
                    }))
        }
        var moved = manifest
        for (section, key) in [("record", "folder"), ("goal", "library")] {
            guard let found = manifest[section]?[key]?.string, let members = moved[section] else { continue }
            let name = found.split(separator: "/").last.map(String.init) ?? section
            guard name != "..", name != "." else {
                throw Refusal(description: "\(section).\(key) is '\(found)'; expected a folder with a name")
            }
            moved = moved.with(section, members.with(key, JSONNode("\(home)/\(name)")))
        }
        description =
            run
            .with("launcher_pid", JSONNode(Int(process)))
            .with("endpoints", endpointList(endpoints, "node.ipc", "robot.ipc"))
            .with("command_endpoints", endpointList(commands, "node.commands", "robot.commands"))
            .with("manifest_path", JSONNode("\(home)/robot.json"))
            .with("manifest", moved)
    }
}

/// Where a relay is on its side's bus.
package struct RelayPlace: Sendable, Equatable {
    /// Endpoint at which it publishes.
    package var publishes: String
    /// Endpoint at which it takes commands for the other side; nil: none come.
    package var commandsAt: String?
    /// Endpoints at which those publish that the other side listens to.
    package var peers: [String]
    /// Endpoints of those who take commands.
    package var listeners: [String]

    package init(publishes: String, commandsAt: String?, peers: [String], listeners: [String]) {
        self.publishes = publishes
        self.commandsAt = commandsAt
        self.peers = peers
        self.listeners = listeners
    }
}
