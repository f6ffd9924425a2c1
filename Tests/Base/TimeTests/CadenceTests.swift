import TestSupport
import Testing
import Time

@Suite struct CadenceTests {
    private let hundredHertz = Rate(hertz: 100)

    @Test func deadlinesLieOnTheGridHoweverLateTheWakeUps() {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        let start = MonotonicTime(nanoseconds: 123_456_789)
        var cadence = Cadence(start: start, rate: hundredHertz)
        for _ in 0..<1000 {
            let offset = (cadence.deadline - start).nanoseconds
            #expect(offset % hundredHertz.periodNanoseconds == 0, "seed \(random.seed)")
            let late = Int64.random(in: 0..<35_000_000, using: &random)
            let now = cadence.deadline + .nanoseconds(late)
            let before = cadence.nextIndex
            let skipped = cadence.advance(past: now)
            #expect(cadence.deadline > now, "seed \(random.seed)")
            #expect(cadence.deadline - now <= hundredHertz.period, "seed \(random.seed)")
            #expect(cadence.nextIndex == before + 1 + skipped, "seed \(random.seed)")
        }
    }

    @Test func missedTicksAreCountedAndNotMadeUp() {
        var cadence = Cadence(start: .zero, rate: hundredHertz)
        #expect(cadence.advance(past: .zero + .milliseconds(3)) == 0)
        #expect(cadence.deadline == .zero + .milliseconds(10))
        #expect(cadence.advance(past: .zero + .milliseconds(45)) == 3)
        #expect(cadence.deadline == .zero + .milliseconds(50))
        #expect(cadence.missed == 3)
    }

    @Test func aTickThatEndsOnADeadlineMissesIt() {
        var cadence = Cadence(start: .zero, rate: hundredHertz)
        #expect(cadence.advance(past: .zero + .milliseconds(10)) == 1)
        #expect(cadence.deadline == .zero + .milliseconds(20))
    }

    @Test func aClockBeforeTheStartChangesNothing() {
        var cadence = Cadence(start: .zero + .seconds(1), rate: hundredHertz)
        #expect(cadence.advance(past: .zero) == 0)
        #expect(cadence.nextIndex == 1)
    }

    @Test func aRateKeepsItsPeriodInWholeNanoseconds() {
        #expect(Rate(hertz: 1000).periodNanoseconds == 1_000_000)
        #expect(Rate(hertz: 3).periodNanoseconds == 333_333_333)
        #expect(abs(Rate(hertz: 30).hertz - 30) < 1e-6)
        #expect(Rate(hertz: 1e12).periodNanoseconds == 1)
    }

    @Test func aRateThatIsNoneTraps() async {
        await #expect(processExitsWith: .failure) { _ = Rate(hertz: 0) }
        await #expect(processExitsWith: .failure) { _ = Rate(hertz: -1) }
        await #expect(processExitsWith: .failure) { _ = Rate(hertz: .infinity) }
        await #expect(processExitsWith: .failure) { _ = Rate(hertz: .nan) }
    }
}

@Suite struct MonotonicTimeTests {
    @Test func peopleAreToldSecondsAfterAStart() {
        let start = MonotonicTime.zero + .seconds(70)
        #expect((start + .milliseconds(3_214)).words(since: start) == "3.214 s")
        #expect(start.words(since: start) == "0.000 s")
        #expect((start - .milliseconds(20)).words(since: start) == "-0.020 s")
    }

    @Test func addsAndSubtractsDurations() {
        let time = MonotonicTime(nanoseconds: 5_000_000_000)
        #expect(time + .milliseconds(250) == MonotonicTime(nanoseconds: 5_250_000_000))
        #expect(time - .seconds(6) == MonotonicTime(nanoseconds: -1_000_000_000))
        #expect(time - MonotonicTime(nanoseconds: 6_000_000_001) == .nanoseconds(-1_000_000_001))
        var moved = time
        moved += .nanoseconds(1)
        #expect(moved > time)
    }

    @Test func durationsConvertBothWays() {
        #expect(Duration.fromSeconds(0.2).nanoseconds == 200_000_000)
        #expect(Duration.fromSeconds(-1.5) == .milliseconds(-1500))
        #expect(Duration.milliseconds(1500).inSeconds == 1.5)
        #expect(Duration.microseconds(-250).inMilliseconds == -0.25)
        #expect(Duration.nanoseconds(-1).nanoseconds == -1)
    }

    @Test func theClockDoesNotRunBackwards() {
        var last = MonotonicTime.now()
        for _ in 0..<1000 {
            let now = MonotonicTime.now()
            #expect(now >= last)
            last = now
        }
    }
}

@Suite struct LatencyHistogramTests {
    @Test func anEmptyOneHasNoLatency() {
        let histogram = LatencyHistogram()
        #expect(histogram.count == 0)
        #expect(histogram.quantile(0.99) == .zero)
        #expect(histogram.maximum == .zero)
        #expect(histogram.buckets.isEmpty)
    }

    @Test func quantilesAreWithinAThousandth() {
        var histogram = LatencyHistogram()
        for microseconds in 1...10_000 { histogram.record(.microseconds(microseconds)) }
        for (q, expected) in [(0.5, 5000.0), (0.9, 9000), (0.99, 9900), (1, 10_000)] {
            let found = histogram.quantile(q).inMilliseconds * 1000
            #expect(abs(found - expected) / expected < 2e-3, "quantile \(q): \(found) µs")
        }
    }

    @Test func bucketsAddUpToTheSameHistogram() {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        var whole = LatencyHistogram()
        var parts = [LatencyHistogram(), LatencyHistogram()]
        for turn in 0..<2000 {
            let duration = Duration.nanoseconds(Int64.random(in: 0...80_000_000_000, using: &random))
            whole.record(duration)
            parts[turn % 2].record(duration)
        }
        var sum = LatencyHistogram()
        for part in parts { for bucket in part.buckets { sum.add(bucket) } }
        #expect(sum.count == 2000)
        #expect(sum.buckets == whole.buckets, "seed \(random.seed)")
        var joined = parts[0]
        joined.add(parts[1])
        #expect(joined.buckets == whole.buckets, "seed \(random.seed)")
    }

    @Test func countsWhatIsOutOfRangeAtTheEnds() {
        var histogram = LatencyHistogram()
        histogram.record(.seconds(-1))
        histogram.record(.seconds(7200))
        #expect(histogram.count == 2)
        #expect(histogram.quantile(0.25) == .zero)
        #expect(histogram.maximum >= .seconds(60))
        #expect(histogram.maximum < .seconds(61))
        histogram.removeAll()
        #expect(histogram.count == 0)
    }

    @Test func ignoresEmptyBuckets() {
        var histogram = LatencyHistogram()
        histogram.add(LatencyHistogram.Bucket(nanoseconds: 1000, count: 0))
        histogram.add(LatencyHistogram.Bucket(nanoseconds: 1000, count: -3))
        #expect(histogram.count == 0)
    }
}
