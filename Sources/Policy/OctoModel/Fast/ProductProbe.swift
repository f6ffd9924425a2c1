import CKernels

/// One large matrix product, to find out how fast this machine can multiply at best.
package final class ProductProbe {
    private let team: WorkerTeam
    private let size: Int
    private let packed: PackedDense
    private let a: [Float]
    private var c: [Float]

    /// Makes the matrices of the product.
    /// - Parameter size: number of rows and columns of all three matrices.
    package init(team: WorkerTeam, size: Int) {
        self.team = team
        self.size = size
        a = [Float](repeating: 0.5, count: size * size)
        c = [Float](repeating: 0, count: size * size)
        packed = PackedDense([Dense(inputs: size, outputs: size, kernel: a, bias: nil)], OCTO_FLOAT32)
    }

    /// Floating-point operations of a run.
    package var operations: Int { 2 * size * size * size }

    /// Multiplies once with our kernels.
    package func runKernels() {
        let scratch = AlignedMemory(byteCount: 0)
        a.withUnsafeBufferPointer { a in
            c.withUnsafeMutableBufferPointer { c in
                guard let a = a.baseAddress, let c = c.baseAddress else { return }
                packed.apply(team, a, stride: size, rows: size, into: c, stride: size, scratch: scratch)
            }
        }
    }

    /// Multiplies once with OpenBLAS.
    package func runBLAS() {
        let product = BLAS.Product(
            m: size, n: size, k: size, transposesB: false, leadingA: size, leadingB: size, leadingC: size)
        a.withUnsafeBufferPointer { a in
            c.withUnsafeMutableBufferPointer { c in
                guard let source = a.baseAddress, let target = c.baseAddress else { return }
                BLAS.multiply(product, source, source, into: target)
            }
        }
    }
}
