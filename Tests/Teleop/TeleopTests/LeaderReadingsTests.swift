import Teleop
import TestSupport
import Testing
import Time

@Suite struct LeaderReadingsTests {
    private static func time(_ milliseconds: Int) -> MonotonicTime { .zero + .seconds(1) + .milliseconds(milliseconds) }

    private func taken(_ verdict: LeaderReadings.Verdict) -> [Double]? {
        if case .taken(let pulses) = verdict { pulses } else { nil }
    }

    @Test func aWristOverTheSeamGoesOn() {
        var readings = LeaderReadings()
        let pulses = [4_000, 4_050, 60, 110, 60, 4_050, 4_000]
        let found = pulses.enumerated().map { taken(readings.receive([$1, 2_048], at: Self.time($0 * 20))) }
        #expect(found == [4_000, 4_050, 4_156, 4_206, 4_156, 4_050, 4_000].map { [$0, 2_048] })
        #expect(readings.refused == 0)
    }

    @Test func turnsAddUp() {
        var readings = LeaderReadings()
        var last: [Double]?
        for step in 0..<300 { last = taken(readings.receive([step * 100 % 4_096], at: Self.time(step * 20))) }
        #expect(last == [29_900])
    }

    @Test func whatNoHandCanDoIsRefusedAndCounted() {
        var readings = LeaderReadings()
        _ = readings.receive([2_000, 2_000], at: Self.time(0))
        // 20 ms at 12 rad/s are 156 pulses, and 16 of noise.
        #expect(readings.receive([2_000, 2_180], at: Self.time(20)) == .refused(servo: 1, pulses: 180))
        #expect(taken(readings.receive([2_010, 2_170], at: Self.time(40))) == [2_010, 2_170])
        #expect(readings.refused == 1)
    }

    @Test func severalInARowAreALostLeader() {
        var readings = LeaderReadings()
        _ = readings.receive([2_000], at: Self.time(0))
        for count in 1...4 {
            #expect(readings.receive([4_000], at: Self.time(count * 20)) == .refused(servo: 0, pulses: 2_000))
        }
        #expect(readings.receive([4_000], at: Self.time(100)) == .lost(servo: 0, pulses: 2_000))
        #expect(readings.refused == 5)
    }

    @Test func oneThatIsBelievedForgivesThoseBefore() {
        var readings = LeaderReadings()
        var refused = 0
        for step in 0..<100 {
            let verdict = readings.receive([step % 5 == 4 ? 0 : 2_000], at: Self.time(step * 10))
            if case .refused = verdict { refused += 1 }
            if case .lost = verdict { Issue.record("step \(step)") }
        }
        #expect(refused == 20)
    }

    @Test func afterAPauseItBeginsAnewWithoutTurns() {
        var readings = LeaderReadings()
        _ = readings.receive([4_050], at: Self.time(0))
        #expect(taken(readings.receive([60], at: Self.time(20))) == [4_156])
        #expect(taken(readings.receive([60], at: Self.time(221))) == [60])
        #expect(taken(readings.receive([3_000], at: Self.time(500))) == [3_000])
    }

    /// Whatever the servos say: no step beyond what a hand can do, and no jump at the seam.
    @Test func noStepIsEverLargerThanAHandsReach() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        var readings = LeaderReadings()
        var (now, last, lastTime): (Int, [Double]?, Int) = (0, nil, 0)
        for _ in 0..<20_000 {
            now += Int.random(in: 1...60, using: &generator)
            let pulses = (0..<3).map { _ in Int.random(in: 0...4_095, using: &generator) }
            let isWild = Int.random(in: 0..<3, using: &generator) == 0
            let near = last.map { $0.map { Int($0) + Int.random(in: -60...60, using: &generator) } } ?? pulses
            let told = isWild ? pulses : near.map { (($0 % 4_096) + 4_096) % 4_096 }
            guard let found = taken(readings.receive(told, at: Self.time(now))) else { continue }
            if let former = last, now - lastTime <= 200 {
                let reach = 12 / (2 * Double.pi) * 4_096 * Double(now - lastTime) / 1_000 + 16 + 1e-6
                for (a, b) in zip(former, found) where abs(a - b) > reach {
                    Issue.record("seed \(seed): \(former) \(found)")
                }
            }
            for (pulse, continuous) in zip(told, found) {
                #expect((continuous - Double(pulse)).remainder(dividingBy: 4_096) == 0, "seed \(seed)")
            }
            (last, lastTime) = (found, now)
        }
    }
}
