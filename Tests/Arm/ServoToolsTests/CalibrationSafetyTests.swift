import ArmDrivers
import JSONTree
import ServoEmulation
import ServoProtocol
import ServoTools
import TestSupport
import Testing

/// What a calibration must never lose or get wrong: the servos' old registers, the arm it is of, and the joints' zeros.
@Suite struct CalibrationSafetyTests {
    /// All that the servos of an SO-101 remember, each something else.
    private func feetechBus(firmware: (Int, Int) = (3, 10), offset: Int = 33) -> EmulatedFeetechBus {
        EmulatedFeetechBus(
            (1...6).map { id in
                .init(
                    id: UInt8(id), pulses: 2_048 + 10 * id, homingOffset: offset + id,
                    limits: (700 + id)...(3_300 + id),
                    firmware: firmware)
            })
    }

    private func memory(_ bus: EmulatedFeetechBus) -> [[Int?]] {
        bus.ids.map { id in
            [FeetechRegister.phase, .operatingMode, .homingOffset, .minimumPosition, .maximumPosition].map {
                bus.value(of: $0, at: id)
            }
        }
    }

    /// A WidowX-250s whose elbow's servos stand at `elbow`.
    private func dynamixelBus(reversed: Set<Int>, elbow: Int = 2_048) -> EmulatedDynamixelBus {
        var servos: [EmulatedDynamixelBus.Servo] = []
        for id in 1...9 {
            let isReversed = reversed.contains(id)
            let pulses = id == 4 ? elbow : id == 5 ? 4_096 - elbow : 2_048
            let model: DynamixelModel = id > 7 ? .xl430w250 : .xm430w350
            let leader: UInt8 = id == 3 ? 2 : id == 5 ? 4 : 255
            servos.append(
                .init(id: UInt8(id), model: model, pulses: pulses, secondaryID: leader, isReversed: isReversed))
        }
        return EmulatedDynamixelBus(servos)
    }

    private func recorder(_ bus: any EmulatedBus) -> () -> [RegisterWrite] {
        final class Log { var writes: [RegisterWrite] = [] }
        let log = Log()
        bus.onWrite = { log.writes.append($0) }
        return { log.writes }
    }

    // MARK: - Before anything is written

    @Test func nothingIsWrittenBeforeThePersonHoldsTheArm() throws {
        let bus = feetechBus()
        let writes = recorder(bus)
        let bench = try CalibrationBench("so101", bus)
        try bench.perform(bench.session.begin())
        #expect(writes().isEmpty && bench.draft != nil)
        #expect(bench.session.prompt.contains("hold it, and press Enter"))
        #expect(bench.session.prompt.contains("nothing is written to the servos"))
        try bench.answer(.back)
        try bench.answer(.quit)
        #expect(bench.session.isOver && writes().isEmpty)
        #expect(bench.session.farewell == "nothing was kept, and nothing was written to the servos")
    }

    @Test func theDraftKnowsTheOldRegistersBeforeTheFirstWrite() throws {
        let bus = feetechBus()
        let before = memory(bus)
        let bench = try CalibrationBench("so101", bus)
        try bench.perform(bench.session.begin())
        let actions = bench.session.answer(.next)
        guard case .keepDraft(let draft)? = actions.first else {
            Issue.record("the draft comes first: \(actions)")
            return
        }
        let resumed = try bench.resumed(draft)
        #expect(resumed.before == bench.session.before && resumed.hasWritten)
        // A servo that is lost while it begins: four are zeroed, two are not.
        bus.onWrite = { if $0.id == 4, $0.address == FeetechRegister.homingOffset.address { bus.faults.missing = [5] } }
        #expect(throws: ServoToolError.silent(servo: 5)) { try bench.perform(actions) }
        bus.onWrite = nil
        bus.faults.missing = []
        let again = try CalibrationBench("so101", bus, after: bench)
        #expect(memory(bus) != before)
        let found = again.session.before
        again.session = try again.resumed(draft)
        #expect(again.session.differences(from: found, adapter: "usb-Feetech_42") == [])
        try again.answer(.quit)
        #expect(memory(bus) == before)
        #expect(again.session.farewell.contains("have their old registers"))
    }

    /// Whenever the program ends, the next one knows the arm again, and `q` gives everything back.
    @Test func whereverItIsInterruptedNothingIsLost() throws {
        for limit in 1...200 {
            let bus = feetechBus()
            let before = memory(bus)
            let bench = try CalibrationBench("so101", bus)
            bench.writesLeft = limit
            do {
                try bench.perform(bench.session.begin())
                try bench.answer(.next)
                try bench.answer(.next)
                try bench.answer(.back)
            } catch is CalibrationBench.Stop {
                if limit % 3 == 0 { bus.cyclePower() }
                let again = try CalibrationBench("so101", bus, after: bench)
                let found = again.session.before
                again.session = try again.resumed(bench.draft)
                #expect(again.session.differences(from: found, adapter: nil) == [], "after \(limit) writes")
                if limit % 2 == 0 { try again.answer(.next) }
                try again.answer(.quit)
                #expect(memory(bus) == before, "after \(limit) writes")
                bus.cyclePower()
                #expect(memory(bus) == before, "after \(limit) writes, without power in between")
                continue
            }
            #expect(limit > 60, "every write was the last one once")
            return
        }
        Issue.record("it never came to its end")
    }

