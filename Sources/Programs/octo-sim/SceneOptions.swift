import ArgumentParser
import Files
import Kinematics
import Manifests
import NodeShell
import Simulation

/// Options that say which world is meant.
struct SceneOptions: ParsableArguments {
    @Option(help: "Use this scene file; without it a table with a few things on it.")
    var scene: String?

    @Option(help: "Change the scene as its \"variation\" says, by this seed; without it the scene is as written.")
    var seed: UInt64?

    @Option(help: "Use this calibration file of the arm.")
    var calibration = ShippedFile.path("calibration/widowx-250s.json")

    @Option(help: "Use this MuJoCo model in place of the one made of scene and arm; see octo-sim mjcf.")
    var mjcf: String?

    /// The scene as its file says.
    func readScene() throws -> Scene { try Scene(contentsOfFile: scene) }

    /// The scene as the seed changes it.
    func makeScene() throws -> Scene {
        let scene = try readScene()
        return seed.map { scene.varied(seed: $0) } ?? scene
    }

    func makeWorld() throws -> World {
        let model = try mjcf.map { String(decoding: try FileSystem.read($0), as: UTF8.self) }
        return try World(makeScene(), arm: ArmCalibration(contentsOfFile: calibration), mjcf: model)
    }
}
