import ArgumentParser
import Files
import Foundation
import NodeShell

/// Times our policy step beside the same forward pass in another framework, in turns on this machine.
struct PeersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peers",
        abstract: "Time the policy step beside the same network in ONNX Runtime or PyTorch, in turns.",
        discussion: """
            Needs a Python that has them: python3 -m venv peer; peer/bin/pip install torch onnx onnxscript \
            onnxruntime. The peers compute all timesteps at every step; what of ours the chunk waits for is the \
            critical path.
            """)

    @Option(help: "Use this Python, which has torch, onnx and onnxruntime.")
    var python: String

    @Option(help: "Run this script of the peers' network.")
    var script = "Sources/Programs/octo-bench/Peers/peer_latency.py"

    @Option(help: "Run the peer as onnx, eager or compile.")
    var mode = "onnx"

    @Option(help: "Measure these shapes: small, base.")
    var sizes = ["small", "base"]

    @Option(help: "Give the network so many timesteps of history.")
    var window = 2

    @Option(help: "Take so many turns of each.")
    var turns = 3

    @Option(help: "Time so many policy steps in a turn.")
    var runs = 30

    func validate() throws {
        guard turns > 0 && runs > 0 else { throw ValidationError("--turns and --runs: give at least 1.") }
    }

    func run() throws {
        for (option, path, use) in [("--python", python, X_OK), ("--script", script, R_OK)] where access(path, use) != 0
        {
            throw ValidationError(
                "\(option) \(path): \(SystemError(errno)), expected a file there. Name another; see octo-bench peers "
                    + "--help for what the Python has to have.")
        }
        print("policy step, window \(window), goal image, float32; medians of \(turns) turns of \(runs) steps")
        print("  shape   \(mode)    critical path   ratio      total   ratio")
        for size in sizes {
            var (peers, critical, total): ([Double], [Double], [Double]) = ([], [], [])
            // In turns, so that both see the same machine.
            for _ in 0..<turns {
                let peer = try working {
                    try StepTimes.peer(mode, python: python, script: script, size: size, window: window, runs: runs)
                }
                peers.append(peer.total)
                let ours = try working { try StepTimes.ours(shape: "octo-\(size)", window: window, runs: runs) }
                critical.append(ours.criticalPath)
                total.append(ours.total)
            }
            let (peer, path, all) = (median(peers), median(critical), median(total))
            let name = size.padding(toLength: 6, withPad: " ", startingAt: 0)
            print(
                String(
                    format: "  %@ %7.1f ms %9.1f ms   %.2f %9.1f ms   %.2f", name, peer, path, path / peer, all,
                    all / peer))
        }
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
