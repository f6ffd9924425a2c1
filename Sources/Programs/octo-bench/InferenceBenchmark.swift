import Foundation
import OctoModel
import Time

/// How long one inference takes, beside the time OpenBLAS alone needs for the same matrix products.
struct InferenceBenchmarkRow: Sendable {
    var name: String
    /// Median duration of the whole inference, milliseconds.
    var median: Double
    /// Duration that 99 % of the inferences do not exceed, milliseconds.
    var p99: Double
    /// Median duration of its matrix products alone, done one after the other, milliseconds.
    var productsMedian: Double
    /// Floating-point operations in these products.
    var floatingPointOperations: Int
    var iterations: Int
}

/// Times inferences of models with random parameters, and prints a row for each.
///
/// - Parameters:
///   - shapes: models to time.
///   - iterations: number of inferences of each model; the whole takes about a second each for octo-small.
func benchmarkInference(
    shapes: [Checkpoint.RandomShape] = [.tiny, .octoSmall], iterations: Int = 15
) throws -> [InferenceBenchmarkRow] {
    print("inference, float32, OpenBLAS \(BLAS.coreName), \(BLAS.threads) threads")
    print("  shape        median      p99   products alone   ratio   GFLOP in products")
    return try shapes.map { shape in
        let row = try timeInference(of: shape, iterations: iterations)
        print(
            String(
                format: "  %@ %7.1f ms %7.1f ms  %10.1f ms  %6.2f  %6.1f",
                row.name.padding(toLength: 10, withPad: " ", startingAt: 0),
                row.median, row.p99, row.productsMedian, row.median / row.productsMedian,
                Double(row.floatingPointOperations) / 1e9))
        return row
    }
}

private func timeInference(of shape: Checkpoint.RandomShape, iterations: Int) throws -> InferenceBenchmarkRow {
    let network = try OctoNetwork(.random(shape: shape, seed: 1))
    let task = try network.prepare(TaskInput())
    let observation = randomObservation(for: network.description)
    let tally = BLAS.Tally()
    // The first call warms up and counts.
    try BLAS.$tally.withValue(tally) {
        _ = try network.infer(observation, task: task, noise: network.makeNoise(seed: 1, counter: 0))
    }
    let products = tally.products
    var replay = ProductReplay(products)
    replay.run()
    var (whole, alone): ([Double], [Double]) = ([], [])
    // In turn, so that both see the same machine.
    for counter in 1...max(1, iterations) {
        let noise = network.makeNoise(seed: 1, counter: UInt64(counter))
        whole.append(try milliseconds { _ = try network.infer(observation, task: task, noise: noise) })
        alone.append(milliseconds { replay.run() })
    }
    return InferenceBenchmarkRow(
        name: shape.rawValue, median: quantile(0.5, of: whole), p99: quantile(0.99, of: whole),
        productsMedian: quantile(0.5, of: alone),
        floatingPointOperations: products.reduce(0) { $0 + $1.count * $1.product.floatingPointOperations },
        iterations: whole.count)
}

private func randomObservation(for model: ModelDescription) -> ObservationInput {
    var state: UInt32 = 1
    var images: [String: [UInt8]] = [:]
    for camera in model.cameras {
        images[camera.key] = (0..<model.windowSize * camera.height * camera.width * 3).map { _ in
            // Numerical Recipes' quick generator: pixels only have to differ.
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
    }
    return ObservationInput(images: images, timestepPadMask: [Bool](repeating: true, count: model.windowSize))
}

/// The matrix products of one inference on buffers of their own.
private struct ProductReplay {
    private let products: [(product: BLAS.Product, count: Int)]
    private let a: [Float]
    private let b: [Float]
    private var c: [Float]

    init(_ products: [(product: BLAS.Product, count: Int)]) {
        func largest(_ size: (BLAS.Product) -> Int) -> Int { products.map { size($0.product) }.max() ?? 0 }
        self.products = products
        a = [Float](repeating: 0.5, count: largest { $0.m * $0.leadingA })
        b = [Float](repeating: 0.25, count: largest { ($0.transposesB ? $0.n : $0.k) * $0.leadingB })
        c = [Float](repeating: 0, count: largest { $0.m * $0.leadingC })
    }

    mutating func run() {
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                c.withUnsafeMutableBufferPointer { c in
                    guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
                    for (product, count) in products {
                        for _ in 0..<count { BLAS.multiply(product, a, b, into: c) }
                    }
                }
            }
        }
    }
}

private func milliseconds(_ work: () throws -> Void) rethrows -> Double {
    let start = MonotonicTime.now()
    try work()
    return (MonotonicTime.now() - start).inMilliseconds
}

private func quantile(_ q: Double, of values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted[min(sorted.count - 1, Int(q * Double(sorted.count)))]
}
