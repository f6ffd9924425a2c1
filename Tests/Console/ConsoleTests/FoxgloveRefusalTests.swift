import Console
import JSONTree
import TestSupport
import Testing
import Time

/// Viewers only look on, and nothing that they send is fatal.
@Suite struct FoxgloveRefusalTests {
    private func status(_ session: inout FoxgloveSession) throws -> [JSONNode] {
        try session.everything().compactMap(\.json).filter { $0["op"] == "status" }
    }

    @Test(
        arguments: [
            (.text("{\"op\": \"advertise\", \"channels\": [{\"id\": 1, \"topic\": \"arm/command\"}]}"), "only shows"),
            (.text("{\"op\": \"unadvertise\", \"channelIds\": [1]}"), "only shows"),
            (.text("{\"op\": \"setParameters\", \"parameters\": [{\"name\": \"a\", \"value\": 1}]}"), "only shows"),
            (.text("{\"op\": \"getParameters\", \"parameterNames\": []}"), "only shows"),
            (.text("{\"op\": \"subscribeParameterUpdates\", \"parameterNames\": []}"), "only shows"),
            (.text("{\"op\": \"subscribeConnectionGraph\"}"), "no connection graph"),
            (.text("{\"op\": \"fetchAsset\", \"uri\": \"package://a\", \"requestId\": 1}"), "no assets"),
            (.binary([1, 1, 0, 0, 0, 8, 1]), "only shows"), (.binary([2, 1, 0, 0, 0]), "only shows"),
            (.binary([3]), "only shows"), (.binary([200, 1]), "opcode 200"), (.binary([]), "empty"),
            (.text(""), "not JSON"), (.text("{"), "line 1, column 2"), (.text("7"), "op is missing"),
            (.text("[]"), "op is missing"), (.text("{\"op\": 7}"), "op is 7"),
            (.text("{\"op\": \"dance\"}"), "\"dance\""),
            (.text("{\"op\": \"subscribe\"}"), "subscriptions: found null"),
            (.text("{\"op\": \"subscribe\", \"subscriptions\": 1}"), "subscriptions: found 1"),
            (.text("{\"op\": \"subscribe\", \"subscriptions\": [1]}"), "subscriptions[0].id: found null"),
            (.text("{\"op\": \"subscribe\", \"subscriptions\": [{\"id\": -1, \"channelId\": 1}]}"), "found -1"),
            (
                .text("{\"op\": \"subscribe\", \"subscriptions\": [{\"id\": 4294967296, \"channelId\": 1}]}"),
                "4294967296"
            ),
            (.text("{\"op\": \"subscribe\", \"subscriptions\": [{\"id\": 1.5, \"channelId\": 1}]}"), "found 1.5"),
            (.text("{\"op\": \"subscribe\", \"subscriptions\": [{\"id\": 1, \"channelId\": 1e300}]}"), "channelId"),
            (.text("{\"op\": \"subscribe\", \"subscriptions\": [{\"id\": 1, \"channelId\": 9}]}"), "no channel 9"),
            (.text("{\"op\": \"subscribe\", \"subscriptions\": [{\"id\": 1, \"channelId\": 0}]}"), "no channel 0"),
            (.text("{\"op\": \"unsubscribe\", \"subscriptionIds\": [true]}"), "subscriptionIds[0]: found true"),
        ] as [(SocketMessage, String)])
    func whatIsNotOfferedIsRefusedInWords(message: SocketMessage, words: String) throws {
        var catalogue = FoxgloveCatalogue.sample
        let command = try catalogue.receiveCommand()
        var session = FoxgloveSession(catalogue)
        session.receive(message, in: catalogue)
        let said = try status(&session)
        #expect(said.count == 1 && said.first?["level"] == 2)
        #expect(said.first?["message"]?.string?.contains(words) == true, "\(said)")
        // Everything goes on.
        session.subscribe(command.channel, in: catalogue)
        session.offer(command)
        #expect(try session.everything().compactMap(\.payload) == [command.data])
    }

    @Test func whatIsTooLongOrTooDeepIsRefusedInWords() throws {
        let catalogue = FoxgloveCatalogue.sample
        var session = FoxgloveSession(catalogue)
        let long = [
            (SocketMessage.text(String(repeating: "[", count: 60_000)), "not JSON"),
            (.text(String(repeating: " ", count: 70_000)), "70000 bytes"),
            (.binary([UInt8](repeating: 1, count: 70_000)), "70000 bytes"),
        ]
        for (message, words) in long {
            session.receive(message, in: catalogue)
            #expect(try status(&session).map { $0["message"]?.string?.contains(words) } == [true])
        }
    }

    @Test func aNumberOrAChannelThatIsTakenIsNotTakenAgain() throws {
        var catalogue = FoxgloveCatalogue.sample
        let (first, second) = (try catalogue.receiveCommand(), try catalogue.receivePicture())
        var session = FoxgloveSession(catalogue)
        session.subscribe(first.channel, in: catalogue)
        for wish in ["{\"id\": 5, \"channelId\": 1}", "{\"id\": 101, \"channelId\": 2}"] {
            session.receive(.text("{\"op\": \"subscribe\", \"subscriptions\": [\(wish)]}"), in: catalogue)
            #expect(try status(&session).first?["message"]?.string?.contains("is taken") == true)
        }
        #expect(session.subscriptionCount == 1 && !session.wants(second.channel))
    }

