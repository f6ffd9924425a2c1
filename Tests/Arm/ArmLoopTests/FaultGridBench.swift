import ArmDrivers
import ArmLoop
import Control
import Maths
import Messages
import RealTime
import ServoEmulation
import ServoProtocol
import TestSupport
import Time

/// Runs one case of the fault grid: a driver and the control loop's own code against emulated servos, in a time of its
/// own.
///
/// A second of settling in, the fault, a second in which nobody says anything but the policy or the operator goes on,
/// the reset, then a jog and a chunk. The judge sees all of it.
final class GridBench<Driver: ArmDriver> {
    private typealias Body = ArmLoopBody<Driver, PortClock>
    private let test: GridCase
    private let arm: GridArmData
    private let bus: any EmulatedBus
    private let port: EmulatedPort
    private let tap: GoalTap
    private let makeDriver: (EmulatedPort) throws -> Driver
    private(set) var judge: GridJudge
    private var dice: SplitMix64
    private var body: Body?
    private var cadence: Cadence
    private var ticks: UInt64 = 0
    private var snapshot: ArmLoopSnapshot?
    /// Modes seen, one line for each change, for whoever looks at a case alone.
    private(set) var story: [String] = []
    private var lastMode: String = ""
    /// What is to happen, in order; on time even in the middle of a tick.
    private var events: [(time: MonotonicTime, run: () -> Void)] = []
    private var nextChunk: UInt64 = 1
    private var chunkTime = MonotonicTime.zero
    private var activity = GridActivity.holding
    private let victim: UInt8
    private var jogDirection: Double
    /// The loop sleeps through this.
    private var stopped = Duration.zero
    private let begin = MonotonicTime.zero + .seconds(10)

    init(_ test: GridCase, _ arm: GridArmData, makeDriver: @escaping (EmulatedPort) throws -> Driver) {
        self.test = test
        self.arm = arm
        self.makeDriver = makeDriver
        // The cases of one seed differ in their chance too.
        var dice = SplitMix64(seed: test.description.utf8.reduce(test.seed) { ($0 &* 31) &+ UInt64($1) })
        var start = arm.calibration.neutral
        for joint in 0..<start.count { start[joint] += dice.symmetric(0.1) }
        bus = arm.layout.emulated(at: start, baud: 1_000_000, seed: dice.next())
        port = EmulatedPort(bus)
        tap = GoalTap(arm.layout.servoProtocol)
        judge = GridJudge(arm.servos)
        victim = arm.layout.leaders[Int(dice.next() % UInt64(arm.layout.leaders.count))]
        jogDirection = dice.happens(0.5) ? 1 : -1
        self.dice = dice
        cadence = Cadence(start: port.now, rate: GridArmData.rate)
        listen()
    }

    private func listen() {
        bus.onReading = { [unowned self] reading in
            if !port.isDiscarding { judge.told(reading, at: port.now) }
        }
        bus.onWrite = { [unowned self] write in judge.accepted(write, isGoal: write.address == tap.goalAddress) }
        port.onReopen = { [unowned self] in judge.reopened() }
        port.onSend = { [unowned self] bytes in
            runEvents()
            watch()
            for goal in tap.goals(in: bytes) { judge.sent(goal.pulses, to: goal.id, at: port.now) }
        }
    }

    private func watch() {
        for id in arm.layout.leaders {
            if let stance = bus.stance(of: id) { judge.stands(id, stance, at: port.now) }
        }
    }

    private func runEvents() {
        while let first = events.first, first.time <= port.now {
            events.removeFirst()
            first.run()
        }
    }

    // MARK: The course of a case

