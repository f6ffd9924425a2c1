import COpenBLAS
import Synchronization

/// The one place that calls OpenBLAS.
package enum BLAS {
    /// The kernels OpenBLAS chose for this CPU, e.g. "SkylakeX". OPENBLAS_CORETYPE in the environment overrides its
    /// choice; "Haswell" runs at half speed on CPUs with AVX-512, so programs log this name.
    /// - Returns: "unknown" if the library does not say.
    package static var coreName: String {
        guard let name = openblas_get_corename() else { return "unknown" }
        return String(cString: name)
    }

    /// Sets the number of threads that OpenBLAS uses from now on, for the whole process. Results may differ in the last
    /// bit between counts.
    package static func setThreads(_ count: Int) { openblas_set_num_threads(Int32(clamping: max(1, count))) }

    /// Number of threads that OpenBLAS uses at present.
    package static var threads: Int { Int(openblas_get_num_threads()) }

    /// The shape of one product `C[m, n] = A[m, k] · B[k, n]`, with the distances between rows.
    package struct Product: Hashable, Sendable {
        /// Rows of A and C, columns of B and C, and the length of the sums.
        package var m: Int
        package var n: Int
        package var k: Int
        /// Whether B is stored `[n, k]`.
        package var transposesB: Bool
        /// Numbers from one row to the next.
        package var leadingA: Int
        package var leadingB: Int
        package var leadingC: Int

        package var floatingPointOperations: Int { 2 * m * n * k }
    }

    /// Counts the products made while it is bound to `BLAS.tally`, so that a benchmark can time the same ones alone.
    package final class Tally: Sendable {
        private let counts = Mutex<[Product: Int]>([:])
        package init() {}
        fileprivate func add(_ product: Product) { counts.withLock { $0[product, default: 0] += 1 } }
        package var products: [(product: Product, count: Int)] {
            counts.withLock { $0.map { (product: $0.key, count: $0.value) } }
        }
    }

    /// The tally that counts, bound by `$tally.withValue(…)` around what is to be counted.
    @TaskLocal package static var tally: Tally?

    /// Computes `C = scale · A · B + keep · C`, all row-major Float32, none overlapping.
    ///
    /// - Parameters:
    ///   - a: m rows of k numbers, `leadingA` apart.
    ///   - b: k rows of n numbers, or n rows of k if `transposesB`, `leadingB` apart.
    ///   - c: m rows of n numbers, `leadingC` apart.
    ///   - keep: 0 overwrites C (which may be uninitialised), 1 adds to it.
    ///
    /// `cblas_sgemm`
    package static func multiply(
        _ product: Product, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
        scale: Float = 1, keep: Float = 0
    ) {
        tally?.add(product)
        guard product.m > 0, product.n > 0, product.k > 0 else { return }
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, product.transposesB ? CblasTrans : CblasNoTrans, blasint(product.m),
            blasint(product.n), blasint(product.k), scale, a, blasint(product.leadingA), b, blasint(product.leadingB),
            keep, c, blasint(product.leadingC))
    }
}
