import Maths
import Messages
import Recording
import Time
import Wire

/// The motion that an arm was told to make, over the time of an episode.
package struct RecordedMotion: Equatable, Sendable {
    /// Setpoint of the arm at one moment.
    package struct Point: Equatable, Sendable {
        /// Time after the first point.
        package var time: Duration
        /// Joint angles, radians, as the arm was told after interpolation and safety.
        package var positions: JointVector
        /// Opening of the gripper, 0 closed ... 1 open.
        package var gripper: Double

        package init(time: Duration, positions: JointVector, gripper: Double) {
            self.time = time
            self.positions = positions
            self.gripper = gripper
        }
    }
    /// Ascending in time; at least one.
    package let points: [Point]

    /// Makes a motion through points.
    /// - Returns: nil for no points, or points that are not of one arm in the order of their times.
    package init?(_ points: [Point]) {
        guard let first = points.first,
            points.allSatisfy({
                $0.positions.count == first.positions.count && $0.positions.isFinite && $0.gripper.isFinite
            }),
            zip(points, points.dropFirst()).allSatisfy({ $0.time < $1.time })
        else { return nil }
        self.points = points
    }

    /// Reads the motion from `arm/state`. States whose stamp is not later than the one before are passed over.
    /// - Parameters:
    ///   - from: beginning of the motion, counted from the episode's first message.
    ///   - to: end of the motion, counted likewise; nil goes to the end.
    package init(of file: EpisodeFile, from: Duration = .zero, to: Duration? = nil) throws {
        let start = file.startTime
        var points: [Point] = []
        var first: MonotonicTime?
        for (state, logTime) in try file.messages(of: Topics.armState) {
            guard logTime >= start + from, to.map({ logTime <= start + $0 }) ?? true else { continue }
            let begun = first ?? state.measured.time
            first = begun
            let time = state.measured.time - begun
            if let last = points.last, time <= last.time { continue }
            points.append(Point(time: time, positions: state.setpoint.positions, gripper: state.setpoint.gripper))
        }
        guard let motion = RecordedMotion(points) else { throw RecordedMotionError.noMotion(path: file.path) }
        self = motion
    }

    package var start: Point { points[0] }
    package var duration: Duration { points[points.count - 1].time }

    /// The point at a time: between two on the straight way; before the first and after the last, where these are.
    package func point(at time: Duration) -> Point {
        var (low, high) = (0, points.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if points[middle].time <= time { low = middle } else { high = middle }
        }
        let before = points[low]
        guard time > before.time, low + 1 < points.count else { return before }
        let after = points[low + 1]
        let share = (time - before.time).inSeconds / (after.time - before.time).inSeconds
        return Point(
            time: time, positions: before.positions + (after.positions - before.positions) * share,
            gripper: before.gripper + (after.gripper - before.gripper) * share)
    }

    /// How far each joint was at most from where it was at a time in `times`; 0 within what it went through.
    package func deviation(of positions: JointVector, from times: ClosedRange<Duration>) -> JointVector {
        var low = point(at: times.lowerBound).positions
        var high = low
        func take(_ positions: JointVector) {
            for joint in 0..<low.count {
                low[joint] = min(low[joint], positions[joint])
                high[joint] = max(high[joint], positions[joint])
            }
        }
        take(point(at: times.upperBound).positions)
        for point in points where times.contains(point.time) { take(point.positions) }
        var off = JointVector(repeating: 0, count: low.count)
        for joint in 0..<low.count {
            off[joint] = max(low[joint] - positions[joint], positions[joint] - high[joint], 0)
        }
        return off
    }
}

/// Why an episode's motion cannot be replayed on this arm.
package enum RecordedMotionError: Error, Equatable, CustomStringConvertible {
    case noMotion(path: String)

    package var description: String {
        switch self {
        case .noMotion(let path):
            "reading the motion in \(path): found no arm/state of one arm between --from and --to, expected some. See "
                + "'octo-replay info \(path)' for what it has."
        }
    }
}
