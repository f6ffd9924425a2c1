import Images
import Maths
import Messages
import TestSupport
import Testing
import Time
import Wire

@Suite struct RoundTripTests {
    @Test(arguments: Samples.all) func everyMessageComesBackAsItWasSent(_ sample: AnySample) throws {
        #expect(try sample.survivesRoundTrip())
    }

    @Test func pixelsOfAFrameAreSharedAndNotCopied() throws {
        let image = Samples.image(5, 4)
        var frame = Samples.frame
        frame.pixels = .rgb8(image)
        let encoded = try frame.encoded()
        #expect(encoded.bulk === image.pixels)
        #expect(encoded.body.count < 120)
        guard case .rgb8(let received) = try frame.decodedAgain().pixels else {
            Issue.record("an rgb8 frame came back as something else")
            return
        }
        #expect(received.pixels === image.pixels)
    }

    @Test func aSingleGoalViewIsSharedAndSeveralLieOneAfterTheOther() throws {
        let single = Goal(
            id: "a", name: "a", views: [.init(camera: "primary", image: Samples.image(4, 4))], text: nil)
        #expect(try single.encoded().bulk === single.views[0].image.pixels)

        let bulk = try #require(try Samples.goal.encoded().bulk)
        let (primary, wrist) = (Samples.pixels(24), Samples.pixels(18, seed: 9))
        withExtendedLifetime((primary, wrist)) {
            #expect(bulk.bytes.elementsEqual(Array(primary.bytes) + Array(wrist.bytes)))
        }
    }

    @Test func viewsOfAReceivedGoalLookIntoTheBulkPart() throws {
        let encoded = try Samples.goal.encoded()
        let bulk = try #require(encoded.bulk)
        let decoded = try Goal(reading: encoded.body, bulk: bulk)
        let start = try #require(bulk.bytes.baseAddress)
        #expect(decoded.views.map(\.camera) == ["primary", "wrist"])
        #expect(decoded.views[0].image.pixels.bytes.baseAddress == start)
        #expect(decoded.views[1].image.pixels.bytes.baseAddress == start + 4 * 2 * 3)
    }

    @Test func receivedPixelsKeepTheBulkPartAlive() throws {
        // The part of the message that they came in is out of scope by the time they are looked at.
        let views = try Samples.goal.decodedAgain().views
        #expect(views == Samples.goal.views)
        let windows = try Samples.observation.decodedAgain().views
        #expect(windows == Samples.observation.views)
    }

    @Test func noGoalHasNoBulkPart() throws {
        #expect(try Goal.none.encoded().bulk == nil)
        #expect(try Goal.none.decodedAgain().isNone)
    }

    @Test func anAbsentTextIsNotAnEmptyOne() throws {
        var goal = Goal.none
        goal.text = ""
        #expect(try goal.decodedAgain().text == "")
        goal.text = nil
        #expect(try goal.decodedAgain().text == nil)
    }

    @Test(arguments: [-1, 0, 1, -1_000_000_001, 999_999_999, 1_000_000_000, 86_400_000_000_123] as [Int64])
    func captureTimesSurviveTheSplitIntoSecondsAndNanoseconds(_ nanoseconds: Int64) throws {
        var frame = Samples.frame
        frame.captureTime = MonotonicTime(nanoseconds: nanoseconds)
        #expect(try frame.decodedAgain().captureTime == frame.captureTime)
    }

    @Test func numbersThatAreNotFiniteReachTheArmWhichRefusesThem() throws {
        var chunk = Samples.chunk
        chunk.actions[3] = .infinity
        #expect(try chunk.decodedAgain() == chunk)
        chunk.actions[4] = .nan
        #expect(try chunk.decodedAgain().actions[4].isNaN)
    }

    @Test(arguments: HoldReason.allCases) func everyHoldReasonTravels(_ reason: HoldReason) throws {
        var state = Samples.armState
        state.mode = .holding(reason)
        #expect(try state.decodedAgain().mode == .holding(reason))
    }

    @Test(arguments: ChunkReport.Outcome.allCases) func everyOutcomeTravels(_ outcome: ChunkReport.Outcome) throws {
        var report = Samples.chunkReport
        report.outcome = outcome
        #expect(try report.decodedAgain().outcome == outcome)
    }

    @Test(arguments: NodeStatus.State.allCases) func everyNodeStateTravels(_ state: NodeStatus.State) throws {
        var status = Samples.status
        status.state = state
        #expect(try status.decodedAgain().state == state)
    }

