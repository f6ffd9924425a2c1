import Messages
import Teleop
import Testing
import Time

@Suite struct InterventionLogTests {
    private static let policy = ArmMode.executing(chunkID: 1, step: 0)

    /// The kinds that these modes, one after the other, give.
    private func kinds(_ modes: [ArmMode]) -> [RunEvent.Kind] {
        var log = InterventionLog(node: "arm")
        return modes.flatMap { log.receive($0, at: .zero).map(\.kind) }
    }

    @Test func takingTheArmFromThePolicyAndGivingItBackIsOneIntervention() {
        #expect(
            kinds([
                .holding(.waitingForFirstChunk), Self.policy, Self.policy, .manual, .manual, .holding(.released),
                .manual,
                .holding(.released), Self.policy, Self.policy,
            ]) == [.interventionBegan, .interventionEnded])
    }

    @Test func movingAnArmThatNoPolicyHasIsNone() {
        #expect(
            kinds([.holding(.waitingForFirstChunk), .manual, .holding(.released), .manual, .holding(.released)]) == [])
    }

    /// Between its chunks the policy still has the arm.
    @Test(arguments: [HoldReason.chunkExhausted, .noFreshChunk])
    func aHoldOfThePolicysOwnIsNoEnd(reason: HoldReason) {
        #expect(
            kinds([Self.policy, .holding(reason), .manual, Self.policy]) == [.interventionBegan, .interventionEnded])
    }

    @Test func eachTakeOverIsItsOwn() {
        #expect(
            kinds([Self.policy, .manual, Self.policy, .manual, Self.policy]) == [
                .interventionBegan, .interventionEnded, .interventionBegan, .interventionEnded,
            ])
    }

    @Test(arguments: [HoldReason.stalled, .overloaded, .driverFault, .stopping])
    func aFaultEndsIt(reason: HoldReason) {
        let told = kinds([Self.policy, .manual, .holding(reason), .manual])
        #expect(told.filter { $0 != .armHeld && $0 != .armReleased } == [.interventionBegan, .interventionEnded])
    }

    @Test func emergencyStopsAndTheirResetsAreLogged() {
        #expect(
            kinds([
                Self.policy, .holding(.emergencyStop), .holding(.emergencyStop), .holding(.released), Self.policy,
                .manual,
                .holding(.emergencyStop),
            ]) == [.emergencyStop, .emergencyStopReset, .interventionBegan, .emergencyStop, .interventionEnded])
    }

    /// Whoever reads the log finds why the arm stood, and what ended it.
    @Test func whatHoldsTheArmUntilAPersonEndsItIsLogged() {
        var log = InterventionLog(node: "arm")
        let modes: [ArmMode] = [
            Self.policy, .holding(.overloaded), .holding(.overloaded), .holding(.notFollowing), .holding(.released),
            Self.policy,
            .holding(.emergencyStop), .holding(.awaitingResume), .holding(.released),
        ]
        let events = modes.flatMap { log.receive($0, at: .zero) }
        #expect(
            events.map(\.kind) == [
                .armHeld, .armHeld, .armReleased, .emergencyStop, .emergencyStopReset, .armHeld, .armReleased,
            ])
        #expect(
            events[0].text == "a joint is overloaded: 'octo-arm clear' ends it"
                && events[5].text.contains("'octo-arm resume'"))
        let told = log.receive(.holding(.stalled), condition: "elbow is blocked", at: .zero)
        #expect(told.map(\.text) == ["elbow is blocked"])
    }

    @Test func anEventSaysWhoAndWhen() {
        var log = InterventionLog(node: "arm")
        _ = log.receive(Self.policy, at: .zero)
        let time = MonotonicTime.zero + .seconds(3)
        let who = "octo-teleop (pid 1234)"
        log.noteMotion(by: who)
        let events = log.receive(.manual, at: time)
        #expect(events.map(\.node) == ["arm"] && events.map(\.subject) == [who] && events.map(\.time) == [time])
        #expect(events.map(\.text) == ["octo-teleop (pid 1234) takes the arm from the policy"])
        log.noteCommand(by: "octo-arm (pid 7)")
        let stop = log.receive(.holding(.emergencyStop), at: time)
        #expect(stop.first?.text == "emergency stop by octo-arm (pid 7)" && stop.first?.subject == "octo-arm (pid 7)")
        log.noteCommand(by: "octo-arm (pid 8)")
        let reset = log.receive(.holding(.awaitingResume), at: time)
        #expect(reset.first?.text == "the emergency stop is reset by octo-arm (pid 8)")
        #expect(reset.last?.kind == .armHeld && reset.last?.subject == "", "nobody is made up")
    }
}
