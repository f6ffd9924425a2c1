import Messages
import NodeShell
import TestSupport
import Testing
import Time

/// When a command is said, said again, and given up.
@Suite struct NodeExchangeTests {
    private func time(_ milliseconds: Int64) -> MonotonicTime { .zero + .milliseconds(milliseconds) }

    private func exchange(
        patience: Duration = .seconds(3), isLimitedInAll: Bool = false, repeatPeriod: Duration? = .milliseconds(300)
    ) -> NodeExchange {
        NodeExchange(
            with: "goal", on: "goal/command", patience: patience, isLimitedInAll: isLimitedInAll,
            repeatPeriod: repeatPeriod, at: .zero)
    }

    @Test func nothingIsSaidBeforeTheNodeListens() {
        var exchange = exchange()
        #expect(exchange.step(isHeard: false, at: .zero) == .wait(until: time(20)))
        #expect(exchange.step(isHeard: false, at: time(20)) == .wait(until: time(40)))
        #expect(exchange.step(isHeard: true, at: time(40)) == .say)
        #expect(exchange.step(isHeard: true, at: time(40)) == .wait(until: time(340)))
    }

    @Test func aCommandIsSaidAgainUntilItIsAnswered() {
        var exchange = exchange()
        var said: [Int64] = []
        for now in stride(from: Int64(0), through: 1_000, by: 10)
        where exchange.step(isHeard: true, at: time(now)) == .say {
            said.append(now)
        }
        #expect(said == [0, 300, 600, 900])
    }

    @Test func aCommandThatWouldDoAnotherThingASecondTimeIsSaidOnce() {
        var exchange = exchange(repeatPeriod: nil)
        #expect(exchange.step(isHeard: true, at: .zero) == .say)
        #expect(exchange.step(isHeard: true, at: .zero) == .wait(until: time(3_000)))
        #expect(exchange.step(isHeard: true, at: time(2_000)) == .wait(until: time(3_000)))
    }

    @Test func theNodeHasItsTimeAgainOnceItListens() {
        var exchange = exchange()
        #expect(exchange.step(isHeard: true, at: time(2_900)) == .say)
        #expect(exchange.step(isHeard: true, at: time(5_800)) == .say)
        #expect(exchange.step(isHeard: true, at: time(5_800)) == .wait(until: time(5_900)), "not beyond the end")
        guard case .giveUp = exchange.step(isHeard: true, at: time(5_900)) else {
            Issue.record("it was to give up")
            return
        }
    }

    @Test func anEmergencyStopHasItsTimeOnlyOnce() {
        var exchange = exchange(isLimitedInAll: true)
        #expect(exchange.step(isHeard: true, at: time(2_900)) == .say)
        #expect(exchange.step(isHeard: true, at: time(2_900)) == .wait(until: time(3_000)))
        guard case .giveUp = exchange.step(isHeard: true, at: time(3_000)) else {
            Issue.record("it was to give up")
            return
        }
    }

    /// Its process is started again meanwhile.
    @Test func aNodeThatStopsListeningIsToldAgainWhenItListensAgain() {
        var exchange = exchange()
        #expect(exchange.step(isHeard: true, at: .zero) == .say)
        #expect(exchange.step(isHeard: false, at: time(300)) == .wait(until: time(320)), "nobody would hear it")
        #expect(exchange.step(isHeard: true, at: time(320)) == .say)
    }

    @Test func whatIsGivenUpSaysWhoAndWhatToDo() {
        var unheard = exchange()
        guard case .giveUp(let deaf) = unheard.step(isHeard: false, at: time(3_000)) else {
            Issue.record("it was to give up")
            return
        }
        #expect(
            "\(deaf)"
                == "no answer from 'goal' within 3 s: nobody listens on 'goal/command'; is it running? See octo-bus "
                + "list."
        )
        var unanswered = exchange(patience: .milliseconds(2_500))
        _ = unanswered.step(isHeard: true, at: .zero)
        guard case .giveUp(let dumb) = unanswered.step(isHeard: true, at: time(2_500)) else {
            Issue.record("it was to give up")
            return
        }
        #expect("\(dumb)" == "no answer from 'goal' within 2.5 s; is it running? See octo-bus list.")
    }

    @Test func aSilentArmIsSaidToBeSwitchedOff() {
        #expect("\(NodeSilence(of: ["arm"], for: .seconds(3)))".hasSuffix("If the arm moves, switch its power off."))
        let cameras = NodeSilence(of: ["camera-primary", "camera-wrist"], missing: "frame", for: .seconds(5))
        #expect(
            "\(cameras)"
                == "no frame from 'camera-primary', 'camera-wrist' within 5 s; are they running? See octo-bus list.")
    }

    /// Whatever the node does and whenever it is asked.
    @Test func itSaysNothingToTheDeafAndAlwaysEnds() {
        let seed = SeededGenerator.freshSeed()
        var chance = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let period = Bool.random(using: &chance) ? Duration.milliseconds(.random(in: 1...500, using: &chance)) : nil
            var exchange = exchange(isLimitedInAll: .random(using: &chance), repeatPeriod: period)
            var (now, lastSaid): (MonotonicTime, MonotonicTime?) = (.zero, nil)
            var hasEnded = false
            while !hasEnded, now < time(7_000) {
                let isHeard = Int.random(in: 0..<10, using: &chance) > 2
                switch exchange.step(isHeard: isHeard, at: now) {
                case .say:
                    #expect(isHeard, "seed \(seed)")
                    if let lastSaid { #expect(period.map { now - lastSaid >= $0 } ?? false, "seed \(seed)") }
                    lastSaid = now
                case .wait(let until): #expect(until > now && until - now <= .seconds(3), "seed \(seed)")
                case .giveUp: hasEnded = true
                }
                now += .milliseconds(.random(in: 0...400, using: &chance))
            }
            #expect(hasEnded, "seed \(seed)")
        }
    }

    // MARK: Ids

    @Test func anOperatorIsNamedWithItsProcess() {
        #expect("\(OperatorName("octo-teleop", processID: 1234))" == "octo-teleop (pid 1234)")
        #expect(OperatorName("octo-goal") == OperatorName("octo-goal"), "the same process")
    }

    @Test func idsCountUpFromChance() {
        var chance = SeededGenerator(seed: 5)
        var ids = CommandIDs(using: &chance)
        let first = ids.next()
        #expect(ids.next() == first &+ 1 && ids.id(ofNumber: 1) == first && ids.number(of: first &+ 9) == 10)
        #expect(CommandIDs(using: &chance).id(ofNumber: 1) != first)
    }

    /// Numbers go round at the end of their range.
    @Test func idsOfTheLargestChanceDoNotTrap() {
        struct Largest: RandomNumberGenerator {
            mutating func next() -> UInt64 { .max }
        }
        var largest = Largest()
        var ids = CommandIDs(using: &largest)
        #expect(ids.next() == 0 && ids.number(of: 0) == 1)
    }

    @Test func anotherOperatorsAnswerIsNotOurs() {
        let command = GoalCommand(id: 7, operatorID: "octo-goal (pid 1)", action: .clear, time: .zero)
        func answer(_ id: UInt64, _ name: String) -> GoalResult {
            GoalResult(
                id: id, operatorID: name, isAccepted: true, goalID: "", goalName: "", path: "", message: "", time: .zero
            )
        }
        #expect(answer(7, "octo-goal (pid 1)").answers(command))
        #expect(!answer(8, "octo-goal (pid 1)").answers(command) && !answer(7, "octo-goal (pid 2)").answers(command))
    }
}
