import JSONTree

/// Names of sections, keys and values that more than one place speaks of; all others stand only where they are read.
enum ManifestName {
    enum Section: String {
        case name
        case bus
        case hosts
        case cameras
        case goal
        case policy
        case arm
        case simulation
        case record
        case console
        case supervision
    }
    enum Bus: String, ManifestKeyName {
        static let section = Section.bus
        case transport
        case basePort = "base_port"
        case address
    }
    /// Keys of another machine; `hosts` has them by the machines' names.
    enum Host: String {
        case address
        case port
        case key
    }
    /// Keys of one camera; `cameras` has them by the cameras' names.
    enum Camera: String {
        case source
        case folder
        case pattern
        case rate = "rate_hz"
    }
    enum Goal: String, ManifestKeyName {
        static let section = Section.goal
        case source
        case folder
        case frame
        case images
        case patterns
    }
    enum Policy: String, ManifestKeyName {
        static let section = Section.policy
        case rate = "rate_hz"
        case proprio
        case cameras
        case maximumFrameAge = "max_frame_age_s"
        case host
        case pictures
    }
    enum Arm: String, ManifestKeyName {
        static let section = Section.arm
        case driver
        case port
        case watchdog = "watchdog_s"
        case controlRate = "control_rate_hz"
        case stateRate = "state_rate_hz"
    }
    enum Record: String, ManifestKeyName {
        static let section = Section.record
        case enabled
    }
    enum Console: String, ManifestKeyName {
        static let section = Section.console
        case bind
        case tokenFile = "token_file"
    }
    enum Supervision: String, ManifestKeyName {
        static let section = Section.supervision
        case backoff = "backoff_s"
        case maximumBackoff = "backoff_max_s"
    }
    /// The machine that a node runs on; of `goal`, `record` and `console`, and of the policy.
    static let nodeHost = Policy.host.rawValue
    /// Whether a link goes without keys, and the sentence that this asks for; of the bus and of hosts.
    static let insecure = "insecure"
    static let insecureNetwork = "insecure_network"
    /// Whether the policy goes on without one of its cameras.
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
