import Away
import Files
import JSONTree
import TestSupport
import Testing

/// The bus between a robot and a node of its on another machine.
@Suite struct BusRelayTests {
    private static func message(
        _ topic: String, _ number: Int, bytes: Int = 40, lane: RelayedMessage.Lane = .bus
    )
        throws -> RelayedMessage
    {
        let body = Array("\(number)".utf8) + [UInt8](repeating: 0x20, count: bytes)
        return try #require(
            RelayedMessage(
                lane,
                parts: [
                    SharedBytes(copying: topic.utf8), SharedBytes(copying: [1, 2]), SharedBytes(copying: body),
                ]))
    }

    private static func number(_ message: RelayedMessage) -> Int? {
        Int(String(decoding: message.parts[2].bytes, as: UTF8.self).prefix { $0 != " " })
    }

    private static func relay() -> BusRelay { BusRelay { $0.hasPrefix("camera/") } }

    @Test func whatGoesInAtOneEndComesOutAtTheOtherInOrderAndWhole() throws {
        var (here, there) = (Self.relay(), Self.relay())
        here.listen(to: ["arm/", ""])
        try here.take(Self.message("arm/trace", 1))
        try here.take(Self.message("goal/command", 2, lane: .commands))
        let next = here.next()
        let saying = try #require(next)
        #expect(here.next() == nil)
        let arrivals = there.received(saying.body, parts: saying.parts)
        #expect(
            arrivals == [
                .interests(["arm/", ""]), .message(try Self.message("arm/trace", 1)),
                .message(try Self.message("goal/command", 2, lane: .commands)),
            ])
        #expect(there.malformed == 0)
    }

    @Test func fourSayingsAreOnTheirWayAndOfFramesOnlyTheNewestWaits() throws {
        var here = Self.relay()
        for number in 0..<4 {
            try here.take(Self.message("camera/a/image", number))
            #expect(here.next() != nil)
        }
        for number in 4..<20 {
            try here.take(Self.message("camera/a/image", number))
            try here.take(Self.message("camera/b/image", number))
            try here.take(Self.message("arm/chunk", number))
        }
        #expect(here.next() == nil)
        #expect(here.dropped == 30)
        let answer: JSONNode = .object(["t": "relay", "heard": 4])
        #expect(here.received(answer, parts: []).isEmpty)
        let next = here.next()
        let saying = try #require(next)
        var there = Self.relay()
        let numbers = there.received(saying.body, parts: saying.parts).compactMap { arrival -> String? in
            guard case .message(let message) = arrival else { return nil }
            return "\(message.topic) \(Self.number(message) ?? -1)"
        }
        #expect(
            numbers == (4..<19).map { "arm/chunk \($0)" } + ["camera/a/image 19", "camera/b/image 19", "arm/chunk 19"])
    }

    @Test func whateverTheLineLosesNothingComesTwiceOrOvertakes() throws {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            var ends = [Self.relay(), Self.relay()]
            // What is on its way to each end, oldest first.
            var lines: [[BusRelay.Saying]] = [[], []]
            var sent = [0, 0]
            var last: [[String: Int]] = [[:], [:]]
            var interests: [[String]] = [[], []]
            var wanted: [[String]] = [[], []]
            for step in 0..<400 {
                let isWell = step >= 300
                let end = Int.random(in: 0...1, using: &random)
                if !isWell, Int.random(in: 0..<3, using: &random) == 0 {
                    let topic = ["camera/a/image", "arm/trace", "goal/fit"].randomElement(using: &random) ?? ""
                    sent[end] += 1
                    try ends[end].take(
                        Self.message(topic, sent[end], bytes: Int.random(in: 0..<100_000, using: &random)))
                }
                if !isWell, Int.random(in: 0..<20, using: &random) == 0 {
                    wanted[end] = (0..<Int.random(in: 0..<4, using: &random)).map { "p\(step)/\($0)" }
                    ends[end].listen(to: wanted[end])
                }
                if Int.random(in: 0..<10, using: &random) == 0 || isWell {
                    for each in 0...1 { if let saying = ends[each].lookAgain() { lines[1 - each].append(saying) } }
                }
                for each in 0...1 { while let saying = ends[each].next() { lines[1 - each].append(saying) } }
                #expect(lines[0].count + lines[1].count < 60, "seed \(seed)")
                // One in thirty is lost while the line is not well.
                let count = isWell ? lines[end].count : Int.random(in: 0...lines[end].count, using: &random)
                for _ in 0..<count {
                    let saying = lines[end].removeFirst()
                    if !isWell, Int.random(in: 0..<30, using: &random) == 0 { continue }
                    for arrival in ends[end].received(saying.body, parts: saying.parts) {
                        switch arrival {
                        case .interests(let prefixes): interests[end] = prefixes
                        case .message(let message):
                            let number = try #require(Self.number(message))
                            #expect(number > last[end][message.topic] ?? 0, "seed \(seed): \(message.topic)")
                            last[end][message.topic] = number
                        }
                    }
                }
            }
            #expect(ends[0].malformed + ends[1].malformed == 0, "seed \(seed)")
            // Well again: a last word of each goes through.
            for end in 0...1 {
                try ends[end].take(Self.message("arm/last", 1))
                ends[end].listen(to: ["last"])
            }
            for _ in 0..<20 {
                for end in 0...1 {
                    while let saying = ends[end].next() ?? ends[end].lookAgain() {
                        for arrival in ends[1 - end].received(saying.body, parts: saying.parts) {
                            switch arrival {
                            case .interests(let prefixes): interests[1 - end] = prefixes
                            case .message(let message): last[1 - end][message.topic] = Self.number(message)
                            }
                        }
                    }
                }
            }
            for end in 0...1 {
                #expect(last[end]["arm/last"] == 1 && interests[end] == ["last"], "seed \(seed)")
            }
        }
    }

    @Test func whatWaitsIsBounded() throws {
        var here = Self.relay()
        for number in 0..<3_000 { try here.take(Self.message("arm/trace", number, bytes: 30_000)) }
        // 16 MiB of messages of some 30 kB.
        #expect(here.dropped > 3_000 - 600)
        var bytes = 0
        while let saying = here.next() { bytes += saying.parts.reduce(0) { $0 + $1.count } }
        #expect(bytes <= Int(BusRelay.mostUnanswered) * BusRelay.usualSaying)
    }

    @Test(
        arguments: [
            #"{"t":"relay"}"#, #"{"t":"relay","heard":-1}"#, #"{"t":"relay","heard":1.5}"#,
            #"{"t":"relay","heard":99}"#,
            #"{"t":"relay","heard":0,"n":0}"#, #"{"t":"relay","heard":0,"n":"1"}"#,
            #"{"t":"relay","heard":0,"messages":[3]}"#, #"{"t":"relay","heard":0,"n":1,"messages":[3,3]}"#,
            #"{"t":"relay","heard":0,"n":1,"messages":[2]}"#, #"{"t":"relay","heard":0,"n":1,"messages":[9e18]}"#,
            #"{"t":"relay","heard":0,"n":1,"messages":3}"#, #"{"t":"relay","heard":0,"n":1,"listen":[1]}"#,
            #"{"t":"relay","heard":0,"n":1,"listen":"a"}"#, #"{"t":"else","heard":0}"#, "[]", "null",
            #"{"t":"relay","heard":0,"n":1,"messages":[-9223372036854775808]}"#,
        ])
    func whatIsNotUnderstoodHasNoEffectAndIsCounted(_ text: String) throws {
        var here = Self.relay()
        let parts = text.contains("[2]") ? [SharedBytes(copying: [1]), SharedBytes(copying: [1])] : []
        #expect(here.received(try JSONNode(parsing: text.utf8), parts: parts).isEmpty)
        #expect(here.malformed == 1)
        #expect(here.next() == nil)
    }
}
