import JSONTree
import Messages
import Time

/// How frames become the network's input size.
package enum ManifestPreprocessing: String, CaseIterable, Sendable {
    case resize
    case resizeAndCenterCrop = "resize_and_center_crop"
}

/// The part of a goal with pictures and a sentence that the policy is given.
package enum ManifestGoalUse: String, CaseIterable, Sendable {
    case images
    case both
}

/// How actions and proprioception were normalised for training.
package enum ManifestNormalization: String, CaseIterable, Sendable {
    case normal
    case bounds
}

/// How well a goal has to fit the scene before the arm may begin.
package enum ManifestFitRequirement: String, CaseIterable, Sendable {
    case off
    case amber
    case green
}

/// What happens when the goal no longer fits the scene while the arm moves.
package enum ManifestDriftResponse: String, CaseIterable, Sendable {
    case warn
    case pause
}

/// The place to which the arm retreats before a goal is taken.
package enum ManifestRetreat: String, CaseIterable, Sendable {
    case none
    case neutral
    case rest
}

/// What a simulated run is judged by.
package enum ManifestSimulatedTask: String, CaseIterable, Sendable {
    case reach
    case push
    case pickPlace = "pick-place"
}

/// What begins a run's first episode.
package enum ManifestRecordingStart: String, CaseIterable, Sendable {
    case withRun = "with_run"
    case onCommand = "on_command"
}

