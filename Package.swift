// swift-tools-version: 6.2
import PackageDescription

// The groups of Sources, in the order in which what they have builds on one another; Sources/README.md says what is in each.
// Every target states its own imports; `make` builds with
// `--explicit-target-dependency-import-check error`, so nothing else can creep in.

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let flyingFox = Target.Dependency.product(name: "FlyingFox", package: "FlyingFox")
let flyingSocks = Target.Dependency.product(name: "FlyingSocks", package: "FlyingFox")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func program(
    _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [], resources: [Resource] = []
) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies + [argumentParser], exclude: exclude, resources: resources,
        swiftSettings: strict)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name), "TestSupport"] + dependencies, exclude: exclude,
        swiftSettings: strict)
}

/// Targets that lie in Sources/NAME, their tests in Tests/NAME.
func group(_ name: String, in folder: String = "Sources", _ targets: [Target]) -> [Target] {
    for target in targets { target.path = "\(target.type == .test ? "Tests" : folder)/\(name)/\(target.name)" }
    return targets
}

let package = Package(
    name: "octo-runtime",
    products: [
        .executable(name: "octo-launch", targets: ["octo-launch"]),
        .executable(name: "octo-camera", targets: ["octo-camera"]),
        .executable(name: "octo-goal", targets: ["octo-goal"]),
        .executable(name: "octo-policy", targets: ["octo-policy"]),
        .executable(name: "octo-arm", targets: ["octo-arm"]),
        .executable(name: "octo-teleop", targets: ["octo-teleop"]),
        .executable(name: "octo-record", targets: ["octo-record"]),
        .executable(name: "octo-sim", targets: ["octo-sim"]),
        .executable(name: "octo-eval", targets: ["octo-eval"]),
        .executable(name: "octo-bus", targets: ["octo-bus"]),
        .executable(name: "octo-replay", targets: ["octo-replay"]),
        .executable(name: "octo-console", targets: ["octo-console"]),
        .executable(name: "octo-bench", targets: ["octo-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [[Target]]([
        group(
            "Base",
            [
                room("Time", ["CShims", histogram]),
                room("Threads", ["CShims"]),
                room("Maths"),
                room("JSONTree"),
                room("Files"),
                room("Digests", ["Files", "CXXHash", crypto]),
                room("ProtobufFields"),
                room("Images", ["Files", "CTurboJPEG", "CMendedJPEG", "CPNG"]),
                room("Drawing", ["Time"]),
                .systemLibrary(
                    name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
                .target(name: "CMendedJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
                .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
                .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
                .target(name: "CShims"),
                tests(of: "Time"),
                tests(of: "Threads", ["Files"]),
                tests(of: "Maths"),
                tests(of: "JSONTree"),
                tests(of: "Files"),
                tests(of: "Digests", ["Files"]),
                tests(of: "ProtobufFields"),
                tests(of: "Images", ["JSONTree", "Files", "CPNG"]),
            ]),
        group(
            "Runtime",
            [
                room("Messages", ["Time", "Maths", "Files", "Images"]),
                .target(
                    name: "Wire",
                    dependencies: ["Time", "Maths", "Files", "ProtobufFields", "Images", "Messages", protobuf],
                    exclude: ["Protos", "generate.sh"], swiftSettings: strict),
                room("Keys", ["Files", "JSONTree", "CZeroMQ"]),
                room("Bus", ["Time", "Files", "Images", "CShims", "Wire", "Keys", "CZeroMQ", deque]),
                room(
                    "Link",
                    ["Time", "JSONTree", "Files", "Images", "CShims", "Messages", "Keys", "Bus", "CZeroMQ", deque]),
                // No pkgConfig: SwiftPM refuses the flags of Debian's libzmq.pc (-isystem, from krb5-gssapi), with a
                // warning at each build. The module map links the library.
                .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
                room("RealTime", ["Time", "Threads", "CShims"]),
                room("Manifests", ["Time", "JSONTree", "Files", "Images", "Messages", "Keys"]),
                room(
                    "NodeShell",
                    [
                        "Time", "Threads", "Files", "CShims", "Messages", "Wire", "Keys", "Bus", "Manifests",
                        argumentParser, logging, deque,
                    ]),
                tests(of: "Wire", ["Time", "Maths", "Files", "Images", "Messages", protobuf]),
                tests(of: "Keys", ["Files", "JSONTree"]),
                tests(
                    of: "Bus", ["Time", "Maths", "Files", "Images", "CShims", "Messages", "Wire", "Keys", "CZeroMQ"]),
                tests(of: "Link", ["Time", "JSONTree", "Files", "Images", "CShims", "Messages", "Keys", "Bus"]),
                tests(of: "RealTime", ["Time", "CAllocationCount"]),
                tests(of: "Manifests", ["Time", "JSONTree", "Messages", "ManifestSamples"]),
                tests(
                    of: "NodeShell",
                    [
                        "Time", "Threads", "Messages", "Wire", "Bus", "Manifests", "ManifestSamples", argumentParser,
                        logging,
                    ]),
            ]),
        group(
            "Cameras",
            [
                room(
                    "Cameras",
                    ["CVideo", "Time", "Maths", "JSONTree", "Files", "Digests", "Images", "Messages"]),
                .target(name: "CVideo", dependencies: ["CV4L2"]),
                .systemLibrary(name: "CV4L2", pkgConfig: "libv4l2", providers: [.apt(["libv4l-dev"])]),
                tests(of: "Cameras", ["Time", "Threads", "JSONTree", "Files", "Digests", "Images", "Messages"]),
            ]),
        group(
            "Goals",
            [
                room("SceneFit", ["Files", "Images"]),
                room(
                    "Goals",
                    [
                        "Time", "Maths", "JSONTree", "Files", "Digests", "Images", "CShims", "Messages", "SceneFit",
                        "Kinematics",
                    ]),
                tests(of: "SceneFit", ["Files", "Images"]),
                tests(
                    of: "Goals",
                    ["Time", "Maths", "JSONTree", "Files", "Digests", "Images", "Messages", "SceneFit", "Kinematics"]),
            ]),
        group(
            "Policy",
            [
                room("OctoModel", ["Maths", "JSONTree", "Files", "CKernels", "COpenBLAS"]),
                .target(name: "CKernels"),
                .systemLibrary(
                    name: "COpenBLAS", pkgConfig: "openblas",
                    providers: [.apt(["libopenblas-dev", "libopenblas-pthread-dev"])]),
                room("TextTokenizer", ["ProtobufFields", "CSentencePiece"]),
                .target(name: "CSentencePiece", linkerSettings: [.linkedLibrary("sentencepiece")]),
                room("Proprioception", ["Time", "Maths", "Messages", "Kinematics"]),
                room(
                    "Policy",
                    [
                        "Time", "Files", "Images", "Messages", "Manifests", "OctoModel", "TextTokenizer",
                        "Proprioception",
                    ]),
                room(
                    "RemotePolicy",
                    [
                        "Time", "Threads", "JSONTree", "Files", "Digests", "Images", "CShims", "Messages", "Keys",
                        "Link", "Manifests", "OctoModel", "TextTokenizer", "Proprioception", "Policy", deque,
                    ]),
                tests(of: "OctoModel", ["JSONTree", "CAllocationCount"]),
                tests(of: "CKernels"),
                tests(of: "TextTokenizer", ["JSONTree"]),
                tests(of: "Proprioception", ["Time", "Maths", "Messages", "Kinematics"]),
                tests(
                    of: "RemotePolicy",
                    [
                        "Time", "JSONTree", "Files", "Digests", "Images", "Messages", "Keys", "Link", "Manifests",
                        "OctoModel", "Proprioception", "Policy", "ManifestSamples",
                    ]),
                tests(
                    of: "Policy",
                    [
                        "Time", "Maths", "JSONTree", "Files", "Images", "Messages", "Manifests", "OctoModel",
                        "TextTokenizer", "Proprioception", "ManifestSamples",
                    ]),
            ]),
        group(
            "Arm",
            [
                room("Kinematics", ["Maths", "JSONTree", "Files"]),
                room("Control", ["Time", "Maths", "Messages", "Manifests", "Kinematics"]),
                room("ServoProtocol"),
                room("ArmDrivers", ["Time", "Maths", "JSONTree", "CShims", "Messages", "ServoProtocol"]),
                room(
                    "ArmLoop",
                    [
                        "Time", "Threads", "Maths", "Files", "Messages", "RealTime", "Manifests", "Kinematics",
                        "Control",
                        "ArmDrivers",
                    ]),
                room("ServoTools", ["Time", "JSONTree", "Files", "ServoProtocol", "ArmDrivers"]),
                room("ServoEmulation", ["Time", "Maths", "CShims", "ServoProtocol", "ArmDrivers"]),
                tests(of: "Kinematics", ["Maths", "JSONTree"]),
                tests(of: "Control", ["Time", "Maths", "Messages", "Kinematics", "OctoModel"]),
                tests(of: "ServoProtocol", ["CAllocationCount"]),
                tests(
                    of: "ArmDrivers",
                    ["Time", "Maths", "JSONTree", "CShims", "Messages", "ServoProtocol", "ServoEmulation"]),
                tests(
                    of: "ArmLoop",
                    [
                        "Time", "Maths", "CShims", "Messages", "RealTime", "Manifests", "Kinematics", "Control",
                        "ServoProtocol", "ArmDrivers", "ServoEmulation", "CAllocationCount",
                    ]),
                tests(of: "ServoTools", ["JSONTree", "Kinematics", "ServoProtocol", "ArmDrivers", "ServoEmulation"]),
                tests(of: "ServoEmulation", ["Time", "ServoProtocol"]),
            ]),
        group(
            "Teleop",
            [
                room("Teleop", ["Time", "Maths", "JSONTree", "Messages", "Manifests", "Kinematics"]),
                tests(of: "Teleop", ["Time", "Maths", "Messages", "Kinematics", "Control"]),
            ]),
        group(
            "Episodes",
            [
                room("MCAPFiles", ["Time", "Threads", "Files", "CZstd", "CLZ4"]),
                .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
                .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
                room("Recording", ["Time", "Files", "Images", "Messages", "Wire", "MCAPFiles", deque]),
                room(
                    "Replay",
                    [
                        "Time", "Maths", "JSONTree", "Files", "Images", "Drawing", "Messages", "Wire", "Manifests",
                        "Teleop", "MCAPFiles", "Recording",
                    ]),
                room(
                    "Verification",
                    ["Time", "Maths", "Images", "Messages", "Proprioception", "Policy", "Kinematics", "Control", deque]),
                room(
                    "Datasets",
                    [
                        "Time", "Maths", "JSONTree", "Files", "ProtobufFields", "Images", "Messages", "Wire",
                        "Proprioception", "Kinematics", "Recording",
                    ]),
                tests(of: "MCAPFiles", ["Files", "JSONTree"], exclude: ["mcap_check.py"]),
                tests(of: "Recording", ["Time", "Images", "Messages", "Wire", "MCAPFiles", "EpisodeFixture"]),
                tests(
                    of: "Replay",
                    [
                        "Time", "Maths", "JSONTree", "Files", "Images", "Drawing", "Messages", "Wire", "Kinematics",
                        "Control",
                        "Teleop", "MCAPFiles", "Recording", "EpisodeFixture",
                    ]),
                tests(
                    of: "Verification",
                    [
                        "Time", "Maths", "Files", "Images", "Messages", "Wire", "RealTime", "OctoModel", "Policy",
                        "Kinematics", "Control", "ArmDrivers", "ArmLoop",
                    ]),
                tests(
                    of: "Datasets",
                    [
                        "Time", "Maths", "JSONTree", "Files", "ProtobufFields", "Images", "Messages", "Wire",
                        "Kinematics",
                        "Recording", "EpisodeFixture",
                    ],
                    exclude: [
                        "lerobot_check.py", "lerobot_video_check.py", "parquet_check.py", "tfds_check.py",
                        "tfrecord_check.py",
                    ]),
            ]),
        group(
            "Simulation",
            [
                .target(name: "CMuJoCo"),
                room("Simulation", ["Maths", "JSONTree", "Files", "Images", "Kinematics", "CMuJoCo"]),
                room(
                    "ClosedLoop",
                    [
                        "Time", "Maths", "JSONTree", "Files", "Digests", "Images", "Messages", "OctoModel",
                        "Proprioception",
                        "Policy", "Kinematics", "Control", "Simulation",
                    ]),
                room(
                    "Demonstrations",
                    [
                        "Threads", "Maths", "Files", "Images", "Messages", "Kinematics", "Datasets", "Simulation",
                        "ClosedLoop",
                    ]),
                room(
                    "Evaluation",
                    [
                        "Time", "Maths", "JSONTree", "Files", "Images", "Drawing", "Messages", "Wire", "SceneFit",
                        "Kinematics", "Control", "MCAPFiles", "Recording", "Simulation", "ClosedLoop",
                    ]),
                tests(of: "Simulation", ["Maths", "JSONTree", "Images", "Kinematics"]),
                tests(of: "ClosedLoop", ["Time", "Maths", "Messages", "Kinematics", "Simulation"]),
                tests(
                    of: "Demonstrations",
                    ["Maths", "JSONTree", "Images", "Kinematics", "Datasets", "Simulation", "ClosedLoop"]),
                tests(
                    of: "Evaluation",
                    [
                        "Time", "Maths", "JSONTree", "Files", "Images", "Messages", "Kinematics", "Recording",
                        "Simulation", "ClosedLoop", "Replay",
                    ]),
            ]),
        group(
            "Console",
            [
                room(
                    "Console",
                    [
                        "Time", "Maths", "JSONTree", "Files", "Images", "Messages", "Wire", "Bus", "Manifests",
                        "NodeShell", "Kinematics", "Teleop", "Goals", "SceneFit", "MCAPFiles", "Recording", "Replay",
                        crypto, deque,
                    ]),
                .target(name: "CEpoll"),
                tests(
                    of: "Console",
                    [
                        "Time", "Maths", "JSONTree", "Files", "Images", "Messages", "Wire", "Manifests", "Kinematics",
                        "Teleop", "Goals", "MCAPFiles", "Recording", "Replay", "EpisodeFixture", "ManifestSamples",
                    ], exclude: ["foxglove_client.py"]),
            ]),
        group(
            "Launch",
            [
                room("Launch", ["Time", "JSONTree", "Messages", "Manifests"]),
                room("Away", ["Time", "JSONTree", "Files", "Messages"]),
                tests(of: "Launch", ["Time", "JSONTree", "Messages", "Manifests", "ManifestSamples"]),
                tests(of: "Away", ["Time", "JSONTree", "Files", "Messages"]),
            ]),
        group(
            "Programs",
            [
                .target(name: "CAllocationCount"),
                .target(name: "CBareLoop"),
                program(
                    "octo-launch",
                    [
                        "Time", "JSONTree", "Files", "CShims", "Messages", "Wire", "Keys", "Bus", "Manifests",
                        "NodeShell",
                        "Cameras",
                        "Kinematics", "ArmDrivers", "Recording", "Launch",
                    ]),
                program(
                    "octo-camera",
                    [
                        "Time", "JSONTree", "Files", "Images", "CShims", "Messages", "Wire", "Bus", "Manifests",
                        "NodeShell", "Cameras",
                    ]),
                program(
                    "octo-goal",
                    [
                        "Time", "Maths", "JSONTree", "Files", "Images", "CShims", "Messages", "Wire", "Bus",
                        "Manifests", "NodeShell", "Cameras", "SceneFit", "Goals", "OctoModel", "Policy", "Kinematics",
                        "Recording",
                    ]),
                program(
                    "octo-policy",
                    [
                        "Time", "Threads", "JSONTree", "Files", "Images", "CShims", "Messages", "Wire", "Keys",
                        "Bus", "Link", "Manifests", "NodeShell", "OctoModel", "Policy", "RemotePolicy", "Kinematics",
                        logging, deque,
                    ]),
                program(
                    "octo-arm",
                    [
                        "Time", "Maths", "JSONTree", "Files", "CShims", "Messages", "Wire", "Keys", "Bus", "RealTime",
                        "Manifests",
                        "NodeShell", "Kinematics", "Control", "ArmDrivers", "ArmLoop", "ServoTools", "ServoEmulation",
                        "Teleop",
                    ]),
                program(
                    "octo-teleop",
                    [
                        "Time", "Threads", "Maths", "JSONTree", "Images", "CShims", "Messages", "Wire", "Bus",
                        "Manifests", "NodeShell", "Kinematics", "ArmDrivers", "ServoTools", "Teleop",
                    ]),
                program(
                    "octo-record",
                    [
                        "Time", "Threads", "JSONTree", "Files", "Digests", "Messages", "Wire", "Bus", "Manifests",
                        "NodeShell", "MCAPFiles", "Recording", logging,
                    ]),
                program(
                    "octo-replay",
                    [
                        "Time", "JSONTree", "Files", "Images", "CShims", "Messages", "Wire", "Bus", "Manifests",
                        "NodeShell", "Goals", "Policy", "Kinematics", "Control", "Teleop", "MCAPFiles", "Recording",
                        "Datasets",
                        "Verification", "Replay", deque,
                    ]),
                program(
                    "octo-sim",
                    [
                        "Time", "Threads", "Maths", "JSONTree", "Files", "Images", "CShims", "Messages", "Wire", "Bus",
                        "RealTime", "Manifests", "NodeShell", "Cameras", "Policy", "Kinematics", "ArmDrivers",
                        "ServoEmulation", "Datasets", "Simulation", "ClosedLoop", "Demonstrations",
                    ]),
                program(
                    "octo-eval",
                    [
                        "Time", "JSONTree", "Files", "Digests", "Images", "CShims", "Messages", "Manifests",
                        "NodeShell", "Goals", "Policy", "Kinematics", "Control", "MCAPFiles", "Recording", "Simulation",
                        "ClosedLoop", "Evaluation",
                    ]),
                program(
                    "octo-console",
                    [
                        "Time", "Threads", "JSONTree", "Files", "CEpoll", "CShims", "Messages", "Wire", "Bus",
                        "Manifests",
                        "NodeShell", "Kinematics", "Replay", "Console", flyingFox, flyingSocks, logging,
                    ], resources: [.copy("Page")]),
                program(
                    "octo-bus",
                    [
                        "Time", "JSONTree", "Files", "CShims", "Messages", "Wire", "Keys", "Bus", "Link", "Manifests",
                        "NodeShell", "Launch", "Away",
                    ]),
                program(
                    "octo-bench",
                    [
                        "Time", "Threads", "Maths", "JSONTree", "Files", "Digests", "Images", "CShims", "Messages",
                        "Wire", "Keys", "Bus", "Link", "CZeroMQ", "RealTime", "Manifests", "NodeShell", "Cameras",
                        "SceneFit",
                        "OctoModel", "Policy", "RemotePolicy", "Kinematics", "Control", "ArmDrivers", "ArmLoop",
                        "MCAPFiles", "Simulation",
                        "ClosedLoop",
                        "CAllocationCount", "CBareLoop",
                    ], exclude: ["Peers"]),
            ]),
        group(
            "Support", in: "Tests",
            [
                .target(name: "ManifestSamples", dependencies: ["JSONTree", "Manifests"], swiftSettings: strict),
                .target(
                    name: "TestSupport",
                    dependencies: [
                        "Time", "Maths", "JSONTree", "Files", "Images", "Kinematics", "ArmDrivers", "ServoEmulation",
                    ],
                    swiftSettings: strict),
                .target(
                    name: "EpisodeFixture",
                    dependencies: [
                        "Time", "Maths", "Files", "Images", "Messages", "Wire", "MCAPFiles", "Recording", "TestSupport",
                    ], swiftSettings: strict),
            ]),
        [
            .testTarget(
                name: "EndToEndTests",
                dependencies: [
                    "Time", "Maths", "JSONTree", "Files", "Images", "CShims", "Messages", "Wire", "Keys", "Bus",
                    "Link", "CZeroMQ", "Manifests", "Goals", "MCAPFiles", "Recording", "Datasets", "Simulation",
                    "Launch", "TestSupport",
                    "EpisodeFixture",
                ],
                path: "Tests/EndToEnd", exclude: ["sdk", "disk"], swiftSettings: strict)
        ],
    ]).flatMap { $0 },
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
