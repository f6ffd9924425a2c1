import Glibc
import JSONTree
import Manifests

/// How `octo-policy serve` is called on a machine that computes for robots, and what its user has to know.
package struct ServePlan: Equatable, Sendable {
    /// What robots' manifests call this machine.
    package var name: String
    /// IPv4 address at which it listens.
    package var bind: String
    package var port: Int
    /// Absolute path of the folder that paths of robots' policies are seen from.
    package var folder: String
    /// Absolute path of the manifest whose policy alone is computed; nil: whatever robots ask for.
    package var manifestPath: String?
    /// Whether robots are let in without a key.
    package var isInsecure: Bool

    package static let usualName = "big"
    /// All addresses that the machine has.
    private static let everywhere = "0.0.0.0"

    /// Puts together what the command line and the manifest say.
    /// - Parameters:
    ///   - bind: address to listen at; nil: the manifest's, or loopback.
    ///   - port: port to listen at; nil: the manifest's, or the usual one.
    ///   - folder: absolute path.
    ///   - manifest: the manifest and its absolute path; nil: every robot has its own.
    ///   - host: name of this machine in the manifest; nil: the one that its policy is on.
    package init(
        bind: String?, port: Int?, folder: String, manifest: (path: String, content: Manifest)?, host: String?
    ) throws(ServePlanError) {
        self.folder = folder
        if let bind, !Self.isAddress(bind) { throw .noAddress(bind) }
        guard let manifest else {
            (name, manifestPath, isInsecure) = (host ?? Self.usualName, nil, false)
            self.bind = bind ?? Manifest.Console.loopback
            self.port = port ?? Manifest.Host.usualPort
            return
        }
        let (path, content) = manifest
        let names = content.hosts.map(\.name)
        guard let wanted = host ?? content.policy.host else { throw .noHost(manifest: path) }
        guard let machine = content.hosts.first(where: { $0.name == wanted }) else {
            throw .unknownHost(wanted, manifest: path, known: names)
        }
        guard content.policy.host == wanted else {
            throw .policyElsewhere(manifest: path, wanted: wanted, found: content.policy.host)
        }
        name = machine.name
        self.bind = bind ?? (Self.isAddress(machine.address) ? machine.address : Self.everywhere)
        self.port = port ?? machine.port
        manifestPath = path
        isInsecure = machine.isInsecure
        guard machine.mayListen(at: self.bind) else {
            throw .openToNetwork(bind: self.bind, host: machine.name, manifest: path)
        }
    }

    /// The command line of octo-policy.
    package func arguments(json: Bool) -> [String] {
        ["serve", "--bind", bind, "--port", "\(port)", "--folder", folder]
            + (manifestPath.map { ["--manifest", $0, "--host", name] } ?? []) + (json ? ["--json"] : [])
    }

    /// The command line of octo-bus, which runs nodes of robots at the port after this one.
    package var argumentsForNodes: [String] {
        ["host", "--bind", bind, "--port", "\(port + 1)", "--folder", folder] + (isInsecure ? ["--insecure"] : [])
    }

    /// Lines for whoever sets up a robot for this machine.
    /// - Parameters:
    ///   - key: this user's public key.
    ///   - hasRobots: whether a key of some robot is allowed.
    package func hints(key: String, hasRobots: Bool) -> [String] {
        let place = bind == Self.everywhere ? "ADDRESS" : bind
        let line =
            "in a robot's manifest: \"hosts\": {\"\(name)\": {\"address\": \"\(place)\", \"port\": \(port), \"key\": "
            + "\"\(key)\"}}, \"policy\": {\"host\": \"\(name)\", …}"
        let whose = place == bind ? "" : ", where ADDRESS is this machine's in the network"
        return [line + whose]
            + (hasRobots
                ? []
                : [
                    "no robot may come in yet but this user's own: octo-bus keys allow NAME 'KEY' --role robot, with "
                        + "the KEY that 'octo-bus keys show' prints on the robot"
                ])
    }

    private static func isAddress(_ text: String) -> Bool {
        var four = in_addr()
        return inet_pton(AF_INET, text, &four) == 1
    }
}

/// Why a machine cannot compute for robots as it was asked to.
package enum ServePlanError: Error, Equatable {
    case noAddress(String)
    case noHost(manifest: String)
    case unknownHost(String, manifest: String, known: [String])
    /// The manifest has its policy computed by another machine; nil: by the robot.
    case policyElsewhere(manifest: String, wanted: String, found: String?)
    case openToNetwork(bind: String, host: String, manifest: String)
}

extension ServePlanError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noAddress(let found):
            "reading --bind: found \"\(found)\", expected an IPv4 address of this machine, such as 127.0.0.1, or "
                + "0.0.0.0 for all it has."
        case .noHost(let manifest):
            "looking for this machine in \(manifest): found no policy.host, expected the name of one of its hosts. Add "
                + "\"hosts\": {\"big\": {\"address\": …, \"key\": …}} and \"policy\": {\"host\": \"big\"}, or leave "
                + "the manifest out: then every robot brings its own."
        case .unknownHost(let wanted, let manifest, let known):
            "looking for the machine '\(wanted)' in \(manifest): found "
                + (known.isEmpty ? "no hosts" : "the hosts \(known.joined(separator: ", "))") + ", expected that one."
                + (NearestName.of(wanted, among: known).map { " Did you mean --host \($0)?" }
                    ?? " Add it to hosts, or give another with --host.")
        case .policyElsewhere(let manifest, let wanted, let found):
            "looking for what '\(wanted)' computes in \(manifest): found "
                + (found.map { "its policy on '\($0)'" } ?? "its policy on the robot")
                + ", expected it on '\(wanted)'. Set policy.host to \"\(wanted)\""
                + (found.map { ", or give --host \($0)" } ?? "") + "."
        case .openToNetwork(let bind, let host, let manifest):
            "listening at \(bind) without keys (hosts.\(host).insecure in \(manifest)): found an address that "
                + "others can reach, expected 127.0.0.1. Give that machine's key instead, or write the sentence that "
                + "insecure_network asks for."
        }
    }
}
