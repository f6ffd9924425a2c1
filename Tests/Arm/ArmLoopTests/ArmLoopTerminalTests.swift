import ArmDrivers
import ArmLoop
import CAllocationCount
import CShims
import Control
import Foundation
import Glibc
import Maths
import Messages
import RealTime
import ServoEmulation
import Synchronization
import TestSupport
import Testing
import Time

/// Emulated servos at the far end of a pseudo-terminal, served by a thread of their own.
///
/// Their time is the loop's, as it was last told: the wire costs virtual time, so a tick takes as long as the two
/// threads need to wake each other.
final class ServedTerminal: Sendable {
    let path: String
    private let master: Int32
    private let present = Atomic<Int64>(10_000_000_000)
    private let isEnding = Atomic<Bool>(false)
    private let isDeaf = Atomic<Bool>(false)
    private let goals = Atomic<Int>(0)
    private let ended = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - goalAddress: of the goal position's register.
    ///   - makeBus: the servos; called on the thread that serves them.
    init(goalAddress: Int, _ makeBus: @escaping @Sendable () -> any EmulatedBus) throws {
        var name = [CChar](repeating: 0, count: 128)
        master = octo_open_terminal(&name, name.count)
        path = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        try #require(master >= 0)
        Thread { [self] in
            let bus = makeBus()
            bus.onWrite = { [self] in if $0.address == goalAddress { goals.add(1, ordering: .relaxed) } }
            serve(bus)
            ended.signal()
        }.start()
    }

    /// Ends the thread, and hangs up.
    func end() {
        isEnding.store(true, ordering: .releasing)
        ended.wait()
        close(master)
    }

    /// While it is, what is asked gets no answer.
    func setDeaf(_ deaf: Bool) { isDeaf.store(deaf, ordering: .releasing) }

    /// Goal positions that servos accepted so far.
    var goalCount: Int { goals.load(ordering: .relaxed) }

    /// The servos' time goes on, to that much after its beginning.
    func pass(until time: MonotonicTime) { present.store(10_000_000_000 + time.nanoseconds, ordering: .releasing) }

    private func serve(_ bus: any EmulatedBus) {
        var time = MonotonicTime.zero
        var bytes = [UInt8](repeating: 0, count: 4_096)
        while !isEnding.load(ordering: .acquiring) {
            var polled = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
            guard poll(&polled, 1, 50) > 0 else { continue }
            let count = read(master, &bytes, bytes.count)
            guard count > 0 else {
                // Nobody has opened the other end yet: it is readable for ever, and has nothing.
                usleep(1_000)
                continue
            }
            time = max(time, MonotonicTime(nanoseconds: present.load(ordering: .acquiring)))
            if isDeaf.load(ordering: .acquiring) { continue }
            bytes[..<count].withUnsafeBytes { bus.receive($0, at: time) }
            var reply: [UInt8] = []
            while let due = bus.nextReplyTime {
                time = max(time, due)
                reply += bus.takeReplies(at: time)
            }
            _ = write(master, reply, reply.count)
        }
    }
}

/// The real drivers over a real serial line: what a control loop does all day, a hundred thousand times.
@Suite(.serialized) struct ArmLoopTerminalTests {
    private static let tickCount = 100_000
    /// Ticks before the count: each kind of them may look up its types once.
    private static let warmUpCount = 500
    private static let baud = 4_000_000

    private struct Counts {
        var allocations: UInt64 = 0
        var executing = 0
        var worked = 0
        var failed = 0
        var tooFar = 0
    }

    /// Runs the loop's own code on this thread, as fast as the answers come. Only this thread's allocations count.
    private func run(_ driver: some ArmDriver, at terminal: ServedTerminal) throws -> Counts {
        var bench = try LoopBench(driver)
        let chunks = try (0..<(Self.warmUpCount + Self.tickCount) / 20).map {
            try chunk(UInt64($0), observedAt: .zero + .milliseconds($0 * 200))
        }
        bench.warmUp()
        var counts = Counts()
        for tick in 0..<Self.warmUpCount + Self.tickCount {
            if tick == Self.warmUpCount { counts = Counts() }
            let deadline = MonotonicTime(nanoseconds: Int64(tick + 1) * 10_000_000)
            if tick % 20 == 3 { bench.body.channels.chunks.push(chunks[tick / 20]) }
            // Now and then one answer is lost, or so many that the arm holds until a person says go on; at first before
            // the count.
            terminal.setDeaf(tick % 10_000 == 200 || (400..<440).contains(tick % 10_000))
            if tick % 10_000 == 450 { bench.body.channels.commands.push(.clearFault) }
            let wasSuspended = bench.body.driver.isSuspended
            bench.clock.sleep(until: deadline)
            terminal.pass(until: deadline)
            let before = octo_thread_allocation_count()
            bench.body.tick(TickTime(index: UInt64(tick), deadline: deadline, wake: bench.clock.now()))
            while bench.body.channels.reports.pop() != nil {}
            guard let snapshot = bench.body.channels.snapshots.take() else { continue }
            // Of an error that is thrown the testing library takes a backtrace, which allocates; octo-bench counts
            // those. Servos are set up anew while the arm stands.
            if snapshot.driverWorks && !wasSuspended { counts.allocations += octo_thread_allocation_count() - before }
            if case .executing = snapshot.state.mode { counts.executing += 1 }
            if snapshot.driverWorks { counts.worked += 1 } else { counts.failed += 1 }
            let apart = (snapshot.state.measured.positions - snapshot.state.setpoint.positions).magnitude
            if apart > 0.3 { counts.tooFar += 1 }
        }
        return counts
    }

