import Bus
import Foundation
import JSONTree
import Maths
import Messages
import TestSupport
import Testing
import Time
import Wire

/// What only the arm itself can say, looked at from its own side too.
extension EndToEnd.ConsoleBrowserTests {
    // MARK: Stopping

    /// Notes in the page what it says about the stop, and when.
    private func watchStop(_ browser: Browser) throws {
        try browser.script(
            """
            window.said = [];
            const element = document.querySelector('#stop-state');
            new MutationObserver(() => window.said.push([Date.now(), element.textContent]))
                .observe(element, {childList: true, characterData: true, subtree: true});
            """)
    }

    /// What was noted since `watchStop`, with the time as CLOCK_MONOTONIC has it.
    private func said(_ browser: Browser) throws -> [(time: MonotonicTime, text: String)] {
        let (wall, now) = (WallTime.now(), MonotonicTime.now())
        return try (browser.script("return window.said").array ?? []).map { entry in
            let milliseconds = try #require(entry.array?.first?.double)
            return (
                now + .fromSeconds(milliseconds / 1_000 - wall.seconds), try #require(entry.array?.last?.string)
            )
        }
    }

    @Test func stoppedIsSaidWhenTheArmHasSaidSoAndNotBefore() throws {
        let pipeline = try ConsoleStage.simulated()
        let states = try pipeline.bus.subscribe(Topics.everyArmState)
        let browser = try open(pipeline.waitForConsole())
        try pipeline.waitUntilMoving()

        // An arm that hangs has not stopped, whoever has been asked.
        try watchStop(browser)
        let process = try pipeline.processID(of: "arm")
        kill(process, SIGSTOP)
        defer { kill(process, SIGCONT) }
        try browser.click("#stop")
        try browser.wait(for: "word that it has not stopped") {
            try $0.text("#stop-state")?.hasPrefix("NOT STOPPED") == true
        }
        try browser.screenshot(named: "stop-failed")
        let words = try said(browser).map(\.text)
        #expect(words.first?.hasPrefix("stopping") == true, "\(words)")
        #expect(!words.contains("stopped"), "\(words)")
        // It hears of the stop as soon as it can, and then the page says so too.
        kill(process, SIGCONT)
        try waitForStop(of: pipeline, in: browser)
        try browser.screenshot(named: "stop-stopped")

        // The reset lies behind a question, and whoever says no to it changes nothing.
        try go(to: "arm", in: browser)
        try browser.click("#reset:enabled")
        try browser.wait(for: "the question") { try $0.isVisible("#confirm[open] #confirm-yes") }
        try browser.click("#confirm-no")
        try pipeline.letTick(20)
        #expect(pipeline.isStopped)
        try resetAndResume(pipeline, in: browser)
        try browser.wait(for: "the word to go") { try $0.text("#stop-state") == "" }

        // The space bar stops from every place.
        try go(to: "health", in: browser)
        try watchStop(browser)
        try pipeline.wait(for: "old states to be gone") { _ in
            while states.take() != nil {}
            return true
        }
        try browser.press(.space)
        var stood: MonotonicTime?
        try pipeline.wait(for: "the arm to stop") { pipeline in
            while let state = states.take()?.message {
                if stood == nil, state.mode == .holding(.emergencyStop) { stood = state.measured.time }
            }
            return stood != nil && pipeline.isStopped
        }
        try waitForStop(of: pipeline, in: browser)
        let time = try #require(try said(browser).first { $0.text == "stopped" }).time
        // The page's clock counts milliseconds.
        #expect(time + .milliseconds(2) >= (try #require(stood)), "stopped was said before the arm held")
        _ = try pipeline.stop()
    }

    // MARK: Moving by hand

    @Test func theArmStandsWhenTheHandTheTabOrTheBrowserIsGone() throws {
        let pipeline = try ConsoleStage.simulated([
            #"goal={"source": "none"}"#, "policy.require_goal=true",
        ])
        let port = try pipeline.waitForConsole()
        var browser = try open(port)
        try pipeline.wait(for: "an arm at rest") { $0.isAtRest && $0.status["policy"] != nil }

        /// Holds a button of the page until the arm moves; whatever then ends, the arm stands.
        func hold(_ direction: String, until end: String, _ letGo: (Browser) throws -> Void) throws {
            try go(to: "arm", in: browser)
            let begin = try #require(pipeline.armState).setpoint.positions
            try browser.pressAndHold(#"#jog-pad button[data-jog="\#(direction)"]:enabled"#)
            try pipeline.wait(for: "motion by hand (\(end))") { pipeline in
                guard let state = pipeline.armState else { return false }
                return state.mode == .manual && (state.setpoint.positions - begin).magnitude > 0.01
            }
            try letGo(browser)
            try pipeline.wait(for: "the arm to stand after \(end)", limit: 10) {
                $0.armState?.mode == .holding(.released) && $0.isAtRest
            }
        }
        try hold("+z", until: "the button was let go") { try $0.release() }
        try hold("-z", until: "the page was hidden") { try $0.hide() }
        try browser.show()
        try browser.release()
        try hold("+z", until: "another page was opened") { try $0.open("about:blank") }
        try browser.release()
        browser = try open(port, in: browser)
        try hold("-z", until: "the browser was killed") { $0.kill() }

        // Whoever held is nobody's hindrance: the next one may move the arm.
        browser = try open(port)
        try hold("+z", until: "another one let go") { try $0.release() }
        #expect(pipeline.status["console"]?.state == .ready)
        _ = try pipeline.stop()
    }

    // MARK: Ends and beginnings

    @Test func thePageOutlivesTheConsoleAndTheRun() throws {
        let port = try ConsoleStage.freePort()
        let pipeline = try ConsoleStage.simulated(port: port)
        _ = try pipeline.waitForConsole()
        try pipeline.waitUntilMoving()
        let browser = try open(port)
        // Lost with the page, were it loaded again.
        try browser.script("window.kept = 1")

        let (console, arm) = (try pipeline.processID(of: "console"), try pipeline.processID(of: "arm"))
        kill(console, SIGKILL)
        try browser.wait(for: "a page that says that it is cut off") {
            try $0.attribute("#connection", "data-state") == "lost"
        }
        try pipeline.wait(for: "another console") {
            $0.status["console"].map { $0.processID != console && $0.state == .ready } ?? false
        }
        try browser.wait(for: "a live page again") { try $0.attribute("#connection", "data-state") == "live" }
        try waitForMotion(in: browser)
        #expect(try pipeline.processID(of: "arm") == arm)
        // Between two chunks it may hold for a moment, on a machine that has much to do.
        try pipeline.waitForMotion(in: "the arm that was there before")
        let (summary, outcome) = try pipeline.stop()
        #expect(outcome.exitCode == 0 && restarts(in: summary) == 1, "\(outcome.errors)")
        try browser.wait(for: "a page that says that the run has ended") {
            try $0.attribute("#connection", "data-state") != "live"
        }
        try browser.screenshot(named: "scene-ended")

        let next = try ConsoleStage.simulated(port: port)
        _ = try next.waitForConsole()
        try browser.wait(for: "the next run") { try $0.attribute("#connection", "data-state") == "live" }
        try next.waitUntilMoving()
        try waitForMotion(in: browser)
        #expect(try browser.script("return window.kept ?? 0").int == 1, "the page was loaded again")
        _ = try next.stop()
    }
}
