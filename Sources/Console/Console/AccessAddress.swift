import Glibc

/// An address of the internet protocol, of version 4 or 6, as numbers.
struct IPAddress: Equatable, Sendable {
    /// 4 or 16 bytes, as they are sent.
    let bytes: [UInt8]

    /// Reads "127.0.0.1", "::1", "::ffff:127.0.0.1", without brackets; nil for all else, names too. inet_pton(3).
    init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = withUnsafeBytes(of: &four) { Array($0) }
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            bytes = withUnsafeBytes(of: &six) { Array($0) }
        } else {
            return nil
        }
    }

    var isVersion6: Bool { bytes.count == 16 }

    /// Whether only this machine has it: 127.0.0.0/8, also as a mapped address (::ffff:127.0.0.1), and ::1.
    var isLoopback: Bool {
        guard isVersion6 else { return bytes.first == 127 }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127]
        return bytes.starts(with: mapped) || bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
    }
}

/// Whom a browser believes to talk to: what stands in `Host`, and behind the `//` of `Origin`. RFC 9110, section 7.2.
struct Authority: Equatable, Sendable {
    /// Name or address in small letters, without brackets.
    let name: String
    let port: Int
    /// The name as numbers, where it is an address.
    let address: IPAddress?

    /// Reads "robot:8080", "[::1]:8080", "127.0.0.1"; nil for all else. Without a port it is that of http, 80.
    init?(_ text: String) {
        let text = text.lowercased()
        let portText: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            name = String(text[text.index(after: text.startIndex)..<end])
            guard let address = IPAddress(name), address.isVersion6 else { return nil }
            self.address = address
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            portText = rest.isEmpty ? nil : rest.dropFirst()
        } else {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            name = parts.first.map(String.init) ?? ""
            portText = parts.count == 2 ? parts[1] : nil
            guard !name.isEmpty, name.utf8.count <= 253, name.utf8.allSatisfy(Self.isOfName) else { return nil }
            address = IPAddress(name)
        }
        guard let portText else {
            port = 80
            return
        }
        guard (1...5).contains(portText.utf8.count), portText.utf8.allSatisfy(Self.isDigit), let port = Int(portText),
            (1...65_535).contains(port)
        else { return nil }
        self.port = port
    }

    /// Reads what a browser says of where a request comes from: "http://robot:8080" or an address of a page there; nil
    /// for another scheme than http, and for "null", which frames without an origin say.
    init?(origin: String) {
        let scheme = "http://"
        guard origin.lowercased().hasPrefix(scheme) else { return nil }
        self.init(String(origin.dropFirst(scheme.count).prefix { $0 != "/" }))
    }

    /// Whether the name can only mean this machine, whatever a name server says.
    var isLoopback: Bool { name == "localhost" || address?.isLoopback == true }

    static func == (a: Authority, b: Authority) -> Bool { a.name == b.name && a.port == b.port }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    private static func isOfName(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }
}
