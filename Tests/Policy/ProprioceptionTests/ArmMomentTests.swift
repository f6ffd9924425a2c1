import Kinematics
import Maths
import Messages
import Proprioception
import TestSupport
import Testing
import Time

/// States as a test wants them.
enum Arm {
    static func state(
        at milliseconds: Double, positions: JointVector = [0.1, -0.2, 0.3], gripper: Double = 0.5,
        pose: Pose = .identity, unread: JointSet = JointSet()
    ) -> ArmState {
        ArmState(
            tick: 0, mode: .holding(.waitingForFirstChunk),
            measured: JointState(
                time: .zero + .nanoseconds(Int64(milliseconds * 1e6)), positions: positions,
                velocities: JointVector(repeating: 0, count: positions.count), gripper: gripper, unread: unread),
            setpoint: JointSetpoint(positions: positions, velocities: positions, gripper: gripper), baseFromEEF: pose,
            commandedBaseFromEEF: pose)
    }

    static func set(_ joints: Int...) -> JointSet {
        var set = JointSet()
        for joint in joints { set.insert(joint) }
        return set
    }

    static func randomState(at milliseconds: Double, using chance: inout SeededGenerator) -> ArmState {
        func number(_ most: Double) -> Double { Double.random(in: -most...most, using: &chance) }
        return state(
            at: milliseconds, positions: [number(3), number(3), number(3)],
            gripper: Double.random(in: 0...1, using: &chance),
            pose: Pose(
                rotation: Rotation(roll: number(3.1), pitch: number(1.5), yaw: number(3.1)),
                translation: [number(1), number(1), number(1)]))
    }
}

@Suite struct ArmMomentTests {
    static let everything: [ProprioField] = ProprioLayout.bridgeFields + [.joint(0), .joint(1), .joint(2), .zero]

    @Test func aMeasuredStateGivesItsOwnNumbersInTheOrderOfTheFields() {
        let pose = Pose(
            rotation: BridgeConvention.baseFromEEF(rollPitchYaw: [0.1, -0.2, 0.3]), translation: [0.3, -0.1, 0.15])
        let moment = ArmMoment(Arm.state(at: 0, positions: [1, 2, 3], gripper: 0.25, pose: pose))
        let found = moment.numbers(of: [.gripper, .joint(2), .zero, .x, .y, .z, .roll, .pitch, .yaw])
        let expected: [Float] = [0.25, 3, 0, 0.3, -0.1, 0.15, 0.1, -0.2, 0.3]
        for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-6, "\(found)") }
        #expect(moment.numbers(of: []).isEmpty)
    }

    @Test func betweenTwoStatesEveryNumberLiesOnTheWayFromOneToTheOther() {
        let seed = SeededGenerator.freshSeed()
        var chance = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let (a, b) = (Arm.randomState(at: 100, using: &chance), Arm.randomState(at: 120, using: &chance))
            let share = Double.random(in: 0...1, using: &chance)
            let moment = ArmMoment(
                between: a, and: b, at: .zero + .milliseconds(100) + .nanoseconds(Int64(share * 20e6)))
            let ends = (ArmMoment(a), ArmMoment(b))
            func expect(_ found: Double, between from: Double, _ to: Double) {
                #expect(abs(found - (from + (to - from) * share)) < 1e-6, "seed \(seed)")
            }
            for joint in 0..<3 {
                expect(moment.positions[joint], between: ends.0.positions[joint], ends.1.positions[joint])
                expect(
                    moment.baseFromEEF.translation[joint], between: ends.0.baseFromEEF.translation[joint],
                    ends.1.baseFromEEF.translation[joint])
            }
            expect(moment.gripper, between: ends.0.gripper, ends.1.gripper)
            // The orientation turns about one axis, at one speed, the shorter way.
            let (from, to, here) = (
                ends.0.baseFromEEF.rotation, ends.1.baseFromEEF.rotation, moment.baseFromEEF.rotation
            )
            let whole = (from.inverse * to).vector
            let part = (from.inverse * here).vector
            #expect((part - whole * share).length < 1e-6, "seed \(seed)")
            #expect(
                abs((here.w * here.w + here.x * here.x + here.y * here.y + here.z * here.z) - 1) < 1e-12, "seed \(seed)"
            )
        }
    }

    @Test func aYawThatPassesHalfATurnDoesNotRunBackThroughZero() throws {
        func state(_ yaw: Double, at time: Double) -> ArmState {
            Arm.state(
                at: time,
                pose: Pose(rotation: BridgeConvention.baseFromEEF(rollPitchYaw: [0, 0, yaw]), translation: .zero))
        }
        let moment = ArmMoment(
            between: state(3.1, at: 0), and: state(-3.1, at: 10), at: .zero + .milliseconds(5))
        let yaw = try #require(moment.numbers(of: [.yaw]).first)
        #expect(abs(abs(yaw) - .pi) < 1e-5)
        // Quaternions of either sign are the same rotation.
        let turn = Rotation(radians: 0.2, about: [0, 0, 1])
        let same = Rotation(w: -turn.w, x: -turn.x, y: -turn.y, z: -turn.z)
        #expect((Rotation.identity.interpolated(to: same, share: 0.5).vector - Vector3(0, 0, 0.1)).length < 1e-9)
    }

    @Test func momentsThatAreNearEachOtherHaveNumbersThatAre() {
        let seed = SeededGenerator.freshSeed()
        var chance = SeededGenerator(seed: seed)
        let states = (0..<20).map { Arm.randomState(at: Double($0) * 20, using: &chance) }
        for (a, b) in zip(states, states.dropFirst()) {
            var former = ArmMoment(a)
            for step in 1...19 {
                let next = ArmMoment(between: a, and: b, at: a.measured.time + .milliseconds(step))
                #expect((next.positions - former.positions).magnitude <= 6.0 / 20 + 1e-9, "seed \(seed)")
                #expect(
                    (former.baseFromEEF.rotation.inverse * next.baseFromEEF.rotation).vector.length <= .pi / 20 + 1e-9,
                    "seed \(seed)")
                former = next
            }
        }
    }
}

