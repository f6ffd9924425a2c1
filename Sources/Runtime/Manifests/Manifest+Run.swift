import Time

extension Manifest {
    /// How the processes reach each other.
    package struct Bus: Equatable, Sendable {
        package enum Transport: String, CaseIterable, Sendable {
            case ipc
            case tcp
        }
        package var transport: Transport
        package var basePort: Int
        /// IPv4 address at which the processes listen with transport `tcp`.
        package var address: String
        /// Whether whoever reaches the ports may listen and command, without a key.
        package var isInsecure: Bool
    }

    /// What is kept of a run.
    package struct Record: Equatable, Sendable {
        /// What begins a run's first episode.
        package enum Start: String, CaseIterable, Sendable {
            case withRun = "with_run"
            case onCommand = "on_command"
        }
        /// How episodes are packed.
        package enum Compression: String, CaseIterable, Sendable {
            case zstd
            case lz4
            case none
        }
        /// Permissions of episodes; their folders can be entered by those who can read them.
        package enum Mode: String, CaseIterable, Sendable {
            case user = "0600"
            case group = "0640"
            case everybody = "0644"

            /// The umask(2) of a process whose files and folders get them.
            package var mask: UInt32 {
                switch self {
                case .user: 0o077
                case .group: 0o027
                case .everybody: 0o022
                }
            }
        }
        /// Name of the machine in `hosts` that the recorder runs on; nil: this one.
        package var host: String?
        package var isEnabled: Bool
        package var start: Start
        /// How far back reaches what is kept while nothing is recorded.
        package var ring: Duration
        package var memoryBytes: Int
        package var compression: Compression
        /// Frames that come uncompressed are kept as PNG.
        package var packsFrames: Bool
        package var mode: Mode
        /// Absolute path of the folder in which each run gets one of its own.
        package var folder: String
    }

    /// What octo-teleop does.
    package struct Teleop: Equatable, Sendable {
        /// The place to which the arm retreats before a goal is taken.
        package enum Retreat: String, CaseIterable, Sendable {
            case none
            case neutral
            case rest
        }
        package var beforeGoal: BeforeGoal
        /// A held device that says nothing new for so long brakes the arm.
        package var confirmation: Duration

        /// What the arm does before a goal's pictures are taken.
        package struct BeforeGoal: Equatable, Sendable {
            package var opensGripper: Bool
            package var retreat: Retreat
        }
    }

    /// How the processes are watched.
    package struct Supervision: Equatable, Sendable {
        package var readyTimeout: Duration
        package var maximumRestarts: Int
        package var backoff: Duration
        package var maximumBackoff: Duration
        package var statusTimeout: Duration
        package var stopTimeout: Duration
    }
}

extension Manifest.Bus {
    package static let usualAddress = "127.0.0.1"

    /// What somebody has to know of ports without keys, and how that is mended.
    package static func insecurityAdvice(at address: String) -> String {
        let who = Manifest.Console.isLoopback(address) == true ? "every user of this machine" : "anybody in the network"
        return
            "\(who) can move the arm at \(address); take bus.insecure out, and 'octo-bus keys allow' lets in whom you "
            + "mean"
    }

    init(_ keys: inout ManifestKeys) {
        transport = keys.value(
            ManifestName.Bus.transport.rawValue, .choice, default: .ipc,
            "'ipc' uses sockets in the run folder, which are this user's alone; 'tcp' ports, where keys say who may "
                + "listen and command ('octo-bus keys').")
        basePort = keys.value(
            ManifestName.Bus.basePort.rawValue, .integer(1024...65535), default: 5560,
            "The first port with transport 'tcp'; each process takes the next one.")
        address = keys.value(
            ManifestName.Bus.address.rawValue, .text, default: Self.usualAddress,
            "This machine's IPv4 address at which the ports are, with transport 'tcp'; all processes reach each other "
                + "there.")
        isInsecure = keys.value(
            ManifestName.insecure, .boolean, default: false,
            "Whether the ports are open to everybody who reaches them, without keys: every user of this machine can "
                + "then move the arm.")
        _ = Manifest.NetworkConsent.asked(&keys)
    }
}

