import Foundation
import JSONTree
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd {
    /// The console's page as people see and use it, in Chromium, with a simulated robot.
    @Suite(
        .serialized, .enabled(if: ConsoleStage.canSimulate, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"),
        .enabled(if: Browser.isThere, Browser.missing))
    struct ConsoleBrowserTests {
        private static let places = ["scene", "goals", "arm", "episodes", "health"]
        private static let canvas = #"figure.camera[data-camera="primary"] canvas.live"#
        /// Text that would be another page's code, were it taken for more than text.
        private static let markup = #"<img src=x onerror="window.owned=1"><b>bold</b>"#

        /// Opens the page, which is live once the arm and a picture are shown.
        func open(_ port: Int, in browser: Browser? = nil) throws -> Browser {
            let browser = try browser ?? Browser()
            try browser.open("http://127.0.0.1:\(port)/")
            try browser.wait(for: "a live page") {
                try $0.attribute("#connection", "data-state") == "live" && $0.isVisible(Self.canvas)
            }
            return browser
        }

        func go(to place: String, in browser: Browser) throws {
            try browser.click("nav button[data-place=\(place)]")
            try browser.wait(for: "the place \(place)") { try $0.isVisible("#place-\(place)") }
        }

        /// Waits until the live picture is another one.
        func waitForMotion(in browser: Browser) throws {
            let first = try Browser.poll("a picture", limit: 20) { try browser.screenshot(of: Self.canvas) }
            try browser.wait(for: "another picture") { try $0.screenshot(of: Self.canvas) != first }
        }

        /// Waits until the page says that the arm stands, and the arm does.
        func waitForStop(of pipeline: Pipeline, in browser: Browser) throws {
            try browser.wait(for: "the page to say that it is stopped") { try $0.text("#stop-state") == "stopped" }
            try pipeline.wait(for: "the arm to be stopped") { $0.isStopped }
        }

        /// Ends a stop as people do: both times they are asked whether they mean it.
        func resetAndResume(_ pipeline: Pipeline, in browser: Browser) throws {
            try go(to: "arm", in: browser)
            for button in ["#reset", "#resume"] {
                try browser.click(button + ":enabled")
                try browser.click("#confirm[open] #confirm-yes")
            }
            try pipeline.wait(for: "the arm to go on") { $0.isExecuting }
        }

        // MARK: What is seen

        @Test func everyPlaceShowsTheRunInLightAndDarkAndOnAPhone() throws {
            let pipeline = try ConsoleStage.simulated(["record.enabled=true", "goal.name=\(Self.markup)"])
            let browser = try open(pipeline.waitForConsole())
            try pipeline.waitUntilMoving()
            try waitForMotion(in: browser)

            // The goal that the manifest has lies over the picture, as far as the slider says.
            let goal = #"figure.camera[data-camera="primary"] img.goal"#
            try browser.wait(for: "the goal's picture") {
                try $0.isVisible(goal)
                    && $0.script(
                        "return document.querySelector(arguments[0]).naturalWidth",
                        [
                            JSONNode(goal)
                        ]
                    ).int == 256
            }
            // A name is text, whatever it looks like.
            try browser.wait(for: "the goal's name") { try $0.text("#fit-chip")?.contains(Self.markup) == true }

            // What is noted is text too; the episode that ends is in the list.
            try go(to: "episodes", in: browser)
            try browser.type(Self.markup, into: "#episode-note-text")
            try browser.click("#episode-note")
            try pipeline.wait(for: "pictures in the episode") { $0.count("messages", of: "recorder") > 300 }
            try browser.click("#episode-success:enabled")
            try browser.click("#episode-stop:enabled")
            try browser.wait(for: "the whole episode in the list") {
                try $0.text(".episode[data-id]")?.contains("success") == true
            }
            try browser.click(".episode[data-id] button")
            try browser.wait(for: "the episode to be shown") { try $0.isVisible("#replay canvas.replay-picture") }
            try browser.wait(for: "the note") { try $0.text("#place-episodes")?.contains(Self.markup) == true }
            let beginning = try browser.screenshot(of: "#replay canvas.replay-picture")
            try browser.set("#scrub", to: 1_000_000)
            try browser.wait(for: "another moment of it") {
                try $0.screenshot(of: "#replay canvas.replay-picture") != beginning
            }
            #expect(try browser.script("return window.owned ?? 0").int == 0, "markup was taken for markup")
            #expect(try browser.script("return document.querySelectorAll('img[src=x]').length").int == 0)

            try go(to: "health", in: browser)
            try browser.wait(for: "every node") { page in
                try ["arm", "camera-primary", "camera-wrist", "goal", "policy", "recorder", "simulation"].allSatisfy {
                    try page.attribute(
                        ".node[data-node=\($0)] [data-state], .node[data-node=\($0)][data-state]", "data-state")
                        != nil
                }
            }
            for (name, look) in [
                ("light", Browser.Look()), ("dark", Browser.Look(isDark: true)),
                ("phone", Browser.Look(width: 390, height: 844, isPhone: true)),
                ("phone-dark", Browser.Look(width: 390, height: 844, isDark: true, isPhone: true)),
            ] {
                try browser.look(look)
                for place in Self.places {
                    try go(to: place, in: browser)
                    if place == "scene" { try waitForMotion(in: browser) }
                    try browser.settle()
                    try browser.screenshot(named: "\(place)-\(name)")
                    #expect(try browser.isVisible("#stop"), "the stop is always in sight: \(place) \(name)")
                    let width = try #require(browser.script("return document.documentElement.scrollWidth").int)
                    #expect(width <= look.width, "\(place) \(name) is wider than its window: \(width)")
                    let stop = try browser.script(
                        "const r = document.querySelector('#stop').getBoundingClientRect(); "
                            + "return r.top >= 0 && r.bottom <= innerHeight && r.left >= 0 && r.right <= innerWidth")
                    #expect(stop.bool == true, "the stop is always in sight: \(place) \(name)")
                }
            }
            _ = try pipeline.stop()
        }

        // MARK: Goals

        @Test func aGoalIsTakenAndSetAndItsFitTurnsRedWhenTheCameraMoves() throws {
            let library = try TemporaryFolder.make("goals")
            defer { try? FileManager.default.removeItem(at: library) }
            let pipeline = try ConsoleStage.simulated([
                #"goal={"source": "none", "library": "\#(library.path)/goals"}"#, "policy.require_goal=true",
                "policy.on_drift=pause", #"teleop.before_goal={"open_gripper": true}"#,
            ])
            let browser = try open(pipeline.waitForConsole())
            try browser.wait(for: "a page without a goal") {
                try $0.attribute("#fit-chip", "data-verdict") == "unknown"
            }
            try go(to: "goals", in: browser)
            try browser.type("reach", into: "#goal-name")
            try browser.click("#goal-take:enabled")
            // The gripper opens first: people are asked whether its way is free.
            try browser.click("#confirm[open] #confirm-yes")
            try browser.click("#goal-accept")
            try browser.click(#".goal[data-name="reach"] .goal-set:enabled"#)
            // Amber: the goal is the present scene, and nothing is to be done.
            try browser.wait(for: "the goal to be compared") {
                try ["green", "amber"].contains($0.attribute("#fit-chip", "data-verdict") ?? "")
            }
            try browser.screenshot(named: "goals-taken")

            try go(to: "scene", in: browser)
            let goal = #"figure.camera[data-camera="primary"] img.goal"#
            try browser.wait(for: "the goal over the picture") {
                try $0.isVisible(goal)
                    && $0.script("return document.querySelector(arguments[0]).naturalWidth", [JSONNode(goal)]).int
                        == 256
            }

            // 24 mm to the right are about a dozen pixels.
            func nudge(_ arguments: String...) throws {
                let nudged = try Program.run(
                    "octo-sim", ["nudge"] + arguments + ["--run", pipeline.folder.path], limit: 20)
                #expect(nudged.exitCode == 0, "\(nudged.errors)")
            }
            try nudge("--right", "0.024")
            try browser.wait(for: "a red fit") { try $0.attribute("#fit-chip", "data-verdict") == "red" }
            try browser.wait(for: "its reason") {
                try $0.texts("#fit-reasons li").contains { $0.contains("camera moved") }
            }
            #expect(try browser.attribute("#fit-verdict", "data-verdict") == "red")
            try pipeline.wait(for: "the arm to hold") { $0.isAtRest }

            // The arm stands and so does the picture: what differs now is how much of the goal lies over it.
            func scene(at overlay: Int) throws -> Data {
                try browser.set("#overlay", to: overlay)
                try browser.settle()
                return try browser.screenshot(of: #"figure.camera[data-camera="primary"]"#)
            }
            let (live, laid) = (try scene(at: 0), try scene(at: 100))
            #expect(live != laid, "the slider lays the goal over the picture")
            _ = try scene(at: 50)
            try browser.screenshot(named: "scene-camera-moved")
            for view in ["difference", "side"] {
                try browser.click("#view-mode [data-view=\(view)]")
                try browser.screenshot(named: "scene-\(view)")
            }
            try browser.click("#view-mode [data-view=overlay]")
            try nudge("--reset")
            try browser.wait(for: "a fit that is not red") { try $0.attribute("#fit-chip", "data-verdict") != "red" }
            _ = try pipeline.stop()
        }
    }
}