    /// Of one request the good wishes are followed, and its mistakes are one status.
    @Test func thousandsOfWrongSubscriptionsAreOneRefusal() throws {
        var catalogue = FoxgloveCatalogue.sample
        let channel = try catalogue.receiveCommand().channel
        var session = FoxgloveSession(catalogue)
        let wishes = (0..<2000).map { "{\"id\":\($0),\"channelId\":\($0)}" }.joined(separator: ",")
        session.receive(.text("{\"op\":\"subscribe\",\"subscriptions\":[\(wishes)]}"), in: catalogue)
        let said = try status(&session)
        #expect(said.count == 1 && session.subscriptionCount == 1 && session.wants(channel))
        #expect(said.first?["message"]?.string?.contains("and 1998 more") == true)
        let bad = [String](repeating: "-1", count: 2000).joined(separator: ",")
        session.receive(.text("{\"op\":\"unsubscribe\",\"subscriptionIds\":[\(bad)]}"), in: catalogue)
        #expect(try status(&session).count == 1)
    }

    @Test func whoDoesNotListenIsNotToldOfAllItsMistakes() throws {
        let catalogue = FoxgloveCatalogue.sample
        var session = FoxgloveSession(catalogue)
        for _ in 0..<10_000 { session.receive(.text("{"), in: catalogue) }
        #expect(try status(&session).count == FoxgloveSession.Limits().refusals)
    }

    @Test func anythingMaySentAndWhatIsSaidStaysInTheProtocol() throws {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<Fuzzing.rounds(10) { try session(using: &random) }
    }

    /// One viewer that says anything, while the run goes on.
    private func session(using random: inout SeededGenerator) throws {
        let seed = random.seed
        var catalogue = FoxgloveCatalogue.sample
        var limits = FoxgloveSession.Limits()
        (limits.messages, limits.bytes, limits.requestBytes) = (20, 2000, 450)
        var session = FoxgloveSession(catalogue, limits: limits)
        var now = MonotonicTime.zero
        var clock: UInt64 = 0
        for _ in 0..<300 {
            now += .milliseconds(Int.random(in: 0...400, using: &random))
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<3: session.receive(Self.garbage(using: &random), in: catalogue)
            case 3..<6: session.receive(Self.request(using: &random), in: catalogue)
            case 6, 7:
                let topic = "topic/\(Int.random(in: 0..<5, using: &random))"
                session.offer(
                    try catalogue.receiveCommand(Int.random(in: 0...300, using: &random), on: topic, at: now))
            case 8: session.offer(try catalogue.receivePicture(isJPEG: Bool.random(using: &random), at: now))
            case 9 where Int.random(in: 0..<10, using: &random) == 0:
                // Without a run, until the next one.
                catalogue.begin(nil)
                session.follow(catalogue)
                catalogue.begin(.sample("\(now.nanoseconds)"))
            case 9: session.follow(catalogue)
            default:
                for _ in 0..<Int.random(in: 0...6, using: &random) {
                    guard let message = session.next(at: now) else { break }
                    switch try FoxgloveSaid(message) {
                    case .text(let op, _):
                        #expect(
                            ["serverInfo", "advertise", "unadvertise", "status", "removeStatus"].contains(op),
                            "seed \(seed)")
                        if op == "serverInfo" { clock = 0 }
                    case .time(let time):
                        #expect(time > clock, "seed \(seed)")
                        clock = time
                    case .data(_, _, let payload):
                        #expect(!payload.isEmpty && session.subscriptionCount > 0, "seed \(seed)")
                    }
                }
            }
            // Five topics and a camera.
            #expect(session.subscriptionCount <= 6, "seed \(seed)")
            // What may wait, one message more (which may be larger), and a picture.
            #expect(session.waitingByteCount <= limits.bytes + 2000, "seed \(seed)")
        }
    }

    private static func garbage(using random: inout SeededGenerator) -> SocketMessage {
        let bytes = (0..<Int.random(in: 0...500, using: &random)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        switch Int.random(in: 0..<3, using: &random) {
        case 0: return .binary(bytes)
        case 1: return .text(String(decoding: bytes, as: UTF8.self))
        default:
            let signs = Array("{}[]\",:0123456789.eE+-\\ntrufalseopid ".unicodeScalars)
            return .text(
                String(String.UnicodeScalarView(bytes.map { signs[Int($0) % signs.count] })))
        }
    }

    /// A request of the right form with any numbers, now and then with a letter of it changed.
    private static func request(using random: inout SeededGenerator) -> SocketMessage {
        let ops = ["subscribe", "unsubscribe", "advertise", "setParameters", "fetchAsset", ""]
        let numbers = (0..<Int.random(in: 0...8, using: &random)).map { _ in
            Fuzzing.signed(upTo: Bool.random(using: &random) ? 12 : .max, using: &random)
        }
        let wishes = numbers.map { "{\"id\": \($0), \"channelId\": \(Int.random(in: 0...12, using: &random))}" }
        let op = ops.randomElement(using: &random) ?? ""
        var text = Array(
            """
            {"op": "\(op)", "subscriptions": [\(wishes.joined(separator: ","))], \
            "subscriptionIds": [\(numbers.map { "\($0)" }.joined(separator: ","))]}
            """.utf8)
        if Int.random(in: 0..<4, using: &random) == 0 {
            text[Int.random(in: 0..<text.count, using: &random)] = UInt8.random(in: 32..<127, using: &random)
        }
        return .text(String(decoding: text, as: UTF8.self))
    }
}
