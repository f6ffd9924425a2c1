import CTeam
import Testing

/// Whom the tasks of a round have been run by, how often.
private final class Tally {
    let counts: UnsafeMutablePointer<Int32>
    let size: Int
    init(_ size: Int) {
        self.size = size
        counts = .allocate(capacity: max(size, 1))
        counts.initialize(repeating: 0, count: max(size, 1))
    }
    deinit { counts.deallocate() }
}

@Suite struct TeamTests {
    @Test(arguments: [1, 2, 4], [0, 1, 2, 3, 17, 5000])
    func everyTaskRunsExactlyOnce(threads: Int, count: Int) throws {
        let team = try #require(octo_team_create(Int32(threads), nil))
        defer { octo_team_destroy(team) }
        #expect(octo_team_threads(team) == Int32(threads))
        let tally = Tally(count)
        for _ in 0..<50 {
            octo_team_run(
                team, { context, index, _ in context?.assumingMemoryBound(to: Int32.self)[Int(index)] += 1 },
                tally.counts, Int32(count))
        }
        #expect((0..<count).allSatisfy { tally.counts[$0] == 50 })
    }
}
