import Files
import Foundation
import Images
import MCAPFiles
import Maths
import Messages
import Recording
import TestSupport
import Time
import Wire

/// A file as a recorder writes it, made message by message.
package struct RecordedEpisode {
    package static let start = MonotonicTime.zero + .seconds(100)
    package let folder: TemporaryFolder
    private var core: RecorderCore
    private var writer: MCAPWriter
    private var sequences: [String: UInt64] = [:]
    private var clock = start
    private var commands: UInt64 = 0

    package init(
        attachments: [MCAP.Attachment] = [], compression: MCAP.Compression = .zstd(level: 1), chunkBytes: Int = 1 << 14
    ) throws {
        folder = try TemporaryFolder()
        core = RecorderCore(attachments: attachments)
        writer = MCAPWriter(.init(compression: compression, chunkBytes: chunkBytes))
    }

    /// What a node published: the recorder has it a millisecond later.
    /// - Parameter skipping: so many numbers before it never came.
    package mutating func publish<Message: WireMessage>(
        _ message: Message, on topic: String, from node: String, at time: MonotonicTime, captured: MonotonicTime? = nil,
        skipping: UInt64 = 0
    ) throws {
        let encoded = try message.encoded()
        let sequence = (sequences[topic] ?? 0) + skipping
        sequences[topic] = sequence + 1
        let envelope = Envelope(
            schema: Message.schemaName, sequence: sequence, captureTime: captured, publishTime: time, sourceNode: node,
            instanceID: 7, runID: "run", traceID: 5, hostID: "host")
        clock = time + .milliseconds(1)
        try write(
            core.receive(
                topic: topic, envelope: envelope, body: encoded.body, bulk: encoded.bulk, at: clock,
                wallTime: "2026-01-31T12-00-00"))
    }

    package mutating func mark(_ action: EpisodeCommand.Action, _ text: String = "") throws {
        commands += 1
        try write(
            core.receive(
                EpisodeCommand(id: commands, operatorID: "me", action: action, text: text, time: clock),
                at: clock, wallTime: "w"))
    }

    private mutating func write(_ actions: [RecorderCore.Action]) throws {
        for action in actions { try writer.write(action) }
    }

    /// The file's path.
    package mutating func finish(name: String = "grasp.mcap") throws -> String {
        try write(core.end(at: clock))
        try writer.finish()
        return try folder.write(writer.takeBytes(), to: name)
    }

    /// As if the recorder had been killed: what it had written so far.
    package mutating func cut(name: String = "cut.mcap") throws -> String {
        try writer.endChunk()
        return try folder.write(writer.takeBytes(), to: name)
    }
}

extension RecordedEpisode {
    package static let joints = 6
    package static func time(_ seconds: Double) -> MonotonicTime { start + .fromSeconds(seconds) }

    /// Where the setpoint of a joint was.
    package static func angle(_ joint: Int, at seconds: Double) -> Double { 0.1 * Double(joint + 1) * sin(seconds) }

    package static func state(at seconds: Double, mode: ArmMode = .executing(chunkID: 0, step: 0)) -> ArmState {
        let setpoint = JointVector((0..<joints).map { angle($0, at: seconds) })
        // Servos that are 20 ms behind.
        let measured = JointVector((0..<joints).map { angle($0, at: seconds - 0.02) })
        let still = JointVector(repeating: 0, count: joints)
        return ArmState(
            tick: UInt64(seconds * 50), mode: mode,
            measured: JointState(time: time(seconds), positions: measured, velocities: still, gripper: 0.5),
            setpoint: JointSetpoint(positions: setpoint, velocities: still, gripper: seconds < 2 ? 1 : 0),
            baseFromEEF: Pose(rotation: .identity, translation: [0.3, 0.01 * seconds, 0.2]),
            commandedBaseFromEEF: Pose(rotation: .identity, translation: [0.3, 0.01 * seconds + 0.001, 0.2]))
    }

    package static func frame(_ camera: String, _ number: Int, at seconds: Double) -> CameraFrame {
        CameraFrame(
            camera: camera, deviceID: camera, sequence: UInt64(number), captureTime: time(seconds - 0.03),
            pixels: .rgb8(RGBImage.waves(width: 64, height: 48, seed: number)), contentHash: UInt64(number))
    }

