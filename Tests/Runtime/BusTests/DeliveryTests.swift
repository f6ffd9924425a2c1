import Bus
import Files
import Glibc
import Images
import Maths
import Messages
import Testing
import Time
import Wire

/// Over real sockets: what each delivery mode promises.
@Suite struct DeliveryTests {
    private func expectArrival<M: WireMessage & Equatable>(of message: M, on topic: Topic<M>) throws {
        let folder = try SocketFolder()
        let publisher = try folder.node("writer", at: folder.endpoint())
        let reader = try folder.node("reader", peers: [folder.endpoint()])
        let subscription = try reader.subscribe(topic)
        try link(publisher, to: reader)
        let captured = MonotonicTime.now() - .milliseconds(3)
        let published = MonotonicTime.now()
        try publisher.publisher(topic).publish(message, captureTime: captured, traceID: 77, at: published)
        var arrived: Received<M>?
        try letWork(publisher, reader, until: "\(topic.name)") {
            arrived = subscription.take()
            return arrived != nil
        }
        let received = try #require(arrived)
        #expect(received.message == message)
        #expect(received.topic == topic.name)
        #expect(received.envelope.schema == M.schemaName)
        #expect(received.envelope.sequence == 0)
        #expect(received.envelope.captureTime == captured)
        #expect(received.envelope.publishTime == published)
        #expect(received.envelope.sourceNode == "writer")
        #expect(received.envelope.runID == "run")
        #expect(received.envelope.traceID == 77)
        #expect(!received.envelope.hostID.isEmpty)
        #expect(received.receivedTime >= published)
    }

    @Test func framesArriveAsTheyWereSent() throws {
        try expectArrival(of: Sample.frame(5, side: 64), on: Topics.cameraImage("primary"))
    }
    @Test func goalsArriveAsTheyWereSent() throws { try expectArrival(of: Sample.goal("g"), on: Topics.goalCurrent) }
    @Test func noGoalArrivesAsNoGoal() throws { try expectArrival(of: Goal.none, on: Topics.goalCurrent) }
    @Test func chunksArriveAsTheyWereSent() throws { try expectArrival(of: Sample.chunk(4), on: Topics.policyChunk) }
    @Test func statusesArriveAsTheyWereSent() throws {
        try expectArrival(of: Sample.status, on: Topics.nodeStatus("policy"))
    }
    @Test func observationsArriveAsTheyWereSent() throws {
        let view = PolicyObservation.View(
            camera: "primary", width: 2, height: 1, pixels: SharedBytes(copying: 0..<12), captureTime: .zero)
        try expectArrival(
            of: PolicyObservation(tick: 1, time: .zero, goalID: "g", views: [view], timestepPadMask: [false, true]),
            on: Topics.policyObservation)
    }
    @Test func armStatesArriveAsTheyWereSent() throws {
        let joints: JointVector = [0.5, -0.5]
        try expectArrival(
            of: ArmState(
                tick: 1, mode: .holding(.chunkExhausted),
                measured: JointState(time: .zero, positions: joints, velocities: joints, gripper: 1),
                setpoint: JointSetpoint(positions: joints, velocities: joints, gripper: 0), baseFromEEF: .identity,
                commandedBaseFromEEF: .identity), on: Topics.armState)
    }
    @Test func reportsArriveAsTheyWereSent() throws {
        try expectArrival(
            of: ChunkReport(
                chunkID: 1, outcome: .executed, captureTime: .zero, observationTime: .zero, firstSetpointTime: .zero,
                stepsSkipped: 0, stepsExecuted: 4, stepsClamped: 0), on: Topics.armChunk)
        try expectArrival(
            of: LoopReport(
                rateHertz: 50, ticks: 50, overruns: 0, jitter: [.init(nanoseconds: 100, count: 50)], work: [],
                rights: "none", hasRealTimeRights: false), on: Topics.armLoop)
    }

