import CKernels

/// The block transformer, one timestep at a time, with the keys and values of the timesteps before kept.
///
/// What a timestep's tokens become depends on the task and on the timesteps before it, never on later ones. So once the
/// keys and values of the older timesteps are there, a new one costs only its own rows; and the last block has work
/// only for the rows that the action head reads.
final class FastTransformer {
    /// Sizes, as in `ModelConfiguration`.
    struct Shape {
        var width: Int
        var heads: Int
        var mlpSize: Int
        /// The most rows that are computed at once.
        var rows: Int
        /// Tokens per timestep of each private group.
        var privateGroups: [Int: Int]

        var headWidth: Int { width / heads }
    }

    private struct Block {
        let attentionNorm: NormVectors
        /// Q, K and V side by side; in the last block K and V only.
        let project: PackedDense
        /// Q alone, in the last block; nil in the others.
        let query: PackedDense?
        let out: PackedDense
        let mlpNorm: NormVectors
        let expand: PackedDense
        let contract: PackedDense
    }

    private let team: WorkerTeam
    private let shape: Shape
    private let precision: octo_precision
    private var blocks: [Block] = []
    private let finalNorm: NormVectors
    private let scratch: AlignedMemory

    // Rows at work.
    let x: FloatBuffer
    private let normed: FloatBuffer
    private let projected: FloatBuffer
    private let mixed: FloatBuffer
    private let hidden: FloatBuffer

    /// Keys and values of each block: of everybody's tokens, and of each private group's.
    private var publicKeys: [KeyValueMemory] = []
    private var privateKeys: [Int: [KeyValueMemory]] = [:]
    private(set) var timesteps = 0
    private var publicCapacity = 0

    /// Packs the weights of all blocks.
    /// - Parameter block: makes the block of an index; asked once for each, in order, so that no two of them need be in
    ///   memory unpacked.
    init(
        _ shape: Shape, layers: Int, finalNorm: LayerNorm, precision: octo_precision, team: WorkerTeam,
        block: (Int) -> EncoderBlock
    ) {
        self.shape = shape
        self.team = team
        self.precision = precision
        self.finalNorm = NormVectors(finalNorm)
        let (rows, D) = (shape.rows, shape.width)
        x = FloatBuffer(count: rows * D)
        normed = FloatBuffer(count: rows * D)
        projected = FloatBuffer(count: rows * 3 * D)
        mixed = FloatBuffer(count: rows * D)
        hidden = FloatBuffer(count: rows * shape.mlpSize)
        scratch = AlignedMemory(
            byteCount: octo_dense_scratch_bytes(precision, Int32(rows), Int32(max(D, shape.mlpSize))))
        for layer in 0..<layers {
            let plain = block(layer)
            let attention = plain.attention
            let isLast = layer == layers - 1
            let readers = [attention.key, attention.value]
            blocks.append(
                Block(
                    attentionNorm: NormVectors(plain.attentionNorm),
                    project: PackedDense(isLast ? readers : [attention.query] + readers, precision),
                    query: isLast ? PackedDense([attention.query], precision) : nil,
                    out: PackedDense([attention.out], precision), mlpNorm: NormVectors(plain.mlpNorm),
                    expand: PackedDense([plain.mlp.expand], precision),
                    contract: PackedDense([plain.mlp.contract], precision)))
        }
    }

    /// Makes room for the keys and values of so many timesteps; forgets those that are there if there was less.
    /// - Returns: whether it forgot them.
    func reserve(timesteps: Int, publicTokens: Int) -> Bool {
        if timesteps <= self.timesteps && publicTokens <= publicCapacity { return false }
        self.timesteps = max(timesteps, self.timesteps)
        publicCapacity = max(publicTokens, publicCapacity)
        func memories(_ capacity: Int) -> [KeyValueMemory] {
            blocks.map { _ in
                KeyValueMemory(heads: shape.heads, headWidth: shape.headWidth, capacity: capacity, precision)
            }
        }
        publicKeys = memories(publicCapacity)
        privateKeys = shape.privateGroups.mapValues { memories($0 * self.timesteps) }
        attentionScratch = AlignedMemory(
            byteCount: octo_attend_scratch_bytes(
                team.handle, Int32(shape.rows),
                Int32(publicCapacity + (shape.privateGroups.values.max() ?? 0) * self.timesteps)))
        return true
    }
    private var attentionScratch = AlignedMemory(byteCount: 0)

