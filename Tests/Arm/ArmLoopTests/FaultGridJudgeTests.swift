import ArmDrivers
import Control
import Messages
import ServoEmulation
import Testing
import Time

/// The judge of the fault grid has to see what it is for, and nothing else.
@Suite struct FaultGridJudgeTests {
    /// A joint that may go 20 pulses a tick, and 2 more for rounding.
    private static let speed = 1_000.0
    private static let joint = GridServo(
        ServoLayout.Joint(id: 1, limits: 1_000...3_000), velocity: speed * 2 * .pi / 4_096, period: 0.02)
    private static let gripper = GridServo(
        ServoLayout.Gripper(id: 2, linkage: .linear(closedPulse: 1_500, openPulse: 2_500), limits: 1_400...2_600),
        strokesPerSecond: 2, period: 0.02)

    /// A joint at 2000 that holds there with torque and has been read, at 10 s.
    private struct Scene {
        var judge = GridJudge([FaultGridJudgeTests.joint, FaultGridJudgeTests.gripper])
        var now = MonotonicTime.zero + .seconds(10)
        var position = 2_000
        var hasTorque = true

        init(isKnown: Bool = true) {
            if isKnown { tell() }
            stand()
        }

        mutating func wait(_ milliseconds: Int) { now += .milliseconds(milliseconds) }
        mutating func tell(_ pulses: Int? = nil, isGarbled: Bool = false) {
            judge.told(PositionReading(id: 1, pulses: pulses ?? position, isGarbled: isGarbled, time: now), at: now)
        }
        mutating func stand(_ pulses: Int? = nil) {
            position = pulses ?? position
            judge.stands(1, ServoStance(position: position, goal: 0, isTorqueOn: hasTorque), at: now)
        }
        mutating func send(_ goal: Int, arrives: Bool = true) {
            judge.sent(goal, to: 1, at: now)
            guard arrives else { return }
            let stance = ServoStance(position: position, goal: goal, isTorqueOn: hasTorque)
            judge.accepted(
                RegisterWrite(time: now.nanoseconds, id: 1, address: 0, data: [], before: stance, after: stance),
                isGoal: true)
        }
        mutating func switchOn(goal: Int) {
            let before = ServoStance(position: position, goal: goal, isTorqueOn: false)
            let after = ServoStance(position: position, goal: goal, isTorqueOn: true)
            judge.accepted(
                RegisterWrite(time: now.nanoseconds, id: 1, address: 0, data: [1], before: before, after: after),
                isGoal: false)
        }
        mutating func tick(_ mode: ArmMode, isLimp: Bool = false, named: Int? = nil) {
            judge.noteStances(isLimp: isLimp, at: now)
            judge.ticked(mode, isLimp: isLimp, named: named, at: now)
        }
        var rules: [Int] { judge.violations.map(\.rule) }
    }

    @Test func motionAtTheLimitIsFine() {
        var scene = Scene()
        for tick in 1...20 {
            scene.wait(20)
            scene.tell()
            scene.send(2_000 + 20 * tick)
            scene.stand(2_000 + 20 * tick - 10)
            scene.tick(.manual)
        }
        #expect(scene.rules.isEmpty, "\(scene.judge.violations)")
    }

    @Test func aGoalBeyondTheLimitsIsSeen() {
        var scene = Scene()
        scene.stand(2_999)
        scene.tell()
        scene.send(3_001)
        #expect(scene.rules == [1])
    }

    @Test func theWayBackFromBeyondALimitIsFine() {
        var scene = Scene()
        scene.stand(3_050)
        scene.tell()
        scene.send(3_040)
        #expect(scene.rules.isEmpty)
        scene.send(3_051)
        #expect(scene.rules == [1], "further out")
    }

    @Test func aJumpIsSeen() {
        var scene = Scene()
        scene.send(2_022)
        #expect(scene.rules.isEmpty)
        scene.send(2_045)
        #expect(scene.rules == [2])
        #expect("\(scene.judge.violations[0])".hasPrefix("rule 2 at 0.000 s: servo 1 was sent to 2045, last goal 2022"))
    }

    @Test func aJumpOfTheGripperIsSeen() {
        for (goal, rules) in [(2_042, []), (2_043, [2])] {
            var judge = GridJudge([Self.gripper])
            judge.told(PositionReading(id: 2, pulses: 2_000, isGarbled: false, time: .zero), at: .zero)
            judge.sent(goal, to: 2, at: .zero)
            #expect(judge.violations.map(\.rule) == rules)
        }
    }

    /// Where the crank is at its dead centre, the last 0.06 of the opening is a ninth of a turn.
    @Test func theLastOfACranksWayIsNoJump() {
        let gripper = ServoLayout.Gripper(
            id: 2, linkage: .crank(horn: 0.014, link: 0.024, zeroPulse: 2_048, closed: 0.010, open: 0.035),
            limits: 1_024...2_875)
        for (last, rules) in [(1_476, []), (1_479, [2])] {
            var judge = GridJudge([GridServo(gripper, strokesPerSecond: 3, period: 0.02)])
            judge.told(PositionReading(id: 2, pulses: last, isGarbled: false, time: .zero), at: .zero)
            judge.sent(1_024, to: 2, at: .zero)
            #expect(judge.violations.map(\.rule) == rules, "from \(last)")
        }
    }

    @Test func aGarbledPositionIsNoReason() {
        var scene = Scene()
        scene.send(2_000)
        scene.tell(2_400, isGarbled: true)
        scene.send(2_400)
        #expect(scene.rules == [2])
    }