    @Test func aSlowReaderSeesTheNewestFrameOnly() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("writer", at: folder.endpoint())
        let reader = try folder.node("reader", peers: [folder.endpoint()])
        let topic = Topics.cameraImage("primary")
        let frames = try reader.subscribe(topic)
        try link(writer, to: reader)
        let publisher = writer.publisher(topic)
        for sequence in 0..<100 { try publisher.publish(Sample.frame(UInt64(sequence)), at: .now()) }
        try letWork(reader, until: "a hundred frames") { reader.statistics.received[topic.name]?.received == 100 }
        #expect(frames.count == 1)
        #expect(frames.take()?.message.sequence == 99)
        #expect(frames.take() == nil)
        let counts = try #require(reader.statistics.received[topic.name])
        #expect(counts.superseded == 99 && counts.lost == 0 && counts.queueDropped == 0)
    }

    @Test func aReaderThatPausedForLongIsFreshAgainAtOnce() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("writer", at: folder.endpoint())
        let reader = try folder.node("reader", peers: [folder.endpoint()])
        let topic = Topics.cameraImage("primary")
        let frames = try reader.subscribe(topic)
        try link(writer, to: reader)
        let publisher = writer.publisher(topic)
        // More than all queues on the way hold.
        for sequence in 0..<3_000 { try publisher.publish(Sample.frame(UInt64(sequence), side: 64), at: .now()) }
        // Then it looks again, and the camera goes on. How many of the frames that waited on the way come first is the
        // system's affair; more than the queues hold they cannot be.
        var next: UInt64 = 5_000
        try letWork(reader, until: "a frame from after the pause") {
            try publisher.publish(Sample.frame(next), at: .now())
            next += 1
            return frames.take().map { $0.message.sequence >= 5_000 } ?? false
        }
        let counts = try #require(reader.statistics.received[topic.name])
        // Every frame is accounted for: seen, or passed over for a newer one.
        #expect(counts.lost == 0)
        #expect(counts.received < 3_000)
    }

    /// A replay would rather be late than have gaps.
    @Test func whoWaitsForReadersLosesNothing() throws {
        let folder = try SocketFolder()
        let writer = try BusNode(
            BusOptions(node: "writer", runID: "run", endpoint: folder.endpoint(), peers: [], waitsForReaders: true))
        let reader = try folder.node("reader", peers: [folder.endpoint()])
        var sequences: [UInt64] = []
        try reader.observeAll(prefix: "policy/") { sequences.append($0.envelope.sequence) }
        try link(writer, to: reader)
        let publisher = writer.publisher(Topics.policyChunk)
        var sent: UInt64 = 0
        var refusals = 0
        while sent < 3_000 {
            do throws(BusError) {
                try publisher.publish(Sample.chunk(sent), at: .now())
                sent += 1
            } catch .readersFull {
                refusals += 1
                // Only now and then does the reader look.
                try reader.wait(until: .now() + .milliseconds(2))
            }
        }
        try letWork(writer, reader, until: "three thousand chunks") { sequences.count == 3_000 }
        #expect(refusals > 0 && sequences == Array(0..<3_000))
    }

    @Test func aFullQueueDropsItsOldestAndCountsThem() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("writer", at: folder.endpoint())
        let reader = try folder.node("reader", peers: [folder.endpoint()])
        let topic = Topic<ActionChunk>("policy/chunk", .every(capacity: 4))
        let chunks = try reader.subscribe(topic)
        try link(writer, to: reader)
        let publisher = writer.publisher(topic)
        for id in 0..<10 { try publisher.publish(Sample.chunk(UInt64(id)), at: .now()) }
        try letWork(reader, until: "ten chunks") { reader.statistics.received[topic.name]?.received == 10 }
        #expect((0..<5).map { _ in chunks.take()?.message.id } == [6, 7, 8, 9, nil])
        let counts = try #require(reader.statistics.received[topic.name])
        #expect(counts.queueDropped == 6 && counts.superseded == 0 && counts.lost == 0)
    }

    @Test func chunksComeInOrderWhileTheyAreTakenOneByOne() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("writer", at: folder.endpoint())
        let reader = try folder.node("reader", peers: [folder.endpoint()])
        let topic = Topic<ActionChunk>("policy/chunk", .every(capacity: 3))
        let chunks = try reader.subscribe(topic)
        try link(writer, to: reader)
        let publisher = writer.publisher(topic)
        var taken: [UInt64] = []
        for id in 0..<20 {
            try publisher.publish(Sample.chunk(UInt64(id)), at: .now())
            if id % 2 == 1 {
                // Two come, two are taken, but never at once: the queue wraps round in every way it can.
                try letWork(reader, until: "chunk \(id)") { chunks.count >= 2 }
                for _ in 0..<2 { if let next = chunks.take() { taken.append(next.message.id) } }
            }
        }
        #expect(taken == Array(0..<20))
    }

    @Test func twoReadersGetTheSame() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("writer", at: folder.endpoint())
        let readers = try (0..<2).map { try folder.node("reader \($0)", peers: [folder.endpoint()]) }
        let subscriptions = try readers.map { try $0.subscribe(Topics.policyChunk) }
        for reader in readers { try link(writer, to: reader) }
        try writer.publisher(Topics.policyChunk).publish(Sample.chunk(8), at: .now())
        for (reader, subscription) in zip(readers, subscriptions) {
            try letWork(reader, until: "the chunk") { subscription.take()?.message == Sample.chunk(8) }
        }
        #expect(writer.statistics.published["policy/chunk"] == 1)
    }

    @Test func oneReaderHearsSeveralWriters() throws {
        let folder = try SocketFolder()
        let endpoints = ["a", "b"].map { folder.endpoint($0) }
        let writers = try endpoints.map { try folder.node($0, at: $0) }
        let reader = try folder.node("reader", peers: endpoints)
        let statuses = try reader.subscribe(Topics.allNodeStatuses)
        var heard: Set<String> = []
        for (name, writer) in zip(["camera", "policy"], writers) {
            try writer.publisher(Topics.nodeStatus(name)).publish(Sample.status, at: .now())
        }
        try letWork(writers[0], writers[1], reader, until: "both statuses") {
            while let status = statuses.take() { heard.insert(status.topic) }
            return heard == ["node/camera/status", "node/policy/status"]
        }
    }

    @Test func pixelsAreLetGoOfOnceTheyAreSent() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("writer", at: folder.endpoint())
        let reader = try folder.node("reader", peers: [folder.endpoint()])
        let frames = try reader.subscribe(Topics.cameraImage("primary"))
        try link(writer, to: reader)
        weak var pixels: SharedBytes?
        do {
            let frame = Sample.frame(1, side: 256)
            guard case .rgb8(let image) = frame.pixels else { return }
            pixels = image.pixels
            try writer.publisher(Topics.cameraImage("primary")).publish(frame, at: .now())
        }
        try letWork(writer, reader, until: "the frame, and the end of its pixels") {
            frames.take() != nil || pixels == nil
        }
        try letWork(writer, reader, until: "the end of the pixels") { pixels == nil }
    }

    @Test func receivedPixelsOutliveTheNodeThatReceivedThem() throws {
        let folder = try SocketFolder()
        var kept: CameraFrame?
        do {
            let writer = try folder.node("writer", at: folder.endpoint())
            let reader = try folder.node("reader", peers: [folder.endpoint()])
            let frames = try reader.subscribe(Topics.cameraImage("primary"))
            try link(writer, to: reader)
            try writer.publisher(Topics.cameraImage("primary")).publish(Sample.frame(3, side: 128), at: .now())
            try letWork(writer, reader, until: "the frame") {
                kept = frames.take()?.message
                return kept != nil
            }
        }
        #expect(kept == Sample.frame(3, side: 128))
    }
}
