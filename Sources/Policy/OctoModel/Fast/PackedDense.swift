import CKernels

/// A dense layer, or several side by side that read the same input, with its weights in the order the kernels read
/// them.
final class PackedDense {
    let inputs: Int
    let outputs: Int
    let layer: octo_dense
    private let memory: AlignedMemory

    /// Packs layers into one.
    /// - Parameter parts: one or more layers with the same inputs; their outputs stand beside each other.
    init(_ parts: [Dense], _ precision: octo_precision) {
        let inputs = parts.first?.inputs ?? 0
        let outputs = parts.reduce(0) { $0 + $1.outputs }
        precondition(parts.allSatisfy { $0.inputs == inputs }, "layers side by side read the same input")
        let memory = AlignedMemory(byteCount: octo_dense_bytes(precision, Int32(inputs), Int32(outputs)))
        var layer = octo_dense()
        let widths = parts.map { Int32($0.outputs) }
        Self.withPointers(to: parts.map(\.kernel)) { kernels in
            Self.withPointers(to: parts.map { $0.bias ?? [Float](repeating: 0, count: $0.outputs) }) { biases in
                octo_dense_pack_columns(
                    precision, Int32(inputs), Int32(parts.count), widths, kernels, biases, memory.bytes, &layer)
            }
        }
        self.inputs = inputs
        self.outputs = outputs
        self.layer = layer
        self.memory = memory
    }

    /// `y = activation(x W + b) + residual`
    /// - Parameters:
    ///   - x: `rows` rows, `xStride` apart.
    ///   - y: `rows` rows, `yStride` apart; may be the residual.
    ///   - residual: rows as y's; nil for none.
    ///   - scratch: `octo_dense_scratch_bytes`.
    func apply(
        _ team: WorkerTeam, _ x: UnsafePointer<Float>, stride xStride: Int, rows: Int,
        into y: UnsafeMutablePointer<Float>, stride yStride: Int, _ activation: octo_activation = OCTO_LINEAR,
        residual: UnsafePointer<Float>? = nil, scratch: AlignedMemory
    ) {
        team.floatingPointOperations += 2 * rows * inputs * outputs
        var layer = layer
        octo_dense_apply(
            team.handle, &layer, x, xStride, Int32(rows), y, yStride, activation, residual, scratch.bytes)
    }

    /// Calls `body` with a pointer to each array's numbers.
    private static func withPointers(
        to arrays: [[Float]], _ body: (UnsafePointer<UnsafePointer<Float>?>) -> Void
    ) {
        var pointers: [UnsafePointer<Float>?] = []
        func next(_ index: Int) {
            if index == arrays.count {
                pointers.withUnsafeBufferPointer { all in
                    if let base = all.baseAddress { body(base) }
                }
                return
            }
            arrays[index].withUnsafeBufferPointer { numbers in
                pointers.append(numbers.baseAddress)
                next(index + 1)
            }
        }
        next(0)
    }
}

/// The two vectors of a norm where the kernels can read them.
struct NormVectors {
    let scale: FloatBuffer
    let bias: FloatBuffer

    init(_ norm: LayerNorm) { self.init(scale: norm.scale, bias: norm.bias) }
    init(_ norm: GroupNorm) { self.init(scale: norm.scale, bias: norm.bias) }

    private init(scale: [Float], bias: [Float]) {
        self.scale = FloatBuffer(scale)
        self.bias = FloatBuffer(bias)
    }
}
