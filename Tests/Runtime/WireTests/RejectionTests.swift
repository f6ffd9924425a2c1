import Files
import Images
import Maths
import Messages
import Testing
import Time
import Wire

/// What no correct sender sends is refused with the field's name, on the way out and on the way in.
@Suite struct RejectionTests {
    private func expectRefusal(
        naming field: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
    ) {
        #expect("\(field) must be refused", sourceLocation: sourceLocation) {
            try body()
        } throws: { error in
            guard let error = error as? WireError, case .invalid(_, let found, _, _) = error else { return false }
            return found.contains(field)
        }
    }

    private func expectUnsendable(
        _ message: some WireMessage, naming field: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        expectRefusal(naming: field, sourceLocation: sourceLocation) { _ = try message.encoded() }
    }

    /// A correct message with fields appended that change it.
    private func expectUnreadable<M: WireMessage>(
        _ message: M, changedBy fields: [UInt8], bulk: SharedBytes? = nil, naming field: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let encoded = try message.encoded()
        expectRefusal(naming: field, sourceLocation: sourceLocation) {
            _ = try M(reading: encoded.body + fields, bulk: bulk ?? encoded.bulk)
        }
    }

    @Test(arguments: [0, 59, 61]) func framesWhosePixelsDoNotFitTheSizeAreRefused(_ count: Int) throws {
        try expectUnreadable(Samples.frame, changedBy: [], bulk: Samples.pixels(count), naming: "bulk")
    }

    @Test func framesWhoseSizeDoesNotFitThePixelsAreRefused() throws {
        let wider = Field.fixed32(2, 6)
        try expectUnreadable(Samples.frame, changedBy: wider, naming: "step")
        try expectUnreadable(Samples.frame, changedBy: wider + Field.fixed32(5, 18), naming: "bulk")
    }

    @Test func sizesThatAreNoneOrWhoseProductOverflowsAreRefused() throws {
        for side in [0, UInt32.max, 16_385] {
            let fields = Field.fixed32(2, side) + Field.fixed32(3, side) + Field.fixed32(5, side &* 3)
            try expectUnreadable(Samples.frame, changedBy: fields, naming: "image")
        }
        // Views: camera, width, height; wider than any image.
        let view = Field.text(1, "z") + Field.varint(2, UInt64(UInt32.max)) + Field.varint(3, UInt64(UInt32.max))
        try expectUnreadable(Samples.goal, changedBy: Field.bytes(3, view), naming: "view of 'z'")
        try expectUnreadable(Samples.observation, changedBy: Field.bytes(4, view), naming: "view of 'z'")
    }

    @Test func framesOfAnotherEncodingAreRefused() throws {
        try expectUnreadable(Samples.frame, changedBy: Field.text(4, "bgr8"), naming: "encoding")
        try expectUnreadable(Samples.frame, changedBy: Field.text(4, "jpeg"), naming: "step")
        let body = try Samples.jpegFrame.encoded().body
        expectRefusal(naming: "bulk") { _ = try CameraFrame(reading: body, bulk: nil) }
    }

    @Test(
        arguments: [(.max, 0), (.min, 0), (1 << 30 + 1, 0), (0, -1), (0, 1_000_000_000), (0, -2_147_483_648)]
            as [(Int64, Int64)])
    func timestampsOutsideTheirRangeAreRefused(_ seconds: Int64, _ nanoseconds: Int64) throws {
        let stamp = Field.varint(1, signed: seconds) + Field.varint(2, signed: nanoseconds)
        try expectUnreadable(Samples.frame, changedBy: Field.bytes(1, stamp), naming: "timestamp")
    }

    @Test func stampsFromWhichDifferencesCouldOverflowAreRefused() throws {
        try expectUnreadable(Samples.chunk, changedBy: Field.fixed64(4, .max), naming: "capture_ns")
        try expectUnreadable(Samples.chunkReport, changedBy: Field.fixed64(5, .min), naming: "first_setpoint_ns")
        try expectUnreadable(Samples.armState, changedBy: Field.fixed64(4, .max), naming: "measured_ns")
        var late = Samples.chunk
        late.inferredTime = MonotonicTime(nanoseconds: .max)
        expectUnsendable(late, naming: "inferred_ns")
        var early = Samples.frame
        early.captureTime = MonotonicTime(nanoseconds: .min)
        expectUnsendable(early, naming: "timestamp")
    }

    @Test func aFrameWithoutTimestampIsRefused() {
        let body = Field.fixed32(2, 1) + Field.fixed32(3, 1) + Field.text(4, "rgb8") + Field.fixed32(5, 3)
        expectRefusal(naming: "timestamp") { _ = try CameraFrame(reading: body, bulk: Samples.pixels(3)) }
    }

    @Test func viewsMustBeInOrderAndOnce() throws {
        func view(_ camera: String) -> [UInt8] {
            Field.bytes(3, Field.text(1, camera) + Field.varint(2, 1) + Field.varint(3, 1))
        }
        for cameras in [["wrist", "primary"], ["primary", "primary"]] {
            expectRefusal(naming: "order") {
                _ = try Goal(reading: cameras.flatMap(view), bulk: Samples.pixels(6))
            }
        }
        var twice = Samples.goal
        twice.views = [twice.views[0], twice.views[0]]
        expectUnsendable(twice, naming: "order")
    }

    @Test func pixelsMayNotSlipFromOneViewIntoTheNext() {
        var observation = Samples.observation
        observation.views[0].pixels = Samples.pixels(60)
        observation.views[1].pixels = Samples.pixels(36)
        expectUnsendable(observation, naming: "primary")
        observation.views[1].pixels = Samples.pixels(24)
        expectUnsendable(observation, naming: "bulk")
    }

    @Test(arguments: [0, 257]) func anObservationHasAWindowOfSensibleLength(_ length: Int) {
        var observation = Samples.observation
        observation.timestepPadMask = Array(repeating: true, count: length)
        expectUnsendable(observation, naming: "timestep_pad_mask")
    }

    @Test(arguments: [1, 3]) func aCamerasMaskIsAsLongAsTheWindow(_ length: Int) {
        var observation = Samples.maskedObservation
        observation.views[1].padMask = Array(repeating: false, count: length)
        expectUnsendable(observation, naming: "pad_mask of 'wrist'")
    }

    @Test func theArmsNumbersInAnObservationConsistOfWholeRowsWithSensibleStamps() throws {
        var observation = Samples.feelingObservation
        observation.proprio?.values.removeLast()
        expectUnsendable(observation, naming: "proprio.values")
        observation.proprio?.values = []
        expectUnsendable(observation, naming: "proprio.values")
        observation.proprio?.values = Array(repeating: 0, count: 2 * 1_001)
        expectUnsendable(observation, naming: "proprio.values")
        observation = Samples.feelingObservation
        observation.proprio?.after = MonotonicTime(nanoseconds: .max)
        expectUnsendable(observation, naming: "proprio.after_ns")
        try expectUnreadable(
            Samples.observation, changedBy: Field.bytes(6, Field.fixed64(2, .min)), naming: "proprio.before_ns")
        try expectUnreadable(Samples.observation, changedBy: Field.bytes(6, []), naming: "proprio.values")
    }

    @Test func chunksConsistOfWholeRows() throws {
        var chunk = Samples.chunk
        chunk.actions.removeLast()
        expectUnsendable(chunk, naming: "actions")
        chunk.actions = []
        chunk.actionDimension = 0
        expectUnsendable(chunk, naming: "actions")
        chunk.actionDimension = -1
        expectUnsendable(chunk, naming: "action_dimension")
        chunk.actionDimension = 1
        chunk.actions = Array(repeating: 0, count: 65_537)
        expectUnsendable(chunk, naming: "actions")
        try expectUnreadable(Samples.chunk, changedBy: Field.fixed32(8, 0), naming: "actions")
        try expectUnreadable(Samples.chunk, changedBy: Field.varint(7, 0), naming: "actions")
    }

    @Test(arguments: [Duration.zero, .seconds(-1), .seconds(3_601)])
    func stepsTakeTimeButNotForever(_ duration: Duration) {
        var chunk = Samples.chunk
        chunk.stepDuration = duration
        expectUnsendable(chunk, naming: "step_duration_ns")
    }

    @Test(arguments: [0, 14, 99, UInt64.max]) func valuesOfEnumerationsThatAreNotKnownAreRefused(_ value: UInt64) throws
    {
        try expectUnreadable(Samples.chunk, changedBy: Field.varint(9, value), naming: "action_space")
        try expectUnreadable(Samples.holdingState, changedBy: Field.varint(3, value), naming: "holding")
        try expectUnreadable(Samples.chunkReport, changedBy: Field.varint(2, value), naming: "outcome")
        try expectUnreadable(Samples.status, changedBy: Field.varint(3, value), naming: "state")
    }

    @Test func jointVectorsMustAgreeAndFit() throws {
        try expectUnreadable(Samples.armState, changedBy: Field.double(5, 0), naming: "joints")
        let three = (0..<3).map { _ in [5, 6, 8, 9].flatMap { Field.double($0, 0) } }
        try expectUnreadable(Samples.armState, changedBy: three.flatMap { $0 }, naming: "joints")
    }

    @Test func loadsAndBlameBelongToTheJointsThereAre() throws {
        try expectUnreadable(Samples.armState, changedBy: Field.double(15, 0.5), naming: "joints")
        try expectUnreadable(Samples.armState, changedBy: Field.double(16, 40), naming: "joints")
        try expectUnreadable(Samples.armState, changedBy: Field.varint(17, 7), naming: "blamed_joint")
        #expect(throws: Never.self) {
            let encoded = try Samples.armState.encoded()
            _ = try ArmState(reading: encoded.body + Field.varint(17, 6))
        }
    }

    @Test func commandsAreSomeonesAndAskForSomething() throws {
        var command = Samples.command
        command.operatorID = ""
        expectUnsendable(command, naming: "operator_id")
        try expectUnreadable(Samples.command, changedBy: Field.varint(3, 0), naming: "action")
        try expectUnreadable(Samples.command, changedBy: Field.varint(3, 6), naming: "action")
        expectRefusal(naming: "motion") { _ = try ManualCommand(reading: Field.fixed64(1, 5)) }
        expectUnsendable(
            ManualCommand(time: .zero, isDeadManHeld: true, motion: .joints(JointVector(repeating: 0, count: 0))),
            naming: "joints")
    }

    @Test func anArmStateHasAModeAndPoses() {
        let poses = Field.bytes(11, []) + Field.bytes(12, [])
        expectRefusal(naming: "mode") { _ = try ArmState(reading: poses) }
        expectRefusal(naming: "pose") { _ = try ArmState(reading: Field.varint(3, 1)) }
        #expect(throws: Never.self) { try ArmState(reading: poses + Field.varint(3, 1)) }
    }

    @Test func histogramsHaveACountForEachDuration() throws {
        let oneMore = Field.bytes(4, Field.varint(1, 5))
        try expectUnreadable(Samples.loopReport, changedBy: oneMore, naming: "jitter")
        var report = Samples.loopReport
        report.work[0].count = -1
        expectUnsendable(report, naming: "work")
        report = Samples.loopReport
        report.ticks = -1
        expectUnsendable(report, naming: "ticks")
        report = Samples.loopReport
        report.rateHertz = .nan
        expectUnsendable(report, naming: "rate_hz")
    }

    @Test func messagesWithoutPixelsHaveNoBulkPart() throws {
        for sample in Samples.all where try sample.encoded().bulk == nil {
            let body = try sample.encoded().body
            #expect(throws: WireError.self, "\(sample.schema)") { try sample.decode(body, Samples.pixels(1)) }
        }
    }

    @Test func overlongNamesAndTextsAreRefused() {
        var status = Samples.status
        status.node = String(repeating: "n", count: 256)
        expectUnsendable(status, naming: "node")
        status = Samples.status
        status.headline = String(repeating: "h", count: 65_537)
        expectUnsendable(status, naming: "headline")
        status = Samples.status
        status.counters = Array(repeating: .init(name: "c", value: 0), count: 1_025)
        expectUnsendable(status, naming: "counters")
    }

    @Test func envelopesWithoutSchemaAreRefused() {
        expectRefusal(naming: "schema") {
            _ = try Field.fixed64(4, 5).withUnsafeBytes { bytes in try Envelope(bytes: bytes) }
        }
    }

    @Test func anErrorSaysWhereWhatAndWhatToDo() {
        let error = WireError.invalid(
            schema: "octo.Goal", field: "the bulk part", found: "3 bytes long", expected: "12 bytes for 1 views")
        #expect(error.description.contains("octo.Goal: the bulk part is 3 bytes long, expected 12 bytes"))
        #expect(error.description.contains("build and start all nodes from one version"))
    }
}
