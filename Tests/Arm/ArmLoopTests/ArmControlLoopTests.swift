import ArmDrivers
import ArmLoop
import CAllocationCount
import Control
import Foundation
import Glibc
import Kinematics
import Maths
import Messages
import RealTime
import TestSupport
import Testing
import Time

func widowX() throws -> ArmCalibration {
    let path = "calibration/widowx-250s.json"
    return try ArmCalibration(
        parsing: try Data(contentsOf: Fixture.packageRoot.appendingPathComponent(path)), file: path)
}

func chunk(_ id: UInt64, observedAt time: MonotonicTime) throws -> FixedActionChunk {
    let up: [Float] = [0.01, 0, -0.01, 0.02, 0, 0.02, 1]
    let back: [Float] = [-0.01, 0, 0.01, -0.02, 0, -0.02, 0]
    return try FixedActionChunk(
        ActionChunk(
            id: id, goalID: "cup", observationTime: time, captureTime: time, inferredTime: time,
            stepDuration: .milliseconds(200), actionDimension: 7, actions: up + back + up + back,
            actionSpace: .eefDelta, noiseSeed: 0, noiseCounter: 0), jointCount: 6)
}

let usual = ArmControllerConfiguration(
    rate: Rate(hertz: 100), executionHorizon: 2, watchdog: .seconds(1))

/// A clock that is told the time, shared by the loop and the body as the machine's is.
struct ToldClock: LoopClock, Sendable {
    // Sendable: used by the one thread of the test.
    final class Present: @unchecked Sendable { var time = MonotonicTime.zero }
    let present = Present()
    func now() -> MonotonicTime { present.time }
    func sleep(until deadline: MonotonicTime) { present.time = max(present.time, deadline) + .microseconds(60) }
}

/// A simulated arm whose reads and writes fail at the ticks it was told.
struct FaultyArm: ArmDriver {
    var arm: SimulatedArm
    var failingReads: Range<Int> = 0..<0
    var failingWrites: Range<Int> = 0..<0
    var reads = -1
    var writes = -1
    var jointCount: Int { arm.jointCount }
    mutating func release(at now: MonotonicTime) throws(ArmDriverError) { try arm.release(at: now) }

    mutating func read(at now: MonotonicTime) throws(ArmDriverError) -> JointState {
        reads += 1
        if failingReads.contains(reads) { throw .noReply(servo: 3) }
        return try arm.read(at: now)
    }
    mutating func write(_ setpoint: JointSetpoint, at now: MonotonicTime) throws(ArmDriverError) {
        writes += 1
        if failingWrites.contains(writes) { throw .systemCall(errno: 5) }
        try arm.write(setpoint, at: now)
    }
}

/// Runs the loop's own code with a told clock: one second of the arm's time takes a moment.
struct LoopBench<Driver: ArmDriver> {
    var body: ArmLoopBody<Driver, ToldClock>
    let clock: ToldClock
    var snapshots: [ArmLoopSnapshot] = []

    init(
        _ driver: Driver, configuration: ArmControllerConfiguration = usual, latch: ArmLatchedState = ArmLatchedState()
    ) throws {
        clock = ToldClock()
        body = try ArmLoopBody(
            driver: driver, calibration: try widowX(), configuration: configuration, clock: clock, latch: latch)
    }

    mutating func run(ticks: Int) {
        for _ in 0..<ticks {
            let deadline = MonotonicTime(
                nanoseconds: (clock.present.time.nanoseconds / 10_000_000 + 1) * 10_000_000)
            clock.sleep(until: deadline)
            body.tick(TickTime(index: 0, deadline: deadline, wake: clock.now()))
            if let snapshot = body.channels.snapshots.take() { snapshots.append(snapshot) }
        }
    }
    /// One tick and one look at every channel: a caller looks up the types it hands over once, which allocates.
    mutating func warmUp() {
        body.tick(TickTime(index: 0, deadline: .zero, wake: .zero))
        while body.channels.reports.pop() != nil {}
        _ = body.channels.snapshots.take()
    }
    mutating func reports() -> [ChunkReport] {
        var reports: [ChunkReport] = []
        while let report = body.channels.reports.pop() { reports.append(report) }
        return reports
    }
}

@Suite struct ArmLoopBodyTests {
    private func arm() throws -> SimulatedArm { SimulatedArm(positions: try widowX().neutral) }

