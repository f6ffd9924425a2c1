import JSONTree
import Time

/// What a machine has computed for robots, for people and programs.
struct ServeSummary: Sendable {
    /// One session.
    struct Robot: Sendable {
        var name: String
        var model: String
        var chunks: Int
        /// From the begin of the pass to its end.
        var inference: LatencyHistogram
    }

    /// Sessions that are kept one by one; older ones are only counted.
    private static let mostRobots = 100

    private var robots: [Robot] = []
    private var sessions = 0
    private var chunks = 0
    /// How often so many requests ran in one pass.
    private var batches: [Int: Int] = [:]

    init() {}

    /// A session has ended.
    mutating func add(_ robot: Robot) {
        sessions += 1
        chunks += robot.chunks
        robots.append(robot)
        if robots.count > Self.mostRobots { robots.removeFirst() }
    }

    /// A pass has ended.
    mutating func countBatch(of size: Int) { batches[size, default: 0] += 1 }

    private var sizes: [(size: Int, count: Int)] {
        batches.sorted { $0.key < $1.key }.map { (size: $0.key, count: $0.value) }
    }

    var lines: [String] {
        let passes = sizes.map { "\($0.count) of \($0.size)" }.joined(separator: ", ")
        return robots.map { robot in
            let (p50, p99) = (robot.inference.quantile(0.5), robot.inference.quantile(0.99))
            return "\(robot.name): \(robot.chunks) chunks of \(robot.model), inference "
                + "\(Int(p50.inMilliseconds)) ms (p99 \(Int(p99.inMilliseconds)) ms)"
        } + ["\(chunks) chunks in \(sessions) sessions; passes: \(passes.isEmpty ? "none" : passes)"]
    }

    var json: JSONNode {
        let robots = robots.map { robot -> JSONNode in
            .object([
                "robot": JSONNode(robot.name), "model": JSONNode(robot.model), "chunks": JSONNode(robot.chunks),
                "inference_p50_ms": JSONNode(number: robot.inference.quantile(0.5).inMilliseconds),
                "inference_p99_ms": JSONNode(number: robot.inference.quantile(0.99).inMilliseconds),
            ])
        }
        let batches = sizes.map { JSONNode.Member(key: "\($0.size)", value: JSONNode($0.count)) }
        return .object([
            "sessions": JSONNode(sessions), "chunks": JSONNode(chunks), "robots": JSONNode(.array(robots)),
            "batches": JSONNode(.object(batches)),
        ])
    }
}
