// swift-tools-version: 6.2
import PackageDescription

// The groups of Sources, in the order in which what they have builds on one another; Sources/README.md says what is in each.
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
        .executable(name: "octo-bench", targets: ["octo-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [[Target]]([
        group("Base", [
            room("Time", ["CShims", histogram]),
            room("Maths"),
            room("JSONTree"),
            room("Images", ["CTurboJPEG", "CMendedJPEG", "CPNG"]),
            room("Drawing", ["Time"]),
            .systemLibrary(
                name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
            .target(name: "CMendedJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
            .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
            .target(name: "CShims"),
            tests(of: "Time"),
            tests(of: "Maths"),
            tests(of: "JSONTree"),
            tests(of: "Images", ["JSONTree"]),
        ]),
        group("Runtime", [
            room("Messages", ["Time", "Maths", "Images"]),
            .target(
                name: "Wire", dependencies: ["Messages", "Time", "Maths", "Images", protobuf],
                exclude: ["Protos", "generate.sh"], swiftSettings: strict),
            room("Bus", ["Wire", "Messages", "Time", "Images", "CZeroMQ", "CShims"]),
            .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
            room("RealTime", ["Time", "CShims"]),
            room("Manifests", ["JSONTree", "Messages", "Time"]),
            room("NodeShell", ["Bus", "Wire", "Manifests", "Messages", "Time", "CShims", argumentParser, logging]),
            tests(of: "Wire", ["Messages", "Time", "Maths", "Images", protobuf]),
            tests(of: "Bus", ["Wire", "Messages", "Time", "Maths", "Images", "CZeroMQ", "CShims"]),
            tests(of: "RealTime", ["Time", "CAllocationCount"]),
            tests(of: "Manifests", ["ManifestSamples", "JSONTree", "Messages", "Time"]),
        ]),
        group("Cameras", [
            room("Cameras", ["JSONTree", "Time", "Images", "Messages", "Maths", "CShims"]),
            tests(of: "Cameras", ["JSONTree", "Time", "Images", "Messages"]),
        ]),
        group("Goals", [
            room("SceneFit", ["Images"]),
            room("Goals", ["SceneFit", "Control", "JSONTree", "Maths", "Images", "Messages", "Time", "CShims"]),
            tests(of: "SceneFit", ["Images"]),
            tests(of: "Goals", ["Control", "SceneFit", "Maths", "Images", "Messages", "Time", "JSONTree"]),
        ]),
        group("Policy", [
            room("OctoModel", ["JSONTree", "COpenBLAS", "CKernels"]),
            .target(name: "CKernels"),
            .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-pthread-dev"])]),
            room("TextTokenizer", ["CSentencePiece"]),
            .target(name: "CSentencePiece", linkerSettings: [.linkedLibrary("sentencepiece")]),
            room("Proprioception", ["Control", "Maths", "Messages", "Time"]),
            room("Policy", ["Proprioception", "OctoModel", "Images", "Messages", "Time"]),
            room("PolicySetup", ["Policy", "OctoModel", "TextTokenizer", "Manifests", "Messages", "Time"]),
            tests(of: "OctoModel", ["JSONTree", "CAllocationCount"]),
            tests(of: "CKernels"),
            tests(of: "TextTokenizer", ["JSONTree"]),
            tests(of: "Proprioception", ["Control", "Maths", "Messages", "Time"]),
            tests(of: "Policy", ["OctoModel", "Proprioception", "TextTokenizer", "Maths", "Images", "Messages", "Time", "JSONTree"]),
        ]),
        group("Arm", [
            room("Control", ["JSONTree", "Time", "Maths", "Messages"]),
            room("ServoProtocol"),
            room("ArmDrivers", ["ServoProtocol", "JSONTree", "Time", "Maths", "Messages", "CShims"]),
            room("ArmLoop", ["Control", "RealTime", "ArmDrivers", "Messages", "Maths", "Time"]),
            room("ArmSetup", ["Control", "Manifests", "Teleop", "Time"]),
            room("ServoTools", ["ArmDrivers", "ServoProtocol", "JSONTree", "Time"]),
            room("ServoEmulation", ["ServoProtocol", "ArmDrivers", "Maths", "Time", "CShims"]),
            tests(of: "Control", ["OctoModel", "Time", "Maths", "Messages", "JSONTree"]),
            tests(of: "ServoProtocol", ["CAllocationCount"]),
            tests(
                of: "ArmDrivers",
                ["ServoProtocol", "ServoEmulation", "Time", "Maths", "Messages", "CAllocationCount", "CShims"]),
            tests(
                of: "ArmLoop",
                [
                    "Control", "RealTime", "ArmDrivers", "ServoEmulation", "ServoProtocol", "Maths", "Messages", "Time", "CAllocationCount", "CShims",
                ]),
            tests(of: "ServoTools", ["ArmDrivers", "ServoEmulation", "ServoProtocol", "JSONTree", "Time", "Control"]),
            tests(of: "ServoEmulation", ["ServoProtocol", "Time"]),
        ]),
        group("Teleop", [
            room("Teleop", ["Messages", "Maths", "Time"]),
            room("OperatorTerminal", ["Teleop", "JSONTree", "Messages", "Maths", "Time"]),
            tests(of: "Teleop", ["Control", "Messages", "Maths", "Time"]),
        ]),
        group("Episodes", [
            room("Episodes", ["JSONTree", "Images", "Time", "CZstd", "CLZ4"]),
            .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
            .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
            room("Recording", ["Episodes", "Wire", "Messages", "Time", "Images"]),
            room(
                "Replay",
                [
                    "Recording", "Episodes", "Wire", "Manifests", "Teleop", "Drawing", "Messages", "Maths", "Images", "Time", "JSONTree",
                ]),
            room(
                "Verification",
                ["Policy", "Proprioception", "Control", "Recording", "Wire", "Messages", "Images", "Maths", "Time"]),
            room("Export", ["Episodes", "Recording", "Proprioception", "Control", "Wire", "Messages", "Images", "Maths", "JSONTree", "Time"]),
            tests(
                of: "Episodes", ["JSONTree", "Images", "Time"],
                exclude: ["tfds_check.py", "tfrecord_check.py", "mcap_check.py"]),
            tests(of: "Recording", ["EpisodeFixture", "Episodes", "Wire", "Messages", "Time", "Images"]),
            tests(
                of: "Replay",
                [
                    "EpisodeFixture", "Recording", "Episodes", "Wire", "Manifests", "Teleop", "Drawing", "Control", "Messages", "Maths",
                    "Images", "Time", "JSONTree",
                ]),
            tests(
                of: "Verification",
                ["ArmLoop", "ArmDrivers", "Control", "Policy", "OctoModel", "RealTime", "Wire", "Messages", "Images", "Maths", "Time"]),
            tests(
                of: "Export",
                ["EpisodeFixture", "Recording", "Control", "Wire", "Messages", "Images", "Maths", "JSONTree", "Time"],
                exclude: ["parquet_check.py", "lerobot_check.py", "lerobot_video_check.py"]),
        ]),
        group("Simulation", [
            .target(name: "CMuJoCo"),
            room("Simulation", ["CMuJoCo", "Control", "Maths", "JSONTree", "Images"]),
            room("ClosedLoop", ["Simulation", "Control", "Maths", "Policy", "Proprioception", "OctoModel", "Messages", "Images", "Time"]),
            room("Demonstrations", ["ClosedLoop", "Simulation", "Episodes", "Control", "Maths", "Images", "Messages"]),
            room(
                "Evaluation",
                [
                    "ClosedLoop", "Simulation", "SceneFit", "Recording", "Episodes", "Wire", "Control", "Maths", "Drawing", "Messages", "Images", "Time", "JSONTree",
                ]),
            tests(of: "Simulation", ["Control", "Maths", "JSONTree", "Images"]),
            tests(of: "ClosedLoop", ["Simulation", "Control", "Messages", "Maths", "Images", "Time"]),
            tests(of: "Demonstrations", ["ClosedLoop", "Simulation", "Episodes", "Control", "Maths", "Images", "JSONTree"]),
            tests(
                of: "Evaluation",
                [
                    "ClosedLoop", "Simulation", "SceneFit", "Recording", "Replay", "Control", "Messages", "Maths", "Images", "Time",
                    "JSONTree",
                ]),
        ]),
        group("Launch", [
            room("Launch", ["Manifests", "JSONTree", "Messages", "Time"]),
            tests(of: "Launch", ["ManifestSamples", "Manifests", "JSONTree", "Messages", "Time"]),
        ]),
        group("Programs", [
            .target(name: "CAllocationCount"),
            .target(name: "CBareLoop"),
            program(
                "octo-launch",
                [
                    "Launch", "Manifests", "Recording", "Control", "ArmDrivers", "Cameras", "Bus", "Wire", "Messages", "Time", "NodeShell", "CShims",
                    "JSONTree", logging,
                ]),
            program(
                "octo-camera",
                ["Cameras", "Manifests", "NodeShell", "Bus", "Wire", "Messages", "Images", "Time", "JSONTree", "CShims", logging]),
            program(
                "octo-goal",
                [
                    "Goals", "Recording", "Cameras", "SceneFit", "ArmSetup", "Control", "Maths", "PolicySetup", "Policy", "OctoModel", "Manifests", "NodeShell", "Bus", "Wire", "Messages",
                    "Images", "Time", "JSONTree", "CShims",
                ]),
            program(
                "octo-policy",
                [
                    "PolicySetup", "Policy", "ArmSetup", "Control", "OctoModel", "TextTokenizer", "Manifests", "NodeShell", "Bus", "Wire", "Messages",
                    "Images", "Time", "JSONTree", logging,
                ]),
            program(
                "octo-arm",
                [
                    "ArmSetup", "Control", "ArmDrivers", "ArmLoop", "ServoEmulation", "ServoTools", "RealTime", "Teleop", "OperatorTerminal", "Manifests", "NodeShell", "Bus", "Wire", "Messages", "Maths", "Time", "JSONTree", "CShims", logging,
                ]),
            program(
                "octo-teleop",
                [
                    "Teleop", "OperatorTerminal", "ArmSetup", "ArmDrivers", "ServoTools", "Control", "Goals", "Images", "Manifests", "NodeShell",
                    "Bus", "Wire", "Messages", "Maths", "Time", "JSONTree", "CShims",
                ]),
            program(
                "octo-record",
                [
                    "Recording", "Episodes", "Manifests", "NodeShell", "Bus", "Wire", "Messages", "Images", "Time", "JSONTree", logging,
                ]),
            program(
                "octo-replay",
                [
                    "Replay", "Verification", "Export", "Recording", "Episodes", "PolicySetup", "Policy", "Teleop", "ArmSetup", "Control",
                    "Goals", "Manifests", "NodeShell", "Bus", "Wire", "Messages", "Images", "Maths", "Time", "JSONTree", "CShims",
                ]),
            program(
                "octo-sim",
                [
                    "Demonstrations", "ClosedLoop", "Simulation", "Episodes", "ServoEmulation", "ArmSetup", "ArmDrivers", "Control", "Cameras", "PolicySetup", "Policy", "RealTime", "Manifests", "NodeShell", "Bus", "Wire", "Messages", "Images", "Maths", "Time", "JSONTree", "CShims", logging,
                ]),
            program(
                "octo-eval",
                [
                    "Evaluation", "ClosedLoop", "Simulation", "Recording", "Episodes", "ArmSetup", "PolicySetup", "Policy", "Control",
                    "Goals", "Manifests", "NodeShell", "Messages", "Images", "Time", "JSONTree", "CShims",
                ]),
            program("octo-bus", ["NodeShell", "Bus", "Wire", "Messages", "Manifests", "Time", "JSONTree", "CShims"]),
            program(
                "octo-bench",
                [
                    "Bus", "Wire", "Messages", "Images", "RealTime", "Time", "OctoModel", "COpenBLAS", "CZeroMQ", "CShims", "CAllocationCount", "CBareLoop", "Cameras", "Maths", "Episodes", "SceneFit", "ClosedLoop", "Simulation", "ArmSetup", "Control", "ArmDrivers", "ArmLoop", "JSONTree", "NodeShell",
                ], exclude: ["Peers"]),
        ]),
        group("Support", in: "Tests", [
            .target(name: "ManifestSamples", dependencies: ["Manifests", "JSONTree"], swiftSettings: strict),
            .target(
                name: "TestSupport",
                dependencies: ["OctoModel", "Messages", "Images", "ArmDrivers", "ServoEmulation", "Time", "JSONTree", "Maths"],
                swiftSettings: strict),
            .target(
                name: "EpisodeFixture",
                dependencies: [
                    "TestSupport", "Recording", "Episodes", "Wire", "Messages", "Maths", "Images", "Time",
                ], swiftSettings: strict),
        ]),
        [
            .testTarget(
                name: "EndToEndTests",
                dependencies: [
                    "TestSupport", "Bus", "Wire", "Messages", "Images", "Maths", "Time", "JSONTree", "Launch", "Manifests", "CShims", "CZeroMQ",
                    "Simulation", "Episodes", "Recording", "Goals", "EpisodeFixture",
                ],
                path: "Tests/EndToEnd", exclude: ["sdk", "disk"], swiftSettings: strict),
        ],
    ]).flatMap { $0 },
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
