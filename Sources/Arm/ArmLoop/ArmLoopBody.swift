import ArmDrivers
import Control
import Kinematics
import Maths
import Messages
import RealTime
import Time

/// What the slow side can know about the loop at any moment, newest only.
package struct ArmLoopSnapshot: Equatable, Sendable, BitwiseCopyable {
    /// What the arm does.
    package var state: ArmState
    /// How many reads failed, since the start.
    package var readFaults: UInt64 = 0
    /// How many writes failed, since the start.
    package var writeFaults: UInt64 = 0
    /// What the driver said last, whether or not it works again.
    package var lastFault: ArmDriverError?
    /// Why the arm holds for the driver, until somebody clears it: what went wrong first, or what is still wrong after
    /// an attempt to go on.
    package var cause: ArmDriverError?
    /// What holds the arm until a person ends it.
    package var latch = ArmLatchedState()
    /// What the controller counted.
    package var counts: ArmController.Counts
    /// Whether the last tick's read and write both worked.
    package var driverWorks = true
    /// Whether the servos have been told to let go.
    package var isLimp = false
    /// Whether the driver sends nothing until somebody clears the fault.
    package var isSuspended = false
}

/// What holds the arm until a person ends it, and outlives the process.
package struct ArmLatchedState: Equatable, Sendable, BitwiseCopyable {
    /// Whether an emergency stop holds the arm.
    package var isEmergencyStopped: Bool
    /// What the driver or a joint did wrong, and nobody has cleared.
    package var fault: ArmFault?
    /// Whether there was an emergency stop, and the policy has not been told to go on.
    package var awaitsResume: Bool

    package init(isEmergencyStopped: Bool = false, fault: ArmFault? = nil, awaitsResume: Bool = false) {
        self.isEmergencyStopped = isEmergencyStopped
        self.fault = fault
        self.awaitsResume = awaitsResume
    }
}

