import ClosedLoop
import Maths
import Testing
import Time

@Suite struct TaskWatchTests {
    private static let start: Vector3 = [0.3, 0, 0.2]
    private static let elsewhere: Vector3 = [0.3, 0.1, 0.2]

    private func time(_ milliseconds: Int) -> MonotonicTime { .zero + .seconds(5) + .milliseconds(milliseconds) }

    @Test func whatIsDoneAndStaysSoIsReachedFromTheFirstMotionOn() {
        var watch = TaskWatch()
        watch.see(tool: Self.start, isDone: false, at: time(0))
        watch.see(tool: Self.start, isDone: false, at: time(1_000))
        #expect(watch.progress == .notBegun)
        watch.see(tool: Self.elsewhere, isDone: false, at: time(2_000))
        #expect(watch.progress == .underWay)
        watch.see(tool: Self.elsewhere, isDone: true, at: time(5_000))
        watch.see(tool: Self.elsewhere, isDone: true, at: time(5_399))
        #expect(watch.progress == .underWay)
        watch.see(tool: Self.elsewhere, isDone: true, at: time(5_400))
        #expect(watch.progress == .reached(after: .seconds(3)))
        // What becomes of it later does not undo it.
        watch.see(tool: Self.start, isDone: false, at: time(9_000))
        #expect(watch.progress == .reached(after: .seconds(3)))
    }

    @Test func passingByIsNotReaching() {
        var watch = TaskWatch()
        watch.see(tool: Self.start, isDone: false, at: time(0))
        for step in 0..<20 {
            watch.see(tool: Self.elsewhere, isDone: step % 4 != 3, at: time(100 + 100 * step))
            #expect(watch.progress == .underWay, "never done for longer than 0.2 s")
        }
    }

    /// A world that begins with its task done has not been solved by anybody.
    @Test func anArmThatNeverMovesReachesNothing() {
        var watch = TaskWatch()
        for step in 0..<100 { watch.see(tool: Self.start, isDone: true, at: time(100 * step)) }
        #expect(watch.progress == .notBegun)
    }
}
