import Launch
import ManifestSamples
import Manifests
import Messages
import TestSupport
import Testing
import Time

extension NodeStatus {
    /// The largest that travels on the bus.
    fileprivate static let hugeCounter: Int64 = 1 << 61
}

@Suite struct RunSummaryTests {
    private func summary(_ record: RunRecord, supervisor: Supervisor? = nil, ownLost: Int64 = 0) throws -> RunSummary {
        let manifest = try Sample.read(Sample.minimal)
        var generator = SeededGenerator(seed: 3)
        let run = try RunDescription.beginning(
            manifest, manifestPath: "robot.json", folder: "/run", using: &generator)
        return RunSummary(
            record, of: run, supervisor: supervisor ?? Supervisor(.init(manifest, duration: nil)), outcome: .done,
            ownLost: ownLost, at: .zero + .seconds(20))
    }

    private func status(_ node: String, _ id: Int32, _ counters: [String: Int64]) -> NodeStatus {
        NodeStatus(
            node: node, processID: id, state: .ready, headline: "",
            counters: counters.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: $0.value) })
    }

    private func chunk(after latency: Duration) -> ActionChunk {
        ActionChunk(
            id: 0, goalID: "", observationTime: .zero, captureTime: .zero, inferredTime: .zero + latency,
            stepDuration: .milliseconds(200), actionDimension: 1, actions: [0], actionSpace: .eefDelta, noiseSeed: 0,
            noiseCounter: 0)
    }

    @Test func addsUpCountersOverRestarts() throws {
        var record = RunRecord()
        record.received(status("policy", 1, ["chunks": 10, "observations": 12, "bus_lost": 1]))
        record.received(status("policy", 1, ["chunks": 20, "observations": 22, "bus_lost": 2]))
        record.received(status("policy", 2, ["chunks": 5, "observations": 6, "bus_lost": 0]))
        // A late word of the first process counts neither twice nor instead.
        record.received(status("policy", 1, ["chunks": 21, "observations": 23, "bus_lost": 2]))
        record.received(status("policy", 3, ["chunks": 1, "observations": 1, "bus_lost": 4]))
        record.received(status("camera-primary", 9, ["frames": 100, "chunks": 7, "bus_superseded": 3]))
        record.received(status("goal", 8, ["frames": 5]))
        let summary = try summary(record, ownLost: 10)
        #expect(summary.chunks == 26)
        #expect(summary.observations == 29)
        #expect(summary.frames == 100)
        #expect(summary.lost == 16)
        #expect(summary.superseded == 3)
    }

    /// What is said of an episode is what its file was found to hold, whatever its recorder had hoped.
    @Test func episodesAreToldAsTheirFilesAre() throws {
        var record = RunRecord()
        let state = EpisodeState(
            isRecording: false, name: "a", path: "/e/a.mcap", outcome: .success, startTime: .zero, messages: 748,
            bytes: 1,
            missing: 0, time: .zero)
        record.received(state)
        // The recorder that came after it found less in the file.
        var found = state
        found.messages = 691
        record.received(found)
        var summary = try summary(record)
        #expect(summary.isRecordWhole && summary.text.contains("/e/a.mcap: 748 messages, 0 missing"))
        let cases: [(RunSummary.Episode.File, isWhole: Bool, words: String)] = [
            (.read(messages: 748, isWhole: true), true, "748 messages, 0 missing"),
            (
                .read(messages: 691, isWhole: true), false,
                "691 messages; 57 more came to the recorder and are not in the file"
            ),
            (
                .read(messages: 691, isWhole: false), false,
                "cut, with 691 of 748 messages; 'octo-replay recover /e/a.mcap'"
            ),
            (.unreadable("no such file"), false, "cannot be read back: no such file"),
        ]
        for (file, isWhole, words) in cases {
            summary.episodes[0].file = file
            #expect(summary.isRecordWhole == isWhole && summary.text.contains(words), "\(summary.text)")
            #expect(summary.json["episodes"]?.array?[0]["whole"]?.bool == isWhole)
        }
        let chunks = TopicAccount(topic: "policy/chunk", sent: 40, taken: 39, inFile: 30)
        let states = TopicAccount(topic: "arm/state", sent: 700, taken: 700, inFile: 700)
        summary.episodes[0].file = .read(messages: 730, isWhole: true, topics: [states, chunks])
        #expect(
            summary.text.contains(
                "policy/chunk: 40 sent, 39 taken, 30 in the file: 1 lost on the way to the recorder, 9 that the disk"))
        #expect(!summary.text.contains("arm/state:"))
        let topics = summary.json["episodes"]?.array?[0]["topics"]
        #expect(topics?["policy/chunk"]?["sent"]?.int == 40 && topics?["policy/chunk"]?["taken"]?.int == 39)
        #expect(topics?["arm/state"]?["in_file"]?.int == 700)
    }

    /// The world is there before what is in it.
    @Test func aSimulatedWorldStartsBeforeItsCamerasAndItsArm() throws {
        let manifest = try Sample.read(
            Sample.minimal,
            set: [
                "simulation={}", #"cameras.primary={"source": "simulated"}"#, #"goal={"source": "text", "text": "go"}"#,
                #"arm={"driver": "dynamixel", "port": "simulation", "calibration": "/robots/one/arm.json"}"#,
            ])
        #expect(
            Supervisor.Plan(manifest, duration: nil).stages
                == [["recorder"], ["simulation"], ["camera-primary", "goal", "arm"], ["policy"]])
        #expect(NodeProgram.of("simulation").name == "octo-sim" && NodeProgram.of("simulation").subcommand == ["run"])
        let graph = ProcessGraph(manifest).mermaid
        #expect(graph.contains("node_simulation -- \"pictures\" --> node_camera_primary"))
        #expect(graph.contains("node_arm -- \"servo packets\" --> node_simulation"))
    }

    @Test func countersOfAnySizeDoNotEndTheLauncher() throws {
        var record = RunRecord()
        for id in 1...5 as ClosedRange<Int32> {
            record.received(
                status("policy", id, ["bus_lost": NodeStatus.hugeCounter, "chunks": -NodeStatus.hugeCounter]))
        }
        let summary = try summary(record, ownLost: .max)
        #expect(summary.lost == .max && summary.chunks < 0)
    }

    @Test func damagedFramesAreToldWhereThereWereSome() throws {
        var record = RunRecord()
        #expect(try !summary(record).text.contains("damaged"))
        record.received(status("policy", 1, ["unreadable_frames": 2, "mended_frames": 30]))
        record.received(status("policy", 2, ["unreadable_frames": 1, "mended_frames": 0]))
        let summary = try summary(record)
        #expect(summary.text.contains("3 could not be read, 30 were mended without loss"))
        #expect(summary.json["unreadable_frames"]?.int == 3 && summary.json["mended_frames"]?.int == 30)
    }

    @Test func countsChunksItselfWhenNobodySaysSo() throws {
        var record = RunRecord()
        record.received(chunk(after: .milliseconds(10)))
        record.received(chunk(after: .milliseconds(10)))
        #expect(try summary(record).chunks == 2)
    }

    @Test func measuresFromTheFrameOnAndForgetsTheStart() throws {
        var record = RunRecord()
        func report(_ latency: Duration?) -> ChunkReport {
            ChunkReport(
                chunkID: 0, outcome: latency == nil ? .tooLate : .executed, captureTime: .zero, observationTime: .zero,
                firstSetpointTime: latency.map { .zero + $0 } ?? .zero, stepsSkipped: 0, stepsExecuted: 4,
                stepsClamped: 0)
        }
        record.received(chunk(after: .seconds(9)))
        record.received(report(.seconds(9)))
        record.begin()
        for milliseconds in 1...100 { record.received(chunk(after: .milliseconds(milliseconds))) }
        record.received(report(.milliseconds(60)))
        record.received(report(nil))
        let json = try summary(record).json
        let toChunk = json["frame_to_chunk_ms"]
        #expect(toChunk?["count"]?.int == 100)
        #expect(abs((toChunk?["p50"]?.double ?? 0) - 50) < 0.1)
        #expect(abs((toChunk?["p99"]?.double ?? 0) - 99) < 0.1)
        #expect(abs((toChunk?["max"]?.double ?? 0) - 100) < 0.1)
        #expect(json["frame_to_first_setpoint_ms"]?["count"]?.int == 1)
        #expect(abs((json["frame_to_first_setpoint_ms"]?["p50"]?.double ?? 0) - 60) < 0.1)
        #expect(json["chunk_outcomes"]?["executed"]?.int == 2)
        #expect(json["chunk_outcomes"]?["too_late"]?.int == 1)
        #expect(json["chunk_outcomes"]?["rejected"]?.int == 0)
    }

    @Test func addsUpLoopReports() throws {
        var record = RunRecord()
        for (ticks, overruns, jitter) in [(100, 1, 20_000), (99, 2, 40_000)] {
            record.received(
                LoopReport(
                    rateHertz: 100, ticks: Int64(ticks), overruns: Int64(overruns),
                    jitter: [.init(nanoseconds: Int64(jitter), count: Int64(ticks))], work: [],
                    rights: "SCHED_FIFO 80, memory locked", hasRealTimeRights: true))
        }
        let summary = try summary(record)
        let loop = summary.json["control_loop"]
        #expect(loop?["ticks"]?.int == 199)
        #expect(loop?["overruns"]?.int == 3)
        #expect(loop?["jitter_us"]?["count"]?.int == 199)
        #expect(loop?["jitter_us"]?["p50"]?.double == 20)
        #expect(abs((loop?["jitter_us"]?["max"]?.double ?? 0) - 40) < 0.1)
        #expect(loop?["has_realtime_rights"]?.bool == true)
        #expect(summary.text.contains("3 in 199 ticks (SCHED_FIFO 80, memory locked)"))
        #expect(summary.text.contains("control loop 100 Hz, jitter"))
    }

    /// Those of a process that was replaced count too.
    @Test func tellsHowOftenTheArmPaused() throws {
        var record = RunRecord()
        #expect(try !summary(record).text.contains("pauses"))
        for (processID, pauses) in [(1, 2), (1, 3), (2, 1)] {
            record.received(
                NodeStatus(
                    node: "arm", processID: Int32(processID), state: .ready, headline: "",
                    counters: [.init(name: "pauses", value: Int64(pauses))]))
        }
        let summary = try summary(record)
        #expect(summary.json["control_loop"]?["pauses"]?.int == 4)
        #expect(summary.text.contains("0 in 0 ticks, the arm paused 4 times"))
    }

    @Test func tellsWhatCameOfTheSimulatedTask() throws {
        func summary(_ counters: [NodeStatus.Counter]) throws -> RunSummary {
            var record = RunRecord()
            record.received(
                NodeStatus(node: "simulation", processID: 1, state: .ready, headline: "", counters: counters))
            return try self.summary(record)
        }
        let without = try summary([])
        #expect(without.json["simulated_task"]?.isNull == true && !without.text.contains("goal"))
        let missed = try summary([.init(name: "tasks", value: 1)])
        #expect(missed.json["simulated_task"]?["reached"]?.bool == false && missed.text.contains("not reached"))
        let reached = try summary([.init(name: "tasks", value: 1), .init(name: "task_reached_after_ms", value: 6_240)])
        #expect(reached.json["simulated_task"]?["reached_after_s"]?.double == 6.24)
        #expect(reached.text.contains("reached after 6.2 s"))
    }

    @Test func saysSoWhereNothingWasMeasured() throws {
        let summary = try summary(RunRecord())
        #expect(summary.text.components(separatedBy: "none measured").count == 4)
        #expect(summary.json["duration_s"]?.double == 0)
        #expect(summary.json["control_loop"]?["rate_hz"]?.isNull == true)
    }

    @Test func namesTheNodesThatWereRestarted() throws {
        var stage = try Stage()
        stage.run()
        stage.exit("policy", .signalled(9))
        stage.pass(.seconds(1))
        let summary = try summary(RunRecord(), supervisor: stage.supervisor)
        #expect(summary.json["restarts"]?["policy"]?.int == 1)
        #expect(summary.json["restarts"]?["arm"]?.int == 0)
        #expect(summary.text.hasSuffix("policy 1"))
    }
}

