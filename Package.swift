// swift-tools-version: 6.2
import PackageDescription

// Dependencies point one way: executables, then edges, then cores, then plain values.
// Every target states its own imports; `make` builds with
// `--explicit-target-dependency-import-check error`, so nothing else can creep in.

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies + [argumentParser], exclude: exclude, swiftSettings: strict)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name), "TestSupport"] + dependencies, exclude: exclude,
        swiftSettings: strict)
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
        .executable(name: "octo-bench", targets: ["octo-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // Level 0: C libraries, and the C that Swift cannot express.
        .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-pthread-dev"])]),
        .systemLibrary(
            name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .target(name: "CSentencePiece", linkerSettings: [.linkedLibrary("sentencepiece")]),
        .target(name: "CMendedJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
        .target(name: "CShims"),
        .target(name: "CAllocationCount"),
        .target(name: "CBareLoop"),
        .target(name: "CMuJoCo"),
        .target(name: "CTeam"),
        .target(name: "CKernels", dependencies: ["CTeam"]),

        // Level 1: plain values.
        room("JSONTree"),
        room("Chance"),
        room("Time", ["CShims", histogram]),
        room("Drawing", ["Time"]),
        room("Geometry"),
        room("Images", ["CTurboJPEG", "CMendedJPEG", "CPNG"]),
        room("Messages", ["Time", "Geometry", "Images"]),

        // Level 2: cores, pure.
        room("OctoModel", ["JSONTree", "COpenBLAS", "CKernels", "CTeam"]),
        room("TextTokenizer", ["CSentencePiece"]),
        room("Control", ["JSONTree", "Time", "Geometry", "Messages"]),
        room("Proprioception", ["Control", "Geometry", "Messages", "Time"]),
        room("Policy", ["Proprioception", "OctoModel", "Images", "Messages", "Time"]),
        room("ServoProtocol"),
        room("ServoEmulation", ["ServoProtocol", "Time", "Chance"]),
        room("Simulation", ["CMuJoCo", "Control", "Chance", "JSONTree", "Geometry", "Images"]),
        room("SceneFit", ["Images"]),
        room("Goals", ["SceneFit", "Control", "JSONTree", "Geometry", "Images", "Messages", "Time", "CShims"]),
        room("Episodes", ["JSONTree", "Images", "Time", "CZstd", "CLZ4"]),
        room("Recording", ["Episodes", "Wire", "Messages", "Time", "Images"]),
        // What an episode says, and how it is told again.
        room(
            "Replay",
            [
                "Recording", "Episodes", "Wire", "Launch", "Teleop", "Drawing", "Messages", "Geometry", "Images", "Time", "JSONTree",
            ]),
        room("Launch", ["JSONTree", "Messages", "Time"]),
        room("Teleop", ["Messages", "Geometry", "Time"]),

        // Level 3: edges, the only I/O.
        .target(
            name: "Wire", dependencies: ["Messages", "Time", "Geometry", "Images", protobuf],
            exclude: ["Protos", "generate.sh"], swiftSettings: strict),
        room("RealTime", ["Time", "CShims"]),
        room("Bus", ["Wire", "Messages", "Time", "Images", "CZeroMQ", "CShims"]),
        room("ArmDrivers", ["ServoProtocol", "JSONTree", "Time", "Geometry", "Messages", "CShims"]),
        room("ServoTools", ["ArmDrivers", "ServoProtocol", "JSONTree", "Time"]),
        room("ServoTerminal", ["ServoEmulation", "ArmDrivers", "Geometry", "Time", "CShims"]),
        room("ArmLoop", ["Control", "RealTime", "ArmDrivers", "Messages", "Geometry", "Time"]),
        room("ArmSetup", ["Control", "Launch", "Teleop", "Time"]),
        room(
            "Verification",
            ["Policy", "Proprioception", "Control", "Recording", "Wire", "Messages", "Images", "Geometry", "Time"]),
        room("Export", ["Episodes", "Recording", "Proprioception", "Control", "Wire", "Messages", "Images", "Geometry", "JSONTree", "Time"]),
        room("PolicySetup", ["Policy", "OctoModel", "TextTokenizer", "Launch", "Messages", "Time"]),
        room("ClosedLoop", ["Simulation", "Control", "Chance", "Policy", "Proprioception", "OctoModel", "Messages", "Geometry", "Images", "Time"]),
        // What an evaluation runs, keeps and concludes.
        room(
            "Evaluation",
            [
                "ClosedLoop", "Simulation", "SceneFit", "Recording", "Episodes", "Wire", "Control", "Chance", "Drawing", "Messages",
                "Geometry", "Images", "Time", "JSONTree",
            ]),
        room("Demonstrations", ["ClosedLoop", "Simulation", "Episodes", "Control", "Chance", "Images", "Messages"]),
        room("Cameras", ["JSONTree", "Time", "Images", "Messages", "Chance", "CShims"]),
        room("OperatorTerminal", ["Teleop", "JSONTree", "Messages", "Geometry", "Time"]),
        room("NodeShell", ["Bus", "Wire", "Launch", "Messages", "Time", "CShims", argumentParser, logging]),

        // Level 4: programs.
        program(
            "octo-launch",
            [
                "Launch", "Control", "ArmDrivers", "Cameras", "Bus", "Wire", "Messages", "Time", "NodeShell", "CShims", "JSONTree",
                logging,
            ]),
        program(
            "octo-camera",
            ["Cameras", "Launch", "NodeShell", "Bus", "Wire", "Messages", "Images", "Time", "JSONTree", "CShims", logging]),
        program(
            "octo-goal",
            [
                "Goals", "Recording", "Cameras", "SceneFit", "ArmSetup", "Control", "Geometry", "PolicySetup", "Policy", "OctoModel", "Launch", "NodeShell", "Bus", "Wire", "Messages",
                "Images", "Time", "JSONTree", "CShims",
            ]),
        program(
            "octo-policy",
            [
                "PolicySetup", "Policy", "ArmSetup", "Control", "OctoModel", "TextTokenizer", "Launch", "NodeShell", "Bus", "Wire", "Messages",
                "Images", "Time", "JSONTree", logging,
            ]),
        program(
            "octo-arm",
            [
                "ArmSetup", "Control", "ArmDrivers", "ArmLoop", "ServoEmulation", "ServoTerminal", "ServoTools", "RealTime", "Teleop", "OperatorTerminal", "Launch", "NodeShell",
                "Bus", "Wire", "Messages", "Geometry", "Time", "JSONTree", "CShims", logging,
            ]),
        program(
            "octo-sim",
            [
                "Demonstrations", "ClosedLoop", "Simulation", "Episodes", "ServoTerminal", "ServoEmulation", "ArmSetup", "ArmDrivers", "Control", "Cameras",
                "PolicySetup", "Policy", "RealTime", "Launch", "NodeShell", "Bus", "Wire", "Messages", "Images", "Geometry", "Time", "JSONTree",
                "CShims", logging,
            ]),
        program(
            "octo-eval",
            [
                "Evaluation", "ClosedLoop", "Simulation", "Recording", "Episodes", "ArmSetup", "PolicySetup", "Policy", "Control",
                "Goals", "Launch", "NodeShell", "Messages", "Images", "Time", "JSONTree", "CShims",
            ]),
        program(
            "octo-teleop",
            [
                "Teleop", "OperatorTerminal", "ArmSetup", "ArmDrivers", "ServoTools", "Control", "Goals", "Images", "Launch", "NodeShell",
                "Bus", "Wire", "Messages", "Geometry", "Time", "JSONTree", "CShims",
            ]),
        program(
            "octo-record",
            [
                "Recording", "Episodes", "Launch", "NodeShell", "Bus", "Wire", "Messages", "Images", "Time", "JSONTree", logging,
            ]),
        program(
            "octo-replay",
            [
                "Replay", "Verification", "Export", "Recording", "Episodes", "PolicySetup", "Policy", "Teleop", "ArmSetup", "Control",
                "Goals", "Launch", "NodeShell", "Bus", "Wire", "Messages", "Images", "Geometry", "Time", "JSONTree", "CShims",
            ]),
        program("octo-bus", ["NodeShell", "Bus", "Wire", "Launch", "Time", "JSONTree", "CShims"]),
        program(
            "octo-bench",
            [
                "Bus", "Wire", "Messages", "Images", "RealTime", "Time", "OctoModel", "COpenBLAS", "CZeroMQ", "CShims",
                "CAllocationCount", "CBareLoop", "Cameras", "Chance", "Episodes", "SceneFit", "ClosedLoop", "Simulation", "ArmSetup", "Control", "ArmDrivers", "ArmLoop", "Geometry", "JSONTree", "NodeShell",
            ], exclude: ["Peers"]),

        // Tests.
        .target(
            name: "TestSupport",
            dependencies: ["OctoModel", "Messages", "Images", "ArmDrivers", "ServoEmulation", "Time", "JSONTree", "Chance"], path: "Tests/TestSupport",
            swiftSettings: strict),
        .target(
            name: "EpisodeFixture",
            dependencies: [
                "TestSupport", "Recording", "Episodes", "Wire", "Messages", "Geometry", "Images", "Time",
            ], path: "Tests/EpisodeFixture", swiftSettings: strict),
        tests(of: "JSONTree"),
        tests(of: "Chance"),
        tests(of: "Time"),
        tests(of: "Geometry"),
        tests(of: "Images", ["JSONTree"]),
        tests(of: "OctoModel", ["JSONTree", "CAllocationCount"]),
        tests(of: "CKernels", ["CTeam"]),
        tests(of: "TextTokenizer", ["JSONTree"]),
        tests(of: "Control", ["OctoModel", "Time", "Geometry", "Messages", "JSONTree"]),
        tests(of: "Proprioception", ["Control", "Geometry", "Messages", "Time"]),
        tests(of: "Policy", ["OctoModel", "Proprioception", "TextTokenizer", "Geometry", "Images", "Messages", "Time", "JSONTree"]),
        tests(of: "ServoProtocol", ["CAllocationCount"]),
        tests(of: "ServoEmulation", ["ServoProtocol", "Time"]),
        tests(of: "ServoTerminal", ["ServoEmulation", "ServoProtocol", "Time"]),
        tests(of: "Simulation", ["Control", "Chance", "JSONTree", "Geometry", "Images"]),
        tests(of: "SceneFit", ["Images"]),
        tests(of: "Goals", ["Control", "SceneFit", "Geometry", "Images", "Messages", "Time", "JSONTree"]),
        tests(
            of: "Episodes", ["JSONTree", "Images", "Time"],
            exclude: ["tfds_check.py", "tfrecord_check.py", "mcap_check.py"]),
        tests(of: "Recording", ["EpisodeFixture", "Episodes", "Wire", "Messages", "Time", "Images"]),
        tests(
            of: "Export",
            ["EpisodeFixture", "Recording", "Control", "Wire", "Messages", "Images", "Geometry", "JSONTree", "Time"],
            exclude: ["parquet_check.py"]),
        tests(
            of: "Verification",
            ["ArmLoop", "ArmDrivers", "Control", "Policy", "OctoModel", "RealTime", "Wire", "Messages", "Images", "Geometry", "Time"]),
        tests(
            of: "Replay",
            [
                "EpisodeFixture", "Recording", "Episodes", "Wire", "Launch", "Teleop", "Drawing", "Control", "Messages", "Geometry",
                "Images", "Time", "JSONTree",
            ]),
        tests(of: "Launch", ["JSONTree", "Messages", "Time"]),
        tests(of: "Teleop", ["Control", "Messages", "Geometry", "Time"]),
        tests(of: "Wire", ["Messages", "Time", "Geometry", "Images", protobuf]),
        tests(of: "RealTime", ["Time", "CAllocationCount"]),
        tests(of: "Bus", ["Wire", "Messages", "Time", "Geometry", "Images", "CZeroMQ", "CShims"]),
        tests(
            of: "ArmDrivers",
            ["ServoProtocol", "ServoEmulation", "Time", "Geometry", "Messages", "CAllocationCount", "CShims"]),
        tests(
            of: "ArmLoop",
            [
                "Control", "RealTime", "ArmDrivers", "ServoEmulation", "ServoProtocol", "ServoTerminal", "Chance", "Messages",
                "Geometry", "Time", "CAllocationCount", "CShims",
            ]),
        tests(of: "ServoTools", ["ArmDrivers", "ServoEmulation", "ServoProtocol", "JSONTree", "Time", "Control"]),
        tests(of: "ClosedLoop", ["Simulation", "Control", "Messages", "Geometry", "Images", "Time"]),
        tests(
            of: "Evaluation",
            [
                "ClosedLoop", "Simulation", "SceneFit", "Recording", "Replay", "Control", "Messages", "Geometry", "Images", "Time",
                "JSONTree",
            ]),
        tests(of: "Demonstrations", ["ClosedLoop", "Simulation", "Episodes", "Control", "Geometry", "Images", "JSONTree"]),
        tests(of: "Cameras", ["JSONTree", "Time", "Images", "Messages"]),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "TestSupport", "Bus", "Wire", "Messages", "Images", "Geometry", "Time", "JSONTree", "Launch", "CShims", "CZeroMQ",
                "Simulation", "Episodes", "Recording", "Goals", "EpisodeFixture",
            ],
            exclude: ["sdk"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
