import Kinematics
import Maths

/// The MJCF text of an arm on a table: the arm from its calibration's joint table, in capsules and boxes; the rest from
/// a `Scene`. Written for MuJoCo 2.2.
///
/// The gripper is a parallel one: two fingers that slide along y of the end effector's frame, whose x points along
/// them. Collisions: objects and table with each other (bit 1), the arm with those (bit 2), the arm never with itself.
package struct WorldModel {
    /// Largest picture, pixels.
    package static let largestPicture = (width: 640, height: 480)
    /// A finger reaches this far beyond the end effector's point, metres.
    package static let fingertip = 0.018
    /// A tray's floor is this thick and its rim this high, metres.
    static let (trayFloor, trayHeight) = (0.003, 0.018)
    /// Length of a physics step, seconds: a grasp holds, and a control tick of 50...1000 Hz is a few of them.
    package static let stepSeconds = 0.002

    /// Stiffness of a joint's servo, newton metres per radian: a joint under the arm's own weight sags by about a
    /// millimetre at the tool, as stiff hobby servos do.
    private static let stiffness = 800.0
    /// Inertia of a joint's drive, kilogram square metres: rotor and gears as the joint feels them.
    private static let armature = 0.1
    /// Damping of a joint's servo, newton metre seconds per radian, so that a joint does not swing: 2 √(stiffness ×
    /// armature).
    static let damping = 18.0
    /// The most that a joint's servo can do, newton metres; and a finger's, newtons: strong enough to hold a cup, too
    /// weak to crush it.
    package static let strongestTorque = 25.0
    /// The strongest push of a finger, newtons.
    package static let strongestGrip = 8.0
    private static let fingerThickness = 0.010

    private var lines: [String] = []
    private let calibration: ArmCalibration
    private let scene: Scene

    /// Writes the model as MJCF.
    package static func mjcf(_ scene: Scene, _ calibration: ArmCalibration) -> String {
        var model = Self(calibration: calibration, scene: scene)
        model.write()
        return model.lines.joined(separator: "\n") + "\n"
    }

    private init(calibration: ArmCalibration, scene: Scene) {
        self.calibration = calibration
        self.scene = scene
    }

    private mutating func add(_ line: String) { lines.append(line) }

    private mutating func write() {
        add("<mujoco model=\"\(Self.escaped(calibration.name))\">")
        add("<compiler angle=\"radian\" autolimits=\"true\"/>")
        // Elliptic cones with a high ratio, and a few sweeps without slip: what is held between the fingers stays
        // there.
        add(
            "<option timestep=\"\(Self.stepSeconds)\" cone=\"elliptic\" impratio=\"10\" noslip_iterations=\"3\" "
                + "iterations=\"50\"/>")
        add("<size njmax=\"1000\" nconmax=\"300\"/>")
        let size = Self.largestPicture
        add(
            "<visual><global offwidth=\"\(size.width)\" offheight=\"\(size.height)\"/>"
                + "<quality offsamples=\"0\" shadowsize=\"512\" numslices=\"16\" numstacks=\"8\"/><map znear=\"0.02\" "
                + "zfar=\"20\"/><headlight ambient=\"0.30 0.30 0.30\" diffuse=\"0.25 0.25 0.25\" specular=\"0 0 "
                + "0\"/></visual>")
        writeAssets()
        add("<worldbody>")
        writeRoom()
        writeArm()
        for object in scene.objects { write(object) }
        add("</worldbody>")
        writeActuators()
        add("</mujoco>")
    }

    private mutating func writeAssets() {
        add("<asset>")
        let dark = Self.text(scene.tableColour * 0.88)
        add(
            "<texture name=\"table\" type=\"2d\" builtin=\"checker\" rgb1=\"\(Self.text(scene.tableColour))\" "
                + "rgb2=\"\(dark)\" width=\"256\" height=\"256\" mark=\"edge\" "
                + "markrgb=\"\(Self.text(scene.tableColour * 0.7))\"/>"
        )
        add("<material name=\"table\" texture=\"table\" texrepeat=\"10 10\" texuniform=\"true\" specular=\"0.1\"/>")
        add(
            "<texture name=\"wall\" type=\"skybox\" builtin=\"gradient\" rgb1=\"0.75 0.78 0.80\" rgb2=\"0.45 0.48 "
                + "0.52\" width=\"128\" height=\"128\"/>")
        add("</asset>")
    }

    private mutating func writeRoom() {
        let light = scene.light
        add(
            "<light name=\"lamp\" pos=\"\(Self.text(light.position))\" "
                + "dir=\"\(Self.text(Vector3(0.28, 0, 0) - light.position))\" "
                + "diffuse=\"\(Self.text(Vector3(repeating: light.brightness)))\" specular=\"0.1 0.1 0.1\" "
                + "castshadow=\"\(light.castsShadows)\"/>")
        add(
            "<geom name=\"table\" type=\"box\" pos=\"0.3 0 -0.02\" size=\"0.6 0.6 0.02\" material=\"table\" "
                + "contype=\"1\" conaffinity=\"3\" friction=\"0.8 0.01 0.0001\"/>")
        let view = scene.primary
        add(
            "<camera name=\"primary\" pos=\"\(Self.text(view.position))\" "
                + "quat=\"\(Self.text(Self.looking(from: view)))\" fovy=\"\(view.fieldOfView * 180 / .pi)\"/>")
        if let mark = scene.mark {
            // As thin as can be, and nothing can touch it.
            add(
                "<geom name=\"mark\" type=\"box\" pos=\"\(mark.site.x) \(mark.site.y) 0.0003\" "
                    + "size=\"\(mark.size / 2) \(mark.size / 2) 0.0003\" rgba=\"\(Self.text(mark.colour)) 1\" "
                    + "contype=\"0\" conaffinity=\"0\"/>")
        }
        if let tray = scene.tray { write(tray) }
    }

    private mutating func write(_ tray: Scene.Tray) {
        let (wall, height, floor) = (0.004, Self.trayHeight, Self.trayFloor)
        let half = tray.size / 2
        add("<body name=\"tray\" pos=\"\(tray.site.x) \(tray.site.y) 0\">")
        let boxes: [(Vector3, Vector3)] = [
            ([0, 0, floor / 2], [half.x, half.y, floor / 2]),
            ([half.x + wall / 2, 0, height / 2], [wall / 2, half.y + wall, height / 2]),
            ([-half.x - wall / 2, 0, height / 2], [wall / 2, half.y + wall, height / 2]),
            ([0, half.y + wall / 2, height / 2], [half.x, wall / 2, height / 2]),
            ([0, -half.y - wall / 2, height / 2], [half.x, wall / 2, height / 2]),
        ]
        for (place, size) in boxes {
            add(
                "<geom type=\"box\" pos=\"\(Self.text(place))\" size=\"\(Self.text(size))\" "
                    + "rgba=\"\(Self.text(tray.colour)) 1\" contype=\"1\" conaffinity=\"3\"/>")
        }
        add("</body>")
    }

    private mutating func write(_ object: Scene.Object) {
        let name = Self.escaped(object.name)
        let turn = Rotation(radians: object.yaw, about: [0, 0, 1])
        // A hair above the table, so that it begins without touching.
        let place = Vector3(object.position.x, object.position.y, object.height / 2 + 0.0005)
        let surface =
            "rgba=\"\(Self.text(object.colour)) 1\" contype=\"1\" conaffinity=\"3\" friction=\"1 0.02 0.0005\" "
            + "condim=\"4\" "
            + "solimp=\"0.97 0.99 0.001\" solref=\"0.006 1\""
        add(
            "<body name=\"\(name)\" pos=\"\(Self.text(place))\" quat=\"\(Self.text(turn))\"><freejoint "
                + "name=\"\(name)\"/>"
        )
        let half = object.size / 2
        switch object.shape {
        case .block:
            add("<geom type=\"box\" size=\"\(half) \(half) \(half)\" mass=\"\(object.mass)\" \(surface)/>")
        case .cylinder:
            add("<geom type=\"cylinder\" size=\"\(half) \(object.height / 2)\" mass=\"\(object.mass)\" \(surface)/>")
        case .cup:
            // A floor and twelve staves.
            let wall = 0.003
            let staves = 12
            add(
                "<geom type=\"cylinder\" pos=\"0 0 \(-half + 0.003)\" size=\"\(half - wall) 0.003\" "
                    + "mass=\"\(object.mass * 0.4)\" \(surface)/>")
            for stave in 0..<staves {
                let angle = 2 * Double.pi * Double(stave) / Double(staves)
                let turn = Rotation(radians: angle, about: [0, 0, 1])
                // It stands on its floor, not on the staves: forty fewer contacts to solve.
                let centre = turn * Vector3(half - wall / 2, 0, 0.0005)
                // Half the chord of a stave at the outside, a little more so that no gap shows.
                let width = half * 0.2680 + 0.0005
                add(
                    "<geom type=\"box\" pos=\"\(Self.text(centre))\" quat=\"\(Self.text(turn))\" "
                        + "size=\"\(wall / 2) \(width) \(half - 0.0005)\" "
                        + "mass=\"\(object.mass * 0.6 / Double(staves))\" \(surface)/>"
                )
            }
        }
        add("</body>")
    }

    // MARK: Arm

    private mutating func writeArm() {
        let joints = calibration.joints
        let skin = "contype=\"2\" conaffinity=\"1\" rgba=\"0.13 0.13 0.14 1\""
        add("<geom type=\"cylinder\" pos=\"0 0 0.03\" size=\"0.06 0.03\" \(skin)/>")
        for (index, joint) in joints.enumerated() {
            let origin = joint.parentFromJoint
            add(
                "<body name=\"\(Self.escaped(joint.name))\" pos=\"\(Self.text(origin.translation))\" "
                    + "quat=\"\(Self.text(origin.rotation))\">")
            add(
                "<joint name=\"\(Self.escaped(joint.name))\" type=\"hinge\" axis=\"\(Self.text(joint.axis))\" "
                    + "range=\"\(joint.lower) \(joint.upper)\" armature=\"\(Self.armature)\" "
                    + "damping=\"\(Self.damping)\"/>"
            )
            // Lighter and thinner towards the hand; from one joint to the next.
            let share = Double(joints.count - index) / Double(joints.count)
            let end = index + 1 < joints.count ? joints[index + 1].parentFromJoint.translation : [0.02, 0, 0]
            let radius = 0.014 + 0.016 * share
            let mass = 0.08 + 0.35 * share
            if end.length > 0.001 {
                add(
                    "<geom type=\"capsule\" fromto=\"0 0 0 \(Self.text(end))\" size=\"\(radius)\" mass=\"\(mass)\" "
                        + "\(skin)/>"
                )
            } else {
                add("<geom type=\"sphere\" size=\"\(radius)\" mass=\"\(mass)\" \(skin)/>")
            }
        }
        writeHand()
        for _ in joints { add("</body>") }
    }

    private mutating func writeHand() {
        let tool = calibration.lastJointFromEEF
        add("<body name=\"hand\" pos=\"\(Self.text(tool.translation))\" quat=\"\(Self.text(tool.rotation))\">")
        add("<site name=\"eef\" pos=\"0 0 0\" size=\"0.004\" rgba=\"0 0 0 0\"/>")
        let skin = "contype=\"2\" conaffinity=\"1\" rgba=\"0.20 0.20 0.21 1\""
        add("<geom type=\"box\" pos=\"-0.055 0 0\" size=\"0.018 0.045 0.018\" mass=\"0.12\" \(skin)/>")
        // Behind and above the fingers, looking along them: x of the camera is -y of the hand.
        add(
            "<camera name=\"wrist\" pos=\"-0.065 0 0.055\" xyaxes=\"0 -1 0 0.35 0 1\" "
                + "fovy=\"\(scene.wristFieldOfView * 180 / .pi)\"/>"
        )
        let gripper = calibration.gripper
        let length = 0.026
        for (name, side) in [("left_finger", 1.0), ("right_finger", -1.0)] {
            add("<body name=\"\(name)\" pos=\"0 0 0\">")
            add(
                "<joint name=\"\(name)\" type=\"slide\" axis=\"0 \(side) 0\" range=\"\(gripper.closed) "
                    + "\(gripper.open)\" armature=\"0.2\" damping=\"20\"/>")
            add(
                "<geom type=\"box\" pos=\"\(Self.fingertip - length) \(side * Self.fingerThickness / 2) 0\" "
                    + "size=\"\(length) \(Self.fingerThickness / 2) 0.010\" mass=\"0.03\" contype=\"2\" "
                    + "conaffinity=\"1\" friction=\"2 0.05 0.001\" condim=\"4\" priority=\"1\" solimp=\"0.97 0.99 "
                    + "0.001\" solref=\"0.006 1\" rgba=\"0.30 0.30 0.32 1\"/>")
            add("</body>")
        }
        add("</body>")
    }

    private mutating func writeActuators() {
        add("<actuator>")
        for joint in calibration.joints {
            let name = Self.escaped(joint.name)
            add(
                "<position name=\"\(name)\" joint=\"\(name)\" kp=\"\(Self.stiffness)\" "
                    + "ctrlrange=\"\(joint.lower) \(joint.upper)\" forcerange=\"\(-Self.strongestTorque) "
                    + "\(Self.strongestTorque)\"/>"
            )
        }
        for name in ["left_finger", "right_finger"] {
            add(
                "<position name=\"\(name)\" joint=\"\(name)\" kp=\"1000\" "
                    + "ctrlrange=\"\(calibration.gripper.closed) \(calibration.gripper.open)\" "
                    + "forcerange=\"\(-Self.strongestGrip) \(Self.strongestGrip)\"/>"
            )
        }
        add("</actuator>")
    }

    // MARK: Text

    /// A MuJoCo camera looks along -z, with x to the right and y up.
    package static func looking(from view: Scene.View) -> Rotation {
        let back = (view.position - view.lookAt) / max((view.position - view.lookAt).length, 1e-9)
        var right = Vector3(0, 0, 1).cross(back)
        // Straight down there is no up: then forward is.
        right = right.length > 1e-6 ? right / right.length : [0, -1, 0]
        let up = back.cross(right)
        return Rotation(axesTo: right, up, back)
    }

    private static func text(_ v: Vector3) -> String { "\(v.x) \(v.y) \(v.z)" }
    private static func text(_ r: Rotation) -> String { "\(r.w) \(r.x) \(r.y) \(r.z)" }
    private static func escaped(_ name: String) -> String {
        name.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
    }
}
