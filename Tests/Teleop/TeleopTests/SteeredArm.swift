import Maths
import Messages
import Teleop
import Time

/// A teleoperation session and the arm it moves: the real controller, and a clock that is moved by hand.
struct SteeredArm {
    var robot: ControlledArm
    var session: TeleopSession
    var requests: [ArmRequest] = []
    /// What the session sent in each tick of 10 ms.
    var sent: [ManualCommand?] = []

    init(
        at positions: JointVector? = nil, needsReports: Bool = false, leader: LeaderFollower.Start? = nil,
        follows: Bool = false
    ) throws {
        robot = try ControlledArm(at: positions)
        session = TeleopSession(
            arm: TeleopArm(robot.calibration), needsReports: needsReports, leader: leader, follows: follows,
            at: robot.now)
        run(500)
        sent = []
    }

    var now: MonotonicTime { robot.now }
    var position: JointVector { robot.measured.positions }
    var isStill: Bool { robot.setpoints.last?.velocities.magnitude == 0 }
    var tool: Pose? { session.jog.state?.baseFromEEF }

    /// - Parameter each: what happens before each tick.
    mutating func run(_ milliseconds: Int, each: (inout SteeredArm) -> Void = { _ in }) {
        for _ in 0..<(milliseconds / 10) {
            each(&self)
            while let request = session.takeRequest(at: now) {
                requests.append(request)
                robot.obey(request)
            }
            let command = session.command(at: now)
            sent.append(command)
            if let state = robot.tick(command) { session.receive(state, at: now) }
        }
    }

    mutating func say(_ reading: DeviceReading) { session.receive(reading, at: now) }
    mutating func press(_ sign: Character) { session.press(.sign(sign), at: now) }

    /// Nothing is held any more, and the arm comes to rest.
    var hasLetGo: Bool { sent.last.map { $0?.isDeadManHeld != true } ?? true }
}

extension DeviceReading {
    /// Of a gamepad.
    static func pad(
        linear: Vector3 = .zero, angular: Vector3 = .zero, holding pressed: Set<Button> = [.deadMan]
    ) -> DeviceReading {
        var reading = DeviceReading()
        (reading.linear, reading.angular, reading.pressed, reading.hasSwitch) = (linear, angular, pressed, true)
        return reading
    }
}
