import Bus
import CShims
import Glibc
import Messages
import Testing
import Time
import Wire

/// Endpoints, waiting, looking on, and errors.
@Suite struct BusNodeTests {
    @Test func anEndpointThatIsServedIsNotTakenOver() throws {
        let folder = try SocketFolder()
        let first = try folder.node("first", at: folder.endpoint())
        #expect(throws: BusError.endpointInUse(folder.endpoint())) { try folder.node("second", at: folder.endpoint()) }
        // The first is still reachable, which ZeroMQ alone would have ended.
        let reader = try folder.node("reader", peers: [folder.endpoint()])
        try link(first, to: reader)
    }

    @Test func aSocketFileLeftByAKilledProcessIsReplaced() throws {
        let folder = try SocketFolder()
        let path = "\(folder.path)/a"
        try folder.abandonSocket()
        try #require(access(path, F_OK) == 0)
        let writer = try folder.node("writer", at: folder.endpoint())
        try link(writer, to: try folder.node("reader", peers: [folder.endpoint()]))
    }

    @Test func aFileThatIsNoSocketIsLeftAlone() throws {
        let folder = try SocketFolder()
        let path = "\(folder.path)/a"
        Glibc.close(open(path, O_CREAT | O_WRONLY, 0o600))
        #expect(
            throws: BusError.endpointInvalid(folder.endpoint(), reason: "a file that is not a socket lies at that path")
        ) {
            try folder.node("writer", at: folder.endpoint())
        }
        #expect(access(path, F_OK) == 0)
    }

    @Test func tooLongAPathIsNamedWithItsLimit() throws {
        let folder = try SocketFolder()
        let path = "/tmp/" + String(repeating: "x", count: 103)
        #expect(throws: BusError.endpointTooLong(path: path, byteCount: 108, limit: 107)) {
            try folder.node("writer", at: "ipc://\(path)")
        }
        let error = BusError.endpointTooLong(path: path, byteCount: 108, limit: 107)
        #expect(error.description.contains("OCTO_RUN_BASE"))
    }

    @Test(arguments: ["tcp://*:5555", "tcp://:5555", "tcp://127.0.0.1", "tcp://127.0.0.1:x"])
    func endpointsWithoutAnAddressAndPortAreRefused(_ endpoint: String) throws {
        let folder = try SocketFolder()
        for attempt in [{ try folder.node("writer", at: endpoint) }, { try folder.node("reader", peers: [endpoint]) }] {
            let error = #expect(throws: BusError.self) { _ = try attempt() }
            guard case .endpointInvalid(endpoint, _) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test(arguments: [
        "", "ipc://", "ipc://relative", "ipc://@abstract", "tcp://127.0.0.1", "tcp://127.0.0.1:0", "tcp://127.0.0.1:x",
        "udp://127.0.0.1:1",
    ])
    func endpointsThatCannotBeAreRefused(_ endpoint: String) throws {
        let folder = try SocketFolder()
        #expect {
            try folder.node("writer", at: endpoint)
        } throws: { error in
            guard case BusError.endpointInvalid(endpoint, _) = error else { return false }
            return true
        }
    }

    @Test func aMissingFolderIsAnErrorThatSaysSo() throws {
        let folder = try SocketFolder()
        #expect {
            try folder.node("writer", at: "ipc://\(folder.path)/missing/a")
        } throws: { error in
            "\(error)".contains("A folder of the path is missing")
        }
    }

    @Test func tcpWorksOnThisMachineWithAPortThatIsChosen() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("writer", at: "tcp://127.0.0.1:*")
        let endpoint = try #require(writer.endpoint)
        #expect(endpoint.hasPrefix("tcp://127.0.0.1:") && !endpoint.hasSuffix("*"))
        try link(writer, to: try folder.node("reader", peers: [endpoint]))
        #expect(throws: BusError.endpointInUse(endpoint)) { try folder.node("second", at: endpoint) }
        // The other loopback address, where the machine has it.
        guard let writer6 = try? folder.node("writer", at: "tcp://[::1]:*"), let endpoint6 = writer6.endpoint else {
            return
        }
        try link(writer6, to: try folder.node("reader", peers: [endpoint6]))
    }

    @Test func aPeerMayComeLater() throws {
        let folder = try SocketFolder()
        let reader = try folder.node("reader")
        try reader.connect(folder.endpoint())
        try reader.connect(folder.endpoint())
        let goals = try reader.subscribe(Topics.goalCurrent)
        try reader.wait(until: .now() + .milliseconds(5))
        let writer = try folder.node("writer", at: folder.endpoint())
        try writer.publisher(Topics.goalCurrent).publish(Sample.goal("g"), at: .now())
        try letWork(writer, reader, until: "the goal") { goals.take() != nil }
        // Connecting twice would have brought it twice.
        #expect(reader.statistics.total.duplicates == 0)
    }

    @Test func waitingLastsUntilTheDeadlineAndNoLonger() throws {
        let folder = try SocketFolder()
        let node = try folder.node("node", at: folder.endpoint())
        for microseconds in [300, 1_700, 5_000] {
            let deadline = MonotonicTime.now() + .microseconds(microseconds)
            try node.wait(until: deadline)
            #expect(MonotonicTime.now() >= deadline)
        }
        // One in the past does not wait at all, and does not disturb the next.
        try node.wait(until: .zero)
        let deadline = MonotonicTime.now() + .milliseconds(3)
        try node.wait(until: deadline)
        #expect(MonotonicTime.now() >= deadline)
    }

    @Test func waitingEndsWhenADescriptorIsReadable() throws {
        let folder = try SocketFolder()
        let node = try folder.node("node")
        let event = octo_event_fd()
        try #require(event >= 0)
        defer { Glibc.close(event) }
        octo_event_signal(event)
        let far = MonotonicTime.now() + .seconds(60)
        try node.wait(until: far, alsoOn: [event])
        #expect(MonotonicTime.now() < far)
        octo_event_consume(event)
        // Without a descriptor it must not be watched any more.
        let near = MonotonicTime.now() + .milliseconds(2)
        octo_event_signal(event)
        try node.wait(until: near)
        #expect(MonotonicTime.now() >= near)
    }

    @Test func waitingEndsWhenAMessageArrives() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("writer", at: folder.endpoint())
        let reader = try folder.node("reader", peers: [folder.endpoint()])
        let chunks = try reader.subscribe(Topics.policyChunk)
        try link(writer, to: reader)
        try writer.publisher(Topics.policyChunk).publish(Sample.chunk(1), at: .now())
        let far = MonotonicTime.now() + .seconds(60)
        while chunks.count == 0, MonotonicTime.now() < far { try reader.wait(until: far) }
        #expect(MonotonicTime.now() < far)
    }

    @Test func anObserverSeesEveryTopicBelowAPrefixWithItsBytes() throws {
        let folder = try SocketFolder()
        let writer = try folder.node("writer", at: folder.endpoint())
        let reader = try folder.node("bus", peers: [folder.endpoint()])
        var seen: [RawMessage] = []
        try reader.observeAll(prefix: "camera/") { seen.append($0) }
        try link(writer, to: reader)
        try writer.publisher(Topics.policyChunk).publish(Sample.chunk(1), at: .now())
        for name in ["primary", "wrist"] {
            try writer.publisher(Topics.cameraImage(name)).publish(Sample.frame(1, side: 8), at: .now())
        }
        try letWork(reader, until: "two frames") { seen.count == 2 }
        #expect(seen.map(\.topic) == ["camera/primary/image", "camera/wrist/image"])
        #expect(seen.allSatisfy { $0.bulk?.count == 192 && $0.envelope.sourceNode == "writer" })
        let first = try #require(seen.first)
        let text = try first.body.withUnsafeBytes {
            try MessageCatalogue.json(schema: first.envelope.schema, body: $0, bulk: first.bulk)
        }
        #expect(text.contains("\"width\":8"))
        #expect(first.byteCount > 192 + first.body.count)
    }

    @Test func aMessageThatNoReaderWouldTakeIsNotSent() throws {
        let folder = try SocketFolder()
        let node = try folder.node("policy", at: folder.endpoint())
        var chunk = Sample.chunk(1)
        chunk.actionDimension = 2
        #expect {
            try node.publisher(Topics.policyChunk).publish(chunk, at: .now())
        } throws: { error in
            guard case BusError.unsendable(topic: "policy/chunk", .invalid) = error else { return false }
            return true
        }
        #expect(node.statistics.published["policy/chunk"] == 0)
    }

    @Test func aClosedNodeSaysSo() throws {
        let folder = try SocketFolder()
        let node = try folder.node("node", at: folder.endpoint())
        let publisher = node.publisher(Topics.policyChunk)
        node.close()
        node.close()
        #expect(throws: BusError.self) { try node.wait(until: .zero) }
        #expect(throws: BusError.self) { try publisher.publish(Sample.chunk(1), at: .now()) }
        #expect(throws: BusError.self) { try node.connect(folder.endpoint()) }
        // And its endpoint is free.
        _ = try folder.node("next", at: folder.endpoint())
    }

    @Test func twoHandlesOfOneTopicShareItsSequence() throws {
        let folder = try SocketFolder()
        let node = try folder.node("node", at: folder.endpoint())
        try node.publisher(Topics.policyChunk).publish(Sample.chunk(0), at: .now())
        try node.publisher(Topics.policyChunk).publish(Sample.chunk(1), at: .now())
        #expect(node.statistics.published == ["policy/chunk": 2])
    }
}

