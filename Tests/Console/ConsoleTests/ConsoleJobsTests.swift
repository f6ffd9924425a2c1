import Console
import JSONTree
import Testing
import Time

@Suite struct ConsoleJobsTests {
    private static let context = ConsoleJobContext(
        run: "/run/octo/sim", goals: "/home/me/goals", exports: "/data/exports", names: { _ in ["run~a-rlds"] },
        path: { (id) throws(EpisodeShelfError) in
            guard id == "run~a.mcap" || id == "b.mcap" else { throw .noSuchEpisode(id) }
            return id == "b.mcap" ? "/data/b.mcap" : "/data/run/a.mcap"
        },
        frame: { (_, moment) throws(EpisodeShelfError) in
            switch moment {
            case .frame(_, let index): return index + 100
            case .time(let time): return Int(time.nanoseconds / 1_000)
            }
        })

    private func decide(
        _ text: String, by jobs: inout ConsoleJobs, in context: ConsoleJobContext = context
    ) throws -> ConsoleJobDecision {
        jobs.request(try JSONNode(parsing: Array(text.utf8)), context)
    }

    private func launch(_ text: String, by jobs: inout ConsoleJobs) throws -> ConsoleJobs.Launch {
        guard case .start(let launch) = try decide(text, by: &jobs) else {
            throw Unexpected(text: text)
        }
        return launch
    }

    private struct Unexpected: Error {
        var text: String
    }

    // MARK: Requests

    @Test(arguments: [
        (
            #"{"kind": "rank"}"#,
            "octo-goal rank --json --run /run/octo/sim --library /home/me/goals", ""
        ),
        (
            #"{"kind": "probe"}"#,
            "octo-goal probe --json --run /run/octo/sim --library /home/me/goals", ""
        ),
        (
            #"{"kind": "probe", "name": "-cup"}"#,
            "octo-goal probe --json --run /run/octo/sim --library /home/me/goals -- -cup", "-cup"
        ),
        (
            #"{"kind": "verify", "episode": "run~a.mcap"}"#, "octo-replay verify --json -- /data/run/a.mcap",
            "run~a.mcap"
        ),
        (
            #"{"kind": "export", "episode": "b.mcap", "format": "lerobot"}"#,
            "octo-replay export --json --lerobot /data/exports/b-lerobot -- /data/b.mcap", "b.mcap"
        ),
        (
            #"{"kind": "export", "episode": "run~a.mcap", "format": "rlds"}"#,
            "octo-replay export --json --rlds /data/exports/run~a-rlds-2 -- /data/run/a.mcap", "run~a.mcap"
        ),
        (
            """
            {"kind": "from_episode", "episode": "b.mcap", "camera_index": {"camera": "wrist", "index": 2},
            "name": "cup"}
            """,
            "octo-goal from-episode --library /home/me/goals -- /data/b.mcap:102 cup", "cup"
        ),
        (
            #"{"kind": "from_episode", "episode": "b.mcap", "time_ns": 7000, "name": "cup"}"#,
            "octo-goal from-episode --library /home/me/goals -- /data/b.mcap:7 cup", "cup"
        ),
    ]) func jobsAreOurOwnPrograms(request: String, command: String, subject: String) throws {
        var jobs = ConsoleJobs()
        let launch = try launch(request, by: &jobs)
        #expect(([launch.program] + launch.arguments).joined(separator: " ") == command)
        #expect(launch.job.subject == subject && launch.job.state == .running && launch.job.id == 1)
        #expect(launch.response.status == 202)
        #expect(try JSONNode(parsing: launch.response.body)["job"] == launch.job.json)
        #expect(jobs.jobs == [launch.job])
    }

