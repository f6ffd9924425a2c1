import CAllocationCount
import Glibc
import RealTime
import TestSupport
import Testing
import Time

/// A clock that moves when it is told to sleep or when the body works, and wakes late as scripted.
private struct ScriptedClock: LoopClock {
    var present = MonotonicTime.zero
    /// How late each sleep ends, nanoseconds; 0 when the script is over.
    var lateness: [Int64] = []
    var sleeps = 0

    mutating func now() -> MonotonicTime { present }
    mutating func sleep(until deadline: MonotonicTime) {
        let late = sleeps < lateness.count ? lateness[sleeps] : 0
        sleeps += 1
        present = max(present, deadline) + .nanoseconds(late)
    }
}

/// Writes down its ticks and asks to stop after a number of them.
private struct Diary: FixedRateBody {
    let stop: StopFlag
    let ticksToRun: Int
    var ticks: [TickTime] = []

    mutating func tick(_ time: TickTime) {
        ticks.append(time)
        if ticks.count == ticksToRun { stop.raise() }
    }
}

private struct Counter: FixedRateBody {
    var allocates = false
    var count = 0
    var allocations: UInt64 = 0
    var boxes: [Int] = []

    mutating func tick(_ time: TickTime) {
        let before = octo_thread_allocation_count()
        count += 1
        if allocates { boxes = [count, count] }
        allocations += octo_thread_allocation_count() - before
    }
}

@Suite struct FixedRateLoopTests {
    private func run(lateness: [Int64], ticks: Int, rate: Rate = Rate(hertz: 1000)) -> ([TickTime], [TickTiming]) {
        let stop = StopFlag()
        var body = Diary(stop: stop, ticksToRun: ticks)
        var clock = ScriptedClock(lateness: lateness)
        let timings = EventRing<TickTiming>(capacity: 1024)
        let count = runFixedRate(&body, rate: rate, clock: &clock, timings: timings, stop: stop)
        #expect(count == UInt64(body.ticks.count))
        var records: [TickTiming] = []
        while let timing = timings.pop() { records.append(timing) }
        return (body.ticks, records)
    }

    @Test func lateWakeUpsDoNotAddUp() {
        let (ticks, timings) = run(lateness: Array(repeating: 300_000, count: 100), ticks: 100)
        #expect(ticks.map(\.index) == (0..<100).map { UInt64($0) })
        #expect(ticks.last?.deadline == .zero + .milliseconds(100))
        #expect(ticks.allSatisfy { $0.wake - $0.deadline == .microseconds(300) })
        #expect(timings.allSatisfy { $0.latenessNanoseconds == 300_000 && $0.skipped == 0 })
    }

    @Test func missedDeadlinesAreSkippedAndCounted() {
        let (ticks, timings) = run(lateness: [0, 3_500_000, 0, 0], ticks: 4)
        #expect(ticks.map { ($0.deadline - .zero).inMilliseconds } == [1, 2, 6, 7])
        #expect(timings.map(\.skipped) == [0, 3, 0, 0])
    }

    @Test func neverRunsTwoTicksForOneDeadline() {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        let lateness = (0..<500).map { _ in Int64.random(in: 0...4_000_000, using: &random) }
        let (ticks, timings) = run(lateness: lateness, ticks: 500)
        for (earlier, later) in zip(ticks, ticks.dropFirst()) {
            #expect(later.deadline > earlier.deadline, "seed \(random.seed)")
            #expect(later.deadline > earlier.wake, "seed \(random.seed)")
        }
        let spanned = (ticks[499].deadline - ticks[0].deadline).nanoseconds / 1_000_000
        #expect(spanned == 499 + timings.dropLast().reduce(0) { $0 + $1.skipped }, "seed \(random.seed)")
    }

    @Test(.timeLimit(.minutes(1)))
    func runsInAThreadOfItsOwnUntilStopped() throws {
        let loop = FixedRateLoop(rate: Rate(hertz: 2000), body: Counter())
        let report = try loop.start(rights: .none)
        #expect(report == RealTimeReport())
        var records = 0
        while records < 50 {
            if loop.timings.pop() != nil { records += 1 } else { usleep(500) }
        }
        loop.requestStop()
        let body = loop.join()
        #expect(body.count >= 50)
    }

    @Test func joiningALoopThatNeverStartedGivesTheBodyBack() {
        let loop = FixedRateLoop(rate: Rate(hertz: 10), body: Counter(count: 5))
        #expect(loop.join().count == 5)
    }

