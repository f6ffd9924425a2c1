import Keys
import Time

/// Who may come in where a node listens at a port. Sockets in a folder are guarded by the folder.
package enum BusSecurity: Sendable {
    /// Keys of the user's folder: own key and allow-list.
    case userKeys
    /// Keys of this folder.
    case keys(KeyFolder)
    /// Whoever reaches the port.
    case insecure

    /// The folder with the keys; nil: none are asked for.
    func folder() throws(KeyError) -> KeyFolder? {
        switch self {
        case .insecure: return nil
        case .keys(let folder): return folder
        case .userKeys: return try KeyFolder.ofUser()
        }
    }
}

/// Judges keys at a port, by the allow-list as it stands: whoever changes the file is obeyed within half a second.
package struct KeyGate {
    /// How a message is marked that came in with the user's own key. No name on the list is like it.
    package static let ownName = "*"
    private static let period = Duration.milliseconds(500)

    package let own: KeyPair
    /// Roles of those who may come in.
    private let roles: Set<KeyRole>
    private let folder: KeyFolder
    private var list: AllowList
    private var stamp: KeyFolder.Stamp?
    private var nextLook = MonotonicTime.zero
    /// Somebody may do less than before, and nobody was told yet.
    private var isStricter = false

    /// - Parameter roles: of those who may come in besides the user.
    package init(_ folder: KeyFolder, admitting roles: Set<KeyRole>) throws(KeyError) {
        self.roles = roles
        self.folder = folder
        own = try folder.own()
        stamp = folder.allowedStamp()
        list = try folder.allowed()
    }

    /// Makes one where it is needed; nil: no endpoint is a port, or everybody may come.
    init?(
        _ security: BusSecurity, for endpoints: [String], admitting roles: Set<KeyRole>
    ) throws(BusError) {
        guard endpoints.contains(where: { $0.hasPrefix("tcp://") }) else { return nil }
        do throws(KeyError) {
            guard let folder = try security.folder() else { return nil }
            try self.init(folder, admitting: roles)
        } catch {
            throw .unsecured(error)
        }
    }

    /// The identity under which a key may come in, its name and itself; nil: it may not.
    package func admits(_ key: PublicKey) -> String? {
        if key == own.publicKey { return Self.ownName }
        guard let entry = list.entry(of: key), roles.contains(entry.role) else { return nil }
        return Self.identity(of: entry)
    }

    /// The same, after a look at the file: who was taken off the list a moment ago does not come in, and who was let in
    /// is not refused (a client of libzmq that is refused gives up).
    package mutating func admitsNow(_ key: PublicKey) -> String? {
        isStricter = reload() || isStricter
        return admits(key)
    }

    /// A name alone could be another key's a moment later.
    private static func identity(of entry: AllowedKey) -> String { "\(entry.name) \(entry.key)" }

    /// The name in an identity, for people.
    package static func name(in identity: String) -> String { String(identity.prefix { $0 != " " }) }

    /// Whether who came in under this identity still may.
    package func admits(identity: String) -> Bool {
        identity == Self.ownName
            || list.entries.contains { Self.identity(of: $0) == identity && roles.contains($0.role) }
    }

    /// Whether who came in under this identity may say something on this topic.
    func allows(_ identity: String, toPublish topic: UnsafeRawBufferPointer) -> Bool {
        if identity == Self.ownName { return true }
        guard list.entries.contains(where: { Self.identity(of: $0) == identity && $0.role == .operate }) else {
            return false
        }
        return OperatorTopics.contains(topic)
    }

    /// Looks at the file again, if it is time.
    /// - Returns: whether somebody may do less than before, so that open connections have to be judged again. A file
    ///   that cannot be read lets nobody in.
    package mutating func look(at now: MonotonicTime) -> Bool {
        guard now >= nextLook else { return false }
        nextLook = now + Self.period
        defer { isStricter = false }
        return reload() || isStricter
    }

    /// Reads the file, if it is another one.
    /// - Returns: whether somebody may do less than before.
    private mutating func reload() -> Bool {
        let found = folder.allowedStamp()
        guard found != stamp else { return false }
        stamp = found
        let before = list
        do throws(KeyError) {
            list = try folder.allowed()
        } catch {
            list = AllowList()
        }
        return before.entries.contains { !list.entries.contains($0) }
    }
}

/// Topics that people who only command publish.
enum OperatorTopics {
    private static let names = ["goal/command", "episode/command", "simulation/command", "arm/command", "arm/manual"]
        .map { Array($0.utf8) }

    static func contains(_ topic: UnsafeRawBufferPointer) -> Bool { names.contains { $0.elementsEqual(topic) } }
}
