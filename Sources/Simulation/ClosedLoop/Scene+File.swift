import Foundation
import JSONTree
import Simulation
import Time

extension Scene {
    /// Reads a scene file.
    /// - Parameter path: path of the file; nil takes the scene that needs none.
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
