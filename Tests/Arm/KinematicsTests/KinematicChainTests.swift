import Kinematics
import Maths
import TestSupport
import Testing

/// One row of check values: made with pinocchio from the URDF and confirmed with a separate product of exponentials.
struct KinematicRow: Sendable, CustomTestStringConvertible {
    var positions: JointVector
    var translation: Vector3
    /// w, x, y, z with w >= 0.
    var quaternion: [Double]
    var bridgeAngles: Vector3?
    var testDescription: String { "\(positions.array)" }
}

let widowXRows: [KinematicRow] = [
    KinematicRow(
        positions: [0, 0, 0, 0, 0, 0], translation: [0.458325, 0, 0.360650], quaternion: [1, 0, 0, 0],
        bridgeAngles: [0, -1.570796, 0]),
    KinematicRow(
        positions: [0, -1.80, 1.55, 0, 0.80, 0], translation: [0.122652, 0, 0.081264],
        quaternion: [0.962425, 0, 0.271547, 0], bridgeAngles: [0, -1.020796, 0]),
    KinematicRow(
        positions: [-0.13192235, -0.76238847, 0.44485444, -0.01994175, 1.7564081, -0.15953401],
        translation: [0.120201, -0.019085, 0.246696], quaternion: [0.750611, -0.021509, 0.660371, -0.005538],
        bridgeAngles: [-0.039938, -0.127238, 0.025181]),
    KinematicRow(
        positions: [0.5, 0.3, -0.7, 1.1, -0.4, 0.9], translation: [0.443494, 0.179571, 0.514813],
        quaternion: [0.429066, 0.860908, -0.088704, 0.258595], bridgeAngles: [2.215867, 0.521363, -1.131071]),
    KinematicRow(
        positions: [-1.2, 0.8, 0.6, -2.0, 1.5, -2.5], translation: [-0.016918, -0.353415, 0.002910],
        quaternion: [0.361382, 0.151679, -0.357046, -0.847888], bridgeAngles: [1.571980, -0.774031, 2.375410]),
]

