import Away
import TestSupport
import Testing
import Time

/// The clock of another machine.
@Suite struct BorrowedClockTests {
    @Test func laterMeasurementsAreMovedToSlowly() {
        var clock = BorrowedClock()
        var now = MonotonicTime(nanoseconds: 5_000_000_000)
        clock.learn(.seconds(1_000), at: now)
        #expect(clock.offset(at: now) == .seconds(1_000))
        clock.learn(.seconds(1_000) + .milliseconds(1), at: now)
        #expect(clock.offset(at: now) == .seconds(1_000))
        now += .seconds(1)
        #expect(clock.offset(at: now) == .seconds(1_000) + .microseconds(500))
        now += .seconds(1)
        #expect(clock.offset(at: now) == .seconds(1_000) + .milliseconds(1))
        now += .seconds(10)
        #expect(clock.offset(at: now) == .seconds(1_000) + .milliseconds(1))
    }

    @Test func aMachineThatSleptIsFollowedAtOnce() {
        var clock = BorrowedClock()
        clock.learn(.seconds(10), at: .zero)
        clock.learn(.seconds(70), at: .zero + .seconds(60))
        #expect(clock.offset(at: .zero + .seconds(60)) == .seconds(70))
    }

    @Test func whateverIsMeasuredTheOtherClockGoesOn() {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        var clock = BorrowedClock()
        var now = MonotonicTime.zero
        clock.learn(.milliseconds(100), at: now)
        var last = now + clock.offset(at: now)
        for _ in 0..<20_000 {
            let step = Duration.microseconds(Int.random(in: 1...200_000, using: &random))
            now += step
            if Bool.random(using: &random) {
                clock.learn(
                    .milliseconds(100) + .microseconds(Int.random(in: -20_000...20_000, using: &random)), at: now)
            }
            let time = now + clock.offset(at: now)
            let passed = (time - last).inSeconds / step.inSeconds
            #expect(abs(passed - 1) <= BorrowedClock.slewRate + 2e-3 / step.inMilliseconds * 1e-3, "seed \(seed)")
            last = time
        }
    }
}
