import ArgumentParser
import Foundation
import JSONTree
import NodeShell
import OctoModel
import Time

/// Times the policy step of a model with random parameters, or of a checkpoint.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Time the policy step: the critical path from the newest frame to the chunk, and all work of a step.",
        discussion: """
            Plays windows of random pictures as a robot would see them: each step has one new frame, and what is known \
            of the next step already is computed after the chunk. 'critical path' is what the chunk waits for, 'total' \
            is all work of a step. Exit codes: 0 done, 2 the input cannot be used.
            """)

    enum Goal: String, CaseIterable, ExpressibleByArgument { case image, text, both, none }

    @Option(
        name: .long,
        help:
            "Time a random model: \(Checkpoint.RandomShape.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var shape = "octo-small"

    @Option(name: .long, help: "Time this checkpoint folder instead.")
    var checkpoint: String?

    @Option(name: .long, help: "Give it so many timesteps of history; the model's window by default.")
    var window: Int?

    @Option(name: .long, help: "Give it this task: \(Goal.allCases.map(\.rawValue).joined(separator: ", ")).")
    var goal = Goal.image

    @Option(name: .long, help: "Compute in \(NetworkPrecision.allCases.map(\.rawValue).joined(separator: ", ")).")
    var precision = NetworkPrecision.float32

    @Option(name: .long, help: "Compute with so many threads; 0 takes all cores.")
    var threads = 0

    @Option(name: .long, help: "Time so many policy steps.")
    var runs = 30

    @Flag(name: .long, help: "Time the plain path instead, which computes everything at every step.")
    var plain = false

    @OptionGroup var json: JSONFlag

    func validate() throws {
        guard runs > 0 else { throw ValidationError("--runs is \(runs): give at least 1.") }
        guard threads >= 0 else { throw ValidationError("--threads is \(threads): give 0 or more.") }
        if checkpoint == nil && Checkpoint.RandomShape(rawValue: shape) == nil {
            let known = Checkpoint.RandomShape.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--shape is '\(shape)': give one of \(known), or a --checkpoint.")
        }
    }

    func run() throws {
        let model =
            try checkpoint.map { try Checkpoint(folder: $0) }
            ?? .random(shape: Checkpoint.RandomShape(rawValue: shape) ?? .octoSmall, seed: 1)
        let threads = threads > 0 ? threads : ProcessInfo.processInfo.activeProcessorCount
        let bench = try StepBench(
            model, window: window, goal: goal, precision: precision, threads: threads, isPlain: plain)
        let figures = try bench.run(steps: runs)
        print(json.isWanted ? figures.json.text(indented: true) : figures.table)
    }
}

extension NetworkPrecision: ExpressibleByArgument {}
