import CShims
import Synchronization
import Threads
import Time

/// The times at which a tick was due and began.
package struct TickTime: Equatable, Sendable, BitwiseCopyable {
    /// Counts ticks that ran, from 0.
    package var index: UInt64
    /// Time at which it was due: `start + k × period`.
    package var deadline: MonotonicTime
    /// Time at which the thread was awake.
    package var wake: MonotonicTime

    package init(index: UInt64, deadline: MonotonicTime, wake: MonotonicTime) {
        self.index = index
        self.deadline = deadline
        self.wake = wake
    }
}

/// How punctual one tick was.
package struct TickTiming: Equatable, Sendable, BitwiseCopyable {
    /// Time from deadline to wake-up, nanoseconds.
    package var latenessNanoseconds: Int64
    /// Time from wake-up to the end of the tick, nanoseconds.
    package var workNanoseconds: Int64
    /// Deadlines passed over because this tick ended after them.
    package var skipped: Int64

    package init(latenessNanoseconds: Int64, workNanoseconds: Int64, skipped: Int64) {
        self.latenessNanoseconds = latenessNanoseconds
        self.workNanoseconds = workNanoseconds
        self.skipped = skipped
    }
}

/// What a fixed-rate loop does. `tick` runs on the loop's thread only.
package protocol FixedRateBody: Sendable {
    /// Does the work of one tick. Nothing in it may allocate, lock, log, or wait.
    mutating func tick(_ time: TickTime)
}

/// Gives a loop the time and lets it wait: the machine's clock, or a test's.
package protocol LoopClock {
    /// The time now.
    mutating func now() -> MonotonicTime
    /// Returns at `deadline` or later, at once if it has passed.
    mutating func sleep(until deadline: MonotonicTime)
}

/// The machine's monotonic clock, CLOCK_MONOTONIC.
package struct MachineClock: LoopClock {
    package init() {}
    package func now() -> MonotonicTime { .now() }
    /// Sleeps until `deadline`. clock_nanosleep(2).
    package func sleep(until deadline: MonotonicTime) {
        // The only errors are a signal (restarted by the wrapper) and an invalid time, which a cadence never makes.
        _ = octo_sleep_until_ns(deadline.nanoseconds)
    }
}

/// A request to end a loop, safe from any thread.
package final class StopFlag: Sendable {
    @usableFromInline let isRaised = Atomic<Bool>(false)

    package init() {}

    /// Raises the flag, which cannot be taken back.
    @inlinable package func raise() { isRaised.store(true, ordering: .releasing) }
    @inlinable package var isSet: Bool { isRaised.load(ordering: .acquiring) }
}

/// Runs `body` at `start + k × period` in the calling thread until `stop` is set. Deadlines that a long tick has run
/// past are skipped and counted, never made up in a burst.
///
/// - Parameters:
///   - clock: the machine's in a process; a test passes one that moves when told, and the same code runs.
///   - timings: takes one record per tick; full, they are dropped and counted.
/// - Returns: how many ticks ran.
@discardableResult
package func runFixedRate<Body: FixedRateBody, Clock: LoopClock>(
    _ body: inout Body, rate: Rate, clock: inout Clock, timings: EventRing<TickTiming>, stop: StopFlag
) -> UInt64 {
    var cadence = Cadence(start: clock.now() + rate.period, rate: rate)
    var index: UInt64 = 0
    while true {
        let deadline = cadence.deadline
        clock.sleep(until: deadline)
        if stop.isSet { return index }
        let wake = clock.now()
        body.tick(TickTime(index: index, deadline: deadline, wake: wake))
        let end = clock.now()
        let skipped = cadence.advance(past: end)
        timings.push(
            TickTiming(
                latenessNanoseconds: wake.nanoseconds - deadline.nanoseconds,
                workNanoseconds: end.nanoseconds - wake.nanoseconds, skipped: skipped))
        index += 1
    }
}

/// A body that runs at a fixed rate in a thread of its own, with real-time rights as far as they are granted.
///
/// Generic over the body: it lies in the loop's own frame, and nothing is boxed per tick.
// Sendable: `body` is touched by the loop's thread only between `start` and `join`, and by the owner only after `join`.
package final class FixedRateLoop<Body: FixedRateBody>: @unchecked Sendable {
    package let rate: Rate
    /// One record for each tick; one other thread may pop them.
    package let timings: EventRing<TickTiming>
    private let stop = StopFlag()
    private var body: Body
    private var thread: RealTimeThread?

    /// Makes a loop that is yet to be started.
    /// - Parameter timingCapacity: number of records that can wait to be popped, 4096 by default: four seconds at 1
    ///   kHz.
    package init(rate: Rate, body: Body, timingCapacity: Int = 4096) {
        self.rate = rate
        self.body = body
        timings = EventRing(capacity: timingCapacity)
    }

    /// Starts the thread and waits until it has its rights. To be called once.
    /// - Returns: what it runs with.
    package func start(rights: RealTimeRights) throws(ThreadStartError) -> RealTimeReport {
        precondition(thread == nil, "a loop is started once")
        let thread = RealTimeThread("control loop", rights: rights) { [self] in run() }
        let report = try thread.start()
        self.thread = thread
        return report
    }

    private func run() {
        var clock = MachineClock()
        // A local copy: reached through `self`, every access of the body would carry an exclusivity check.
        var body = body
        runFixedRate(&body, rate: rate, clock: &clock, timings: timings, stop: stop)
        self.body = body
    }

    /// Ends the loop before its next tick. Any thread may call it.
    package func requestStop() { stop.raise() }

    /// Waits for the thread to end, which takes at most a period and a tick after `requestStop`.
    /// - Returns: the body as the loop left it.
    package func join() -> Body {
        thread?.join()
        thread = nil
        return body
    }
}
