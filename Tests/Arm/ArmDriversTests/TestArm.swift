import ArmDrivers
import Maths
import Messages
import ServoEmulation
import TestSupport
import Time

/// A driver whose port's time follows the ticks' time; the driver has the port's, which begins at ten seconds.
struct TimedArm<Driver: ArmDriver>: ArmDriver, @unchecked Sendable {
    // Unchecked: one test's thread uses it.
    var driver: Driver
    let port: EmulatedPort

    private static var beginning: Duration { .seconds(10) }

    var jointCount: Int { driver.jointCount }
    var isSuspended: Bool { driver.isSuspended }
    mutating func resume() { driver.resume() }

    mutating func read(at now: MonotonicTime) throws(ArmDriverError) -> JointState {
        port.wait(until: now)
        var state = try driver.read(at: now + Self.beginning)
        state.time = state.time - Self.beginning
        return state
    }

    mutating func write(_ setpoint: JointSetpoint, at now: MonotonicTime) throws(ArmDriverError) {
        port.wait(until: now)
        try driver.write(setpoint, at: now + Self.beginning)
    }

    mutating func release(at now: MonotonicTime) throws(ArmDriverError) {
        port.wait(until: now)
        try driver.release(at: now + Self.beginning)
    }
}

/// The arms of the tests: six joints and a gripper.
enum TestArm {
    static func pulse(_ radians: Double) -> Int { Int((2048 + radians * 4096 / (2 * .pi)).rounded()) }

    /// WidowX-250s: shoulder and elbow have a second servo each, the wrist angle is reversed.
    static let widowX = ServoLayout(
        servoProtocol: .dynamixel,
        joints: [
            .init(id: 1, limits: 0...4095, homingOffset: 0, isReversed: false),
            .init(id: 2, shadows: [3], limits: 819...3345, homingOffset: 0, isReversed: false),
            .init(id: 4, shadows: [5], limits: 648...3094, homingOffset: 0, isReversed: false),
            .init(id: 6, limits: 0...4095), .init(id: 7, limits: 910...3447, isReversed: true),
            .init(id: 8, limits: 0...4095),
        ],
        gripper: .init(
            id: 9, linkage: .crank(horn: 0.014, link: 0.024, zeroPulse: 2048, closed: 0.010, open: 0.035),
            limits: 1000...2900))

    static func widowXBus(at positions: JointVector, knowsFastSyncRead: Bool = true) -> EmulatedDynamixelBus {
        let ids: [(id: UInt8, shadow: UInt8?)] = [(1, nil), (2, 3), (4, 5), (6, nil), (7, nil), (8, nil)]
        var servos: [EmulatedDynamixelBus.Servo] = []
        for (joint, servo) in ids.enumerated() {
            let pulse = pulse(positions[joint])
            let isReversed = servo.id == 7
            servos.append(
                .init(
                    id: servo.id, model: servo.id == 8 ? .xl430w250 : .xm430w350,
                    pulses: isReversed ? 4096 - pulse : pulse, isReversed: isReversed))
            if let shadow = servo.shadow {
                servos.append(.init(id: shadow, pulses: 4096 - pulse, secondaryID: servo.id, isReversed: true))
            }
        }
        servos.append(.init(id: 9, model: .xl430w250, pulses: 2400))
        return EmulatedDynamixelBus(servos, knowsFastSyncRead: knowsFastSyncRead)
    }

    static let feetech = ServoLayout(
        servoProtocol: .feetech,
        joints: (1...6).map { .init(id: $0, direction: $0 == 3 ? -1 : 1, limits: 200...3900, homingOffset: 100) },
        gripper: .init(
            id: 7, linkage: .linear(closedPulse: 1500, openPulse: 2500), limits: 1400...2600, homingOffset: 0))

    static func feetechBus(at positions: JointVector) -> EmulatedFeetechBus {
        EmulatedFeetechBus(
            (0..<6).map { joint in
                let direction = joint == 2 ? -1.0 : 1
                return .init(
                    id: UInt8(joint + 1), pulses: pulse(direction * positions[joint]) + 100, homingOffset: 100,
                    limits: 200...3900)
            } + [.init(id: 7, pulses: 2000, limits: 1400...2600)])
    }

    static func setpoint(_ positions: JointVector, gripper: Double = 0.5) -> JointSetpoint {
        JointSetpoint(
            positions: positions, velocities: JointVector(repeating: 0, count: positions.count), gripper: gripper)
    }

    static let start: JointVector = [0.1, -0.5, 0.4, 0, 0.6, -0.2]
}
