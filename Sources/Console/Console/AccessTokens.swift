import Crypto

/// The two secrets that open the console, one for each role.
package struct AccessTokens: Sendable {
    /// Most bytes of a token that are looked at; ours have 32.
    package static let longest = 256
    /// Fewest characters of a token: 22 of base64url hold 128 bits, which nobody finds by trying.
    package static let shortest = 22
    /// The characters of a token: base64url. RFC 4648, section 5. None of them needs quoting in a cookie or a form.
    package static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    package let operate: String
    package let view: String
    private let operateDigest: SHA256Digest
    private let viewDigest: SHA256Digest

    /// - Parameters:
    ///   - operate: the token of those who may do everything.
    ///   - view: the token of those who look on; another one than `operate`.
    package init(operate: String, view: String) {
        (self.operate, self.view) = (operate, view)
        (operateDigest, viewDigest) = (Self.digest(operate), Self.digest(view))
    }

    /// Makes two new tokens of 192 bits each.
    /// - Parameter chance: a generator that nobody can predict: the system's.
    package static func make(using chance: inout some RandomNumberGenerator) -> AccessTokens {
        AccessTokens(operate: token(using: &chance), view: token(using: &chance))
    }

    /// 32 characters, 6 bits of chance in each.
    private static func token(using chance: inout some RandomNumberGenerator) -> String {
        let characters = (0..<32).map { _ in alphabet[Int(chance.next(upperBound: UInt(alphabet.count)))] }
        return String(decoding: characters, as: UTF8.self)
    }

    /// The role that a token gives, or nil.
    ///
    /// Digests are compared, always both and each in constant time: how long it takes says nothing about how much of a
    /// guess was right.
    package func role(of token: String) -> Role? {
        guard token.utf8.count <= Self.longest else { return nil }
        let digest = Self.digest(token)
        let mayOperate = digest == operateDigest
        let mayView = digest == viewDigest
        return mayOperate ? .operate : mayView ? .view : nil
    }

    private static func digest(_ token: String) -> SHA256Digest {
        var state = SHA256()
        var token = token
        token.withUTF8 { state.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        return state.finalize()
    }
}

/// No log and no error shows the secrets.
extension AccessTokens: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "two tokens" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