    @Test func executesChunksAndReportsThem() throws {
        var bench = try LoopBench(try arm())
        bench.run(ticks: 5)
        #expect(bench.snapshots.last?.state.mode == .holding(.waitingForFirstChunk))
        #expect(bench.body.channels.chunks.push(try chunk(1, observedAt: bench.clock.now())))
        bench.run(ticks: 1)
        #expect(bench.snapshots.last?.state.mode == .executing(chunkID: 1, step: 0))
        let started = bench.clock.now()
        bench.run(ticks: 120)
        let reports = bench.reports()
        #expect(reports.map(\.outcome) == [.executed])
        #expect(reports.first?.firstSetpointTime == started, "the clock's time, not the deadline")
        #expect(bench.snapshots.last?.state.mode == .holding(.chunkExhausted))
        #expect(bench.snapshots.map(\.state.tick) == (0..<126).map { UInt64($0) })
    }

    @Test func theArmFollows() throws {
        var bench = try LoopBench(try arm())
        bench.run(ticks: 1)
        _ = bench.body.channels.chunks.push(try chunk(1, observedAt: bench.clock.now()))
        var farthest = 0.0
        for _ in 0..<150 {
            bench.run(ticks: 1)
            let state = try #require(bench.snapshots.last).state
            farthest = max(farthest, (state.measured.positions - state.setpoint.positions).magnitude)
        }
        #expect(farthest > 0 && farthest < 0.1, "it lags, a little")
        let state = try #require(bench.snapshots.last).state
        #expect((state.measured.positions - state.setpoint.positions).magnitude < 1e-6)
        #expect((state.baseFromEEF.translation - state.commandedBaseFromEEF.translation).length < 1e-6)
    }

    @Test func readFaultsHoldTheArmAndAreCounted() throws {
        // Reads 0 to 2 are those at the start.
        var bench = try LoopBench(FaultyArm(arm: try arm(), failingReads: 20..<40))
        _ = bench.body.channels.chunks.push(try chunk(1, observedAt: bench.clock.now()))
        bench.run(ticks: 30)
        let broken = try #require(bench.snapshots.last)
        #expect(broken.state.mode == .holding(.driverFault))
        #expect(!broken.driverWorks)
        #expect(broken.cause == .noReply(servo: 3) && broken.latch.fault?.reason == .driverFault)
        bench.run(ticks: 20)
        let mended = try #require(bench.snapshots.last)
        #expect(mended.driverWorks && mended.isAtRest)
        #expect(mended.readFaults == 20 && mended.writeFaults == 0)
        #expect(bench.reports().map(\.outcome) == [.interrupted])
        _ = bench.body.channels.chunks.push(try chunk(2, observedAt: bench.clock.now()))
        bench.run(ticks: 2)
        let held = try #require(bench.snapshots.last)
        #expect(held.state.mode == .holding(.driverFault), "it waits for a person")
        #expect(held.cause == .noReply(servo: 3), "what was wrong is still told")
        let ann = try #require(OperatorID("ann"))
        _ = bench.body.channels.commands.push(.resetEmergencyStop(by: ann))
        bench.run(ticks: 3)
        let cleared = try #require(bench.snapshots.last)
        #expect(cleared.state.mode == .holding(.released) && cleared.cause == nil && cleared.latch == ArmLatchedState())
        _ = bench.body.channels.chunks.push(try chunk(3, observedAt: bench.clock.now()))
        bench.run(ticks: 2)
        #expect(bench.snapshots.last?.state.mode == .executing(chunkID: 3, step: 0))
    }

    @Test func writeFaultsHoldTheArmAndAreCounted() throws {
        var bench = try LoopBench(FaultyArm(arm: try arm(), failingWrites: 10..<15))
        _ = bench.body.channels.chunks.push(try chunk(1, observedAt: bench.clock.now()))
        bench.run(ticks: 14)
        let broken = try #require(bench.snapshots.last)
        #expect(broken.state.mode == .holding(.driverFault))
        #expect(broken.lastFault == .systemCall(errno: 5))
        bench.run(ticks: 16)
        #expect(bench.snapshots.last?.writeFaults == 5)
        #expect(bench.snapshots.last?.driverWorks == true)
    }

    @Test func aStopRequestHoldsTheArmForGood() throws {
        var bench = try LoopBench(try arm())
        _ = bench.body.channels.chunks.push(try chunk(1, observedAt: bench.clock.now()))
        bench.run(ticks: 30)
        #expect(bench.snapshots.last?.isAtRest == false)
        bench.body.channels.stop.raise()
        _ = bench.body.channels.chunks.push(try chunk(2, observedAt: bench.clock.now()))
        bench.run(ticks: 40)
        let last = try #require(bench.snapshots.last)
        #expect(last.state.mode == .holding(.stopping) && last.isAtRest)
        #expect(bench.reports().map(\.outcome) == [.interrupted, .interrupted])
    }