    /// The control of every claim "no allocations": the counter does count.
    @Test func theAllocationCounterSeesAnAllocatingBody() {
        var body = Counter(allocates: true)
        for index in 0..<UInt64(100) { body.tick(TickTime(index: index, deadline: .zero, wake: .zero)) }
        #expect(body.boxes == [100, 100], "read here, so that the compiler must keep the arrays")
        #expect(body.allocations >= 100)
    }

    @Test(.timeLimit(.minutes(1)))
    func aBodyThatDoesNotAllocateRunsWithoutAllocations() throws {
        struct Measured: FixedRateBody {
            var first: UInt64 = 0
            var last: UInt64 = 0
            var count = 0
            mutating func tick(_ time: TickTime) {
                // From tick to tick: the loop's own work, mailboxes included, lies between.
                if count == 0 { first = octo_thread_allocation_count() }
                last = octo_thread_allocation_count()
                count += 1
            }
        }
        let loop = FixedRateLoop(rate: Rate(hertz: 5000), body: Measured())
        _ = try loop.start(rights: .none)
        var records = 0
        while records < 1000 {
            if loop.timings.pop() != nil { records += 1 } else { usleep(500) }
        }
        loop.requestStop()
        let body = loop.join()
        #expect(body.count >= 1000)
        #expect(body.last == body.first)
    }
}

/// A kernel that gives each request the errno it was told to.
private struct ScriptedKernel: RightsKernel {
    var errors: [String: Int32] = [:]
    func pin(toCPU cpu: Int) -> Int32 { errors["cpu"] ?? 0 }
    func setTimerSlack(nanoseconds: Int) -> Int32 { errors["slack"] ?? 0 }
    func lockMemory() -> Int32 { errors["lock"] ?? 0 }
    func setFIFO(priority: Int) -> Int32 { errors["fifo"] ?? 0 }
    func prefaultStack() {}
}

@Suite struct RealTimeRightsTests {
    private let everything = RealTimeRights(fifoPriority: 80, locksMemory: true, cpu: 1, timerSlackNanoseconds: 1)

    @Test func saysWhatWasGranted() {
        let report = everything.acquire(through: ScriptedKernel())
        #expect(report.isComplete)
        #expect(report.hasRealTimeScheduling)
        #expect(report.description == "on CPU 1, timer slack 1 ns, memory locked, SCHED_FIFO 80")
    }

    @Test func saysWhatWasRefusedAndHowToMendIt() throws {
        let report = everything.acquire(through: ScriptedKernel(errors: ["fifo": EPERM, "lock": ENOMEM]))
        #expect(!report.isComplete)
        #expect(!report.hasRealTimeScheduling)
        #expect(report.refused.map(\.right) == [.memoryLock, .fifo(priority: 80)])
        #expect(
            report.description.hasSuffix(
                "; refused: memory locked (Cannot allocate memory), SCHED_FIFO 80 (Operation not permitted)"))
        let advice = try #require(report.advice)
        #expect(advice.contains("add `@realtime - rtprio 90` to /etc/security/limits.conf"))
        #expect(advice.contains("add `@realtime - memlock"))
    }

    @Test func saysWhatWasWrongWithTheRequest() {
        let rights = RealTimeRights(fifoPriority: 200, locksMemory: false, cpu: 999, timerSlackNanoseconds: nil)
        let report = rights.acquire(through: ScriptedKernel(errors: ["fifo": EINVAL, "cpu": EINVAL]))
        #expect(report.advice?.contains("choose a priority from 1 to 99 instead of 200") == true)
        #expect(report.advice?.contains("instead of 999") == true)
        #expect(report.description.hasPrefix("ordinary scheduling; "))
    }

    @Test func asksForNothingWhenNothingIsWanted() {
        let refusingAll = ScriptedKernel(errors: ["fifo": 1, "lock": 1, "cpu": 1, "slack": 1])
        #expect(RealTimeRights.none.acquire(through: refusingAll) == RealTimeReport())
    }

    @Test func theKernelRefusesACPUThatDoesNotExist() throws {
        let rights = RealTimeRights(fifoPriority: nil, locksMemory: false, cpu: 100_000, timerSlackNanoseconds: 1)
        let loop = FixedRateLoop(rate: Rate(hertz: 100), body: Counter())
        let report = try loop.start(rights: rights)
        loop.requestStop()
        _ = loop.join()
        #expect(report.refused.map(\.right) == [.cpu(100_000)])
        #expect(report.refused.map(\.errno) == [EINVAL])
        #expect(report.granted == [.timerSlack(nanoseconds: 1)])
    }
}
