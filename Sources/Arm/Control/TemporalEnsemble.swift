import Glibc
import Messages
import Time

/// The weighted mean of what several chunks say about the same timestep.
///
/// Timesteps are counted from the observation of the first chunk; a chunk belongs to the timestep nearest to its own
/// observation, by stamp. Sums are kept for each timestep to come, so that chunks need not be: as chunks are added in
/// the order of their observations, the i-th to speak about a timestep is its i-th oldest, and weighs exp(-k i).
/// Stored in place; real-time safe.
struct TemporalEnsemble: Sendable, BitwiseCopyable {
    /// How many timesteps can be looked ahead; of longer chunks the rest is not used.
    static let capacity = 64
    /// How many chunks' reports can wait.
    private static let memberCapacity = 64

    private struct Member: Sendable, BitwiseCopyable {
        var report: ChunkReport
        /// Timestep of its first action.
        var first: Int
        /// Timestep of its first action that came in time.
        var open: Int
        /// Timestep after that of its last action that counts.
        var end: Int
    }

    /// The k of the weights exp(-k i).
    let weight: Double
    /// How many timesteps of each chunk count.
    let size: Int
    private var origin = MonotonicTime.zero
    private var stepDuration = Duration.seconds(1)
    private var space = ActionSpace.eefDelta
    private var dimension = 0
    private var sums = InlineArray<64, SIMD16<Double>>(repeating: SIMD16())
    private var weights = InlineArray<64, Double>(repeating: 0)
    private var counts = InlineArray<64, Int>(repeating: 0)
    /// The timestep that a slot of the three arrays above is of.
    private var timesteps = InlineArray<64, Int>(repeating: -1)
    private var members: InlineArray<64, Member>
    private var oldest = 0
    private(set) var memberCount = 0

    init(weight: Double, size: Int) {
        self.weight = weight
        self.size = min(size, Self.capacity)
        members = InlineArray(
            repeating: Member(report: ChunkReport(of: FixedActionChunk(), .executed), first: 0, open: 0, end: 0))
    }

    var isEmpty: Bool { memberCount == 0 }

    /// The newest chunk's id, and which of its steps `timestep` is.
    func newest(at timestep: Int) -> (id: UInt64, step: Int)? {
        guard memberCount > 0 else { return nil }
        var index = memberCount - 1
        while index > 0 && self[index].open > timestep { index -= 1 }
        return (self[index].report.chunkID, max(0, timestep - self[index].first))
    }

    /// Whether `chunk` can be averaged with those that are there.
    func fits(_ chunk: FixedActionChunk) -> Bool {
        isEmpty
            || (chunk.actionSpace == space && chunk.actionDimension == dimension && chunk.stepDuration == stepDuration)
    }

    /// Adds a chunk that is newer than all before and fits.
    /// - Parameters:
    ///   - firstOpen: the first timestep that has not begun; to an empty ensemble `chunk` brings timestep 0.
    ///   - reports: takes the report of a chunk that must make room.
    mutating func add(
        _ chunk: FixedActionChunk, receivedAt now: MonotonicTime, firstOpen: Int,
        reports: inout ChunkReportQueue
    ) {
        if isEmpty {
            origin = chunk.observationTime
            stepDuration = chunk.stepDuration
            space = chunk.actionSpace
            dimension = chunk.actionDimension
        }
        if memberCount == Self.memberCapacity { removeOldest(.executed, into: &reports) }
        let ticks = (chunk.observationTime - origin).inSeconds / stepDuration.inSeconds
        // Chunks come within the watchdog of each other; beyond this range it is no timestep of the same run.
        let first = Int(min(max(ticks.rounded(), -1e9), 1e9))
        let length = min(chunk.actionHorizon, size)
        var report = ChunkReport(of: chunk, .executed)
        report.receivedTime = now
        report.stepsSkipped = min(length, max(0, firstOpen - first))
        for step in report.stepsSkipped..<length { add(chunk.action(step, phase: 0), to: first + step) }
        self[memberCount] = Member(report: report, first: first, open: first + report.stepsSkipped, end: first + length)
        memberCount += 1
    }