    func run() {
        let onset = Duration.milliseconds(1_000) + .fromSeconds(dice.unit() * 0.2)
        let length = test.fault.isMomentary ? Duration.milliseconds(600) : .fromSeconds(0.5 + dice.unit())
        if test.activity == .starting {
            beginFault()
        } else {
            events.append((begin + onset, { [unowned self] in beginFault() }))
        }
        schedule(.zero + onset + length) { [unowned self] in endFault() }
        runUntil(begin + .milliseconds(300))
        activity = test.activity
        if test.activity == .stopped || test.activity == .limp {
            activity = .executing
            runUntil(begin + .milliseconds(600))
            body?.channels.emergencyStop.raise()
        }
        runUntil(begin + onset + length + .seconds(1))
        recover()
    }

    private func schedule(_ time: MonotonicTime, _ run: @escaping () -> Void) {
        events.append((begin + (time - .zero), run))
    }

    private func recover() {
        activity = .holding
        // The dead-man switch is let go before anything else is asked.
        runUntil(port.now + .milliseconds(300))
        let needed = test.activity == .stopped || test.activity == .limp ? 2 : 1
        for _ in 0..<needed {
            reset()
            runUntil(port.now + .milliseconds(1_200))
        }
        if body == nil { return judge.noWayBack("the arm did not start again", at: port.now) }
        let before = positions
        // A jog before the fault may have ended at a wall.
        if test.activity == .jogging { jogDirection = -jogDirection }
        activity = .jogging
        runUntil(port.now + .milliseconds(600))
        // A chunk may have ended at a wall, too: then there is only one way.
        if !hasMoved(since: before) {
            jogDirection = -jogDirection
            runUntil(port.now + .milliseconds(600))
        }
        expect("jogged", .manual, since: before)
        activity = .holding
        runUntil(port.now + .milliseconds(500))
        let rest = positions
        if let operatorID = OperatorID("ann") { body?.channels.commands.push(.resume(by: operatorID)) }
        activity = .executing
        var hasExecuted = false
        let end = port.now + .seconds(1)
        while port.now < end {
            runUntil(port.now + .milliseconds(20))
            if case .executing = snapshot?.state.mode { hasExecuted = true }
        }
        if !hasExecuted { judge.noWayBack("no chunk was executed: \(modeText)", at: port.now) }
        if !hasMoved(since: rest) { judge.noWayBack("a chunk moved no servo: \(modeText)", at: port.now) }
    }

    private func expect(_ deed: String, _ mode: ArmMode, since before: [Int]) {
        if snapshot?.state.mode != mode { judge.noWayBack("the arm could not be \(deed): \(modeText)", at: port.now) }
        if !hasMoved(since: before) { judge.noWayBack("\(deed), no servo moved: \(modeText)", at: port.now) }
    }

    private var positions: [Int] { arm.layout.leaders.map { bus.position(of: $0) ?? 0 } }
    private func hasMoved(since before: [Int]) -> Bool { zip(before, positions).contains { abs($0 - $1) > 15 } }
    private var modeText: String {
        guard let snapshot else { return "no tick" }
        return "\(snapshot.state.mode), \(snapshot.cause.map { "\($0)" } ?? "no fault")"
    }

    private func reset() {
        judge.reset(at: port.now)
        guard let operatorID = OperatorID("ann") else { return }
        body?.channels.commands.push(.resetEmergencyStop(by: operatorID))
    }

    // MARK: Ticks

    private func runUntil(_ end: MonotonicTime) {
        while port.now < end {
            if body == nil { begin(end) }
            if body != nil { tick() }
        }
    }

    /// The process starts, or starts again after a second when it ended with a reason.
    private func begin(_ end: MonotonicTime) {
        runEvents()
        judge.reopened()
        do {
            let driver = try makeDriver(port)
            let rule: EmergencyStopRule = test.activity == .limp ? .torqueOff : .hold
            let configuration = ArmControllerConfiguration(
                rate: GridArmData.rate, strategy: .recedingHorizon(executionHorizon: 2), watchdog: .seconds(1),
                emergencyStop: rule)
            body = try Body(
                driver: driver, calibration: arm.calibration, configuration: configuration, clock: PortClock(port: port)
            )
            cadence = Cadence(start: port.now + GridArmData.rate.period, rate: GridArmData.rate)
            note("started")
        } catch {
            note("refused: \(error)")
            let pause = port.now + .seconds(1)
            while port.now < pause {
                port.advance(to: port.now + .milliseconds(20))
                runEvents()
                watch()
            }
        }
    }