@Suite struct ProcessGraphTests {
    @Test func drawsEveryProcessAndTopic() throws {
        let graph = ProcessGraph(try Sample.read(Sample.full))
        #expect(graph.processes.map(\.node) == ["camera-primary", "camera-wrist", "goal", "policy", "arm"])
        #expect(graph.edges.map(\.from) == ["camera-primary", "camera-wrist", "goal", "policy", "arm"])
        #expect(graph.edges.map(\.to) == ["policy", "policy", "policy", "arm", "policy"])
        let lines = graph.mermaid.split(separator: "\n").map(String.init)
        #expect(lines.first == "flowchart LR")
        #expect(lines.contains("  node_camera_wrist -- \"camera/wrist/image\" --> node_policy"))
        #expect(lines.contains("  node_policy -- \"policy/chunk\" --> node_arm"))
        #expect(lines.contains("  node_arm -- \"arm/state\" --> node_policy"))
        #expect(lines.contains("  node_camera_wrist[\"camera-wrist<br/>octo-camera\"]"))
        #expect(lines.count { $0.contains("/status") } == 5)
        // Every arrow joins boxes that are there.
        for edge in graph.edges {
            #expect(
                graph.processes.contains { $0.node == edge.from } && graph.processes.contains { $0.node == edge.to })
        }
    }

    @Test func onlyThePolicyLosesAPinnedBLASCoreAndOnlyUnlessToldOtherwise() throws {
        let inherited = ["OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_L2_SIZE": "512", "PATH": "/bin"]
        let manifest = try Sample.read(Sample.minimal)
        let keeping = try Sample.read(Sample.minimal, set: ["policy.keep_blas_core=true"])
        #expect(NodeProgram.environment(of: "policy", in: manifest, from: inherited) == ["PATH": "/bin"])
        #expect(NodeProgram.environment(of: "policy", in: keeping, from: inherited) == inherited)
        #expect(NodeProgram.environment(of: "arm", in: manifest, from: inherited) == inherited)
    }
}