    @Test func aLaterBeginKeepsTheFirstRegisters() throws {
        let bus = feetechBus()
        let before = memory(bus)
        let bench = try CalibrationBench("so101", bus)
        try bench.begin()
        try bench.answer(.next)
        for _ in 0..<3 {
            let again = try CalibrationBench("so101", bus, after: bench)
            again.session = try again.resumed(bench.draft)
            again.session.beginAnew()
            try again.begin()
            #expect(again.session.stage == .zero)
            bench.draft = again.draft
        }
        bench.session = try bench.resumed()
        try bench.answer(.quit)
        #expect(memory(bus) == before)
    }

    @Test func quittingPutsModesAndPhaseBackAndLocks() throws {
        let bus = feetechBus()
        bus.apply(.phase(28), to: 2)
        let bench = try CalibrationBench("so101", bus)
        try bench.line.write(1, to: .operatingMode, of: 3)
        try bench.line.write(1, to: .lock, of: 3)
        let before = memory(bus)
        bench.session = CalibrationSession(
            layout: bench.layout, names: bench.names, spans: bench.spans,
            before: try bench.line.registers(of: bench.layout.ids),
            origin: bench.origin)
        try bench.begin()
        #expect(bus.value(of: .operatingMode, at: 3) == 0 && bus.value(of: .phase, at: 2) == 12)
        try bench.answer(.quit)
        #expect(memory(bus) == before)
        for id in bus.ids {
            #expect(bus.value(of: .lock, at: id) == 1 && bus.value(of: .torqueEnable, at: id) == 0)
        }
        bus.cyclePower()
        #expect(memory(bus) == before, "it outlasts the power")
    }

    @Test func quittingPutsADynamixelServosModesBack() throws {
        let bus = dynamixelBus(reversed: [3, 5])
        let bench = try CalibrationBench("widowx-250s", bus)
        try bench.line.write(16, to: .operatingMode, of: 9)
        try bench.line.write(4, to: .driveMode, of: 1)
        let fresh = try CalibrationBench("widowx-250s", bus, after: bench)
        try fresh.begin()
        #expect(bus.value(of: .operatingMode, at: 9) == 3 && bus.value(of: .driveMode, at: 7) == 1)
        try fresh.answer(.quit)
        #expect(bus.value(of: .operatingMode, at: 9) == 16)
        #expect(bus.value(of: .driveMode, at: 7) == 0 && bus.value(of: .driveMode, at: 1) == 4)
    }

    // MARK: - Which arm it is

    @Test func anotherArmWithTheSameIdsIsNotTakenForThisOne() throws {
        let own = feetechBus()
        let first = try CalibrationBench("so101", own)
        try first.begin()
        try first.answer(.next)
        func differences(_ bus: EmulatedFeetechBus, adapter: String? = nil) throws -> [String] {
            let writes = recorder(bus)
            let bench = try CalibrationBench("so101", bus, after: bus === own ? first : nil)
            let found = bench.session.before
            let session = try first.resumed()
            defer { #expect(writes().isEmpty) }
            return session.differences(from: found, adapter: adapter)
        }
        #expect(try differences(own) == [])
        let other = try differences(feetechBus(offset: -50))
        #expect(other.contains { $0.hasPrefix("homing offset of servo 1 is -49, expected ") }, "\(other)")
        #expect(other.contains { $0.hasPrefix("minimum position of servo 6 is 706, expected 0") }, "\(other)")
        let older = try differences(feetechBus(firmware: (3, 9)))
        #expect(older.contains("servo 1 has firmware 3.9, expected 3.10"))
        #expect(
            try differences(own, adapter: "usb-Feetech_77")
                == ["the adapter is usb-Feetech_77, expected usb-Feetech_42"])
    }

    // MARK: - The line

