import Foundation

/// How much noise each step of the diffusion adds: the cosine schedule (Nichol and Dhariwal 2021, equation 17), in
/// float32 as the official code computes it.
package struct DiffusionSchedule: Equatable, Sendable {
    /// `[steps]` each, by t.
    package let betas: [Float]
    package let alphas: [Float]
    /// Products of the alphas up to each t.
    package let alphaHats: [Float]

    package init(steps: Int) {
        let remaining = (0...steps).map { i in
            let c = cos((Float(i) / Float(steps) + 0.008) / 1.008 * Float.pi * 0.5)
            return c * c
        }
        let relative = remaining.map { $0 / remaining[0] }
        betas = (0..<steps).map { min(max(1 - relative[$0 + 1] / relative[$0], 0), 0.999) }
        alphas = betas.map { 1 - $0 }
        var product: Float = 1
        alphaHats = alphas.map {
            product *= $0
            return product
        }
    }
}

/// Predicts the noise in a chunk (`ScoreActor` of the official code, commit 241fb35).
package struct ScoreNetwork: Sendable {
    struct Block: Sendable {
        /// Layer norm; nil in models without.
        let norm: LayerNorm?
        let expand: Dense
        let contract: Dense
    }

    /// `[timeDimension / 2]`
    let frequencies: [Float]
    let codeExpand: Dense
    let codeContract: Dense
    let input: Dense
    let blocks: [Block]
    let output: Dense

    /// `[cos f, sin f]` with `f = 2π t k`; t is the index of the step, not divided by their number.
    /// - Returns: `[timeDimension]`
    package func timeFeatures(_ t: Int) -> [Float] { Self.timeFeatures(t, frequencies: frequencies) }

    package static func timeFeatures(_ t: Int, frequencies: [Float]) -> [Float] {
        let angles = frequencies.map { 2 * Float.pi * Float(t) * $0 }
        return angles.map { cos($0) } + angles.map { sin($0) }
    }

    /// The code of step t, which the score network reads.
    /// - Returns: `[timeDimension]`, a constant for each t.
    package func timeCode(_ t: Int) -> [Float] {
        var hidden = codeExpand(timeFeatures(t), rows: 1)
        Activation.swish(&hidden)
        return codeContract(hidden, rows: 1)
    }

    /// Predicts the noise in the actions.
    /// - Parameters:
    ///   - code: the `timeCode` of t.
    ///   - embedding: `[D]`
    ///   - actions: `[chunk]`
    /// - Returns: `[chunk]`
    package func callAsFunction(code: [Float], embedding: [Float], actions: [Float]) -> [Float] {
        var x = input(code + embedding + actions, rows: 1)
        for block in blocks {
            var hidden = block.expand(block.norm?(x) ?? x, rows: 1)
            Activation.swish(&hidden)
            add(block.contract(hidden, rows: 1), to: &x)
        }
        Activation.swish(&x)
        return output(x, rows: 1)
    }
}

/// Turns an embedding into a chunk of actions by denoising (`DiffusionActionHead` of the official code, commit
/// 241fb35).
struct DiffusionHead: Sendable {
    /// One denoising step, for the recorder.
    struct Step {
        var predictedNoise: [Float]
        var actions: [Float]
    }

    let configuration: ModelConfiguration.Diffusion
    let actionDimension: Int
    /// Numbers in a chunk.
    let chunkSize: Int
    let score: ScoreNetwork
    let schedule: DiffusionSchedule
    /// Codes of the steps by t; they depend on nothing else.
    private let timeCodes: [[Float]]

    init(_ configuration: ModelConfiguration.Diffusion, of head: ModelConfiguration.ActionHead, score: ScoreNetwork) {
        self.configuration = configuration
        actionDimension = head.actionDimension
        chunkSize = head.chunkSize
        self.score = score
        schedule = DiffusionSchedule(steps: configuration.steps)
        timeCodes = (0..<configuration.steps).map { score.timeCode($0) }
    }

    /// Makes a chunk by denoising.
    /// - Parameters:
    ///   - embedding: `[D]`
    ///   - noise: noise of this head's size, as `DiffusionNoise` says.
    ///   - embodimentDimension: dimensions of the robot's actions; the others are noise all the way, as they were in
    ///     training.
    ///   - recordStep: takes each step's result.
    /// - Returns: `[chunk]`, normalised.
    func sample(
        _ embedding: [Float], noise: DiffusionNoise, embodimentDimension: Int, recordStep: (Step) -> Void = { _ in }
    ) -> [Float] {
        let limit = configuration.maximumAction
        var x = noise.initial
        for step in 0..<configuration.steps {
            let t = configuration.steps - 1 - step
            let predicted = score(code: timeCodes[t], embedding: embedding, actions: x)
            let (alpha, beta, alphaHat) = (schedule.alphas[t], schedule.betas[t], schedule.alphaHats[t])
            let removed = (1 - alpha) / (1 - alphaHat).squareRoot()
            for i in 0..<chunkSize {
                let z = noise.steps[step * chunkSize + i]
                var value = (x[i] - removed * predicted[i]) / alpha.squareRoot()
                if t > 0 { value += beta.squareRoot() * z }
                value = min(max(value, -limit), limit)
                // After the clip, and with the noise of the last step too.
                if i % actionDimension >= embodimentDimension { value = (1 - alphaHat).squareRoot() * z }
                x[i] = value
            }
            recordStep(Step(predictedNoise: predicted, actions: x))
        }
        return x
    }
}