    /// Takes rows 0 ..< count of `x` through all blocks and keeps their keys and values.
    ///
    /// - Parameters:
    ///   - publicCount: number of rows that everybody sees; they come first.
    ///   - base: number of public tokens that came before them.
    ///   - privateRuns: the other rows, by group.
    ///   - timestep: timestep of the private rows.
    ///   - wanted: the rows whose output is needed; without them the last block's work ends with its keys and values.
    ///   - output: takes those rows after the final norm, `[wanted, D]`.
    func advance(
        publicCount: Int, base: Int, privateRuns: [StepPlan.PrivateRun] = [], timestep: Int = 0,
        wanted: [StepPlan.WantedRun] = [], output: UnsafeMutablePointer<Float>? = nil
    ) {
        let D = shape.width
        let rows = privateRuns.last?.rows.upperBound ?? publicCount
        if rows == 0 { return }
        let seen = base + publicCount
        for index in blocks.indices {
            let isLast = index == blocks.count - 1
            // The last block's projection has no queries.
            let (stride, keys) = isLast ? (2 * D, 0) : (3 * D, D)
            norm(blocks[index].attentionNorm, x.pointer, rows: rows, into: normed.pointer)
            team.stageEnded?(.norms)
            blocks[index].project.apply(
                team, normed.pointer, stride: D, rows: rows, into: projected.pointer, stride: stride, scratch: scratch)
            team.stageEnded?(.projections)
            if publicCount > 0 {
                publicKeys[index].store(
                    team, at: base, projected.pointer + keys, projected.pointer + keys + D, stride: stride,
                    rows: publicCount)
            }
            for run in privateRuns {
                let row = projected.pointer + run.rows.lowerBound * stride + keys
                privateKeys[run.group]?[index].store(
                    team, at: timestep * (shape.privateGroups[run.group] ?? 0), row, row + D, stride: stride,
                    rows: run.rows.count)
            }
            if isLast {
                team.stageEnded?(.attention)
                break
            }
            attend(
                block: index, rows: 0..<publicCount, seen: seen, group: nil, timestep: timestep,
                queries: projected.pointer, stride: stride)
            for run in privateRuns {
                attend(
                    block: index, rows: run.rows, seen: seen, group: run.group, timestep: timestep,
                    queries: projected.pointer, stride: stride)
            }
            team.stageEnded?(.attention)
            feedForward(block: index, rows: rows)
        }
        if let output, !wanted.isEmpty { finish(wanted, seen: seen, timestep: timestep, output: output) }
    }

    /// The last block for the wanted rows alone, and the final norm.
    private func finish(
        _ wanted: [StepPlan.WantedRun], seen: Int, timestep: Int, output: UnsafeMutablePointer<Float>
    ) {
        let D = shape.width
        let index = blocks.count - 1
        // Each wanted row stands at or behind its new place, so that none is overwritten before it was moved: `normed`
        // serves as the place in between all the same, as the order of the wanted rows need not be that of the rows.
        for (row, run) in wanted.enumerated() {
            (mixed.pointer + row * D).update(from: x.pointer + run.rows.lowerBound * D, count: D)
            (projected.pointer + row * D).update(from: normed.pointer + run.rows.lowerBound * D, count: D)
        }
        x.pointer.update(from: mixed.pointer, count: wanted.count * D)
        normed.pointer.update(from: projected.pointer, count: wanted.count * D)
        blocks[index].query?.apply(
            team, normed.pointer, stride: D, rows: wanted.count, into: projected.pointer, stride: D, scratch: scratch)
        for (row, run) in wanted.enumerated() {
            attend(
                block: index, rows: row..<row + 1, seen: seen, group: run.group, timestep: timestep,
                queries: projected.pointer, stride: D)
        }
        team.stageEnded?(.attention)
        feedForward(block: index, rows: wanted.count)
        norm(finalNorm, x.pointer, rows: wanted.count, into: output)
    }

