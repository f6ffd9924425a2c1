import Foundation
import Simulation
import Time

extension Scene {
    /// Reads a scene file.
    /// - Parameter path: nil: the scene that needs no file.
    /// - Throws: `SceneError`.
    package init(contentsOfFile path: String?) throws(SceneError) {
        guard let path else {
            self = .tabletop
            return
        }
        let text: Data
        do {
            text = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw SceneError(file: path, problems: [error.reason])
        }
        try self.init(parsing: text, file: path)
    }
}
