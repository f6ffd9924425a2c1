import OctoModel
import Time

/// How fast this machine multiplies large matrices, in floating-point operations per second.
struct KernelRates {
    let ours: Double
    let openBLAS: Double
    var best: Double { max(ours, openBLAS) }

    init(team: WorkerTeam) {
        let probe = ProductProbe(team: team, size: 1024)
        func rate(_ run: () -> Void) -> Double {
            // The fastest of several: this is to be the machine's best.
            let fastest =
                (0..<12).map { _ in
                    let start = MonotonicTime.now()
                    run()
                    return (MonotonicTime.now() - start).inMilliseconds
                }.min() ?? 1
            return Double(probe.operations) / fastest * 1000
        }
        ours = rate(probe.runKernels)
        openBLAS = rate(probe.runBLAS)
    }
}
