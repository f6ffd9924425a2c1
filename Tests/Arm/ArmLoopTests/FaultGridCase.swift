import Maths
import Messages

/// One cell of the fault grid: an arm, what goes wrong, what the arm was doing, and the seed of all chance in it.
struct GridCase: Equatable, Sendable, CustomStringConvertible {
    var arm: GridArm
    var fault: GridFault
    var activity: GridActivity
    var seed: UInt64

    init(_ arm: GridArm, _ fault: GridFault, _ activity: GridActivity, seed: UInt64) {
        (self.arm, self.fault, self.activity, self.seed) = (arm, fault, activity, seed)
    }

    /// A case as it describes itself, as in "so101 drop-0.3 executing 17".
    init?(_ line: String) {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 4, let arm = GridArm(rawValue: words[0]), let fault = GridFault(rawValue: words[1]),
            let activity = GridActivity(rawValue: words[2]), let seed = UInt64(words[3])
        else { return nil }
        self.init(arm, fault, activity, seed: seed)
    }

    var description: String { "\(arm.rawValue) \(fault.rawValue) \(activity.rawValue) \(seed)" }

    /// Every combination, with so many seeds each.
    static func all(of arm: GridArm, seeds: Range<UInt64>) -> [GridCase] {
        seeds.flatMap { seed in
            GridFault.allCases.flatMap { fault in GridActivity.allCases.map { GridCase(arm, fault, $0, seed: seed) } }
        }
    }
}

/// A calibration file of the repository, and with it a protocol.
enum GridArm: String, CaseIterable, Sendable {
    case widowX = "widowx-250s"
    case so101
}

/// What the arm does when the fault begins.
enum GridActivity: String, CaseIterable, Sendable {
    /// Nothing yet: the fault is there when the driver begins.
    case starting
    case holding
    case executing
    case jogging
    /// A person sends it to a configuration.
    case homing
    /// An emergency stop that holds.
    case stopped
    /// An emergency stop that has let the servos go.
    case limp
}

/// What goes wrong. A number is a probability or seconds, as the name says.
enum GridFault: String, CaseIterable, Sendable {
    case drop05 = "drop-0.05"
    case drop30 = "drop-0.3"
    case drop80 = "drop-0.8"
    case dropAll = "drop-1"
    case corrupt05 = "corrupt-0.05"
    case corrupt30 = "corrupt-0.3"
    /// Answers come within, at and after what the drivers wait.
    case delay3 = "delay-0.003"
    case delay4 = "delay-0.004"
    case delay6 = "delay-0.006"
    case delay20 = "delay-0.02"
    case latency16 = "latency-0.016"
    case pause12 = "pause-0.012"
    case pause50 = "pause-0.05"
    case pause300 = "pause-0.3"
    case hold100 = "hold-0.1"
    case hold500 = "hold-0.5"
    case stale1 = "stale-1"
    case stale2 = "stale-2"
    case garble02 = "garble-0.02"
    case garble20 = "garble-0.2"
    /// One servo, or all, hear nothing for a while and keep their power.
    case missingOne = "missing-one"
    case missingAll = "missing-all"
    /// The adapter is pulled out; the servos keep their power.
    case unplugged
    /// The adapter and the power are gone, and come back; with `moved` a hand turned a joint and the gripper meanwhile.
    case replugged
    case repluggedMoved = "replugged-moved"
    /// The power is gone for a moment, the line is not; with `moved` a hand turned a joint and the gripper after it.
    case brownout
    case brownoutMoved = "brownout-moved"
    /// A servo reports an error until the power was off.
    case hardwareError = "hardware-error"
    /// A servo lets go without a word; with `moved` a hand turns it then.
    case torqueLost = "torque-lost"
    case torqueLostMoved = "torque-lost-moved"
    case overheated
    /// The process does not run for a while, the servos do.
    case stop50 = "stop-0.05"
    case stop300 = "stop-0.3"
    case stop2000 = "stop-2"
    case lateTick = "late-tick"

    /// The number in its name.
    var amount: Double { rawValue.split(separator: "-").last.flatMap { Double($0) } ?? 0 }

    /// Whether it is over as soon as it began.
    var isMomentary: Bool {
        switch self {
        case .pause12, .pause50, .pause300, .hold100, .hold500, .brownout, .brownoutMoved, .stop50, .stop300, .stop2000,
            .lateTick,
            .torqueLost, .torqueLostMoved:
            true
        default: false
        }
    }

    /// Whether a hand turns a limp joint and the gripper.
    var movesByHand: Bool { self == .repluggedMoved || self == .brownoutMoved || self == .torqueLostMoved }
}
