import ArmDrivers
import JSONTree
import ServoEmulation
import ServoTools
import TestSupport
import Testing

/// SO-101 servos whose encoders stand anywhere.
private func feetechBus(_ middle: [Int] = [3_900, 100, 2_048, 1_500, 2_900, 700]) -> EmulatedFeetechBus {
    EmulatedFeetechBus(
        middle.enumerated().map { .init(id: UInt8($0.offset + 1), pulses: $0.element, homingOffset: 33) })
}

/// Half of each joint's travel, pulses, as an SO-101 is built.
private let halfTravel = [1_250, 1_137, 1_100, 1_080]

@Suite struct CalibrationSessionTests {
    /// Up to the review; the hand placed the joints `error` pulses beside the middle.
    private func calibrated(_ bench: CalibrationBench, error: Int = 0) throws {
        try bench.begin()
        for id in UInt8(1)...4 { bench.bus.turn(id, to: ((bench.bus.position(of: id) ?? 0) + error) & 4_095) }
        try bench.answer(.next)
        #expect(bench.session.stage == .sweep)
        for (joint, half) in halfTravel.enumerated() {
            try bench.turn(UInt8(joint + 1), to: 2_047 - error - half)
            try bench.turn(UInt8(joint + 1), to: 2_047 - error + half)
        }
        try bench.answer(.next)
        #expect(bench.session.stage == .gripperClosed)
        try bench.turn(6, to: 1_500)
        try bench.answer(.next)
        try bench.turn(6, to: 2_600)
        try bench.answer(.next)
        #expect(bench.session.stage == .review)
    }

    @Test(arguments: [0, 60, -75])
    func aFeetechArmGetsItsOffsetsAndTheMiddleOfItsSweepIsZero(error: Int) throws {
        let bus = feetechBus()
        let bench = try CalibrationBench("so101", bus)
        try calibrated(bench, error: error)
        try bench.answer(.next)
        let saved = try #require(bench.saved)
        #expect(bench.session.isOver)
        for joint in 0..<4 {
            let half = halfTravel[joint]
            #expect(saved.joints[joint].limits == (2_047 - error - half)...(2_047 - error + half))
            // However the hand placed it: the middle of what it swept.
            #expect(saved.joints[joint].zeroPulse == 2_047 - error, "\(bench.names[joint])")
        }
        #expect(saved.joints[4].limits == 0...4_095 && saved.joints[4].zeroPulse == 2_047)
        #expect(saved.gripper.linkage == .linear(closedPulse: 1_500, openPulse: 2_600))
        #expect(saved.gripper.limits == 1_500...2_600)
        for part in saved.parts {
            #expect(bus.value(of: .homingOffset, at: part.id) == part.homingOffset)
            #expect(bus.value(of: .minimumPosition, at: part.id) == part.limits.lowerBound)
            #expect(bus.value(of: .maximumPosition, at: part.id) == part.limits.upperBound)
            #expect(bus.value(of: .lock, at: part.id) == 1)
            #expect(bus.value(of: .torqueEnable, at: part.id) == 0)
        }
        // The registers outlast the power, and the arm is as its file says.
        bus.cyclePower()
        #expect(try ServoCheck(saved, on: bench.line).findings == [])
        #expect(try !ServoCheck(bench.layout, on: bench.line).isSound)
    }

    @Test func nothingMovesByItself() throws {
        let bus = feetechBus()
        var powered = 0
        let before = bus.ids.map { bus.value(of: .presentPosition, at: $0)! + 33 }
        bus.onWrite = { write in if write.address == 40, write.data != [0] { powered += 1 } }
        let bench = try CalibrationBench("so101", bus)
        try bench.begin()
        try bench.answer(.next)
        #expect(powered == 0)
        let after = bus.ids.map {
            (bus.value(of: .presentPosition, at: $0)! + bus.value(of: .homingOffset, at: $0)!) & 4_095
        }
        #expect(before.map { $0 & 4_095 } == after)
    }