    private func note(_ text: String) { story.append("\((port.now - begin).inSeconds.decimals(3)) \(text)") }

    private func tick() {
        let clock = PortClock(port: port)
        let deadline = cadence.deadline
        clock.sleep(until: deadline)
        if stopped > .zero {
            let end = port.now + stopped
            stopped = .zero
            while port.now < end {
                port.advance(to: min(port.now + .milliseconds(10), end))
                watch()
            }
            judge.resumed(at: port.now)
        }
        runEvents()
        watch()
        act()
        body?.tick(TickTime(index: ticks, deadline: deadline, wake: port.now))
        ticks += 1
        cadence.advance(past: port.now)
        watch()
        while body?.channels.reports.pop() != nil {}
        while body?.channels.trace.pop() != nil {}
        guard let taken = body?.channels.snapshots.take() else { return }
        snapshot = taken
        let mode = taken.state.mode
        judge.noteStances(isLimp: taken.isLimp, at: port.now)
        judge.ticked(mode, isLimp: taken.isLimp, named: taken.cause?.servo, at: port.now)
        let text =
            switch mode {
            case .executing: "executing"
            default: "\(mode)"
            }
        if text != lastMode { note("\(text) \(taken.cause.map { "\($0)" } ?? "")") }
        lastMode = text
    }

    /// What policy and operator ask in this tick.
    private func act() {
        guard let body else { return }
        let now = port.now
        switch activity {
        case .executing, .starting, .stopped, .limp:
            guard now - chunkTime > .milliseconds(400), let chunk = try? makeChunk(at: now) else { return }
            chunkTime = now
            _ = body.channels.chunks.push(chunk)
        case .jogging:
            var velocities = JointVector(repeating: 0, count: arm.layout.joints.count)
            velocities[0] = 0.6 * jogDirection
            velocities[velocities.count - 1] = 0.6 * jogDirection
            let opening = 0.5 + 0.4 * jogDirection
            body.channels.manual.put(
                ManualCommand(time: now, isDeadManHeld: true, motion: .joints(velocities), gripper: opening))
        case .homing:
            var target = arm.calibration.neutral
            for joint in 0..<target.count { target[joint] += 0.3 * jogDirection * (joint.isMultiple(of: 2) ? 1 : -0.5) }
            body.channels.manual.put(
                ManualCommand(time: now, isDeadManHeld: true, motion: .positions(target, speed: 0.5), gripper: 0.2))
        case .holding:
            guard ticks.isMultiple(of: 3) else { return }
            let still = JointVector(repeating: 0, count: arm.layout.joints.count)
            body.channels.manual.put(ManualCommand(time: now, isDeadManHeld: false, motion: .joints(still)))
        }
    }

    private func makeChunk(at now: MonotonicTime) throws -> FixedActionChunk {
        let joints = arm.layout.joints.count
        let way = (0..<joints).map { _ in Float(dice.symmetric(0.25)) }
        let (out, back) = (way + [1], way.map { -$0 } + [0])
        defer { nextChunk += 1 }
        return try FixedActionChunk(
            ActionChunk(
                id: nextChunk, goalID: "cup", observationTime: now, captureTime: now, inferredTime: now,
                stepDuration: .milliseconds(200), actionDimension: joints + 1, actions: out + back + out + back,
                actionSpace: .jointDelta, noiseSeed: 0, noiseCounter: 0), jointCount: joints)
    }

    // MARK: The fault

