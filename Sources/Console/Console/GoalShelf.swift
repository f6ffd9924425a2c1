import Files
import Glibc
import Goals
import Images
import JSONTree
import Messages
import Synchronization
import Time

/// The goals of a library, as the page reads them: their list and their pictures.
///
/// It may be asked from many threads at once, and waits for the disk. Call it where nothing else has to wait.
package final class GoalShelf: Sendable {
    /// Most bytes of pictures that are kept as JPEG files.
    private static let mostPictureBytes = 16 << 20

    /// What changes when a goal's folder does: the stamps of its files, by name.
    private typealias Stamps = [String: EpisodeOnDisk.Stamp]

    private struct Facts: Sendable {
        var stamps: Stamps
        var goal: Result<Description, GoalLibraryError>
    }
    /// What the list says of a goal.
    private struct Description: Sendable {
        var recorded: WallTime
        var text: String?
        var cameras: [String]
        var origin: String
    }
    private struct Picture: Sendable {
        var goal: String
        var camera: String
        var width: Int?
        var stamps: Stamps
        var file: [UInt8]
    }
    private struct State {
        var facts: [String: Facts] = [:]
        /// The one that was asked for last comes last.
        var pictures: [Picture] = []
    }

    private let library: GoalLibrary
    private let state = Mutex(State())

    /// Serves the goal library in a folder, which need not be there yet.
    package init(folder: String) {
        library = GoalLibrary(folder: FileSystem.absolute(folder, from: FileSystem.workingFolder))
    }

    /// Folder of the library, absolute.
    package var folder: String { library.folder }

    /// Answers /api/goals and /picture/goals/NAME/CAMERA.jpg.
    /// - Parameter now: the time from which the goals' ages count.
    /// - Returns: nil for a request that is for somebody else.
    package func answer(_ request: WebRequest, at now: WallTime) -> WebResponse? {
        let isMine = ["/api/goals", "/picture/goals"].contains { prefix in
            request.path == prefix || request.path.hasPrefix(prefix + "/")
        }
        guard isMine else { return nil }
        if let refusal = ShelfAnswer.refusal(of: request) { return refusal }
        guard let parts = request.parts else {
            return WebResponse.error(404, "no goal has such a name. See /api/goals for those that are there.")
        }
        switch (parts.first, parts.count) {
        case ("api", 2): return list(at: now)
        case ("picture", 4) where parts[3].hasSuffix(".jpg"):
            return picture(of: String(parts[3].dropLast(4)), in: parts[2], request)
        default: return WebResponse.error(404, "nothing has this address. See /api/goals for the goals.")
        }
    }

    /// Takes a goal out of the library, for good.
    /// - Throws: `GoalLibraryError` when there is none of this name, or the disk refuses.
    package func delete(_ name: String) throws(GoalLibraryError) {
        try library.delete(name)
        state.withLock { state in
            state.facts[name] = nil
            state.pictures.removeAll { $0.goal == name }
        }
    }

    // MARK: The list

    private func list(at now: WallTime) -> WebResponse {
        let names: [String]
        do throws(GoalLibraryError) {
            names = try library.names()
        } catch {
            return WebResponse.error(503, error.description)
        }
        let goals = names.map { name in (name, facts(of: name).goal) }
        state.withLock { state in
            let known = Set(names)
            state.facts = state.facts.filter { known.contains($0.key) }
        }
        let nodes = goals.map { name, goal in JSONNode(.object(Self.members(of: name, goal, at: now))) }
        return WebResponse.json(.object(["folder": JSONNode(folder), "goals": JSONNode(.array(nodes))]))
    }

    /// Reads a goal, or takes what was read of it before where no file in its folder has changed.
    private func facts(of name: String) -> Facts {
        // Before reading: what changes meanwhile is read again the next time.
        let stamps = stamps(of: name)
        if let kept = state.withLock({ $0.facts[name] }), kept.stamps == stamps { return kept }
        let goal: Result<Description, GoalLibraryError>
        do throws(GoalLibraryError) {
            let record = try library.load(name)
            goal = .success(
                Description(
                    recorded: record.recorded, text: record.text, cameras: record.views.map(\.camera),
                    origin: record.origin.kind))
        } catch {
            goal = .failure(error)
        }
        let facts = Facts(stamps: stamps, goal: goal)
        state.withLock { $0.facts[name] = facts }
        return facts
    }

    private func stamps(of name: String) -> Stamps {
        let place = library.path(of: name)
        var stamps: Stamps = [:]
        for file in FileSystem.names(in: place) ?? [] { stamps[file] = EpisodeOnDisk.Stamp(of: "\(place)/\(file)") }
        return stamps
    }

    private static func members(
        of name: String, _ goal: Result<Description, GoalLibraryError>, at now: WallTime
    ) -> [JSONNode.Member] {
        var members: [JSONNode.Member] = [.init(key: "name", value: JSONNode(name))]
        switch goal {
        case .success(let goal):
            let age = max(0, (now - goal.recorded).rounded())
            members += [
                .init(key: "time", value: JSONNode(goal.recorded.description)),
                .init(key: "age_s", value: JSONNode(number: age)),
                .init(key: "text", value: goal.text.map { JSONNode($0) } ?? nil),
                .init(key: "cameras", value: JSONNode(.array(goal.cameras.map { JSONNode($0) }))),
                .init(key: "origin", value: JSONNode(goal.origin)),
            ]
        case .failure(let error):
            members += [
                .init(key: "time", value: ""), .init(key: "age_s", value: 0), .init(key: "text", value: nil),
                .init(key: "cameras", value: []), .init(key: "origin", value: ""),
                .init(key: "problem", value: JSONNode(error.description)),
            ]
        }
        return members
    }

    // MARK: Pictures

    private func picture(of camera: String, in name: String, _ request: WebRequest) -> WebResponse {
        let width: Int?
        do throws(ShelfAnswer.BadWidth) {
            width = try ShelfAnswer.width(in: request)
        } catch {
            return error.response
        }
        let stamps = stamps(of: name)
        if let file = kept(camera, of: name, width: width, stamps: stamps) {
            return WebResponse.jpeg(file, isLasting: false)
        }
        do {
            let record = try library.load(name)
            guard let view = record.views.first(where: { $0.camera == camera }) else {
                let known = record.views.isEmpty ? "no pictures" : record.views.map(\.camera).joined(separator: ", ")
                return WebResponse.error(404, "goal '\(name)' has no picture of '\(camera.prefix(80))', but \(known).")
            }
            let file = try ShelfAnswer.encoded(view.image, width: width)
            keep(Picture(goal: name, camera: camera, width: width, stamps: stamps, file: file))
            return WebResponse.jpeg(file, isLasting: false)
        } catch let error as GoalLibraryError {
            switch error {
            case .badName, .missing: return WebResponse.error(404, error.description)
            case .exists, .damaged, .notWritten, .system: return WebResponse.error(409, error.description)
            }
        } catch {
            return WebResponse.error(503, "\(error)")
        }
    }

    private func kept(_ camera: String, of name: String, width: Int?, stamps: Stamps) -> [UInt8]? {
        state.withLock { state in
            guard
                let place = state.pictures.lastIndex(where: {
                    $0.goal == name && $0.camera == camera && $0.width == width && $0.stamps == stamps
                })
            else { return nil }
            let picture = state.pictures.remove(at: place)
            state.pictures.append(picture)
            return picture.file
        }
    }

    private func keep(_ picture: Picture) {
        state.withLock { state in
            state.pictures.removeAll {
                $0.goal == picture.goal && $0.camera == picture.camera && $0.width == picture.width
            }
            state.pictures.append(picture)
            var bytes = state.pictures.reduce(0) { $0 + $1.file.count }
            while bytes > Self.mostPictureBytes, state.pictures.count > 1 {
                bytes -= state.pictures.removeFirst().file.count
            }
        }
    }
}
