import ArgumentParser
import Digests
import Files
import Foundation
import Images
import JSONTree
import Maths
import Time

/// Measures the way from a camera's buffer to a picture of the network's size.
struct CameraCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "camera",
        abstract: "JPEG decoding and resizing beside Pillow and OpenCV; frame hashes; CPU and latency of camera nodes.",
        discussion: """
            The cameras are in memory, 640x480 at 30 Hz; everything behind them is what octo-camera does: V4L2 \
            buffers, conversion, the node's core, the bus, each node a process of its own and this one their reader. \
            Pillow and OpenCV are measured where a python3 has them: python3 -m venv .build/python; \
            .build/python/bin/pip install pillow opencv-python-headless.
            """)

    @Option(help: "Use this Python, which has Pillow and OpenCV.")
    var python: String?

    @Option(help: "Run so many seconds for each format and number of cameras.")
    var seconds = 5.0

    @Option(help: "Decode and resize so many pictures.")
    var runs = 300

    func validate() throws {
        guard seconds > 0, seconds <= 3_600, runs >= 10 else {
            throw ValidationError("--seconds and --runs: give more.")
        }
    }

    func run() throws {
        print("Camera, 640x480")
        let pictures = try BenchPictures()
        let ours = try decodeAndResize(pictures)
        print("JPEG of \(pictures.jpegs[0].count / 1_000) kB to RGB, and exactly to 256x256 (Lanczos), ms p50 / p99")
        print("                 decode            resize            both")
        print("  ours      \(ours.text)")
        for (name, peer) in try peers(pictures) {
            print(
                "  \(name.padding(toLength: 8, withPad: " ", startingAt: 0))  \(peer.text)   both, ours / \(name): "
                    + "\(String(format: "%.2f", ours.both.p50 / peer.both.p50))"
            )
        }
        print("hash of a frame's pixels, \(BenchPictures.width * BenchPictures.height * 3 / 1_000) kB, ms p50 / p99")
        print(hashes(try RGBImage(decoding: pictures.jpegs[0], source: "benchmark").pixels))
        print("camera nodes       CPU ms a frame    capture to published    capture to received, ms p50 / p99")
        for format in ["mjpeg", "yuyv"] {
            for cameras in [1, 2] {
                let nodes = try CameraNodesRun.measure(format: format, cameras: cameras, seconds: seconds)
                print("  \(format.padding(toLength: 5, withPad: " ", startingAt: 0)) x \(cameras)  \(nodes.text)")
            }
        }
    }

    /// XXH3, which every frame has, beside FNV-1a, which it had up to version 0.2.0, and SHA-256, which files have; in
    /// turns, so that all see the same machine.
    private func hashes(_ pixels: SharedBytes) -> String {
        var (xxh3, fnv, sha): ([Double], [Double], [Double]) = ([], [], [])
        var sum: UInt64 = 0
        for _ in 0..<runs {
            let start = MonotonicTime.now()
            sum &+= pixels.xxh3
            let first = MonotonicTime.now()
            var hash = FNV1a()
            hash.combine(pixels.bytes)
            sum &+= hash.value
            let second = MonotonicTime.now()
            sum &+= UInt64(pixels.sha256.utf8.count)
            let end = MonotonicTime.now()
            xxh3.append((first - start).inMilliseconds)
            fnv.append((second - first).inMilliseconds)
            sha.append((end - second).inMilliseconds)
        }
        precondition(sum != 0, "nothing was hashed")
        let (new, old, proof) = (Quantiles(xxh3), Quantiles(fnv), Quantiles(sha))
        return "  XXH3 \(new.fineText)   FNV-1a \(old.fineText)   SHA-256 \(proof.fineText)   XXH3 / FNV-1a: "
            + String(format: "%.3f", new.p50 / old.p50)
    }

    private func decodeAndResize(_ pictures: BenchPictures) throws -> DecodeTimes {
        let plan = ImageResize(
            fromWidth: BenchPictures.width, height: BenchPictures.height, toWidth: 256, height: 256, cropsCentre: false)
        var (decode, resize, both): ([Double], [Double], [Double]) = ([], [], [])
        // The first round warms caches and does not count.
        for run in -10..<runs {
            let start = MonotonicTime.now()
            let image = try RGBImage(decoding: pictures.jpegs[(run + 10) % pictures.jpegs.count], source: "benchmark")
            let middle = MonotonicTime.now()
            let small = plan.resize(image)
            let end = MonotonicTime.now()
            precondition(small.width == 256, "a picture of another size was made")
            guard run >= 0 else { continue }
            decode.append((middle - start).inMilliseconds)
            resize.append((end - middle).inMilliseconds)
            both.append((end - start).inMilliseconds)
        }
        return DecodeTimes(decode: .init(decode), resize: .init(resize), both: .init(both))
    }

    private func peers(_ pictures: BenchPictures) throws -> [(String, DecodeTimes)] {
        let candidates = python.map { [$0] } ?? [".build/python/bin/python3", "/usr/bin/python3"]
        guard let program = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            print("  Pillow, OpenCV: skipped, no python3 at \(candidates.joined(separator: ", "))")
            return []
        }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("octo-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { _ = try? FileManager.default.removeItem(at: folder) }
        for (index, jpeg) in pictures.jpegs.enumerated() { try jpeg.write(to: folder.path + "/\(index).jpg") }
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["Sources/Programs/octo-bench/Peers/peer_jpeg.py", folder.path, "\(runs)"]
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0, let tree = try? JSONNode(parsing: output) else {
            print(
                "  Pillow, OpenCV: skipped, \(program) could not run Sources/Programs/octo-bench/Peers/peer_jpeg.py "
                    + "from this folder"
            )
            return []
        }
        return ["Pillow", "OpenCV"].compactMap { name in
            guard let times = tree[name], let found = DecodeTimes(times) else {
                print("  \(name): skipped, \(program) does not have it")
                return nil
            }
            return (name, found)
        }
    }
}

