import Files
import JSONTree
import Simulation

extension Scene {
    /// Reads a scene file.
    /// - Parameter path: path of the file; nil takes the scene that needs none.
    /// - Throws: `JSONFileError`.
    package init(contentsOfFile path: String?) throws(JSONFileError) {
        guard let path else {
            self = .tabletop
            return
        }
        let text: [UInt8]
        do throws(FileError) {
            text = try FileSystem.read(path)
        } catch {
            throw JSONFileKind.scene.error(path, error.found)
        }
        try self.init(parsing: text, file: path)
    }
}
