import JSONTree

/// Names of sections, keys and values that more than one place speaks of; all others stand only where they are read.
enum ManifestName {
    static let name = "name"
    static let bus = "bus"
    static let transport = "transport"
    static let basePort = "base_port"
    static let cameras = "cameras"
    static let source = "source"
    static let simulated = "simulated"
    static let folder = "folder"
    static let pattern = "pattern"
    /// The key of the camera's and of the policy's rate.
    static let rate = "rate_hz"
    static let goal = "goal"
    static let images = "images"
    static let episode = "episode"
    static let patterns = "patterns"
    static let frame = "frame"
    static let policy = "policy"
    static let proprio = "proprio"
    static let optional = "optional"
    /// A camera's source, and an arm's driver.
    static let simulated = "simulated"
    static let dynamixel = "dynamixel"
    static let episode = "episode"
}

/// A key's name, with the section that it belongs to.
protocol ManifestKeyName: RawRepresentable<String> {
    static var section: ManifestName.Section { get }
}

extension ManifestKeyName {
    /// Where the key stands in a manifest.
    var path: [String] { [Self.section.rawValue, rawValue] }
}

extension ManifestName.Camera {
    /// Where the key of a camera stands in a manifest.
    func path(of camera: String) -> [String] { [ManifestName.Section.cameras.rawValue, camera, rawValue] }
}

/// A manifest's JSON, asked for keys with the section that they belong to.
struct ManifestTree {
    let root: JSONNode

    subscript(section: ManifestName.Section) -> JSONNode? { root[section.rawValue] }
    subscript(key: some ManifestKeyName) -> JSONNode? { self[type(of: key).section]?[key.rawValue] }
}

extension JSONNode.Member {
    /// The value of a key of a camera, which the member is.
    subscript(key: ManifestName.Camera) -> JSONNode? { value[key.rawValue] }
}