    @Test func refusesAnArmThatIsNotTheCalibrations() throws {
        #expect(throws: ArmLoopError.wrongArm(calibration: "widowx-250s", expected: 6, found: 2)) {
            _ = try LoopBench(SimulatedArm(positions: [0, 0]))
        }
    }

    @Test func refusesToStartWithAnArmItCannotRead() throws {
        let neutral = try widowX().neutral
        #expect(throws: ArmLoopError.firstRead(.noReply(servo: 3))) {
            _ = try LoopBench(FaultyArm(arm: SimulatedArm(positions: neutral), failingReads: 0..<100))
        }
        _ = try LoopBench(FaultyArm(arm: SimulatedArm(positions: neutral), failingReads: 0..<1))
        var lost = neutral
        lost[2] = .nan
        #expect(throws: ArmLoopError.firstReadNotFinite) { _ = try LoopBench(SimulatedArm(positions: lost)) }
    }

    /// Chunks, faults, reports and all: ten thousand ticks, not one allocation.
    @Test func tenThousandTicksMakeNoAllocation() throws {
        var bench = try LoopBench(FaultyArm(arm: try arm(), failingReads: 3000..<3010, failingWrites: 6000..<6010))
        var chunks: [FixedActionChunk] = []
        for index in 0..<250 {
            let time = MonotonicTime.zero + .milliseconds(index * 400)
            chunks.append(try chunk(UInt64(index), observedAt: time))
        }
        var reports = 0
        var modes: Set<UInt8> = []
        modes.reserveCapacity(16)
        bench.warmUp()
        var allocations: UInt64 = 0
        for tick in 0..<10_000 {
            if tick % 40 == 5, !(4000..<4200).contains(tick) { bench.body.channels.chunks.push(chunks[tick / 40]) }
            if tick == 3030 || tick == 6030 { bench.body.channels.commands.push(.clearFault) }
            let deadline = MonotonicTime(nanoseconds: Int64(tick + 1) * 10_000_000)
            let before = octo_thread_allocation_count()
            bench.clock.sleep(until: deadline)
            bench.body.tick(TickTime(index: UInt64(tick), deadline: deadline, wake: bench.clock.now()))
            while bench.body.channels.reports.pop() != nil { reports += 1 }
            let snapshot = bench.body.channels.snapshots.take()
            // The testing library hooks every throw of the process, and its hook allocates: the ticks in which the
            // driver throws are counted by octo-bench, outside of it.
            if snapshot?.driverWorks == true { allocations += octo_thread_allocation_count() - before }
            if let snapshot {
                if case .holding(let reason) = snapshot.state.mode {
                    modes.insert(reason.rawValue)
                } else {
                    modes.insert(0)
                }
            }
        }
        #expect(allocations == 0)
        #expect(bench.body.driver.reads == 10_003, "every tick read")
        #expect(
            (9_900..<10_000).contains(bench.body.driver.writes),
            "and wrote, unless it was not certain where the arm was")
        #expect(reports >= 200)
        let seen: [HoldReason] = [.waitingForFirstChunk, .chunkExhausted, .driverFault, .released]
        #expect(modes == Set([0] + seen.map(\.rawValue)), "the run saw \(modes)")
        #expect(bench.body.controller.counts.droppedReports == 0)
    }

    @Test func tenThousandTicksWithoutFaultsMakeNoAllocation() throws {
        var bench = try LoopBench(try arm())
        let first = try chunk(0, observedAt: .zero)
        bench.warmUp()
        let before = octo_thread_allocation_count()
        for tick in 0..<10_000 {
            if tick == 0 { bench.body.channels.chunks.push(first) }
            let deadline = MonotonicTime(nanoseconds: Int64(tick + 1) * 10_000_000)
            bench.clock.sleep(until: deadline)
            bench.body.tick(TickTime(index: UInt64(tick), deadline: deadline, wake: bench.clock.now()))
        }
        #expect(octo_thread_allocation_count() - before == 0)
        #expect(bench.body.controller.counts.recoveries == 0)
    }

    /// The control of the test above: an allocation inside the same body would be seen.
    @Test func aDriverThatAllocatesIsSeen() throws {
        struct Hoarder: ArmDriver {
            var arm: SimulatedArm
            var log: [Double] = []
            var jointCount: Int { arm.jointCount }
            mutating func release(at now: MonotonicTime) throws(ArmDriverError) { try arm.release(at: now) }
            mutating func read(at now: MonotonicTime) throws(ArmDriverError) -> JointState {
                let state = try arm.read(at: now)
                log = state.positions.array
                return state
            }
            mutating func write(_ setpoint: JointSetpoint, at now: MonotonicTime) throws(ArmDriverError) {
                try arm.write(setpoint, at: now)
            }
        }
        var bench = try LoopBench(Hoarder(arm: try arm()))
        let before = octo_thread_allocation_count()
        for tick in 1...100 {
            let deadline = MonotonicTime(nanoseconds: Int64(tick) * 10_000_000)
            bench.body.tick(TickTime(index: UInt64(tick), deadline: deadline, wake: deadline))
        }
        #expect(octo_thread_allocation_count() - before >= 100)
    }
}

