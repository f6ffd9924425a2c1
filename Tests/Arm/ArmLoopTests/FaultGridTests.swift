import ArmDrivers
import ArmLoop
import Foundation
import TestSupport
import Testing

/// Both drivers and the control loop, through every fault of the line, the servos and the process, whatever the arm was
/// doing: it never moves on what was not read.
///
/// A failing case is one line; FAULT_GRID_CASE="so101 drop-0.3 executing 17" runs that alone and tells its story.
@Suite struct FaultGridTests {
    private static let arms: [GridArm: GridArmData] = {
        var arms: [GridArm: GridArmData] = [:]
        for arm in GridArm.allCases { arms[arm] = try? GridArmData(arm) }
        return arms
    }()

    private func judge(_ test: GridCase) throws -> (violations: [GridJudge.Violation], story: [String]) {
        let arm = try #require(Self.arms[test.arm], "the calibration cannot be read")
        switch arm.layout.servoProtocol {
        case .dynamixel:
            let bench = GridBench(test, arm) { port in
                try DynamixelArm(
                    port: port, baud: 1_000_000, layout: arm.layout, period: GridArmData.rate.period, portName: "grid")
            }
            bench.run()
            return (bench.judge.violations, bench.story)
        case .feetech:
            let bench = GridBench(test, arm) { port in
                try FeetechArm(
                    port: port, baud: 1_000_000, layout: arm.layout, period: GridArmData.rate.period, portName: "grid")
            }
            bench.run()
            return (bench.judge.violations, bench.story)
        }
    }

    /// How many seeds each combination gets; more for a longer search.
    private static let seeds = UInt64(ProcessInfo.processInfo.environment["FAULT_GRID_SEEDS"] ?? "") ?? 1
    private static let alone = ProcessInfo.processInfo.environment["FAULT_GRID_CASE"]

    @Test(.enabled(if: alone == nil, "FAULT_GRID_CASE asks for one case"), arguments: GridArm.allCases)
    func noFaultMovesTheArmOnWhatWasNotRead(arm: GridArm) throws {
        let first = SeededGenerator.freshSeed() % 1_000_000
        let cases = GridCase.all(of: arm, seeds: first..<first + Self.seeds)
        var failed = 0
        var rules = [Int](repeating: 0, count: 9)
        for test in cases {
            let (violations, _) = try judge(test)
            if violations.isEmpty { continue }
            failed += 1
            for violation in violations { rules[violation.rule] += 1 }
            print("\(test): " + violations.map { "\($0)" }.joined(separator: "; "))
        }
        let byRule = rules[1...].map(String.init).joined(separator: " ")
        print("\(arm.rawValue): \(failed) of \(cases.count) cases failed; by rule 1 to 8: \(byRule)")
        #expect(failed == 0, "the cases are printed above; run one alone with FAULT_GRID_CASE")
    }

    @Test(.enabled(if: alone != nil, "for one case alone: FAULT_GRID_CASE=\"so101 drop-0.3 executing 17\""))
    func aSingleCaseTellsItsStory() throws {
        let line = Self.alone ?? ""
        let test = try #require(GridCase(line), "FAULT_GRID_CASE: '\(line)' is no case of the grid")
        let (violations, story) = try judge(test)
        print(story.joined(separator: "\n"))
        #expect(violations.isEmpty, "\(test): \(violations)")
    }
}
