import Goals
import Images
import Messages
import Testing
import Time

@Suite struct GoalNodeCoreTests {
    private var core = GoalNodeCore(node: "goal")
    private let goal = Goal(
        id: "abc", name: "cup", views: [.init(camera: "primary", image: RGBImage(width: 4, height: 2, filledWith: 1))],
        text: "lift it", source: "test")

    private func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    @Test mutating func publishesTheFirstGoalAndTellsOfIt() {
        #expect(core.status(at: .zero).state == .starting)
        #expect(core.set(goal, at: at(1)) == .publish(goal))
        #expect(core.current == goal)
        let status = core.status(at: at(4))
        #expect(status.state == .ready && status.node == "goal")
        #expect(status.headline == "cup (abc): primary 4x2, \"lift it\"; set 3 s ago")
    }

    @Test mutating func noGoalIsPublishedTooAndSaysWhatThatMeans() {
        #expect(core.set(.none, at: .zero) == .publish(.none))
        #expect(core.status(at: .zero).state == .ready)
        #expect(core.status(at: .zero).headline.contains("unconditioned"))
    }

    @Test mutating func theSameGoalIsNotNews() {
        _ = core.set(goal, at: .zero)
        #expect(core.set(goal, at: at(5)) == .nothing)
        #expect(core.status(at: at(6)).headline.hasSuffix("set 6 s ago"))
        #expect(core.set(.none, at: at(7)) == .publish(.none))
        #expect(core.status(at: at(7)).counters.first { $0.name == "changes" }?.value == 2)
    }

    @Test mutating func withoutAnyGoalAFailureIsAFault() {
        core.failed(.textWithoutEpisode)
        let status = core.status(at: .zero)
        #expect(status.state == .fault && status.headline == GoalError.textWithoutEpisode.description)
        #expect(core.current == .none)
    }

    @Test mutating func aFailureLeavesThePresentGoal() {
        _ = core.set(goal, at: .zero)
        core.failed(.textWithoutEpisode)
        #expect(core.current == goal)
        let status = core.status(at: .zero)
        #expect(
            status.state == .degraded && status.headline.hasPrefix("the goal 'cup' stays, for the new one failed: "))
        #expect(status.counters.first { $0.name == "failures" }?.value == 1)
        #expect(core.set(goal, at: at(1)) == .nothing, "it is still out")
        #expect(core.status(at: at(1)).state == .ready)
    }

    @Test mutating func stopping() {
        _ = core.set(goal, at: .zero)
        core.stop()
        #expect(core.status(at: .zero).state == .stopping)
    }
}
