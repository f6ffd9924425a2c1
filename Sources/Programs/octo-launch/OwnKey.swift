import Files
import Keys
import Manifests
import NodeShell

/// The key of the user who starts this.
enum OwnKey {
    /// Reads the key, or makes it where there is none.
    /// - Returns: the key, and whether it was made now.
    static func ofUser(_ environment: [String: String]) throws -> (key: KeyPair, isNew: Bool) {
        do throws(KeyError) {
            let folder = try KeyFolder.standard(environment)
            let isNew = FileProbe.disk.kind(folder.ownPath) == nil
            return (try folder.ownOrMade(), isNew)
        } catch {
            throw Console.refuse("\(error)", .badInput)
        }
    }
}
