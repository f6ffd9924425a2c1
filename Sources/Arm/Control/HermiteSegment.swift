import Maths
import Time

/// One policy step as a cubic in every joint: given positions and velocities at both ends, continuous with its
/// neighbours in both.
///
/// A joint that comes in too fast for the way it has left would pass its target and return. It gets less time instead,
/// as much as lets a cubic arrive at rest without passing: a seam between chunks never shows as a step back.
struct HermiteSegment: Sendable, BitwiseCopyable {
    let start: MonotonicTime
    let duration: Duration
    let from: JointMotion
    private(set) var to: JointMotion
    /// Seconds until each joint is there.
    private var spans: JointVector

    init(start: MonotonicTime, duration: Duration, from: JointMotion, to: JointMotion) {
        self.start = start
        self.duration = duration
        self.from = from
        self.to = to
        let seconds = duration.inSeconds
        spans = JointVector(repeating: seconds, count: from.positions.count)
        for joint in 0..<from.positions.count {
            let way = to.positions[joint] - from.positions[joint]
            let speed = from.velocities[joint]
            // A cubic is monotone while the speeds at its ends are at most three times its mean speed (Fritsch and
            // Carlson, SIAM J. Numer. Anal. 17, 1980).
            guard way * speed > 0, abs(speed) * seconds > 3 * abs(way) else { continue }
            spans[joint] = 3 * way / speed
            self.to.velocities[joint] = 0
        }
    }

    var end: MonotonicTime { start + duration }

    /// Place of the reference at `time`, radians; the ends outside the segment.
    ///
    /// Cubic Hermite basis on s in 0...1.
    func positions(at time: MonotonicTime) -> JointVector {
        let elapsed = (time - start).inSeconds
        var result = to.positions
        for joint in 0..<result.count {
            let span = spans[joint]
            guard elapsed < span else { continue }
            let s = max(elapsed / span, 0)
            let s2 = s * s
            let s3 = s2 * s
            result[joint] =
                from.positions[joint] * (2 * s3 - 3 * s2 + 1) + from.velocities[joint] * ((s3 - 2 * s2 + s) * span)
                + to.positions[joint] * (3 * s2 - 2 * s3) + to.velocities[joint] * ((s3 - s2) * span)
        }
        return result
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