@Suite struct ArmControlLoopTests {
    @Test(.timeLimit(.minutes(1)))
    func runsInItsThreadFromStartToStop() throws {
        let calibration = try widowX()
        let fast = ArmControllerConfiguration(rate: Rate(hertz: 500), executionHorizon: 2, watchdog: .seconds(1))
        let loop = try ArmControlLoop(
            driver: SimulatedArm(positions: calibration.neutral), calibration: calibration, configuration: fast)
        let rights = try loop.start(rights: RealTimeRights(fifoPriority: nil, locksMemory: false))
        #expect(rights.granted == [.timerSlack(nanoseconds: 1)])
        #expect(loop.submit(try chunk(7, observedAt: .now())))
        var report: ChunkReport?
        var modes: [ArmMode] = []
        while report == nil {
            if let snapshot = loop.takeSnapshot() { modes.append(snapshot.state.mode) }
            report = loop.takeChunkReport()
            usleep(2000)
        }
        #expect(report?.chunkID == 7)
        #expect(report?.outcome == .executed)
        #expect(modes.contains(.executing(chunkID: 7, step: 0)))
        loop.beginStopping()
        var isAtRest = false
        while !isAtRest {
            if let snapshot = loop.takeSnapshot() {
                isAtRest = snapshot.isAtRest && snapshot.state.mode == .holding(.stopping)
            }
            usleep(2000)
        }
        let timing = loop.takeLoopReport()
        #expect(timing.ticks > 100)
        #expect(timing.rateHertz == 500)
        #expect(timing.jitter.reduce(0) { $0 + $1.count } == timing.ticks)
        #expect(timing.work.reduce(0) { $0 + $1.count } == timing.ticks)
        #expect(timing.rights == "timer slack 1 ns" && !timing.hasRealTimeRights)
        var driver = try #require(loop.end())
        #expect(try driver.read(at: .now()).positions.isFinite)
        #expect(loop.end() == nil, "a loop ends once")
        #expect(loop.droppedEvents == 0)
    }

    /// The same in the loop's real thread, whatever surrounds the body included: from the first read in the thread on.
    @Test(.timeLimit(.minutes(1)))
    func theThreadMakesNoAllocation() throws {
        /// Notes its thread's allocation count at each read.
        struct CountingArm: ArmDriver {
            var arm: SimulatedArm
            var reads = 0
            var first: UInt64 = 0
            var last: UInt64 = 0
            var jointCount: Int { arm.jointCount }
            mutating func release(at now: MonotonicTime) throws(ArmDriverError) { try arm.release(at: now) }
            mutating func read(at now: MonotonicTime) throws(ArmDriverError) -> JointState {
                reads += 1
                last = octo_thread_allocation_count()
                // Reads 1 to 3 are those before the thread; the first tick in it looks up its types.
                if reads == 5 { first = last }
                return try arm.read(at: now)
            }
            mutating func write(_ setpoint: JointSetpoint, at now: MonotonicTime) throws(ArmDriverError) {
                try arm.write(setpoint, at: now)
            }
        }
        let calibration = try widowX()
        let fast = ArmControllerConfiguration(rate: Rate(hertz: 4000), executionHorizon: 2, watchdog: .seconds(1))
        let loop = try ArmControlLoop(
            driver: CountingArm(arm: SimulatedArm(positions: calibration.neutral)), calibration: calibration,
            configuration: fast)
        try loop.start(rights: .none)
        #expect(loop.submit(try chunk(1, observedAt: .now())))
        var ticks: Int64 = 0
        var report: ChunkReport?
        while ticks < 4000 || report == nil {
            ticks += loop.takeLoopReport().ticks
            if report == nil { report = loop.takeChunkReport() }
            usleep(2000)
        }
        let driver = try #require(loop.end())
        #expect(driver.reads > 4000)
        #expect(driver.last == driver.first)
        #expect(report?.stepsExecuted ?? 0 > 0)
    }

    @Test func errorsSayWhatToDo() {
        let errors: [ArmLoopError] = [
            .wrongArm(calibration: "a", expected: 6, found: 5), .firstRead(.noReply(servo: 2)), .firstReadNotFinite,
        ]
        for error in errors { #expect(error.description.hasPrefix("starting the control loop: ")) }
        #expect(errors[1].description.contains("servo 2 does not answer"))
    }
}
