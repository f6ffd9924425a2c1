import Console
import Dispatch
import Files
import JSONTree
import Manifests
import Synchronization
import Time

/// What pages see of the disk: the library of goals, and recorded episodes. Reading waits for the disk, so it has
/// threads of its own.
final class Shelves: Sendable {
    private struct Content {
        var goals: GoalShelf?
        var episodes: EpisodeShelf?
    }
    private let content: Mutex<Content>
    let jobs: Jobs
    private let queue = DispatchQueue(label: "shelves", attributes: .concurrent)

    /// What a run has.
    /// - Throws: `SystemError` when there is no descriptor left for jobs.
    init(of run: RunDescription? = nil) throws {
        content = Mutex(Content())
        jobs = try Jobs()
        if let run { turn(to: run) }
    }

    /// Episodes without a run.
    /// - Parameter files: their paths.
    /// - Throws: `SystemError`.
    init(episodes files: [String]) throws {
        jobs = try Jobs()
        content = Mutex(Content(episodes: EpisodeShelf(files: files)))
    }

    /// The episodes of a folder without a run.
    /// - Throws: `SystemError`.
    init(episodesIn folder: String) throws {
        jobs = try Jobs()
        content = Mutex(Content(episodes: EpisodeShelf(folder: folder)))
    }

    var episodes: EpisodeShelf? { content.withLock { $0.episodes } }
    private var goals: GoalShelf? { content.withLock { $0.goals } }

    /// Turns to what another run has.
    func turn(to run: RunDescription) {
        let manifest = run.manifest
        content.withLock { content in
            if content.goals?.folder != manifest.goal.library {
                content.goals = GoalShelf(folder: manifest.goal.library)
            }
            if content.episodes?.folder != manifest.record.folder {
                content.episodes = EpisodeShelf(folder: manifest.record.folder)
            }
        }
    }

    /// The answer to a request about goals or episodes; nil for another.
    func answer(_ request: WebRequest) async -> WebResponse? {
        await aside { [self] in
            goals?.answer(request, at: .now()) ?? episodes?.answer(request, at: .now()) ?? jobs.answer(request)
        }
    }

    /// Starts a job for a page.
    /// - Parameter run: folder of the run that is alive; nil without one.
    func startJob(_ body: [UInt8], run: String?) async -> WebResponse {
        await aside { [self] in
            let json: JSONNode
            do throws(JSONSyntaxError) {
                json = try JSONNode(parsing: body, maximumDepth: 8)
            } catch {
                return .error(400, "the body is no JSON: \(error)")
            }
            return jobs.start(
                json, ConsoleJobContext(run: run, goals: goals ?? GoalShelf(folder: "goals"), episodes: episodes))
        }
    }

    func deleteGoal(_ name: String) async -> WebResponse {
        await aside { [self] in
            guard let goals else { return .error(404, "there is no library of goals") }
            do {
                try goals.delete(name)
                return .json(.object(["accepted": true, "message": .init("goal '\(name)' is deleted")]))
            } catch {
                return .json(.object(["accepted": false, "message": .init("\(error)")]), status: 409)
            }
        }
    }

    private func aside<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { waiter in queue.async { waiter.resume(returning: work()) } }
    }
}