    @Test func theLastGoalCountsOnlyAsLongAsTheServoHadTorque() {
        var scene = Scene()
        scene.send(2_000)
        scene.hasTorque = false
        scene.stand(1_700)
        scene.tell()
        scene.send(2_000)
        #expect(scene.rules.isEmpty, "nothing moves by that")
        scene.hasTorque = true
        scene.stand()
        scene.send(2_000)
        #expect(scene.rules == [2])
    }

    @Test func lostGoalsAreExcusedWhileTheServoAnswers() {
        var scene = Scene()
        scene.send(2_000)
        for tick in 1...5 {
            scene.wait(20)
            scene.tell()
            scene.send(2_000 + 20 * tick, arrives: tick == 5)
        }
        #expect(scene.rules.isEmpty)
        for tick in 6...14 {
            scene.wait(20)
            scene.send(2_000 + 20 * tick, arrives: tick == 14)
        }
        #expect(scene.rules == [2], "it had been silent, and was sent on")
    }

    @Test func aGoalToWhoWasNotReadIsSeen() {
        var scene = Scene(isKnown: false)
        scene.send(2_000)
        #expect(scene.rules.contains(3))
        var again = Scene()
        again.send(2_000)
        again.judge.reopened()
        #expect(again.rules.isEmpty)
        again.send(2_000)
        #expect(again.rules == [3])
    }

    @Test func torqueAtAForeignPlaceIsSeen() {
        var scene = Scene()
        scene.switchOn(goal: 2_002)
        #expect(scene.rules.isEmpty)
        scene.switchOn(goal: 2_003)
        #expect(scene.rules == [4])
    }

    @Test func aFaultWithoutANameIsSeen() {
        for isNamed in [false, true] {
            var scene = Scene()
            for _ in 0..<35 {
                scene.wait(20)
                scene.tick(isNamed ? .holding(.driverFault) : .holding(.chunkExhausted), named: isNamed ? 1 : nil)
            }
            #expect(scene.rules == (isNamed ? [] : [5]))
        }
    }

    @Test func theWrongNameIsSeen() {
        var scene = Scene()
        scene.judge.culprits = [1]
        scene.judge.fails(1, true, at: scene.now)
        for _ in 0..<35 {
            scene.wait(20)
            scene.tell()
            scene.tick(.holding(.driverFault), named: 3)
        }
        #expect(scene.rules == [5])
    }

    @Test(arguments: [true, false])
    func anArmThatExecutesWithoutTorqueIsSeen(isLimp: Bool) {
        var scene = Scene()
        scene.hasTorque = false
        for _ in 0..<30 {
            scene.wait(20)
            scene.tell()
            scene.stand()
            scene.tick(isLimp ? .holding(.released) : .executing(chunkID: 1, step: 0), isLimp: isLimp)
        }
        #expect(scene.rules == (isLimp ? [] : [5]))
    }

    @Test func aServoThatDoesNotFollowIsSeen() {
        var scene = Scene()
        for tick in 0..<50 {
            scene.wait(20)
            scene.tell()
            scene.send(min(2_000 + 20 * tick, 2_400))
            scene.stand()
            scene.tick(.manual)
        }
        #expect(scene.rules == [5])
    }

    @Test func aShaftThatRunsAwayIsSeen() {
        var scene = Scene()
        for tick in 1...30 {
            scene.wait(10)
            scene.stand(2_000 + 30 * tick)
        }
        #expect(scene.rules == [6])
    }

    @Test func aShaftThatLeavesItsLimitsIsSeen() {
        var scene = Scene()
        scene.stand(2_998)
        scene.wait(20)
        scene.stand(3_006)
        #expect(scene.rules == [6])
    }

    @Test func aShaftThatMovesWhileItsGoalRestsIsSeen() {
        var scene = Scene()
        for tick in 0..<40 {
            scene.wait(20)
            scene.tell()
            scene.send(2_000)
            scene.stand(tick < 35 ? 2_000 : 2_010)
        }
        #expect(scene.rules == [6])
    }

    @Test func aHandMayTurnIt() {
        var scene = Scene()
        scene.send(2_000)
        scene.hasTorque = false
        scene.stand()
        scene.judge.turned(1)
        scene.wait(20)
        scene.stand(2_500)
        #expect(scene.rules.isEmpty)
    }

    @Test(arguments: [HoldReason.driverFault, .emergencyStop, .stalled])
    func motionBehindAFaultNeedsAReset(reason: HoldReason) {
        for isReset in [false, true] {
            var scene = Scene()
            scene.tick(.holding(reason))
            if isReset { scene.judge.reset(at: scene.now) }
            scene.wait(20)
            scene.tell()
            scene.tick(.manual)
            #expect(scene.rules == (isReset ? [] : [8]))
        }
    }

    @Test func torqueBehindAFaultNeedsAReset() {
        var scene = Scene()
        scene.tick(.holding(.driverFault))
        scene.switchOn(goal: 2_000)
        #expect(scene.rules == [8])
    }

    @Test func aShaftThatMovesBehindAFaultIsSeen() {
        var scene = Scene()
        for tick in 0..<40 {
            scene.wait(20)
            scene.tell()
            scene.tick(.holding(.driverFault))
            scene.stand(tick < 30 ? 2_000 : 2_000 + tick)
        }
        #expect(scene.rules == [8])
    }

    @Test func aCaseCanBeReadAgain() {
        for test in GridArm.allCases.flatMap({ GridCase.all(of: $0, seeds: 7..<8) }) {
            #expect(GridCase("\(test)") == test)
        }
        #expect(GridCase("so101 drop-0.4 executing 1") == nil && GridCase("so101") == nil)
    }
}
