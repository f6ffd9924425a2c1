import Console
import Foundation
import JSONTree
import Synchronization

/// The jobs that pages asked for, and the programs that do them.
final class Jobs: Sendable {
    private let book: Book
    private let runner: JobRunner

    /// What is known of the jobs; the runner's thread writes it.
    private final class Book: Sendable {
        let jobs = Mutex(ConsoleJobs())
        let listener = Mutex<(@Sendable (JSONNode) -> Void)?>(nil)

        func take(_ event: JobRunner.Event) {
            let changed = jobs.withLock { jobs -> ConsoleJob? in
                switch event {
                case .wrote(let bytes, let id):
                    jobs.wrote(bytes, by: id)
                    return nil
                case .said(let bytes, let id): return jobs.said(bytes, by: id)
                case .ended(let id, let exitCode): return jobs.ended(id, exitCode: exitCode)
                case .failed(let id, let reason): return jobs.failed(id, reason)
                }
            }
            if let changed { tell(changed) }
        }

        func tell(_ job: ConsoleJob) { listener.withLock { $0 }?(job.json) }
    }

    /// Makes a book without jobs; nothing runs.
    /// - Throws: `SystemError`.
    init() throws {
        let book = Book()
        self.book = book
        runner = try JobRunner(environment: ProcessInfo.processInfo.environment) { book.take($0) }
    }

    /// Says who is told of each change of a job.
    func onChange(_ listener: @escaping @Sendable (JSONNode) -> Void) { book.listener.withLock { $0 = listener } }

    /// Answers GET /api/jobs; nil for another request.
    func answer(_ request: WebRequest) -> WebResponse? { book.jobs.withLock { $0.answer(request) } }

    /// Takes up a job that a page asks for.
    func start(_ json: JSONNode, _ context: ConsoleJobContext) -> WebResponse {
        switch book.jobs.withLock({ $0.request(json, context) }) {
        case .refuse(let response): return response
        case .start(let launch):
            book.tell(launch.job)
            runner.start(launch)
            return launch.response
        }
    }

    /// Ends what runs.
    func stop() { runner.stop() }
}