    package static func goal(_ name: String) -> Goal {
        Goal(
            id: name, name: name,
            views: ["primary", "wrist"].map {
                .init(camera: $0, image: RGBImage.waves(width: 64, height: 48, seed: 99))
            },
            text: nil)
    }

    /// Three seconds and a half of a run: two cameras at 10 Hz, policy steps at 5 Hz, the arm at 50 Hz, a goal, an
    /// operator who takes the arm from 2 to 2.5 s. One frame of the wrist was lost on the way.
    package static func run(
        seconds: Double = 3.5, attachments: [MCAP.Attachment] = [], compression: MCAP.Compression = .zstd(level: 1)
    ) throws -> RecordedEpisode {
        var episode = try RecordedEpisode(attachments: attachments, compression: compression)
        try episode.publish(goal("cup"), on: "goal/current", from: "goal", at: time(0))
        for tick in 0..<Int(seconds * 50) {
            let now = Double(tick) / 50
            if tick % 5 == 0 {
                let number = tick / 5
                try episode.publish(
                    frame("primary", number, at: now), on: "camera/primary/image", from: "camera-primary",
                    at: time(now),
                    captured: time(now - 0.03))
                if number != 7 {
                    try episode.publish(
                        frame("wrist", number, at: now), on: "camera/wrist/image", from: "camera-wrist", at: time(now),
                        captured: time(now - 0.03), skipping: number == 8 ? 1 : 0)
                }
            }
            if tick % 25 == 0 {
                try episode.publish(
                    NodeStatus(node: "arm", processID: 3, state: .ready, headline: "ready"), on: "node/arm/status",
                    from: "arm",
                    at: time(now))
            }
            if tick % 10 == 0 { try episode.publishStep(tick / 10, at: now) }
            if tick == 100 || tick == 125 {
                try episode.publish(
                    RunEvent(
                        node: "arm", kind: tick == 100 ? .interventionBegan : .interventionEnded, subject: "me",
                        text: "taken",
                        time: time(now)), on: "event/arm", from: "arm", at: time(now))
            }
            if tick == 110 {
                try episode.publish(
                    ManualCommand(
                        time: time(now), isDeadManHeld: true,
                        motion: .joints(JointVector(repeating: 0, count: joints))),
                    on: "arm/manual", from: "octo-teleop", at: time(now))
            }
            try episode.publish(state(at: now), on: "arm/state", from: "arm", at: time(now), captured: time(now))
        }
        return episode
    }

    /// An observation; every second one leads to a chunk 100 ms later, and the arm took the chunk 20 ms after that.
    private mutating func publishStep(_ step: Int, at seconds: Double) throws {
        let views = ["primary", "wrist"].map { camera in
            PolicyObservation.View(
                camera: camera, width: 8, height: 8,
                pixels: SharedBytes(copying: (0..<2 * 8 * 8 * 3).map { UInt8(truncatingIfNeeded: $0 + step) }),
                captureTime: Self.time(seconds - 0.03))
        }
        try publish(
            PolicyObservation(
                tick: UInt64(step), time: Self.time(seconds), goalID: "cup", views: views,
                timestepPadMask: [step > 0, true]),
            on: "policy/observation", from: "policy", at: Self.time(seconds))
        guard step % 2 == 1 else { return }
        let chunk = UInt64(step / 2)
        // Of the step before, whose inference has ended by now.
        let seen = seconds - 0.2
        try publish(
            ActionChunk(
                id: chunk, goalID: "cup", observationTime: Self.time(seen), captureTime: Self.time(seen - 0.03),
                inferredTime: Self.time(seen + 0.1), stepDuration: .milliseconds(200), actionDimension: 7,
                actions: (0..<28).map { Float($0) * 0.01 }, actionSpace: .eefDelta, noiseSeed: 1, noiseCounter: chunk),
            on: "policy/chunk", from: "policy", at: Self.time(seconds), captured: Self.time(seen - 0.03))
        try publish(
            ChunkReport(
                chunkID: chunk, outcome: chunk == 2 ? .interrupted : .superseded, captureTime: Self.time(seen - 0.03),
                observationTime: Self.time(seen), receivedTime: Self.time(seen + 0.11),
                firstSetpointTime: Self.time(seen + 0.12), stepsSkipped: 0, stepsExecuted: 2, stepsClamped: 0),
            on: "arm/chunk", from: "arm", at: Self.time(seconds), captured: Self.time(seen - 0.03))
    }
}
