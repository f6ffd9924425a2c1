import ArmDrivers
import Control
import Messages
import RealTime
import Time

/// What the slow side can know about the loop at any moment, newest only.
package struct ArmLoopSnapshot: Equatable, Sendable, BitwiseCopyable {
    package var state: ArmState
    /// Reads that failed, since the start.
    package var readFaults: UInt64 = 0
    /// Writes that failed, since the start.
    package var writeFaults: UInt64 = 0
    /// What the driver said last, whether or not it works again.
    package var lastFault: ArmDriverError?
    package var counts: ArmController.Counts
    /// The last tick's read and write both worked.
    package var driverWorks = true
    /// The servos have been told to let go.
    package var isLimp = false
}

/// One turn of the control loop: read, decide, write, tell. Real-time safe as far as the driver is.
///
/// A read or write that fails makes the arm brake and hold; the loop goes on trying at every tick.
package struct ArmLoopBody<Driver: ArmDriver, Clock: LoopClock & Sendable>: FixedRateBody {
    package private(set) var driver: Driver
    /// Says when the setpoint was with the driver.
    private var clock: Clock
    package private(set) var controller: ArmController
    package let channels: ArmLoopChannels
    private var snapshot: ArmLoopSnapshot
    /// Emergency stops taken so far.
    private var stopsSeen: UInt64 = 0

    /// Reads the arm once, to know where to hold it.
    package init(
        driver: consuming Driver, calibration: ArmCalibration, configuration: ArmControllerConfiguration, clock: Clock
    ) throws(ArmLoopError) {
        var clock = clock
        guard driver.jointCount == calibration.joints.count else {
            throw .wrongArm(
                calibration: calibration.name, expected: calibration.joints.count, found: driver.jointCount)
        }
        let measured: JointState
        do { measured = try driver.read(at: clock.now()) } catch { throw .firstRead(error) }
        guard measured.positions.count == driver.jointCount, measured.positions.isFinite, measured.gripper.isFinite
        else { throw .firstReadNotFinite }
        controller = ArmController(calibration: calibration, configuration: configuration, measured: measured)
        let chain = calibration.chain
        let state = ArmState(
            tick: 0, mode: .holding(controller.isBeyondLimits ? .beyondLimits : .waitingForFirstChunk), measured: measured,
            setpoint: JointSetpoint(
                positions: measured.positions, velocities: JointMotion(at: measured.positions).velocities,
                gripper: measured.gripper),
            baseFromEEF: chain.baseFromEEF(measured.positions),
            commandedBaseFromEEF: chain.baseFromEEF(measured.positions))
        snapshot = ArmLoopSnapshot(state: state, counts: controller.counts)
        channels = ArmLoopChannels(initial: snapshot)
        channels.trace.push(.began(measured, lower: calibration.lower, upper: calibration.upper))
        self.driver = driver
        self.clock = clock
    }

    package mutating func tick(_ time: TickTime) {
        let isStopping = channels.stop.isSet
        if isStopping { controller.beginStopping() }
        takeCommands(at: time.wake)
        while let chunk = channels.chunks.pop() {
            controller.receive(chunk, at: time.wake)
            channels.trace.push(
                .chunk(id: chunk.id, observationTime: chunk.observationTime, takenTime: time.wake))
        }
        snapshot.driverWorks = true
        let measured = read(at: time.wake)
        let tick = controller.tick(at: time.deadline, measured: measured)
        var record = ArmTrace.Tick(
            deadline: time.deadline, measured: measured, isStopping: isStopping, setpoint: tick.setpoint, isLimp: tick.isLimp)
        if tick.isLimp { release(&record) } else { write(tick.setpoint, &record) }
        channels.trace.push(.tick(record))
        snapshot.isLimp = tick.isLimp
        if let report = tick.report { channels.reports.push(report) }
        snapshot.state = tick.state
        snapshot.counts = controller.counts
        channels.snapshots.put(snapshot)
    }

    /// Resets come before stops: who stops and who resets at the same moment gets a stop.
    private mutating func takeCommands(at now: MonotonicTime) {
        while let command = channels.commands.pop() {
            switch command {
            case .resetEmergencyStop(let operatorID): controller.resetEmergencyStop(by: operatorID)
            case .clearFault: controller.clearFault()
            case .recover: controller.recover()
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
            snapshot.lastFault = error
            snapshot.driverWorks = false
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
        snapshot.lastFault = error
        snapshot.driverWorks = false
        controller.driverFailed()
    }
}
