/// How chunks follow each other.
package enum ChunkStrategy: Equatable, Sendable, BitwiseCopyable {
    /// Executes `executionHorizon` actions of each chunk, then the newest chunk received takes over. If there is none,
    /// the remaining actions follow.
    case recedingHorizon(executionHorizon: Int)
    /// Every action is the mean of what all recent chunks say about its timestep, with weights exp(-k i), i = 0 for the
    /// oldest of them: the official wrapper's rule (the official code, commit 241fb35, octo/utils/gym_wrappers.py),
    /// with k = `weight`. Each chunk has a say in its first `size` timesteps, which is the same as keeping the last
    /// `size` chunks when one comes at every timestep.
    case temporalEnsemble(weight: Double, size: Int)
    /// Infers the next chunk while one is executed. After `executionHorizon` actions, or earlier if fewer than
    /// `blend` would be left to blend with, the newest one takes over: its elapsed steps are dropped by stamp, and over
    /// `blend` the actions go over from the old chunk's to its own.
    case asynchronous(executionHorizon: Int, blend: Duration)

    /// Whether the parameters make sense: horizon and size at least 1, weight finite, blend not negative.
    package var isValid: Bool {
        switch self {
        case .recedingHorizon(let horizon): horizon >= 1
        case .temporalEnsemble(let weight, let size): weight.isFinite && abs(weight) <= 100 && size >= 1
        case .asynchronous(let horizon, let blend): horizon >= 1 && blend >= .zero
        }
    }
}