    private func attend(
        block: Int, rows: Range<Int>, seen: Int, group: Int?, timestep: Int, queries: UnsafePointer<Float>, stride: Int
    ) {
        let scale = 1 / Float(shape.headWidth).squareRoot()
        if rows.isEmpty { return }
        let own = group.flatMap { privateKeys[$0]?[block] }
        let ownCount = group.map { (timestep + 1) * (shape.privateGroups[$0] ?? 0) } ?? 0
        publicKeys[block].attend(
            team, count: seen, own, count: ownCount, queries + rows.lowerBound * stride, stride: stride,
            rows: rows.count, scale: scale, into: mixed.pointer + rows.lowerBound * shape.width, stride: shape.width,
            scratch: attentionScratch)
    }

    /// What follows the attention in a block, on rows 0 ..< rows.
    private func feedForward(block: Int, rows: Int) {
        let D = shape.width
        let block = blocks[block]
        block.out.apply(
            team, mixed.pointer, stride: D, rows: rows, into: x.pointer, stride: D, residual: x.pointer,
            scratch: scratch)
        team.stageEnded?(.projections)
        norm(block.mlpNorm, x.pointer, rows: rows, into: normed.pointer)
        team.stageEnded?(.norms)
        block.expand.apply(
            team, normed.pointer, stride: D, rows: rows, into: hidden.pointer, stride: shape.mlpSize, OCTO_GELU_TANH,
            scratch: scratch)
        block.contract.apply(
            team, hidden.pointer, stride: shape.mlpSize, rows: rows, into: x.pointer, stride: D, residual: x.pointer,
            scratch: scratch)
        team.stageEnded?(.projections)
    }

    private func norm(
        _ vectors: NormVectors, _ source: UnsafePointer<Float>, rows: Int, into target: UnsafeMutablePointer<Float>
    ) {
        octo_layer_norm(
            team.handle, source, shape.width, Int32(rows), Int32(shape.width), vectors.scale.pointer,
            vectors.bias.pointer, LayerNorm.epsilon, target, shape.width)
    }
}

/// Keys and values of one block, in the order the attention kernel reads them.
final class KeyValueMemory {
    private var layout = octo_key_values()
    private let memory: AlignedMemory

    init(heads: Int, headWidth: Int, capacity: Int, _ precision: octo_precision) {
        // The attention knows float32 and bfloat16; products of 8-bit queries and keys would lose too much.
        let isReduced = precision != OCTO_FLOAT32 && octo_kernels_name(OCTO_BFLOAT16) != nil
        let precision = isReduced ? OCTO_BFLOAT16 : OCTO_FLOAT32
        memory = AlignedMemory(
            byteCount: octo_key_values_bytes(precision, Int32(heads), Int32(headWidth), Int32(capacity)))
        octo_key_values_init(
            &layout, precision, Int32(heads), Int32(headWidth), Int32(capacity), memory.bytes)
    }

    func store(
        _ team: WorkerTeam, at position: Int, _ keys: UnsafePointer<Float>, _ values: UnsafePointer<Float>, stride: Int,
        rows: Int
    ) {
        octo_key_values_store(team.handle, &layout, Int32(position), keys, values, stride, Int32(rows))
    }

    func attend(
        _ team: WorkerTeam, count: Int, _ second: KeyValueMemory?, count secondCount: Int,
        _ queries: UnsafePointer<Float>, stride: Int, rows: Int, scale: Float, into out: UnsafeMutablePointer<Float>,
        stride outStride: Int, scratch: AlignedMemory
    ) {
        team.floatingPointOperations +=
            4 * rows * (count + secondCount) * Int(layout.heads) * Int(layout.head_width)
        if let second {
            octo_attend(
                team.handle, &layout, Int32(count), &second.layout, Int32(secondCount), queries, stride, Int32(rows),
                scale, out, outStride, scratch.bytes)
        } else {
            octo_attend(
                team.handle, &layout, Int32(count), nil, 0, queries, stride, Int32(rows), scale, out, outStride,
                scratch.bytes)
        }
    }
}
