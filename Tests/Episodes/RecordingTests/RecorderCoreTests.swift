import Images
import MCAPFiles
import Messages
import Recording
import TestSupport
import Testing
import Time
import Wire

@Suite struct RecorderCoreTests {
    private func envelope(_ sequence: UInt64, instance: UInt64 = 1, schema: String = "octo.Thing") -> Envelope {
        Envelope(
            schema: schema, sequence: sequence, captureTime: nil, publishTime: MonotonicTime(nanoseconds: 10),
            sourceNode: "n",
            instanceID: instance, runID: "r", traceID: 0, hostID: "h")
    }

    private func time(_ seconds: Double) -> MonotonicTime { .zero + .fromSeconds(seconds) }

    @discardableResult
    private func send(
        _ core: inout RecorderCore, _ topic: String, _ sequence: UInt64, at seconds: Double, body: [UInt8] = [8, 1]
    ) throws -> [RecorderCore.Action] {
        try core.receive(
            topic: topic, envelope: envelope(sequence), body: body, bulk: nil, at: time(seconds), wallTime: "wall")
    }

    private func ask(
        _ core: inout RecorderCore, _ action: EpisodeCommand.Action, _ text: String = "", id: UInt64 = 1,
        at seconds: Double = 0
    ) -> [RecorderCore.Action] {
        core.receive(
            EpisodeCommand(id: id, operatorID: "me", action: action, text: text, time: time(seconds)),
            at: time(seconds),
            wallTime: "wall")
    }

    private func written(_ actions: [RecorderCore.Action]) -> [UInt32] {
        actions.compactMap { if case .write(let message) = $0 { message.sequence } else { nil } }
    }

    private func answer(_ actions: [RecorderCore.Action]) -> EpisodeResult? {
        if case .answer(let result)? = actions.last { result } else { nil }
    }

    private func closing(_ actions: [RecorderCore.Action]) -> [String: [String: String]] {
        for case .close(let closing) in actions {
            return Dictionary(closing.records().map { ($0.name, $0.metadata) }, uniquingKeysWith: { first, _ in first })
        }
        return [:]
    }

    // MARK: Sequences

    @Test func gapsAreNamedWithTheirRanges() {
        var proof = SequenceProof()
        for number in [5, 6, 9, 9, 20] as [UInt64] { proof.receive(envelope(number), on: "a") }
        for number in [2, 3] as [UInt64] { proof.receive(envelope(number, instance: 2), on: "a") }
        proof.receive(envelope(0), on: "b")
        let a = proof.topics["a"]
        // 5...20 of the first instance, 0...3 of the second.
        #expect(a?.expected == 16 + 4 && a?.received == 7 && a?.repeated == 1 && a?.instances == 2)
        #expect(a?.missing == [7...8, 10...19, 0...1] && a?.missingCount == 14)
        #expect(proof.topics["b"]?.missing == [] && proof.missingCount == 14)
    }

