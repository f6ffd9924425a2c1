import Glibc
import JSONTree
import Manifests
import Recording

/// The run folder in which an episode is played: one of its own, or that of a run that is alive.
final class ReplayRun {
    let description: RunDescription
    /// Folder of the run; nil in somebody else's run.
    private let folder: RunFolder?
    let isOwn: Bool

    /// Joins the run at `path` if its launcher is alive, or else makes a run folder to play an episode in.
    /// - Parameters:
    ///   - path: path of the run folder; nil makes one beside those of octo-launch.
    ///   - publishers: names of the nodes that published in the episode; each has an endpoint in a run of its own.
    init(
        at path: String?, playing file: EpisodeFile, publishers: Set<String>, manifestPath: String?,
        environment: [String: String]
    ) throws {
        if let path, RunFolder.isLive(path) {
            description = try RunDescription.load(folder: path)
            folder = nil
            isOwn = false
            return
        }
        let manifest = try Self.manifest(of: file, path: manifestPath)
        let claimed = try RunFolder.claim(path ?? RunFolder.base(environment) + "/replay")
        var generator = SystemRandomNumberGenerator()
        var run = try RunDescription.beginning(
            manifest, manifestPath: manifestPath ?? file.path, folder: claimed.path, using: &generator)
        for publisher in publishers where run.endpoints[publisher] == nil && Self.isFileName(publisher) {
            let socket = "\(claimed.path)/\(publisher).ipc"
            guard socket.utf8.count <= RunDescription.maximumSocketPath else { continue }
            run.endpoints[publisher] = "ipc://" + socket
        }
        try claimed.publish(run)
        description = run
        folder = consume claimed
        isOwn = true
    }

    /// Ends the run: nobody shall take the folder for a live one any more.
    func end() { folder?.removeRemains() }

    /// The node's name is part of a path.
    private static func isFileName(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".")
            && name.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "/") && $0 != 0x7F }
    }

    /// Reads the manifest that the episode was recorded with, over sockets of this machine.
    private static func manifest(of file: EpisodeFile, path: String?) throws -> Manifest {
        let local = try ManifestOverride(parsing: "bus.transport=ipc")
        if let path { return try Manifest.load(path, overrides: [local], asksForFiles: false) }
        guard let text = try file.attachment(named: "manifest.json") else {
            throw ReplayRunError.noManifest(path: file.path)
        }
        return try Manifest(
            parsing: text, path: "\(file.path), attachment manifest.json", folder: "/", overrides: [local],
            workingFolder: "/",
            files: nil)
    }
}

enum ReplayRunError: Error, CustomStringConvertible {
    case noManifest(path: String)
    case nothingSelected(path: String, publishers: [String])
    case served(node: String, folder: String)
    case noPlace(folder: String, nodes: [String], known: [String])

    var description: String {
        switch self {
        case .noManifest(let path):
            "making a run of \(path): no manifest is attached to it, and one is needed for other nodes. Give the "
                + "robot's with --manifest FILE, or the folder of a live run with --run."
        case .nothingSelected(let path, let publishers):
            "playing \(path): no message is left after --topics, --without, --source and --live, expected some. Its "
                + "nodes: \(publishers.joined(separator: ", ")); its topics: octo-replay info \(path)."
        case .noPlace(let folder, let nodes, let known):
            "playing in \(folder): the run has places for \(known.joined(separator: ", ")), expected one of "
                + "\(nodes.joined(separator: ", ")). Leave --run out for a run of its own."
        case .served(let node, let folder):
            "playing the messages of '\(node)' in \(folder): the node itself is alive there, expected it absent. "
                + "Leave its messages out with --live \(node), or leave --run out for a run of its own."
        }
    }
}