    @Test(arguments: [
        ("[]", 400), ("7", 400), ("{}", 400), (#"{"kind": "format"}"#, 400), (#"{"kind": 1}"#, 400),
        (#"{"kind": "rank", "run": "/"}"#, 400), (#"{"kind": "probe", "name": "../cup"}"#, 400),
        (#"{"kind": "probe", "name": "<b>"}"#, 400), (#"{"kind": "probe", "name": null}"#, 400),
        (#"{"kind": "verify"}"#, 400), (#"{"kind": "verify", "episode": 3}"#, 400),
        (#"{"kind": "verify", "episode": "--help"}"#, 404), (#"{"kind": "verify", "episode": "..~x"}"#, 404),
        (#"{"kind": "export", "episode": "b.mcap"}"#, 400),
        (#"{"kind": "export", "episode": "b.mcap", "format": "zip"}"#, 400),
        (#"{"kind": "from_episode", "episode": "b.mcap", "name": "cup"}"#, 400),
        (#"{"kind": "from_episode", "episode": "b.mcap", "time_ns": -1, "name": "cup"}"#, 400),
        (#"{"kind": "from_episode", "episode": "b.mcap", "time_ns": 1, "name": "a/b"}"#, 400),
        (#"{"kind": "from_episode", "episode": "b.mcap", "time_ns": 1}"#, 400),
        (
            """
            {"kind": "from_episode", "episode": "b.mcap", "time_ns": 1, "camera_index": {"camera": "w", "index": 1},
            "name": "a"}
            """,
            400
        ),
        (#"{"kind": "from_episode", "episode": "b.mcap", "camera_index": {"camera": "w"}, "name": "a"}"#, 400),
        (#"{"kind": "from_episode", "episode": "none", "time_ns": 1, "name": "a"}"#, 404),
    ]) func whatIsNoJobIsRefusedInWords(request: String, status: Int) throws {
        var jobs = ConsoleJobs()
        guard case .refuse(let answer) = try decide(request, by: &jobs) else { throw Unexpected(text: request) }
        #expect(answer.status == status)
        #expect(try JSONNode(parsing: answer.body)["error"]?.string?.isEmpty == false)
        #expect(jobs.jobs.isEmpty)
    }

    @Test(arguments: ["rank", "probe"]) func withoutARunThereIsNothingToLookAt(kind: String) throws {
        var jobs = ConsoleJobs()
        var context = Self.context
        context.run = nil
        guard case .refuse(let answer) = try decide(#"{"kind": "\#(kind)"}"#, by: &jobs, in: context) else {
            throw Unexpected(text: kind)
        }
        #expect(answer.status == 409)
    }

    @Test func withoutAFolderDataSetsLieBesideTheirEpisode() throws {
        var jobs = ConsoleJobs()
        var context = Self.context
        context.exports = nil
        let request = #"{"kind": "export", "episode": "b.mcap", "format": "rlds"}"#
        guard case .start(let launch) = try decide(request, by: &jobs, in: context) else {
            throw Unexpected(text: request)
        }
        #expect(launch.arguments[3] == "/data/exports/b-rlds")
    }

    @Test func twoRunAtOnceAndTwentyAreRemembered() throws {
        var jobs = ConsoleJobs()
        let first = try launch(#"{"kind": "rank"}"#, by: &jobs)
        _ = try launch(#"{"kind": "probe"}"#, by: &jobs)
        guard case .refuse(let answer) = try decide(#"{"kind": "rank"}"#, by: &jobs) else {
            throw Unexpected(text: "a third job")
        }
        #expect(answer.status == 429)
        #expect(jobs.jobs.map(\.id) == [1, 2])
        for _ in 0..<30 {
            let next = jobs.jobs.map(\.id).max() ?? 0
            _ = jobs.ended(next, exitCode: 2)
            _ = try launch(#"{"kind": "rank"}"#, by: &jobs)
        }
        #expect(jobs.jobs.count == ConsoleJobs.mostKept)
        // The one that still runs is not forgotten.
        #expect(jobs.jobs.first == first.job && jobs.jobs.last?.id == 32)
        let answered = jobs.answer(WebRequest(path: "/api/jobs"))
        #expect(try answered.map { try JSONNode(parsing: $0.body) } == jobs.json)
        #expect(jobs.answer(WebRequest(method: "POST", path: "/api/jobs")) == nil)
        #expect(jobs.answer(WebRequest(method: "DELETE", path: "/api/jobs"))?.status == 405)
    }

    // MARK: Output

    @Test func whatAProgramSaysIsTheProgress() throws {
        var jobs = ConsoleJobs()
        _ = try launch(#"{"kind": "rank"}"#, by: &jobs)
        #expect(jobs.said(Array("\r\u{1B}[K[##....] 1/3 go".utf8), by: 1) == nil)
        #expect(jobs.said(Array("als, 2 s left\r\u{1B}[K".utf8), by: 1)?.progress == "1/3 goals, 2 s left")
        #expect(jobs.said(Array("\r\u{1B}[K[##....] 1/3 goals, 2 s left\r".utf8), by: 1) == nil)
        #expect(
            jobs.said(Array("a \u{1B}[31;1mred\u{1B}[0m <b>word</b>  \n\n".utf8), by: 1)?.progress
                == "a red <b>word</b>")
        #expect(jobs.said(Array("[camera] is late\n".utf8), by: 1)?.progress == "[camera] is late")
        #expect(jobs.said(Array("x".utf8), by: 7) == nil)
    }

    @Test(
        arguments: [
            ("rank", 0, ConsoleJob.State.done), ("rank", 1, .done), ("rank", 2, .failed), ("probe", 0, .done),
            ("probe", 3, .done), ("probe", 4, .done), ("probe", 1, .failed), ("rank", nil, .failed),
        ] as [(String, Int32?, ConsoleJob.State)]) func theExitCodeTellsWhetherThereIsAResult(
            kind: String, code: Int32?, state: ConsoleJob.State
        ) throws
    {
        var jobs = ConsoleJobs()
        _ = try launch(#"{"kind": "\#(kind)"}"#, by: &jobs)
        jobs.wrote(Array(#"{"verdict": "#.utf8), by: 1)
        jobs.wrote(Array(#""listens"}"#.utf8), by: 1)
        let ended = jobs.ended(1, exitCode: code)
        let job = try #require(ended)
        #expect(job.state == state && job.exitCode == code)
        #expect(job.result?["verdict"]?.string == (state == .done ? "listens" : nil))
        #expect(job.progress.isEmpty == (state == .done))
        #expect(job.json["exit_code"]?.int == code.map(Int.init))
        #expect(job.json["result"]?.isNull == (state != .done))
        // It is over: nothing more comes of it.
        #expect(jobs.ended(1, exitCode: 0) == nil && jobs.said([10], by: 1) == nil)
        #expect(jobs.jobs == [job])
    }

    @Test func aFailureIsTheProgramsOwnWords() throws {
        var jobs = ConsoleJobs()
        _ = try launch(#"{"kind": "rank"}"#, by: &jobs)
        _ = jobs.said(
            Array("Error: --lerobot /x: it is there already.\nUsage: octo-replay\n  See 'octo-replay --help'".utf8),
            by: 1)
        #expect(jobs.ended(1, exitCode: 2)?.progress == "--lerobot /x: it is there already.")
        _ = try launch(#"{"kind": "rank"}"#, by: &jobs)
        #expect(jobs.ended(2, exitCode: nil)?.progress.contains("killed") == true)
        _ = try launch(#"{"kind": "rank"}"#, by: &jobs)
        let job = jobs.failed(3, "no such program")
        #expect(job?.state == .failed && job?.progress == "no such program" && job?.exitCode == nil)
    }

    @Test func whatWasMadeIsAddedToTheResult() throws {
        var jobs = ConsoleJobs()
        _ = try launch(#"{"kind": "export", "episode": "b.mcap", "format": "rlds"}"#, by: &jobs)
        jobs.wrote(Array(#"{"episodes": []}"#.utf8), by: 1)
        #expect(
            jobs.ended(1, exitCode: 0)?.result == .object(["episodes": [], "folder": "/data/exports/b-rlds"]))
        _ = try launch(#"{"kind": "from_episode", "episode": "b.mcap", "time_ns": 7000, "name": "cup"}"#, by: &jobs)
        jobs.wrote(Array("cup  9a2de8  2 s ago\n".utf8), by: 2)
        #expect(jobs.ended(2, exitCode: 0)?.result == .object(["goal": "cup", "episode": "b.mcap", "frame": 7]))
    }

    @Test(arguments: ["", "no JSON", "{", "\u{0}"]) func whatIsNoResultIsAFailure(output: String) throws {
        var jobs = ConsoleJobs()
        _ = try launch(#"{"kind": "rank"}"#, by: &jobs)
        jobs.wrote(Array(output.utf8), by: 1)
        let job = jobs.ended(1, exitCode: 0)
        #expect(job?.state == .failed && job?.progress.isEmpty == false)
    }

    @Test func noProgramFillsTheMemory() throws {
        var jobs = ConsoleJobs()
        _ = try launch(#"{"kind": "rank"}"#, by: &jobs)
        let piece = [UInt8](repeating: UInt8(ascii: " "), count: 1 << 16)
        for _ in 0..<17 { jobs.wrote(piece, by: 1) }
        jobs.wrote(Array("{}".utf8), by: 1)
        let words = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 16)
        #expect(jobs.said(words, by: 1) == nil)
        #expect((jobs.said([10], by: 1)?.progress.count ?? 0) <= 500)
        #expect(jobs.ended(1, exitCode: 0)?.progress.contains("1 MiB") == true)
    }
}
