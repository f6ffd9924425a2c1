import Files
import JSONTree
import Manifests
import Policy
import RemotePolicy
import TestSupport
import Testing
import Time

/// A robot and a big machine that talk without a network between them.
@Suite struct RemoteConversationTests {
    /// Both ends, and what is on its way.
    private struct Pair {
        var client: RemotePolicyClient
        var server = RemotePolicyServer()
        var now = MonotonicTime.zero + .seconds(1)
        /// Whether sayings arrive.
        var isWell = true

        init(_ scene: RemoteScene, pictures: Manifest.Policy.Pictures = .auto) {
            client = RemotePolicyClient(pictures: pictures)
            client.opened()
            server.opened("s", scene.configuration)
        }

        /// Carries everything to and fro until nobody has more.
        mutating func carry() {
            while true {
                let sayings = client.takeSayings()
                if sayings.isEmpty { return }
                for saying in sayings where isWell {
                    for answer in server.received(saying.body, parts: saying.parts, in: "s", at: now) {
                        client.received(answer.body, parts: answer.parts, at: now)
                    }
                }
            }
        }

        mutating func ask(_ request: PolicyNodeCore.Request) {
            client.ask(request, at: now)
            carry()
        }

        /// Answers what waits with these actions.
        mutating func answer(_ actions: [Float]) -> PolicyNodeCore.Request? {
            guard let run = server.takeRuns(atMost: 8).first else { return nil }
            for saying in server.finished("s", .success(actions), begun: now, finished: now, batch: 1) {
                client.received(saying.body, parts: saying.parts, at: now)
            }
            return run.request
        }
    }

    @Test(arguments: [true, false], [1, 2, 4])
    func theBigMachineSeesWhatTheRobotWouldHaveSeen(deliversJPEG: Bool, window: Int) throws {
        let seed = SeededGenerator.freshSeed("\(#function) \(deliversJPEG) \(window)")
        var scene = RemoteScene(
            seed: seed, window: window, readsArm: window != 1, deliversJPEG: deliversJPEG)
        var pair = Pair(scene, pictures: deliversJPEG ? .camera : .auto)
        for count in 0..<40 {
            if Int.random(in: 0..<6, using: &scene.random) == 0 { scene.takeGoal() }
            let request = try scene.request()
            if Int.random(in: 0..<12, using: &scene.random) == 0 {
                // Nothing arrives; it is asked again, in full.
                pair.isWell = false
                pair.ask(request)
                pair.isWell = true
                pair.now += .seconds(3)
                pair.client.tick(at: pair.now)
                pair.carry()
            } else {
                pair.ask(request)
            }
            let actions: [Float] = [Float(count), 1 / 3, -0.0]
            let answered = pair.answer(actions)
            let seen = try #require(answered, "seed \(seed), request \(count)")
            #expect(areAlike(seen, request), "seed \(seed), request \(count)")
            let answers = pair.client.takeAnswers()
            #expect(answers.count == 1)
            #expect(try answers[0].result.get().map(\.bitPattern) == actions.map(\.bitPattern))
            if Int.random(in: 0..<10, using: &scene.random) == 0 {
                pair.client.lost(reason: "test", at: pair.now)
                pair.server.closed("s")
                pair.client.opened()
                pair.server.opened("s", scene.configuration)
            }
        }
        #expect(pair.server.malformed == 0 && pair.client.refusedChunks == 0, "seed \(seed)")
        let jpegs = pair.client.counters.first { $0.name == "remote_jpegs" }?.value
        #expect(((jpegs ?? 0) > 0) == deliversJPEG)
    }

    @Test func picturesThatTheOtherMachineHasAreNotSaidAgain() throws {
        var scene = RemoteScene(seed: 3, window: 2)
        var pair = Pair(scene)
        pair.ask(try scene.request())
        _ = pair.answer([0])
        let request = try scene.request()
        pair.client.ask(request, at: pair.now)
        let last = pair.client.takeSayings().last
        let saying = try #require(last)
        // One new picture of each camera at most, and the arm's numbers.
        #expect(saying.parts.count <= 3)
        _ = pair.client.takeAnswers()
    }

