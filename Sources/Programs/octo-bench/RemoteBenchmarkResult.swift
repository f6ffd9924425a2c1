import Foundation
import JSONTree

/// What the benchmark of remote policies found.
struct RemoteBenchmarkResult {
    /// One robot whose policy is so far away.
    struct Distance {
        var name: String
        /// Nil: the policy is a process of the robot's.
        var network: RemoteNetwork?
        var phase = RemotePhase()

        static var all: [Distance] {
            [Distance(name: "policy on the robot", network: nil)]
                + [0, 1, 5, 20].map { delay in
                    Distance(
                        name: "remote, \(Int(delay)) ms each way", network: RemoteNetwork(delay: delay, loss: 0))
                } + [Distance(name: "remote, 0 ms, 1 % loss", network: RemoteNetwork(delay: 0, loss: 1))]
        }
    }

    /// So many robots at once.
    struct Crowd {
        var count: Int
        /// With policies of their own, and with one server.
        var (local, remote) = (RemotePhase(), RemotePhase())

        init(count: Int) { self.count = count }
    }

    /// For each picture the figures of each way, in the order of `RemoteFrames.Way.allCases`.
    var frames: [(picture: RemoteFrames.Picture, figures: [RemoteFrames.Figures])] = []
    var distances: [Distance] = []
    var crowds: [Crowd] = []

    private static func row(_ label: String, _ cells: [String]) -> String {
        "  " + label.padding(toLength: 38, withPad: " ", startingAt: 0)
            + cells.map { String(repeating: " ", count: max(1, 19 - $0.count)) + $0 }.joined()
    }

    var text: String { (frameLines + distanceLines + crowdLines).joined(separator: "\n") }

    private var frameLines: [String] {
        guard !frames.isEmpty else { return [] }
        var lines = ["Frames between two processes: round trip with a small answer, CPU of both processes"]
        for (picture, figures) in frames {
            lines.append(Self.row(picture.name, ["ms p50 / p99", "CPU ms a frame", "p50, to the first"]))
            for (way, found) in zip(RemoteFrames.Way.allCases, figures) {
                lines.append(
                    Self.row(
                        "  " + way.name,
                        [
                            found.quantiles.fineText, String(format: "%.3f", found.processorMilliseconds),
                            String(format: "%.2f", found.quantiles.p50 / max(figures[0].quantiles.p50, 1e-9)),
                        ]))
            }
        }
        return lines
    }

    private var distanceLines: [String] {
        guard let here = distances.first, !here.phase.tickToChunk.isEmpty else { return [] }
        let reference = Quantiles(here.phase.tickToChunk)
        var lines = [
            "One robot, policy at 5 Hz on two pictures of 640x480",
            Self.row(
                "", ["frame to chunk, ms", "tick to chunk, ms", "p50, more than here", "of it round trip", "chunks/s"]),
        ]
        for distance in distances {
            guard !distance.phase.tickToChunk.isEmpty else {
                lines.append(Self.row(distance.name, ["no chunk"]))
                continue
            }
            let tick = Quantiles(distance.phase.tickToChunk)
            lines.append(
                Self.row(
                    distance.name,
                    [
                        Quantiles(distance.phase.frameToChunk).text, tick.text,
                        distance.network == nil ? "" : String(format: "%.2f ms", tick.p50 - reference.p50),
                        distance.network.map { String(format: "%.0f ms", 2 * $0.delay) } ?? "",
                        String(format: "%.2f", distance.phase.chunksPerSecond),
                    ]))
        }
        return lines
    }

    private var crowdLines: [String] {
        guard !crowds.isEmpty else { return [] }
        func megabytes(_ bytes: Int) -> String { String(format: "%.0f", Double(bytes) / 1e6) }
        var lines = [
            "Robots at once, each policy at 5 Hz; memory of the processes that have the network (PSS: shared pages",
            "once), CPU of the robots' policy processes and of the server, ms a chunk",
            Self.row(
                "", ["chunks/s", "frame to chunk, ms", "tick to chunk, ms", "RSS / PSS, MB", "CPU robot / server"]),
        ]
        for crowd in crowds {
            for (name, phase) in [("own policies", crowd.local), ("one server", crowd.remote)] {
                let label = "\(crowd.count) \(crowd.count == 1 ? "robot" : "robots"), \(name)"
                guard !phase.tickToChunk.isEmpty else {
                    lines.append(Self.row(label, ["no chunk"]))
                    continue
                }
                lines.append(
                    Self.row(
                        label,
                        [
                            String(format: "%.2f", phase.chunksPerSecond), Quantiles(phase.frameToChunk).text,
                            Quantiles(phase.tickToChunk).text,
                            "\(megabytes(phase.resident)) / \(megabytes(phase.proportional))",
                            String(format: "%.1f / %.1f", phase.robotMilliseconds, phase.serverMilliseconds),
                        ]))
            }
        }
        return lines
    }

    var json: JSONNode {
        func node(_ values: [Double]) -> JSONNode {
            guard !values.isEmpty else { return nil }
            let quantiles = Quantiles(values)
            return .object(["p50": JSONNode(number: quantiles.p50), "p99": JSONNode(number: quantiles.p99)])
        }
        func node(_ phase: RemotePhase) -> JSONNode {
            .object([
                "seconds": JSONNode(number: phase.seconds), "chunks": JSONNode(phase.frameToChunk.count),
                "chunks_per_second": JSONNode(number: phase.chunksPerSecond),
                "frame_to_chunk_ms": node(phase.frameToChunk), "tick_to_chunk_ms": node(phase.tickToChunk),
                "rss_bytes": JSONNode(phase.resident), "pss_bytes": JSONNode(phase.proportional),
                "robot_cpu_ms_per_chunk": JSONNode(number: phase.robotMilliseconds),
                "server_cpu_ms_per_chunk": JSONNode(number: phase.serverMilliseconds),
            ])
        }
        let frames = frames.map { picture, figures in
            JSONNode(
                .object(
                    [.init(key: "picture", value: JSONNode(picture.name))]
                        + zip(RemoteFrames.Way.allCases, figures).map { .init(key: $0.rawValue, value: $1.json) }))
        }
        let distances = distances.map { distance in
            node(distance.phase).with("name", JSONNode(distance.name))
                .with("delay_ms", distance.network.map { JSONNode(number: $0.delay) } ?? nil)
                .with("loss_percent", distance.network.map { JSONNode(number: $0.loss) } ?? nil)
        }
        let crowds = crowds.map { crowd in
            JSONNode.object([
                "robots": JSONNode(crowd.count), "own_policies": node(crowd.local), "one_server": node(crowd.remote),
            ])
        }
        return .object([
            "frames": JSONNode(.array(frames)), "distances": JSONNode(.array(distances)),
            "robots": JSONNode(.array(crowds)),
        ])
    }
}
