import Episodes
import Images
import Messages
import Recording
import TestSupport
import Testing
import Time
import Wire

@Suite struct RecorderCoreTests {
    private func envelope(_ sequence: UInt64, instance: UInt64 = 1, schema: String = "octo.Thing") -> Envelope {
        Envelope(
            schema: schema, sequence: sequence, captureTime: nil, publishTime: MonotonicTime(nanoseconds: 10), sourceNode: "n",
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
        _ core: inout RecorderCore, _ action: EpisodeCommand.Action, _ text: String = "", id: UInt64 = 1, at seconds: Double = 0
    ) -> [RecorderCore.Action] {
        core.receive(
            EpisodeCommand(id: id, operatorID: "me", action: action, text: text, time: time(seconds)), at: time(seconds),
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
        #expect(sequences?["topic a"] == "expected 10 written 7 missing 3 repeated 0: 4-4 6-7" && sequences?["missing"] == "3")
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

    // MARK: Messages

    @Test func theFirstMessageBeginsAnEpisodeWithWhatBelongsIntoEachFile() throws {
        let manifest = MCAP.Attachment(logTime: 0, name: "robot.json", mediaType: "application/json", data: [1])
        let machine = MCAP.Metadata(name: "machine", metadata: ["cores": "2"])
        var core = RecorderCore(attachments: [manifest], facts: [machine])
        let actions = try send(&core, "a", 4, at: 1)
        #expect(actions.prefix(3) == [.open(name: "wall-001"), .attach(manifest), .note(machine)])
        #expect(actions.count == 5 && written(actions) == [4])  // the channel and the message; its type is not known
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
                topic: topic, envelope: envelope(0, schema: "octo.NodeStatus"), body: [], bulk: nil, at: .zero, wallTime: "w")
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
        #expect(sequences?["missing"] == "0" && sequences?["topic a"] == "expected 4 written 4 missing 0 repeated 0")
    }

    @Test func theMemoryOfTheLastSecondsIsBoundedInBytes() throws {
        var core = RecorderCore(.init(ring: .seconds(1000), ringBytes: 1000, startsByItself: false))
        for number in 0..<100 as Range<UInt64> {
            try send(&core, "a", number, at: Double(number), body: [0x0A, 100] + [UInt8](repeating: 0, count: 100))
        }
        let kept = written(ask(&core, .start))
        #expect(kept.count < 10 && kept.count > 3 && kept.last == 99)
    }

    // MARK: Episodes

    @Test func anEpisodeTellsItsOutcomeNotesAndGaps() throws {
        var core = RecorderCore()
        try send(&core, "a", 0, at: 1)
        try send(&core, "a", 3, at: 2)
        #expect(answer(ask(&core, .markSuccess, "well done", id: 1))?.isAccepted == true)
        #expect(answer(ask(&core, .note, "the cup was wet", id: 2))?.isAccepted == true)
        #expect(core.state(at: time(2), path: "p").missing == 2 && core.state(at: time(2), path: "p").outcome == .success)
        let notes = closing(ask(&core, .stop, id: 3, at: 5))
        #expect(notes["episode"]?["outcome"] == "success" && notes["episode"]?["notes"] == "well done\nthe cup was wet")
        #expect(notes["episode"]?["start_ns"] == "1000000000" && notes["episode"]?["end_ns"] == "5000000000")
        #expect(notes["sequences"]?["topic a"] == "expected 4 written 2 missing 2 repeated 0: 1-2")
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
            let goal = Goal(id: "\(index)", name: name, views: [], text: "to the \(name)", source: "")
            _ = try core.receive(
                topic: "goal/current", envelope: envelope(UInt64(index), schema: Goal.schemaName), body: goal.encoded().body,
                bulk: nil, at: time(Double(index)), wallTime: "w")
        }
        for (index, (kind, seconds)) in [
            (RunEvent.Kind.interventionBegan, 2.0), (.interventionEnded, 3), (.interventionBegan, 4),
        ].enumerated() {
            let event = RunEvent(node: "arm", kind: kind, subject: "cup", text: "", time: time(seconds))
            _ = try core.receive(
                topic: "run/event", envelope: envelope(UInt64(index), schema: RunEvent.schemaName), body: event.encoded().body,
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
            (EpisodeCommand.Action.stop, ""), (.markSuccess, ""), (.discard, ""), (.note, ""), (.start, "../etc"), (.start, ".a"),
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
        for number in 0..<50 as Range<UInt64> { actions += try send(&core, "a/\(number % 2)", number / 2, at: Double(number)) }
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
            case .open, .amend, .answer: break
            }
        }
        let reader = try MCAPReader(MCAPBytes(writer.takeBytes()))
        #expect(reader.isFinished && reader.topics == ["a/0", "a/1"] && reader.metadata.map(\.name) == ["episode", "sequences"])
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
