import ArgumentParser
import Foundation
import JSONTree
import NodeShell
import Time

/// Measures what it costs to have the policy on another machine.
struct RemoteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remote",
        abstract: "Measure frames with keys and without, a policy here and far away, and several robots at one server.",
        discussion: """
            Three measurements, all processes on this machine: the demo's frames over sockets in a folder, over ports \
            and over ports with keys, by turns; a robot with the policy of launch/policies/table here, and behind a \
            network of this program's own (octo-bench relay) that delays each way; so many robots with one octo-policy \
            serve, and as many with policies of their own. A lost segment is a pause of 200 ms, which is the worst \
            that TCP makes of it. Each robot has two cameras, goal, policy and a simulated arm: one has cameras of \
            640x480 at 30 Hz, several have pictures of the network's size at 10 Hz, since they share this machine's \
            cores with the server.
            """)

    enum Part: String, CaseIterable, ExpressibleByArgument {
        case frames, distance, robots
    }

    @Option(help: "Measure this alone: frames, distance or robots.")
    var only: Part?

    @Option(help: "Listen to each run for so many seconds.")
    var seconds = 10.0

    @Option(help: "Take so many turns of each.")
    var turns = 2

    @Option(help: "Measure with so many robots at once, as in 1,2,4,8.", transform: Self.counts)
    var robots = [1, 2, 4, 8]

    @OptionGroup var json: JSONFlag

    private static func counts(_ text: String) throws -> [Int] {
        let counts = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard !counts.isEmpty, counts.allSatisfy({ (1...16).contains($0) }) else {
            throw ValidationError("--robots: found '\(text)', give numbers from 1 to 16, as in 1,2,4,8.")
        }
        return counts
    }

    func validate() throws {
        guard seconds >= 2, seconds <= 3_600 else { throw ValidationError("--seconds: give 2 to 3600.") }
        guard (1...100).contains(turns) else { throw ValidationError("--turns: give 1 to 100.") }
    }

    func run() throws {
        let result = try working { try measure() }
        print(json.isWanted ? result.json.text() : result.text)
    }

    private func wants(_ part: Part) -> Bool { only == nil || only == part }

    private func measure() throws -> RemoteBenchmarkResult {
        let stage = try RemoteStage()
        defer { stage.remove() }
        var result = RemoteBenchmarkResult()
        if wants(.frames) {
            result.frames = try RemoteFrames.measure(
                rounds: 25 * turns, frames: 40, in: stage.folder, keys: stage.keys)
        }
        guard wants(.distance) || wants(.robots) else { return result }
        if wants(.distance) { result.distances = try measureDistances(stage) }
        if wants(.robots) { result.crowds = try robots.map { try measureCrowd($0, stage) } }
        return result
    }

    /// One robot: policy here, and at each distance.
    private func measureDistances(_ stage: RemoteStage) throws -> [RemoteBenchmarkResult.Distance] {
        let server = try RemoteServer(stage)
        defer { server.end() }
        var found = RemoteBenchmarkResult.Distance.all
        for turn in 0..<turns {
            for index in found.indices {
                // Every other turn goes the other way round.
                let index = turn.isMultiple(of: 2) ? index : found.count - 1 - index
                let relay = try found[index].network?.start(to: server, stage)
                defer { if let relay { BenchChild.end(relay.process, with: SIGKILL) } }
                let robot = try RemoteRobot(0, port: relay?.port, .whole, stage)
                defer { robot.end() }
                found[index].phase.add(
                    try RemoteRobot.measure([robot], seconds: seconds, server: relay == nil ? nil : server))
            }
        }
        return found
    }

    /// So many robots, with one server and with policies of their own, by turns.
    private func measureCrowd(_ count: Int, _ stage: RemoteStage) throws -> RemoteBenchmarkResult.Crowd {
        var crowd = RemoteBenchmarkResult.Crowd(count: count)
        for turn in 0..<(2 * turns) {
            let isRemote = turn.isMultiple(of: 2) == (turn / 2).isMultiple(of: 2)
            // A new one each time: what it holds for robots that went would count.
            let server = isRemote ? try RemoteServer(stage) : nil
            defer { server?.end() }
            var robots: [RemoteRobot] = []
            defer { for robot in robots { robot.end() } }
            for number in 0..<count {
                robots.append(try RemoteRobot(number, port: server?.port, .light, stage))
            }
            let phase = try RemoteRobot.measure(robots, seconds: seconds, server: server)
            if isRemote { crowd.remote.add(phase) } else { crowd.local.add(phase) }
        }
        return crowd
    }
}