/// How episodes are packed.
/// Permissions of episodes; their folders can be entered by those who can read them.
package enum ManifestRecordingMode: String, CaseIterable, Sendable {
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

package enum ManifestRecordingCompression: String, CaseIterable, Sendable {
    case zstd
    case lz4
    case none
}

/// How the network computes.
package enum ManifestPrecision: String, CaseIterable, Sendable {
    case float32
    case bfloat16
    case int8
}

/// What one robot consists of and how it runs: the manifest, checked, with every default filled in and every path
/// absolute. `launch/schema.json` describes each key.
package struct Manifest: Equatable, Sendable {
    package struct Record: Equatable, Sendable {
        package var isEnabled: Bool
        /// Absolute path of the folder in which each run gets one of its own.
        package var folder: String
        package var start: ManifestRecordingStart
        /// How far back reaches what is kept while nothing is recorded.
        package var ring: Duration
        package var memoryBytes: Int
        package var compression: ManifestRecordingCompression
        /// Frames that come uncompressed are kept as PNG.
        package var packsFrames: Bool
        package var mode: ManifestRecordingMode
    }

    package struct Teleop: Equatable, Sendable {
        package var opensGripperBeforeGoal: Bool
        package var retreatBeforeGoal: ManifestRetreat
        /// A held device that says nothing new for so long brakes the arm.
        package var confirmation: Duration
    }

    package struct Bus: Equatable, Sendable {
        package enum Transport: String, CaseIterable, Sendable {
            case ipc
            case tcp
        }
        package var transport: Transport
        package var basePort: Int
    }

    package struct Camera: Equatable, Sendable {
        package enum Source: Equatable, Sendable {
            case images(ImageFolder)
            case device(Device)
            case simulated(Simulated)
        }
        package enum PixelFormat: String, CaseIterable, Sendable {
            case mjpeg
            case yuyv
        }
        /// A camera at this machine (V4L2).
        package struct Device: Equatable, Sendable {
            package var path: String
            /// Pixels.
            package var width: Int
            package var height: Int
            package var rate: Rate
            /// Pixel format of the frames; nil: as the camera likes best.
            package var format: PixelFormat?
            /// Absolute path of the camera's calibration file; nil: the camera does as it likes.
            package var calibration: String?
        }
        /// A camera in the simulated world.
        package struct Simulated: Equatable, Sendable {
            /// Pixels.
            package var width: Int
            package var height: Int
            package var rate: Rate
            /// Time from the capture until the frame is there.
            package var latency: Duration
            /// Standard deviation, as a share of white.
            package var noise: Double
            /// How far the brightness wanders, as a share of itself.
            package var exposureDrift: Double
            /// Probability with which a frame is lost.
            package var dropProbability: Double
            /// Time after the first frame from which on every frame shows the same; nil: never.
            package var freezesAfter: Duration?
            package var seed: UInt64
        }
        package struct ImageFolder: Equatable, Sendable {
            /// Absolute.
            package var folder: String
            package var pattern: String
            package var rate: Rate
            /// Whether it starts over after the last frame.
            package var loops: Bool
        }
        package var name: String
        package var source: Source
        /// Whether the camera's view changes with every motion of the arm.
        package var ridesOnArm: Bool
        /// The name of the process that publishes its frames.
        package var node: String { "camera-\(name)" }
    }

    package struct Goal: Equatable, Sendable {
        package enum Source: Equatable, Sendable {
            case none
            /// Sorted by camera; absolute paths.
            case images([CameraFile])
            /// One frame of a recorded folder; `frame` counts from 0, or from the end when negative.
            case episode(folder: String, frame: Int, patterns: [CameraPattern])
            /// `text` alone.
            case text
            /// A recorded goal; `name` says which.
            case library
        }
        package struct CameraFile: Equatable, Sendable {
            package var camera: String
            package var path: String
        }
        package struct CameraPattern: Equatable, Sendable {
            package var camera: String
            package var pattern: String
        }
        package var source: Source
        package var text: String?
        package var name: String?
        /// Absolute path of the goal library; it may not be there yet.
        package var library: String
        package var use: ManifestGoalUse

        /// The sentence, if the policy is given it.
        package var usedText: String? {
            switch source {
            case .images, .episode: use == .both ? text : nil
            case .none, .text, .library: text
            }
        }

        /// Whether goals come of the library, whose records may say the task's numbers.
        package var mayBringNumbers: Bool {
            switch source {
            case .images, .episode: false
            case .none, .text, .library: true
            }
        }
    }

    package struct Policy: Equatable, Sendable {
        /// Absolute path of the checkpoint folder.
        package var checkpoint: String
        /// Training step of the checkpoint; nil: the newest.
        package var step: Int?
        /// Absolute path of a sentencepiece model; nil: the one in the checkpoint's folder, if there is one.
        package var tokenizer: String?
        /// Data set whose statistics are used; nil: the only one the checkpoint has statistics of.
        package var dataset: String?
        /// How the checkpoint's numbers were normalised; nil: as the checkpoint says.
        package var normalization: ManifestNormalization?
        package var rate: Rate
        /// Timesteps of the policy's window; nil: as the checkpoint says.
        package var window: Int?
        /// How the data set writes the arm's state; nil: the checkpoint reads none.
        package var proprio: ProprioLayout?
        /// Numbers that the policy is given for its task, by the key of the task; empty: none.
        package var taskNumbers: [String: [Double]]
        /// Names of cameras without which the policy goes on.
        package var optionalCameras: Set<String>
        package var preprocessing: ManifestPreprocessing
        package var requiresGoal: Bool
        package var requiredFit: ManifestFitRequirement
        package var onDrift: ManifestDriftResponse
        package var seed: UInt64
        /// 0: all cores.
        package var threads: Int
        /// CPUs on which the policy runs; nil: the system decides.
        package var cpus: [Int]?
        package var precision: ManifestPrecision
        package var maximumFrameAge: Duration
        package var actionSpace: ActionSpace
        package var keepsBLASCore: Bool
    }

    package struct Arm: Equatable, Sendable {
        package enum Driver: Equatable, Sendable {
            case simulated(Simulated)
            /// The servos stop by themselves after `watchdog` without a packet.
            case dynamixel(SerialLine, watchdog: Duration)
            case feetech(SerialLine)
        }
        package struct SerialLine: Equatable, Sendable {
            package var port: String
            /// Bits per second.
            package var baud: Int
        }
        package struct Simulated: Equatable, Sendable {
            package var timeConstant: Duration
            /// Radians; nil: the calibration's home position.
            package var initialPositions: [Double]?
        }
        package enum Strategy: String, CaseIterable, Sendable {
            case recedingHorizon = "receding_horizon"
            case temporalEnsemble = "temporal_ensemble"
            case asynchronous
        }
        package struct Gripper: Equatable, Sendable {
            package enum Mode: String, CaseIterable, Sendable {
                case absolute
                case binary
                case sticky
            }
            package var mode: Mode
            package var threshold: Double
            /// Policy steps.
            package var stickySteps: Int
        }
        /// The limits from which on a joint counts as blocked, overloaded or too hot.
        package struct ServoLimits: Equatable, Sendable {
            /// Radians.
            package var stallError: Double
            /// Share of the permitted load.
            package var stallLoad: Double
            package var stallTime: Duration
            /// Share of the permitted load.
            package var overloadLoad: Double
            package var overloadTime: Duration
            /// Degrees Celsius.
            package var temperature: Double
        }
        /// What becomes of the servos' torque once the arm has braked.
        package enum EmergencyStop: String, CaseIterable, Sendable {
            case hold
            case torqueOff = "torque_off"
        }
        package struct RealTime: Equatable, Sendable {
            /// SCHED_FIFO priority; 0: do not ask.
            package var priority: Int
            package var locksMemory: Bool
            package var cpu: Int?
            /// Whether lacking rights are an error.
            package var isRequired: Bool
        }
        package var driver: Driver
        /// Absolute path of the calibration file.
        package var calibration: String
        package var controlRate: Rate
        package var strategy: Strategy
        /// Policy steps.
        package var executionHorizon: Int
        package var ensembleWeight: Double
        /// Policy steps.
        package var ensembleSize: Int
        package var blend: Duration
        package var gripper: Gripper
        package var servoLimits: ServoLimits
        package var deadManTimeout: Duration
        package var emergencyStop: EmergencyStop
        package var watchdog: Duration
        package var stateRate: Rate
        package var realTime: RealTime
    }

    /// The world that stands in for cameras and servos.
    package struct Simulation: Equatable, Sendable {
        /// Absolute path of the scene file; nil: a table with a few things on it.
        package var scene: String?
        /// Absolute path of a MuJoCo model in place of the one made of scene and arm.
        package var model: String?
        /// Seed of the scene's variation; nil: the scene as it is written.
        package var seed: UInt64?
        /// What the run is judged by, and the object it is about, nil for the scene's first; nil: nothing is judged.
        package var task: ManifestSimulatedTask?
        package var object: String?
        /// Absolute path of the picture that is left at the end; nil: none.
        package var film: String?
        /// Pictures a second of the film.
        package var filmRate: Rate
    }

    package struct Supervision: Equatable, Sendable {
        package var readyTimeout: Duration
        package var maximumRestarts: Int
        package var backoff: Duration
        package var maximumBackoff: Duration
        package var statusTimeout: Duration
        package var stopTimeout: Duration
    }

    package var name: String
    package var bus: Bus
    /// Sorted by name; at least one.
    package var cameras: [Camera]
    package var goal: Goal
    package var policy: Policy
    package var arm: Arm
    package var simulation: Simulation?
    package var record: Record
    package var teleop: Teleop
    package var supervision: Supervision
    /// The JSON it was read from, after `--set`, with defaults and absolute paths: it gives the same manifest again.
    package var tree: JSONNode

    package static let goalNode = "goal"
    package static let policyNode = "policy"
    package static let armNode = "arm"
    package static let simulationNode = "simulation"
    package static let recorderNode = "recorder"
    /// The value of `arm.port` that means the simulated servos.
    package static let simulatedPort = "simulation"

    /// The names of all processes: cameras, goal, policy, arm, and simulation and recorder if there are such. With
    /// transport `tcp` they take ports in this order.
    package var nodes: [String] {
        cameras.map(\.node) + [Self.goalNode, Self.policyNode, Self.armNode]
            + (simulation == nil ? [] : [Self.simulationNode]) + (record.isEnabled ? [Self.recorderNode] : [])
    }

    /// Those of them that take commands from programs that come and go. With transport `tcp` their ports follow, in
    /// this order.
    package var commandedNodes: [String] {
        [Self.armNode, Self.goalNode] + (simulation == nil ? [] : [Self.simulationNode])
            + (record.isEnabled ? [Self.recorderNode] : [])
    }
}
