import Bus
import Images
import Messages
import TestSupport
import Testing
import Time
import Wire

/// A peer that speaks ZeroMQ, but not our protocol: everything is counted and dropped, nothing crashes.
@Suite struct HostilePeerTests {
    private let folder: SocketFolder
    private let peer: RawPublisher
    private let reader: BusNode

    init() throws {
        folder = try SocketFolder()
        peer = try RawPublisher(at: folder.endpoint())
        reader = try folder.node("reader", peers: [folder.endpoint()])
    }

    private func counts(_ topic: String) -> BusStatistics.Received { reader.statistics.received[topic] ?? .init() }

    @Test func missingNumbersAreCountedAsLostWhereEachMessageCounts() throws {
        let chunks = try reader.subscribe(Topics.policyChunk)
        try peer.awaitSubscription()
        for sequence in [7, 8, 12, 13, 15] as [UInt64] {
            try peer.send(Sample.chunk(sequence), on: "policy/chunk", sequence: sequence)
        }
        try letWork(reader, until: "the chunks") { counts("policy/chunk").received == 5 }
        #expect(counts("policy/chunk").lost == 4)
        #expect(chunks.count == 5)
    }

    @Test func missingNumbersAreSupersededWhereOnlyTheNewestCounts() throws {
        let frames = try reader.subscribe(Topics.cameraImage("primary"))
        try peer.awaitSubscription()
        for sequence in [0, 9] as [UInt64] {
            try peer.send(Sample.frame(sequence), on: "camera/primary/image", sequence: sequence)
        }
        try letWork(reader, until: "the frames") { counts("camera/primary/image").received == 2 }
        // Eight never arrived, one was overwritten.
        #expect(counts("camera/primary/image").superseded == 9)
        #expect(counts("camera/primary/image").lost == 0)
        #expect(frames.take()?.message.sequence == 9)
    }

    @Test func gapsOfAnySizeAreCountedWithoutOverflow() throws {
        _ = try reader.subscribe(Topics.policyChunk)
        try peer.awaitSubscription()
        for instance in [1, 2] as [UInt64] {
            try peer.send(Sample.chunk(0), on: "policy/chunk", sequence: 0, instance: instance)
            try peer.send(Sample.chunk(1), on: "policy/chunk", sequence: 1 << 40, instance: instance)
        }
        try letWork(reader, until: "the chunks") { counts("policy/chunk").received == 4 }
        #expect(counts("policy/chunk").lost == (1 << 41) - 2)
    }

    /// Numbers that would overflow when they are added up are no envelope.
    @Test func sequencesBeyondAnyRunAreCountedAsMalformed() throws {
        _ = try reader.subscribe(Topics.policyChunk)
        try peer.awaitSubscription()
        var bytes = try RawPublisher.envelope("octo.ActionChunk", sequence: 0)
        // Field 2, a varint: 2^64 - 1.
        bytes += [0x10] + Array(repeating: 0xFF, count: 9) + [0x01]
        try peer.send([Array("policy/chunk".utf8), bytes, Sample.chunk(1).encoded().body])
        try peer.send(Sample.chunk(0), on: "policy/chunk", sequence: 0)
        try letWork(reader, until: "the good one") { counts("policy/chunk").received == 1 }
        #expect(counts("policy/chunk").malformed == 1 && counts("policy/chunk").lost == 0)
    }

    @Test func aRestartedWriterStartsTheCountAnew() throws {
        _ = try reader.subscribe(Topics.policyChunk)
        try peer.awaitSubscription()
        for (instance, sequence) in [(1, 40), (1, 41), (2, 0), (2, 1), (1, 42)] as [(UInt64, UInt64)] {
            try peer.send(Sample.chunk(sequence), on: "policy/chunk", sequence: sequence, instance: instance)
        }
        try letWork(reader, until: "the chunks") { counts("policy/chunk").received == 5 }
        #expect(counts("policy/chunk").lost == 0 && counts("policy/chunk").duplicates == 0)
    }

    @Test func messagesOfTheWrongShapeAreCountedAndDropped() throws {
        let chunks = try reader.subscribe(Topics.policyChunk)
        let frames = try reader.subscribe(Topics.cameraImage("primary"))
        for _ in 0..<2 { try peer.awaitSubscription() }
        let topic = Array("policy/chunk".utf8)
        let good = try Sample.chunk(1).encoded().body
        func envelope(_ sequence: UInt64, _ schema: String = "octo.ActionChunk") throws -> [UInt8] {
            try RawPublisher.envelope(schema, sequence: sequence)
        }
        let wrong: [[[UInt8]]] = [
            [topic],
            [topic, []],
            [topic, try envelope(0)],
            [topic, [], good],
            [topic, [0xFF, 0xFF, 0xFF], good],
            [topic, Array(repeating: 0x0A, count: 100_000), good],
            [topic, try envelope(1), []],
            [topic, try envelope(2), Array(good.dropLast(3))],
            [topic, try envelope(3), Array(repeating: 0xFF, count: 64)],
            [topic, try envelope(4), good, [1, 2, 3]],
            [topic, try envelope(5), good, [], []],
            [topic, try envelope(5), good, [1], [2], [3], [4], [5]],
        ]
        for parts in wrong { peer.send(parts) }
        try letWork(reader, until: "the malformed messages") { counts("policy/chunk").malformed == Int64(wrong.count) }

        // A huge count in a small body: width and height near 2^32, and a bulk part of three bytes.
        var frame = try Sample.frame(1).encoded().body
        frame += [0x15, 0xFF, 0xFF, 0xFF, 0xFF, 0x1D, 0xFF, 0xFF, 0xFF, 0xFF]
        peer.send([Array("camera/primary/image".utf8), try envelope(0, "octo.CameraFrame"), frame, [1, 2, 3]])
        try letWork(reader, until: "the frame") { counts("camera/primary/image").malformed == 1 }

        // And the reader is none the worse.
        try peer.send(Sample.chunk(6), on: "policy/chunk", sequence: 6)
        try letWork(reader, until: "a good chunk") { chunks.count == 1 }
        #expect(chunks.take()?.message == Sample.chunk(6))
        #expect(frames.take() == nil)
        #expect(counts("policy/chunk").received == 1)
    }

