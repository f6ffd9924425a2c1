import Images
import Messages
import Policy
import TestSupport
import Testing
import Time

/// Whatever stamps and numbers come from the bus, the policy's node goes on.
@Suite struct PolicyFuzzTests {
    private static let farthest: Int64 = 1 << 61

    @Test func messagesOfAnyNumbersNeverTrap() throws {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        var ticks = 0
        for _ in 0..<20 {
            var core = PolicyNodeCore(
                PolicyConfiguration(
                    cameras: [
                        PolicyCamera(name: "primary", width: 4, height: 4, takesGoal: true),
                        PolicyCamera(name: "wrist", width: 4, height: 4, takesGoal: true, isOptional: true),
                    ],
                    windowSize: 2, actionDimension: 2, actionSpace: .jointDelta, rate: Rate(hertz: 5),
                    preprocessing: .resize,
                    requiresGoal: Bool.random(using: &generator), fitRules: .none, maximumFrameAge: .milliseconds(500),
                    noiseSeed: 7),
                texts: .none)
            var now = MonotonicTime.zero + .seconds(1000)
            func time() -> MonotonicTime {
                // Now and then a stamp that is right, or nothing would ever be looked at.
                Bool.random(using: &generator)
                    ? now - .milliseconds(5)
                    : MonotonicTime(nanoseconds: Fuzzing.signed(upTo: Self.farthest, using: &generator))
            }
            for _ in 0..<Fuzzing.rounds(1_000) {
                now += .milliseconds(Int.random(in: 0...100, using: &generator))
                let picture = RGBImage(width: 4, height: 4, filledWith: UInt8.random(in: 0...255, using: &generator))
                switch Int.random(in: 0..<4, using: &generator) {
                case 0, 1:
                    core.receive(
                        CameraFrame(
                            camera: ["primary", "wrist", "other"].randomElement(using: &generator) ?? "", deviceID: "d",
                            sequence: Fuzzing.number(upTo: .max, using: &generator), captureTime: time(),
                            pixels: .rgb8(picture),
                            contentHash: generator.next()), at: now)
                case 2:
                    core.receive(Goal(id: "g", name: "g", views: [.init(camera: "primary", image: picture)], text: nil))
                default:
                    core.receive(GoalFit(goalID: "g", goalName: "g", verdict: .red, cameras: [], time: time()), at: now)
                }
                if let due = core.nextTick, due <= now {
                    _ = core.tick(at: now)
                    ticks += 1
                }
            }
        }
        #expect(ticks > 100, "it has been looked at, seed \(generator.seed)")
    }
}
