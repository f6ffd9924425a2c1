import Foundation
import JSONTree
import Testing
import Time

/// What a calibration file promises of the goals that its servos get.
struct ServoEnvelope {
    private struct Joint {
        var id: Int
        var pulses: ClosedRange<Int>
        /// Pulses per second, and per second squared.
        var speed: Double
        var acceleration: Double
    }
    private let joints: [Joint]
    private let gripper: (id: Int, pulses: ClosedRange<Int>)
    /// Pulses per second; nil where the linkage is not linear.
    private let gripperSpeed: Double?
    /// Goals come with the jitter of two processes; seconds.
    private static let slack = 0.03
    /// 4096 to a turn, in both protocols.
    private static let pulsesPerRadian = 4096 / (2 * Double.pi)

    init(_ arm: EmulatedServos.Arm) throws {
        let root = try JSONNode(parsing: Array(Data(contentsOf: URL(fileURLWithPath: arm.calibration))))
        let servos = try #require(root["servos"], "the calibration has no servos")
        func range(_ node: JSONNode) throws -> ClosedRange<Int> {
            try #require(node["lower_pulse"]?.int)...(try #require(node["upper_pulse"]?.int))
        }
        joints = try zip(try #require(servos["joints"]?.array), try #require(root["joints"]?.array)).map {
            servo, joint in
            Joint(
                id: try #require(servo["id"]?.int), pulses: try range(servo),
                speed: try #require(joint["velocity_rad_s"]?.double) * Self.pulsesPerRadian,
                acceleration: try #require(joint["acceleration_rad_s2"]?.double) * Self.pulsesPerRadian)
        }
        let hand = try #require(servos["gripper"])
        gripper = (try #require(hand["id"]?.int), try range(hand))
        gripperSpeed =
            if let closed = hand["closed_pulse"]?.int, let open = hand["open_pulse"]?.int,
                let strokes = root["gripper"]?["speed_per_s"]?.double
            { Double(abs(open - closed)) * strokes } else { nil }
    }

    /// The furthest that a servo's goal may be from the one before it, or from where it stands, pulses.
    func travel(of id: Int) -> Double? {
        let speed = joints.first { $0.id == id }?.speed ?? (id == gripper.id ? gripperSpeed : nil)
        return speed.map { $0 / EmulatedServos.rate + 2 }
    }

    /// What the arm's servos were told by a program that never moves them on what it has not read: each goal within the
    /// limits and a tick's travel of the one before it, or of where the servo stood; torque only where it stands. By
    /// count, so that it is the same on a busy machine.
    /// - Returns: what was not so, in words.
    func violations(_ writes: [EmulatedServos.Write]) -> [String] {
        var found: [String] = []
        // The last goal that a servo took with torque, and has had torque since.
        var last: [Int: Int] = [:]
        for write in writes {
            let text = "servo \(write.id) at \(write.position)"
            if write.torque == 1, !write.hadTorque, abs(write.goalAfter - write.position) > 2 {
                found.append("\(text) got torque with the goal \(write.goalAfter)")
            }
            if !write.hadTorque || write.torque == 0 { last[write.id] = nil }
            guard let goal = write.goal, write.hadTorque else { continue }
            if let limits = limits(of: write.id), !limits.contains(goal) {
                found.append("\(text) was sent to \(goal), limits \(limits)")
            }
            // Between a reading and the goal that follows it lie some milliseconds of motion: another tick's travel.
            if let travel = travel(of: write.id) {
                let isNear = last[write.id].map { abs(Double($0 - goal)) <= travel } ?? false
                if !isNear, abs(Double(write.position - goal)) > 2 * travel {
                    found.append("\(text) was sent to \(goal), the goal before was \(last[write.id] ?? -1)")
                }
            }
            last[write.id] = goal
        }
        return found
    }

    private func limits(of id: Int) -> ClosedRange<Int>? {
        joints.first { $0.id == id }?.pulses ?? (id == gripper.id ? gripper.pulses : nil)
    }

    /// Servos of joints and gripper that get goals.
    var ids: Set<Int> { Set(joints.map(\.id) + [gripper.id]) }

    private func expectInsideLimits(_ goals: [EmulatedServos.Goal], _ sourceLocation: SourceLocation) {
        #expect(!goals.isEmpty, "nobody told the servos anything", sourceLocation: sourceLocation)
        for (id, pulses) in joints.map({ ($0.id, $0.pulses) }) + [gripper] {
            let outside = goals.filter { $0.id == id && !pulses.contains($0.pulses) }
            #expect(
                outside.isEmpty, "servo \(id) may have \(pulses): \(outside.prefix(3))", sourceLocation: sourceLocation)
        }
    }

    /// Where goals may be lost on the way: no goal is beyond a limit, and none further from the one before than the
    /// time between them allows.
    func expect(_ goals: [EmulatedServos.Goal], sourceLocation: SourceLocation = #_sourceLocation) {
        expectInsideLimits(goals, sourceLocation)
        for joint in joints {
            let own = goals.filter { $0.id == joint.id }
            for (before, after) in zip(own, own.dropFirst()) {
                let allowed = joint.speed * (after.seconds - before.seconds + Self.slack)
                #expect(
                    abs(Double(after.pulses - before.pulses)) <= allowed,
                    "servo \(joint.id) from \(before.pulses) to \(after.pulses)", sourceLocation: sourceLocation)
            }
        }
    }

