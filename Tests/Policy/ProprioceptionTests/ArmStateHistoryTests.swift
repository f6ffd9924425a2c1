import Messages
import Proprioception
import TestSupport
import Testing
import Time

@Suite struct ArmStateHistoryTests {
    private static func time(_ milliseconds: Int) -> MonotonicTime { .zero + .milliseconds(milliseconds) }
    private var history = ArmStateHistory(fields: [.joint(0), .x], joints: 3)

    private func gap(at milliseconds: Int) -> ArmStateGap? {
        do throws(ArmStateGap) {
            _ = try history.sample(at: Self.time(milliseconds))
            return nil
        } catch {
            return error
        }
    }

    private mutating func give(_ times: [Double], due: Int? = 0) {
        for time in times { history.receive(Arm.state(at: time), due: due.map(Self.time)) }
    }

    @Test mutating func aMomentLiesBetweenTheTwoStatesAroundItWhateverCameAfter() throws {
        give([10, 30, 50, 70])
        let sample = try history.sample(at: Self.time(35))
        #expect(sample.before == Self.time(30) && sample.after == Self.time(50))
        let measured = try history.sample(at: Self.time(50))
        #expect(measured.before == Self.time(50) && measured.after == Self.time(50))
        #expect(measured.moment == ArmMoment(Arm.state(at: 50)))
    }

    @Test mutating func withoutAStateBeforeOrAfterItIsNotKnown() {
        #expect(gap(at: 5) == .noneYet && history.awaitsState(for: Self.time(5)))
        give([10])
        #expect(gap(at: 5) == .noneYet && !history.awaitsState(for: Self.time(5)))
        #expect(gap(at: 25) == .silent(age: .milliseconds(15)) && history.awaitsState(for: Self.time(25)))
        give([200])
        #expect(gap(at: 100) == .apart(.milliseconds(190)) && !history.awaitsState(for: Self.time(100)))
        give([300])
        #expect(gap(at: 250) == nil)
    }

    @Test mutating func statesWithUnreadEncodersArePassedOverAndNamed() throws {
        give([10])
        history.receive(Arm.state(at: 30, positions: [9, 9, 9], unread: Arm.set(0, 3)), due: .zero)
        #expect(gap(at: 20) == .unread(Arm.set(0, 3), joints: 3))
        #expect("\(try #require(gap(at: 20)))".contains("joint 1, the gripper of the arm did not answer"))
        // One missed answer is bridged by the states around it: none of its numbers is used.
        give([50])
        let sample = try history.sample(at: Self.time(30))
        #expect(sample.before == Self.time(10) && sample.after == Self.time(50) && sample.moment.positions[0] < 1)
        // Many are not.
        for time in stride(from: 70.0, through: 190, by: 20) {
            history.receive(Arm.state(at: time, unread: Arm.set(2)), due: .zero)
        }
        give([210])
        #expect(gap(at: 100) == .unread(Arm.set(2), joints: 3))
        // The gripper is not asked for.
        history.receive(Arm.state(at: 230, unread: Arm.set(3)), due: .zero)
        #expect(gap(at: 220) == nil)
    }

    @Test mutating func anArmThatNeverAnsweredIsNotWaitedForInSilence() {
        history.receive(Arm.state(at: 10, unread: Arm.set(1)), due: nil)
        #expect(gap(at: 5) == .unread(Arm.set(1), joints: 3))
    }

    @Test mutating func olderStatesAndThoseOfAnotherArmDoNotCount() throws {
        give([10, 30, 20, 30])
        #expect(try history.sample(at: Self.time(25)).before == Self.time(10))
        history.receive(Arm.state(at: 40, positions: [1, 2]), due: .zero)
        #expect(gap(at: 25) == .otherArm(joints: 2, expected: 3))
        give([50])
        #expect(gap(at: 45) == nil)
    }

    /// However many states come and however late the question: the answer is that of a history that forgets nothing.
    @Test func forgettingChangesNoAnswer() throws {
        let seed = SeededGenerator.freshSeed()
        var chance = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            var (history, all) = (ArmStateHistory(fields: [.x], joints: 3), [ArmState]())
            var (now, due) = (0.0, 100.0)
            for _ in 0..<400 {
                now += Double.random(in: 1...30, using: &chance)
                let state = Arm.randomState(at: now, using: &chance)
                history.receive(state, due: .zero + .nanoseconds(Int64(due * 1e6)))
                all.append(state)
                guard now > due + Double.random(in: 0...300, using: &chance) else { continue }
                let time = MonotonicTime.zero + .nanoseconds(Int64(due * 1e6))
                if let next = all.firstIndex(where: { $0.measured.time >= time }), next > 0 {
                    let sample = try history.sample(at: time)
                    #expect(sample.after == all[next].measured.time, "seed \(seed)")
                    #expect(
                        sample.before == all[next - 1].measured.time || sample.before == time, "seed \(seed)")
                }
                while due <= now { due += 200 }
            }
        }
    }

    @Test func everyReasonSaysWhatIsMissingAndWhatToDo() {
        #expect(ArmStateGap.silent(age: .milliseconds(700)).description.contains("700 ms older"))
        #expect(ArmStateGap.apart(.milliseconds(150)).description.contains("arm.state_rate_hz"))
        #expect(ArmStateGap.otherArm(joints: 5, expected: 6).description.contains("Restart the run"))
    }
}
