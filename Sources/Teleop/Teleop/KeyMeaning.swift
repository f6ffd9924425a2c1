import Maths
import Messages

/// What a key asks for.
enum KeyMeaning: Equatable, Sendable {
    enum Axis: Equatable, Sendable {
        case x, y, z
        case roll, pitch, yaw
    }
    case choose(joint: Int)
    /// Chooses the next joint up (1) or down (-1) the chain.
    case chooseNext(Int)
    case moveJoint(Int)
    /// Moves the tool in base axes; 1 forward, left, up, or a turn that is positive about the axis.
    case moveTool(Axis, Int)
    case changeMode
    case changeSpeed(Int)
    /// Moves the gripper a little: 1 opens, -1 closes.
    case moveGripper(Int)
    case toggleGripper
    case go(TeleopArm.Pose)
    case stopMotion
    case request(ArmCommand.Action)
    case help
    case quit
}

/// What the keys move.
package enum JogMode: String, Sendable {
    case joint
    case tool
}

extension KeyMeaning {
    /// Finds what a key means.
    /// - Returns: nil for a key that means nothing in `mode`.
    init?(_ key: Key, in mode: JogMode) {
        if let everywhere = Self.everywhere(key) {
            self = everywhere
        } else if let particular = mode == .joint ? Self.joint(key) : Self.tool(key) {
            self = particular
        } else {
            return nil
        }
    }

    private static func everywhere(_ key: Key) -> KeyMeaning? {
        switch key {
        case .sign("1"), .sign("2"), .sign("3"), .sign("4"), .sign("5"), .sign("6"), .sign("7"), .sign("8"):
            guard case .sign(let digit) = key, let number = digit.wholeNumberValue else { return nil }
            return .choose(joint: number - 1)
        case .tab, .sign("t"): return .changeMode
        case .sign("["): return .changeSpeed(-1)
        case .sign("]"): return .changeSpeed(1)
        case .sign(","): return .moveGripper(-1)
        case .sign("."): return .moveGripper(1)
        case .sign("g"): return .toggleGripper
        case .sign("h"): return .go(.neutral)
        case .sign("z"): return .go(.rest)
        case .sign(" "): return .stopMotion
        case .sign("e"), .escape: return .request(.emergencyStop)
        case .sign("x"): return .request(.resetEmergencyStop)
        case .sign("c"): return .request(.clearFault)
        case .sign("b"): return .request(.recover)
        case .sign("m"): return .request(.resume)
        case .sign("?"): return .help
        case .sign("q"), .interrupt: return .quit
        default: return nil
        }
    }

    private static func joint(_ key: Key) -> KeyMeaning? {
        switch key {
        case .right, .sign("+"), .sign("="): .moveJoint(1)
        case .left, .sign("-"): .moveJoint(-1)
        case .up: .chooseNext(1)
        case .down: .chooseNext(-1)
        default: nil
        }
    }

    private static func tool(_ key: Key) -> KeyMeaning? {
        switch key {
        case .sign("w"), .up: .moveTool(.x, 1)
        case .sign("s"), .down: .moveTool(.x, -1)
        case .sign("a"), .left: .moveTool(.y, 1)
        case .sign("d"), .right: .moveTool(.y, -1)
        case .sign("r"): .moveTool(.z, 1)
        case .sign("f"): .moveTool(.z, -1)
        case .sign("u"): .moveTool(.roll, -1)
        case .sign("o"): .moveTool(.roll, 1)
        case .sign("i"): .moveTool(.pitch, -1)
        case .sign("k"): .moveTool(.pitch, 1)
        case .sign("j"): .moveTool(.yaw, 1)
        case .sign("l"): .moveTool(.yaw, -1)
        default: nil
        }
    }

    /// Whether the key moves something.
    var isMotion: Bool {
        switch self {
        case .moveJoint, .moveTool, .moveGripper, .toggleGripper, .go: true
        case .choose, .chooseNext, .changeMode, .changeSpeed, .stopMotion, .request, .help, .quit: false
        }
    }
}

extension KeyMeaning.Axis {
    var unit: Vector3 {
        switch self {
        case .x, .roll: [1, 0, 0]
        case .y, .pitch: [0, 1, 0]
        case .z, .yaw: [0, 0, 1]
        }
    }

    var isTurn: Bool {
        switch self {
        case .x, .y, .z: false
        case .roll, .pitch, .yaw: true
        }
    }

    var name: String {
        switch self {
        case .x: "x"
        case .y: "y"
        case .z: "z"
        case .roll: "roll"
        case .pitch: "pitch"
        case .yaw: "yaw"
        }
    }
}

/// What the keys do, in parts that each fit beside the live lines on a screen of 80 columns and 24 rows.
package enum KeyHelp {
    /// The first thing to know, in a line.
    package static let short = "?  the keys     e or ESC  EMERGENCY STOP     space  stop     q  quit"

    package static let motion = """
        A key moves the arm until 0.3 s after its last repeat; another ends the motion.

          joint mode   1...8 or up/down choose a joint    left - / right + move it
          tool mode    w s  x forward/back     u o  roll
           (base axes) a d  y left/right       i k  pitch
                       r f  z up/down          j l  yaw       (arrows: x and y)
          t or Tab     the other mode          [ ]  slower, faster
          , .          gripper narrower, wider       g  open or close it
          h  go home (neutral)    z  rest pose: until another key is pressed
        """
    package static let ends = """
          space        stop the motion         e or ESC  EMERGENCY STOP: latched
          x            reset it, or a fault (moves nothing)
          m            after it: the policy may move the arm again
          c            clear a fault alone     b  back inside from beyond a limit
          ?            these keys              q or Ctrl-C  stop, and quit
        """
    package static let runs = """
          p            take the goal           y  accept it (in goal mode)
          n            start, stop an episode  Y N D  success, failure, discard
          T            axes of base or tool    v  follow the leader arm, or not
        """
    package static let devices = """
        Gamepad: hold the left shoulder button. Left stick x, y; right stick up, yaw;
        hat roll, pitch; right shoulder gripper; east EMERGENCY STOP; start reset;
        select home; north goal; west episode; south success; pressed sticks slower,
        faster. While it is held the arm is yours, even with the sticks in the middle.
        What it moves ends after 2 s without any change (teleop.confirm_s): the pad may
        be out of reach.
        SpaceMouse: the arm moves as the puck does; left button gripper, right
        EMERGENCY STOP. With --dead-man button, only while the left button is held;
        the gripper by keys.
        """

    /// One of `pages`, the next each time that it is asked for, with a word about the others.
    /// - Parameter request: counts from 1.
    package static func page(_ request: Int, of pages: [String]) -> String {
        let text = pages[(request - 1) % pages.count]
        return pages.count == 1 ? text : text + "\n  (\((request - 1) % pages.count + 1) of \(pages.count); ? the next)"
    }
}

extension JogSession {
    package static let pages = [KeyHelp.motion, KeyHelp.ends]
    /// Help on all keys.
    package static let help = pages.joined(separator: "\n\n")
}
