import Control
import Messages
import TestSupport
import Testing
import Time

@Suite struct FixedActionChunkTests {
    private func message(
        _ actions: [Float], dimension: Int = 7, space: ActionSpace = .eefDelta, step: Duration = .milliseconds(200)
    ) -> ActionChunk {
        ActionChunk(
            id: 9, goalID: "cup", observationTime: .zero + .seconds(5), captureTime: .zero + .seconds(4),
            inferredTime: .zero + .seconds(6), stepDuration: step, actionDimension: dimension, actions: actions,
            actionSpace: space, noiseSeed: 1, noiseCounter: 2)
    }

    @Test func keepsWhatTheLoopNeeds() throws {
        let actions = (0..<28).map { Float($0) / 8 }
        let chunk = try FixedActionChunk(message(actions), jointCount: 6)
        #expect(chunk.id == 9)
        #expect(chunk.observationTime == .zero + .seconds(5))
        #expect(chunk.captureTime == .zero + .seconds(4))
        #expect(chunk.stepDuration == .milliseconds(200))
        #expect(chunk.actionHorizon == 4)
        for step in 0..<4 { for element in 0..<7 { #expect(chunk[step, element] == Double(step * 7 + element) / 8) } }
    }

    @Test func takesAsManyNumbersAsItHasRoomFor() throws {
        let full = [Float](repeating: 0.5, count: 704)
        let chunk = try FixedActionChunk(message(full, dimension: 8, space: .jointPosition), jointCount: 7)
        #expect(chunk.actionHorizon == 88)
        #expect(chunk[87, 7] == 0.5)
        #expect(throws: ChunkRejection.tooLarge(chunkID: 9, numbers: 712, capacity: 704)) {
            try FixedActionChunk(
                message(full + [Float](repeating: 0, count: 8), dimension: 8, space: .jointDelta), jointCount: 7)
        }
    }

    @Test(arguments: [
        (ActionSpace.eefDelta, 6, 7), (.eefDelta, 5, 7), (.jointPosition, 6, 7), (.jointPosition, 5, 6),
        (.jointDelta, 8, 9),
    ])
    func theDimensionFollowsFromSpaceAndArm(space: ActionSpace, joints: Int, dimension: Int) throws {
        let good = [Float](repeating: 0, count: dimension)
        #expect(
            try FixedActionChunk(message(good, dimension: dimension, space: space), jointCount: joints).actionHorizon
                == 1)
        #expect(
            throws: ChunkRejection.wrongDimension(chunkID: 9, space: space, found: dimension + 1, expected: dimension)
        ) {
            try FixedActionChunk(message(good + [0], dimension: dimension + 1, space: space), jointCount: joints)
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity, .signalingNaN])
    func refusesWhatIsNotFinite(bad: Float) {
        var actions = [Float](repeating: 0, count: 21)
        actions[16] = bad
        #expect(throws: ChunkRejection.notFinite(chunkID: 9, step: 2, element: 2)) {
            try FixedActionChunk(message(actions), jointCount: 6)
        }
    }

    @Test func refusesNoActionsAndPartsOfActions() {
        #expect(throws: ChunkRejection.empty(chunkID: 9)) { try FixedActionChunk(message([]), jointCount: 6) }
        #expect(throws: ChunkRejection.unevenActions(chunkID: 9, numbers: 8, dimension: 7)) {
            try FixedActionChunk(message([Float](repeating: 0, count: 8)), jointCount: 6)
        }
        #expect(throws: ChunkRejection.self) { try FixedActionChunk(message([1], dimension: 0), jointCount: 6) }
        #expect(throws: ChunkRejection.self) { try FixedActionChunk(message([1], dimension: -7), jointCount: 6) }
    }

    @Test func refusesStepsThatLastNoTimeOrForever() {
        let actions = [Float](repeating: 0, count: 7)
        for step in [Duration.zero, .milliseconds(-200), .nanoseconds(999_999), .seconds(61)] {
            #expect(throws: ChunkRejection.stepDuration(chunkID: 9, nanoseconds: step.nanoseconds)) {
                try FixedActionChunk(message(actions, step: step), jointCount: 6)
            }
        }
        // Beyond 64 bits of nanoseconds: refused as well, not a trap.
        #expect(throws: ChunkRejection.self) {
            try FixedActionChunk(message(actions, step: .seconds(Int64.max)), jointCount: 6)
        }
    }

    @Test func isHeldToThePolicysRate() throws {
        let actions = [Float](repeating: 0, count: 7)
        func check(_ step: Duration) throws {
            try FixedActionChunk(message(actions, step: step), jointCount: 6).checkStepDuration(.milliseconds(200))
        }
        for step in [Duration.milliseconds(200), .milliseconds(198), .milliseconds(202)] { try check(step) }
        for step in [Duration.milliseconds(1), .milliseconds(197), .milliseconds(203), .seconds(60)] {
            #expect(throws: ChunkRejection.otherRate(chunkID: 9, nanoseconds: step.nanoseconds, expected: 200_000_000))
            {
                try check(step)
            }
        }
    }

    @Test func everyRejectionSaysWhatToDo() {
        let rejections: [ChunkRejection] = [
            .wrongDimension(chunkID: 1, space: .jointPosition, found: 7, expected: 6),
            .unevenActions(chunkID: 1, numbers: 8, dimension: 7), .empty(chunkID: 1),
            .tooLarge(chunkID: 1, numbers: 999, capacity: 704), .notFinite(chunkID: 1, step: 0, element: 3),
            .stepDuration(chunkID: 1, nanoseconds: 0), .otherRate(chunkID: 1, nanoseconds: 5, expected: 200),
        ]
        for rejection in rejections { #expect(rejection.description.hasPrefix("taking chunk 1: ")) }
        #expect(rejections[0].description.contains("'joint_position' needs 6"))
        #expect(ChunkReport(rejected: message([])).outcome == .rejected)
        #expect(ChunkReport(rejected: message([])).chunkID == 9)
    }

    @Test func neverTrapsOnRandomMessages() {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        var accepted = 0
        for _ in 0..<2000 {
            let dimension = Int.random(in: -2...12, using: &random)
            let steps = Int.random(in: 0...120, using: &random)
            let noise = Bool.random(using: &random) ? 0 : Int.random(in: 0...1, using: &random)
            let actions = (0..<max(0, dimension) * steps + noise).map { _ in
                Float(bitPattern: UInt32.random(in: 0...0x7F80_0010, using: &random))
            }
            let joints = Int.random(in: 1...8, using: &random)
            let space = ActionSpace.allCases.randomElement(using: &random) ?? .eefDelta
            do throws(ChunkRejection) {
                let chunk = try FixedActionChunk(
                    message(actions, dimension: dimension, space: space), jointCount: joints)
                accepted += 1
                #expect(chunk.actionHorizon * chunk.actionDimension == actions.count, "seed \(random.seed)")
                #expect(chunk.actionDimension == space.dimension(jointCount: joints))
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
        #expect(accepted > 0, "seed \(random.seed)")
    }
}
