import CZeroMQ

/// What a machine or a user is known by to others: a CURVE public key, 32 bytes. zmq_curve(7).
package struct PublicKey: Hashable, Sendable, CustomStringConvertible {
    package static let byteCount = 32
    /// Characters of a key in Z85. ZeroMQ RFC 32.
    package static let textLength = 40

    package let bytes: [UInt8]

    /// Takes a key's bytes; nil unless there are 32.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// Reads a key that was written in Z85; nil unless it is 40 characters of that alphabet.
    package init?(z85 text: String) {
        guard let bytes = Z85.bytes(text, count: Self.byteCount) else { return nil }
        self.bytes = bytes
    }

    /// The key in Z85, 40 characters.
    package var description: String { Z85.text(bytes) }
}

/// A key of one's own: the public half, which others may know, and the secret one.
package struct KeyPair: Sendable {
    package let publicKey: PublicKey
    /// 32 bytes.
    package let secret: [UInt8]

    /// Makes a new one. zmq_curve_keypair(3).
    /// - Throws: `KeyError.notMade` where libzmq was built without CURVE, which Debian's is not.
    package static func make() throws(KeyError) -> KeyPair {
        var texts = (
            [CChar](repeating: 0, count: PublicKey.textLength + 1),
            [CChar](repeating: 0, count: PublicKey.textLength + 1)
        )
        guard zmq_curve_keypair(&texts.0, &texts.1) == 0, let pair = KeyPair(secretZ85: Z85.string(texts.1)) else {
            throw .notMade(reason: String(cString: zmq_strerror(zmq_errno())))
        }
        return pair
    }

    /// Reads a secret key in Z85, and has the public one of it; nil where it is none. zmq_curve_public(3).
    package init?(secretZ85 text: String) {
        guard let secret = Z85.bytes(text, count: PublicKey.byteCount) else { return nil }
        var found = [CChar](repeating: 0, count: PublicKey.textLength + 1)
        guard zmq_curve_public(&found, text) == 0, let key = PublicKey(z85: Z85.string(found)) else { return nil }
        publicKey = key
        self.secret = secret
    }

    /// The secret key in Z85.
    var secretText: String { Z85.text(secret) }
}

/// Keys as text. ZeroMQ RFC 32; zmq_z85_encode(3).
private enum Z85 {
    static func text(_ bytes: [UInt8]) -> String {
        var text = [CChar](repeating: 0, count: bytes.count * 5 / 4 + 1)
        guard zmq_z85_encode(&text, bytes, bytes.count) != nil else { return "" }
        return string(text)
    }

    /// The bytes of a text of exactly `count`; nil where it is none.
    static func bytes(_ text: String, count: Int) -> [UInt8]? {
        // Characters beyond the alphabet are looked up outside of libzmq's table in some versions: not given to it.
        let alphabet = ".-:+=^!/*?&<>()[]{}@%$#"
        guard text.utf8.count == count * 5 / 4,
            text.unicodeScalars.allSatisfy({
                $0.isASCII
                    && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || alphabet.unicodeScalars.contains($0))
            })
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        return zmq_z85_decode(&bytes, text) == nil ? nil : bytes
    }

    static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
