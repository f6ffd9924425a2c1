import JSONTree
import Keys

extension Manifest {
    /// What somebody has to write beside `insecure` where a whole network could come in.
    package enum NetworkConsent: String, CaseIterable, Sendable {
        case given = "I understand that anybody on it can move the arm"
    }

    /// Another machine, which can compute for this robot.
    package struct Host: Equatable, Sendable {
        /// How the other machine is recognised.
        package enum Key: Equatable, Sendable {
            /// It is this very machine and user: its key is the user's own.
            case own
            case known(PublicKey)
        }
        /// The machine's name in the manifest.
        package var name: String
        /// IPv4 address, or a name that the system resolves.
        package var address: String
        package var port: Int
        /// Nil: nobody is recognised, and nothing is encrypted.
        package var key: Key?
        /// Whether somebody has written that a link without keys may reach a network.
        package var hasConsent: Bool

        package init(
            name: String, address: String, port: Int = Host.usualPort, key: Key?, hasConsent: Bool = false
        ) {
            self.name = name
            self.address = address
            self.port = port
            self.key = key
            self.hasConsent = hasConsent
        }
    }
}

extension Manifest.Host {
    /// The port at which a machine answers robots when nobody says another.
    package static let usualPort = 7400
    /// What stands in `key` for the user's own one.
    static let ownKey = "own"

    /// Whether whoever answers at the address is believed.
    package var isInsecure: Bool { key == nil }

    /// The key by which a robot recognises the machine; nil: by none.
    /// - Parameter own: the robot's own.
    package func publicKey(own: PublicKey) -> PublicKey? {
        switch key {
        case nil: nil
        case .own: own
        case .known(let key): key
        }
    }

    /// Whether the machine may listen at an address: without keys only where others cannot reach it, or as somebody has
    /// written.
    package func mayListen(at bind: String) -> Bool {
        !isInsecure || hasConsent || Manifest.Console.isLoopback(bind) == true
    }

    /// Where it runs nodes of robots: the port after the one where it computes.
    package var forNodes: Manifest.Host {
        var host = self
        host.port += 1
        return host
    }

    /// The ZeroMQ endpoint at which the robot finds the machine.
    package var endpoint: String { "tcp://\(address):\(port)" }

    static let form = ManifestForm<Self>.section(Self.init)

    private init(_ keys: inout ManifestKeys) {
        name = ""
        address = keys.required(
            ManifestName.Host.address.rawValue, .text, "Its address or name in the network: 192.168.1.20.")
        port = keys.value(
            ManifestName.Host.port.rawValue, .integer(1...65534), default: Self.usualPort,
            "The port at which 'octo-launch serve' answers there.")
        key = keys.optional(
            ManifestName.Host.key.rawValue, .hostKey,
            "The public key of that machine, as 'octo-bus keys show' prints it there: only who has the secret one "
                + "beside it is believed. 'own' is this user's own key, for trying on one machine.")
        _ = keys.value(
            ManifestName.insecure, .boolean, default: false,
            "Whether the link goes without keys, and unencrypted: for this machine's own addresses.")
        hasConsent = Manifest.NetworkConsent.asked(&keys) != nil
    }

    init(_ named: ManifestNamed<Self>) {
        self = named.value
        name = named.name
    }
}

extension Manifest.Host: CustomStringConvertible {
    /// The name with the place, for people: `big (192.168.1.20:7400)`.
    package var description: String { "\(name) (\(address):\(port))" }
}

extension Manifest.NetworkConsent {
    /// The key that stands beside `insecure` where it reaches a network.
    static func asked(_ keys: inout ManifestKeys) -> Self? {
        keys.optional(
            ManifestName.insecureNetwork, .choice,
            "This sentence, word for word, beside 'insecure' on an address that others can reach.")
    }
}

extension ManifestForm where Value == Manifest.Host.Key {
    /// The public key of a machine, or the word for the user's own.
    static var hostKey: Self {
        Self(
            rule: .publicKey, sample: .own,
            read: { node in
                guard let text = node.string else { return nil }
                return text == Manifest.Host.ownKey ? .own : PublicKey(z85: text).map { .known($0) }
            },
            write: { key in
                switch key {
                case .own: JSONNode(Manifest.Host.ownKey)
                case .known(let key): JSONNode(key.description)
                }
            })
    }
}

extension Manifest {
    /// The machine that computes the policy; nil: this one.
    package var policyHost: Host? { policy.host.flatMap { name in hosts.first { $0.name == name } } }

    /// What `host` means in a section whose node can run elsewhere.
    static let meaningOfNodeHost =
        "The machine of 'hosts' on which this node runs, with 'octo-launch serve --nodes' there, at the port after the "
        + "host's. Left out, it is this one. What the node leaves is then on that machine."

    /// The machine that a node of this robot's runs on, where it is another one.
    package func host(ofNode node: String) -> Host? {
        let name: String? =
            switch node {
            case Self.goalNode: goal.host
            case Self.recorderNode: record.host
            case Self.consoleNode: console?.host
            default: nil
            }
        return name.flatMap { name in hosts.first { $0.name == name } }
    }

    /// Whether a process of this robot needs the user's own key.
    package var needsOwnKey: Bool {
        ([policyHost] + nodes.map(host(ofNode:))).contains { $0.map { !$0.isInsecure } ?? false }
            || (bus.transport == .tcp && !bus.isInsecure)
    }
}
