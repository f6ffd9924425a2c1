import ArgumentParser
import Foundation
import NodeShell

/// Times inference beside the same matrix products alone.
struct InferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inference",
        abstract: "Measure milliseconds per inference of a tiny network and of octo-small's shape.")

    func run() throws {
        _ = try working { try benchmarkInference() }
        for shape in ["tiny", "octo-small"] {
            let ours = try working { try StepTimes.ours(shape: shape, window: 2, runs: 30) }
            print(
                String(
                    format: "  %@ fast path: critical path %.1f ms, all of a step %.1f ms",
                    shape.padding(toLength: 10, withPad: " ", startingAt: 0), ours.criticalPath, ours.total))
        }
    }
}
