import Bus
import CShims
import Glibc
import Images
import JSONTree
import Keys
import Messages
import Time

/// The demo's frames from this process to another and a small answer back, over sockets in a folder, over ports, and
/// over ports with keys, by turns in one run.
enum RemoteFrames {
    /// First argument with which this program is the other process.
    static let echo = "frame-echo"

    /// How the two processes reach each other.
    enum Way: String, CaseIterable {
        case ipc
        case tcp
        /// Ports with keys: everything is encrypted.
        case curve

        var name: String {
            switch self {
            case .ipc: "sockets in a folder"
            case .tcp: "ports, insecure"
            case .curve: "ports with keys"
            }
        }

        fileprivate func endpoints(in folder: String, _ kind: String) throws -> (request: String, answer: String) {
            switch self {
            case .ipc: ("ipc://\(folder)/\(kind)-request", "ipc://\(folder)/\(kind)-answer")
            case .tcp, .curve:
                ("tcp://127.0.0.1:\(try BenchChild.freePort())", "tcp://127.0.0.1:\(try BenchChild.freePort())")
            }
        }

        fileprivate func security(_ keys: KeyFolder) -> BusSecurity { self == .tcp ? .insecure : .keys(keys) }
    }

    /// A frame as cameras deliver it.
    struct Picture {
        var name: String
        var pixels: CameraFrame.Pixels

        /// What a network takes in, and what a camera of 640x480 sends.
        static func demo() throws -> [Picture] {
            let jpeg = try BenchPictures().jpegs[0]
            let side = BusBenchmark.side
            return [
                .init(
                    name: "RGB \(side)x\(side), \(side * side * 3) bytes",
                    pixels: .rgb8(RGBImage(width: side, height: side, filledWith: 7))),
                .init(
                    name: "JPEG \(BenchPictures.width)x\(BenchPictures.height), \(jpeg.count) bytes",
                    pixels: .jpeg(jpeg, width: BenchPictures.width, height: BenchPictures.height)),
            ]
        }
    }

    /// What was measured of one picture and one way.
    struct Figures {
        var latencies = LatencyHistogram()
        /// CPU time of both processes, seconds.
        var processorSeconds = 0.0

        /// Milliseconds.
        var quantiles: Quantiles {
            Quantiles(p50: latencies.quantile(0.5).inMilliseconds, p99: latencies.quantile(0.99).inMilliseconds)
        }
        /// Milliseconds for a frame and its answer.
        var processorMilliseconds: Double { processorSeconds / Double(max(latencies.count, 1)) * 1e3 }

        var json: JSONNode {
            .object([
                "round_trip_ms": .object([
                    "p50": JSONNode(number: quantiles.p50), "p99": JSONNode(number: quantiles.p99),
                ]),
                "cpu_ms": JSONNode(number: processorMilliseconds), "frames": JSONNode(Int(latencies.count)),
            ])
        }
    }

    /// One pair of processes.
    private final class Pair {
        let caller: BusCaller
        private let child: pid_t

        init(_ way: Way, _ picture: Picture, number: Int, in folder: String, keys: KeyFolder) throws {
            let (request, answer) = try way.endpoints(in: folder, "\(way.rawValue)-\(number)")
            child = try BenchChild.start(
                "/proc/self/exe", [RemoteFrames.echo, request, answer, way.rawValue, keys.path],
                log: "\(folder)/\(way.rawValue)-\(number).log", endsWith: SIGKILL)
            do {
                caller = try BusCaller(
                    request: request, answer: answer, security: way.security(keys), pixels: picture.pixels)
            } catch {
                BenchChild.end(child, with: SIGKILL)
                throw error
            }
        }

        func measure(frames: Int) throws -> Figures {
            func spent() throws -> Double {
                try ProcessTimes.exactProcessorSeconds(of: child) + ProcessTimes.exactProcessorSeconds(of: getpid())
            }
            var figures = Figures()
            figures.processorSeconds = -(try spent())
            for _ in 0..<frames {
                let start = MonotonicTime.now()
                try caller.send()
                try caller.receive()
                figures.latencies.record(MonotonicTime.now() - start)
            }
            figures.processorSeconds += try spent()
            return figures
        }

        func end() {
            caller.close()
            BenchChild.end(child, with: SIGKILL)
        }
    }

    /// Measures all ways by turns.
    /// - Returns: for each picture the figures of each way, in the order of `Way.allCases`.
    static func measure(
        rounds: Int, frames: Int, in folder: String, keys: KeyFolder
    ) throws -> [(picture: Picture, figures: [Figures])] {
        try Picture.demo().enumerated().map { number, picture in
            var pairs: [Pair] = []
            defer { for pair in pairs { pair.end() } }
            for way in Way.allCases {
                pairs.append(try Pair(way, picture, number: number, in: folder, keys: keys))
            }
            var figures = pairs.map { _ in Figures() }
            // The first turn warms caches and allocators, and does not count.
            for round in 0...rounds {
                for turn in pairs.indices {
                    // Who goes first changes.
                    let index = (turn + round) % pairs.count
                    let found = try pairs[index].measure(frames: frames)
                    guard round > 0 else { continue }
                    figures[index].latencies.add(found.latencies)
                    figures[index].processorSeconds += found.processorSeconds
                }
            }
            return (picture, figures)
        }
    }

    /// The second process: answers each frame until it is killed.
    /// - Parameter arguments: endpoint of the frames, that of the answers, the way, the folder with the keys.
    static func runEcho(_ arguments: [String]) throws -> Never {
        guard arguments.count == 4, let way = Way(rawValue: arguments[2]) else {
            throw BusBenchmarkError.setup("reading \(echo)'s arguments")
        }
        try runBusEcho(
            request: arguments[0], answer: arguments[1], security: way.security(KeyFolder(path: arguments[3])))
    }
}
