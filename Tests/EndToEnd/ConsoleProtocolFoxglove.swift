import Foundation
import JSONTree
import Messages
import TestSupport
import Testing

extension EndToEnd.ConsoleProtocolTests {
    /// The run as Foxglove sees it, by a client that others wrote.
    @Suite struct Foxglove {
        private static let python = TestPython.path(with: ["google.protobuf", "mcap_protobuf", "robo_ws_bridge"])
        private static let missing: Comment = """
            no python3 with robo-ws-bridge and mcap-protobuf-support; .ci/python puts one into .build/python
            """
        private let run: SharedConsole.Run

        init() throws { run = try SharedConsole.run }

        @Test(.enabled(if: python != nil, missing), arguments: ["foxglove.sdk.v1", "foxglove.websocket.v1"])
        func everyTopicIsReadAndNothingIsWritten(subprotocol: String) throws {
            let topics = ["arm/state", "camera/primary/image", "camera/wrist/image", "policy/chunk", "node/arm/status"]
            let (exitCode, output) = try TestPython.run(
                try #require(Self.python), "Tests/Console/ConsoleTests/foxglove_client.py",
                [
                    "--subprotocol", subprotocol, "--messages", "3", "--seconds", "30", "--meddle",
                    "ws://127.0.0.1:\(run.port)/",
                ] + topics)
            let seen = try JSONNode(parsing: output)
            #expect(exitCode == 0, "\(seen.text())")
            #expect(seen["subprotocol"]?.string == subprotocol)
            #expect(seen["servers"]?.array?.count == 1)
            for topic in topics {
                let channel = try #require(seen["channels"]?[topic], "\(seen.text())")
                // Its own schema explains every field, but those of high numbers which `RecordedMessage` adds.
                let unknown = (channel["unknown_fields"]?.array ?? []).compactMap(\.int)
                #expect(unknown.allSatisfy { $0 >= 100 }, "\(topic): \(channel.text())")
                if topic.hasPrefix("camera/") {
                    #expect(channel["image"]?["agrees"]?.bool == true, "\(topic): \(channel.text())")
                }
            }
            // It tried to publish as the arm's operator: it was told that it may not, and the arm has heard nothing.
            #expect(seen["status"]?.array?.isEmpty == false, "\(seen.text())")
            try run.look { pipeline in
                try pipeline.letTick(20)
                #expect(pipeline.armState?.mode != .holding(.emergencyStop))
                #expect(pipeline.armState?.mode != .manual)
            }
        }
    }
}
