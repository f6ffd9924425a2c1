import Foundation
import MCAPFiles
import Recording
import Synchronization
import Threads
import Time

/// The newest episode of a run's folder if it lacks its end, as a recorder that was killed leaves it. It is made whole
/// in its place, on a thread of its own: that may take a while.
final class LeftoverEpisode: Sendable {
    enum Finding: Sendable {
        case mended(FormerEpisode)
        case unreadable(path: String, problem: String)
    }

    private let found = Mutex<Finding?>(nil)

    init(in session: SessionFolder) {
        guard let path = session.newestEpisode else { return }
        NamedThread.run("mending a file") { [self] in
            let finding = Self.mend(path)
            found.withLock { $0 = finding }
        }
    }

    /// Takes what was found, once.
    func take() -> Finding? {
        found.withLock { found in
            defer { found = nil }
            return found
        }
    }

    private static func mend(_ path: String) -> Finding? {
        do {
            let cut = try EpisodeFile(path: path)
            guard !cut.reader.isFinished else { return nil }
            let facts = try cut.facts()
            let report = try RecoveredFile.make(
                of: MCAPFile(path: path), compressedAs: cut.reader, at: path, replaces: true)
            let name = path.split(separator: "/").last.map { String($0.dropLast(SessionFolder.fileEnding.count)) } ?? ""
            return .mended(FormerEpisode(name: name, facts: facts, messages: Int64(clamping: report.messages)))
        } catch {
            return .unreadable(path: path, problem: "\(error)")
        }
    }
}