@Suite struct ProprioLayoutTests {
    @Test func everyFieldHasANameOfItsOwnAndIsFoundByIt() {
        #expect(Set(ProprioField.all.map(\.name)).count == ProprioField.all.count)
        for field in ProprioField.all { #expect(ProprioField(name: field.name) == field) }
        #expect(ProprioField.all.count { if case .joint = $0 { true } else { false } } == JointVector.capacity)
        #expect(ProprioField(name: "joint_0_rad") == nil && ProprioField(name: "joint_9_rad") == nil)
        #expect(ProprioField(name: "x") == nil && ProprioLayout(name: "droid") == nil)
        #expect(ProprioLayout.names.compactMap(ProprioLayout.init(name:)) == [.bridge, .joints])
    }

    @Test func layoutsStandForSoManyNumbers() {
        #expect(ProprioLayout.bridge.variants(joints: 6).map(\.count) == [7, 8])
        #expect(Array(ProprioLayout.bridge.variants(joints: 6)[1].suffix(2)) == [.zero, .gripper])
        #expect(ProprioLayout.joints.variants(joints: 2) == [[.joint(0), .joint(1), .gripper]])
        #expect(ProprioLayout.fields([.x]).variants(joints: 6) == [[.x]])
        #expect(ProprioLayout.fields([.x, .joint(0)]).description == "[\"x_m\", \"joint_1_rad\"]")
    }

    @Test func aFieldIsReadWhenTheEncodersItIsMadeOfWere() {
        let state = Arm.state(at: 0, unread: Arm.set(1)).measured
        #expect(
            !ProprioField.x.isRead(in: state) && !ProprioField.yaw.isRead(in: state)
                && !ProprioField.joint(1).isRead(in: state))
        #expect(
            ProprioField.joint(0).isRead(in: state) && ProprioField.gripper.isRead(in: state)
                && ProprioField.zero.isRead(in: state))
        let fingers = Arm.state(at: 0, unread: Arm.set(3)).measured
        #expect(!ProprioField.gripper.isRead(in: fingers) && ProprioField.x.isRead(in: fingers))
    }
}
