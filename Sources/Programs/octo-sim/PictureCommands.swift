import ArgumentParser
import ClosedLoop
import Files
import Images
import JSONTree
import Kinematics
import Maths
import NodeShell
import Simulation

/// Draws what a camera sees of the world at its beginning.
struct PictureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "picture", abstract: "Draw what a camera sees of the world at its beginning.")

    @OptionGroup var world: SceneOptions

    @Option(help: "Look through this camera: primary or wrist.")
    var camera = World.Camera.primary

    @Option(help: ArgumentHelp("Draw so wide a picture.", valueName: "pixels"))
    var width = 256

    @Option(help: ArgumentHelp("Draw so high a picture.", valueName: "pixels"))
    var height = 256

    @Option(help: "Write this PNG file.")
    var out: String

    func run() throws {
        let world = try world.makeWorld()
        let picture = try world.picture(camera, width: width, height: height)
        try working { try picture.writePNG(to: out) }
        print("\(out): \(camera.rawValue), \(width)x\(height), drawn by \(world.renderer ?? "nobody")")
    }
}

extension World.Camera: ExpressibleByArgument {}

/// Takes goal images from a state of the world.
struct GoalPictureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "goal",
        abstract: "Take goal images from the world, as it should look in the end.",
        discussion: """
            The state is a JSON file with what differs from the beginning:

              { "joints_rad": [0, -0.5, 0.4, 0, 1.6, 0], "gripper": 1,
                "objects": { "block": { "position_m": [0.28, 0.17, 0.023], "yaw_rad": 0 } } }

            Or the scripted expert makes it: --task pick-place carries the task out and takes the goal from its end. \
            DIR gets primary.png and wrist.png, to be named as goal images in a manifest.
            """)

    @OptionGroup var world: SceneOptions

    @Option(help: "Take joints, gripper and objects from this JSON file.")
    var state: String?

    @Option(help: "Have the expert carry out this task first: reach, push or pick-place.")
    var task: ManipulationTask.Kind?

    @Option(help: "Use this object for the task; without it the scene's first.")
    var object: String?

    @Option(help: "Draw pictures of so many pixels, each way.")
    var size = 256

    @Option(help: "Write the images to this folder.")
    var out: String

    func validate() throws {
        if state != nil, task != nil { throw ValidationError("--state and --task both say what the end is: give one.") }
        if object != nil, task == nil { throw ValidationError("--object belongs to --task.") }
    }

    func run() throws {
        let world = try world.makeWorld()
        if let task { try Self.carryOut(ManipulationTask(task, object: object, in: world.scene), in: world) }
        if let state { try FinalState(contentsOfFile: state, for: world).apply(to: world) }
        try working { try FileSystem.makeFolders(out) }
        for camera in World.Camera.allCases {
            let path = out + "/\(camera.rawValue).png"
            let picture = try world.picture(camera, width: size, height: size)
            try working { try picture.writePNG(to: path) }
            print(path)
        }
    }

    private static func carryOut(_ task: ManipulationTask, in world: World) throws {
        let outcome = try ExpertEpisode.run(task, in: world, cameras: []) { _ in }
        guard outcome.isSuccess else {
            throw WorkFailure(
                "the expert did not manage '\(task.instruction(in: world.scene))'; try another --seed")
        }
    }
}

extension ManipulationTask.Kind: ExpressibleByArgument {}

/// A wanted state of the world.
struct FinalState {
    private static let file = JSONFileKind(
        name: "the final state",
        remedy: "Correct the file; octo-sim goal --help shows an example.")

    private var joints: JointVector?
    private var gripper: Double?
    private var objects: [(index: Int, pose: Pose)] = []

    /// Reads the state from a file.
    /// - Throws: `JSONFileError` with everything that is wrong.
    init(contentsOfFile path: String, for world: World) throws {
        let text: [UInt8]
        do throws(FileError) {
            text = try FileSystem.read(path)
        } catch {
            throw Self.file.error(path, error.found)
        }
        self = try Self.file.read(text, file: path) { Self($0, for: world, $1) }
    }

    private init(_ root: JSONNode, for world: World, _ reader: JSONReader) {
        let keys = ["joints_rad", "gripper", "objects"]
        reader.expectKeys(keys, optional: keys, of: root, at: "")
        if let node = root["joints_rad"], let angles = reader.numbers(node, at: "joints_rad") {
            let count = world.calibration.joints.count
            if angles.count == count {
                joints = JointVector(angles)
            } else {
                reader.report(node, "joints_rad", "found \(angles.count) angles, expected \(count)")
            }
        }
        gripper = reader.number(root["gripper"], at: "gripper", in: 0...1)
        for member in root["objects"]?.object ?? [] {
            let place = "objects.\(member.key)"
            guard let index = world.index(ofObject: member.key) else {
                let known = world.scene.objects.map(\.name).joined(separator: ", ")
                reader.report(member.value, place, "the scene has no such object, expected one of \(known)")
                continue
            }
            reader.expectKeys(["position_m", "yaw_rad"], optional: ["yaw_rad"], of: member.value, at: place)
            guard let node = member.value["position_m"], let p = reader.numbers(node, at: place + ".position_m") else {
                continue
            }
            guard p.count == 3 else {
                reader.report(node, place + ".position_m", "found \(p.count) numbers, expected 3: x, y, z")
                continue
            }
            let yaw = reader.number(member.value["yaw_rad"], at: place + ".yaw_rad") ?? 0
            objects.append(
                (index, Pose(rotation: Rotation(radians: yaw, about: [0, 0, 1]), translation: [p[0], p[1], p[2]])))
        }
    }

    func apply(to world: World) throws {
        for (index, pose) in objects { try world.place(object: index, at: pose) }
        if joints != nil || gripper != nil {
            try world.place(arm: joints ?? world.armPositions, gripper: gripper ?? world.gripperOpening)
        }
    }
}

/// Prints an example of a scene file.
struct SceneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scene", abstract: "Print a scene file: the usual one, or another as a seed changes it.")

    @OptionGroup var world: SceneOptions

    func validate() throws {
        if world.mjcf != nil { throw ValidationError("--mjcf: a scene file is not made of a model. Leave it out.") }
    }

    func run() throws { print(try world.makeScene().tree.text(columns: 100)) }
}

/// Prints the MuJoCo model of scene and arm.
struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mjcf", abstract: "Print the MuJoCo model of scene and arm, for other programs.")

    @OptionGroup var world: SceneOptions

    func validate() throws {
        if world.mjcf != nil {
            throw ValidationError("--mjcf: a model that there is need not be made of scene and arm. Leave it out.")
        }
    }

    func run() throws {
        print(
            WorldModel.mjcf(try world.makeScene(), try ArmCalibration(contentsOfFile: world.calibration)),
            terminator: "")
    }
}
