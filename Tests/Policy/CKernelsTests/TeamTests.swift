import CKernels
import Foundation
import Testing

/// What the tasks of a test write to: one number for each index.
private final class Tally {
    let counts: UnsafeMutablePointer<Int32>
    let size: Int

    init(_ size: Int) {
        self.size = size
        counts = .allocate(capacity: max(size, 1))
        counts.initialize(repeating: 0, count: max(size, 1))
    }

    deinit { counts.deallocate() }

    func allAre(_ value: Int32) -> Bool { (0..<size).allSatisfy { counts[$0] == value } }
}

/// Adds one at the task's index. Plain memory: two threads in one task would lose counts sooner or later.
private let countTask: octo_task = { context, index, _ in
    context?.assumingMemoryBound(to: Int32.self)[Int(index)] += 1
}

@Suite struct TeamTests {
    @Test(arguments: [1, 2, 4], [0, 1, 2, 3, 17, 5000])
    func everyTaskRunsExactlyOnceInEveryRound(threads: Int, count: Int) throws {
        let team = try #require(octo_team_create(Int32(threads), nil))
        defer { octo_team_destroy(team) }
        #expect(octo_team_threads(team) == Int32(threads))
        let tally = Tally(count)
        for _ in 0..<50 { octo_team_run(team, countTask, tally.counts, Int32(count)) }
        #expect(tally.allAre(50))
    }

    @Test(arguments: [2, 3, 4])
    func shortRoundsOfChangingSizeFollowEachOtherWithoutLosingTasks(threads: Int) throws {
        let team = try #require(octo_team_create(Int32(threads), nil))
        defer { octo_team_destroy(team) }
        // Another context each round: a thread that overslept must not bring the old one.
        let tallies = (0..<4).map { _ in Tally(32) }
        for round in 0..<20000 { octo_team_run(team, countTask, tallies[round % 4].counts, Int32(round % 7 + 2)) }
        for (index, tally) in tallies.enumerated() {
            let expected = (0..<32).map { task in
                Int32((0..<20000).count { $0 % 4 == index && $0 % 7 + 2 > task })
            }
            #expect((0..<32).map { tally.counts[$0] } == expected)
        }
    }

    @Test func whatTasksWroteIsSeenAfterTheRound() throws {
        let team = try #require(octo_team_create(3, nil))
        defer { octo_team_destroy(team) }
        let tally = Tally(64)
        for round in 1...500 {
            octo_team_run(team, countTask, tally.counts, 64)
            #expect(tally.allAre(Int32(round)))
        }
    }

    @Test(arguments: [1, 2, 4])
    func noTwoTasksShareAWorkerAtATime(threads: Int) throws {
        let team = try #require(octo_team_create(Int32(threads), nil))
        defer { octo_team_destroy(team) }
        // busy[worker] while a task runs; the last place counts the tasks that found theirs busy or out of range.
        let state = Tally(threads + 2)
        state.counts[threads] = Int32(threads)
        struct Context {
            var state: UnsafeMutablePointer<Int32>
            var threads: Int
        }
        var context = Context(state: state.counts, threads: threads)
        withUnsafeMutablePointer(to: &context) { context in
            octo_team_run(
                team,
                { context, _, worker in
                    guard let c = context?.assumingMemoryBound(to: Context.self).pointee else { return }
                    let isWrong = worker < 0 || Int(worker) >= c.threads || c.state[Int(worker)] != 0
                    if isWrong { c.state[c.threads + 1] = 1 }
                    c.state[Int(worker)] = 1
                    usleep(50)
                    c.state[Int(worker)] = 0
                }, context, 400)
        }
        #expect(state.counts[threads + 1] == 0)
    }

    @Test func aTeamThatSleepsWakesAndEnds() throws {
        for threads in [2, 4] {
            let team = try #require(octo_team_create(Int32(threads), nil))
            let tally = Tally(100)
            for _ in 0..<3 {
                usleep(3000)  // far longer than the threads spin
                octo_team_run(team, countTask, tally.counts, 100)
            }
            #expect(tally.allAre(3))
            usleep(3000)
            octo_team_destroy(team)
        }
    }

    @Test func aTeamEndsRightAfterItBegan() throws {
        for _ in 0..<100 { octo_team_destroy(try #require(octo_team_create(4, nil))) }
    }

    @Test func pinnedThreadsWorkToo() throws {
        // The second number is no CPU: it is passed over.
        let team = try #require(octo_team_create(3, [0, -1]))
        defer { octo_team_destroy(team) }
        let tally = Tally(100)
        for _ in 0..<100 { octo_team_run(team, countTask, tally.counts, 100) }
        #expect(tally.allAre(100))
    }

    @Test func noTeamIsTheCallerAlone() {
        let tally = Tally(10)
        octo_team_run(nil, countTask, tally.counts, 10)
        #expect(tally.allAre(1))
        #expect(octo_team_threads(nil) == 1)
        octo_team_destroy(nil)
    }

    @Test func theThreadsOfATeamBlockEverySignal() throws {
        // A signal with a handler, sent to the process while the caller blocks it, must stay pending: no thread of the
        // team takes it. Asked of the threads themselves, since the test's process has others.
        let team = try #require(octo_team_create(4, nil))
        defer { octo_team_destroy(team) }
        let blocked = Tally(200)
        octo_team_run(
            team,
            { context, index, worker in
                guard let blocked = context?.assumingMemoryBound(to: Int32.self) else { return }
                var mask = sigset_t()
                pthread_sigmask(SIG_BLOCK, nil, &mask)
                blocked[Int(index)] = worker == 0 ? 1 : sigismember(&mask, SIGTERM) & sigismember(&mask, SIGUSR1)
                usleep(20)
            }, blocked.counts, 200)
        #expect(blocked.allAre(1))
    }
}
