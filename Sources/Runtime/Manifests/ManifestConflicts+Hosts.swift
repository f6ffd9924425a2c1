import Files
import Glibc
import JSONTree

private typealias Name = ManifestName

/// Other machines, and who is let in.
extension ManifestCheck {
    private static let consent = Manifest.NetworkConsent.given.rawValue

    /// Reports ports that are open to more than somebody may have meant.
    mutating func checkBus(in tree: ManifestTree) {
        let insecure = [Name.Section.bus.rawValue, Name.insecure]
        let isInsecure = tree[.bus]?[Name.insecure]?.bool == true
        guard tree[Name.Bus.transport]?.string == Manifest.Bus.Transport.tcp.rawValue else {
            if isInsecure, tree[Name.Bus.transport] != nil {
                report(
                    insecure, in: tree, found: "true with transport \"ipc\"",
                    allowed: "false, or leave it out: sockets in the run folder are this user's alone, without keys")
            }
            return
        }
        guard let address = tree[Name.Bus.address]?.string else { return }
        if !Self.isAddress(address) || address == "0.0.0.0" {
            report(
                Name.Bus.address.path, in: tree, found: "\"\(address)\"",
                allowed: "one IPv4 address of this machine, such as 127.0.0.1: the processes reach each other there")
        } else if isInsecure, !Self.isLoopback(address), tree[.bus]?[Name.insecureNetwork] == nil {
            report(
                insecure, in: tree, found: "true at \(address), which others can reach",
                allowed: "false, with keys instead ('octo-bus keys'), or, beside it, \"\(Name.insecureNetwork)\": "
                    + "\"\(Self.consent)\"")
        }
    }

    /// Reports machines that cannot be reached or recognised, and a policy on one that nobody has named.
    mutating func checkHosts(in tree: ManifestTree) {
        let hosts = tree[.hosts]?.object ?? []
        for host in hosts { checkHost(host, in: tree) }
        for section in [Name.Section.policy, .goal, .record, .console] {
            checkHost(of: section, among: hosts, in: tree)
        }
    }

    /// Reports a machine that a section names and nobody has described.
    private mutating func checkHost(
        of section: Name.Section, among hosts: [JSONNode.Member], in tree: ManifestTree
    ) {
        guard let wanted = tree[section]?[Name.nodeHost]?.string, isSound(ManifestPath([Name.Section.hosts.rawValue])),
            !hosts.contains(where: { $0.key == wanted })
        else { return }
        let names = hosts.map(\.key).sorted()
        report(
            [section.rawValue, Name.nodeHost], in: tree, found: "\"\(wanted)\", which is not in hosts",
            allowed: names.isEmpty
                ? "a machine of the section \"hosts\": {\"\(wanted)\": {\"address\": …, \"key\": …}}"
                : "the machines of hosts: \(names.joined(separator: ", "))",
            suggestion: NearestName.of(wanted, among: names))
    }

    private mutating func checkHost(_ host: JSONNode.Member, in tree: ManifestTree) {
        let path = [Name.Section.hosts.rawValue, host.key]
        guard let address = host.value[Name.Host.address.rawValue]?.string else { return }
        if !Self.isAddress(address), !Self.isMachineName(address) || address == "0.0.0.0" {
            report(
                path + [Name.Host.address.rawValue], in: tree, found: "\"\(address)\"",
                allowed: "an IPv4 address, such as 192.168.1.20, or the machine's name in the network; its port is "
                    + "hosts.\(host.key).port")
            return
        }
        let isInsecure = host.value[Name.insecure]?.bool == true
        let hasKey = host.value[Name.Host.key.rawValue] != nil
        guard isSound(ManifestPath(path)) else { return }
        switch (hasKey, isInsecure) {
        case (true, false): break
        case (true, true):
            report(
                path + [Name.insecure], in: tree, found: "true beside a key",
                allowed: "one of the two: the key, or a link without any")
        case (false, false):
            report(
                path + [Name.Host.key.rawValue], in: tree, found: "nothing",
                allowed: "that machine's public key, as 'octo-bus keys show' prints it there; this key is required")
        case (false, true):
            guard !Self.isLoopback(address), host.value[Name.insecureNetwork] == nil else { break }
            report(
                path + [Name.insecure], in: tree, found: "true for \(address), which others can pretend to be",
                allowed: "false, with that machine's public key instead, or, beside it, \"\(Name.insecureNetwork)\": "
                    + "\"\(Self.consent)\"")
        }
    }

    private static func isAddress(_ text: String) -> Bool {
        var four = in_addr()
        return inet_pton(AF_INET, text, &four) == 1
    }

    private static func isLoopback(_ text: String) -> Bool { Manifest.Console.isLoopback(text) == true }

    /// Whether it can be a machine's name; not whether there is such a machine. RFC 1123, section 2.1: the last part
    /// has a letter, or it would be a wrong address.
    private static func isMachineName(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let signs = parts.allSatisfy { part in
            (1...63).contains(part.utf8.count) && part.first != "-" && part.last != "-"
                && part.utf8.allSatisfy { sign in
                    UInt8(ascii: "a")...UInt8(ascii: "z") ~= sign | 0x20
                        || UInt8(ascii: "0")...UInt8(ascii: "9") ~= sign
                        || sign == UInt8(ascii: "-")
                }
        }
        return signs && text.utf8.count <= 253 && parts.last?.contains(where: \.isLetter) == true
    }
}