/// One turn of the control loop: read, decide, write, tell. Real-time safe as far as the driver is.
///
/// A read or write that fails makes the arm brake and hold until somebody clears the fault; the loop goes on reading at
/// every tick.
package struct ArmLoopBody<Driver: ArmDriver, Clock: LoopClock & Sendable>: FixedRateBody {
    package private(set) var driver: Driver
    /// Says when the setpoint was with the driver.
    private var clock: Clock
    package private(set) var controller: ArmController
    package let channels: ArmLoopChannels
    private var snapshot: ArmLoopSnapshot
    /// How many requests for an emergency stop were taken so far.
    private var stopsSeen: UInt64 = 0
    /// Whether somebody has cleared the fault, and the driver is to try.
    private var isResuming = false
    /// How many readings in a row must be whole before the loop may begin.
    private static var wholeReadings: Int { 3 }
    /// How often that is tried.
    private static var attempts: Int { 60 }

    /// Reads the arm until it was read whole several times in a row, to know where to hold it.
    /// - Parameter latch: what an earlier process of the same run left.
    package init(
        driver: consuming Driver, calibration: ArmCalibration, configuration: ArmControllerConfiguration, clock: Clock,
        latch: ArmLatchedState = ArmLatchedState()
    ) throws(ArmLoopError) {
        var clock = clock
        guard driver.jointCount == calibration.joints.count else {
            throw .wrongArm(
                calibration: calibration.name, expected: calibration.joints.count, found: driver.jointCount)
        }
        let wasSuspended = driver.isSuspended
        let measured = try Self.firstReading(&driver, &clock, wasSuspended: wasSuspended)
        guard measured.positions.count == driver.jointCount, measured.positions.isFinite, measured.gripper.isFinite
        else { throw .firstReadNotFinite }
        controller = ArmController(calibration: calibration, configuration: configuration, measured: measured)
        controller.restore(
            isEmergencyStopped: latch.isEmergencyStopped, fault: latch.fault, awaitsResume: latch.awaitsResume)
        snapshot = ArmLoopSnapshot(state: controller.state, counts: controller.counts)
        snapshot.latch = controller.latch
        channels = ArmLoopChannels(initial: snapshot)
        channels.trace.push(.began(measured, lower: calibration.lower, upper: calibration.upper))
        if let fault = latch.fault { channels.trace.push(.latched(fault.reason)) }
        if latch.awaitsResume { channels.trace.push(.latched(.awaitingResume)) }
        if latch.isEmergencyStopped { channels.trace.push(.command(.emergencyStop)) }
        self.driver = driver
        self.clock = clock
    }

    /// Reads the arm until that was whole several times in a row: what is not, or fails now and then, is asked again,
    /// and nothing moves meanwhile.
    private static func firstReading(
        _ driver: inout Driver, _ clock: inout Clock, wasSuspended: Bool
    ) throws(ArmLoopError) -> JointState {
        var last: JointState?
        var whole = 0
        var failure: ArmDriverError?
        for _ in 0..<attempts {
            do throws(ArmDriverError) {
                let reading = try driver.read(at: clock.now())
                whole = reading.unread.isEmpty && last.map { isOnePlace($0, reading) } ?? true ? whole + 1 : 0
                last = reading.unread.isEmpty ? reading : nil
                if whole == wholeReadings { return reading }
            } catch {
                whole = 0
                failure = error
                // A run that has not begun has nobody to say go on: it does not begin.
                if driver.isSuspended, !wasSuspended { throw .firstRead(error) }
            }
        }
        if let failure { throw .firstRead(failure) }
        throw .firstReadNotWhole(attempts: attempts)
    }

    /// Whether two readings are one place: an arm that nobody drives yet does not go far between them, 3° and a
    /// twentieth of the gripper's stroke.
    /// What is not finite is found later.
    private static func isOnePlace(_ one: JointState, _ other: JointState) -> Bool {
        !((one.positions - other.positions).magnitude > 0.05 || abs(one.gripper - other.gripper) > 0.05)
    }

    package mutating func tick(_ time: TickTime) {
        let isStopping = channels.stop.isSet
        if isStopping { controller.beginStopping() }
        takeCommands(at: time.wake)
        resumeIfAsked()
        while let chunk = channels.chunks.pop() {
            controller.receive(chunk, at: time.wake)
            channels.trace.push(
                .chunk(id: chunk.id, observationTime: chunk.observationTime, takenTime: time.wake))
        }
        snapshot.driverWorks = true
        let measured = read(at: time.wake)
        let tick = controller.tick(at: time.deadline, measured: measured)
        var record = ArmTrace.Tick(
            deadline: time.deadline, measured: measured, isStopping: isStopping, setpoint: tick.setpoint,
            isLimp: tick.isLimp)
        if tick.isLimp {
            release(&record)
        } else if driver.isSuspended {
            // Nobody executes anything on a driver that sends nothing.
            if controller.driverFault == nil { failed(snapshot.lastFault ?? .systemCall(errno: 19), &record) }
        } else if !tick.isWithheld {
            write(tick.setpoint, &record)
        }
        channels.trace.push(.tick(record))
        snapshot.isLimp = tick.isLimp
        if let report = tick.report { channels.reports.push(report) }
        snapshot.state = tick.state
        snapshot.counts = controller.counts
        snapshot.latch = controller.latch
        snapshot.isSuspended = driver.isSuspended
        if controller.driverFault == nil { snapshot.cause = nil }
        isResuming = false
        channels.snapshots.put(snapshot)
    }

    /// Sets the servos up anew before the fault ends: what they need first, and where they stand then.
    private mutating func resumeIfAsked() {
        guard controller.isClearing, driver.isSuspended else { return }
        isResuming = true
        driver.resume()
    }

    /// Takes what people asked for. Resets come before stops: who stops and who resets at the same moment gets a stop.
    private mutating func takeCommands(at now: MonotonicTime) {
        while let command = channels.commands.pop() {
            switch command {
            case .resetEmergencyStop(let operatorID): controller.resetEmergencyStop(by: operatorID)
            case .clearFault: controller.clearFault()
            case .recover: controller.recover()
            case .resume(let operatorID): controller.resume(by: operatorID)
            }
            channels.trace.push(.command(command.action))
        }
        let stops = channels.emergencyStop.count
        if stops != stopsSeen {
            stopsSeen = stops
            controller.emergencyStop()
            channels.trace.push(.command(.emergencyStop))
        }
        if let command = channels.manual.take() {
            controller.receive(command, at: now)
            channels.trace.push(.manual(command, takenTime: now))
        }
    }

    private mutating func read(at now: MonotonicTime) -> JointState? {
        do throws(ArmDriverError) {
            return try driver.read(at: now)
        } catch {
            snapshot.readFaults += 1
            note(error)
            return nil
        }
    }

    private mutating func write(_ setpoint: JointSetpoint, _ record: inout ArmTrace.Tick) {
        do throws(ArmDriverError) {
            try driver.write(setpoint, at: clock.now())
            let now = clock.now()
            controller.wrote(at: now)
            record.writtenTime = now
        } catch {
            failed(error, &record)
        }
    }

    private mutating func release(_ record: inout ArmTrace.Tick) {
        do throws(ArmDriverError) {
            try driver.release(at: clock.now())
        } catch {
            failed(error, &record)
        }
    }

    private mutating func failed(_ error: ArmDriverError, _ record: inout ArmTrace.Tick) {
        record.hasFailed = true
        snapshot.writeFaults += 1
        note(error)
    }

    /// Tells the controller that the driver failed. What was wrong first is told until somebody tries to go on: the
    /// rest may follow from it.
    private mutating func note(_ error: ArmDriverError) {
        if controller.driverFault == nil || isResuming || snapshot.cause == nil { snapshot.cause = error }
        snapshot.lastFault = error
        snapshot.driverWorks = false
        controller.driverFailed(blaming: driver.joint(blamedBy: error))
    }
}

extension ArmController {
    /// What somebody has to end before the arm moves again. A joint beyond its limits is found again by whoever reads
    /// it.
    var latch: ArmLatchedState {
        let found = fault?.reason == .beyondLimits ? nil : fault
        return ArmLatchedState(
            isEmergencyStopped: isEmergencyStopped, fault: driverFault ?? found, awaitsResume: awaitsResume)
    }
}
