import Console
import JSONTree
import TestSupport
import Testing
import Time

/// Viewers that are slower than the run lose old messages, and hear how many.
@Suite struct FoxgloveSlowViewerTests {
    private func payloads(_ said: [FoxgloveSaid]) -> [[UInt8]] { said.compactMap(\.payload) }

    @Test func theOldestMessagesMakeWay() throws {
        var catalogue = FoxgloveCatalogue.sample
        var limits = FoxgloveSession.Limits()
        limits.messages = 5
        var session = FoxgloveSession(catalogue, limits: limits)
        session.subscribe(try catalogue.receiveCommand().channel, in: catalogue)
        let messages = try (0..<12).map { try catalogue.receiveCommand(at: .milliseconds($0)) }
        for message in messages { session.offer(message) }
        #expect(session.droppedCount == 7)
        #expect(payloads(try session.everything()) == messages.suffix(5).map(\.data))
    }

    @Test func theirBytesAreCountedToo() throws {
        var catalogue = FoxgloveCatalogue.sample
        var limits = FoxgloveSession.Limits()
        limits.bytes = 1000
        var session = FoxgloveSession(catalogue, limits: limits)
        session.subscribe(try catalogue.receiveCommand().channel, in: catalogue)
        let sizes = [10, 300, 300, 300]
        let messages = try sizes.map { try catalogue.receiveCommand($0) }
        for message in messages { session.offer(message) }
        #expect(session.waitingByteCount <= 1000 && session.droppedCount == 2)
        #expect(payloads(try session.everything()) == messages.suffix(2).map(\.data))
        // One that is larger than all that may wait is worth more than none.
        let large = try catalogue.receiveCommand(5000)
        session.offer(messages[0])
        session.offer(large)
        #expect(payloads(try session.everything()) == [large.data] && session.droppedCount == 3)
    }

    @Test func ofPicturesTheNewestWaitsForEachCamera() throws {
        var catalogue = FoxgloveCatalogue.sample
        var session = FoxgloveSession(catalogue)
        let channels = try ["primary", "wrist"].map { try catalogue.receivePicture($0).channel }
        session.subscribe(channels[0], channels[1], in: catalogue)
        var newest: [FoxgloveMessage] = []
        for time in 0..<10 {
            newest = try ["primary", "wrist"].map { try catalogue.receivePicture($0, at: .milliseconds(time)) }
            for message in newest { session.offer(message) }
        }
        #expect(session.droppedCount == 18)
        #expect(payloads(try session.everything()) == newest.map(\.data))
    }

    /// Else a viewer that is always behind would never see one.
    @Test func aNewerPictureTakesTheOldOnesPlace() throws {
        var catalogue = FoxgloveCatalogue.sample
        var session = FoxgloveSession(catalogue)
        let (first, old) = (try catalogue.receiveCommand(2), try catalogue.receivePicture())
        let (second, new) = (try catalogue.receiveCommand(3), try catalogue.receivePicture(at: .milliseconds(5)))
        session.subscribe(first.channel, old.channel, in: catalogue)
        for message in [first, old, second, new] { session.offer(message) }
        #expect(payloads(try session.everything()) == [first.data, new.data, second.data])
    }

    @Test func whatIsLostIsToldAtMostOnceASecondAndTakenBack() throws {
        var catalogue = FoxgloveCatalogue.sample
        var limits = FoxgloveSession.Limits()
        limits.messages = 1
        var session = FoxgloveSession(catalogue, limits: limits)
        let (command, picture) = (try catalogue.receiveCommand(), try catalogue.receivePicture())
        session.subscribe(command.channel, picture.channel, in: catalogue)
        func words(at time: Int) throws -> [JSONNode] {
            try session.everything(at: .milliseconds(time)).compactMap(\.json).filter {
                $0["op"] == "status" || $0["op"] == "removeStatus"
            }
        }
        for message in [picture, picture, picture, command, command] { session.offer(message) }
        let first = try words(at: 5000)
        #expect(first.count == 1 && first.first?["level"] == 1 && first.first?["id"] == "dropped")
        #expect(
            first.first?["message"]?.string
                == "This connection is slower than the run: 2 pictures and 1 messages were left out, 3 since it began. "
                + "Subscribe to fewer topics.")
        for message in [command, command, command] { session.offer(message) }
        #expect(try words(at: 5999) == [])
        let second = try words(at: 6000)
        #expect(second.count == 1)
        #expect(second.first?["message"]?.string?.contains("0 pictures and 2 messages were left out, 5") == true)
        #expect(try words(at: 15_999) == [])
        let third = try words(at: 16_000)
        #expect(third == [.object(["op": "removeStatus", "statusIds": ["dropped"]])])
        #expect(try words(at: 60_000) == [])
        #expect(session.droppedCount == 5)
    }

    /// Everything but the pictures comes in order, and what was not sent was counted.
    @Test func nothingIsLostUncounted() throws {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<Fuzzing.rounds(20) {
            var catalogue = FoxgloveCatalogue.sample
            var limits = FoxgloveSession.Limits()
            limits.messages = Int.random(in: 1...40, using: &random)
            limits.bytes = Int.random(in: 1...3000, using: &random)
            var session = FoxgloveSession(catalogue, limits: limits)
            let (command, picture) = (try catalogue.receiveCommand(), try catalogue.receivePicture())
            session.subscribe(command.channel, picture.channel, in: catalogue)
            var (offered, got) = (0, 0)
            var last: UInt64 = 0
            func take(_ said: FoxgloveSaid) {
                guard case .data(let subscription, let time, _) = said else { return }
                got += 1
                guard subscription == command.channel.id + 100 else { return }
                #expect(time > last, "seed \(seed)")
                last = time
            }
            for time in 1...Int.random(in: 1...1000, using: &random) {
                let size = Int.random(in: 0...100, using: &random)
                session.offer(
                    Bool.random(using: &random)
                        ? try catalogue.receivePicture(at: .milliseconds(time))
                        : try catalogue.receiveCommand(size, at: .milliseconds(time)))
                offered += 1
                for _ in 0..<Int.random(in: 0...2, using: &random) {
                    if let message = session.next(at: .milliseconds(time)) { take(try FoxgloveSaid(message)) }
                }
            }
            for said in try session.everything(at: .milliseconds(5000)) { take(said) }
            #expect(got + session.droppedCount == offered && session.waitingByteCount == 0, "seed \(seed)")
        }
    }
}