    @Test func lostContactEndsNothing() throws {
        let bus = feetechBus()
        let bench = try CalibrationBench("so101", bus)
        try bench.begin()
        try bench.answer(.next)
        try bench.turn(1, to: 900)
        bus.faults.missing = [1]
        for _ in 0..<20 { try bench.look() }
        #expect(
            bench.session.silence?.hasPrefix("no answer from shoulder_pan (servo 1): check the arm's power") == true)
        #expect(bench.session.table[1].contains("does not answer"))
        try bench.answer(.next)
        #expect(bench.session.problem?.contains("no answer from shoulder_pan (servo 1)") == true)
        bus.faults.missing = []
        bus.turn(1, to: 3_200)
        try bench.look()
        #expect(bench.session.silence == nil)
        #expect(bench.session.parts[0].seen == 900...3_200 && !bench.session.parts[0].hasWrapped)
    }

    /// A servo without power locks itself: what it takes then, it would forget.
    @Test func whatIsWrittenAfterAPowerCutOutlastsTheNext() throws {
        let bus = feetechBus()
        let bench = try CalibrationBench("so101", bus)
        try bench.begin()
        bus.cyclePower()
        try bench.answer(.next)
        let offsets = bus.ids.map { bus.value(of: .homingOffset, at: $0) }
        bus.cyclePower()
        #expect(bus.ids.map { bus.value(of: .homingOffset, at: $0) } == offsets)
    }

    // MARK: - Zeros

    @Test func halfASweepIsAskedForAgainWithItsDegrees() throws {
        let bench = try CalibrationBench("so101", feetechBus())
        try bench.begin()
        try bench.answer(.next)
        try bench.sweep(except: [1])
        try bench.turn(1, to: 797)
        try bench.turn(1, to: 2_180)
        try bench.answer(.next)
        #expect(
            bench.session.problem
                == "not moved to both ends yet: shoulder_pan (122° of 220°). Move each as far as it goes, both ways")
        try bench.turn(1, to: 3_299)
        try bench.answer(.next)
        #expect(bench.session.stage == .gripperClosed && bench.session.result.joints[0].zeroPulse == 2_048)
    }

    @Test func aPoseThatWasNotTheMiddleIsAskedForAgain() throws {
        let bench = try CalibrationBench("so101", feetechBus())
        try bench.begin()
        try bench.answer(.next)
        try bench.sweep(except: [2])
        try bench.turn(2, to: 600)
        try bench.turn(2, to: 600 + 2_200)
        try bench.answer(.next)
        let problem = try #require(bench.session.problem)
        #expect(
            problem.hasPrefix("the middle of the sweep is not where step 1 had the joint: shoulder_lift (30°) away"))
        #expect(problem.contains("go back (b)"))
    }

    @Test func aJointThatTurnedFurtherThanItCanIsAskedForAgain() throws {
        let bench = try CalibrationBench("so101", feetechBus())
        try bench.begin()
        try bench.answer(.next)
        try bench.sweep(except: [2])
        try bench.turn(2, to: 2)
        try bench.turn(2, to: 4_094)
        try bench.answer(.next)
        #expect(
            bench.session.problem?.hasPrefix(
                "turned further than it can by the calibration file: shoulder_lift (360° of 200°)")
                == true)
    }

    @Test func aServoThatCountedTurnsIsSetToOne() throws {
        let bus = EmulatedFeetechBus((1...6).map { .init(id: $0, pulses: $0 == 3 ? 5_047 : 2_048) })
        bus.apply(.phase(28), to: 3)
        #expect(bus.position(of: 3) == 5_047)
        let bench = try CalibrationBench("so101", bus)
        try bench.begin()
        #expect(bus.value(of: .phase, at: 3) == 12 && bus.position(of: 3) == 951)
        try bench.answer(.next)
        #expect(bench.session.stage == .sweep && bus.value(of: .homingOffset, at: 3) == 951 - 2_047)
        #expect(bus.position(of: 3) == 2_047)
    }

    /// Were positions of several turns told all the same, the offset that they need is refused, never cut.
    @Test func anOffsetThatDoesNotFitIsRefused() throws {
        let bench = try CalibrationBench("so101", feetechBus())
        try bench.begin()
        bench.session.observe([1: 2_048, 2: 5_047, 3: 2_048, 4: 2_048, 5: 2_048, 6: 2_048])
        #expect(bench.session.answer(.next) == [])
        #expect(bench.session.problem?.contains("shoulder_lift reads 5047, outside of its one turn") == true)
        #expect(bench.session.problem?.contains("would be 3000, and the register holds -2047 to 2047") == true)
        #expect(throws: ServoToolError.doesNotFit(servo: 2, field: .homingOffset, value: 3_000)) {
            try bench.line.write(3_000, to: .homingOffset, of: 2)
        }
    }

    @Test func theEncodersLastPulseHasAnOffsetToo() throws {
        let bus = EmulatedFeetechBus((1...6).map { .init(id: $0, pulses: 4_095) })
        let bench = try CalibrationBench("so101", bus)
        try bench.begin()
        try bench.answer(.next)
        #expect(bus.value(of: .homingOffset, at: 5) == 2_047 && bus.position(of: 5) == 2_048)
        #expect(bench.session.result.joints[4].zeroPulse == 2_048)
    }

    @Test func aDynamixelJointWithANewOffsetHasToBeSwept() throws {
        let bus = dynamixelBus(reversed: [3, 5, 7], elbow: 1_536)
        let bench = try CalibrationBench("widowx-250s", bus)
        try bench.begin()
        try bench.answer(.next)
        try bench.answer(.next)
        #expect(bench.session.problem?.contains("elbow (0° of ") == true)
        try bench.turn(4, to: 648)
        try bench.turn(4, to: 3_094)
        try bench.answer(.next)
        #expect(bench.session.stage == .gripperClosed)
    }
}
