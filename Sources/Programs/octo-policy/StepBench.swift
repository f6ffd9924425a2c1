import Foundation
import JSONTree
import OctoModel
import Time

/// Figures of a timed series of policy steps. Times in milliseconds.
struct StepFigures {
    var model: ModelDescription
    var window: Int
    var goal: BenchCommand.Goal
    var precision: NetworkPrecision
    var threads: Int
    var kernels: String
    var isPlain: Bool
    var loadSeconds: Double
    var residentBytes: Int
    var criticalPath: [Double]
    var total: [Double]
    /// Milliseconds of the median step, by stage, critical path only.
    var stages: [(stage: WorkerTeam.Stage, milliseconds: Double)]
    /// Floating-point operations of a step.
    var criticalOperations: Int
    var totalOperations: Int
    /// Floating-point operations per second of one large product, the best of our kernels and OpenBLAS.
    var bestRate: Double
}

/// Runs policy steps as a robot would: one new frame each, and what is known of the next step computed behind the
/// chunk.
struct StepBench {
    private let model: ModelDescription
    private let window: Int
    private let goal: BenchCommand.Goal
    private let precision: NetworkPrecision
    private let team: WorkerTeam
    private let network: Network
    private let loadSeconds: Double

    private enum Network {
        case plain(OctoNetwork)
        case fast(FastNetwork)
    }

    init(
        _ checkpoint: Checkpoint, window: Int?, goal: BenchCommand.Goal, precision: NetworkPrecision, threads: Int,
        isPlain: Bool
    ) throws {
        model = checkpoint.description
        self.window = window ?? model.windowSize
        guard (1...model.maximumHorizon).contains(self.window) else {
            throw InferenceError.wrongTimestepCount(self.window, maximum: model.maximumHorizon)
        }
        self.goal = goal
        self.precision = precision
        team = try WorkerTeam(threads: threads)
        BLAS.setThreads(threads)
        let start = MonotonicTime.now()
        network =
            isPlain
            ? .plain(try OctoNetwork(checkpoint))
            : .fast(try FastNetwork(checkpoint, precision: precision, team: team))
        loadSeconds = (MonotonicTime.now() - start).inMilliseconds / 1000
    }

    func run(steps: Int) throws -> StepFigures {
        var pictures = PictureStream(model)
        let task = TaskInput(
            goalImages: goal == .image || goal == .both ? pictures.goal() : [:],
            text: goal == .text || goal == .both ? pictures.text() : nil)
        var (critical, total): ([Double], [Double]) = ([], [])
        var operations = (critical: 0, total: 0)
        var stages: [WorkerTeam.Stage: Double] = [:]
        let step = try stepper(task)
        for index in 0..<steps + Self.warmUps {
            let observation = pictures.next(window: window)
            let older = observation.withoutOldest
            var lap = MonotonicTime.now()
            var spent: [WorkerTeam.Stage: Double] = [:]
            if index % 2 == 1 {
                // Reading the clock often costs little, but not nothing: only every second step is looked into.
                team.stageEnded = { stage in
                    let now = MonotonicTime.now()
                    spent[stage, default: 0] += (now - lap).inMilliseconds
                    lap = now
                }
            }
            let before = team.floatingPointOperations
            let start = MonotonicTime.now()
            try step.infer(observation, UInt64(index))
            let chunk = MonotonicTime.now()
            team.stageEnded = nil
            let between = team.floatingPointOperations
            if let older { try step.anticipate(older) }
            let end = MonotonicTime.now()
            if index < Self.warmUps { continue }
            critical.append((chunk - start).inMilliseconds)
            total.append((end - start).inMilliseconds)
            operations = (between - before, team.floatingPointOperations - before)
            for (stage, milliseconds) in spent { stages[stage, default: 0] += milliseconds * 2 / Double(steps) }
        }
        var isPlain = false
        if case .plain = network { isPlain = true }
        return StepFigures(
            model: model, window: window, goal: goal, precision: precision, threads: team.threads,
            kernels: precision.instructions ?? "portable", isPlain: isPlain, loadSeconds: loadSeconds,
            residentBytes: Self.residentBytes, criticalPath: critical, total: total,
            stages: WorkerTeam.Stage.allCases.compactMap { stage in stages[stage].map { (stage, $0) } },
            criticalOperations: operations.critical, totalOperations: operations.total,
            bestRate: KernelRates(team: team).best)
    }

    private static let warmUps = 3

    private struct Step {
        var infer: (ObservationInput, _ counter: UInt64) throws -> Void
        var anticipate: (ObservationInput) throws -> Void
    }

    private func stepper(_ task: TaskInput) throws -> Step {
        switch network {
        case .plain(let network):
            let task = try network.prepare(task)
            return Step(
                infer: { observation, counter in
                    _ = try network.infer(
                        observation, task: task, noise: network.makeNoise(seed: 1, counter: counter))
                }, anticipate: { _ in })
        case .fast(let network):
            let task = try network.prepare(task)
            return Step(
                infer: { observation, counter in
                    _ = try network.infer(
                        observation, task: task, noise: network.makeNoise(seed: 1, counter: counter))
                }, anticipate: { try network.anticipate($0, task: task) })
        }
    }

    /// Resident memory of this process, bytes; 0 where /proc is not there.
    private static var residentBytes: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") })
        else { return 0 }
        return (Int(line.filter(\.isNumber)) ?? 0) * 1024
    }
}

