import Policy
import RemotePolicy
import TestSupport
import Testing
import Time

/// Whose turn it is where several robots ask one machine.
@Suite struct RemoteTurnTests {
    @Test func nobodyWaitsLongerThanItsShare() throws {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<40 {
            let count = Int.random(in: 1...8, using: &random)
            let batch = Int.random(in: 1...8, using: &random)
            var server = RemotePolicyServer()
            var scenes = (0..<count).map { RemoteScene(seed: seed &+ UInt64($0), window: 1, readsArm: false) }
            var clients = (0..<count).map { _ in RemotePolicyClient(pictures: .auto) }
            for index in 0..<count {
                clients[index].opened()
                server.opened("\(index)", scenes[index].configuration)
            }
            // Passes since a robot's request came that is not answered.
            var waited = [Int?](repeating: nil, count: count)
            let now = MonotonicTime.zero + .seconds(1)
            for _ in 0..<60 {
                for index in 0..<count where Int.random(in: 0..<3, using: &random) > 0 {
                    clients[index].ask(try scenes[index].request(), at: now)
                    for saying in clients[index].takeSayings() {
                        _ = server.received(saying.body, parts: saying.parts, in: "\(index)", at: now)
                    }
                    waited[index] = waited[index] ?? 0
                }
                let runs = server.takeRuns(atMost: batch)
                #expect(runs.count <= batch && Set(runs.map(\.session)).count == runs.count, "seed \(seed)")
                #expect(runs.count == min(batch, waited.count { $0 != nil }), "seed \(seed)")
                for run in runs {
                    let index = try #require(Int(run.session))
                    waited[index] = nil
                    _ = server.finished(run.session, .success([0]), begun: now, finished: now, batch: runs.count)
                }
                for index in 0..<count {
                    guard let passes = waited[index] else { continue }
                    waited[index] = passes + 1
                    #expect(passes + 1 <= (count + batch - 1) / batch, "seed \(seed), \(count) robots by \(batch)")
                }
            }
        }
    }

    @Test func aNewerRequestOvertakesAndKeepsThePlace() throws {
        var server = RemotePolicyServer()
        var scenes = (0..<2).map { RemoteScene(seed: UInt64($0), window: 1, readsArm: false) }
        var clients = (0..<2).map { _ in RemotePolicyClient(pictures: .auto) }
        func ask(_ index: Int) throws -> PolicyNodeCore.Request {
            let request = try scenes[index].request()
            clients[index].ask(request, at: .zero)
            for saying in clients[index].takeSayings() {
                _ = server.received(saying.body, parts: saying.parts, in: "\(index)", at: .zero)
            }
            return request
        }
        for index in 0..<2 {
            clients[index].opened()
            server.opened("\(index)", scenes[index].configuration)
        }
        _ = try ask(0)
        _ = try ask(1)
        let newest = try ask(0)
        let runs = server.takeRuns(atMost: 8)
        #expect(runs.map(\.session) == ["0", "1"] && server.overtaken == 1)
        #expect(areAlike(runs[0].request, newest))
        // Nothing more of either until it is answered.
        _ = try ask(0)
        #expect(server.takeRuns(atMost: 8).isEmpty)
    }
}
