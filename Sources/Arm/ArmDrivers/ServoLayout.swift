import Glibc
import Maths

/// Which servo moves which joint, and how pulses and radians belong together.
package struct ServoLayout: Equatable, Sendable {
    /// The protocols that servos speak, as the calibration file names them.
    package enum ServoProtocolName: String, CaseIterable, Sendable {
        case dynamixel
        case feetech
    }
    /// The servo of a joint, with how its pulses become radians.
    package struct Joint: Equatable, Sendable {
        package var id: UInt8
        /// Servos that turn with it: they obey its id and do not answer.
        package var shadows: [UInt8]
        /// Pulse at 0 radians.
        package var zeroPulse: Int
        /// +1 or -1: whether pulses grow with the angle. What a servo turns round itself (Dynamixel's drive mode) does
        /// not count.
        package var direction: Int
        /// The servo never gets a goal beyond, pulses.
        package var limits: ClosedRange<Int>
        /// Homing offset that the servo's own register has to say, pulses; nil is not compared. Feetech's limit
        /// registers, which count from the offset, are compared with it.
        package var homingOffset: Int?
        /// Dynamixel: whether the servo turns round itself, bit 0 of its drive mode, and its shadows do not; nil is not
        /// compared.
        package var isReversed: Bool?

        package init(
            id: UInt8, shadows: [UInt8] = [], zeroPulse: Int = 2048, direction: Int = 1, limits: ClosedRange<Int>,
            homingOffset: Int? = nil, isReversed: Bool? = nil
        ) {
            self.id = id
            self.homingOffset = homingOffset
            self.isReversed = isReversed
            self.shadows = shadows
            self.zeroPulse = zeroPulse
            self.direction = direction
            self.limits = limits
        }

        /// The nearest pulse, within the limits.
        package func pulse(_ radians: Double) -> Int {
            Int(min(max(unlimitedPulse(radians), Double(limits.lowerBound)), Double(limits.upperBound)).rounded())
        }

        /// The pulse at an angle, whatever the limits.
        func unlimitedPulse(_ radians: Double) -> Double {
            Double(zeroPulse) + Double(direction) * radians / Self.radiansPerPulse
        }

        /// The angle at a pulse, radians.
        package func radians(_ pulse: Double) -> Double {
            Double(direction) * (pulse - Double(zeroPulse)) * Self.radiansPerPulse
        }

        /// The angles that `limits` allow, radians.
        package var range: ClosedRange<Double> {
            let ends = (radians(Double(limits.lowerBound)), radians(Double(limits.upperBound)))
            return min(ends.0, ends.1)...max(ends.0, ends.1)
        }

        /// 4096 to a turn, in both protocols.
        static var radiansPerPulse: Double { 2 * .pi / 4096 }
    }
    /// The servo of the gripper, with how its pulses become an opening.
    package struct Gripper: Equatable, Sendable {
        /// How the fingers hang on the servo.
        package enum Linkage: Equatable, Sendable {
            /// Pulses at opening 0 and 1, linear between.
            case linear(closedPulse: Int, openPulse: Int)
            /// A horn of radius r pushes two links of length l: at servo angle a (0 at `zeroPulse`) a finger stands
            /// d = r sin a + √(l² - (r cos a)²) from the centre line. Opening 0 and 1 are at `closed` and `open`.
            /// Metres.
            case crank(horn: Double, link: Double, zeroPulse: Int, closed: Double, open: Double)
        }
        package var id: UInt8
        package var linkage: Linkage
        /// The servo never gets a goal beyond, pulses.
        package var limits: ClosedRange<Int>
        /// Homing offset that the servo's own register has to say, as a joint's: pulses; nil is not compared.
        package var homingOffset: Int?

        package init(id: UInt8, linkage: Linkage, limits: ClosedRange<Int>, homingOffset: Int? = nil) {
            self.id = id
            self.linkage = linkage
            self.limits = limits
            self.homingOffset = homingOffset
        }

        /// The position within the limits, in pulses, for an opening; openings beyond 0 ... 1 are clamped.
        /// - Parameter opening: the gripper's opening, 0 closed ... 1 open.
        package func pulse(_ opening: Double) -> Int {
            let wanted = unlimitedPulse(min(max(opening, 0), 1))
            return Int(min(max(wanted, Double(limits.lowerBound)), Double(limits.upperBound)).rounded())
        }

        /// The pulse at an opening of 0 ... 1; or, where the gripper was read a little beyond that, no further out than
        /// there.
        func pulse(_ opening: Double, foundAt read: Double?) -> Double {
            let found = read.map { self.opening($0) } ?? 0
            return unlimitedPulse(min(max(opening, min(0, found)), max(1, found)))
        }

        /// The pulse at an opening that may be a little below 0 or above 1, as a gripper can be found; whatever the
        /// limits.
        func unlimitedPulse(_ opening: Double) -> Double {
            switch linkage {
            case .linear(let closed, let open): return Double(closed) + opening * Double(open - closed)
            case .crank(let r, let l, let zero, let closed, let open):
                let d = closed + opening * (open - closed)
                // Out of reach of the links is as far as they go.
                let cosine = min(max((r * r + d * d - l * l) / (2 * r * d), -1), 1)
                return Double(zero) + (.pi / 2 - acos(cosine)) / Joint.radiansPerPulse
            }
        }

        /// The opening at a position in pulses.
        /// - Returns: the opening, 0 closed ... 1 open, a little beyond if it stands beyond.
        package func opening(_ pulse: Double) -> Double {
            switch linkage {
            case .linear(let closed, let open): return (pulse - Double(closed)) / Double(open - closed)
            case .crank(let r, let l, let zero, let closed, let open):
                let a = (pulse - Double(zero)) * Joint.radiansPerPulse
                let across = r * cos(a)
                let d = r * sin(a) + max(0, l * l - across * across).squareRoot()
                return (d - closed) / (open - closed)
            }
        }
    }

    package var servoProtocol: ServoProtocolName
    /// Joints from base to wrist.
    package var joints: [Joint]
    package var gripper: Gripper

    package init(servoProtocol: ServoProtocolName, joints: [Joint], gripper: Gripper) {
        precondition((1...JointVector.capacity).contains(joints.count), "an arm of \(joints.count) joints")
        self.servoProtocol = servoProtocol
        self.joints = joints
        self.gripper = gripper
    }

    /// What joints and gripper have in common.
    package struct Part: Equatable, Sendable {
        package var id: UInt8
        package var limits: ClosedRange<Int>
        package var homingOffset: Int?
    }
    /// Joints and gripper, from base to gripper.
    package var parts: [Part] {
        joints.map { Part(id: $0.id, limits: $0.limits, homingOffset: $0.homingOffset) }
            + [Part(id: gripper.id, limits: gripper.limits, homingOffset: gripper.homingOffset)]
    }
    /// Servos that answer: the joints', then the gripper's.
    package var leaders: [UInt8] { joints.map(\.id) + [gripper.id] }
    /// All servos, in the order of their ids.
    package var ids: [UInt8] { (leaders + joints.flatMap(\.shadows)).sorted() }
}
