import Maths
import TestSupport
import Testing

@Suite struct RotationTests {
    private func isNear(_ a: Vector3, _ b: Vector3, _ tolerance: Double = 1e-12) -> Bool { (a - b).length < tolerance }

    @Test func turnsByTheRightHandRule() {
        let quarter = Rotation(radians: .pi / 2, about: [0, 0, 1])
        #expect(isNear(quarter * [1, 0, 0], [0, 1, 0]))
        #expect(isNear(quarter * [0, 1, 0], [-1, 0, 0]))
        #expect(isNear(quarter.inverse * [0, 1, 0], [1, 0, 0]))
    }

    @Test func appliesRollThenPitchThenYawAboutFixedAxes() {
        // Rz(90°) Ry(0) Rx(90°) on z: roll takes z to -y, yaw takes -y to x.
        let turned = Rotation(roll: .pi / 2, pitch: 0, yaw: .pi / 2) * [0, 0, 1]
        #expect(isNear(turned, [1, 0, 0]))
    }

    @Test func readsItsElementsByRowAndColumn() {
        let turn = Rotation(radians: 0.3, about: [0, 0, 1])
        #expect(abs(turn[1, 0] - 0.29552020666) < 1e-10)
        #expect(abs(turn[0, 1] + 0.29552020666) < 1e-10)
        #expect(abs(turn[2, 2] - 1) < 1e-12)
    }

    @Test func anglesSurviveTheWayThereAndBack() {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        for _ in 0..<1000 {
            let angles: Vector3 = [
                .random(in: -3.1...3.1, using: &random), .random(in: -1.55...1.55, using: &random),
                .random(in: -3.1...3.1, using: &random),
            ]
            let back = Rotation(roll: angles.x, pitch: angles.y, yaw: angles.z).rollPitchYaw
            #expect(isNear(back, angles, 1e-9), "seed \(random.seed), angles \(angles)")
        }
    }

    @Test(arguments: [Double.pi / 2, -Double.pi / 2])
    func choosesRollAtTheSingularPitch(pitch: Double) {
        let rotation = Rotation(roll: 0.4, pitch: pitch, yaw: 0.3)
        let angles = rotation.rollPitchYaw
        #expect(angles.z == 0)
        let again = Rotation(roll: angles.x, pitch: angles.y, yaw: angles.z)
        for axis: Vector3 in [[1, 0, 0], [0, 1, 0], [0, 0, 1]] { #expect(isNear(again * axis, rotation * axis, 1e-7)) }
    }

    @Test func rotationVectorsSurviveTheWayThereAndBack() {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        for _ in 0..<1000 {
            let axis: Vector3 = [
                .random(in: -1...1, using: &random), .random(in: -1...1, using: &random),
                .random(in: 0.1...1, using: &random),
            ]
            let vector = axis / axis.length * Double.random(in: 0...3.1, using: &random)
            #expect(isNear(Rotation(vector: vector).vector, vector, 1e-9), "seed \(random.seed), vector \(vector)")
        }
        for tiny in [0, 1e-300, 1e-13, 1e-11] {
            #expect(isNear(Rotation(vector: [tiny, 0, 0]).vector, [tiny, 0, 0], 1e-20 + tiny * 1e-9))
        }
    }

    @Test func takesTheShortWayWhenTheQuaternionIsNegative() {
        let turn = Rotation(radians: 0.5, about: [1, 0, 0])
        let same = Rotation(w: -turn.w, x: -turn.x, y: -turn.y, z: -turn.z)
        #expect(isNear(same.vector, [0.5, 0, 0]))
    }

    @Test func posesChainAndInvert() {
        let baseFromTool = Pose(rotation: Rotation(radians: .pi / 2, about: [0, 0, 1]), translation: [1, 2, 3])
        #expect(isNear(baseFromTool * Vector3(1, 0, 0), [1, 3, 3]))
        let round = baseFromTool * baseFromTool.inverse
        #expect(isNear(round.translation, .zero))
        #expect(isNear(round.rotation.vector, .zero))
    }
}

@Suite struct JointVectorTests {
    @Test func holdsWhatItWasGiven() {
        let vector = JointVector([1, -2, 3])
        #expect(vector.count == 3)
        #expect(vector.array == [1, -2, 3])
        #expect(vector == [1, -2, 3])
        #expect(vector.magnitude == 3)
    }

    @Test func addsSubtractsAndScalesByElement() {
        let a: JointVector = [1, 2]
        let b: JointVector = [10, 20]
        #expect(a + b == [11, 22])
        #expect(b - a == [9, 18])
        #expect(a * 3 == [3, 6])
    }

    @Test func vectorsOfDifferentLengthDiffer() { #expect(JointVector([0, 0]) != JointVector([0, 0, 0])) }

    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func tellsWhatIsNotFinite(bad: Double) {
        #expect(!JointVector([0, bad]).isFinite)
        #expect(JointVector([0, 1]).isFinite)
    }

    @Test func refusesANinthJoint() async {
        await #expect(processExitsWith: .failure) { _ = JointVector(repeating: 0, count: 9) }
    }

    @Test func refusesToMixArms() async {
        await #expect(processExitsWith: .failure) { _ = JointVector([1]) + JointVector([1, 2]) }
    }
}
