import Kinematics
import Manifests
import Time

extension TeleopArm {
    /// Makes the arm that a calibration describes. It is believed to be gone after the time of three states, at least 1
    /// s.
    /// - Parameter stateRate: rate at which `arm/state` is published, hertz.
    package init(_ calibration: ArmCalibration, stateRate: Double) {
        self.init(
            joints: calibration.joints.map(\.name), velocity: calibration.velocity, lower: calibration.lower,
            upper: calibration.upper, neutral: calibration.neutral, rest: calibration.rest,
            stateTimeout: .fromSeconds(max(1, 3 / stateRate)))
    }
}

extension Manifest.Arm {
    /// How often an operator repeats a motion so that it lasts: 50 Hz; more where commands end sooner, so that one that
    /// is late does not stop the arm.
    package var manualPeriod: Duration { min(.milliseconds(20), deadManTimeout / 4) }
}
