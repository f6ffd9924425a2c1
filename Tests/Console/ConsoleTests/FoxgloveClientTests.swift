import Console
import Foundation
import JSONTree
import Messages
import TestSupport
import Testing
import Time
import Wire

/// What a session says, understood by a client of the protocol that others wrote, with schemas and messages decoded by
/// Foxglove's and Google's libraries.
@Suite struct FoxgloveClientTests {
    private static let python = TestPython.path(with: ["google.protobuf", "mcap_protobuf", "robo_ws_bridge"])
    private static let missing: Comment = """
        no python3 with robo-ws-bridge and mcap-protobuf-support; .ci/python puts one into .build/python
        """

    /// Gives the client what the server said.
    private func decode(_ said: [SocketMessage]) throws -> JSONNode {
        var file: [UInt8] = []
        for message in said {
            let (kind, payload) =
                switch message {
                case .text(let text): (UInt8(ascii: "T"), Array(text.utf8))
                case .binary(let bytes): (UInt8(ascii: "B"), bytes)
                }
            file.append(kind)
            withUnsafeBytes(of: UInt32(payload.count).littleEndian) { file += $0 }
            file += payload
        }
        let folder = try TemporaryFolder()
        let (exitCode, output) = try TestPython.run(
            try #require(Self.python), "Tests/Console/ConsoleTests/foxglove_client.py",
            ["--decode", try folder.write(file, to: "said")])
        try #require(exitCode == 0, "its complaint stands above")
        return try JSONNode(parsing: output)
    }

    private func everything(_ session: inout FoxgloveSession) -> [SocketMessage] {
        var said: [SocketMessage] = []
        while let message = session.next(at: .zero) { said.append(message) }
        return said
    }

    /// A run with one topic of each kind.
    private func messages(_ catalogue: inout FoxgloveCatalogue, at time: MonotonicTime) throws -> [FoxgloveMessage] {
        let event = RunEvent(node: "policy", kind: .policyHeld, subject: "cup", text: "the camera moved", time: time)
        let status = NodeStatus(node: "arm", processID: 12, state: .ready, headline: "all is well")
        return [
            try catalogue.receivePicture("primary", isJPEG: true, at: time),
            try catalogue.receivePicture("wrist", isJPEG: false, at: time),
            try #require(try catalogue.receive(event, on: Topics.event(of: "policy").name, at: time)),
            try #require(try catalogue.receive(status, on: Topics.nodeStatus("arm").name, at: time)),
            try catalogue.receiveCommand(3, at: time),
        ]
    }

    /// What the client asks for when it hears of the channels, and then what it makes of everything.
    private func talk(
        _ catalogue: inout FoxgloveCatalogue, rounds: Int
    ) throws -> (said: [SocketMessage], heard: JSONNode) {
        _ = try messages(&catalogue, at: .milliseconds(1000))
        var session = FoxgloveSession(catalogue)
        var said = everything(&session)
        for request in try #require(try decode(said)["sent"]?.array) {
            session.receive(.text(try #require(request.string)), in: catalogue)
        }
        for round in 1...rounds {
            for message in try messages(&catalogue, at: .milliseconds(1000 + 10 * round)) { session.offer(message) }
            said += everything(&session)
        }
        return (said, try decode(said))
    }

    @Test(.enabled(if: python != nil, missing))
    func anIndependentClientReadsEveryTopic() throws {
        var catalogue = FoxgloveCatalogue.sample
        let heard = try talk(&catalogue, rounds: 3).heard
        #expect(heard["problems"] == [] && heard["status"] == [] && heard["withdrawn"] == [])
        #expect(heard["servers"]?.array?.map { $0["name"] } == ["Octo Runtime: try run-1"])
        #expect(heard["clock"]?["went_back"] == false)
        func channel(_ topic: String) -> JSONNode? { heard["channels"]?[topic] }
        #expect(heard["channels"]?.object?.map(\.key) == catalogue.channels.map(\.topic))
        for known in catalogue.channels {
            let topic = known.topic
            #expect(channel(topic)?["schema"]?.string == known.schema)
            // The status of before is told to those who come later.
            #expect(channel(topic)?["messages"]?.int == (topic == "node/arm/status" ? 4 : 3), "\(topic)")
            #expect(channel(topic)?["last_ns"]?.int == 1_700_000_001_030_000_000, "\(topic)")
            #expect((channel(topic)?["off_clock_ns"]?.int ?? .max) < 1_000_000, "\(topic)")
            // The schema knows all fields but those that carry what the bus needs, and those of our own frames.
            let unknown = try #require(channel(topic)?["unknown_fields"]?.array?.map(\.int))
            #expect(unknown.contains(1001) && unknown.allSatisfy { $0 ?? 0 >= 100 }, "\(topic)")
        }
        #expect(channel("node/arm/status")?["first_ns"]?.int == 1_700_000_001_000_000_000)
        #expect(channel("node/arm/status")?["field"] == .object(["node": "arm"]))
        #expect(channel("event/policy")?["schema"] == "foxglove.Log")
        #expect(
            channel("camera/primary/image")?["image"]
                == .object(["format": "jpeg", "agrees": true, "bytes": 7]))
        #expect(
            channel("camera/wrist/image")?["image"]
                == .object(["encoding": "rgb8", "width": 4, "height": 2, "agrees": true]))
    }

    /// The check above can fail.
    @Test(.enabled(if: python != nil, missing))
    func theClientComplainsOfWhatIsNotInTheProtocol() throws {
        var catalogue = FoxgloveCatalogue.sample
        var said = try talk(&catalogue, rounds: 1).said
        guard case .binary(let last) = try #require(said.last) else {
            Issue.record("the last message is no data")
            return
        }
        // Cut in a field, and a subscription that nobody made.
        said[said.count - 1] = .binary(last.dropLast(1))
        said.append(.binary([1, 99, 0, 0, 0] + last[5...]))
        #expect(try decode(said)["problems"]?.array?.count == 2)
    }

    @Test(.enabled(if: python != nil, missing))
    func theClientFollowsIntoAnotherRun() throws {
        var catalogue = FoxgloveCatalogue.sample
        _ = try catalogue.receiveCommand()
        var session = FoxgloveSession(catalogue)
        var said = everything(&session)
        catalogue.begin(.sample("run-2"))
        _ = try catalogue.receivePicture()
        session.follow(catalogue)
        session.receive(.text("{\"op\": \"advertise\", \"channels\": []}"), in: catalogue)
        said += everything(&session)
        let heard = try decode(said)
        #expect(heard["withdrawn"] == ["episode/command"] && heard["problems"] == [])
        #expect(
            heard["servers"]?.array?.map { $0["sessionId"] } == ["run-1/console-1", "run-2/console-1"])
        #expect(heard["status"]?.array?.map { $0.array?.first } == [2])
    }
}
