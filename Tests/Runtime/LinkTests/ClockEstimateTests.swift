import Link
import TestSupport
import Testing
import Time

/// Another machine's clock, from questions and answers.
@Suite struct ClockEstimateTests {
    @Test func theShortestWayCounts() throws {
        var estimate = ClockEstimate()
        func exchange(there: Int, back: Int, at start: Int) {
            let asked = MonotonicTime.zero + .milliseconds(start)
            let heard = asked + .milliseconds(there) + .seconds(1_000)
            let answered = heard + .milliseconds(3)
            let got = answered - .seconds(1_000) + .milliseconds(back)
            estimate.add(asked: asked, heard: heard, answered: answered, back: got)
        }
        exchange(there: 80, back: 2, at: 0)
        exchange(there: 2, back: 2, at: 100)
        exchange(there: 1, back: 50, at: 200)
        let reading = try #require(estimate.reading(at: .zero + .milliseconds(300)))
        #expect(reading.offset == .seconds(1_000) && reading.roundTrip == .milliseconds(4))
    }

    @Test func whatCannotBeIsPassedOver() {
        var estimate = ClockEstimate()
        let times = [MonotonicTime.zero, MonotonicTime(nanoseconds: .min), MonotonicTime(nanoseconds: .max)]
        for a in times {
            for b in times {
                for c in times {
                    for d in times {
                        estimate.add(asked: a, heard: b, answered: c, back: d)
                    }
                }
            }
        }
        // Only that all were at once.
        #expect(estimate.reading(at: .zero)?.offset ?? .zero == .zero)
        estimate = ClockEstimate()
        estimate.add(asked: .zero + .seconds(2), heard: .zero, answered: .zero, back: .zero + .seconds(1))
        #expect(estimate.reading(at: .zero) == nil)
    }

    @Test(arguments: 0..<20)
    func theTruthIsWithinWhatIsTold(round: Int) {
        let seed = SeededGenerator.freshSeed("\(#function) \(round)")
        var random = SeededGenerator(seed: seed)
        // Two quartzes: together they part by less than 100 ppm.
        let rate = 1 + Double.random(in: -90e-6...90e-6, using: &random)
        let start = Double.random(in: -1e4...1e4, using: &random)
        func theirs(_ time: Double) -> MonotonicTime { .zero + .fromSeconds(20_000 + start + time * rate) }
        func ours(_ time: Double) -> MonotonicTime { .zero + .fromSeconds(100 + time) }
        var estimate = ClockEstimate()
        var time = 0.0
        for _ in 0..<2_000 {
            time += Double.random(in: 0.05...0.3, using: &random)
            let there = time + Double.random(in: 0.0001...0.05, using: &random)
            let answered = there + Double.random(in: 0...0.1, using: &random)
            let back = answered + Double.random(in: 0.0001...0.2, using: &random)
            if Int.random(in: 0..<3, using: &random) > 0 {
                estimate.add(
                    asked: ours(time), heard: theirs(there), answered: theirs(answered), back: ours(back))
            }
            let now = back + Double.random(in: 0...3, using: &random)
            guard let reading = estimate.reading(at: ours(now)) else { continue }
            let truth = (theirs(now) - ours(now)).inSeconds
            // Of what rounding to nanoseconds leaves.
            #expect(abs(reading.offset.inSeconds - truth) <= reading.uncertainty.inSeconds + 1e-8, "seed \(seed)")
        }
    }
}
