import Bus
import Console
import Files
import Foundation
import JSONTree
import ManifestSamples
import Manifests
import Maths
import Messages
import NodeShell
import TestSupport
import Testing
import Time
import Wire

/// A hub with a run, and what a bus and browsers would say to it.
struct HubFixture {
    var hub: ConsoleHub
    let run: RunDescription
    var now = MonotonicTime(nanoseconds: 1_000_000_000_000)
    private var sequence: UInt64 = 0
    /// What went out, in its order.
    private(set) var effects: [ConsoleHub.Effect] = []
    /// Topics whose commands nobody hears.
    var deaf: Set<String> = []

    init(manifest overrides: [String] = [], isLive: Bool = true) throws {
        let manifest = try Sample.read(
            Sample.minimal,
            set: [#"arm={"driver": "simulated", "calibration": "\#(Self.calibration)"}"#] + overrides,
            files: FileProbe(
                kind: { Self.calibration == $0 ? .file : Sample.disk.kind($0) }, names: Sample.disk.names))
        var generator = SeededGenerator(seed: 1)
        run = try RunDescription.beginning(
            manifest, manifestPath: "/robots/one/robot.json", folder: "/tmp/octo/one", using: &generator)
        hub = ConsoleHub(operatorName: OperatorName("octo-console", processID: 12), hasEpisodes: true)
        hub.turn(to: ConsoleRun(run, isLive: isLive), at: now)
    }

    private static var calibration: String {
        Fixture.packageRoot.appendingPathComponent("calibration/widowx-250s.json").path
    }

    mutating func advance(_ milliseconds: Int, every step: Int = 10) {
        for _ in 0..<max(milliseconds / step, 1) {
            now = now + .milliseconds(step)
            tick()
        }
    }

    mutating func tick() {
        let deaf = deaf
        effects += hub.tick(at: now) { !deaf.contains($0) }
    }

    mutating func clear() { effects = [] }

    /// A message comes over the bus.
    mutating func hear<M: WireMessage>(
        _ message: M, on topic: Topic<M>, from node: String = "arm", runID: String? = nil
    ) throws {
        let encoded = try message.encoded()
        sequence += 1
        let envelope = Envelope(
            schema: M.schemaName, sequence: sequence, captureTime: nil, publishTime: now, sourceNode: node,
            instanceID: 1, runID: runID ?? run.runID, traceID: 0, hostID: "host")
        hub.receive(
            RawMessage(
                topic: topic.name, envelope: envelope, body: encoded.body, bulk: encoded.bulk, receivedTime: now,
                byteCount: encoded.body.count), at: now)
    }

    /// The arm says how it is.
    mutating func arm(_ mode: ArmMode, speed: Double = 0) throws {
        let zero = JointVector(repeating: 0, count: 6)
        try hear(
            ArmState(
                tick: 1, mode: mode,
                measured: JointState(time: now, positions: zero, velocities: zero, gripper: 1),
                setpoint: JointSetpoint(
                    positions: zero, velocities: JointVector(repeating: speed, count: 6), gripper: 1),
                baseFromEEF: .identity, commandedBaseFromEEF: .identity), on: Topics.armState)
    }

    /// A page says something that pages say.
    mutating func page(_ id: Int, says text: String) {
        let isUnderstood = hub.receive(text, from: id, at: now)
        #expect(isUnderstood, "\(text)")
    }

    /// A person asks for something.
    /// - Returns: the answer, if it comes at once.
    mutating func ask(_ command: ConsoleCommand, _ request: UInt64 = 1, by person: String = "page 1") -> WebResponse? {
        hub.begin(command, request: request, by: person, at: now)
    }

    /// Everything that waits for a page, as JSON.
    mutating func take(for page: Int) throws -> [JSONNode] {
        var nodes: [JSONNode] = []
        while let message = hub.next(for: page) {
            guard case .text(let text) = message else { continue }
            nodes.append(try JSONNode(parsing: text.utf8))
        }
        return nodes
    }

    /// Answers that were given, by request.
    var answers: [UInt64: (status: Int, body: JSONNode)] {
        var answers: [UInt64: (status: Int, body: JSONNode)] = [:]
        for case .answer(let request, let response) in effects {
            answers[request] = (response.status, (try? JSONNode(parsing: response.body)) ?? nil)
        }
        return answers
    }

    var motions: [ManualCommand] {
        effects.compactMap { if case .manual(let command) = $0 { command } else { nil } }
    }
    var armCommands: [ArmCommand] { effects.compactMap { if case .arm(let command) = $0 { command } else { nil } } }
    var goalCommands: [GoalCommand] { effects.compactMap { if case .goal(let command) = $0 { command } else { nil } } }
    var episodeCommands: [EpisodeCommand] {
        effects.compactMap { if case .episode(let command) = $0 { command } else { nil } }
    }
}
