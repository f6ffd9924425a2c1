import ArgumentParser
import ArmSetup
import Control
import Foundation
import NodeShell
import Simulation

/// Which world.
struct SceneOptions: ParsableArguments {
    @Option(help: "Scene file; without it a table with a few things on it.")
    var scene: String?

    @Option(help: "Changes the scene as its \"variation\" says; without it the scene is as written.")
    var seed: UInt64?

    @Option(help: "Calibration file of the arm.")
    var calibration = "calibration/widowx-250s.json"

    /// The scene as its file says.
    func readScene() throws -> Scene { try Scene(contentsOfFile: scene) }

    /// The scene as the seed changes it.
    func makeScene() throws -> Scene {
        let scene = try readScene()
        return seed.map { scene.varied(seed: $0) } ?? scene
    }

    func makeWorld() throws -> World { try World(makeScene(), arm: ArmCalibration(contentsOfFile: calibration)) }
}

/// Runs a command's work; what it throws is told in one line, with the exit code of unusable input.
func reporting(_ work: () throws -> Void) throws {
    do {
        try work()
    } catch let code as ExitCode {
        throw code
    } catch {
        FileHandle.standardError.write(Data("error: \(error)\n".utf8))
        throw NodeExit.badInput
    }
}
