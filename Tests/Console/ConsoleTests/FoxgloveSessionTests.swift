import Console
import JSONTree
import Messages
import TestSupport
import Testing
import Time
import Wire

/// What a viewer is told, and what it may ask.
@Suite struct FoxgloveSessionTests {
    @Test(
        arguments: [
            (["foxglove.websocket.v1"], "foxglove.websocket.v1"), (["foxglove.sdk.v1"], "foxglove.sdk.v1"),
            (["foxglove.websocket.v1, foxglove.sdk.v1"], "foxglove.websocket.v1"),
            (["foxglove.sdk.v2,\tfoxglove.sdk.v1 "], "foxglove.sdk.v1"), (["x", "foxglove.sdk.v1"], "foxglove.sdk.v1"),
            ([], nil), ([""], nil), (["foxglove.sdk.v2", "octo.console.1", ",, ,"], nil), (["Foxglove.SDK.v1"], nil),
        ] as [([String], String?)])
    func theFirstKnownSubprotocolIsChosen(offered: [String], chosen: String?) {
        #expect(FoxgloveSession.subprotocol(offered: offered) == chosen)
    }

    @Test func aNewViewerHearsOfTheServerAndAllChannels() throws {
        var catalogue = FoxgloveCatalogue.sample
        let channels = [try catalogue.receiveCommand().channel, try catalogue.receivePicture().channel]
        var session = FoxgloveSession(catalogue)
        let said = try session.everything()
        #expect(said.map(\.op) == ["serverInfo", "advertise", nil])
        let server = try #require(said[0].json)
        #expect(server["name"] == "Octo Runtime: try run-1")
        #expect(server["capabilities"] == ["time"] && server["supportedEncodings"] == [])
        #expect(server["sessionId"] == "run-1/console-1")
        #expect(
            server["metadata"]
                == .object([
                    "version": JSONNode(OctoRuntime.version), "run": "try run-1", "run_id": "run-1",
                ]))
        #expect(
            said[1].json?["channels"]?.array
                == channels.map {
                    .object([
                        "id": JSONNode($0.id), "topic": JSONNode($0.topic), "encoding": "protobuf",
                        "schemaName": JSONNode($0.schema), "schema": JSONNode($0.definition),
                        "schemaEncoding": "protobuf",
                    ])
                })
        #expect(try session.everything() == [])
    }

    @Test func withoutARunAViewerHearsThatThereIsNothing() throws {
        var session = FoxgloveSession(FoxgloveCatalogue(console: "c"))
        let said = try session.everything()
        #expect(said.map(\.op) == ["serverInfo", "advertise"])
        #expect(said[0].json?["sessionId"] == "none/c" && said[1].json?["channels"] == [])
    }

    @Test func newChannelsAreToldOnce() throws {
        var catalogue = FoxgloveCatalogue.sample
        var session = FoxgloveSession(catalogue)
        _ = try session.everything()
        let first = try catalogue.receiveCommand().channel
        session.follow(catalogue)
        let second = try catalogue.receivePicture().channel
        session.follow(catalogue)
        session.follow(catalogue)
        let said = try session.everything()
        #expect(said.map(\.op) == ["advertise"])
        #expect(said[0].json?["channels"]?.array?.map { $0["id"]?.int } == [first.id, second.id])
    }

    @Test func aViewerGetsWhatItSubscribedToUnderItsOwnNumber() throws {
        var catalogue = FoxgloveCatalogue.sample
        let (wanted, other) = (try catalogue.receiveCommand(), try catalogue.receivePicture())
        var session = FoxgloveSession(catalogue)
        _ = try session.everything()
        session.subscribe(wanted.channel, in: catalogue)
        #expect(session.wants(wanted.channel) && !session.wants(other.channel))
        session.offer(other)
        session.offer(wanted)
        #expect(
            try session.everything()
                == [.data(subscription: UInt32(wanted.channel.id + 100), time: wanted.time, payload: wanted.data)])
        #expect(session.droppedCount == 0)
    }

    @Test func theLargestNumberOfASubscriptionIsKept() throws {
        var catalogue = FoxgloveCatalogue.sample
        let message = try catalogue.receiveCommand()
        var session = FoxgloveSession(catalogue)
        _ = try session.everything()
        session.receive(
            .text("{\"op\": \"subscribe\", \"subscriptions\": [{\"id\": 4294967295, \"channelId\": 1}]}"),
            in: catalogue)
        session.offer(message)
        #expect(
            try session.everything() == [.data(subscription: .max, time: message.time, payload: message.data)])
    }

    @Test func whoUnsubscribesGetsNothingMoreNotEvenWhatWaited() throws {
        var catalogue = FoxgloveCatalogue.sample
        let (first, second) = (try catalogue.receiveCommand(), try catalogue.receivePicture())
        var session = FoxgloveSession(catalogue)
        _ = try session.everything()
        session.subscribe(first.channel, second.channel, in: catalogue)
        session.offer(first)
        session.offer(second)
        // A number that is not known is passed over, as in a viewer's last word on a channel that is gone.
        session.receive(.text("{\"op\": \"unsubscribe\", \"subscriptionIds\": [101, 77]}"), in: catalogue)
        session.offer(first)
        #expect(try session.everything().map(\.payload) == [second.data])
        #expect(session.waitingByteCount == 0 && session.subscriptionCount == 1 && session.droppedCount == 0)
        // The number is free again.
        session.subscribe(first.channel, in: catalogue)
        session.offer(first)
        #expect(try session.everything().map(\.payload) == [first.data])
    }

    @Test func anotherRunWithdrawsAllAndBeginsAnotherSession() throws {
        var catalogue = FoxgloveCatalogue.sample
        let old = try catalogue.receiveCommand(at: .milliseconds(50_000))
        var session = FoxgloveSession(catalogue)
        session.subscribe(old.channel, in: catalogue)
        session.offer(old)
        _ = try session.everything()
        session.offer(old)
        catalogue.begin(.sample("run-2"))
        let new = try catalogue.receiveCommand(at: .milliseconds(2))
        session.follow(catalogue)
        let said = try session.everything(at: .milliseconds(2))
        // And the clock begins again, though it shows less than before.
        #expect(said.map(\.op) == ["unadvertise", "serverInfo", "advertise", nil])
        #expect(said[0].json?["channelIds"] == [JSONNode(old.channel.id)])
        #expect(said[1].json?["sessionId"] == "run-2/console-1")
        #expect(said[2].json?["channels"]?.array?.map { $0["id"]?.int } == [new.channel.id])
        #expect(said[3] == .time(new.time))
        #expect(!session.wants(old.channel) && !session.wants(new.channel))
        // A wish that crossed the news is no mistake.
        session.subscribe(old.channel, in: catalogue)
        #expect(try session.everything(at: .milliseconds(2)) == [])
    }

    @Test func aViewerThatSleepsThroughRunsHearsOfTheLast() throws {
        var catalogue = FoxgloveCatalogue.sample
        var session = FoxgloveSession(catalogue)
        _ = session.next(at: .zero)
        for number in 2...100 {
            catalogue.begin(.sample("run-\(number)"))
            _ = try catalogue.receiveCommand()
            session.follow(catalogue)
        }
        let said = try session.everything()
        #expect(said.map(\.op) == ["advertise", "serverInfo", "advertise", nil])
        #expect(said[1].json?["sessionId"] == "run-100/console-1")
        #expect(said[2].json?["channels"]?.array?.count == 1)
    }

    /// As on the bus: a goal that was set an hour ago is still the goal.
    @Test func whoSubscribesLateGetsTheLastStateButNoOldCommand() throws {
        var catalogue = FoxgloveCatalogue.sample
        func state(_ messages: Int64) -> EpisodeState {
            EpisodeState(
                isRecording: true, name: "a", path: "a.mcap", outcome: .open, startTime: .zero, messages: messages,
                bytes: 0, missing: 0, time: .zero)
        }
        _ = try catalogue.receive(state(1), on: Topics.episodeState.name, isWanted: false)
        let last = try #require(try catalogue.receive(state(2), on: Topics.episodeState.name))
        let status = NodeStatus(node: "arm", processID: 1, state: .ready, headline: "well")
        let node = try #require(try catalogue.receive(status, on: Topics.nodeStatus("arm").name))
        let command = try catalogue.receiveCommand()
        var session = FoxgloveSession(catalogue)
        _ = try session.everything()
        session.subscribe(last.channel, node.channel, command.channel, in: catalogue)
        #expect(try session.everything().compactMap(\.payload) == [last.data, node.data])
    }

    /// The viewer stamps what it gets with the clock that it was told last.
    @Test func theClockIsToldBeforeTheMessagesAndNeverGoesBack() throws {
        var catalogue = FoxgloveCatalogue.sample
        let channel = try catalogue.receiveCommand().channel
        var session = FoxgloveSession(catalogue)
        session.subscribe(channel, in: catalogue)
        let times = [1000, 1001, 1001, 1000, 1010].map { MonotonicTime.milliseconds($0) }
        let messages = try times.map { try catalogue.receiveCommand(at: $0) }
        for message in messages { session.offer(message) }
        let said = try session.everything(at: .milliseconds(1011)).filter { $0.op == nil }
        func data(_ index: Int) -> FoxgloveSaid {
            .data(subscription: 101, time: messages[index].time, payload: messages[index].data)
        }
        #expect(
            said == [
                .time(messages[0].time), data(0), .time(messages[1].time), data(1), data(2), data(3),
                .time(messages[4].time), data(4),
            ])
        // When nothing comes it goes on, ten times a second.
        #expect(try session.everything(at: .milliseconds(1109)) == [])
        let end = UInt64(1_700_000_001_110_000_000)
        #expect(try session.everything(at: .milliseconds(1110)) == [.time(end)])
        #expect(try session.everything(at: .milliseconds(1110)) == [])
        // Not even when somebody's own clock does.
        #expect(try session.everything(at: .milliseconds(500)) == [])
    }
}