    private func beginFault() {
        note("fault")
        switch test.fault {
        case .missingOne, .hardwareError, .overheated: judge.culprits = [victim]
        // Shadows obey their leader's id.
        case .torqueLost: judge.culprits = Set([victim] + (arm.layout.joints.first { $0.id == victim }?.shadows ?? []))
        default: break
        }
        let amount = test.fault.amount
        switch test.fault {
        case .drop05, .drop30, .drop80, .dropAll: bus.faults.dropProbability = amount
        case .corrupt05, .corrupt30: bus.faults.corruptProbability = amount
        case .delay3, .delay4, .delay6, .delay20: bus.faults.delay = amount
        case .latency16: bus.faults.latency = amount
        case .pause12, .pause50, .pause300: bus.faults.pause = amount
        case .hold100, .hold500: bus.faults.hold = amount
        case .stale1, .stale2: bus.faults.stale = Int(amount)
        case .garble02, .garble20: bus.faults.garbleProbability = amount
        // Emulated shadows are not coupled to their leaders: one that went on alone would stand apart afterwards.
        case .missingOne:
            let shadows = arm.layout.joints.first { $0.id == victim }?.shadows ?? []
            bus.faults.missing = Set([victim] + shadows)
        case .missingAll: bus.faults.missing = Set(bus.ids)
        case .unplugged: port.failure = 19  // ENODEV
        case .replugged, .repluggedMoved:
            port.failure = 19  // ENODEV
            bus.cyclePower()
            turnByHand()
        case .brownout, .brownoutMoved:
            bus.cyclePower()
            turnByHand()
        case .hardwareError: setError(true)
        case .torqueLost, .torqueLostMoved:
            loseTorque()
            turnByHand()
        case .overheated:
            bus.setTemperature(90, at: victim)
            judge.fails(victim, true, at: port.now)
        case .stop50, .stop300, .stop2000: stopped = .fromSeconds(amount)
        case .lateTick: stopped = .milliseconds(100)
        }
        watch()
    }

    private func endFault() {
        note("fault over")
        bus.faults = BusFaults()
        port.failure = nil
        switch test.fault {
        case .hardwareError:
            setError(false)
            bus.cyclePower()
        case .overheated:
            bus.setTemperature(30, at: victim)
            bus.cyclePower()
            judge.fails(victim, false, at: port.now)
        default: break
        }
        watch()
    }

    /// An overload, in both protocols.
    private func setError(_ isSet: Bool) {
        bus.setHardwareError(isSet ? 32 : 0, at: victim)
        judge.fails(victim, isSet, at: port.now)
    }

    /// Switches the victim's torque off as another host on the line would.
    private func loseTorque() {
        let packet = PacketBuffer(capacity: 64)
        switch arm.layout.servoProtocol {
        case .dynamixel:
            let start = Dynamixel.beginSyncWrite(DynamixelRegister.torqueEnable.address, width: 1, in: packet)
            packet.append(victim)
            packet.append(0)
            Dynamixel.end(start, in: packet)
        case .feetech:
            let start = Feetech.beginSyncWrite(FeetechRegister.torqueEnable.address, width: 1, in: packet)
            packet.append(victim)
            packet.append(0)
            Feetech.end(start, in: packet)
        }
        bus.receive(packet.bytes, at: port.now)
    }

    private func turnByHand() {
        guard test.fault.movesByHand else { return }
        let joint = arm.layout.leaders[Int(dice.next() % UInt64(arm.layout.joints.count))]
        for id in [test.fault == .torqueLostMoved ? victim : joint, arm.layout.gripper.id] {
            guard let servo = arm.servos.first(where: { $0.id == id }), let from = bus.position(of: id) else {
                continue
            }
            let way = Int(dice.symmetric(1) > 0 ? 300 : -300)
            let target = min(max(from + way, servo.limits.lowerBound + 5), servo.limits.upperBound - 5)
            bus.turn(id, to: target)
            for joint in arm.layout.joints where joint.id == id {
                for shadow in joint.shadows { bus.turn(shadow, to: target) }
            }
            judge.turned(id)
        }
    }
}
