import ArmDrivers
import ServoEmulation
import TestSupport
import Testing
import Time

/// What a tick costs on a line is measured before the arm moves, and what is too slow says why.
@Suite struct SlowLineTests {
    private let budget = ServoBudget(bytesPerTick: 200, baud: 1_000_000, delaySeconds: 0.6e-3)
    private func cost(_ p50: Double) -> LineCost { LineCost(p50: p50, p99: p50 * 1.2, rounds: 50, lost: 0) }

    @Test func anAdapterThatKeepsAnswersBackIsNamedWithItsFileAndTheRule() {
        let timer = (milliseconds: 16, file: "/sys/class/tty/ttyUSB0/device/latency_timer")
        let found = SlowLine(cost(0.018), budget, period: 0.01, timer: timer, refusal: 1)
        #expect(found == .latencyTimer(milliseconds: 16, file: timer.file, refusal: 1))
        for words in ["16 ms", timer.file, "Operation not permitted", "udev rule", "ATTR{latency_timer}=\"1\""] {
            #expect("\(found)".contains(words), "\(found)")
        }
        // One that hands over at once is not to blame.
        #expect(SlowLine(cost(0.018), budget, period: 0.01, timer: (1, timer.file)) == .unknown)
        #expect(SlowLine(cost(0.018), budget, period: 0.01, timer: nil) == .unknown)
    }

    @Test func aRateThatIsTooLowIsNamed() {
        let slow = ServoBudget(bytesPerTick: 200, baud: 57_600, delaySeconds: 0.6e-3)
        let found = SlowLine(cost(0.04), slow, period: 0.02, timer: nil)
        #expect(found == .baud(57_600, wireSeconds: slow.tickSeconds) && "\(found)".contains("octo-arm setup"))
    }

    private func check(_ cost: LineCost?, hertz: Double) throws(ServoStartError) -> String? {
        try budget.check(cost, rate: Rate(hertz: hertz), timer: nil, refusal: 0)
    }

    @Test func bytesThatDoNotFitIntoATickAreRefusedWhateverWasMeasured() {
        let refusal = ServoStartError.notEnoughTime(
            rateHertz: 500, highestHertz: budget.highestHertz, bytes: 200, baud: 1_000_000)
        for measured in [nil, cost(0.0001)] { #expect(throws: refusal) { try check(measured, hertz: 500) } }
    }

    @Test func aLineOnWhichHalfOfTheAnswersAreLateIsRefused() throws {
        #expect(throws: ServoStartError.slowLine(cost(0.0091), rateHertz: 100, cause: "\(SlowLine.unknown)")) {
            try check(cost(0.0091), hertz: 100)
        }
        #expect(try check(cost(0.008), hertz: 100) == nil)
        #expect(try check(nil, hertz: 100) == nil, "a line that is not measured")
    }

    /// The machine may have been busy.
    @Test func aFewLateAnswersAreToldAndDoNotStopTheArm() throws {
        let warning = try check(LineCost(p50: 0.003, p99: 0.012, rounds: 50, lost: 0), hertz: 100)
        #expect(warning?.hasPrefix("some answers take longer than a control tick: answers take 3.0 ms") == true)
    }

    @Test func theErrorSaysWhatWasMeasured() {
        let error = ServoStartError.slowLine(cost(0.018), rateHertz: 100, cause: "\(SlowLine.unknown)")
        #expect("\(error)".contains("answers take 18.0 ms") && "\(error)".contains("100") && "\(error)".contains("hub"))
    }

    /// The drivers time the line with their own questions.
    @Test func whatAnAdapterCostsIsMeasuredAtTheStart() throws {
        for latency in [0, 0.016] {
            let bus = TestArm.feetechBus(at: TestArm.start)
            bus.faults.latency = latency
            let arm = try FeetechArm(
                port: EmulatedPort(bus), baud: 1_000_000, layout: TestArm.feetech, period: .milliseconds(50),
                portName: "test")
            let cost = try #require(arm.lineCost)
            #expect(cost.rounds >= 50 && cost.lost == 0 && cost.p50 <= cost.p99)
            #expect(latency == 0 ? cost.p50 < 0.004 : (0.014...0.04).contains(cost.p50), "\(cost)")
        }
    }

    @Test func aPortWithoutATimerHasNone() { #expect(SlowLine.latencyTimer(of: "/dev/null") == nil) }
}