    private func expect(_ counts: Counts, missed: UInt64, _ terminal: ServedTerminal) {
        #expect(counts.allocations == 0)
        // A machine that is busy may be late with answers now and then; the rest is what this is about.
        #expect(counts.worked > Self.tickCount * 9 / 10, "\(counts), \(missed) answers missed")
        #expect(counts.failed >= 50, "\(counts): ticks without an answer are among them")
        #expect(counts.executing > Self.tickCount / 2, "\(counts), \(missed) answers missed")
        #expect(counts.tooFar < Self.tickCount / 10, "\(counts): the servos follow")
        #expect(terminal.goalCount > Self.tickCount * 7 * 9 / 10, "every tick tells six joints and the gripper")
    }

    @Test func aHundredThousandTicksOfADynamixelArmMakeNoAllocation() throws {
        let arm = try widowX()
        let layout = ServoLayout(
            servoProtocol: .dynamixel,
            joints: [
                .init(id: 1, limits: 0...4095), .init(id: 2, shadows: [3], limits: 819...3345),
                .init(id: 4, shadows: [5], limits: 648...3094), .init(id: 6, limits: 0...4095),
                .init(id: 7, limits: 910...3447), .init(id: 8, limits: 0...4095),
            ],
            gripper: .init(id: 9, linkage: .linear(closedPulse: 1500, openPulse: 2500), limits: 1400...2600))
        let pulses = layout.joints.enumerated().map { $1.pulse(arm.neutral[$0]) }
        let terminal = try ServedTerminal(goalAddress: 116) {
            var servos: [EmulatedDynamixelBus.Servo] = []
            for (joint, pulse) in zip(layout.joints, pulses) {
                servos.append(.init(id: joint.id, pulses: pulse))
                for shadow in joint.shadows {
                    servos.append(.init(id: shadow, pulses: 4096 - pulse, secondaryID: joint.id, isReversed: true))
                }
            }
            servos.append(.init(id: 9, model: .xl430w250, pulses: 2000))
            return EmulatedDynamixelBus(servos, baud: Self.baud)
        }
        defer { terminal.end() }
        let port = try SerialPort(path: terminal.path, baud: Self.baud)
        let driver = try DynamixelArm(
            port: port, baud: Self.baud, layout: layout, watchdog: .seconds(2), portName: terminal.path)
        let counts = try run(driver, at: terminal)
        expect(counts, missed: driver.missedAnswers, terminal)
    }

    @Test func aHundredThousandTicksOfAFeetechArmMakeNoAllocation() throws {
        let arm = try widowX()
        let layout = ServoLayout(
            servoProtocol: .feetech, joints: (1...6).map { .init(id: $0, limits: 0...4095, homingOffset: 100) },
            gripper: .init(id: 7, linkage: .linear(closedPulse: 1500, openPulse: 2500), limits: 1400...2600))
        let pulses = layout.joints.enumerated().map { $1.pulse(arm.neutral[$0]) }
        let terminal = try ServedTerminal(goalAddress: 42) {
            EmulatedFeetechBus(
                zip(layout.joints, pulses).map { .init(id: $0.id, pulses: $1 + 100, homingOffset: 100) }
                    + [.init(id: 7, pulses: 2000)], baud: Self.baud)
        }
        defer { terminal.end() }
        let port = try SerialPort(path: terminal.path, baud: Self.baud)
        let driver = try FeetechArm(port: port, baud: Self.baud, layout: layout, portName: terminal.path)
        let counts = try run(driver, at: terminal)
        expect(counts, missed: driver.missedAnswers, terminal)
    }
}
