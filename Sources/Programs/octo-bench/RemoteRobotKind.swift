import Files
import Images
import JSONTree

/// What a robot of the benchmark has for cameras and a control loop.
enum RemoteRobotKind {
    /// Two cameras of 640x480 at 30 Hz, or nearly, and a control loop of 100 Hz.
    case whole
    /// Two cameras of the network's sizes at 10 Hz, or nearly, and 50 Hz: many of them fit beside a server on one
    /// machine, so that the server is what is measured.
    case light

    private static let (primary, wrist) = ("primary", "wrist")
    /// Width and height of a light robot's pictures, pixels: what the demo's policy takes in.
    private static func side(of camera: String) -> Int { camera == wrist ? 128 : 256 }

    /// Pictures a second. No multiple of the policy's 5: their phase would be that of the start, and stay so.
    private var rate: Double { self == .whole ? 29.7 : 9.7 }

    private static func smallPictures(_ stage: String, _ camera: String) -> String { "\(stage)/small/\(camera)" }

    /// Writes the pictures of light robots.
    /// - Parameter stage: folder of the benchmark.
    static func writeSmallPictures(stage: String) throws {
        for camera in [primary, wrist] {
            let (folder, side) = (smallPictures(stage, camera), side(of: camera))
            try FileSystem.makeFolders(folder)
            let resize = ImageResize(
                fromWidth: BenchPictures.width, height: BenchPictures.height, toWidth: side, height: side)
            for (number, jpeg) in try BenchPictures().jpegs.enumerated() {
                let picture = try RGBImage(decoding: jpeg, source: "benchmark")
                try resize.resize(picture).jpegData(quality: 85).write(to: "\(folder)/\(number + 100).jpg")
            }
        }
    }

    /// The robot's manifest.
    /// - Parameter port: where its policy is computed; nil: on the robot.
    func manifest(_ number: Int, port: UInt16?, _ stage: RemoteStage) -> JSONNode {
        var tree = ConsolePictures.manifest(pictures: stage.pictures)
        if let port {
            let host = JSONNode.object(["address": "127.0.0.1", "port": JSONNode(Int(port)), "key": "own"])
            tree = tree.with("hosts", .object(["big": host]))
            tree = Self.changing(tree, "policy") { $0.with("host", "big").with("checkpoint", "table") }
        }
        for camera in [Self.primary, Self.wrist] {
            tree = Self.changing(tree, "cameras") { cameras in
                Self.changing(cameras, camera) { section in
                    let section = section.with("rate_hz", JSONNode(number: rate))
                    return self == .whole
                        ? section : section.with("folder", JSONNode(Self.smallPictures(stage.folder, camera)))
                }
            }
        }
        if self == .light {
            let goal = JSONNode(Self.smallPictures(stage.folder, Self.primary) + "/100.jpg")
            tree = Self.changing(tree, "goal") { $0.with("images", .object(["primary": goal])) }
            tree = Self.changing(tree, "arm") { $0.with("control_rate_hz", 50) }
        }
        let members = (tree.object ?? []).filter { $0.key != "console" }
        return JSONNode(.object(members)).with("name", JSONNode("bench-remote-\(number)"))
    }

    /// The tree with another value of one key.
    private static func changing(_ tree: JSONNode, _ key: String, _ change: (JSONNode) -> JSONNode) -> JSONNode {
        tree.with(key, change(tree[key] ?? nil))
    }
}