    /// The length alone says it: nothing is made room for, the peer is let go, and all others are heard as before.
    @Test func aPartAboveTheLimitEndsTheConnectionAndNothingElse() throws {
        let honest = try folder.node("honest", at: folder.endpoint("b"))
        try reader.connect(folder.endpoint("b"))
        try link(honest, to: reader)
        let chunks = try reader.subscribe(Topics.policyChunk)
        try letWork(reader, honest, until: "the subscription") { honest.isHeard(on: Topics.policyChunk) }
        // Of the link's topic, then of this one.
        for _ in 0..<2 { try peer.awaitSubscription() }
        try peer.send(Sample.chunk(0), on: "policy/chunk", sequence: 0)
        try letWork(reader, until: "a good chunk") { chunks.take()?.message == Sample.chunk(0) }

        let topic = Array("policy/chunk".utf8)
        let envelope = try RawPublisher.envelope("octo.ActionChunk", sequence: 1)
        peer.send([topic, envelope], thenByteCount: Int(BusNode.largestPart) + 1)
        for _ in 0..<2 { try peer.awaitUnsubscription() }
        try peer.send(Sample.chunk(2), on: "policy/chunk", sequence: 2)

        try honest.publisher(Topics.policyChunk).publish(Sample.chunk(3), at: .now())
        try letWork(reader, honest, until: "the honest chunk") { chunks.count == 1 }
        #expect(chunks.take()?.message == Sample.chunk(3))
        #expect(counts("policy/chunk").received == 2 && counts("policy/chunk").malformed == 0)
    }

    @Test func messagesOfAnotherSchemaAreCountedAndDropped() throws {
        let chunks = try reader.subscribe(Topics.policyChunk)
        try peer.awaitSubscription()
        peer.send([Array("policy/chunk".utf8), try RawPublisher.envelope("octo.Teapot", sequence: 0), [1, 2]])
        try peer.send(Sample.goal("a"), on: "policy/chunk", sequence: 1)
        try letWork(reader, until: "both") { counts("policy/chunk").unknown == 2 }
        #expect(chunks.take() == nil && counts("policy/chunk").received == 0)
    }

    @Test func aLongerTopicWithTheSameBeginningIsNotMistakenForIt() throws {
        let frames = try reader.subscribe(Topic<CameraFrame>("camera/a", .latest))
        try peer.awaitSubscription()
        try peer.send(Sample.frame(1), on: "camera/ab", sequence: 0)
        try letWork(reader, until: "the other topic") { reader.statistics.unmatched == 1 }
        #expect(frames.take() == nil)
        try peer.send(Sample.frame(2), on: "camera/a", sequence: 0)
        try letWork(reader, until: "the topic") { frames.take()?.message.sequence == 2 }
    }

    @Test func topicsThatAreNotTextAreCountedAndDropped() throws {
        try reader.observeAll(prefix: "") { _ in Issue.record("nothing correct was sent") }
        try peer.awaitSubscription()
        peer.send([[0xFF, 0xFE], [], []])
        peer.send([[], [], []])
        try letWork(reader, until: "both") { reader.statistics.unmatched + reader.statistics.total.malformed == 2 }
    }

    @Test func inventedTopicsDoNotFillTheMemory() throws {
        try reader.observeAll(prefix: "") { _ in }
        try peer.awaitSubscription()
        let body = try Sample.chunk(1).encoded().body
        let envelope = try RawPublisher.envelope("octo.ActionChunk", sequence: 0)
        for batch in 0..<50 {
            for index in 0..<100 { peer.send([Array("invented/\(batch)/\(index)".utf8), envelope, body]) }
            // Otherwise the high-water mark would drop some.
            try letWork(reader, until: "batch \(batch)") {
                reader.statistics.total.received + reader.statistics.unmatched >= Int64((batch + 1) * 100)
            }
        }
        #expect(reader.statistics.received.count <= 4_096)
        #expect(reader.statistics.unmatched > 0)
    }

    @Test func randomPartsNeverCrashTheReader() throws {
        var generator = SeededGenerator(seed: 0xB05_0005)
        let chunks = try reader.subscribe(Topics.policyChunk)
        try peer.awaitSubscription()
        let encoded = try Sample.chunk(1).encoded().body
        for batch in 0..<20 {
            for _ in 0..<100 {
                var parts = [
                    Array("policy/chunk".utf8), try RawPublisher.envelope("octo.ActionChunk", sequence: 0), encoded,
                ]
                let victim = Int.random(in: 1...2, using: &generator)
                for _ in 0..<3 {
                    let index = Int.random(in: parts[victim].indices, using: &generator)
                    parts[victim][index] = .random(in: 0...255, using: &generator)
                }
                if Bool.random(using: &generator) { parts.append([1]) }
                peer.send(parts)
            }
            try letWork(reader, until: "batch \(batch), seed \(generator.seed)") {
                while chunks.take() != nil {}
                let sum = counts("policy/chunk")
                return sum.received + sum.malformed + sum.unknown + sum.duplicates >= Int64((batch + 1) * 100)
            }
        }
    }
}
