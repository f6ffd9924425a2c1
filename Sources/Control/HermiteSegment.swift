import Geometry
import Time

/// One policy step as a cubic in every joint: given positions and velocities at both ends, continuous with its
/// neighbours in both.
struct HermiteSegment: Sendable, BitwiseCopyable {
    var start: MonotonicTime
    var duration: Duration
    var from: JointMotion
    var to: JointMotion

    var end: MonotonicTime { start + duration }

    /// Where the reference is at `time`, radians; the ends outside the segment.
    ///
    /// Cubic Hermite basis on s in 0...1.
    func positions(at time: MonotonicTime) -> JointVector {
        let seconds = duration.inSeconds
        let s = min(max((time - start).inSeconds / seconds, 0), 1)
        let s2 = s * s
        let s3 = s2 * s
        return from.positions * (2 * s3 - 3 * s2 + 1) + from.velocities * ((s3 - 2 * s2 + s) * seconds)
            + to.positions * (3 * s2 - 2 * s3) + to.velocities * ((s3 - s2) * seconds)
    }

    /// The velocity at a point between two steps that keeps the cubics from overshooting: zero where the direction
    /// changes, else the harmonic mean of both slopes (Fritsch & Butland, SIAM J. Sci. Stat. Comput. 5, 1984).
    ///
    /// - Parameters:
    ///   - before: slope of the step that ends here, radians per second.
    ///   - after: slope of the step that begins here, radians per second.
    static func velocity(between before: JointVector, and after: JointVector) -> JointVector {
        var result = before
        for joint in 0..<before.count {
            let (a, b) = (before[joint], after[joint])
            result[joint] = a * b > 0 ? 2 * a * b / (a + b) : 0
        }
        return result
    }
}
