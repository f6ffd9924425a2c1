import Control
import Kinematics
import Maths
import Messages
import Time

/// Computes an episode's setpoints again, from the chunks and from what the control loop took and read, and compares
/// them with those that went to the servos.
///
/// A controller has a past: it can be computed from the moment at which the loop began, so a recording that joined
/// later has setpoints that cannot be checked.
package struct ArmVerification {
    /// How many setpoints came out the same, and where the first did not.
    package struct Report: Equatable, Sendable {
        /// Number of setpoints that were computed again.
        package var compared = 0
        package var identical = 0
        /// Number of ticks before the loop's beginning, or behind a gap.
        package var unchecked = 0
        package var difference: Difference?
        /// Reason for which some were not checked.
        package var obstacle: Obstacle?
    }

    /// The first setpoint that is another one.
    package struct Difference: Equatable, Sendable {
        /// Time of the tick.
        package var time: MonotonicTime
        /// "joint 2 position", "gripper".
        package var what: String
        /// The recorded number and the computed one; radians, or the gripper's opening.
        package var logged: Double
        package var computed: Double
        /// The newest chunk that the loop had taken.
        package var chunkID: UInt64?
    }

    /// Why setpoints cannot be computed again.
    package enum Obstacle: Equatable, Sendable {
        /// The recording does not have the loop's beginning.
        case joinedLate
        case gap(after: MonotonicTime)
        /// A chunk that the loop took is not in the file, or not one that this arm can take.
        case noChunk(id: UInt64, at: MonotonicTime)
        case wrongArm(joints: Int, expected: Int)
    }

    private let calibration: ArmCalibration
    private let configuration: ArmControllerConfiguration
    private var chunks: [ChunkKey: ActionChunk] = [:]
    private var controller: ArmController?
    private var chunkID: UInt64?
    private var lastTick = MonotonicTime.zero
    private var dropped: Int64 = 0
    /// Entries that were taken since the last tick: the loop looks whether it has to stop before it takes anything.
    private var taken: [ArmTrace.Entry] = []
    package private(set) var report = Report()

    private struct ChunkKey: Hashable {
        let id: UInt64
        let observationTime: MonotonicTime
    }

    /// Begins to compute an episode's motion again.
    /// - Parameters:
    ///   - calibration: calibration of the episode's arm.
    ///   - configuration: settings of the arm's controller, as the episode's manifest says.
    package init(calibration: ArmCalibration, configuration: ArmControllerConfiguration) {
        self.calibration = calibration
        self.configuration = configuration
    }

    /// Chunks of the episode; each before the trace that names it.
    package mutating func receive(_ chunk: ActionChunk) {
        chunks[ChunkKey(id: chunk.id, observationTime: chunk.observationTime)] = chunk
    }

    /// Takes note that part of the trace is missing.
    package mutating func noteGap() {
        guard controller != nil else { return }
        controller = nil
        report.obstacle = report.obstacle ?? .gap(after: lastTick)
    }

    /// Takes the next part of the loop's trace, and computes its setpoints again.
    package mutating func receive(_ trace: ArmTrace) {
        if trace.dropped != dropped {
            dropped = trace.dropped
            noteGap()
        }
        for entry in trace.entries { receive(entry) }
    }

    private mutating func receive(_ entry: ArmTrace.Entry) {
        switch entry {
        case .began(let measured, let lower, let upper): begin(measured, lower: lower, upper: upper)
        case .latched(.awaitingResume): controller?.restore(isEmergencyStopped: false, fault: nil, awaitsResume: true)
        case .latched(let reason):
            controller?.restore(isEmergencyStopped: false, fault: ArmFault(reason: reason, joint: nil))
        case .chunk, .manual, .command: taken.append(entry)
        case .tick(let tick): check(tick)
        }
    }

    private mutating func begin(_ measured: JointState, lower: JointVector, upper: JointVector) {
        taken = []
        controller = nil
        guard measured.positions.count == calibration.joints.count, measured.positions.isFinite,
            measured.gripper.isFinite
        else {
            report.obstacle = .wrongArm(joints: measured.positions.count, expected: calibration.joints.count)
            return
        }
        var calibration = calibration
        for joint in calibration.joints.indices {
            calibration.joints[joint].lower = lower[joint]
            calibration.joints[joint].upper = upper[joint]
        }
        controller = ArmController(calibration: calibration, configuration: configuration, measured: measured)
    }

    private mutating func check(_ tick: ArmTrace.Tick) {
        defer {
            taken = []
            lastTick = tick.deadline
        }
        guard controller != nil else {
            report.unchecked += 1
            report.obstacle = report.obstacle ?? .joinedLate
            return
        }
        if tick.isStopping { controller?.beginStopping() }
        for entry in taken { give(entry) }
        guard let computed = controller?.tick(at: tick.deadline, measured: tick.measured) else {
            report.unchecked += 1
            return
        }
        if let written = tick.writtenTime { controller?.wrote(at: written) }
        if tick.hasFailed { controller?.driverFailed() }
        report.compared += 1
        if let difference = difference(tick, computed) {
            report.difference = report.difference ?? difference
        } else {
            report.identical += 1
        }
    }

    private mutating func give(_ entry: ArmTrace.Entry) {
        switch entry {
        case .chunk(let id, let observationTime, let takenTime):
            let chunk = chunks[ChunkKey(id: id, observationTime: observationTime)]
            guard let chunk, let fixed = try? FixedActionChunk(chunk, jointCount: calibration.joints.count) else {
                controller = nil
                report.obstacle = report.obstacle ?? .noChunk(id: id, at: takenTime)
                return
            }
            chunkID = id
            controller?.receive(fixed, at: takenTime)
        case .manual(let command, let takenTime): controller?.receive(command, at: takenTime)
        case .command(let action):
            switch action {
            case .emergencyStop: controller?.emergencyStop()
            // Who it was changes nothing of the motion.
            case .resetEmergencyStop:
                if let someone = OperatorID("replay") { controller?.resetEmergencyStop(by: someone) }
            case .clearFault: controller?.clearFault()
            case .recover: controller?.recover()
            case .resume: if let someone = OperatorID("replay") { controller?.resume(by: someone) }
            }
        case .began, .latched, .tick: break
        }
    }

    /// Compares the two bit for bit.
    private func difference(_ tick: ArmTrace.Tick, _ computed: ArmTick) -> Difference? {
        func differ(_ what: String, _ logged: Double, _ new: Double) -> Difference? {
            logged.bitPattern == new.bitPattern
                ? nil : Difference(time: tick.deadline, what: what, logged: logged, computed: new, chunkID: chunkID)
        }
        guard tick.setpoint.positions.count == computed.setpoint.positions.count else {
            return differ(
                "the number of joints", Double(tick.setpoint.positions.count), Double(computed.setpoint.positions.count)
            )
        }
        for joint in 0..<tick.setpoint.positions.count {
            let name = calibration.joints[joint].name
            if let found = differ(
                "\(name) position, rad", tick.setpoint.positions[joint], computed.setpoint.positions[joint])
                ?? differ(
                    "\(name) velocity, rad/s", tick.setpoint.velocities[joint], computed.setpoint.velocities[joint])
            {
                return found
            }
        }
        return differ("gripper", tick.setpoint.gripper, computed.setpoint.gripper)
            ?? differ("torque off", tick.isLimp ? 1 : 0, computed.isLimp ? 1 : 0)
    }
}

extension ArmVerification.Obstacle {
    /// What stood in the way, for people.
    /// - Parameter start: the episode's first message, from which times are counted.
    package func words(since start: MonotonicTime) -> String {
        switch self {
        case .joinedLate:
            "the control loop had begun before the recording did: where the arm came from is not in the file"
        case .gap(let time): "part of arm/trace is missing after \(time.words(since: start))"
        case .noChunk(let id, let time):
            "chunk \(id), which the arm took at \(time.words(since: start)), is not in the file, or not for this arm"
        case .wrongArm(let joints, let expected): "the arm has \(joints) joints, its calibration \(expected)"
        }
    }
}