    @Test func aPictureThatComesOutDifferentlyIsSaidAsPixels() throws {
        var scene = RemoteScene(seed: 9, window: 1, deliversJPEG: true)
        var pair = Pair(scene, pictures: .camera)
        var request = try scene.request()
        // As if the robot's decoder gave another picture than the big machine's.
        for index in request.observation.views.indices {
            let bytes = Array(request.observation.views[index].pixels.bytes)
            request.observation.views[index].pixels = SharedBytes(copying: bytes.map { $0 ^ 1 })
        }
        pair.ask(request)
        let answered = pair.answer([0])
        let seen = try #require(answered)
        #expect(areAlike(seen, request))
        #expect((pair.client.counters.first { $0.name == "remote_unlike" }?.value ?? 0) > 0)
    }

    @Test func aChunkThatNobodyWaitsForIsRefusedAndNamed() throws {
        var scene = RemoteScene(seed: 4)
        var pair = Pair(scene)
        pair.ask(try scene.request())
        let first = pair.server.takeRuns(atMost: 8).first
        let run = try #require(first)
        let sayings = pair.server.finished("s", .success([1]), begun: pair.now, finished: pair.now, batch: 1)
        let old = try #require(sayings.first)
        // The link breaks before it arrives; the next session's request is another.
        pair.client.lost(reason: "pulled", at: pair.now)
        #expect(throws: RemotePolicyClient.Failure.noLink("pulled")) { try pair.client.takeAnswers()[0].result.get() }
        pair.client.opened()
        pair.server.closed("s")
        pair.server.opened("s", scene.configuration)
        pair.client.received(old.body, parts: old.parts, at: pair.now)
        #expect(pair.client.refusedChunks == 1)
        pair.ask(try scene.request())
        pair.client.received(old.body, parts: old.parts, at: pair.now)
        #expect(pair.client.refusedChunks == 2)
        // The right request, with another stamp than its observation's.
        let id = 2
        #expect(pair.client.takeAnswers().isEmpty)
        let forged = old.body.with("id", JSONNode(id)).with(
            "time_ns", JSONNode(run.request.observation.time.nanoseconds))
        pair.client.received(forged, parts: old.parts, at: pair.now)
        #expect(pair.client.refusedChunks == 3)
        #expect(pair.client.lastRefused == "a chunk for request 2 with another stamp than its observation's")
        #expect(pair.client.takeAnswers().isEmpty)
        _ = pair.answer([5])
        #expect(try pair.client.takeAnswers()[0].result.get() == [5])
    }

    @Test func aGoalsNegativeZeroArrivesAndWhatIsNoNumberFails() throws {
        var scene = RemoteScene(seed: 4)
        var pair = Pair(scene)
        var request = try scene.request()
        request.goal.taskNumbers = ["speed": [-0.0, 1]]
        pair.ask(request)
        let answered = pair.answer([0])
        #expect(answered?.goal.taskNumbers["speed"]?.first?.sign == .minus)
        _ = pair.client.takeAnswers()
        var endless = try scene.request()
        endless.goal.taskNumbers = ["speed": [.infinity, 1]]
        pair.ask(endless)
        #expect(throws: RemotePolicyClient.Failure.self) { try pair.client.takeAnswers().first?.result.get() }
        #expect(pair.server.takeRuns(atMost: 8).isEmpty)
    }