@Suite struct ForwardKinematicsTests {
    private func expect(_ chain: KinematicChain, _ row: KinematicRow) {
        let pose = chain.baseFromEEF(row.positions)
        // The values are printed to six digits: half a unit of the last, plus a little for our own rounding.
        #expect((pose.translation - row.translation).max() < 1e-6)
        #expect((row.translation - pose.translation).max() < 1e-6)
        let sign = pose.rotation.w < 0 ? -1.0 : 1.0
        let found = [pose.rotation.w, pose.rotation.x, pose.rotation.y, pose.rotation.z].map { $0 * sign }
        for (a, b) in zip(found, row.quaternion) { #expect(abs(a - b) < 1e-6) }
        if let expected = row.bridgeAngles {
            let angles = BridgeConvention.rollPitchYaw(of: pose.rotation)
            for axis in 0..<3 { #expect(abs(angles[axis] - expected[axis]) < 1e-6, "axis \(axis)") }
        }
    }

    @Test(arguments: widowXRows)
    func agreesWithTheReferenceForTheWidowX250s(row: KinematicRow) throws { expect(try widowX().chain, row) }

    @Test func agreesWithTheReferencesRotationMatrix() throws {
        let pose = try widowX().chain.baseFromEEF(widowXRows[2].positions)
        let expected = [
            [0.127759, -0.020094, 0.991602], [-0.036722, 0.999013, 0.024975], [-0.991125, -0.039605, 0.126895],
        ]
        for row in 0..<3 {
            for column in 0..<3 { #expect(abs(pose.rotation[row, column] - expected[row][column]) < 1e-6) }
        }
    }

    @Test(arguments: [
        KinematicRow(
            positions: [0, 0, 0, 0, 0], translation: [0.408575, 0, 0.310650], quaternion: [1, 0, 0, 0]),
        KinematicRow(
            positions: [-0.13192235, -0.76238847, 0.44485444, 1.7564081, -0.15953401],
            translation: [0.107944, -0.014323, 0.195068], quaternion: [0.751616, -0.016509, 0.659388, 0.002973]),
        KinematicRow(
            positions: [-1.2, 0.8, 0.6, 1.5, -2.5], translation: [0.021136, -0.054366, -0.020905],
            quaternion: [0.563293, 0.082366, 0.322920, 0.756069]),
    ])
    func agreesWithTheReferenceForAnArmOfFiveJoints(row: KinematicRow) {
        func joint(_ offset: Vector3, _ axis: Vector3) -> KinematicChain.Joint {
            KinematicChain.Joint(parentFromJoint: Pose(rotation: .identity, translation: offset), axis: axis)
        }
        let wx200 = KinematicChain(
            joints: [
                joint([0, 0, 0.072], [0, 0, 1]), joint([0, 0, 0.03865], [0, 1, 0]), joint([0.05, 0, 0.2], [0, 1, 0]),
                joint([0.2, 0, 0], [0, 1, 0]), joint([0.065, 0, 0], [1, 0, 0]),
            ], lastJointFromEEF: Pose(rotation: .identity, translation: [0.093575, 0, 0]))
        expect(wx200, row)
    }

    @Test(arguments: [
        KinematicRow(
            positions: [0, 0, 0, 0, 0], translation: [0.391361, -0.000009, 0.226470],
            quaternion: [0.706900, 0.017206, 0.706894, 0.017214]),
        KinematicRow(
            positions: [0.3, -0.5, 0.6, 0.4, -0.8], translation: [0.301205, -0.075290, 0.139457],
            quaternion: [0.491107, 0.467254, 0.722069, 0.138219]),
        KinematicRow(
            positions: [1.5, 1.0, -1.2, -1.0, 2.0], translation: [0.054499, -0.325912, 0.335300],
            quaternion: [0.151599, 0.041249, -0.179662, 0.971101]),
    ])
    func agreesWithTheReferenceForJointsThatAreTurnedInTheirParents(row: KinematicRow) {
        // SO-101, angles as its URDF prints them.
        func pose(_ offset: Vector3, _ angles: Vector3) -> Pose {
            Pose(rotation: Rotation(roll: angles.x, pitch: angles.y, yaw: angles.z), translation: offset)
        }
        let joints = [
            pose([0.0388353, -8.97657e-09, 0.0624], [3.14159, 4.18253e-17, -3.14159]),
            pose([-0.0303992, -0.0182778, -0.0542], [-1.5708, -1.5708, 0]),
            pose([-0.11257, -0.028, 1.73763e-16], [-3.63608e-16, 8.74301e-16, 1.5708]),
            pose([-0.1349, 0.0052, 3.62355e-17], [4.02456e-15, 8.67362e-16, -1.5708]),
            pose([5.55112e-17, -0.0611, 0.0181], [1.5708, 0.0486795, 3.14159]),
        ]
        let so101 = KinematicChain(
            joints: joints.map { KinematicChain.Joint(parentFromJoint: $0, axis: [0, 0, 1]) },
            lastJointFromEEF: pose([-0.0079, -0.000218121, -0.0981274], [0, 3.14159, 0]))
        expect(so101, row)
    }

    @Test func equalsTheProductOfExponentials() throws {
        let chain = try widowX().chain
        // Space screws [w; v] and home pose of the arm, in their own right: not derived from the chain.
        let screws: [(Vector3, Vector3)] = [
            ([0, 0, 1], [0, 0, 0]), ([0, 1, 0], [-0.11065, 0, 0]), ([0, 1, 0], [-0.36065, 0, 0.04975]),
            ([1, 0, 0], [0, 0.36065, 0]), ([0, 1, 0], [-0.36065, 0, 0.29975]), ([1, 0, 0], [0, 0.36065, 0]),
        ]
        let home = Pose(rotation: .identity, translation: [0.458325, 0, 0.36065])
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        for _ in 0..<200 {
            let q = JointVector((0..<6).map { _ in Double.random(in: -1.5...1.5, using: &random) })
            var product = Pose.identity
            for (joint, (w, v)) in screws.enumerated() {
                // A pure turn about a line through c = w × v: e^[S]θ maps x to R x + (I - R) c.
                let c = w.cross(v)
                let turn = Rotation(radians: q[joint], about: w)
                product = product * Pose(rotation: turn, translation: c - turn * c)
            }
            let expected = product * home
            let found = chain.baseFromEEF(q)
            #expect((found.translation - expected.translation).length < 1e-12, "seed \(random.seed)")
            let difference = (found.rotation * expected.rotation.inverse).vector.length
            #expect(difference < 1e-7, "seed \(random.seed)")
        }
    }

    @Test func theJacobianIsTheDerivative() throws {
        let chain = try widowX().chain
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        let h = 1e-6
        for _ in 0..<100 {
            let q = JointVector((0..<6).map { _ in Double.random(in: -1.5...1.5, using: &random) })
            let jacobian = chain.jacobian(q)
            #expect(jacobian.baseFromEEF == chain.baseFromEEF(q))
            for joint in 0..<6 {
                var (before, after) = (q, q)
                before[joint] -= h
                after[joint] += h
                let (a, b) = (chain.baseFromEEF(before), chain.baseFromEEF(after))
                let linear = (b.translation - a.translation) / (2 * h)
                let angular = (b.rotation * a.rotation.inverse).vector / (2 * h)
                #expect((linear - jacobian[joint].linear).length < 1e-8, "seed \(random.seed) joint \(joint)")
                #expect((angular - jacobian[joint].angular).length < 1e-8, "seed \(random.seed) joint \(joint)")
            }
        }
    }
}

@Suite struct InverseKinematicsTests {
    private func solver() throws -> InverseKinematics {
        let arm = try widowX()
        return InverseKinematics(chain: arm.chain, lower: arm.lower, upper: arm.upper)
    }

    @Test func findsThePoseAStepAway() throws {
        let solver = try solver()
        let arm = try widowX()
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        var (slow, elsewhere) = (0, 0)
        for turn in 0..<2000 {
            // Away from the limits and from where the arm is singular: elbow stretched, wrist straight, or wrist above
            // the waist.
            let q: JointVector = [
                .random(in: -2...2, using: &random), .random(in: -0.6...0.8, using: &random),
                .random(in: -1...1.2, using: &random), .random(in: -2...2, using: &random),
                .random(in: 0.4...1.8, using: &random), .random(in: -2...2, using: &random),
            ]
            var seed = q
            for joint in 0..<6 { seed[joint] += .random(in: -0.1...0.1, using: &random) }
            let target = arm.chain.baseFromEEF(q)
            let solution = solver.solve(target, near: seed)
            if solution.iterations >= InverseKinematics.maximumIterations { slow += 1 }
            if !solution.isReached || (solution.positions - q).magnitude > 1e-4 { elsewhere += 1 }
            #expect((solution.positions - q).magnitude < 0.5, "seed \(random.seed) turn \(turn): far away")
        }
        // About one pose in forty thousand lies so near to a singular one that two answers almost meet.
        #expect(slow <= 2 && elsewhere <= 2, "seed \(random.seed): \(slow) slow, \(elsewhere) elsewhere")
    }

    @Test func staysWithinTheLimitsAndFiniteWhateverIsAsked() throws {
        let solver = try solver()
        let arm = try widowX()
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        for turn in 0..<2000 {
            let reach = Double.random(in: 0...3, using: &random)
            let target = Pose(
                rotation: Rotation(
                    roll: .random(in: -4...4, using: &random), pitch: .random(in: -4...4, using: &random),
                    yaw: .random(in: -4...4, using: &random)),
                translation: [
                    .random(in: -reach...reach, using: &random), .random(in: -reach...reach, using: &random),
                    .random(in: -reach...reach, using: &random),
                ])
            let seed = JointVector((0..<6).map { _ in Double.random(in: -4...4, using: &random) })
            let solution = solver.solve(target, near: seed)
            #expect(solution.positions.isFinite, "seed \(random.seed) turn \(turn)")
            #expect(solution.iterations <= InverseKinematics.maximumIterations)
            for joint in 0..<6 {
                #expect(
                    (arm.joints[joint].lower...arm.joints[joint].upper).contains(solution.positions[joint]),
                    "seed \(random.seed) turn \(turn)")
            }
            let found = arm.chain.baseFromEEF(solution.positions)
            #expect(abs((found.translation - target.translation).length - solution.translationError) < 1e-9)
            if solution.isReached { #expect((found.translation - target.translation).length <= 1e-6) }
        }
    }

    @Test func comesAsNearAsItCanToWhatIsOutOfReach() throws {
        let solver = try solver()
        let far = Pose(rotation: .identity, translation: [2, 0, 0.36])
        let solution = solver.solve(far, near: [0, 0.2, -0.2, 0, 0.1, 0])
        #expect(!solution.isReached)
        let found = solver.chain.baseFromEEF(solution.positions)
        // Fully stretched it reaches x = 0.65 or so; half-way there would be a failure to try.
        #expect(found.translation.x > 0.6)
        #expect(abs(found.translation.y) < 0.02)
    }

    @Test func doesWhatItCanWhenAJointStandsAtItsLimit() throws {
        let arm = try widowX()
        let solver = try solver()
        var q = arm.neutral
        q[0] = arm.joints[0].upper
        // Past the waist's limit: the waist stays, the answer is a clamped one.
        var beyond = q
        beyond[0] += 0.2
        let solution = solver.solve(arm.chain.baseFromEEF(beyond), near: q)
        #expect(!solution.isReached)
        #expect(solution.positions[0] <= arm.joints[0].upper)
        #expect(
            solution.translationError
                < (arm.chain.baseFromEEF(q).translation
                - arm.chain.baseFromEEF(beyond).translation).length)
    }

    @Test func isCalmAtASingularity() throws {
        let solver = try solver()
        // Straight wrist: roll joints 4 and 6 are in line; a sideways turn asks for infinite speed of both.
        let singular: JointVector = [0, -0.3, 0.5, 0, 0, 0]
        var target = solver.chain.baseFromEEF(singular)
        target.rotation = Rotation(roll: 0, pitch: 0, yaw: 0.01) * target.rotation
        let solution = solver.solve(target, near: singular)
        #expect(solution.positions.isFinite)
        #expect(solution.rotationError <= 0.01 + 1e-9)
    }

    @Test func theSameQuestionHasTheSameAnswer() throws {
        let solver = try solver()
        let target = solver.chain.baseFromEEF([0.3, -0.5, 0.4, 0.2, 1.0, -0.1])
        let seed: JointVector = [0.2, -0.4, 0.4, 0.1, 1.1, 0]
        #expect(solver.solve(target, near: seed) == solver.solve(target, near: seed))
    }
}

@Suite struct BridgeConventionTests {
    @Test func straightDownIsZero() {
        let angles = BridgeConvention.rollPitchYaw(of: BridgeConvention.baseFromDownwardEEF)
        #expect(angles.length < 1e-12)
        let fingers = BridgeConvention.baseFromDownwardEEF * Vector3(1, 0, 0)
        #expect((fingers - [0, 0, -1]).length < 1e-12)
    }

    @Test func anglesSurviveTheWayThereAndBack() {
        let angles: Vector3 = [0.25, -0.4, 0.6]
        let back = BridgeConvention.rollPitchYaw(of: BridgeConvention.baseFromEEF(rollPitchYaw: angles))
        #expect((back - angles).length < 1e-12)
    }

    struct Step: Sendable {
        var previous: [Double]
        var action: [Double]
        var measured: Vector3
        var next: [Double]
    }

    /// Steps worked with the robot service's own transform code; increments already within its limits.
    static let steps = [
        Step(
            previous: [0.3, 0, 0.15, 0, 0, 0], action: [0.01, 0, -0.02, 0, 0, 0.1], measured: [0.3, 0, 0.15],
            next: [0.310000, 0, 0.130000, 0, 0, 0.1]),
        Step(
            previous: [0.3, 0, 0.15, 0, 0, 0], action: [0.01, 0, -0.02, 0.05, -0.03, 0.1],
            measured: [0.295, 0.004, 0.152], next: [0.310427, 0.000630, 0.129954, 0.05, -0.03, 0.1]),
        Step(
            previous: [0.28, 0.05, 0.1, 0.1, -0.2, 0.3], action: [0.05, 0.02, 0.01, 0.1, 0.2, -0.25],
            measured: [0.278, 0.049, 0.103], next: [0.329664, 0.069911, 0.109775, 0.252878, -0.036070, 0.021860]),
    ]

    private func pose(_ n: [Double]) -> Pose {
        Pose(
            rotation: BridgeConvention.baseFromEEF(rollPitchYaw: [n[3], n[4], n[5]]), translation: [n[0], n[1], n[2]])
    }

    @Test(arguments: steps)
    func turnsAboutTheMeasuredPointAsTheRobotServiceDoes(step: Step) {
        let next = BridgeConvention.accumulated(
            translation: [step.action[0], step.action[1], step.action[2]],
            rollPitchYaw: [step.action[3], step.action[4], step.action[5]], on: pose(step.previous),
            rotationCentre: step.measured)
        let angles = BridgeConvention.rollPitchYaw(of: next.rotation)
        for axis in 0..<3 {
            #expect(abs(next.translation[axis] - step.next[axis]) < 1e-6)
            #expect(abs(angles[axis] - step.next[axis + 3]) < 1e-6)
        }
    }

    @Test(arguments: steps)
    func turnedAboutTheCommandedPointTheLagLeavesNoTrace(step: Step) {
        let commanded = pose(step.previous)
        let next = BridgeConvention.accumulated(
            translation: [step.action[0], step.action[1], step.action[2]],
            rollPitchYaw: [step.action[3], step.action[4], step.action[5]], on: commanded,
            rotationCentre: commanded.translation)
        for axis in 0..<3 {
            #expect(abs(next.translation[axis] - (step.previous[axis] + step.action[axis])) < 1e-12)
        }
        let angles = BridgeConvention.rollPitchYaw(of: next.rotation)
        for axis in 0..<3 { #expect(abs(angles[axis] - step.next[axis + 3]) < 1e-6, "the turn itself is the same") }
    }
}
