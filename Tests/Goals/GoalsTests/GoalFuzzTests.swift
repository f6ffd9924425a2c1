import Goals
import Images
import Messages
import TestSupport
import Testing
import Time

/// Whatever comes from the bus, the goal manager goes on.
@Suite struct GoalFuzzTests {
    private struct NoStore: GoalStore {
        func path(of name: String) -> String { "/goals/\(name)" }
        func load(_ name: String) throws(GoalLibraryError) -> GoalRecord {
            throw .missing(name: name, folder: "/goals", known: [])
        }
        func load(_ source: GoalSource) throws(GoalError) -> Goal { .none }
        func save(_ record: GoalRecord, replaces: Bool) throws(GoalLibraryError) -> String { path(of: record.name) }
    }

    private static let farthest: Int64 = 1 << 61

    @Test func messagesOfAnyNumbersNeverTrap() {
        var generator = SeededGenerator(seed: SeededGenerator.freshSeed())
        var core = GoalNodeCore(node: "goal", cameras: ["primary"])
        var now = MonotonicTime.zero + .seconds(1000)
        func time() -> MonotonicTime {
            Bool.random(using: &generator)
                ? now - .milliseconds(5)
                : MonotonicTime(nanoseconds: Fuzzing.signed(upTo: Self.farthest, using: &generator))
        }
        func picture() -> RGBImage {
            RGBImage(width: 32, height: 32, filledWith: UInt8.random(in: 0...255, using: &generator))
        }
        for round in 0..<Fuzzing.rounds(5_000) {
            now += .milliseconds(Int.random(in: 0...300, using: &generator))
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                core.receive(
                    CameraFrame(
                        camera: "primary", deviceID: "d", sequence: Fuzzing.number(upTo: .max, using: &generator),
                        captureTime: time(),
                        pixels: .rgb8(picture()), contentHash: generator.next()))
            case 1:
                _ = core.set(
                    Goal(id: "g\(round)", name: "g", views: [.init(camera: "primary", image: picture())], text: nil),
                    at: now)
            case 2:
                let action: GoalCommand.Action =
                    [
                        .record(.init(name: "cup", origin: .teleop)), .clear, .set(name: "cup"),
                    ].randomElement(using: &generator) ?? .clear
                _ = core.receive(
                    GoalCommand(id: generator.next(), operatorID: "ann", action: action, time: time()),
                    store: NoStore(), at: now)
            default: break
            }
            _ = core.tick(store: NoStore(), wall: WallTime(seconds: 1.7e9), at: now)
            #expect(core.status(at: now).node == "goal", "seed \(generator.seed)")
        }
    }
}
