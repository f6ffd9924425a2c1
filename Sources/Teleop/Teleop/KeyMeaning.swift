import Geometry
import Messages

/// What a key asks for.
enum KeyMeaning: Equatable, Sendable {
    enum Axis: Equatable, Sendable {
        case x, y, z
        case roll, pitch, yaw
    }
    case choose(joint: Int)
    /// Up (1) or down (-1) the chain.
    case chooseNext(Int)
    case moveJoint(Int)
    /// In base axes; 1 forward, left, up, or a turn that is positive about the axis.
    case moveTool(Axis, Int)
    case changeMode
    case changeSpeed(Int)
    /// 1 opens a little.
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

    /// Whether it moves something.
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

extension JogSession {
    /// All keys, a table for a screen of 80 columns.
    package static let help = """
        A key moves the arm until 0.3 s after its last repeat; any other key ends the motion at once.

          joint mode   1...8 or up/down choose a joint    left - / right + move it
          tool mode    w s  x forward/back     u o  roll
           (base axes) a d  y left/right       i k  pitch
                       r f  z up/down          j l  yaw       (arrows: x and y)
          t or Tab     the other mode          [ ]  slower, faster
          , .          gripper a little narrower, wider       g  open or close it
          h  go home (neutral)    z  rest pose: both go on until another key is pressed

          space        stop the motion
          e or ESC     EMERGENCY STOP: latched    x  reset it, else a fault (moves nothing)
          m            after it: the policy may   c  clear a fault alone
                       move the arm again         b  back inside from beyond a limit
          ?            these keys                 q or Ctrl-C  stop, and quit
        """
}
