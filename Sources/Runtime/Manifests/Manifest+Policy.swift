import Images
import Messages
import Time

extension Manifest {
    /// The policy: its checkpoint, what it reads, how it computes.
    package struct Policy: Equatable, Sendable {
        /// How actions and proprioception were normalised for training.
        package enum Normalization: String, CaseIterable, Sendable {
            case normal
            case bounds
        }
        /// How well a goal has to fit the scene before the arm may begin.
        package enum FitRequirement: String, CaseIterable, Sendable {
            case off
            case amber
            case green
        }
        /// What happens when the goal no longer fits the scene while the arm moves.
        package enum DriftResponse: String, CaseIterable, Sendable {
            case warn
            case pause
        }
        /// How the network computes.
        package enum Precision: String, CaseIterable, Sendable {
            case float32
            case bfloat16
            case int8
        }
        /// What of the cameras goes to a machine elsewhere.
        package enum Pictures: String, CaseIterable, Sendable {
            /// Whichever of the two has fewer bytes, for each picture.
            case auto
            /// The camera's own JPEG.
            case camera
            /// Pixels of the network's size.
            case network
        }
        /// Name of the machine in `hosts` that computes the network; nil: this one.
        package var host: String?
        package var pictures: Pictures
        /// Path of the checkpoint folder: absolute, or as it is written where it is on another machine (`host`).
        package var checkpoint: String
        /// Training step of the checkpoint; nil: the newest.
        package var step: Int?
        /// Path of a sentencepiece model, as that of the checkpoint; nil: the one in the checkpoint's folder, if any.
        package var tokenizer: String?
        /// Data set whose statistics are used; nil: the only one the checkpoint has statistics of.
        package var dataset: String?
        /// How the checkpoint's numbers were normalised; nil: as the checkpoint says.
        package var normalization: Normalization?
        package var rate: Rate
        /// Timesteps of the policy's window; nil: as the checkpoint says.
        package var window: Int?
        /// How the data set writes the arm's state; nil: the checkpoint reads none.
        package var proprio: ProprioLayout?
        /// Numbers that the policy is given for its task, by the key of the task; empty: none.
        package var taskNumbers: [String: [Double]]
        /// Names of cameras without which the policy goes on.
        package var optionalCameras: Set<String>
        package var preprocessing: Preprocessing
        package var requiresGoal: Bool
        package var requiredFit: FitRequirement
        package var onDrift: DriftResponse
        package var seed: UInt64
        /// Number of threads; 0: all cores.
        package var threads: Int
        /// CPUs on which the policy runs; nil: the system decides.
        package var cpus: [Int]?
        package var precision: Precision
        package var maximumFrameAge: Duration
        package var actionSpace: ActionSpace
        package var keepsBLASCore: Bool
    }
}

