import Console
import Files
import Foundation
import Messages
import TestSupport
import Testing
import Time
import Wire

/// Channels and messages for all viewers.
@Suite struct FoxgloveCatalogueTests {
    @Test func eachTopicGetsAChannelWithTheSchemaOfItsMessages() throws {
        var catalogue = FoxgloveCatalogue.sample
        _ = try catalogue.receivePicture("primary", isJPEG: true)
        _ = try catalogue.receivePicture("wrist", isJPEG: false)
        let event = RunEvent(node: "policy", kind: .policyHeld, subject: "cup", text: "why", time: .zero)
        _ = try catalogue.receive(event, on: Topics.event(of: "policy").name)
        _ = try catalogue.receiveCommand()
        _ = try catalogue.receiveCommand()
        #expect(
            catalogue.channels.map(\.topic) == [
                "camera/primary/image", "camera/wrist/image", "event/policy", "episode/command",
            ])
        #expect(
            catalogue.channels.map(\.schema) == [
                "foxglove.CompressedImage", "foxglove.RawImage", "foxglove.Log", "octo.EpisodeCommand",
            ])
        #expect(catalogue.channels.map(\.id) == [1, 2, 3, 4])
        #expect(catalogue.channels.map(\.isPictures) == [true, true, false, false])
        for channel in catalogue.channels {
            let definition = try #require(MessageSchemas.descriptorSet(of: channel.schema))
            #expect(channel.definition == Data(definition).base64EncodedString(), "\(channel.schema)")
        }
    }

    /// Base64 of all lengths, and of all bytes, as Foundation writes it: by the schemas' own lengths, which differ.
    @Test func schemasOfAllLengthsAreInBase64() throws {
        var lengths: Set<Int> = []
        for name in MessageSchemas.names {
            var catalogue = FoxgloveCatalogue.sample
            _ = catalogue.receive(topic: "t", envelope: .sample(name, at: .zero), body: [], bulk: nil) { _ in false }
            let definition = try #require(MessageSchemas.descriptorSet(of: name))
            guard let channel = catalogue.channels.first else { continue }
            guard channel.schema == name else { continue }
            lengths.insert(definition.count % 3)
            #expect(channel.definition == Data(definition).base64EncodedString(), "\(name)")
        }
        #expect(lengths == [0, 1, 2], "no schema has another padding: take another way to test it")
    }

    @Test func aMessageIsTheRecordedOneStampedWithTheTimeOfDay() throws {
        var catalogue = FoxgloveCatalogue.sample
        let command = EpisodeCommand(id: 1, operatorID: "me", action: .start, text: "a", time: .zero)
        let message = try #require(try catalogue.receive(command, on: "episode/command", at: .milliseconds(1500)))
        #expect(message.time == 1_700_000_001_500_000_000)
        #expect(message.channel == catalogue.channels.first)
        let recorded = try RecordedMessage(
            envelope: .sample("octo.EpisodeCommand", at: .milliseconds(1500)), body: try command.encoded().body,
            bulk: nil)
        #expect(message.data == recorded.data)
    }

    /// Clocks may be set to anything.
    @Test(arguments: [(Int64.min, UInt64(0)), (.max, UInt64(Int64.max)), (-1, 999_999)])
    func timesOfDayStayInTheirRange(offset: Int64, expected: UInt64) throws {
        var run = FoxgloveRun.sample()
        run.wallOffset = .nanoseconds(offset)
        var catalogue = FoxgloveCatalogue(console: "c", run: run)
        #expect(try catalogue.receiveCommand(at: .milliseconds(1)).time == expected)
    }

    @Test func whatNobodyWantsIsNotMadeButItsChannelIsKnown() throws {
        var catalogue = FoxgloveCatalogue.sample
        let command = EpisodeCommand(id: 1, operatorID: "me", action: .start, text: "", time: .zero)
        #expect(try catalogue.receive(command, on: "episode/command", isWanted: false) == nil)
        #expect(catalogue.channels.count == 1)
    }

    @Test func whatCannotBeShownHasNoChannel() throws {
        var catalogue = FoxgloveCatalogue.sample
        func receive(_ schema: String, _ body: [UInt8]) -> FoxgloveMessage? {
            catalogue.receive(topic: "x", envelope: .sample(schema, at: .zero), body: body, bulk: nil) { _ in true }
        }
        #expect(receive("other.Thing", [1]) == nil)
        #expect(catalogue.unreadableCount == 0)
        // A frame whose body ends in the middle of a field.
        #expect(receive("octo.CameraFrame", [0x0A, 0x7F]) == nil)
        #expect(catalogue.channels.isEmpty && catalogue.unreadableCount == 1)
    }

    @Test func withoutARunNothingIsShown() throws {
        var catalogue = FoxgloveCatalogue(console: "c")
        let command = EpisodeCommand(id: 1, operatorID: "me", action: .start, text: "", time: .zero)
        #expect(try catalogue.receive(command, on: "episode/command") == nil)
        #expect(catalogue.channels.isEmpty)
    }

    /// Viewers know one schema for a topic.
    @Test func aCameraThatChangesItsFormatGetsAnotherChannel() throws {
        var catalogue = FoxgloveCatalogue.sample
        let first = try catalogue.receivePicture(isJPEG: true).channel
        _ = try catalogue.receiveCommand()
        let second = try catalogue.receivePicture(isJPEG: false).channel
        #expect(first.id == 1 && second.id == 3 && second.schema == "foxglove.RawImage")
        #expect(catalogue.channels.map(\.id) == [2, 3])
        #expect(try catalogue.receivePicture(isJPEG: false).channel == second)
    }

    @Test func anotherRunBeginsWithoutChannelsAndNumbersGoOn() throws {
        var catalogue = FoxgloveCatalogue.sample
        _ = try catalogue.receiveCommand()
        catalogue.begin(.sample("run-2"))
        #expect(catalogue.channels.isEmpty && catalogue.run == .sample("run-2"))
        #expect(try catalogue.receiveCommand().channel.id == 2)
    }

    @Test func topicsAreCountedOutSoThatNobodyCanFillTheMemory() throws {
        var catalogue = FoxgloveCatalogue.sample
        let command = EpisodeCommand(id: 1, operatorID: "me", action: .start, text: "", time: .zero)
        for number in 0..<FoxgloveCatalogue.maximumChannels + 10 {
            let message = try catalogue.receive(command, on: "topic/\(number)")
            #expect((message != nil) == (number < FoxgloveCatalogue.maximumChannels))
        }
        #expect(catalogue.channels.count == FoxgloveCatalogue.maximumChannels)
        // Those that are known go on.
        #expect(try catalogue.receive(command, on: "topic/0") != nil)
    }
}