    @Test(arguments: ActionSpace.allCases) func everyActionSpaceTravels(_ space: ActionSpace) throws {
        var chunk = Samples.chunk
        chunk.actionSpace = space
        #expect(try chunk.decodedAgain().actionSpace == space)
    }

    @Test(arguments: [0, JointVector.capacity]) func theFewestAndTheMostJointsTravel(_ count: Int) throws {
        var state = Samples.armState
        let joints = JointVector(repeating: .pi, count: count)
        state.measured.positions = joints
        state.measured.velocities = joints
        state.setpoint = JointSetpoint(positions: joints, velocities: joints, gripper: 0)
        #expect(try state.decodedAgain() == state)
    }

    @Test func envelopesComeBackAsTheyWereSent() throws {
        var envelope = Envelope(
            schema: "octo.Goal", sequence: 1 << 40, captureTime: nil, publishTime: Samples.time(5), sourceNode: "goal",
            instanceID: .max, runID: "2026-11-23-1", traceID: 7, hostID: "b00t")
        #expect(try envelope.decodedAgain() == envelope)
        // Zero is a stamp like any other; only an absent one is none.
        envelope.captureTime = .zero
        #expect(try envelope.decodedAgain() == envelope)
    }

    /// The envelope is written and read by hand; the generated code must agree, both ways.
    @Test func envelopesAreWhatTheSchemaSays() throws {
        var generator = SeededGenerator(seed: 0xB05_0006)
        for _ in 0..<500 {
            func number() -> UInt64 { generator.next() >> UInt64.random(in: 0..<64, using: &generator) }
            func text() -> String { String("kernel ✓ bus ö".prefix(Int.random(in: 0...14, using: &generator))) }
            func time() -> MonotonicTime { MonotonicTime(nanoseconds: Int64(number() >> 4) - 5) }
            let envelope = Envelope(
                schema: "octo." + text(), sequence: number() >> 24,
                captureTime: Bool.random(using: &generator) ? time() : nil,
                publishTime: time(), sourceNode: text(), instanceID: number(), runID: text(), traceID: number(),
                hostID: text())
            let bytes = try envelope.encoded()
            #expect(try EnvelopeSchema.bytes(of: envelope) == bytes, "seed \(generator.seed)")
            #expect(try envelope.decodedAgain() == envelope, "seed \(generator.seed)")
        }
        let newer = Field.text(1, "octo.Goal") + Field.fixed32(44, 7) + Field.varint(45, 9) + Field.text(46, "x")
        #expect(try newer.withUnsafeBytes { bytes in try Envelope(bytes: bytes) }.schema == "octo.Goal")
    }

    @Test(arguments: [[0x41, 0xC3, 0xA9], [], Array("✓ kernel".utf8)] as [[UInt8]]) func wellFormedTextIsRead(
        _ bytes: [UInt8]
    ) {
        #expect(bytes.withUnsafeBytes { String(wellFormed: $0) } == String(decoding: bytes, as: UTF8.self))
    }

    @Test(arguments: [[0xFF], [0x41, 0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0x80, 0x41]] as [[UInt8]])
    func illFormedTextIsRefusedAndNotMended(_ bytes: [UInt8]) {
        #expect(bytes.withUnsafeBytes { String(wellFormed: $0) } == nil)
    }

    /// Standard viewers read fields 1 to 7 by these numbers and types.
    @Test func aFrameIsReadFromTheFieldNumbersOfTheImageSchema() throws {
        let body =
            Field.bytes(1, Field.varint(1, 2) + Field.varint(2, 5)) + Field.fixed32(2, 2) + Field.fixed32(3, 1)
            + Field.text(4, "rgb8") + Field.fixed32(5, 6) + Field.text(7, "primary") + Field.varint(101, 9)
        let frame = try CameraFrame(reading: body, bulk: Samples.pixels(6))
        #expect(
            frame
                == CameraFrame(
                    camera: "primary", deviceID: "", sequence: 9,
                    captureTime: MonotonicTime(nanoseconds: 2_000_000_005),
                    pixels: .rgb8(Samples.image(2, 1)), contentHash: 0))
    }

    @Test func fieldsOfANewerVersionArePassedOver() throws {
        let encoded = try Samples.status.encoded()
        #expect(try NodeStatus(reading: encoded.body + Field.text(200, "to come")) == Samples.status)
    }
}

extension Envelope {
    fileprivate func decodedAgain() throws -> Envelope {
        try encoded().withUnsafeBytes { bytes in try Envelope(bytes: bytes) }
    }
}