    private mutating func add(_ action: Action, to timestep: Int) {
        let slot = Self.slot(timestep)
        if timesteps[slot] != timestep || counts[slot] == 0 {
            timesteps[slot] = timestep
            sums[slot] = SIMD16()
            weights[slot] = 0
            counts[slot] = 0
        }
        let share = exp(-weight * Double(counts[slot]))
        var numbers = action.numbers
        if space == .eefAbsolute && weights[slot] > 0 {
            for element in 3...5 {
                numbers[element] = Action.unwrapped(numbers[element], near: sums[slot][element] / weights[slot])
            }
        }
        sums[slot] += numbers * share
        weights[slot] += share
        counts[slot] += 1
    }

    /// The mean for `timestep`; nil where no chunk says anything.
    /// - Parameter phase: how late the step begins, as a share of it, 0..<1; see `FixedActionChunk.action(_:phase:)`.
    func action(at timestep: Int, phase: Double) -> Action? {
        guard let present = mean(at: timestep) else { return nil }
        guard phase > 0, space.isAbsolute, let following = mean(at: timestep + 1) else { return present }
        var result = present.mixed(with: following, share: phase)
        result[dimension - 1] = present.gripper
        return result
    }

    private func mean(at timestep: Int) -> Action? {
        let slot = Self.slot(timestep)
        guard counts[slot] > 0, timesteps[slot] == timestep else { return nil }
        return Action(numbers: sums[slot] / weights[slot], dimension: dimension, space: space)
    }

    /// Notes that the step at `timestep` is over; chunks that have no more to say are reported.
    mutating func executed(_ timestep: Int, reports: inout ChunkReportQueue) {
        for index in 0..<memberCount where self[index].open <= timestep && timestep < self[index].end {
            self[index].report.stepsExecuted += 1
        }
        while memberCount > 0 && self[0].end <= timestep + 1 { removeOldest(.executed, into: &reports) }
    }

    /// Notes that a setpoint of `timestep` is with the driver.
    mutating func wrote(_ timestep: Int, at now: MonotonicTime) {
        for index in 0..<memberCount
        where self[index].report.firstSetpointTime == .zero && self[index].open <= timestep
            && timestep < self[index].end
        {
            self[index].report.firstSetpointTime = now
        }
    }

    /// Notes that the newest chunk's step at `timestep` was cut short.
    mutating func clamped(_ timestep: Int) {
        var index = memberCount - 1
        while index > 0 && self[index].open > timestep { index -= 1 }
        if index >= 0 { self[index].report.stepsClamped += 1 }
    }

    /// Forgets everything; what has not been reported is, as `outcome` where it moved the arm.
    mutating func clear(_ outcome: ChunkReport.Outcome, reports: inout ChunkReportQueue) {
        while memberCount > 0 { removeOldest(outcome, into: &reports) }
        counts = InlineArray(repeating: 0)
    }

    private mutating func removeOldest(_ outcome: ChunkReport.Outcome, into reports: inout ChunkReportQueue) {
        var report = self[0].report
        report.outcome =
            if outcome == .interrupted || report.stepsExecuted > 0 {
                outcome
            } else {
                report.stepsSkipped > 0 ? .tooLate : .superseded
            }
        if report.outcome == .tooLate || report.outcome == .superseded { report.firstSetpointTime = .zero }
        reports.append(report)
        oldest = (oldest + 1) % Self.memberCapacity
        memberCount -= 1
    }

    private subscript(index: Int) -> Member {
        get { members[(oldest + index) % Self.memberCapacity] }
        set { members[(oldest + index) % Self.memberCapacity] = newValue }
    }

    private static func slot(_ timestep: Int) -> Int { timestep & (capacity - 1) }
}
