import Foundation
import JSONTree
import TestSupport
import Testing
import Time

/// Debian's Chromium without a window, driven by its driver: W3C WebDriver, JSON over HTTP.
final class Browser {
    static let isThere = ["/usr/bin/chromium", "/usr/bin/chromedriver"].allSatisfy {
        FileManager.default.isExecutableFile(atPath: $0)
    }
    static let missing: Comment = "no /usr/bin/chromium with /usr/bin/chromedriver; .ci/chromium installs them"

    /// What the driver, or a script in the page, says against a command.
    struct Failure: Error, CustomStringConvertible {
        /// "no such element", "stale element reference" ...: section 6.6 of the specification.
        let kind: String
        let words: String
        var description: String { "browser: \(kind): \(words)" }
    }

    /// How the page is looked at.
    struct Look {
        /// Of the page, in its own pixels.
        var width = 1_280
        var height = 900
        var isDark = false
        /// A phone: fingers, and the page's own idea of its width.
        var isPhone = false
    }

    /// Where screenshots are kept: what people look at after a run of the tests.
    private static let pictures = Fixture.packageRoot.appendingPathComponent(".build/console-screenshots")

    private let profile: URL
    private let driver: RunningProgram
    private let port: Int
    private let session: String
    /// Of the browser itself; its tabs are its children and end with it.
    let processID: Int32

    /// Starts the driver at a free port, and a browser by it, with a profile of its own.
    init() throws {
        profile = try TemporaryFolder.make("browser")
        let driver = try RunningProgram(
            executable: "/usr/bin/chromedriver", ["--port=0"], environment: ["TMPDIR": profile.path])
        self.driver = driver
        let words = "started successfully on port "
        port = try Self.poll("the driver of the browser", limit: 30) {
            let text = driver.output
            return text.firstRange(of: words).flatMap { Int(text[$0.upperBound...].prefix { $0.isNumber }) }
        }
        // Without a sandbox: in a container, and as root, there is none to be had.
        let arguments: [JSONNode] = [
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--force-device-scale-factor=1",
            "--window-size=1280,900", JSONNode("--user-data-dir=\(profile.path)/profile"),
        ]
        let wanted: JSONNode = .object([
            "capabilities": .object([
                "alwaysMatch": .object([
                    "goog:chromeOptions": .object([
                        "binary": "/usr/bin/chromium", "args": JSONNode(.array(arguments)),
                    ])
                ])
            ])
        ])
        let made = try Self.command(port, "POST", "/session", wanted, limit: 60)
        guard let session = made["sessionId"]?.string,
            let process = made["capabilities"]?["goog:processID"]?.int
        else { throw TimedOut(description: "the driver began no session: \(made.text())") }
        self.session = session
        processID = Int32(process)
    }

    deinit {
        kill()
        Foundation.kill(driver.process.processIdentifier, SIGKILL)
        driver.process.waitUntilExit()
        _ = try? FileManager.default.removeItem(at: profile)
    }

    /// Ends the browser at once, as a crash of the machine's desktop would: nothing in the page runs any more.
    func kill() {
        Foundation.kill(processID, SIGKILL)
        _ = waitUntilGone([processID])
    }

    /// One command. Section 6.3 of the specification.
    private static func command(
        _ port: Int, _ method: String, _ path: String, _ body: JSONNode?, limit: Double = 60
    ) throws -> JSONNode {
        let answer = try ConsoleConnection.ask(
            port, method, path, headers: ["Content-Type": "application/json"], body: body?.text(), limit: limit)
        let value = answer.json["value"] ?? JSONNode(.null)
        guard answer.status == 200 else {
            throw Failure(kind: value["error"]?.string ?? "\(answer.status)", words: value["message"]?.string ?? "")
        }
        return value
    }

    @discardableResult
    func call(_ method: String, _ path: String, _ body: JSONNode? = nil) throws -> JSONNode {
        // A POST has a body, even an empty one.
        let empty: JSONNode? = method == "POST" ? .object([:]) : .none
        return try Self.command(port, method, "/session/\(session)\(path)", body ?? empty)
    }

    /// A command of Chromium's own protocol.
    @discardableResult
    func callDevTools(_ command: String, _ parameters: JSONNode = .object([:])) throws -> JSONNode {
        try call("POST", "/goog/cdp/execute", .object(["cmd": JSONNode(command), "params": parameters]))
    }

    /// Asks over and over until there is an answer.
    @discardableResult
    static func poll<Answer>(_ what: String, limit: Double, _ ask: () throws -> Answer?) throws -> Answer {
        let deadline = MonotonicTime.now() + .fromSeconds(limit)
        var trouble = ""
        repeat {
            do {
                if let answer = try ask() { return answer }
            } catch let failure as Failure {
                trouble = ": \(failure)"
            }
            usleep(20_000)
        } while MonotonicTime.now() < deadline
        throw TimedOut(description: "waited \(limit) s for \(what)\(trouble)")
    }

    // MARK: Pages

    func open(_ url: String) throws { try call("POST", "/url", .object(["url": JSONNode(url)])) }

    /// Runs a function's body in the page and returns what it returns.
    @discardableResult
    func script(_ body: String, _ arguments: [JSONNode] = []) throws -> JSONNode {
        try call(
            "POST", "/execute/sync", .object(["script": JSONNode(body), "args": JSONNode(.array(arguments))]))
    }

    /// Sets the page's size, whether a dark one is preferred, and whether it is a phone's.
    func look(_ look: Look) throws {
        try callDevTools(
            "Emulation.setDeviceMetricsOverride",
            .object([
                "width": JSONNode(look.width), "height": JSONNode(look.height), "deviceScaleFactor": 1,
                "mobile": JSONNode(.bool(look.isPhone)),
            ]))
        try callDevTools("Emulation.setTouchEmulationEnabled", .object(["enabled": JSONNode(.bool(look.isPhone))]))
        let scheme: JSONNode = .object([
            "name": "prefers-color-scheme", "value": look.isDark ? "dark" : "light",
        ])
        try callDevTools("Emulation.setEmulatedMedia", .object(["features": JSONNode(.array([scheme]))]))
    }

    /// Hides the page as its user does who minimises the window.
    func hide() throws { try call("POST", "/window/minimize") }
    func show() throws { try call("POST", "/window/rect", .object(["width": 1_280, "height": 900])) }

    /// Waits until what the page was told last is drawn, and its pictures are there.
    func settle() throws {
        try script(
            """
            return (async () => {
                const shown = [...document.images].filter(image => image.checkVisibility() && image.src);
                await Promise.all(shown.map(image => image.decode().catch(() => {})));
                for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
            })();
            """)
    }

    /// A picture of what is to be seen, PNG; kept under `name`.
    @discardableResult
    func screenshot(named name: String) throws -> Data {
        let picture = try decode(call("GET", "/screenshot"))
        try FileManager.default.createDirectory(at: Self.pictures, withIntermediateDirectories: true)
        try picture.write(to: Self.pictures.appendingPathComponent("\(name).png"))
        return picture
    }

    /// A picture of one element, PNG.
    func screenshot(of css: String) throws -> Data { try decode(call("GET", "/element/\(find(css))/screenshot")) }

    private func decode(_ node: JSONNode) throws -> Data {
        guard let picture = node.string.flatMap({ Data(base64Encoded: $0) }) else {
            throw Failure(kind: "no picture", words: node.brief)
        }
        return picture
    }
}