extension Manifest.Record {
    init(_ keys: inout ManifestKeys) {
        host = keys.optional(
            ManifestName.nodeHost, .name(separator: "_"), Manifest.meaningOfNodeHost)
        isEnabled = keys.value(
            ManifestName.Record.enabled.rawValue, .boolean, default: true, "Whether a recorder runs.")
        start = keys.value(
            "start", .choice, default: .withRun,
            "Whether the first episode begins with the run ('with_run': once all processes are ready, with "
                + "record.ring_s of what was before; a start that fails leaves none), or each by a person "
                + "('on_command': octo-record start, the keys of octo-teleop).")
        ring = keys.value(
            "ring_s", .seconds(0...600), default: .seconds(10),
            "While nothing is recorded so much is kept in memory: an episode that begins has what led to it.")
        memoryBytes =
            keys.value(
                "memory_mb", .integer(1...4096, unit: "MB"), default: 128,
                "The most memory for what is kept, and again for what waits for a slow disk.") << 20
        compression = keys.value(
            "compression", .choice, default: .zstd,
            "How the file is packed: 'zstd' small, 'lz4' with less work, 'none' not at all.")
        packsFrames = keys.value(
            "pack_frames", .boolean, default: true,
            "Whether frames that a camera delivers uncompressed are kept as PNG, with every pixel: about half the "
                + "bytes, for some milliseconds of work each. Frames that come as JPEG stay as they are.")
        mode = keys.value(
            "mode", .choice, default: .user,
            "Who may read the episodes, which are pictures of your rooms: '0600' you alone, '0640' your group too, "
                + "'0644' everybody on this machine.")
        folder = keys.folder(
            "folder", elseStartingFolder: "episodes",
            "Where each run gets a folder for its episodes. Left out, it is 'episodes' in the folder in which "
                + "octo-launch was started.")
    }
}

extension Manifest.Teleop {
    init(_ keys: inout ManifestKeys) {
        beforeGoal = keys.section(
            "before_goal", "What the arm does before 'octo-teleop goal' takes the pictures.", BeforeGoal.init)
        confirmation = keys.value(
            "confirm_s", .seconds(0.2...30), default: .seconds(2),
            "How long a gamepad moves the arm while its switch and sticks are held without any change: then the arm "
                + "brakes until the stick moves or the switch is let go and held again, since a pad whose radio link "
                + "broke looks the same.")
    }
}

extension Manifest.Teleop.BeforeGoal {
    fileprivate init(_ keys: inout ManifestKeys) {
        opensGripper = keys.value(
            "open_gripper", .boolean, default: false, "Whether it lets go of what it holds.")
        retreat = keys.value(
            "pose", .choice, default: .none,
            "Where it retreats to, out of the cameras' sight: 'neutral', 'rest', or 'none' to stay where it is.")
    }
}

extension Manifest.Supervision {
    /// How processes are watched where no manifest says anything.
    package static let usual: Self = {
        var check = ManifestCheck(files: nil, manifestFolder: "/", workingFolder: "/", overridden: [])
        let rule = ManifestForm.section(Manifest.Supervision.init).rule
        return ManifestKeys.read(
            check.check(.object([:]), against: rule, at: ManifestPath()) ?? .object([:]), Manifest.Supervision.init)
    }()

    init(_ keys: inout ManifestKeys) {
        readyTimeout = keys.value(
            "ready_timeout_s", .seconds(0.1...3600), default: .seconds(60),
            "How long a process may take until it is ready.")
        maximumRestarts = keys.value(
            "max_restarts", .integer(0...1_000_000), default: 5,
            "How often one process is restarted before everything stops. After a minute of undisturbed work its "
                + "earlier failures no longer count.")
        backoff = keys.value(
            ManifestName.Supervision.backoff.rawValue, .seconds(0.01...60), default: .milliseconds(200),
            "How long the first restart waits; each further one waits twice as long as the one before.")
        maximumBackoff = keys.value(
            ManifestName.Supervision.maximumBackoff.rawValue, .seconds(0.01...3600), default: .seconds(5),
            "The longest wait before a restart.")
        statusTimeout = keys.value(
            "status_timeout_s", .seconds(1...3600), default: .seconds(5),
            "A process that says nothing for so long is ended and restarted.")
        stopTimeout = keys.value(
            "stop_timeout_s", .seconds(0.1...600), default: .seconds(3),
            "How long a process may take to stop before it is killed.")
    }
}
