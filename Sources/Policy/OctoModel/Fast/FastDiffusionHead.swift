import CKernels
import Glibc

/// The diffusion head with what depends on the step alone computed once, and what depends on the readout alone once for
/// each chunk. Always float32: the first denoising step multiplies every error by thirty.
final class FastDiffusionHead {
    private struct Block {
        let norm: NormVectors?
        let expand: PackedDense
        let contract: PackedDense
    }

    private let team: WorkerTeam
    private let configuration: ModelConfiguration.Diffusion
    private let actionDimension: Int
    private let chunkSize: Int
    private let schedule: DiffusionSchedule
    /// The first layer's part of the time code and its bias, `[steps, hidden]`.
    private let timeParts: FloatBuffer
    private let embeddingPart: PackedDense
    private let actionPart: PackedDense
    private let blocks: [Block]
    private let output: PackedDense
    private let hidden: Int

    private let fromEmbedding: FloatBuffer
    private let x: FloatBuffer
    private let normed: FloatBuffer
    private let wide: FloatBuffer
    private let predicted: FloatBuffer
    private let scratch = AlignedMemory(byteCount: 0)

    init(_ head: DiffusionHead, width: Int, team: WorkerTeam) {
        self.team = team
        configuration = head.configuration
        actionDimension = head.actionDimension
        chunkSize = head.chunkSize
        schedule = head.schedule
        let score = head.score
        let first = score.input
        hidden = first.outputs
        let codes = head.configuration.timeDimension
        let chunk = head.chunkSize
        let code = first.slice(ofInputs: 0..<codes, keepsBias: true)
        let steps = head.configuration.steps
        timeParts = FloatBuffer((0..<steps).flatMap { code(score.timeCode($0), rows: 1) })
        embeddingPart = PackedDense([first.slice(ofInputs: codes..<codes + width, keepsBias: false)], OCTO_FLOAT32)
        actionPart = PackedDense(
            [first.slice(ofInputs: codes + width..<codes + width + chunk, keepsBias: false)], OCTO_FLOAT32)
        blocks = score.blocks.map {
            Block(
                norm: $0.norm.map(NormVectors.init), expand: PackedDense([$0.expand], OCTO_FLOAT32),
                contract: PackedDense([$0.contract], OCTO_FLOAT32))
        }
        output = PackedDense([score.output], OCTO_FLOAT32)
        fromEmbedding = FloatBuffer(count: hidden)
        x = FloatBuffer(count: hidden)
        normed = FloatBuffer(count: hidden)
        wide = FloatBuffer(count: score.blocks.map(\.expand.outputs).max() ?? 0)
        predicted = FloatBuffer(count: chunk)
    }

    /// Samples a chunk as `DiffusionHead.sample` does.
    /// - Parameters:
    ///   - embedding: `[D]`
    ///   - actions: `[chunk]`, the result.
    func sample(
        _ embedding: UnsafePointer<Float>, noise: DiffusionNoise, embodimentDimension: Int,
        into actions: UnsafeMutablePointer<Float>
    ) {
        let size = chunkSize
        let limit = configuration.maximumAction
        for i in 0..<size { actions[i] = noise.initial[i] }
        apply(embeddingPart, embedding, into: fromEmbedding.pointer)
        for step in 0..<configuration.steps {
            let t = configuration.steps - 1 - step
            predictNoise(step: t, actions)
            let (alpha, beta, alphaHat) = (schedule.alphas[t], schedule.betas[t], schedule.alphaHats[t])
            let removed = (1 - alpha) / (1 - alphaHat).squareRoot()
            for i in 0..<size {
                let z = noise.steps[step * size + i]
                var value = (actions[i] - removed * predicted.pointer[i]) / alpha.squareRoot()
                if t > 0 { value += beta.squareRoot() * z }
                value = min(max(value, -limit), limit)
                // After the clip, and with the noise of the last step too.
                if i % actionDimension >= embodimentDimension { value = (1 - alphaHat).squareRoot() * z }
                actions[i] = value
            }
        }
    }

    /// `ScoreNetwork` for one step, into `predicted`.
    private func predictNoise(step t: Int, _ actions: UnsafePointer<Float>) {
        let timePart = timeParts.pointer + t * hidden
        for i in 0..<hidden { x.pointer[i] = timePart[i] + fromEmbedding.pointer[i] }
        apply(actionPart, actions, into: x.pointer, residual: x.pointer)
        for block in blocks {
            var source = UnsafePointer(x.pointer)
            if let norm = block.norm {
                octo_layer_norm(
                    team.handle, x.pointer, hidden, 1, Int32(hidden), norm.scale.pointer, norm.bias.pointer,
                    LayerNorm.epsilon, normed.pointer, hidden)
                source = UnsafePointer(normed.pointer)
            }
            apply(block.expand, source, into: wide.pointer, OCTO_SWISH)
            apply(block.contract, wide.pointer, into: x.pointer, residual: x.pointer)
        }
        octo_activate(OCTO_SWISH, x.pointer, Int32(hidden))
        apply(output, x.pointer, into: predicted.pointer)
    }

    private func apply(
        _ layer: PackedDense, _ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>,
        _ activation: octo_activation = OCTO_LINEAR, residual: UnsafePointer<Float>? = nil
    ) {
        layer.apply(
            team, source, stride: layer.inputs, rows: 1, into: target, stride: layer.outputs, activation,
            residual: residual, scratch: scratch)
    }
}

extension Dense {
    /// The part of the layer that reads some of its inputs.
    fileprivate func slice(ofInputs part: Range<Int>, keepsBias: Bool) -> Dense {
        Dense(
            inputs: part.count, outputs: outputs,
            kernel: Array(kernel[part.lowerBound * outputs..<part.upperBound * outputs]), bias: keepsBias ? bias : nil)
    }
}