    /// Where every goal arrives: no goal is beyond a limit, and from one to the next is no more than a
    /// tick's motion at the velocity limit, and no more change of it than the acceleration limit allows. By count, so
    /// that it is the same on a busy machine.
    /// - Parameters:
    ///   - isOneProcess: false where the arm node was killed: the next begins at rest, wherever the servos stand.
    ///   - pauses: how often the arm says that it sent nothing for a while and then went on from a standstill.
    func expectEveryTick(
        _ goals: [EmulatedServos.Goal], isOneProcess: Bool = true, pauses: Int = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        // All joints are told at once: the n-th goals of all of them are one tick's.
        var standstills = Set<Int>()
        expectInsideLimits(goals, sourceLocation)
        for joint in joints {
            let own = goals.filter { $0.id == joint.id }.map { Double($0.pulses) }
            let steps = zip(own, own.dropFirst()).map { $1 - $0 }
            // Each goal is rounded to a pulse.
            let (longest, change) = (
                joint.speed / EmulatedServos.rate + 1,
                joint.acceleration / (EmulatedServos.rate * EmulatedServos.rate) + 2
            )
            #expect(
                steps.allSatisfy { abs($0) <= longest },
                "servo \(joint.id): \(steps.map(abs).max() ?? 0), \(longest) allowed",
                sourceLocation: sourceLocation)
            guard isOneProcess else { continue }
            for (index, (before, after)) in zip(steps, steps.dropFirst()).enumerated()
            where abs(after - before) > change {
                standstills.insert(index)
                #expect(
                    pauses > 0 && abs(after) <= change,
                    "servo \(joint.id): from \(before) to \(after) a tick, \(change) allowed",
                    sourceLocation: sourceLocation)
            }
        }
        #expect(
            standstills.count <= pauses, "from a standstill at \(standstills.sorted())", sourceLocation: sourceLocation)
    }

    /// The same with what the arm says in the summary of its run: on a busy machine it may have paused.
    func expectEveryTick(
        _ goals: [EmulatedServos.Goal], summary: JSONNode, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let pauses = try #require(summary["control_loop"]?["pauses"]?.int)
        expectEveryTick(goals, pauses: pauses, sourceLocation: sourceLocation)
    }

    /// How many times the joints were told the same as before, at the end of the log.
    func restingTicks(_ goals: [EmulatedServos.Goal]) -> Int {
        joints.map { joint in
            let own = goals.filter { $0.id == joint.id }.map(\.pulses)
            return own.reversed().prefix { $0 == own.last }.count
        }.min() ?? 0
    }

    /// How many times after `time` one of the joints was told something new.
    func movingTicks(_ goals: [EmulatedServos.Goal], after time: MonotonicTime) -> Int {
        let start = Double(time.nanoseconds) * 1e-9
        return joints.map { joint in
            let own = goals.filter { $0.id == joint.id }
            return zip(own, own.dropFirst()).count { $1.seconds > start && $0.pulses != $1.pulses }
        }.max() ?? 0
    }
}

/// The check itself has to see what it is for.
@Suite struct ServoEnvelopeTests {
    /// A joint that is told these pulses, one tick after the other, while the others rest.
    private func goals(_ pulses: [Int]) -> [EmulatedServos.Goal] {
        pulses.enumerated().map { .init(seconds: Double($0) / EmulatedServos.rate, id: 2, pulses: $1) }
    }

    @Test func passesMotionInsideTheLimits() throws {
        let envelope = try ServoEnvelope(.widowX)
        let smooth = goals([2000, 2003, 2009, 2018, 2027, 2033, 2036, 2036])
        envelope.expect(smooth)
        envelope.expectEveryTick(smooth)
        #expect(envelope.movingTicks(smooth, after: .zero) == 6)
    }

    @Test(arguments: [[2000, 2100, 2200], [2000, 2000, 2020, 2040], [817, 817], [3346, 3346], []])
    func seesWhatIsOutside(pulses: [Int]) throws {
        let envelope = try ServoEnvelope(.widowX)
        withKnownIssue { envelope.expectEveryTick(goals(pulses)) }
    }

    @Test(arguments: [[2000, 2104], [3346]])
    func seesJumpsAndLimitsWhereGoalsMayBeLost(pulses: [Int]) throws {
        let envelope = try ServoEnvelope(.widowX)
        withKnownIssue { envelope.expect(goals(pulses)) }
    }

    private func write(
        goal: Int? = nil, torque: Int? = nil, at position: Int, hadTorque: Bool = true
    ) -> EmulatedServos.Write {
        .init(
            seconds: 0, id: 2, goal: goal, torque: torque, position: position, goalAfter: goal ?? 2_000,
            hadTorque: hadTorque)
    }

    /// Joint 2 of an SO-101 may go 39 pulses a tick, and 2 for rounding.
    @Test func passesWhatWasRead() throws {
        let envelope = try ServoEnvelope(.so101)
        let writes = [
            write(goal: 2_000, at: 2_000, hadTorque: false), write(torque: 1, at: 2_001, hadTorque: false),
            write(goal: 2_041, at: 2_001), write(goal: 2_082, at: 2_020), write(torque: 1, at: 2_050),
            write(goal: 2_123, at: 2_060),
        ]
        #expect(envelope.violations(writes) == [])
    }

    @Test func seesMotionOnWhatWasNotRead() throws {
        let envelope = try ServoEnvelope(.so101)
        let sound = [write(goal: 2_000, at: 2_000)]
        for planted in [
            [write(goal: 2_200, at: 2_000)], [write(goal: 900, at: 2_000)],
            [write(torque: 1, at: 1_990, hadTorque: false)],
            // The goal from before the torque went counts no more.
            [
                write(torque: 0, at: 2_000), write(torque: 1, at: 1_999, hadTorque: false),
                write(goal: 2_010, at: 1_700),
            ],
        ] {
            #expect(!envelope.violations(sound + planted).isEmpty, "\(planted)")
        }
    }
}
