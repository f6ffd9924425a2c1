import Bus
import Messages
import Testing
import Time
import Wire

/// A place on the bus for one who speaks for others: two of them, with nothing between, make one bus of two.
@Suite struct BusTapTests {
    private let here: SocketFolder
    private let there: SocketFolder
    private let writer: BusNode
    private let reader: BusNode
    private let near: BusTap
    private let far: BusTap

    init() throws {
        here = try SocketFolder()
        there = try SocketFolder()
        writer = try here.node("writer", at: here.endpoint())
        near = try BusTap(
            publishes: here.endpoint("b"), commandsAt: here.endpoint("c"),
            peers: [here.endpoint()], listeners: [], isLatched: { $0.hasSuffix("/status") })
        far = try BusTap(
            publishes: there.endpoint(), commandsAt: nil, peers: [there.endpoint("b")],
            listeners: [there.endpoint("c")], isLatched: { $0.hasSuffix("/status") })
        reader = try BusNode(
            BusOptions(
                node: "reader", runID: "run", endpoint: there.endpoint("b"), peers: [there.endpoint()],
                commandEndpoint: there.endpoint("c")))
    }

    /// Carries everything from one to the other, both ways.
    private func carry() throws {
        for tap in [near, far] { try tap.wake() }
        for (from, to) in [(near, far), (far, near)] {
            if let interests = try from.takeInterests() { try to.listen(to: interests) }
            while let message = try from.takeMessage() { try to.publish(message) }
            while let command = try from.takeCommand() { try to.command(command) }
        }
    }

    private func letCarry(_ nodes: [BusNode], until what: Comment, _ condition: () throws -> Bool) throws {
        try letWork(writer, reader, until: what) {
            try carry()
            for node in nodes { try node.wait(until: .now()) }
            return try condition()
        }
    }

    @Test func whatIsSaidHereIsHeardThereAsItWas() throws {
        let statuses = try reader.subscribe(Topics.nodeStatus("writer"))
        let chunks = try reader.subscribe(Topics.policyChunk)
        try writer.publisher(Topics.nodeStatus("writer")).publish(Sample.status, at: .now())
        try letCarry([], until: "the latched value") { statuses.count == 1 }
        let chunk = Sample.chunk(3)
        for _ in 0..<3 { try writer.publisher(Topics.policyChunk).publish(chunk, traceID: 7, at: .now()) }
        try letCarry([], until: "the chunks") { chunks.count == 3 }
        let first = try #require(chunks.take())
        #expect(first.message == chunk && first.envelope.traceID == 7 && first.envelope.sourceNode == "writer")
        let counts = reader.statistics.received["policy/chunk"]
        #expect(counts?.lost == 0 && counts?.duplicates == 0)
    }

    @Test func onlyWhatSomebodyListensToComes() throws {
        _ = try reader.subscribe(Topics.armState)
        try letCarry([], until: "that the state is asked for") { writer.isHeard(on: Topics.armState) }
        #expect(!writer.isHeard(on: Topics.cameraImage("primary")))
    }

    @Test func whoComesLaterHasWhatIsLatched() throws {
        let statuses = try reader.subscribe(Topics.nodeStatus("writer"))
        try writer.publisher(Topics.nodeStatus("writer")).publish(Sample.status, at: .now())
        try letCarry([], until: "the value") { statuses.count == 1 }
        let late = try there.node("late", peers: [there.endpoint()])
        let lateStatuses = try late.subscribe(Topics.nodeStatus("writer"))
        try letCarry([late], until: "the value, once more") { lateStatuses.count == 1 }
        #expect(lateStatuses.take()?.message == Sample.status)
    }

    private static let command = GoalCommand(id: 5, operatorID: "person", action: .clear, time: .zero)

    @Test func commandsReachTheNodeThatTakesThem() throws {
        let commands = try reader.subscribe(Topics.goalCommand)
        let person = try BusNode(
            BusOptions(
                node: "person", runID: "run", endpoint: nil, peers: [], listeners: [here.endpoint("c")]))
        let publisher = person.publisher(Topics.goalCommand)
        try letCarry([person], until: "that commands are taken") { person.isHeard(on: Topics.goalCommand) }
        // The way on to the node may not stand yet: commands are said until they are answered.
        try letCarry([person], until: "the command") {
            try publisher.publish(Self.command, at: .now())
            return commands.count > 0
        }
        #expect(commands.take()?.envelope.sourceNode == "person")
    }

    @Test func whatNobodyListensToAnyMoreStopsComing() throws {
        try near.listen(to: ["policy/"])
        try letCarry([], until: "that chunks are asked for") { writer.isHeard(on: Topics.policyChunk) }
        try near.listen(to: [])
        try letCarry([], until: "that they are not any more") { !writer.isHeard(on: Topics.policyChunk) }
    }
}