/// Programs that come and go, and so are in nobody's list of peers.
@Suite struct CommandEndpointTests {
    /// A visitor's message arrives.
    private func visit(_ arm: BusNode, at endpoint: String, id: UInt64 = 1) throws {
        let chunks = try arm.subscribe(Topics.policyChunk)
        let visitor = try BusNode(
            BusOptions(node: "visitor", runID: "run", endpoint: nil, peers: [], listeners: [endpoint]))
        let publisher = visitor.publisher(Topics.policyChunk)
        try letWork(arm, visitor, until: "the subscription") { visitor.isHeard(on: Topics.policyChunk) }
        try publisher.publish(Sample.chunk(id), at: .now())
        try letWork(arm, visitor, until: "the message") { chunks.take()?.message == Sample.chunk(id) }
        visitor.close()
    }

    @Test func whoIsNobodysPeerIsHeardAtTheCommandEndpoint() throws {
        let folder = try SocketFolder()
        let arm = try folder.node("arm", at: folder.endpoint(), commandEndpoint: folder.endpoint("b"))
        let chunks = try arm.subscribe(Topics.policyChunk)
        let visitor = try BusNode(
            BusOptions(node: "visitor", runID: "run", endpoint: nil, peers: [], listeners: [folder.endpoint("b")]))
        let publisher = visitor.publisher(Topics.policyChunk)
        #expect(!visitor.isHeard(on: Topics.policyChunk))
        try letWork(arm, visitor, until: "the subscription") { visitor.isHeard(on: Topics.policyChunk) }
        #expect(!visitor.isHeard(on: Topics.goalCurrent))
        // Once it is heard, the first message arrives.
        try publisher.publish(Sample.chunk(7), at: .now())
        var received: ActionChunk?
        try letWork(arm, visitor, until: "the message") {
            received = chunks.take()?.message
            return received != nil
        }
        #expect(received == Sample.chunk(7))
    }

