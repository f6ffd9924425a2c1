import Foundation
import JSONTree
import Simulation
import Time

extension Scene {
    /// Reads a scene file.
    /// - Parameter path: nil: the scene that needs no file.
    /// - Throws: `JSONFileError`.
    package init(contentsOfFile path: String?) throws(JSONFileError) {
        guard let path else {
            self = .tabletop
            return
        }
        let text: Data
        do {
            text = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw JSONFileKind.scene.error(path, error.reason)
        }
        try self.init(parsing: text, file: path)
    }
}
