import JSONTree

/// The jobs of a console: which may begin, what their programs said, what came out. Starts nothing itself.
package struct ConsoleJobs: Sendable {
    /// A program that is to be run for a job.
    package struct Launch: Equatable, Sendable {
        /// Name of the program, one of ours.
        package var program: String
        /// Its arguments, without the program's name.
        package var arguments: [String]
        package var job: ConsoleJob

        /// The answer to who asked for it.
        package var response: WebResponse { WebResponse.json(.object(["job": job.json]), status: 202) }
    }
    /// Most jobs that run at once: they share the machine with a robot.
    package static let mostRunning = 2
    /// Most jobs that are remembered.
    package static let mostKept = 20

    private struct Entry: Sendable {
        var job: ConsoleJob
        var output = JobOutput()
        /// Members that are added to the result: what the program does not print.
        var extra: [JSONNode.Member]
    }
    private var entries: [Entry] = []
    private var count = 0

    package init() {}

    /// All jobs that are remembered, oldest first.
    package var jobs: [ConsoleJob] { entries.map(\.job) }

    /// The jobs as /api/jobs answers.
    package var json: JSONNode { .object(["jobs": JSONNode(.array(jobs.map(\.json)))]) }

    /// Answers GET /api/jobs.
    /// - Returns: nil for a request that is for somebody else; a POST there is for `request`.
    package func answer(_ request: WebRequest) -> WebResponse? {
        guard request.parts == ["api", "jobs"], request.method != "POST" else { return nil }
        return ShelfAnswer.refusal(of: request) ?? WebResponse.json(json)
    }

    /// Takes up a job that a page asks for.
    /// - Parameter json: the body of the request.
    /// - Returns: the program that is to be started for it, or the answer that refuses it.
    package mutating func request(_ json: JSONNode, _ context: ConsoleJobContext) -> ConsoleJobDecision {
        do throws(ConsoleJobRefusal) {
            let plan = try ConsoleJobPlan(json, context)
            let running = entries.filter { $0.job.state == .running }.map(\.job)
            guard running.count < Self.mostRunning else { throw .tooMany(running) }
            count += 1
            let job = ConsoleJob(id: count, kind: plan.kind, subject: plan.subject)
            entries.append(Entry(job: job, extra: plan.extra))
            if entries.count > Self.mostKept, let oldest = entries.firstIndex(where: { $0.job.state != .running }) {
                entries.remove(at: oldest)
            }
            return .start(Launch(program: plan.program, arguments: plan.arguments, job: job))
        } catch {
            return .refuse(error.response)
        }
    }

    /// Takes what a job's program wrote on standard output.
    package mutating func wrote(_ bytes: [UInt8], by id: Int) {
        guard let place = place(of: id) else { return }
        entries[place].output.takeResult(bytes)
    }

    /// Takes what a job's program wrote on standard error.
    /// - Returns: the job, where there is something new to show of it.
    package mutating func said(_ bytes: [UInt8], by id: Int) -> ConsoleJob? {
        guard let place = place(of: id) else { return nil }
        entries[place].output.takeWords(bytes)
        guard entries[place].job.progress != entries[place].output.line else { return nil }
        entries[place].job.progress = entries[place].output.line
        return entries[place].job
    }

    /// A job's program has ended, and all that it wrote has been taken.
    /// - Parameter exitCode: nil where a signal ended it.
    /// - Returns: the job with what came out.
    package mutating func ended(_ id: Int, exitCode: Int32?) -> ConsoleJob? {
        guard let place = place(of: id) else { return nil }
        entries[place].output.endLine()
        let output = entries[place].output
        var job = entries[place].job
        job.exitCode = exitCode
        job.state = .failed
        if let exitCode, job.kind.codesWithResult.contains(exitCode) {
            if output.isTooLong {
                job.progress = "it printed more than \(JobOutput.mostResultBytes >> 20) MiB, which is not shown."
            } else {
                do {
                    job.result = try result(of: entries[place])
                    job.state = .done
                    job.progress = ""
                } catch {
                    job.progress = "reading its result: \(error). Are all programs of one build?"
                }
            }
        } else {
            let words = output.error ?? output.line
            let how = exitCode.map { "it ended with exit code \($0)" } ?? "it was killed, perhaps for want of memory"
            job.progress = words.isEmpty ? how + " and said nothing." : words
        }
        return finish(place, job)
    }

    /// A job's program could not be started.
    /// - Parameter reason: why, in words.
    package mutating func failed(_ id: Int, _ reason: String) -> ConsoleJob? {
        guard let place = place(of: id) else { return nil }
        var job = entries[place].job
        job.state = .failed
        job.progress = reason
        return finish(place, job)
    }

    private mutating func finish(_ place: Int, _ job: ConsoleJob) -> ConsoleJob {
        entries[place].job = job
        entries[place].output = JobOutput()
        return job
    }

    /// The place of a job that runs.
    private func place(of id: Int) -> Int? { entries.firstIndex { $0.job.id == id && $0.job.state == .running } }

    private func result(of entry: Entry) throws -> JSONNode {
        switch entry.job.kind {
        case .fromEpisode: return JSONNode(.object(entry.extra))  // it prints words
        case .rank, .probe, .verify, .export:
            return entry.extra.reduce(try JSONNode(parsing: entry.output.result)) { $0.with($1.key, $1.value) }
        }
    }
}

/// What becomes of a request for a job.
package enum ConsoleJobDecision: Equatable, Sendable {
    case start(ConsoleJobs.Launch)
    case refuse(WebResponse)
}
