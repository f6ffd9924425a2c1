import Files
import JSONTree
import Synchronization
import Time

/// The episodes that lie on this disk, as the page reads them: their list, what one holds, its pictures.
///
/// It may be asked from many threads at once, and waits for the disk: the first look at a long episode reads all of it,
/// which takes a second for each gigabyte or so. Call it where nothing else has to wait.
package final class EpisodeShelf: Sendable {
    /// Episodes whose files are kept open with the places of their pictures.
    private static let mostOpen = 4

    private struct State {
        /// What the list says of each path, and of which state of the file.
        var entries: [String: (stamp: EpisodeOnDisk.Stamp, entry: EpisodeEntry)] = [:]
        /// Files as they were found last, by id.
        var known: [String: EpisodeOnDisk] = [:]
        /// The one that was asked for last comes last.
        var open: [OpenEpisode] = []
    }

    /// The folder that is told to the page; empty where single files were named.
    package let folder: String
    private let place: EpisodePlace
    private let state = Mutex(State())

    /// Serves the episodes in a folder, and in the folders of runs in it.
    package init(folder: String) {
        self.folder = FileSystem.absolute(folder, from: FileSystem.workingFolder)
        place = .folder(self.folder)
    }

    /// Serves single files.
    package init(files: [String]) {
        folder = ""
        place = .files(files)
    }

    /// Answers /api/episodes, /api/episodes/ID and /picture/episodes/ID/CAMERA/INDEX.jpg; INDEX is a number from 0, or
    /// "last". The pictures 0 and last are cheap: the list may show one of each episode.
    /// - Parameter now: the end so far of an episode that is being recorded.
    /// - Returns: nil for a request that is for somebody else.
    package func answer(_ request: WebRequest, at now: MonotonicTime) -> WebResponse? {
        let isMine = ["/api/episodes", "/picture/episodes"].contains { prefix in
            request.path == prefix || request.path.hasPrefix(prefix + "/")
        }
        guard isMine else { return nil }
        if let refusal = ShelfAnswer.refusal(of: request) { return refusal }
        guard let parts = request.parts else {
            return WebResponse.error(404, "no episode has such a name. See /api/episodes for those that are there.")
        }
        do throws(EpisodeShelfError) {
            switch (parts.first, parts.count) {
            case ("api", 2): return list(at: now)
            case ("api", 3): return try details(of: parts[2], at: now)
            case ("picture", 5): return try picture(parts[4], of: parts[3], in: parts[2], request)
            default: throw .noSuchAddress
            }
        } catch {
            return error.response
        }
    }

    /// The path of an episode's file.
    package func path(of id: String) throws(EpisodeShelfError) -> String { try find(id).path }

    /// The frame that `octo-goal from-episode` counts: that of the primary camera, or else of the first by name.
    /// - Returns: the newest that is not newer than the moment.
    package func leadingFrame(of id: String, at moment: EpisodeMoment) throws(EpisodeShelfError) -> Int {
        let series = try open(find(id)).series()
        guard let leading = series.frames.keys.contains("primary") ? "primary" : series.frames.keys.min() else {
            throw .noPictures(id)
        }
        switch moment {
        case .time(let time):
            guard let frame = series.newest(of: leading, at: time) else { throw .noPictureYet(id, camera: leading) }
            return frame
        case .frame(let camera, let index):
            guard let frames = series.frames[camera] else {
                throw .noCamera(id, camera: camera, known: series.frames.keys.sorted())
            }
            guard frames.indices.contains(index) else {
                throw .noSuchPicture(id, camera: camera, index: "\(index)", count: frames.count)
            }
            if camera == leading { return index }
            guard let frame = series.newest(of: leading, at: frames[index].capture) else {
                throw .noPictureYet(id, camera: leading)
            }
            return frame
        }
    }

    // MARK: Answers

    private func list(at now: MonotonicTime) -> WebResponse {
        let files = place.episodes()
        let entries = files.map(entry).sorted { ($0.started, $0.id) > ($1.started, $1.id) }
        state.withLock { state in
            state.known = Dictionary(files.map { ($0.id, $0) }) { first, _ in first }
            let paths = Set(files.map(\.path))
            state.entries = state.entries.filter { paths.contains($0.key) }
        }
        let nodes = entries.map { JSONNode(.object($0.members(at: now))) }
        return WebResponse.json(.object(["folder": JSONNode(folder), "episodes": JSONNode(.array(nodes))]))
    }

    /// What the list says of a file; read only where the file has changed.
    private func entry(_ file: EpisodeOnDisk) -> EpisodeEntry {
        let kept = state.withLock { $0.entries[file.path] }
        var entry: EpisodeEntry
        if let kept, kept.stamp == file.stamp {
            entry = kept.entry
        } else {
            entry = EpisodeEntry(file)
            state.withLock { [entry] in $0.entries[file.path] = (file.stamp, entry) }
        }
        // A recorder can end without a change of the file.
        entry.isBeingRecorded = !entry.hasEnd && EpisodePlace.isRecorded(into: file.path)
        return entry
    }

    private func details(of id: String, at now: MonotonicTime) throws(EpisodeShelfError) -> WebResponse {
        let file = try find(id)
        let (entry, series) = try open(file).content()
        var members = entry.members(at: now)
        if let problem = series.problem, entry.problem == nil {
            members.append(.init(key: "problem", value: JSONNode(problem)))
        }
        members.append(.init(key: "start_ns", value: JSONNode(entry.start?.nanoseconds ?? 0)))
        members.append(.init(key: "end_ns", value: JSONNode(entry.end?.nanoseconds ?? 0)))
        return WebResponse.json(JSONNode(.object(members + series.members)))
    }

    private func picture(
        _ name: String, of camera: String, in id: String, _ request: WebRequest
    ) throws(EpisodeShelfError) -> WebResponse {
        let width: Int?
        do throws(ShelfAnswer.BadWidth) {
            width = try ShelfAnswer.width(in: request)
        } catch {
            return error.response
        }
        guard name.hasSuffix(".jpg") else { throw .noSuchAddress }
        let file = try find(id)
        let bytes: [UInt8]
        switch name.dropLast(4) {
        case "0" where isUnread(file): bytes = try file.picture(.first, of: camera, width: width)
        case "last" where isUnread(file): bytes = try file.picture(.last, of: camera, width: width)
        case "last":
            let opened = try open(file)
            let count = try opened.series().frames[camera]?.count ?? 0
            bytes = try opened.picture(max(0, count - 1), of: camera, width: width)
        case let number:
            guard let index = Int(number) else { throw .noSuchAddress }
            bytes = try open(file).picture(index, of: camera, width: width)
        }
        return WebResponse.jpeg(bytes, isLasting: true)
    }

    // MARK: Files

    /// The file with this id, as it is now. Only what was found in the shelf's own place has an id: no path is made of
    /// what a request says.
    private func find(_ id: String) throws(EpisodeShelfError) -> EpisodeOnDisk {
        if var file = state.withLock({ $0.known[id] }), let stamp = EpisodeOnDisk.Stamp(of: file.path) {
            // A link may have been put in its place meanwhile: then the folder is looked through again.
            if stamp == file.stamp { return file }
            if stamp.inode == file.stamp.inode, stamp.device == file.stamp.device {
                file.stamp = stamp
                return file
            }
        }
        let files = place.episodes()
        state.withLock { $0.known = Dictionary(files.map { ($0.id, $0) }) { first, _ in first } }
        guard let file = files.first(where: { $0.id == id }) else { throw .noSuchEpisode(id) }
        return file
    }

    /// Whether a file has its end, and was not read through yet.
    private func isUnread(_ file: EpisodeOnDisk) -> Bool {
        entry(file).hasEnd && !state.withLock { $0.open.contains { $0.file == file } }
    }

    /// The opened file; the one that was not asked for longest is closed for it.
    private func open(_ file: EpisodeOnDisk) throws(EpisodeShelfError) -> OpenEpisode {
        let entry = entry(file)
        guard !entry.isBeingRecorded else { throw .beingRecorded(file.id) }
        return state.withLock { state in
            let found = state.open.first { $0.file == file } ?? OpenEpisode(file)
            state.open.removeAll { $0.file.path == file.path }
            state.open.append(found)
            if state.open.count > Self.mostOpen { state.open.removeFirst() }
            return found
        }
    }
}

/// A moment of an episode.
package enum EpisodeMoment: Equatable, Sendable {
    /// A camera's picture by its number, from 0.
    case frame(camera: String, index: Int)
    /// A time on the clock of the episode's stamps.
    case time(MonotonicTime)
}