    @Test func aSweepThatIsNotCompleteNamesTheJoints() throws {
        let bench = try CalibrationBench("so101", feetechBus())
        try bench.begin()
        try bench.answer(.next)
        try bench.turn(1, to: 800)
        try bench.turn(1, to: 3_200)
        try bench.turn(2, to: 2_300)
        try bench.answer(.next)
        #expect(bench.session.stage == .sweep)
        let problem = try #require(bench.session.problem)
        #expect(
            problem
                == """
                not moved to both ends yet: shoulder_lift (22° of 200°), elbow_flex (0° of 194°), wrist_flex (0° \
                of 190°). \
                Move each as far as it goes, both ways
                """)
    }

    @Test func aJointThatPassesTheEndOfItsEncoderIsNamed() throws {
        let bench = try CalibrationBench("so101", feetechBus())
        try bench.begin()
        try bench.answer(.next)
        bench.bus.turn(2, to: 4_090)
        try bench.look()
        bench.bus.turn(2, to: 5)
        try bench.answer(.next)
        #expect(bench.session.problem?.contains("shoulder_lift went past") == true)
        // Back, and it is as at the beginning.
        try bench.answer(.back)
        #expect(bench.session.stage == .zero)
        try bench.answer(.next)
        #expect(bench.session.parts[1].hasWrapped == false)
    }

    @Test func aGripperThatDidNotOpenIsRefused() throws {
        let bench = try CalibrationBench("so101", feetechBus())
        try calibrated(bench)
        try bench.answer(.back)
        try bench.turn(6, to: 1_520)
        try bench.answer(.next)
        #expect(bench.session.stage == .gripperOpen && bench.session.problem != nil)
    }

    @Test func givingUpPutsTheRegistersBack() throws {
        let bus = feetechBus()
        let bench = try CalibrationBench("so101", bus)
        try calibrated(bench)
        try bench.answer(.quit)
        #expect(bench.session.isOver && bench.saved == nil)
        for id in bus.ids {
            #expect(bus.value(of: .homingOffset, at: id) == 33)
            #expect(bus.value(of: .minimumPosition, at: id) == 0 && bus.value(of: .maximumPosition, at: id) == 4_095)
        }
    }

    @Test func itGoesOnWithItsDraftAfterAPowerCut() throws {
        let bus = feetechBus()
        let bench = try CalibrationBench("so101", bus)
        try bench.begin()
        try bench.answer(.next)
        try bench.turn(1, to: 800)
        try bench.turn(1, to: 3_200)
        try bench.look()
        let draft = bench.session.draft
        bus.cyclePower()

        let again = try CalibrationBench("so101", bus, after: bench)
        let found = again.session.before
        again.session = try again.resumed(draft)
        #expect(again.session.differences(from: found, adapter: "usb-Feetech_42") == [])
        #expect(again.session.prompt.contains("goes on with the calibration of 2026-01-31 12:00, at step 'sweep'"))
        try again.begin()
        #expect(again.session.stage == .sweep)
        #expect(again.session.parts[0].seen == 800...3_200)
        #expect(again.session.before == bench.session.before)
        for part in again.session.parts { #expect(bus.value(of: .homingOffset, at: part.id) == part.homingOffset) }
    }

    @Test func draftsOfOtherArmsAreNotTaken() throws {
        let bench = try CalibrationBench("so101", feetechBus())
        let draft = bench.session.draft
        let dynamixel = try CalibrationBench("widowx-250s", dynamixelBus())
        #expect(
            CalibrationSession(layout: dynamixel.layout, names: dynamixel.names, spans: dynamixel.spans, draft: draft)
                == nil)
        for key in ["stage", "parts", "servos", "version", "begun", "written"] {
            let broken = draft.with(key, nil)
            #expect(
                CalibrationSession(layout: bench.layout, names: bench.names, spans: bench.spans, draft: broken) == nil)
        }
    }

    // MARK: - Dynamixel

    /// A WidowX-250s whose shoulder's second servo sits 30 pulses beside its place.
    private func dynamixelBus(elbow: Int = 2_048) -> EmulatedDynamixelBus {
        EmulatedDynamixelBus(
            (1...9).map { id in
                let isReversed = [3, 5, 7].contains(id)
                var pulses = 2_048
                if id == 3 { pulses = 2_078 }
                if id == 4 || id == 5 { pulses = isReversed ? 4_096 - elbow : elbow }
                return .init(
                    id: UInt8(id), model: id > 7 ? .xl430w250 : .xm430w350, pulses: pulses,
                    secondaryID: id == 3 ? 2 : id == 5 ? 4 : 255, isReversed: isReversed)
            })
    }

    @Test func aDynamixelArmKeepsTheZeroOfItsHornsAndAlignsShadows() throws {
        let bus = dynamixelBus()
        let bench = try CalibrationBench("widowx-250s", bus)
        try bench.begin()
        // A hand is 3° off.
        for id in [UInt8(1), 6, 7, 8] { bus.turn(id, to: 2_048 + 34) }
        try bench.answer(.next)
        #expect(bench.session.stage == .sweep)
        #expect(bus.value(of: .homingOffset, at: 1) == 0)
        #expect(abs(bus.position(of: 2)! - bus.position(of: 3)!) <= 1)
        // Only the elbow is swept, not as far as the file allows.
        try bench.turn(4, to: 900)
        try bench.turn(4, to: 3_300)
        try bench.answer(.next)
        try bench.turn(9, to: 1_200)
        try bench.answer(.next)
        try bench.turn(9, to: 2_700)
        try bench.answer(.next)
        try bench.answer(.next)
        let saved = try #require(bench.saved)
        #expect(saved.joints[2].limits == 900...3_094)
        #expect(saved.joints[1].limits == 819...3_345)
        #expect(saved.gripper.limits == 1_200...2_700)
        #expect(saved.gripper.linkage == bench.layout.gripper.linkage)
        #expect(bus.value(of: .minimumPosition, at: 5) == 900 && bus.value(of: .maximumPosition, at: 5) == 3_094)
        for id in bus.ids { bus.turn(id, to: 2_048) }
        #expect(try ServoCheck(saved, on: bench.line).findings == [])
    }

    @Test func aHornThatSitsElsewhereGetsAnOffset() throws {
        let bus = dynamixelBus(elbow: 2_048 - 512)
        let bench = try CalibrationBench("widowx-250s", bus)
        try bench.begin()
        try bench.answer(.next)
        #expect(bench.session.stage == .sweep)
        #expect(bus.value(of: .homingOffset, at: 4) == 512)
        #expect(bus.position(of: 4) == 2_048)
        #expect(abs(bus.position(of: 5)! - 2_048) <= 1)
    }

    @Test func aHornThatNoOffsetCanMendIsRefused() throws {
        let bench = try CalibrationBench("widowx-250s", dynamixelBus(elbow: 500))
        try bench.begin()
        try bench.answer(.next)
        #expect(bench.session.stage == .zero)
        #expect(bench.session.problem?.contains("elbow stands") == true)
    }

    @Test func aServoThatDoesNotAnswerIsNamed() throws {
        let bus = feetechBus()
        let bench = try CalibrationBench("so101", bus)
        bus.faults.missing = [3]
        #expect(throws: ServoToolError.silent(servo: 3)) { try bench.begin() }
        #expect(ServoToolError.silent(servo: 3).description.contains("servo 3"))
    }

    @Test func everyStageHasAPromptAndATableOfItsParts() throws {
        let bench = try CalibrationBench("so101", feetechBus())
        try calibrated(bench)
        for stage in CalibrationSession.Stage.allCases.reversed() {
            #expect(bench.session.stage == stage)
            #expect(bench.session.prompt.contains("q ends") && bench.session.table.count == 7)
            #expect(bench.session.table.allSatisfy { $0.count < 100 })
            try bench.answer(.back)
        }
    }
}
