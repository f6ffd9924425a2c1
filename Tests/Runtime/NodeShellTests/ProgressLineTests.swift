import NodeShell
import Testing
import Time

@Suite struct ProgressLineTests {
    private let line = ProgressLine(total: 40, of: "episodes", at: .zero + .seconds(10))

    private func text(_ done: Int, note: String = "", after seconds: Double) -> String {
        line.text(done, note: note, at: .zero + .seconds(10) + .fromSeconds(seconds))
    }

    @Test func theTimeThatIsLeftIsThatOfTheStepsSoFar() {
        #expect(text(0, after: 5) == "[..............................] 0/40 episodes")
        #expect(text(10, after: 20) == "[#######.......................] 10/40 episodes, 60 s left")
        #expect(text(39, after: 39) == "[#############################.] 39/40 episodes, 1 s left")
        #expect(text(40, after: 40) == "[##############################] 40/40 episodes")
    }

    @Test func aNoteStandsAtTheEnd() {
        #expect(
            text(10, note: "7 succeeded", after: 20)
                == "[#######.......................] 10/40 episodes, 60 s left, 7 succeeded")
    }

    @Test func moreThanAllAndNothingToDoAreAFullBar() {
        #expect(text(50, after: 1) == "[##############################] 50/40 episodes")
        let nothing = ProgressLine(total: 0, of: "goals", at: .zero)
        #expect(nothing.text(0, at: .zero) == "[##############################] 0/0 goals")
    }
}
