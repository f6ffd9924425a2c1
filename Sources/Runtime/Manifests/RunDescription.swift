import Files
import Glibc
import JSONTree
import Messages
import Time

/// All that a process must know of the run it belongs to; the launcher writes it to `run.json` in the run folder.
package struct RunDescription: Equatable, Sendable {
    package static let fileName = "run.json"
    /// The most a unix socket's path can have: sun_path without its closing zero. unix(7).
    package static let maximumSocketPath = 107

    /// Version of the launcher that began the run.
    package var version = OctoRuntime.version
    /// Absolute path of the run's folder.
    package var folder: String
    /// Random, 16 hexadecimal digits: messages of an earlier run in the same folder can be told apart.
    package var runID: String
    package var launcherPID: Int32
    /// Wall time for people, ISO 8601, UTC.
    package var started: String
    /// The ZeroMQ endpoint that each process binds, by the process's name.
    package var endpoints: [String: String]
    /// The endpoint to which programs that come and go send commands, by the name of the process that takes them.
    package var commandEndpoints: [String: String]
    /// Absolute path of the manifest.
    package var manifestPath: String
    package var manifest: Manifest

    /// Describes a run that begins now.
    /// - Throws: `.pathTooLong` when a socket's path would not fit.
    package static func beginning(
        _ manifest: Manifest, manifestPath: String, folder: String, using generator: inout some RandomNumberGenerator
    ) throws(RunFolderError) -> RunDescription {
        let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)
        func endpoint(_ name: String, _ index: Int) throws(RunFolderError) -> String {
            switch manifest.bus.transport {
            case .ipc:
                let path = "\(folder)/\(name).ipc"
                guard path.utf8.count <= maximumSocketPath else {
                    throw .pathTooLong(path: path, bytes: path.utf8.count, maximum: maximumSocketPath)
                }
                return "ipc://\(path)"
            case .tcp: return "tcp://\(manifest.bus.address):\(manifest.bus.basePort + index)"
            }
        }
        var endpoints: [String: String] = [:]
        for (index, node) in manifest.nodes.enumerated() { endpoints[node] = try endpoint(node, index) }
        var commands: [String: String] = [:]
        for (index, node) in manifest.commandedNodes.enumerated() {
            commands[node] = try endpoint("\(node).commands", manifest.nodes.count + index)
        }
        return RunDescription(
            folder: folder, runID: String(repeating: "0", count: 16 - digits.count) + digits, launcherPID: getpid(),
            started: WallTime.now().description, endpoints: endpoints, commandEndpoints: commands,
            manifestPath: FileSystem.absolute(manifestPath, from: FileSystem.workingFolder), manifest: manifest)
    }

    /// The terminal at which the servos of the simulated world answer.
    package var simulatedServos: String { folder + "/servos" }
    /// The socket at which the cameras of the simulated world are.
    package var simulatedCameras: String { folder + "/cameras.sock" }

    /// The endpoint that `node` binds.
    package func endpoint(of node: String) throws(RunFolderError) -> String {
        guard let endpoint = endpoints[node] else {
            throw .unknownNode(path: folder, node: node, known: manifest.nodes)
        }
        return endpoint
    }
}

extension RunDescription {
    package var json: JSONNode {
        .object([
            "version": JSONNode(version),
            "run_id": JSONNode(runID),
            "launcher_pid": JSONNode(Int(launcherPID)),
            "started": JSONNode(started),
            "endpoints": JSONNode(
                .object(endpoints.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: JSONNode($0.value)) })),
            "command_endpoints": JSONNode(
                .object(
                    commandEndpoints.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: JSONNode($0.value)) })),
            "manifest_path": JSONNode(manifestPath),
            "manifest": manifest.tree,
        ])
    }

    /// What `octo-launch` wrote for the run in `folder`.
    /// - Throws: `.noRun` when there is none, `.damaged` when the file is of another making.
    package static func load(folder: String) throws(RunFolderError) -> RunDescription {
        let folder = FileSystem.absolute(folder, from: FileSystem.workingFolder)
        let path = folder + "/" + fileName
        let text: [UInt8]
        do throws(FileError) {
            text = try FileSystem.read(path)
        } catch .missing {
            throw .noRun(path: path)
        } catch {
            throw .failed(doing: "reading", path: path, reason: error.found)
        }
        return try RunDescription(parsing: text, path: path, folder: folder)
    }

    init(parsing text: [UInt8], path: String, folder: String) throws(RunFolderError) {
        let root: JSONNode
        do throws(JSONSyntaxError) {
            root = try JSONNode(parsing: text)
        } catch {
            throw .damaged(path: path, problem: error.description)
        }
        guard let version = root["version"]?.string, let runID = root["run_id"]?.string,
            let pid = root["launcher_pid"]?.int.flatMap({ Int32(exactly: $0) }),
            let started = root["started"]?.string, let members = root["endpoints"]?.object,
            let listeners = root["command_endpoints"]?.object,
            let manifestPath = root["manifest_path"]?.string, let tree = root["manifest"]
        else { throw .damaged(path: path, problem: "a key is missing or of another type") }
        var endpoints: [String: String] = [:]
        for member in members { endpoints[member.key] = member.value.string }
        var commandEndpoints: [String: String] = [:]
        for member in listeners { commandEndpoints[member.key] = member.value.string }
        let manifest: Manifest
        do throws(ManifestError) {
            manifest = try Manifest(
                parsing: tree.text().utf8, path: manifestPath, folder: FileSystem.folder(of: manifestPath),
                workingFolder: "/", files: nil)
        } catch {
            throw .damaged(path: path, problem: error.description)
        }
        guard manifest.nodes.allSatisfy({ endpoints[$0] != nil }) else {
            throw .damaged(path: path, problem: "a process has no endpoint")
        }
        self.init(
            version: version, folder: folder, runID: runID, launcherPID: pid, started: started, endpoints: endpoints,
            commandEndpoints: commandEndpoints, manifestPath: manifestPath, manifest: manifest)
    }
}
