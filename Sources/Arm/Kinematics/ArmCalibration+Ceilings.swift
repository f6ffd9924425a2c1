import JSONTree

/// What no arm of servos can do, whatever a calibration file says: a number beyond is a slip of the pen (degrees for
/// radians, millimetres for metres), and the envelope made of it would let everything through.
struct CalibrationCeiling: Sendable {
    let range: ClosedRange<Double>
    let unit: String
    /// Why nothing lies beyond, for people.
    let reason: String

    /// A joint's limit, radians: two turns in all. Servos in position mode have less than one; a URDF's continuous
    /// joint is written as ±π.
    static let jointLimit = CalibrationCeiling(
        range: -2 * .pi...2 * .pi, unit: "rad", reason: "a servo in position mode turns no further")
    /// Above what the fastest servos of such arms are made for: the velocity limit that an XL330-M288 comes with is 445
    /// units of 0.229 rpm = 10.7 rad/s (ROBOTIS e-manual, control table, address 44); an STS3215 does about 5 rad/s.
    static let jointVelocity = CalibrationCeiling(
        range: 0...12, unit: "rad/s", reason: "the fastest of these servos turn at 10.7 rad/s without a load")
    /// Acceleration to full speed within 60 ms. An STS3215's own ramp ends at 254 x 100 pulses/s² = 39 rad/s² (memory
    /// table, address 41); the torque of an XM430 with an arm on it gives less.
    static let jointAcceleration = CalibrationCeiling(
        range: 0...200, unit: "rad/s²", reason: "such a servo is at its full speed in 60 ms then")
    /// Coordinate of the workspace's corners, metres. The longest arms of these servos reach 0.75 m (ViperX-300,
    /// Trossen's specification); the rest is for a base that stands elsewhere.
    static let workspace = CalibrationCeiling(
        range: -2...2, unit: "m", reason: "the longest arms of such servos reach 0.75 m")
    /// Coordinate of the way from one joint to the next, and to the tool point.
    static let offset = CalibrationCeiling(
        range: -2...2, unit: "m", reason: "the longest arms of such servos reach 0.75 m")
    /// Translation of one policy step, metres. The Bridge data set's largest is 0.05 m in 0.2 s; four times that is
    /// 1 m/s.
    static let stepTranslation = CalibrationCeiling(
        range: 0...0.2, unit: "m", reason: "in a step of 0.2 s that is 1 m/s, far beyond a training set's")
    /// Rotation of one policy step: a quarter of a turn, beyond which rotation vectors of different axes no longer add
    /// up.
    static let stepRotation = CalibrationCeiling(
        range: 0 ... .pi / 2, unit: "rad", reason: "a quarter of a turn in one step is beyond any training set's")
    /// A stroke is about half a turn of the gripper's servo, whose top speed (see `jointVelocity`) gives 4 strokes a
    /// second; a linkage with a short stroke may have five times as many.
    static let gripperSpeed = CalibrationCeiling(
        range: 0...20, unit: "strokes/s", reason: "such a servo makes about 4 strokes a second")
    /// Distance of a finger from the centre line, metres; those of these arms stand at most 0.06 m from it.
    static let finger = CalibrationCeiling(
        range: -0.2...0.2, unit: "m", reason: "fingers of such grippers stand at most 0.06 m from the centre line")

    /// What was probably meant by a number beyond the ceiling, for people.
    private func guess(_ number: Double) -> String {
        switch unit {
        case "rad" where abs(number) <= 720: " Degrees? \(Self.text(number))° is \(Self.text(number * .pi / 180)) rad."
        case "rad/s" where abs(number) <= 720:
            " Degrees a second? \(Self.text(number))°/s is \(Self.text(number * .pi / 180)) rad/s."
        case "m" where (1...3_000).contains(abs(number)):
            " Millimetres? \(Self.text(number)) mm is \(Self.text(number / 1_000)) m."
        default: ""
        }
    }

    /// What is wrong with a number beyond the ceiling, for people.
    /// - Returns: nil for a number within it.
    func problem(_ number: Double) -> String? {
        if range.contains(number) { return nil }
        let limit =
            number > range.upperBound
            ? "at most \(Self.text(range.upperBound))" : "at least \(Self.text(range.lowerBound))"
        return "found \(Self.text(number)), expected \(limit) \(unit): \(reason).\(guess(number))"
    }

    /// `number` with three decimals at most.
    private static func text(_ number: Double) -> String {
        guard abs(number) < 1e9 else { return "\(number)" }
        let rounded = (number * 1_000).rounded() / 1_000
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }
}

extension JSONReader {
    /// A finite number that an arm can have; a problem gives nil.
    func number(_ node: JSONNode?, at path: String, within ceiling: CalibrationCeiling) -> Double? {
        guard let node, let number = number(node, at: path) else { return nil }
        guard let problem = ceiling.problem(number) else { return number }
        report(node, path, problem)
        return nil
    }

    /// Above 0, and what an arm can have; a problem gives 1.
    func positive(_ node: JSONNode?, at path: String, within ceiling: CalibrationCeiling) -> Double {
        let number = positive(node, at: path)
        guard let node, let problem = ceiling.problem(number) else { return number }
        report(node, path, problem)
        return 1
    }
}
