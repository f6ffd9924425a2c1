import CMuJoCo
import Files
import Images
import Kinematics
import Maths

/// The simulated world: an arm on a table, with physics and pictures. Belongs to one thread.
///
/// Same scene, same commands in the same order: the same numbers and the same pictures, bit for bit on one machine. It
/// has no clock; time passes by `advance`.
package final class World {
    /// A camera of the world.
    package enum Camera: String, CaseIterable, Sendable {
        case primary
        case wrist
    }

    package let calibration: ArmCalibration
    package let scene: Scene
    private let handle: OpaquePointer
    private let joints: [(position: Int, velocity: Int, actuator: Int)]
    private let fingers: [(position: Int, velocity: Int, actuator: Int)]
    private let hand: Int32
    private let site: Int32
    private let cameras: [Int32]
    private let objects: [(body: Int32, position: Int, velocity: Int)]
    private let lamp: Int32
    /// Whether the servo has let go, for each joint, then for both fingers.
    private var isLimp: [Bool]
    package private(set) var steps = 0

    /// The version of MuJoCo on this machine.
    package static func libraryVersion() throws(WorldError) -> String {
        var words = [CChar](repeating: 0, count: 512)
        guard let version = octo_world_library(&words, words.count) else { throw .noMuJoCo(Self.text(words)) }
        return String(cString: version)
    }

    /// Builds the world of a scene and an arm.
    /// - Parameter mjcf: text of the model; nil makes the one that belongs to scene and arm.
    /// - Throws: `WorldError`.
    package init(_ scene: Scene, arm calibration: ArmCalibration, mjcf: String? = nil) throws(WorldError) {
        self.scene = scene
        self.calibration = calibration
        var words = [CChar](repeating: 0, count: 1_024)
        var failure: Int32 = 0
        let text = Array((mjcf ?? WorldModel.mjcf(scene, calibration)).utf8CString.dropLast())
        guard let handle = octo_world_make(text, text.count, &failure, &words, words.count) else {
            let reason = Self.text(words)
            throw failure == Int32(OCTO_WORLD_NO_LIBRARY.rawValue) ? .noMuJoCo(reason) : .badModel(reason)
        }
        let named = Names(handle: handle)
        do throws(WorldError) {
            var joints: [(Int, Int, Int)] = []
            for joint in calibration.joints { joints.append(try named.drive(joint.name)) }
            self.joints = joints
            isLimp = Array(repeating: false, count: joints.count + 2)
            fingers = [try named.drive("left_finger"), try named.drive("right_finger")]
            hand = try named.find(OCTO_WORLD_BODY, "body", "hand")
            site = try named.find(OCTO_WORLD_SITE, "site", "eef")
            lamp = try named.find(OCTO_WORLD_LIGHT, "light", "lamp")
            var cameras: [Int32] = []
            for camera in Camera.allCases {
                cameras.append(try named.find(OCTO_WORLD_CAMERA, "camera", camera.rawValue))
            }
            self.cameras = cameras
            var objects: [(Int32, Int, Int)] = []
            for object in scene.objects {
                let joint = try named.find(OCTO_WORLD_JOINT, "free joint", object.name)
                objects.append(
                    (
                        try named.find(OCTO_WORLD_BODY, "body", object.name),
                        Int(octo_world_joint_position(handle, joint)), Int(octo_world_joint_velocity(handle, joint))
                    ))
            }
            self.objects = objects
        } catch {
            octo_world_free(handle)
            throw error
        }
        self.handle = handle
        try place(arm: startPositions, gripper: 1)
    }

    deinit { octo_world_free(handle) }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Looks names up in a model.
    private struct Names {
        let handle: OpaquePointer

        func find(_ kind: octo_world_kind, _ word: String, _ name: String) throws(WorldError) -> Int32 {
            let id = octo_world_find(handle, kind, name)
            guard id >= 0 else { throw .missing(kind: word, name: name) }
            return id
        }

        /// A joint and the actuator of the same name.
        func drive(_ name: String) throws(WorldError) -> (Int, Int, Int) {
            let joint = try find(OCTO_WORLD_JOINT, "joint", name)
            return (
                Int(octo_world_joint_position(handle, joint)), Int(octo_world_joint_velocity(handle, joint)),
                Int(try find(OCTO_WORLD_ACTUATOR, "actuator", name))
            )
        }
    }

    // The three arrays of MuJoCo live as long as `handle` and have room for every index that it gave out.
    private var positions: UnsafeMutablePointer<Double> { octo_world_positions(handle) }
    private var velocities: UnsafeMutablePointer<Double> { octo_world_velocities(handle) }
    private var controls: UnsafeMutablePointer<Double> { octo_world_controls(handle) }

    // MARK: Time

    /// Length of a physics step, seconds.
    package var stepSeconds: Double { octo_world_step_seconds(handle) }
    /// Simulated time since the beginning, seconds.
    package var seconds: Double { octo_world_time(handle) }

    /// Lets `count` physics steps pass.
    /// - Throws: `blewUp`; the world is of no more use then.
    package func advance(steps count: Int) throws(WorldError) {
        let before = seconds
        if isLimp.contains(true) {
            for _ in 0..<count {
                // Without torque only friction holds a joint: the servo's place is wherever the joint is.
                for (drive, isLimp) in zip(joints + fingers, isLimp) where isLimp {
                    controls[drive.actuator] = positions[drive.position]
                }
                try step(1, since: before)
            }
        } else {
            try step(count, since: before)
        }
        steps += count
    }

    private func step(_ count: Int, since before: Double) throws(WorldError) {
        guard octo_world_step(handle, Int32(count)) == 0 else {
            throw .blewUp(String(cString: octo_world_problem(handle)), time: before)
        }
    }

    // MARK: Arm

    /// Positions of the arm's joints, radians.
    package var armPositions: JointVector { JointVector(joints.map { positions[$0.position] }) }
    /// Velocities of the arm's joints, radians per second.
    package var armVelocities: JointVector { JointVector(joints.map { velocities[$0.velocity] }) }
    /// Torque with which each joint's servo pushes the arm, newton metres: what its own friction eats in free motion
    /// loads it with nothing.
    package var armTorques: JointVector {
        let forces = octo_world_forces(handle)
        return JointVector(joints.map { (forces?[$0.actuator] ?? 0) - WorldModel.damping * velocities[$0.velocity] })
    }
    /// How hard the fingers press: newtons, closing is negative.
    package var gripForce: Double {
        let forces = octo_world_forces(handle)
        return fingers.reduce(0) { $0 + (forces?[$1.actuator] ?? 0) } / Double(fingers.count)
    }
    /// Opening of the gripper, mean of both fingers, 0 closed ... 1 open.
    package var gripperOpening: Double {
        let gripper = calibration.gripper
        let distance = fingers.reduce(0) { $0 + positions[$1.position] } / Double(fingers.count)
        return (distance - gripper.closed) / (gripper.open - gripper.closed)
    }

    /// Tells the servos where to go, from the next step on: radians; opening 0...1. What is beyond a joint's range is
    /// cut off, a number that is not finite leaves that servo where it was sent before.
    package func command(_ wanted: JointVector, gripper: Double) {
        for index in isLimp.indices { isLimp[index] = false }
        for (index, drive) in joints.enumerated() where index < wanted.count && wanted[index].isFinite {
            let joint = calibration.joints[index]
            controls[drive.actuator] = min(max(wanted[index], joint.lower), joint.upper)
        }
        guard gripper.isFinite else { return }
        let range = calibration.gripper
        for drive in fingers {
            controls[drive.actuator] = range.closed + min(max(gripper, 0), 1) * (range.open - range.closed)
        }
    }

    /// A joint's servo lets go until the next command; the gripper's, if `joint` is the number of joints.
    package func release(joint: Int) {
        if joint < joints.count {
            isLimp[joint] = true
        } else {
            for index in joints.count..<isLimp.count { isLimp[index] = true }
        }
    }

    /// The pose of the end effector as MuJoCo has it, base frame.
    package var baseFromEEF: Pose {
        let place = octo_world_site_position(handle, site)
        let turn = octo_world_body_rotation(handle, hand)
        guard let place, let turn else { return .identity }
        return Pose(
            rotation: Rotation(w: turn[0], x: turn[1], y: turn[2], z: turn[3]),
            translation: [place[0], place[1], place[2]])
    }

    /// Sets the arm there, at rest, its servos holding it.
    package func place(arm wanted: JointVector, gripper: Double) throws(WorldError) {
        guard wanted.count == joints.count, wanted.isFinite, gripper.isFinite else {
            throw .wrongState("found \(wanted.array) and gripper \(gripper), expected \(joints.count) finite angles")
        }
        let range = calibration.gripper
        for (index, drive) in joints.enumerated() {
            positions[drive.position] = wanted[index]
            velocities[drive.velocity] = 0
        }
        for drive in fingers {
            positions[drive.position] = range.closed + min(max(gripper, 0), 1) * (range.open - range.closed)
            velocities[drive.velocity] = 0
        }
        command(wanted, gripper: gripper)
        try update()
    }

    /// Joint positions with which the arm begins, radians: above the table as the scene says, pointing down.
    private var startPositions: JointVector {
        guard let start = scene.start else { return calibration.neutral }
        let target = Pose(rotation: BridgeConvention.baseFromDownwardEEF, translation: start)
        return solve(target).positions
    }

    private func solve(_ target: Pose) -> InverseKinematics.Solution {
        InverseKinematics(chain: calibration.chain, lower: calibration.lower, upper: calibration.upper)
            .solve(target, near: calibration.neutral)
    }

    /// Number of draws of a place to begin from until one can be had.
    private static let startDraws = 500

    /// Sets the arm anywhere in its workspace where its open gripper touches nothing, pointing down, at rest.
    /// - Throws: `noStart` when no such place is found.
    package func placeArmAnywhere(using dice: inout SplitMix64) throws(WorldError) {
        for _ in 0..<Self.startDraws {
            let pose = scene.drawStart(lower: calibration.workspace.lower, upper: calibration.workspace.upper, &dice)
            guard let pose else { continue }
            let solution = solve(pose)
            if solution.isReached { return try place(arm: solution.positions, gripper: 1) }
        }
        throw .noStart(draws: Self.startDraws)
    }

    // MARK: Objects

    package func index(ofObject name: String) -> Int? { scene.objects.firstIndex { $0.name == name } }

    /// Pose of the middle of an object, base frame.
    package func pose(ofObject index: Int) -> Pose {
        let place = octo_world_body_position(handle, objects[index].body)
        let turn = octo_world_body_rotation(handle, objects[index].body)
        guard let place, let turn else { return .identity }
        return Pose(
            rotation: Rotation(w: turn[0], x: turn[1], y: turn[2], z: turn[3]),
            translation: [place[0], place[1], place[2]])
    }

    /// Puts an object somewhere, at rest.
    package func place(object index: Int, at pose: Pose) throws(WorldError) {
        let numbers = [
            pose.translation.x, pose.translation.y, pose.translation.z, pose.rotation.w, pose.rotation.x,
            pose.rotation.y,
            pose.rotation.z,
        ]
        guard numbers.allSatisfy(\.isFinite) else {
            throw .wrongState("the pose of '\(scene.objects[index].name)' is \(numbers), expected finite numbers")
        }
        for (offset, number) in numbers.enumerated() { positions[objects[index].position + offset] = number }
        for offset in 0..<6 { velocities[objects[index].velocity + offset] = 0 }
        try update()
    }

    /// State of all that moves.
    package var state: WorldState {
        WorldState(
            positions: Array(UnsafeBufferPointer(start: positions, count: Int(octo_world_position_count(handle)))),
            velocities: Array(UnsafeBufferPointer(start: velocities, count: Int(octo_world_velocity_count(handle)))))
    }

    /// Puts everything where it is in `state`, of a world with the same scene and arm.
    /// - Throws: `wrongState` when the numbers do not fit.
    package func restore(_ state: WorldState) throws(WorldError) {
        let (count, speeds) = (Int(octo_world_position_count(handle)), Int(octo_world_velocity_count(handle)))
        guard state.positions.count == count, state.velocities.count == speeds,
            (state.positions + state.velocities).allSatisfy(\.isFinite)
        else {
            throw .wrongState(
                "found \(state.positions.count) positions and \(state.velocities.count) velocities, expected \(count) "
                    + "and \(speeds) finite ones, as this scene and this arm have")
        }
        for (index, number) in state.positions.enumerated() { positions[index] = number }
        for (index, number) in state.velocities.enumerated() { velocities[index] = number }
        command(armPositions, gripper: gripperOpening)
        try update()
    }

    private func update() throws(WorldError) {
        guard octo_world_forward(handle) == 0 else {
            throw .blewUp(String(cString: octo_world_problem(handle)), time: seconds)
        }
    }

    // MARK: Pictures

    /// Name of the library that draws; nil before the first picture.
    package var renderer: String? { octo_world_renderer(handle).map { String(cString: $0) } }

    /// Draws what a camera sees now.
    /// - Throws: `noGraphics`, `picture`.
    package func picture(_ camera: Camera, width: Int, height: Int) throws(WorldError) -> RGBImage {
        var words = [CChar](repeating: 0, count: 512)
        guard octo_world_prepare_pictures(handle, &words, words.count) == 0 else { throw .noGraphics(Self.text(words)) }
        guard width > 0, height > 0, width <= WorldModel.largestPicture.width,
            height <= WorldModel.largestPicture.height
        else {
            throw .picture(
                "a picture of \(width)x\(height) was asked for, expected at most "
                    + "\(WorldModel.largestPicture.width)x\(WorldModel.largestPicture.height)")
        }
        let id = cameras[Camera.allCases.firstIndex(of: camera) ?? 0]
        let pixels = try SharedBytes(count: width * height * 3) { (memory) throws(WorldError) in
            let bytes = memory.bindMemory(to: UInt8.self)
            guard
                octo_world_draw(handle, id, Int32(width), Int32(height), bytes.baseAddress, &words, words.count) == 0
            else { throw .picture(Self.text(words)) }
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }

    /// Sets the primary camera elsewhere.
    /// - Parameter roll: turns its picture clockwise, radians.
    package func movePrimaryCamera(to view: Scene.View, roll: Double = 0) throws(WorldError) {
        let id = cameras[0]
        let turn = WorldModel.looking(from: view) * Rotation(radians: roll, about: [0, 0, 1])
        guard let place = octo_world_camera_position(handle, id), let rotation = octo_world_camera_rotation(handle, id),
            let angle = octo_world_camera_view(handle, id)
        else { return }
        for axis in 0..<3 { place[axis] = view.position[axis] }
        for (index, number) in [turn.w, turn.x, turn.y, turn.z].enumerated() { rotation[index] = number }
        angle[0] = view.fieldOfView * 180 / .pi
        try update()
    }

    /// How bright the lamp is, 0...1.
    package func setBrightness(_ brightness: Double) {
        guard let colour = octo_world_light_colour(handle, lamp) else { return }
        for channel in 0..<3 { colour[channel] = Float(min(max(brightness, 0), 1)) }
    }
}

/// The place and the motion of everything, as MuJoCo numbers it: enough to go on from there, in a world with the same
/// scene and arm.
package struct WorldState: Equatable, Sendable {
    /// Positions, as in mjData.qpos.
    package var positions: [Double]
    /// Velocities, as in mjData.qvel.
    package var velocities: [Double]

    package init(positions: [Double], velocities: [Double]) {
        self.positions = positions
        self.velocities = velocities
    }
}
