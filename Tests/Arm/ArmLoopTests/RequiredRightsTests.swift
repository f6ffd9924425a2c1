import ArmDrivers
import ArmLoop
import Control
import Messages
import RealTime
import Testing
import Time

/// A control loop is refused its rights: a right that nobody has is asked for, so that root is refused it too.
@Suite struct RequiredRightsTests {
    private func loop() throws -> ArmControlLoop<SimulatedArm> {
        let calibration = try widowX()
        return try ArmControlLoop(
            driver: SimulatedArm(positions: calibration.neutral), calibration: calibration, configuration: usual)
    }

    private static let unheardOf = [
        (RealTimeRights(fifoPriority: nil, locksMemory: false, cpu: 100_000), "on CPU 100000", "taskset -p"),
        (RealTimeRights(fifoPriority: 200, locksMemory: false), "SCHED_FIFO 200", "a priority from 1 to 99"),
    ]

    @Test(arguments: unheardOf)
    func anArmThatRequiresThemDoesNotStartAndSaysWhatToDo(
        rights: RealTimeRights, refused: String, advice: String
    ) throws {
        let loop = try loop()
        let error = #expect(throws: ArmLoopError.self) { try loop.start(rights: rights, areRequired: true) }
        let words = error?.description ?? ""
        for part in [
            "refused real-time rights that arm.realtime.required asks for", refused, advice,
            "Or set arm.realtime.required to false.",
        ] {
            #expect(words.contains(part), "\(words)")
        }
        let wasRunning = loop.end() != nil
        #expect(!wasRunning, "nothing drives the arm any more")
    }

    @Test(arguments: unheardOf)
    func anArmThatDoesNotRequireThemRunsWithoutAndSaysSo(
        rights: RealTimeRights, refused: String, advice: String
    ) throws {
        let loop = try loop()
        let report = try loop.start(rights: rights)
        #expect(!report.isComplete && report.description.contains(refused))
        #expect(report.advice?.contains(advice) == true)
        #expect(loop.takeLoopReport().rights == report.description)
        let wasRunning = loop.end() != nil
        #expect(wasRunning)
    }

    @Test func anArmThatIsGrantedWhatItRequiresRuns() throws {
        let loop = try loop()
        #expect(try loop.start(rights: .none, areRequired: true).isComplete)
        let wasRunning = loop.end() != nil
        #expect(wasRunning)
    }
}