    @Test func whateverIsAnsweredTheRobotStays() throws {
        let seed = SeededGenerator.freshSeed()
        var scene = RemoteScene(seed: seed)
        let odd: [JSONNode] = [nil, -1, 1e300, "", [], .object([:]), true, 9_223_372_036_854_775_807, 1]
        for _ in 0..<400 {
            var pair = Pair(scene)
            pair.ask(try scene.request())
            let runs = pair.server.takeRuns(atMost: 8)
            #expect(runs.count == 1)
            let good = pair.server.finished("s", .success([1]), begun: pair.now, finished: pair.now, batch: 1)
            for _ in 0..<10 {
                for answer in good {
                    var body = answer.body
                    for key in ["received_ns", "begun_ns", "finished_ns", "time_ns", "id", "t", "batch"]
                    where Int.random(in: 0..<4, using: &scene.random) == 0 {
                        body = body.with(key, odd.randomElement(using: &scene.random) ?? nil)
                    }
                    if Bool.random(using: &scene.random) {
                        let kind: [JSONNode] = ["chunk", "failed", "missing", "unlike"]
                        body = body.with("t", kind.randomElement(using: &scene.random) ?? nil)
                    }
                    pair.client.received(body, parts: answer.parts, at: pair.now)
                }
                _ = pair.client.takeSayings()
            }
            // What came through is what was sent, once.
            let chunks = pair.client.takeAnswers().compactMap { answer -> [Float]? in
                if case .success(let actions) = answer.result { actions } else { nil }
            }
            #expect(chunks.isEmpty || chunks == [[1]], "seed \(seed)")
        }
    }

    @Test func withoutASessionARequestFailsAtOnce() throws {
        var scene = RemoteScene(seed: 4)
        var client = RemotePolicyClient(pictures: .auto)
        client.ask(try scene.request(), at: .zero)
        #expect(throws: RemotePolicyClient.Failure.self) { try client.takeAnswers()[0].result.get() }
        #expect(client.takeSayings().isEmpty)
    }

    @Test func whatTheNetworkCannotDoIsToldToTheRobot() throws {
        struct Broken: Error, CustomStringConvertible { var description: String { "no memory" } }
        var scene = RemoteScene(seed: 4)
        var pair = Pair(scene)
        pair.ask(try scene.request())
        _ = pair.server.takeRuns(atMost: 8)
        for saying in pair.server.finished("s", .failure(Broken()), begun: pair.now, finished: pair.now, batch: 1) {
            pair.client.received(saying.body, parts: saying.parts, at: pair.now)
        }
        #expect(throws: RemotePolicyClient.Failure.failed("no memory")) {
            try pair.client.takeAnswers()[0].result.get()
        }
    }

    /// Words with something left out or replaced.
    @Test func whateverIsSaidTheBigMachineStays() throws {
        let seed = SeededGenerator.freshSeed()
        var scene = RemoteScene(seed: seed)
        let pair = Pair(scene)
        var client = pair.client
        client.ask(try scene.request(), at: pair.now)
        let good = client.takeSayings()
        let odd: [JSONNode] = [nil, -1, 1e300, "", "zz", [], .object([:]), true, 1_099_511_627_776]
        for _ in 0..<3_000 {
            var server = RemotePolicyServer()
            server.opened("s", scene.configuration)
            for saying in good {
                var body = saying.body
                for _ in 0..<Int.random(in: 0...2, using: &scene.random) {
                    let replacement = odd.randomElement(using: &scene.random) ?? nil
                    body = Self.changed(body, replacement, &scene.random)
                }
                var parts = saying.parts
                if Int.random(in: 0..<4, using: &scene.random) == 0, !parts.isEmpty { parts.removeLast() }
                _ = server.received(body, parts: parts, in: "s", at: pair.now)
                client.received(body, parts: parts, at: pair.now)
            }
            for run in server.takeRuns(atMost: 8) {
                // What came through is whole.
                #expect(run.request.observation.views.count == scene.configuration.cameras.count, "seed \(seed)")
            }
        }
    }

    private static func changed(
        _ node: JSONNode, _ replacement: JSONNode, _ random: inout SeededGenerator
    ) -> JSONNode {
        if let members = node.object, !members.isEmpty {
            let index = Int.random(in: 0..<members.count, using: &random)
            var changed = members
            if Int.random(in: 0..<3, using: &random) == 0 {
                changed.remove(at: index)
            } else {
                changed[index].value = Self.changed(members[index].value, replacement, &random)
            }
            return JSONNode(.object(changed))
        }
        if let elements = node.array, !elements.isEmpty, Bool.random(using: &random) {
            let index = Int.random(in: 0..<elements.count, using: &random)
            var changed = elements
            changed[index] = Self.changed(elements[index], replacement, &random)
            return JSONNode(.array(changed))
        }
        return replacement
    }
}
