import Control
import Messages
import TestSupport
import Testing
import Time

/// When an arm at rest begins with a chunk, seen at the changes of chunks that follow.
@Suite struct StartMarginTests {
    private static let down: [Double] = [0, 0, -0.002, 0, 0, 0, 1]

    /// A policy at 5 Hz whose chunks come `delays[k]` ms after their observation.
    private func run(delays: [Int], margin: Duration) throws -> [ChunkReport] {
        let arm = try widowX()
        let configuration = ArmControllerConfiguration(
            rate: Rate(hertz: 100), executionHorizon: 4, watchdog: .seconds(1), startMargin: margin)
        var bench = Bench(
            ArmController(calibration: arm, configuration: configuration, measured: standing(at: arm.neutral)),
            measured: standing(at: arm.neutral))
        let four = [[Double]](repeating: Self.down, count: 4)
        var elapsed = 0
        for (index, delay) in delays.enumerated() {
            let arrival = index * 200 + delay
            bench.run(milliseconds: arrival - elapsed)
            elapsed = arrival
            bench.receive(try chunk(four, id: UInt64(index), observedAt: index * 200))
        }
        bench.run(milliseconds: 1000)
        return bench.reports.filter { $0.stepsExecuted > 0 }
    }

    /// Every fourth chunk comes 20 ms later than the first did.
    private static let jittering = (0..<24).map { $0 == 0 || $0 % 4 != 0 ? 50 : 70 }

    @Test func withAMarginEachChunkThatTakesOverIsTheFreshest() throws {
        let reports = try run(delays: Self.jittering, margin: .milliseconds(50))
        // After the last chunk nothing fresh comes: what follows is the rest of the newest one.
        let takeovers = reports.prefix(6)
        #expect(takeovers.map(\.chunkID) == [0, 4, 8, 12, 16, 20])
        #expect(takeovers.allSatisfy { $0.stepsSkipped == 0 })
    }

    @Test func withoutAMarginALateOneIsMissedAndAStepIsLost() throws {
        let reports = try run(delays: Self.jittering, margin: .zero)
        #expect(reports.dropFirst().contains { $0.stepsSkipped > 0 })
    }

    @Test func theMarginIsNotWaitedOutWhenThatWouldCostAStep() throws {
        // 170 ms after its observation: 50 ms more would be in the next step.
        let reports = try run(delays: [170], margin: .milliseconds(50))
        #expect(reports.first?.stepsSkipped == 0)
        #expect(reports.first?.stepsExecuted == 4)
    }
}