/// Median and 99th percentile of many runs.
struct Quantiles {
    var p50: Double
    var p99: Double

    init(_ values: [Double]) {
        let sorted = values.sorted()
        p50 = sorted[sorted.count / 2]
        p99 = sorted[min(sorted.count - 1, sorted.count * 99 / 100)]
    }

    init(p50: Double, p99: Double) { (self.p50, self.p99) = (p50, p99) }

    init?(_ node: JSONNode?) {
        guard let p50 = node?["p50"]?.double, let p99 = node?["p99"]?.double else { return nil }
        (self.p50, self.p99) = (p50, p99)
    }

    var text: String { String(format: "%6.2f /%6.2f", p50, p99) }
    var fineText: String { String(format: "%6.3f /%6.3f", p50, p99) }
}

/// Times of decoding, milliseconds.
private struct DecodeTimes {
    var decode: Quantiles
    var resize: Quantiles
    var both: Quantiles

    init(decode: Quantiles, resize: Quantiles, both: Quantiles) {
        (self.decode, self.resize, self.both) = (decode, resize, both)
    }

    init?(_ node: JSONNode) {
        guard let decode = Quantiles(node["decode"]), let resize = Quantiles(node["resize"]),
            let both = Quantiles(node["both"])
        else { return nil }
        self.init(decode: decode, resize: resize, both: both)
    }

    var text: String { [decode, resize, both].map(\.text).joined(separator: "  ") }
}

/// Pictures with edges, gradients and noise, as a camera's: a JPEG of them has the size of a webcam's.
struct BenchPictures {
    static let (width, height) = (640, 480)
    let jpegs: [SharedBytes]
    /// YUYV frames of the same pictures.
    let yuyv: [SharedBytes]

    init() throws {
        var (jpegs, yuyv): ([SharedBytes], [SharedBytes]) = ([], [])
        for seed in 0..<4 as Range<UInt64> {
            var dice = SplitMix64(seed: seed)
            var luma = [UInt8](repeating: 0, count: Self.width * Self.height)
            for y in 0..<Self.height {
                for x in 0..<Self.width {
                    let tile = (x / 40 + y / 40 + Int(seed)).isMultiple(of: 2) ? 40 : 0
                    let value = 60 + tile + x * 60 / Self.width + y * 40 / Self.height + Int(dice.symmetric(6))
                    luma[y * Self.width + x] = UInt8(min(max(value, 16), 235))
                }
            }
            let rgb = RGBImage(
                width: Self.width, height: Self.height,
                pixels: SharedBytes(copying: luma.flatMap { [$0, $0 &+ 10, $0 / 2] }))
            jpegs.append(try rgb.jpegData(quality: 85))
            yuyv.append(SharedBytes(copying: luma.flatMap { [$0, 120] }))
        }
        (self.jpegs, self.yuyv) = (jpegs, yuyv)
    }
}
