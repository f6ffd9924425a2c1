import Replay
import TestSupport
import Testing
import Time

@Suite struct ReplayScheduleTests {
    private func recorded(_ milliseconds: Int) -> MonotonicTime { .zero + .milliseconds(1_000_000 + milliseconds) }
    private func now(_ milliseconds: Int) -> MonotonicTime { .zero + .milliseconds(5_000 + milliseconds) }

    @Test func messagesGoOutWhenTheyAreDueAndNotBefore() {
        var schedule = ReplaySchedule(from: recorded(0), at: now(0))
        #expect(schedule.verdict(on: recorded(30), beginsStep: false, at: now(10)) == .wait(until: now(30)))
        #expect(schedule.verdict(on: recorded(30), beginsStep: false, at: now(29)) == .wait(until: now(30)))
        #expect(schedule.verdict(on: recorded(30), beginsStep: false, at: now(30)) == .send)
    }

    @Test(arguments: [0.25, 0.5, 1, 2, 10])
    func theTimeBetweenThemIsDividedByTheSpeed(speed: Double) {
        var schedule = ReplaySchedule(.init(speed: speed), from: recorded(0), at: now(0))
        let due = now(0) + .fromSeconds(1 / speed)
        #expect(schedule.verdict(on: recorded(1_000), beginsStep: false, at: now(0)) == .wait(until: due))
        #expect(schedule.timeline.present(of: recorded(1_000)) == due)
    }

    /// Every wake-up comes late, and the hundredth message is no later than the first.
    @Test func lateWakeUpsDoNotAddUp() {
        var schedule = ReplaySchedule(from: recorded(0), at: now(0))
        for number in 1...100 {
            let time = recorded(number * 20)
            guard case .wait(let until) = schedule.verdict(on: time, beginsStep: false, at: now((number - 1) * 20 + 3))
            else {
                Issue.record("message \(number) goes out too early")
                return
            }
            #expect(until == now(number * 20))
            #expect(schedule.verdict(on: time, beginsStep: false, at: until + .milliseconds(3)) == .send)
            schedule.sent()
        }
        #expect(schedule.latest == .milliseconds(3) && schedule.heldBack == .zero)
    }

    @Test func whatReadersHeldUpForLongIsNotMadeUpForInABurst() {
        var schedule = ReplaySchedule(from: recorded(0), at: now(0))
        #expect(schedule.verdict(on: recorded(10), beginsStep: false, at: now(2_010)) == .send)
        schedule.sent()
        #expect(schedule.heldBack == .milliseconds(2_000))
        #expect(schedule.verdict(on: recorded(30), beginsStep: false, at: now(2_010)) == .wait(until: now(2_030)))
        // Its stamps are of now again.
        #expect(schedule.timeline.present(of: recorded(10)) == now(2_010))
    }

    @Test func aStepWaitsUntilItIsAskedFor() {
        var schedule = ReplaySchedule(.init(isStepping: true), from: recorded(0), at: now(0))
        // What comes before the first step goes out at its time.
        #expect(schedule.verdict(on: recorded(5), beginsStep: false, at: now(5)) == .send)
        schedule.sent()
        #expect(schedule.verdict(on: recorded(20), beginsStep: true, at: now(6)) == .wait(until: now(20)))
        #expect(schedule.verdict(on: recorded(20), beginsStep: true, at: now(20)) == .pause)
        #expect(schedule.verdict(on: recorded(20), beginsStep: true, at: now(9_000)) == .pause)
        schedule.step()
        #expect(schedule.verdict(on: recorded(20), beginsStep: true, at: now(9_100)) == .send)
        schedule.sent()
        // The time that it stood has not passed for the episode.
        #expect(schedule.verdict(on: recorded(50), beginsStep: false, at: now(9_100)) == .wait(until: now(9_130)))
        #expect(schedule.timeline.present(of: recorded(10)) == now(9_090))
        #expect(schedule.verdict(on: recorded(220), beginsStep: true, at: now(9_300)) == .pause)
        #expect(schedule.steps == 1 && schedule.heldBack == .zero)
    }

    /// A reader that is full makes the same message be asked about again.
    @Test func aStepThatWasLetGoStaysSoUntilItIsSent() {
        var schedule = ReplaySchedule(.init(isStepping: true), from: recorded(0), at: now(0))
        schedule.step()
        for _ in 0..<3 { #expect(schedule.verdict(on: recorded(0), beginsStep: true, at: now(0)) == .send) }
        schedule.sent()
        #expect(schedule.verdict(on: recorded(0), beginsStep: true, at: now(0)) == .pause)
    }

    @Test func itBeginsAgainWhereItIsTold() {
        var schedule = ReplaySchedule(from: recorded(0), at: now(0))
        _ = schedule.verdict(on: recorded(100), beginsStep: false, at: now(100))
        schedule.sent()
        schedule.restart(from: recorded(0), at: now(200))
        #expect(schedule.verdict(on: recorded(100), beginsStep: false, at: now(200)) == .wait(until: now(300)))
    }

    /// Whatever the messages, the speed and the lateness of the wake-ups: in order, never early, and once it was not
    /// held up, at the distances at which they were recorded.
    @Test func messagesKeepTheirDistances() {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let speed = Double.random(in: 0.1...8, using: &generator)
            var schedule = ReplaySchedule(.init(speed: speed), from: recorded(0), at: now(0))
            var clock = now(0)
            var time = recorded(0)
            for _ in 0..<50 {
                time += .microseconds(Int.random(in: 0...50_000, using: &generator))
                var asked = 0
                while case .wait(let until) = schedule.verdict(on: time, beginsStep: false, at: clock) {
                    #expect(until > clock, "seed \(seed)")
                    clock = until + .microseconds(Int.random(in: 0...400, using: &generator))
                    asked += 1
                    if asked > 2 { break }
                }
                #expect(asked <= 1, "seed \(seed)")
                schedule.sent()
                let ideal = now(0) + .fromSeconds((time - recorded(0)).inSeconds / speed)
                #expect(clock >= ideal - .nanoseconds(1) && clock - ideal <= .milliseconds(1), "seed \(seed)")
            }
        }
    }

    @Test func atTrueSpeedStampsMoveByOneNumberOfNanoseconds() {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        let timeline = ReplayTimeline(recorded: recorded(0), at: now(0), speed: 1)
        for _ in 0..<1000 {
            let stamp =
                recorded(0) + .nanoseconds(Int64.random(in: -4_000_000_000...1_000_000_000_000, using: &generator))
            #expect(timeline.present(of: stamp) - stamp == now(0) - recorded(0), "seed \(seed)")
        }
    }

    /// The machine may have started after the episode was recorded.
    @Test func stampsFromBeforeTheClockBeganAreStillStamps() {
        let timeline = ReplayTimeline(recorded: recorded(0), at: .zero + .seconds(1), speed: 1)
        #expect(timeline.present(of: recorded(-5_000)) > .zero)
    }
}
