import Datasets
import TestSupport
import Testing
import Time

@Suite struct TimestepGridTests {
    private func time(_ milliseconds: Int) -> MonotonicTime { .zero + .milliseconds(milliseconds) }
    private func times(_ milliseconds: [Int]) -> [MonotonicTime] { milliseconds.map(time) }

    @Test func eachTimestepHasTheNewestFrameThatIsNotNewer() {
        let grid = TimestepGrid(
            times: times([200, 400, 600, 800]), captures: ["a": times([150, 250, 380, 400, 610])],
            states: times([190, 395, 405, 790]),
            maximumAge: .milliseconds(500))
        #expect(grid.timesteps.map { $0.frames["a"] } == [0, 3, 3, 4] && grid.timesteps.map(\.state) == [0, 1, 2, 3])
        let report = grid.cameras[0]
        #expect(report.frames == 5 && report.used == 3 && report.dropped == 2 && report.repeated == 1)
        #expect(report.maximumSkew == .milliseconds(200) && report.meanSkew == .milliseconds((50 + 0 + 200 + 190) / 4))
        #expect(grid.maximumStateSkew == .milliseconds(195) && grid.gaps.isEmpty)
    }

    @Test func itBeginsWhenEverythingHasBeenSeen() {
        let grid = TimestepGrid(
            times: times([0, 100, 200, 300]), captures: ["a": times([50]), "b": times([120])], states: times([90]),
            maximumAge: .seconds(1))
        #expect(grid.timesteps.map(\.time) == times([200, 300]))
        let none = TimestepGrid(
            times: times([0, 100]), captures: ["a": []], states: times([0]), maximumAge: .seconds(1))
        #expect(none.timesteps.isEmpty && none.cameras.map(\.camera) == ["a"] && none.cameras[0].frames == 0)
    }

    private func expect(_ gaps: [TimestepGrid.Gap], start: Int, timesteps: Int, age: Int) throws {
        #expect(gaps.count == 1)
        let gap = try #require(gaps.first)
        #expect(
            gap.camera == "a" && gap.start == time(start) && gap.timesteps == timesteps && gap.age == .milliseconds(age)
        )
    }

    @Test func oldPicturesAreGapsWithTheirLength() throws {
        let grid = TimestepGrid(
            times: times([0, 200, 400, 600, 800, 1000]), captures: ["a": times([0, 190, 790, 990])], states: times([0]),
            maximumAge: .milliseconds(205))
        try expect(grid.gaps, start: 400, timesteps: 2, age: 410)
        let last = TimestepGrid(
            times: times([0, 900]), captures: ["a": times([0])], states: times([0]), maximumAge: .milliseconds(205))
        try expect(last.gaps, start: 900, timesteps: 1, age: 900)
    }

    @Test func aGridOfOnesOwnLiesWithinAllStreams() {
        let found = TimestepGrid.times(
            captures: ["a": times([30, 1000]), "b": times([110, 700])], states: times([5, 900]),
            period: .milliseconds(200))
        #expect(found == times([110, 310, 510]))
        #expect(TimestepGrid.times(captures: ["a": []], states: times([0]), period: .milliseconds(200)).isEmpty)
    }

    @Test func missedTicksAreFilledAndARestartedPolicyTicksAnew() {
        func filled(_ ticks: [Int]) -> [MonotonicTime] {
            TimestepGrid.times(filling: times(ticks), period: .milliseconds(200))
        }
        #expect(filled([0, 200, 800, 1000]) == times([0, 200, 400, 600, 800, 1000]))
        #expect(filled([0, 200, 730, 930]) == times([0, 200, 400, 600, 730, 930]))
        #expect(filled([0, 200, 200]) == times([0, 200]) && filled([]) == [])
    }

    /// Whatever the jitter: no frame of the future, none older than need be, and every frame is used or dropped.
    @Test func noTimestepSeesTheFutureAndNoFrameGetsLost() {
        let seed = SeededGenerator.freshSeed()
        var chance = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var stamps: [Int] = []
            var at = 0
            for _ in 0..<100 {
                at += Int.random(in: 1...60, using: &chance)
                stamps.append(at)
            }
            let captures = times(stamps)
            let steps = times(Array(stride(from: 100, to: at, by: Int.random(in: 20...300, using: &chance))))
            let grid = TimestepGrid(
                times: steps, captures: ["a": captures], states: captures, maximumAge: .milliseconds(60))
            for step in grid.timesteps {
                guard let place = step.frames["a"] else { continue }
                #expect(captures[place] <= step.time, "seed \(seed)")
                #expect(place + 1 == captures.count || captures[place + 1] > step.time, "seed \(seed)")
            }
            let report = grid.cameras[0]
            #expect(
                report.used + report.repeated == grid.timesteps.count && report.used + report.dropped == report.frames,
                "seed \(seed)")
            #expect(grid.gaps.isEmpty || report.maximumSkew > .milliseconds(60), "seed \(seed)")
        }
    }
}
