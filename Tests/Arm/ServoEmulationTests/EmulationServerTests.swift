import Foundation
import ServoEmulation
import ServoProtocol
import TestSupport
import Testing
import Time

/// Faults in the words of `octo-arm help emulate`, and what becomes of the servos.
@Suite struct EmulationServerTests {
    private let bus = EmulatedFeetechBus([.init(id: 1, pulses: 2_000), .init(id: 2, pulses: 2_100)])
    private var server: EmulationServer { EmulationServer(bus: bus, terminal: PseudoTerminal(link: "none")) }

    private func obey(_ line: String) throws {
        var server = server
        try server.obey(line)
    }

    @Test(arguments: [
        ("drop 0.5", \BusFaults.dropProbability, 0.5), ("corrupt 0.25", \.corruptProbability, 0.25),
        ("garble 1", \.garbleProbability, 1), ("delay 0.02", \.delay, 0.02), ("latency 0.016", \.latency, 0.016),
        ("hold 0.3", \.hold, 0.3), ("pause 2", \.pause, 2),
    ])
    func theLineGetsWhatItsWordSays(line: String, field: KeyPath<BusFaults, Double> & Sendable, value: Double) throws {
        try obey(line)
        #expect(bus.faults[keyPath: field] == value)
        var rest = bus.faults
        if let field = field as? WritableKeyPath<BusFaults, Double> { rest[keyPath: field] = 0 }
        #expect(rest == BusFaults(), "and nothing else")
    }

    @Test func answersComeRequestsLate() throws {
        try obey("stale 2")
        #expect(bus.faults.stale == 2)
    }

    @Test func servosGoMissingOneByOneAndComeBackTogether() throws {
        try obey("missing 1")
        try obey("missing 2")
        #expect(bus.faults.missing == [1, 2])
        try obey("missing")
        #expect(bus.faults.missing.isEmpty)
    }

    @Test func aServoGetsWhatItsWordSays() throws {
        try obey("turn 1 2300")
        #expect(bus.position(of: 1) == 2_300 && bus.position(of: 2) == 2_100)
        try obey("heat 2 71")
        #expect(bus.value(of: .presentTemperature, at: 2) == 71 && bus.value(of: .presentTemperature, at: 1) != 71)
        try obey("obstacle 1 2250 2350")
        try obey("torque 1 1")
        let goal = PacketBuffer(capacity: 20)
        Feetech.appendWrite(2_500, to: .goalPosition, of: 1, in: goal)
        bus.advance(to: .zero + .seconds(1))
        bus.receive(goal.bytes, at: .zero + .seconds(1))
        bus.advance(to: .zero + .seconds(9))
        #expect(bus.position(of: 1) == 2_350)
        try obey("obstacle 1")
        bus.advance(to: .zero + .seconds(18))
        #expect(bus.position(of: 1) == 2_500)
        try obey("phase 2 16")
        #expect(bus.value(of: .phase, at: 2) == 16)
    }

    @Test(arguments: [
        "dorp 0.5", "drop", "drop 1.5", "drop half", "delay 11", "latency -1", "stale 101", "missing 9", "missing 300",
        "turn 1",
        "turn 1 40000", "turn 9 100", "error 1 256", "heat 1 300", "obstacle 1 20 10", "level 1 3", "firmware 3",
        "unplug 1",
    ])
    func whatSaysNothingIsRefusedAndChangesNothing(line: String) throws {
        #expect(throws: EmulationError.self) { try obey(line) }
        #expect(bus.faults == BusFaults() && bus.position(of: 1) == 2_000)
    }

    @Test func anEmptyLineSaysNothing() throws { try obey("  ") }

    @Test func theLinkOfALivingTerminalIsNotTakenOver() throws {
        let folder = try TemporaryFolder()
        let link = folder.file("tty")
        let first = PseudoTerminal(link: link)
        try first.requireFreeLink()
        try first.plugIn()
        #expect { try PseudoTerminal(link: link).requireFreeLink() } throws: { "\($0)".contains("is alive") }
        #expect(access(link, R_OK) == 0)
    }

    /// Its terminal's number is free again, and the next one's.
    @Test func whatAKilledOneLeftIsReplaced() throws {
        let folder = try TemporaryFolder()
        let link = folder.file("tty")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/dev/pts/none")
        let terminal = PseudoTerminal(link: link)
        try terminal.requireFreeLink()
        try terminal.plugIn()
        let target = try FileManager.default.destinationOfSymbolicLink(atPath: link)
        terminal.pullOut()
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
        try terminal.plugIn()
        #expect(access(link, R_OK) == 0)
    }
}