extension Manifest.Policy {
    init(_ keys: inout ManifestKeys) {
        host = keys.optional(
            ManifestName.Policy.host.rawValue, .name(separator: "_"),
            "The machine of 'hosts' that computes the network. Left out, it is this one. Paths of this section are "
                + "then those of that machine, seen from where 'octo-launch serve' was started.")
        pictures = keys.value(
            ManifestName.Policy.pictures.rawValue, .choice, default: .auto,
            "What goes there of each picture: the 'camera' has its own JPEG sent, 'network' the pixels at the "
                + "network's size, 'auto' whichever has fewer bytes. The network sees the same.")
        checkpoint = keys.required("checkpoint", .folder, "The Octo checkpoint as the official code saves it.")
        step = keys.optional(
            "step", .integer(0...1_000_000_000), "Which training step of the checkpoint. Left out, it is the newest.")
        tokenizer = keys.optional(
            "tokenizer", .file,
            "The sentencepiece model of the checkpoint's T5, which is no part of a checkpoint; texts are read with "
                + "it. Left out, it is spiece.model in the checkpoint's folder, if that is there.")
        dataset = keys.optional(
            "dataset", .text,
            "The data set whose statistics turn the network's numbers into metres and radians. May be left out when "
                + "the checkpoint has statistics of one only.")
        normalization = keys.optional(
            "normalization", .choice,
            "How actions and the arm's state were normalised for training: 'normal' by mean and deviation, 'bounds' "
                + "so that the 1st to the 99th percentile are -1 to 1. Left out, it is what the checkpoint's "
                + "config.json says (action_proprio_normalization_type), else 'normal'.")
        rate = Self.rate(&keys)
        window = keys.optional(
            "window", .integer(1...64),
            "How many observations of history the policy sees. Left out, it is the checkpoint's.")
        proprio = keys.optional(
            ManifestName.Policy.proprio.rawValue, .proprio,
            "How the data set writes the arm's state, for checkpoints that read it: 'bridge' is x, y, z, roll, pitch, "
                + "yaw and gripper (with a 0 before the gripper where a checkpoint reads eight numbers), 'joints' "
                + "every joint from the base on and the gripper; or a list of fields in the data set's order. A "
                + "checkpoint that reads the arm's state is refused without it.")
        taskNumbers = Dictionary(
            uniqueKeysWithValues: (keys.optional(
                "task_numbers", .named(.numbers(-1e9...1e9, count: 1...1000)),
                "Numbers of the task by their key, for checkpoints whose image encoder is conditioned on them "
                    + "(task_film_keys), in the units of the training. A checkpoint that reads some is refused "
                    + "without them.") ?? []).map { ($0.name, $0.value) })
        optionalCameras = Set(
            (keys.optional(
                ManifestName.Policy.cameras.rawValue, .named(.section(Self.isOptional)),
                "What the policy makes of single cameras, by their names.") ?? []).filter(\.value).map(\.name))
        preprocessing = keys.value(
            "preprocess", .choice, default: .resize,
            "How frames become the network's input size; as in the training.")
        requiresGoal = keys.value(
            "require_goal", .boolean, default: true, "Whether the arm holds as long as there is no goal.")
        requiredFit = keys.value(
            "require_goal_fit", .choice, default: .off,
            "How well the goal has to fit the scene before the arm may begin: 'green', 'amber' (or better), or "
                + "'off'. See 'octo-goal check'.")
        onDrift = keys.value(
            "on_drift", .choice, default: .warn,
            "What happens when the fit turns red while the arm moves: 'warn' says so, 'pause' also has the arm hold "
                + "until it fits again.")
        seed = keys.value(
            "seed", .seed, default: 0,
            "Seed of the noise; with it and the observation a chunk can be made again.")
        threads = keys.value(
            "threads", .integer(0...256), default: 0,
            "Threads for the network; 0 takes all cores, or as many as there are policy.cpus.")
        cpus = keys.optional(
            "cpus", .integers(0...1023, count: 1...256),
            "The CPUs the network's threads run on, one each. Left out, the system decides. Leave the control loop's "
                + "(arm.realtime.cpu) out of it, and it never waits for the network.")
        precision = keys.value(
            "precision", .choice, default: .float32,
            "How the network computes. 'float32' is exact; the others trade digits for speed where the CPU has the "
                + "instructions: see octo-policy verify --precision.")
        maximumFrameAge = keys.value(
            ManifestName.Policy.maximumFrameAge.rawValue, .seconds(0.01...60), default: .milliseconds(500),
            "Without a frame younger than this there is no inference.")
        actionSpace = keys.value(
            "action_space", .choice, default: .eefDelta,
            "What the numbers of an action mean: 'eef_delta' and 'eef_absolute' move the tool point, the others the "
                + "joints; the last number is the gripper's.")
        keepsBLASCore = keys.value(
            "keep_blas_core", .boolean, default: false,
            "Whether OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE of the environment reach the policy process. A pinned core "
                + "type gives the same numbers on every machine but can halve the speed.")
    }

    /// The one key of the policy that an arm without a policy asks for too.
    static func rate(_ keys: inout ManifestKeys) -> Rate {
        keys.value(
            ManifestName.Policy.rate.rawValue, .hertz(0.1...100), default: Rate(hertz: 5),
            "The policy rate: how many observations are taken in a second; the control frequency of the training data."
        )
    }

    /// What stands in `cameras` for one of them.
    @Sendable private static func isOptional(_ keys: inout ManifestKeys) -> Bool {
        keys.value(
            ManifestName.optional, .boolean, default: false,
            "Whether the policy goes on without this camera: as long as it delivers no frame that can be used its "
                + "tokens are masked, as in training with pictures left out. Otherwise the arm holds.")
    }
}
