/// What a browser asks for: the head and the body of one HTTP request.
package struct WebRequest: Equatable, Sendable {
    /// "GET", "POST" ...
    package var method: String
    /// Path as it was sent, percent-encoded, without the query: "/api/goals/red%20cup".
    package var path: String
    /// Members of the query, decoded; of a name that is there twice the last.
    package var query: [String: String]
    /// Fields of the head, by their names in lower case.
    package var headers: [String: String]
    package var body: [UInt8]
    /// Address of the other end of the connection, without its port: "127.0.0.1", "::1".
    package var peer: String

    package init(
        method: String = "GET", path: String, query: [String: String] = [:], headers: [String: String] = [:],
        body: [UInt8] = [], peer: String = "127.0.0.1"
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.peer = peer
    }

    /// The path's parts, decoded: ["api", "goals", "red cup"]; nil where one of them is no UTF-8, or is empty, ".",
    /// "..", or has a slash or a zero byte in it: nothing that is served is called so.
    package var parts: [String]? {
        var parts: [String] = []
        for part in path.split(separator: "/", omittingEmptySubsequences: true) {
            guard let decoded = Self.decoded(part), !decoded.isEmpty, decoded != ".", decoded != "..",
                !decoded.utf8.contains(UInt8(ascii: "/")), !decoded.utf8.contains(0)
            else { return nil }
            parts.append(decoded)
        }
        return parts
    }

    /// Undoes percent-encoding. RFC 3986, section 2.1.
    package static func decoded(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = Substring(text).utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// What the browser gets.
package struct WebResponse: Equatable, Sendable {
    /// Status code. RFC 9110, section 15.
    package var status: Int
    /// Fields of the head by name.
    package var headers: [String: String]
    package var body: [UInt8]

    package init(status: Int = 200, headers: [String: String] = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}