    @Test func aCommandEndpointLeftByAKilledNodeIsTakenByTheNext() throws {
        let folder = try SocketFolder()
        try folder.abandonSocket("b")
        try visit(
            folder.node("arm", at: folder.endpoint(), commandEndpoint: folder.endpoint("b")), at: folder.endpoint("b"))
    }

    /// libzmq would take the socket file over in silence, and nobody would reach the first any more.
    @Test func aCommandEndpointThatIsServedIsNotTakenOver() throws {
        let folder = try SocketFolder()
        let arm = try folder.node("arm", at: folder.endpoint(), commandEndpoint: folder.endpoint("b"))
        #expect(throws: BusError.endpointInUse(folder.endpoint("b"))) {
            try folder.node("second", at: folder.endpoint("c"), commandEndpoint: folder.endpoint("b"))
        }
        try visit(arm, at: folder.endpoint("b"))
    }

    @Test func aFileInPlaceOfTheCommandEndpointIsLeftAlone() throws {
        let folder = try SocketFolder()
        let path = "\(folder.path)/b"
        Glibc.close(open(path, O_CREAT | O_WRONLY, 0o600))
        #expect(
            throws: BusError.endpointInvalid(
                folder.endpoint("b"), reason: "a file that is not a socket lies at that path")
        ) {
            try folder.node("arm", at: folder.endpoint(), commandEndpoint: folder.endpoint("b"))
        }
        #expect(access(path, F_OK) == 0)
    }

    @Test func severalVisitorsAreHeardOneAfterTheOther() throws {
        let folder = try SocketFolder()
        let arm = try folder.node("arm", at: folder.endpoint(), commandEndpoint: folder.endpoint("b"))
        for id: UInt64 in 1...3 { try visit(arm, at: folder.endpoint("b"), id: id) }
    }

    @Test func aListenerThatIsGoneHearsNothing() throws {
        let folder = try SocketFolder()
        let arm = try folder.node("arm", at: folder.endpoint(), commandEndpoint: folder.endpoint("b"))
        _ = try arm.subscribe(Topics.policyChunk)
        let visitor = try BusNode(
            BusOptions(node: "visitor", runID: "run", endpoint: nil, peers: [], listeners: [folder.endpoint("b")]))
        try letWork(arm, visitor, until: "the subscription") { visitor.isHeard(on: Topics.policyChunk) }
        arm.close()
        try letWork(visitor, until: "the end of it") { !visitor.isHeard(on: Topics.policyChunk) }
    }
}
