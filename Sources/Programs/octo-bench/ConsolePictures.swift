import Files
import Images
import JSONTree
import Manifests

/// Pictures of a camera that carry their number, so that whoever sees one knows when it was taken.
enum ConsolePictures {
    static let cameras = ["primary", "wrist"]
    static let rateHertz = 30.0
    /// How many there are: at 30 Hz none comes again within two seconds.
    static let count = 64
    /// The squares at the upper edge that are the number: white, black, then its bits from the highest on.
    static let squares = 8

    /// Writes them as JPEG files of 640x480.
    /// - Returns: bytes of a file, the mean.
    static func write(into folder: String) throws -> Int {
        try FileSystem.makeFolders(folder)
        var total = 0
        let scenes = try BenchPictures().jpegs.map { try RGBImage(decoding: $0, source: "benchmark") }
        let side = BenchPictures.width / squares
        for number in 0..<count {
            var pixels = Array(scenes[number % scenes.count].pixels.bytes)
            for square in 0..<squares {
                let isWhite = square == 0 || (square > 1 && number >> (squares - 1 - square) & 1 == 1)
                for row in 0..<side {
                    let first = (row * BenchPictures.width + square * side) * 3
                    for byte in first..<(first + side * 3) { pixels[byte] = isWhite ? 255 : 0 }
                }
            }
            let picture = RGBImage(
                width: BenchPictures.width, height: BenchPictures.height, pixels: SharedBytes(copying: pixels))
            let file = try picture.jpegData(quality: 85)
            total += file.count
            try file.write(to: "\(folder)/\(number + 100).jpg")
        }
        return total / count
    }

    /// A robot with two such cameras, the small policy that comes along, a simulated arm and a console.
    /// - Parameter pictures: absolute path of the folder with the pictures.
    static func manifest(pictures: String) -> JSONNode {
        let camera = JSONNode.object([
            "source": "images", "folder": JSONNode(pictures), "rate_hz": JSONNode(number: rateHertz),
        ])
        let policy = FileSystem.folder(
            of: FileSystem.absolute(
                ShippedFile.path("launch/policies/table/config.json"), from: FileSystem.workingFolder))
        let calibration = FileSystem.absolute(
            ShippedFile.path("calibration/widowx-250s.json"), from: FileSystem.workingFolder)
        return .object([
            "name": "bench-console",
            "cameras": JSONNode(.object(cameras.map { .init(key: $0, value: camera) })),
            "goal": .object([
                "source": "images", "images": .object(["primary": JSONNode(pictures + "/100.jpg")]),
                "name": "the first picture",
            ]),
            "policy": .object([
                "checkpoint": JSONNode(policy), "dataset": "bridge_dataset", "rate_hz": 5, "proprio": "bridge",
            ]),
            "arm": .object([
                "driver": "simulated", "calibration": JSONNode(calibration), "control_rate_hz": 100,
                "execution_horizon": 2, "gripper": .object(["mode": "binary"]),
            ]),
            // Writing to the disk is not what is measured.
            "record": .object(["enabled": false]),
            "console": .object(["port": 0, "viewers": 64]),
        ])
    }
}
