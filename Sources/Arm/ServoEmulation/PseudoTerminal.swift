import CShims
import Foundation

/// A pseudo-terminal that is found under a name of one's own.
package final class PseudoTerminal {
    package let link: String
    /// The side of the servos; -1 while it is pulled out.
    package private(set) var descriptor: Int32 = -1

    package init(link: String) { self.link = link }

    deinit { pullOut() }

    /// Refuses a link that leads to a terminal which lives: most likely other servos are there. (What a killed program
    /// left leads nowhere, until another terminal happens to get its number. Where nobody else can have made the link,
    /// this is not asked.)
    /// - Throws: `EmulationError.linkInUse`.
    package func requireFreeLink() throws(EmulationError) {
        if access(link, F_OK) == 0 { throw .linkInUse(link) }
    }

    /// Makes the link to the terminal. symlink(2).
    /// - Throws: `EmulationError`.
    package func plugIn() throws(EmulationError) {
        var name = [CChar](repeating: 0, count: 128)
        let master = octo_open_terminal(&name, name.count)
        guard master >= 0 else { throw .noTerminal(errno: -master) }
        var information = stat()
        if lstat(link, &information) == 0 {
            // Only what looks like ours is replaced.
            guard information.st_mode & S_IFMT == S_IFLNK else {
                close(master)
                throw .linkExists(link)
            }
            unlink(link)
        }
        guard symlink(name, link) == 0 else {
            let problem = errno
            close(master)
            throw .noLink(link, errno: problem)
        }
        descriptor = master
    }

    /// The link is gone, and whoever has the terminal open hears that.
    package func pullOut() {
        guard descriptor >= 0 else { return }
        unlink(link)
        close(descriptor)
        descriptor = -1
    }
}
