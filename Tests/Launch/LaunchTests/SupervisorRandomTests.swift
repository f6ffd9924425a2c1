import Launch
import ManifestSamples
import Manifests
import Messages
import TestSupport
import Testing
import Time

/// Whatever processes do and in whatever order it becomes known, some things never happen and others always do.
@Suite struct SupervisorRandomTests {
    @Test(arguments: 0..<400) func keepsItsPromisesUnderRandomEvents(_ round: UInt64) throws {
        var generator = SeededGenerator(seed: 0x5EED_0000 + round)
        var world = try RandomWorld(using: &generator)
        for _ in 0..<Int.random(in: 1...250, using: &generator) where !world.supervisor.hasFinished {
            world.step(using: &generator)
        }
        // From here on it must come to its end by itself, however deaf the processes are.
        world.perform(world.supervisor.stopRequested("the test's end", at: world.now), using: &generator)
        for _ in 0..<400 where !world.supervisor.hasFinished {
            world.now += .milliseconds(100)
            world.settle(using: &generator)
            world.perform(world.supervisor.tick(at: world.now), using: &generator)
        }
        let hasFinished = world.supervisor.hasFinished
        #expect(hasFinished, "seed \(generator.seed): did not end")
        #expect(world.faults == [], "seed \(generator.seed)")
        #expect(world.live.isEmpty, "seed \(generator.seed): left \(world.live)")
    }
}

/// Processes that start late, end when they like, ignore SIGTERM now and then, and speak out of turn.
private struct RandomWorld {
    var supervisor: Supervisor
    var now = MonotonicTime.zero
    var live: [String: Int32] = [:]
    var pendingStarts: [String] = []
    var killed: Set<Int32> = []
    var asked: Set<Int32> = []
    var nextProcessID: Int32 = 1
    var faults: [String] = []
    var isFinished = false
    var hasAskedToStop = false
    let deafness: Int

    init(using generator: inout SeededGenerator) throws {
        let restarts = Int.random(in: 0...3, using: &generator)
        let manifest = try Sample.read(
            Sample.minimal, set: ["supervision.max_restarts=\(restarts)", "supervision.ready_timeout_s=3"])
        let duration: Duration? =
            Bool.random(using: &generator) ? .seconds(Int.random(in: 1...20, using: &generator)) : nil
        supervisor = Supervisor(.init(manifest, duration: duration))
        deafness = Int.random(in: 0...3, using: &generator)
    }

    mutating func perform(_ actions: [Supervisor.Action], using generator: inout SeededGenerator) {
        for action in actions {
            if isFinished { faults.append("\(action) after the end") }
            switch action {
            case .start(let node):
                if live[node] != nil || pendingStarts.contains(node) { faults.append("two processes of \(node)") }
                if hasAskedToStop { faults.append("\(node) started after the stop") }
                pendingStarts.append(node)
            case .terminate(let node, let id):
                if live[node] != id { faults.append("asked \(node) \(id), which is not there") }
                asked.insert(id)
                if node != "arm", live["arm"].map({ !asked.contains($0) && !killed.contains($0) }) == true {
                    faults.append("\(node) was asked to stop before the arm")
                }
                hasAskedToStop = true
            case .kill(let node, let id):
                if live[node] != id { faults.append("killed \(node) \(id), which is not there") }
                killed.insert(id)
            case .report: break
            case .finish:
                if !live.isEmpty { faults.append("finished with \(live) alive") }
                if !pendingStarts.isEmpty { faults.append("finished while \(pendingStarts) are starting") }
                isFinished = true
            }
        }
    }

    /// What must happen sooner or later: starts are answered, the killed end, most of those asked end.
    mutating func settle(using generator: inout SeededGenerator) {
        if let node = pendingStarts.first {
            pendingStarts.removeFirst()
            if Int.random(in: 0..<20, using: &generator) == 0 {
                perform(supervisor.couldNotStart(node, "no memory", at: now), using: &generator)
            } else {
                live[node] = nextProcessID
                nextProcessID += 1
                perform(supervisor.started(node, processID: nextProcessID - 1, at: now), using: &generator)
            }
        }
        for (node, id) in live.sorted(by: { $0.value < $1.value }) {
            if killed.contains(id) || (asked.contains(id) && Int.random(in: 0...deafness, using: &generator) == 0) {
                exit(node, using: &generator)
            }
        }
    }

    mutating func exit(_ node: String, using generator: inout SeededGenerator) {
        guard let id = live.removeValue(forKey: node) else { return }
        let ending: Supervisor.Ending =
            killed.contains(id) ? .signalled(9) : .exited(Int32.random(in: 0...2, using: &generator))
        perform(supervisor.exited(node, processID: id, ending, at: now), using: &generator)
    }

    mutating func step(using generator: inout SeededGenerator) {
        let node = Stage.nodes.randomElement(using: &generator) ?? "arm"
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<3: exit(node, using: &generator)
        case 3..<50:
            let id = Int.random(in: 0..<10, using: &generator) == 0 ? 1 : live[node] ?? 1
            let state = Int.random(in: 0..<12, using: &generator)
            perform(
                supervisor.received(
                    .init(
                        node: node, processID: id, state: state == 0 ? .fault : state == 1 ? .degraded : .ready,
                        headline: ""),
                    at: now), using: &generator)
        case 50: perform(supervisor.stopRequested("chance", at: now), using: &generator)
        case 51..<75: settle(using: &generator)
        default:
            // The kernel does not take seconds to end what was killed: else it would rightly be given up.
            for (node, id) in live.sorted(by: { $0.value < $1.value }) where killed.contains(id) {
                exit(node, using: &generator)
            }
            now += .milliseconds(Int.random(in: 1...900, using: &generator))
            perform(supervisor.tick(at: now), using: &generator)
        }
    }
}
