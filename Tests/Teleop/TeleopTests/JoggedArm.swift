import Control
import Foundation
import Kinematics
import Maths
import Messages
import Teleop
import TestSupport
import Time

extension TeleopArm {
    init(_ calibration: ArmCalibration) {
        self.init(
            joints: calibration.joints.map(\.name), velocity: calibration.velocity, lower: calibration.lower,
            upper: calibration.upper, neutral: calibration.neutral, rest: calibration.rest)
    }
}

/// The real controller with servos that are always where they were told to be, and a clock that is moved by hand.
struct ControlledArm {
    let calibration: ArmCalibration
    var controller: ArmController
    var now = MonotonicTime.zero + .seconds(1)
    var measured: JointState
    /// What was said to the arm, oldest first.
    var commands: [ManualCommand] = []
    var setpoints: [JointSetpoint] = []
    /// The arm takes nothing and says nothing.
    var isCutOff = false
    /// A joint that stays where it is.
    var stuckJoint: Int?
    /// By how much each joint hangs below its setpoint.
    var sag: JointVector?

    init(at positions: JointVector? = nil) throws {
        calibration = try widowX()
        let start = positions ?? calibration.neutral
        measured = JointState(
            time: .zero, positions: start, velocities: JointVector(repeating: 0, count: start.count), gripper: 1)
        controller = ArmController(
            calibration: calibration,
            configuration: ArmControllerConfiguration(
                rate: Rate(hertz: 100), executionHorizon: 4, watchdog: .seconds(1)),
            measured: measured)
    }

    /// One control tick, 10 ms later.
    mutating func tick(_ command: ManualCommand?) -> ArmState? {
        now += .milliseconds(10)
        if let command { commands.append(command) }
        if let command, !isCutOff { controller.receive(command, at: now) }
        measured.time = now
        let tick = controller.tick(at: now, measured: measured)
        controller.wrote(at: now)
        setpoints.append(tick.setpoint)
        let stuck = stuckJoint.map { ($0, measured.positions[$0]) }
        measured.positions = sag.map { tick.setpoint.positions - $0 } ?? tick.setpoint.positions
        measured.velocities = tick.setpoint.velocities
        measured.gripper = tick.setpoint.gripper
        if let stuck { measured.positions[stuck.0] = stuck.1 }
        return isCutOff ? nil : tick.state
    }

    mutating func obey(_ request: ArmRequest) {
        guard !isCutOff else { return }
        switch request.action {
        case .emergencyStop: controller.emergencyStop()
        case .resetEmergencyStop: if let someone = OperatorID("test") { controller.resetEmergencyStop(by: someone) }
        case .clearFault: controller.clearFault()
        case .recover: controller.recover()
        case .resume: if let someone = OperatorID("test") { controller.resume(by: someone) }
        }
    }

    var mode: ArmMode {
        // A copy is asked, so that the question moves nothing.
        var copy = controller
        return copy.tick(at: now + .milliseconds(1), measured: measured).state.mode
    }
}

/// A jog session and the arm it moves.
struct JoggedArm {
    var robot: ControlledArm
    var session: JogSession
    var requests: [ArmRequest] = []

    init(at positions: JointVector? = nil) throws {
        robot = try ControlledArm(at: positions)
        session = JogSession(arm: TeleopArm(robot.calibration), at: robot.now)
        run(50)
    }

    var now: MonotonicTime { robot.now }
    var position: JointVector { robot.measured.positions }
    var isStill: Bool { robot.setpoints.last?.velocities.magnitude == 0 }

    mutating func run(_ milliseconds: Int) {
        for _ in 0..<(milliseconds / 10) {
            while let request = session.takeRequest(at: now) {
                requests.append(request)
                robot.obey(request)
            }
            if let state = robot.tick(session.command(at: now)) { session.receive(state, at: now) }
        }
    }

    /// A state 10 ms later, as an arm says it that holds for this reason.
    mutating func holdState(for reason: HoldReason, joint: Int? = nil) {
        guard var state = robot.tick(nil) else { return }
        state.mode = .holding(reason)
        state.blamedJoint = joint
        session.receive(state, at: now)
    }

    /// Presses each sign, then lets time pass.
    mutating func press(_ signs: String, then milliseconds: Int = 20) {
        for sign in signs { session.press(.sign(sign), at: now) }
        run(milliseconds)
    }

    /// A key held down: a stroke every 30 ms.
    mutating func hold(_ key: Key, for milliseconds: Int) {
        for _ in 0..<(milliseconds / 30) {
            session.press(key, at: now)
            run(30)
        }
    }
}