/// Random pictures in the order a robot would see them.
private struct PictureStream {
    private let model: ModelDescription
    private var state: UInt32 = 1
    private var frames: [String: [[UInt8]]] = [:]

    init(_ model: ModelDescription) { self.model = model }

    private mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in
            // Numerical Recipes' quick generator: pixels only have to differ.
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
    }

    mutating func goal() -> [String: [UInt8]] {
        var goals: [String: [UInt8]] = [:]
        for camera in model.cameras where camera.fusesGoal {
            goals[camera.key] = bytes(camera.width * camera.height * 3)
        }
        return goals
    }

    /// Makes a text of eight pieces.
    func text() -> TokenizedText {
        let length = model.tokenizers.first { $0.kind == .task }?.tokens ?? 16
        let ids: [Int32] = [3, 4, 5, 6, 7, 8, 9, 1]
        return TokenizedText(
            ids: (0..<length).map { $0 < ids.count ? ids[$0] : 0 }, attentionMask: (0..<length).map { $0 < ids.count })
    }

    mutating func next(window: Int) -> ObservationInput {
        var images: [String: [UInt8]] = [:]
        for camera in model.cameras {
            var known = frames[camera.key] ?? []
            while known.count < window { known.append(bytes(camera.width * camera.height * 3)) }
            known = known.suffix(window - 1) + [bytes(camera.width * camera.height * 3)]
            frames[camera.key] = known
            images[camera.key] = known.flatMap { $0 }
        }
        var lowdim: [String: [Float]] = [:]
        for key in model.lowdimKeys {
            lowdim[key.name] = (0..<window * key.dimension).map { Float($0 % 7) / 7 }
        }
        return ObservationInput(
            images: images, timestepPadMask: [Bool](repeating: true, count: window), lowdim: lowdim)
    }
}

extension StepFigures {
    private static func quantile(_ q: Double, of values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(q * Double(sorted.count)))]
    }

    private var name: String {
        let path = isPlain ? "plain path" : "\(precision.rawValue), \(kernels) kernels"
        return "\(path), window \(window), goal \(goal.rawValue), threads \(threads), OpenBLAS \(BLAS.coreName)"
    }

    var table: String {
        func row(_ name: String, _ times: [Double], _ operations: Int) -> String {
            let median = Self.quantile(0.5, of: times)
            let padded = name.padding(toLength: 13, withPad: " ", startingAt: 0)
            let line = String(format: "  %@ %8.1f ms  p99 %8.1f ms", padded, median, Self.quantile(0.99, of: times))
            if operations == 0 { return line }
            let billions: Double = Double(operations) / 1e9
            let atBest: Double = Double(operations) / bestRate * 1000
            let rate: Double = billions / median * 1000
            let ratio: Double = median / atBest
            return line
                + String(
                    format: "  %6.1f GFLOP %7.1f GFLOP/s  %.2f x products at the best rate", billions, rate, ratio)
        }
        let (millions, megabytes): (Double, Double) = (Double(model.parameterCount) / 1e6, Double(residentBytes) / 1e6)
        let size = String(
            format: "  %.1f million parameters, loaded in %.2f s, resident %.0f MB; best product rate %.0f GFLOP/s",
            millions, loadSeconds, megabytes, bestRate / 1e9)
        var lines = [
            name, size,
            row("critical path", criticalPath, criticalOperations), row("total", total, totalOperations),
        ]
        if !stages.isEmpty {
            let parts = stages.map { String(format: "%@ %.1f ms", $0.stage.rawValue, $0.milliseconds) }
            lines.append("  critical path: " + parts.joined(separator: ", "))
        }
        return lines.joined(separator: "\n")
    }

    var json: JSONNode {
        func times(_ values: [Double], _ operations: Int) -> JSONNode {
            let median = Self.quantile(0.5, of: values)
            return .object([
                "median_ms": JSONNode(number: median), "p99_ms": JSONNode(number: Self.quantile(0.99, of: values)),
                "gflop": JSONNode(number: Double(operations) / 1e9),
                "gflop_per_s": JSONNode(number: Double(operations) / median / 1e6),
                "ratio_to_products_at_best_rate": JSONNode(
                    number: operations == 0 ? 0 : median / (Double(operations) / bestRate * 1000)),
            ])
        }
        return .object([
            "path": JSONNode(isPlain ? "plain" : "fast"), "precision": JSONNode(precision.rawValue),
            "kernels": JSONNode(kernels), "blas_core": JSONNode(BLAS.coreName),
            "threads": JSONNode(number: Double(threads)),
            "window": JSONNode(number: Double(window)), "goal": JSONNode(goal.rawValue),
            "runs": JSONNode(number: Double(total.count)), "parameters": JSONNode(number: Double(model.parameterCount)),
            "load_s": JSONNode(number: loadSeconds), "resident_mb": JSONNode(number: Double(residentBytes) / 1e6),
            "best_gflop_per_s": JSONNode(number: bestRate / 1e9),
            "critical_path": times(criticalPath, criticalOperations), "total": times(total, totalOperations),
            "critical_path_stages_ms": JSONNode(
                .object(
                    stages.map { .init(key: $0.stage.rawValue, value: JSONNode(number: $0.milliseconds)) })),
        ])
    }
}
