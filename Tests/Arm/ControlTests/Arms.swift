import Control
import Foundation
import Kinematics
import Maths
import Messages
import TestSupport
import Time

/// A chunk with stamps in milliseconds, counted as its own id unless one is given.
func chunk(
    _ actions: [[Double]], id: UInt64 = 0, observedAt milliseconds: Int, space: ActionSpace = .eefDelta,
    step: Duration = .milliseconds(200), jointCount: Int = 6
) throws -> FixedActionChunk {
    let time = MonotonicTime.zero + .milliseconds(milliseconds)
    return try FixedActionChunk(
        ActionChunk(
            id: id, goalID: "cup", observationTime: time, captureTime: time - .milliseconds(30), inferredTime: time,
            stepDuration: step, actionDimension: actions.first?.count ?? 0,
            actions: actions.joined().map { Float($0) }, actionSpace: space, noiseSeed: 0, noiseCounter: 0),
        jointCount: jointCount)
}

/// An arm that stands still at `positions`.
func standing(at positions: JointVector, gripper: Double = 1) -> JointState {
    JointState(
        time: .zero, positions: positions, velocities: JointVector(repeating: 0, count: positions.count),
        gripper: gripper)
}

func controller(
    of calibration: ArmCalibration, hertz: Double = 100, executing horizon: Int = 4,
    watchdog: Duration = .seconds(1), at positions: JointVector? = nil
) -> ArmController {
    ArmController(
        calibration: calibration,
        configuration: ArmControllerConfiguration(
            rate: Rate(hertz: hertz), executionHorizon: horizon, watchdog: watchdog),
        measured: standing(at: positions ?? calibration.neutral))
}

/// Runs a controller from tick to tick with an arm that is always where it was told to be.
struct Bench {
    var controller: ArmController
    var now = MonotonicTime.zero
    var setpoints: [JointSetpoint] = []
    var reports: [ChunkReport] = []
    var modes: [ArmMode] = []
    private var measured: JointState

    init(_ controller: ArmController, measured: JointState) {
        self.controller = controller
        self.measured = measured
    }

    init(_ controller: ArmController, at positions: JointVector) {
        self.init(controller, measured: standing(at: positions))
    }

    /// One tick, one period later.
    @discardableResult
    mutating func tick() -> ArmTick {
        now += controller.configuration.rate.period
        let tick = controller.tick(at: now, measured: measured)
        controller.wrote(at: now + .microseconds(50))
        setpoints.append(tick.setpoint)
        modes.append(tick.state.mode)
        if let report = tick.report { reports.append(report) }
        measured.positions = tick.setpoint.positions
        measured.velocities = tick.setpoint.velocities
        measured.gripper = tick.setpoint.gripper
        return tick
    }

    /// What the next tick finds, whatever the arm was told.
    mutating func moveByHand(to positions: JointVector) { measured.positions = positions }

    mutating func run(milliseconds: Int) {
        let end = now + .milliseconds(milliseconds)
        while now < end { tick() }
    }

    mutating func receive(_ chunk: FixedActionChunk) { controller.receive(chunk, at: now) }
}
