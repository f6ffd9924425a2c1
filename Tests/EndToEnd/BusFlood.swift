import Bus
import CZeroMQ
import Foundation
import Manifests
import Messages
import TestSupport
import Testing
import Time
import Wire

/// Somebody on the bus who sends the arm what no policy would.
final class BusFlood {
    private let context: UnsafeMutableRawPointer
    private let socket: UnsafeMutableRawPointer
    private let node: BusNode
    private let publisher: Publisher<ActionChunk>
    private let runID: String
    private var generator: SeededGenerator
    private var sequence: UInt64 = 0
    /// Messages handed over so far.
    private(set) var sent = 0

    /// Connects where the arm takes commands.
    init(_ run: RunDescription, seed: UInt64) throws {
        let endpoint = try #require(run.commandEndpoints["arm"])
        generator = SeededGenerator(seed: seed)
        runID = run.runID
        node = try BusNode(BusOptions(node: "flood", runID: run.runID, endpoint: nil, peers: [], listeners: [endpoint]))
        publisher = node.publisher(Topics.policyChunk)
        context = try #require(zmq_ctx_new())
        socket = try #require(zmq_socket(context, ZMQ_PUB))
        try #require(zmq_connect(socket, endpoint) == 0)
        for _ in 0..<500 where !node.isHeard(on: Topics.policyChunk) {
            try node.wait(until: .now() + .milliseconds(20))
        }
        try #require(node.isHeard(on: Topics.policyChunk), "the arm does not listen")
    }

    deinit {
        node.close()
        var linger: Int32 = 0
        zmq_setsockopt(socket, ZMQ_LINGER, &linger, MemoryLayout<Int32>.size)
        zmq_close(socket)
        zmq_ctx_term(context)
    }

    private func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    private func send(_ parts: [[UInt8]]) {
        for (index, part) in parts.enumerated() {
            zmq_send(socket, part, part.count, ZMQ_DONTWAIT | (index + 1 < parts.count ? ZMQ_SNDMORE : 0))
        }
        sent += 1
    }

    /// Whether a chunk came from here: a policy does not count so far.
    func isOwn(_ chunkID: UInt64) -> Bool { chunkID >= 1_000_000 }

    /// A chunk that is as fresh as can be.
    private func chunk(
        _ actions: [Float], dimension: Int = 7, step: Duration = .milliseconds(200), space: ActionSpace = .eefDelta
    )
        -> ActionChunk
    {
        let now = MonotonicTime.now()
        return ActionChunk(
            id: UInt64.random(in: 1_000_000...9_000_000, using: &generator), goalID: "", observationTime: now,
            captureTime: now,
            inferredTime: now, stepDuration: step, actionDimension: dimension, actions: actions, actionSpace: space,
            noiseSeed: 0, noiseCounter: 0)
    }

    private func envelope() throws -> [UInt8] {
        sequence += 1
        return try Envelope(
            schema: ActionChunk.schemaName, sequence: sequence, captureTime: .now(), publishTime: .now(),
            sourceNode: "policy",
            instanceID: 99, runID: runID, traceID: 0, hostID: ""
        ).encoded()
    }

    /// Bytes that are no chunk: too few or too many parts, noise, cut and damaged chunks, another schema.
    func sendMalformed() throws {
        let topic = Array("policy/chunk".utf8)
        let good = try chunk([Float](repeating: 0.01, count: 28)).encoded().body
        send([topic])
        send([topic, bytes(40)])
        send([topic, bytes(120), bytes(300)])
        send([topic, try envelope(), bytes(Int.random(in: 0...400, using: &generator))])
        send([topic, try envelope(), Array(good.prefix(Int.random(in: 0..<good.count, using: &generator)))])
        send([topic, try envelope(), good + bytes(30)])
        send([topic, try envelope(), good, bytes(8)])
        send([topic, try envelope(), good, bytes(8), bytes(8), []])
        send([topic, try envelope(), [UInt8](repeating: 0x0A, count: 200_000)])
        var damaged = good
        for _ in 0..<Int.random(in: 1...20, using: &generator) {
            damaged[Int.random(in: 0..<damaged.count, using: &generator)] ^=
                1 << UInt8.random(in: 0...7, using: &generator)
        }
        send([topic, try envelope(), damaged])
        send([Array("policy/chunk/x".utf8), try envelope(), good])
    }

    /// Chunks that the bus takes and the arm must not: NaN, infinity, wrong sizes, wrong times.
    func sendUnacceptable() throws {
        var number = chunk([Float](repeating: 0.01, count: 28))
        number.actions[Int.random(in: 0..<28, using: &generator)] = [.nan, .infinity, -.infinity][sent % 3]
        var dimension = chunk([Float](repeating: 0.01, count: 24))
        dimension.actionDimension = 6
        var future = chunk([Float](repeating: 0.01, count: 28))
        future.observationTime = .now() + .seconds(1000)
        let long = chunk([Float](repeating: 0.01, count: 7 * 200))
        let slow = chunk([Float](repeating: 0.01, count: 28), step: .seconds(50))
        let fast = chunk([Float](repeating: 0.01, count: 28), step: .nanoseconds(1))
        let joints = chunk([Float](repeating: 1, count: 16), dimension: 4, space: .jointPosition)
        for wicked in [number, dimension, future, long, slow, fast, joints] {
            try publisher.publish(wicked, at: .now())
            sent += 1
        }
        try node.wait(until: .now())
    }

    /// A chunk whose every action would take most of a minute: the arm would be busy with it for long.
    func sendSlow() throws {
        try publisher.publish(chunk([Float](repeating: 0.01, count: 28), step: .seconds(50)), at: .now())
        sent += 1
        try node.wait(until: .now())
    }

    /// Correct chunks that ask for what the arm must not do: steps far beyond all limits.
    func sendExcessive(dimension: Int) throws {
        let huge: Float = [1, 30, 1e6, 3e38][sent % 4]
        for space in ActionSpace.allCases {
            let size = space == .eefDelta || space == .eefAbsolute ? 7 : dimension
            let actions = (0..<size * 4).map { _ in Float.random(in: -1...1, using: &generator) * huge }
            try publisher.publish(chunk(actions, dimension: size, space: space), at: .now())
            sent += 1
        }
        try node.wait(until: .now())
    }
}
