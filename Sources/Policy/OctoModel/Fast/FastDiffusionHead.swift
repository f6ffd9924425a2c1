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

    // Rows at work, one for each chunk.
    private var rows = 0
    private var embeddings = FloatBuffer(count: 0)
    private var actions = FloatBuffer(count: 0)
    private var fromEmbedding = FloatBuffer(count: 0)
    private var x = FloatBuffer(count: 0)
    private var normed = FloatBuffer(count: 0)
    private var wide = FloatBuffer(count: 0)
    private var predicted = FloatBuffer(count: 0)
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
        reserve(rows: 1)
    }

    /// Makes room for so many chunks at a time.
    private func reserve(rows: Int) {
        if rows <= self.rows { return }
        self.rows = rows
        embeddings = FloatBuffer(count: rows * embeddingPart.inputs)
        actions = FloatBuffer(count: rows * chunkSize)
        fromEmbedding = FloatBuffer(count: rows * hidden)
        x = FloatBuffer(count: rows * hidden)
        normed = FloatBuffer(count: rows * hidden)
        wide = FloatBuffer(count: rows * (blocks.map(\.expand.outputs).max() ?? 0))
        predicted = FloatBuffer(count: rows * chunkSize)
    }

    /// One chunk that is sampled.
    struct Sample {
        /// `[D]`
        let embedding: UnsafePointer<Float>
        let noise: DiffusionNoise
        let embodimentDimension: Int
    }

    /// Samples chunks as `DiffusionHead.sample` does, all of them together: the layers have one row for each, and a row
    /// of a product or a norm is the same alone as among others.
    /// - Parameters:
    ///   - count: number of chunks.
    ///   - sample: says what a chunk is made of; asked more than once.
    ///   - take: gets each chunk, `[chunk]`.
    func sample(count: Int, _ sample: (Int) -> Sample, take: (Int, UnsafePointer<Float>) -> Void) {
        reserve(rows: count)
        let (size, width) = (chunkSize, embeddingPart.inputs)
        for row in 0..<count {
            let run = sample(row)
            (embeddings.pointer + row * width).update(from: run.embedding, count: width)
            for i in 0..<size { actions.pointer[row * size + i] = run.noise.initial[i] }
        }
        apply(embeddingPart, embeddings.pointer, rows: count, into: fromEmbedding.pointer)
        for step in 0..<configuration.steps {
            predictNoise(step: configuration.steps - 1 - step, rows: count)
            for row in 0..<count {
                let run = sample(row)
                denoise(
                    step: step, run.noise, embodimentDimension: run.embodimentDimension,
                    predicted: predicted.pointer + row * size, actions.pointer + row * size)
            }
        }
        for row in 0..<count { take(row, actions.pointer + row * size) }
    }

    /// Takes the predicted noise of one step out of one chunk.
    private func denoise(
        step: Int, _ noise: DiffusionNoise, embodimentDimension: Int, predicted: UnsafePointer<Float>,
        _ actions: UnsafeMutablePointer<Float>
    ) {
        let size = chunkSize
        let limit = configuration.maximumAction
        let t = configuration.steps - 1 - step
        let (alpha, beta, alphaHat) = (schedule.alphas[t], schedule.betas[t], schedule.alphaHats[t])
        let removed = (1 - alpha) / (1 - alphaHat).squareRoot()
        for i in 0..<size {
            let z = noise.steps[step * size + i]
            var value = (actions[i] - removed * predicted[i]) / alpha.squareRoot()
            if t > 0 { value += beta.squareRoot() * z }
            value = min(max(value, -limit), limit)
            // After the clip, and with the noise of the last step too.
            if i % actionDimension >= embodimentDimension { value = (1 - alphaHat).squareRoot() * z }
            actions[i] = value
        }
    }

    /// `ScoreNetwork` for one step of all chunks, into `predicted`.
    private func predictNoise(step t: Int, rows: Int) {
        let timePart = timeParts.pointer + t * hidden
        for row in 0..<rows {
            for i in 0..<hidden { x.pointer[row * hidden + i] = timePart[i] + fromEmbedding.pointer[row * hidden + i] }
        }
        apply(actionPart, actions.pointer, rows: rows, into: x.pointer, residual: x.pointer)
        for block in blocks {
            var source = UnsafePointer(x.pointer)
            if let norm = block.norm {
                octo_layer_norm(
                    team.handle, x.pointer, hidden, Int32(rows), Int32(hidden), norm.scale.pointer, norm.bias.pointer,
                    LayerNorm.epsilon, normed.pointer, hidden)
                source = UnsafePointer(normed.pointer)
            }
            apply(block.expand, source, rows: rows, into: wide.pointer, OCTO_SWISH)
            apply(block.contract, wide.pointer, rows: rows, into: x.pointer, residual: x.pointer)
        }
        // Row by row: what is left over at the end of a row is left over in a call of its own, too.
        for row in 0..<rows { octo_activate(OCTO_SWISH, x.pointer + row * hidden, Int32(hidden)) }
        apply(output, x.pointer, rows: rows, into: predicted.pointer)
    }

    private func apply(
        _ layer: PackedDense, _ source: UnsafePointer<Float>, rows: Int, into target: UnsafeMutablePointer<Float>,
        _ activation: octo_activation = OCTO_LINEAR, residual: UnsafePointer<Float>? = nil
    ) {
        layer.apply(
            team, source, stride: layer.inputs, rows: rows, into: target, stride: layer.outputs, activation,
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