    @Test func whatIsExpectedIsWhatCameAndWhatIsMissing() {
        let seed = SeededGenerator.freshSeed()
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var proof = SequenceProof()
            var came: Set<UInt64> = []
            for number in 0..<200 as Range<UInt64> where Int.random(in: 0..<10, using: &generator) > 0 {
                proof.receive(envelope(number), on: "a")
                came.insert(number)
            }
            guard let topic = proof.topics["a"], let first = came.min(), let last = came.max() else { continue }
            #expect(topic.expected == topic.received + topic.missingCount, "seed \(seed)")
            #expect(Set(topic.missing.flatMap { Array($0) }) == Set(first...last).subtracting(came), "seed \(seed)")
        }
    }

    @Test func whatTheDiskDidNotTakeIsMissing() throws {
        var core = RecorderCore()
        for number in 0..<10 as Range<UInt64> where number != 4 { try send(&core, "a", number, at: Double(number)) }
        guard case .close(let closing)? = core.end(at: time(10)).first else {
            Issue.record("the episode does not end")
            return
        }
        let channel = try #require(closing.topics.first { $0.value == "a" }?.key)
        var drops = MCAPFileWriter.Drops()
        for number in [6, 7] as [UInt32] { drops.add(number, most: 10) }
        let sequences = closing.records(drops: [channel: drops]).last?.metadata
        #expect(TopicAccount(of: "a", proof: "this is no proof", inFile: 1) == nil)
        #expect(
            sequences?["topic a"] == "sent 10 taken 9 written 7 missing 3 repeated 0: 4-4 6-7"
                && sequences?["missing"] == "3")
    }

    @Test func whatIsLearntLateGoesIntoThisFileAndTheNext() throws {
        var core = RecorderCore()
        let record = MCAP.Attachment(logTime: 0, name: "goals/cup/goal.json", mediaType: "application/json", data: [1])
        let hashes = MCAP.Metadata(name: "checkpoint", metadata: ["step": "1"])
        #expect(core.add(record).isEmpty)
        #expect(try send(&core, "a", 0, at: 0).contains(.attach(record)))
        #expect(core.add(record).isEmpty && core.add(hashes) == [.note(hashes)])
        _ = ask(&core, .stop, id: 1, at: 1)
        let next = ask(&core, .start, "two", id: 2, at: 2)
        #expect(next.contains(.attach(record)) && next.contains(.note(hashes)))
    }

    /// A publisher says how many it has sent: what has not come by then is lost, be it the last of all.
    @Test func whatAPublisherSaysItSentCountsAsExpected() {
        var proof = SequenceProof()
        // Joined late: what was sent before is nobody's loss.
        proof.hear(sent: 7, of: "a", from: 1)
        #expect(proof.missingCount == 0)
        for number in [7, 8] as [UInt64] { proof.receive(envelope(number), on: "a") }
        proof.hear(sent: 9, of: "a", from: 1)
        proof.hear(sent: 4, of: "a", from: 1)  // an old word
        #expect(proof.missingCount == 0 && proof.topics["a"]?.expected == 2)
        proof.hear(sent: 12, of: "a", from: 1)
        #expect(proof.topics["a"]?.missing == [9...11] && proof.topics["a"]?.expected == 5)
        // Of a second process nothing at all came.
        proof.hear(sent: 2, of: "a", from: 2)
        #expect(proof.topics["a"]?.missing == [9...11, 0...1] && proof.missingCount == 5)
        proof.hear(sent: 0, of: "b", from: 1)
        #expect(proof.topics["b"] == nil)
    }

    /// The last message of a topic is kept for those who come late, and may come to them after the word of how many
    /// were sent.
    @Test func whatWasKeptForWhoComesLateIsNoRepetition() {
        var proof = SequenceProof()
        proof.hear(sent: 3, of: "goal/current", from: 1)
        proof.receive(envelope(2), on: "goal/current")
        #expect(
            proof.topics["goal/current"].map { [$0.expected, $0.received, $0.missingCount, $0.repeated] } == [
                1, 1, 0, 0,
            ])
        proof.receive(envelope(3), on: "goal/current")
        proof.hear(sent: 4, of: "goal/current", from: 1)
        #expect(
            proof.topics["goal/current"].map { [$0.expected, $0.received, $0.missingCount, $0.repeated] } == [
                2, 2, 0, 0,
            ])
        proof.receive(envelope(2), on: "goal/current")
        #expect(proof.topics["goal/current"]?.repeated == 1, "this one did come twice")
        // A second process: its word comes first again, and what is lost is what never comes.
        proof.hear(sent: 2, of: "goal/current", from: 2)
        #expect(proof.topics["goal/current"]?.missing == [0...1])
        proof.receive(envelope(1, instance: 2), on: "goal/current")
        #expect(
            proof.topics["goal/current"].map { [$0.expected, $0.received, $0.missingCount, $0.repeated] } == [
                4, 4, 1, 1,
            ])
        #expect(proof.topics["goal/current"]?.missing == [0...0])
        // Only what is between the kept one and the word may be lost.
        proof.hear(sent: 9, of: "goal/fit", from: 1)
        proof.receive(envelope(6), on: "goal/fit")
        #expect(proof.topics["goal/fit"].map { [$0.expected, $0.received, $0.missingCount] } == [3, 1, 2])
    }

    @Test(
        arguments: [
            (
                "sent 10 taken 9 written 7 missing 3 repeated 0: 4-4", 7,
                "1 lost on the way to the recorder, 2 that the disk did not take"
            ),
            ("sent 10 taken 10 written 10 missing 0 repeated 0", 10, nil),
            ("sent 10 taken 10 written 10 missing 0 repeated 0", 8, "2 that the disk"),
            ("sent 10 taken 11 written 11 missing 0 repeated 1", 11, "1 that came twice"),
            (
                "expected 10 written 7 missing 3 repeated 0", 7,
                "3 lost on the way to the recorder, or with the end of the file"
            ),
        ] as [(String, UInt64, String?)])
    func anAccountNamesTheCauseOfEachDifference(proof: String, inFile: UInt64, cause: String?) throws {
        let account = try #require(TopicAccount(of: "a", proof: proof, inFile: inFile))
        #expect((account.difference == nil) == (cause == nil), "\(account)")
        if let cause { #expect(account.difference?.contains("\(inFile) in the file: \(cause)") == true, "\(account)") }
    }

    @Test func whatANodeSaysItSentIsHeldAgainstWhatCame() throws {
        var core = RecorderCore()
        try send(&core, "a", 0, at: 1)
        let status = NodeStatus(
            node: "n", processID: 1, state: .ready, headline: "", counters: [.init(name: "sent a", value: 4)])
        _ = try core.receive(
            topic: "node/n/status", envelope: envelope(0, schema: NodeStatus.schemaName), body: status.encoded().body,
            bulk: nil,
            at: time(2), wallTime: "wall")
        #expect(core.state(at: time(3), path: "p").missing == 3)
        #expect(
            closing(core.end(at: time(3)))["sequences"]?["topic a"]
                == "sent 4 taken 1 written 1 missing 3 repeated 0: 1-3")
    }

    // MARK: A recorder that is killed

    /// What people say is in the file when they are answered, not when the episode ends.
    @Test func outcomeAndNotesAreWrittenWhenTheyAreGiven() throws {
        var core = RecorderCore()
        try send(&core, "a", 0, at: 1)
        func said(_ actions: [RecorderCore.Action]) -> [String: String]? {
            for case .note(let record) in actions where record.name == "episode/said" { return record.metadata }
            return nil
        }
        #expect(said(ask(&core, .note, "first try", id: 1, at: 2)) == ["outcome": "open", "notes": "first try"])
        #expect(
            said(ask(&core, .markSuccess, "at last", id: 2, at: 3)) == [
                "outcome": "success", "notes": "first try\nat last",
            ])
    }

    @Test func theNextProcessReachesTheEpisodeThatWasCut() throws {
        var core = RecorderCore(.init(startsByItself: false))
        let facts = ["start_ns": "5", "wall_start": "w", "outcome": "open", "notes": "first try"]
        core.adopt(FormerEpisode(name: "grasp", facts: facts, messages: 691))
        #expect(core.state(at: time(1), path: "p").messages == 691 && !core.isRecording)
        let actions = ask(&core, .markSuccess, id: 1, at: 2)
        let amended = MCAP.Metadata(name: "episode/amended", metadata: ["outcome": "success", "notes": "first try"])
        #expect(actions.first == .amend(name: "grasp", amended) && answer(actions)?.isAccepted == true)
        _ = ask(&core, .start, "next", id: 2, at: 3)
        core.adopt(FormerEpisode(name: "grasp", facts: facts, messages: 691))
        #expect(core.state(at: time(4), path: "p").name == "next", "one that came meanwhile goes before")
    }

    /// A file without its end says what it was begun as, and what people said until then.
    @Test func aFileWithoutItsEndSaysWhatIsKnown() throws {
        let folder = try TemporaryFolder()
        var core = RecorderCore(.init(startsByItself: false))
        var writer = MCAPWriter()
        for action in ask(&core, .start, "grasp", id: 1, at: 2) { try writer.write(action) }
        for action in try send(&core, "a", 0, at: 3) { try writer.write(action) }
        for action in ask(&core, .markSuccess, "well", id: 2, at: 4) { try writer.write(action) }
        try writer.endChunk()
        try folder.write(writer.takeBytes(), to: "cut.mcap")
        let file = try EpisodeFile(path: folder.file("cut.mcap"))
        let facts = try file.facts()
        #expect(!file.reader.isFinished && facts["name"] == "grasp" && facts["start_ns"] == "2000000000")
        #expect(facts["outcome"] == "success" && facts["notes"] == "well")
    }

    // MARK: Messages

    @Test func theFirstMessageBeginsAnEpisodeWithWhatBelongsIntoEachFile() throws {
        let manifest = MCAP.Attachment(logTime: 0, name: "robot.json", mediaType: "application/json", data: [1])
        let machine = MCAP.Metadata(name: "machine", metadata: ["cores": "2"])
        var core = RecorderCore(attachments: [manifest], facts: [machine])
        let actions = try send(&core, "a", 4, at: 1)
        let begun = MCAP.Metadata(
            name: "episode/begin",
            metadata: ["name": "wall-001", "wall_start": "wall", "clock": "CLOCK_MONOTONIC", "start_ns": "1000000000"])
        #expect(actions.prefix(4) == [.open(name: "wall-001"), .note(begun), .attach(manifest), .note(machine)])
        #expect(actions.count == 6 && written(actions) == [4])  // the channel and the message; its type is not known
        let again = try send(&core, "a", 5, at: 2)
        #expect(again.count == 1 && written(again) == [5])
        #expect(core.state(at: time(2), path: "p").messages == 2)
    }

    @Test func aKnownTypeIsDefinedOnceForAllItsTopics() throws {
        var core = RecorderCore()
        var definitions = 0
        var channels: [String] = []
        for topic in ["node/a/status", "node/b/status", "node/a/status"] {
            let actions = try core.receive(
                topic: topic, envelope: envelope(0, schema: "octo.NodeStatus"), body: [], bulk: nil, at: .zero,
                wallTime: "w")
            for case .define(let schema) in actions {
                definitions += 1
                #expect(schema.name == "octo.NodeStatus" && schema.encoding == "protobuf" && schema.data.count > 100)
            }
            for case .describe(let channel) in actions { channels.append(channel.topic) }
        }
        #expect(definitions == 1 && channels == ["node/a/status", "node/b/status"])
    }

    @Test func theLastSecondsBeforeAnEpisodeAreInIt() throws {
        var core = RecorderCore(.init(ring: .seconds(2), startsByItself: false))
        try send(&core, "goal/current", 0, at: 0)
        for number in 0..<10 as Range<UInt64> { #expect(try send(&core, "a", number, at: Double(number)).isEmpty) }
        let actions = ask(&core, .start, "grasp-1", at: 9.5)
        // The goal holds since long; of the others those of the last two seconds.
        #expect(actions.first == .open(name: "grasp-1") && written(actions) == [0, 7, 8, 9])
        #expect(answer(actions)?.isAccepted == true && core.isRecording)
        #expect(try written(send(&core, "a", 10, at: 10)) == [10])
        let sequences = closing(ask(&core, .stop, id: 2, at: 11))["sequences"]
        #expect(
            sequences?["missing"] == "0" && sequences?["topic a"] == "sent 4 taken 4 written 4 missing 0 repeated 0")
    }

    private func say(
        _ core: inout RecorderCore, _ node: String, _ state: NodeStatus.State, at seconds: Double
    ) throws -> [RecorderCore.Action] {
        let encoded = try NodeStatus(node: node, processID: 1, state: state, headline: "").encoded()
        return try core.receive(
            topic: "node/\(node)/status", envelope: envelope(0, schema: NodeStatus.schemaName), body: encoded.body,
            bulk: nil,
            at: time(seconds), wallTime: "w")
    }

    /// Of a start that fails nothing is on the disk; of one that does not, all of it.
    @Test func theFirstEpisodeBeginsWhenAllAreReadyWithAllThatWasSaidBefore() throws {
        var core = RecorderCore(.init(awaitedNodes: ["arm", "policy"], longestStart: .seconds(30)))
        #expect(try send(&core, "a", 0, at: 0).isEmpty && say(&core, "policy", .starting, at: 0.5).isEmpty)
        #expect(try say(&core, "arm", .ready, at: 1).isEmpty && !core.isRecording)
        #expect(core.end(at: time(2)).isEmpty)
        let actions = try say(&core, "policy", .degraded, at: 3)
        #expect(core.isRecording && written(actions).count == 4 && written(actions).first == 0)
        // Once it has begun nobody's new start matters.
        #expect(try written(say(&core, "arm", .starting, at: 4)).count == 1)
    }

    @Test(arguments: [true, false])
    func anArmThatMovesOrALongStartBeginsItToo(armMoves: Bool) throws {
        var core = RecorderCore(.init(awaitedNodes: ["policy"], longestStart: .seconds(30)))
        var state = ArmState(
            tick: 0, mode: .holding(.noFreshChunk),
            measured: JointState(time: time(1), positions: [0], velocities: [0], gripper: 0),
            setpoint: JointSetpoint(positions: [0], velocities: [0], gripper: 0), baseFromEEF: .identity,
            commandedBaseFromEEF: .identity)
        func tell(at seconds: Double) throws {
            let encoded = try state.encoded()
            _ = try core.receive(
                topic: Topics.armState.name, envelope: envelope(0, schema: ArmState.schemaName), body: encoded.body,
                bulk: nil,
                at: time(seconds), wallTime: "w")
        }
        try tell(at: 1)
        try tell(at: 30.9)
        #expect(!core.isRecording)
        if armMoves { state.mode = .manual }
        try tell(at: armMoves ? 30.95 : 31)
        #expect(core.isRecording)
    }

    @Test func theMemoryOfTheLastSecondsIsBoundedInBytes() throws {
        var core = RecorderCore(.init(ring: .seconds(1000), ringBytes: 1000, startsByItself: false))
        for number in 0..<100 as Range<UInt64> {
            try send(&core, "a", number, at: Double(number), body: [0x0A, 100] + [UInt8](repeating: 0, count: 100))
        }
        let kept = written(ask(&core, .start))
        #expect(kept.count < 10 && kept.count > 3 && kept.last == 99)
    }

    /// 640x480 at 30 Hz; 64x64 is nothing to speak of.
    @Test(arguments: [(640, 480, true, false), (640, 480, true, true), (64, 64, false, true)])
    func uncompressedFramesAreToldOnceWithTheirRate(width: Int, height: Int, isMuch: Bool, isPacked: Bool) throws {
        var core = RecorderCore(.init(packsFrames: isPacked))
        var told: [String] = []
        for number in 0..<120 as Range<UInt64> {
            let seconds = Double(number) / 30
            let frame = CameraFrame(
                camera: "primary", deviceID: "test", sequence: number, captureTime: time(seconds),
                pixels: .rgb8(RGBImage(width: width, height: height, filledWith: 7)), contentHash: number)
            let encoded = try frame.encoded()
            _ = try core.receive(
                topic: "camera/primary/image", envelope: envelope(number, schema: CameraFrame.schemaName),
                body: encoded.body,
                bulk: encoded.bulk, at: time(seconds), wallTime: "w")
            if let words = core.takeRawFrameWarning(at: time(seconds)) { told.append(words) }
        }
        #expect(
            told.count == (isMuch ? 1 : 0)
                && told.allSatisfy {
                    $0.contains("frames of primary") && $0.contains("28 MB")
                        && $0.contains("keeps \(isPacked ? 4 : 28) MB")
                }, "\(told)")
    }

    // MARK: Episodes

    @Test func anEpisodeTellsItsOutcomeNotesAndGaps() throws {
        var core = RecorderCore()
        try send(&core, "a", 0, at: 1)
        try send(&core, "a", 3, at: 2)
        #expect(answer(ask(&core, .markSuccess, "well done", id: 1))?.isAccepted == true)
        #expect(answer(ask(&core, .note, "the cup was wet", id: 2))?.isAccepted == true)
        #expect(
            core.state(at: time(2), path: "p").missing == 2 && core.state(at: time(2), path: "p").outcome == .success)
        let notes = closing(ask(&core, .stop, id: 3, at: 5))
        #expect(notes["episode"]?["outcome"] == "success" && notes["episode"]?["notes"] == "well done\nthe cup was wet")
        #expect(notes["episode"]?["start_ns"] == "1000000000" && notes["episode"]?["end_ns"] == "5000000000")
        #expect(notes["sequences"]?["topic a"] == "sent 4 taken 2 written 2 missing 2 repeated 0: 1-2")
        // Stopped by a person, it stays so until a person begins.
        #expect(try send(&core, "a", 4, at: 6).isEmpty && !core.isRecording)
        let late = ask(&core, .markFailure, "it was not", id: 4)
        #expect(late.count == 2 && answer(late)?.isAccepted == true)
        if case .amend("wall-001", let amended)? = late.first {
            #expect(amended.metadata["outcome"] == "failure")
        } else {
            Issue.record("the closed file is not amended")
        }
    }

    @Test func interventionsAndGoalsAreToldInTheSummary() throws {
        var core = RecorderCore()
        for (index, name) in ["cup", "cup", "plate"].enumerated() {
            let goal = Goal(id: "\(index)", name: name, views: [], text: "to the \(name)")
            _ = try core.receive(
                topic: "goal/current", envelope: envelope(UInt64(index), schema: Goal.schemaName),
                body: goal.encoded().body,
                bulk: nil, at: time(Double(index)), wallTime: "w")
        }
        for (index, (kind, seconds)) in [
            (RunEvent.Kind.interventionBegan, 2.0), (.interventionEnded, 3), (.interventionBegan, 4),
        ].enumerated() {
            let event = RunEvent(node: "arm", kind: kind, subject: "cup", text: "", time: time(seconds))
            _ = try core.receive(
                topic: "run/event", envelope: envelope(UInt64(index), schema: RunEvent.schemaName),
                body: event.encoded().body,
                bulk: nil, at: time(seconds), wallTime: "w")
        }
        let episode = closing(core.end(at: time(6)))["episode"]
        #expect(episode?["interventions_ns"] == "2000000000-3000000000 4000000000-6000000000")
        #expect(episode?["goals"] == "cup\nplate")
        #expect(core.end(at: time(7)).isEmpty)
    }

    @Test func commandsThatDoNotFitAreRefusedWithWhatToDo() throws {
        var core = RecorderCore(.init(startsByItself: false))
        for (id, (action, text)) in [
            (EpisodeCommand.Action.stop, ""), (.markSuccess, ""), (.discard, ""), (.note, ""), (.start, "../etc"),
            (.start, ".a"),
        ].enumerated() {
            let result = answer(ask(&core, action, text, id: UInt64(id)))
            #expect(result?.isAccepted == false && result?.message.isEmpty == false, "\(action)")
        }
        #expect(answer(ask(&core, .start, id: 10))?.isAccepted == true)
        #expect(answer(ask(&core, .start, id: 11))?.isAccepted == false)
        // The same command again is answered alike, and does nothing.
        let again = ask(&core, .start, id: 10)
        #expect(again.count == 1 && answer(again)?.isAccepted == true)
        let discarded = ask(&core, .discard, "dropped it", id: 12)
        #expect(closing(discarded)["episode"]?["outcome"] == "discarded" && !core.isRecording)
    }

    /// Carried out by a writer, the actions make a file that opens, with every message as it was.
    @Test func whatTheCoreSaysMakesAFileFromWhichTheMessagesComeBack() throws {
        var core = RecorderCore()
        var writer = MCAPWriter()
        var actions: [RecorderCore.Action] = []
        for number in 0..<50 as Range<UInt64> {
            actions += try send(&core, "a/\(number % 2)", number / 2, at: Double(number))
        }
        actions += core.end(at: time(60))
        for action in actions {
            switch action {
            case .define(let schema): try writer.write(schema)
            case .describe(let channel): try writer.write(channel)
            case .write(let message): try writer.write(message)
            case .attach(let attachment): try writer.write(attachment)
            case .note(let metadata): try writer.write(metadata)
            case .close(let closing):
                for note in closing.records() { try writer.write(note) }
                try writer.finish()
            case .open, .attachFile, .amend, .answer: break
            }
        }
        let reader = try MCAPReader(MCAPBytes(writer.takeBytes()))
        #expect(
            reader.isFinished && reader.topics == ["a/0", "a/1"]
                && reader.metadata.map(\.name) == ["episode/begin", "episode", "sequences"])
        var cursor = reader.messages()
        var count: UInt64 = 0
        while let item = try cursor.next() {
            let schema = item.channel.metadata["bus_schema"] ?? ""
            let opened = try RecordedMessage(schema: schema, data: item.message.data).opened()
            #expect(opened.envelope == envelope(count / 2) && opened.body == [8, 1])
            count += 1
        }
        #expect(count == 50)
    }
}
