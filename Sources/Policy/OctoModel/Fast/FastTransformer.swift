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
    /// What half a block needs while it is at work, of all that share the weights.
    private let desk: Desk

    /// Rows at work.
    let x: FloatBuffer
    private var job = Job()

    /// Rows that mean nothing between two halves of a block.
    private struct Desk {
        let normed: FloatBuffer
        let projected: FloatBuffer
        let mixed: FloatBuffer
        let hidden: FloatBuffer
        let scratch: AlignedMemory
    }

    /// What the rows in `x` are, and what is wanted of them.
    struct Job {
        /// Number of rows that everybody sees; they come first.
        var publicCount = 0
        /// Number of public tokens that came before them.
        var base = 0
        /// The other rows, by group.
        var privateRuns: [StepPlan.PrivateRun] = []
        /// Timestep of the private rows.
        var timestep = 0
        /// The rows whose output is needed; without them the last block's work ends with its keys and values.
        var wanted: [StepPlan.WantedRun] = []
        /// Takes those rows after the final norm, `[wanted, D]`.
        var output: UnsafeMutablePointer<Float>?

        var rows: Int { privateRuns.last?.rows.upperBound ?? publicCount }
        var seen: Int { base + publicCount }
    }

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
        desk = Desk(
            normed: FloatBuffer(count: rows * D), projected: FloatBuffer(count: rows * 3 * D),
            mixed: FloatBuffer(count: rows * D), hidden: FloatBuffer(count: rows * shape.mlpSize),
            scratch: AlignedMemory(
                byteCount: octo_dense_scratch_bytes(precision, Int32(rows), Int32(max(D, shape.mlpSize)))))
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

    /// Makes a transformer with another's weights that keeps no keys and values yet.
    init(sharing other: FastTransformer) {
        shape = other.shape
        team = other.team
        precision = other.precision
        finalNorm = other.finalNorm
        blocks = other.blocks
        desk = other.desk
        x = FloatBuffer(count: other.x.count)
    }

    /// Where the weights of each product lie.
    var weights: [UnsafeRawPointer?] {
        blocks.flatMap { block in
            [block.project, block.query, block.out, block.expand, block.contract].map { $0?.layer.panels }
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

    /// Says what the rows are that stand in `x` now.
    func begin(_ job: Job) { self.job = job }

    /// Takes the rows in `x` through all blocks and keeps their keys and values.
    func run() {
        for index in blocks.indices {
            lookAround(block: index)
            feedForward(block: index)
        }
    }

    /// Takes the rows of several transformers that share their weights through all blocks together, half a block after
    /// the other: its weights come out of memory once for all of them, and each transformer's numbers are made by the
    /// calls that `run` makes.
    static func run(_ transformers: [FastTransformer]) {
        guard let first = transformers.first else { return }
        for index in first.blocks.indices {
            for transformer in transformers { transformer.lookAround(block: index) }
            for transformer in transformers { transformer.feedForward(block: index) }
        }
    }

    /// The attention's half of a block. In the last block the rows that are not wanted end with their keys and values;
    /// the wanted ones are the first of `x` from then on.
    private func lookAround(block index: Int) {
        let D = shape.width
        let rows = job.rows
        if rows == 0 { return }
        let isLast = index == blocks.count - 1
        // The last block's projection has no queries.
        let (stride, keys) = isLast ? (2 * D, 0) : (3 * D, D)
        let projected = desk.projected.pointer
        norm(blocks[index].attentionNorm, x.pointer, rows: rows, into: desk.normed.pointer)
        team.stageEnded?(.norms)
        blocks[index].project.apply(
            team, desk.normed.pointer, stride: D, rows: rows, into: projected, stride: stride, scratch: desk.scratch)
        team.stageEnded?(.projections)
        if job.publicCount > 0 {
            publicKeys[index].store(
                team, at: job.base, projected + keys, projected + keys + D, stride: stride, rows: job.publicCount)
        }
        for run in job.privateRuns {
            let row = projected + run.rows.lowerBound * stride + keys
            privateKeys[run.group]?[index].store(
                team, at: job.timestep * (shape.privateGroups[run.group] ?? 0), row, row + D, stride: stride,
                rows: run.rows.count)
        }
        if isLast {
            team.stageEnded?(.attention)
            lookAroundWanted()
            return
        }
        attend(block: index, rows: 0..<job.publicCount, group: nil, stride: stride)
        for run in job.privateRuns { attend(block: index, rows: run.rows, group: run.group, stride: stride) }
        team.stageEnded?(.attention)
        mix(block: index, rows: rows)
    }

    /// The last block's attention for the wanted rows alone.
    private func lookAroundWanted() {
        if !isWanted { return }
        let D = shape.width
        let index = blocks.count - 1
        let wanted = job.wanted
        // The order of the wanted rows need not be that of the rows: they go through a place in between.
        for (row, run) in wanted.enumerated() {
            (desk.mixed.pointer + row * D).update(from: x.pointer + run.rows.lowerBound * D, count: D)
            (desk.projected.pointer + row * D).update(from: desk.normed.pointer + run.rows.lowerBound * D, count: D)
        }
        x.pointer.update(from: desk.mixed.pointer, count: wanted.count * D)
        desk.normed.pointer.update(from: desk.projected.pointer, count: wanted.count * D)
        blocks[index].query?.apply(
            team, desk.normed.pointer, stride: D, rows: wanted.count, into: desk.projected.pointer, stride: D,
            scratch: desk.scratch)
        for (row, run) in wanted.enumerated() { attend(block: index, rows: row..<row + 1, group: run.group, stride: D) }
        team.stageEnded?(.attention)
        mix(block: index, rows: wanted.count)
    }

    private var isWanted: Bool { job.output != nil && !job.wanted.isEmpty && job.rows > 0 }

    /// The second half of a block, and after the last the final norm of the wanted rows.
    private func feedForward(block index: Int) {
        let isLast = index == blocks.count - 1
        if isLast && !isWanted || job.rows == 0 { return }
        let D = shape.width
        let rows = isLast ? job.wanted.count : job.rows
        let block = blocks[index]
        norm(block.mlpNorm, x.pointer, rows: rows, into: desk.normed.pointer)
        team.stageEnded?(.norms)
        block.expand.apply(
            team, desk.normed.pointer, stride: D, rows: rows, into: desk.hidden.pointer, stride: shape.mlpSize,
            OCTO_GELU_TANH, scratch: desk.scratch)
        block.contract.apply(
            team, desk.hidden.pointer, stride: shape.mlpSize, rows: rows, into: x.pointer, stride: D,
            residual: x.pointer, scratch: desk.scratch)
        team.stageEnded?(.projections)
        if isLast, let output = job.output { norm(finalNorm, x.pointer, rows: rows, into: output) }
    }

    /// Attention of rows whose queries are projected, into the same rows of `mixed`.
    private func attend(block: Int, rows: Range<Int>, group: Int?, stride: Int) {
        let scale = 1 / Float(shape.headWidth).squareRoot()
        if rows.isEmpty { return }
        let own = group.flatMap { privateKeys[$0]?[block] }
        let ownCount = group.map { (job.timestep + 1) * (shape.privateGroups[$0] ?? 0) } ?? 0
        publicKeys[block].attend(
            team, count: job.seen, own, count: ownCount, desk.projected.pointer + rows.lowerBound * stride,
            stride: stride, rows: rows.count, scale: scale, into: desk.mixed.pointer + rows.lowerBound * shape.width,
            stride: shape.width, scratch: attentionScratch)
    }

    /// Adds what the attention gave to rows 0 ..< rows.
    private func mix(block: Int, rows: Int) {
        blocks[block].out.apply(
            team, desk.mixed.pointer, stride: shape.width, rows: rows, into: x.pointer, stride: shape.width,
            residual: x.pointer, scratch: desk.scratch)
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
