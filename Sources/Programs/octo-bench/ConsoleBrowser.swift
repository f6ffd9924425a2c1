import Files
import Foundation
import JSONTree
import Time

/// A real browser without a window that shows the console's page, driven over its DevTools protocol.
///
/// https://chromedevtools.github.io/devtools-protocol: Target, Runtime and Browser.
final class ConsoleBrowser {
    private static let patience = Duration.seconds(20)

    private let browser: pid_t
    private let client: WebSocketClient
    private var lastID = 0
    private var session: String?

    /// Path of a program by its name, as a shell finds it; nil where there is none.
    static func find(_ name: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let candidates = name.contains("/") ? [name] : folders.map { "\($0)/\(name)" }
        return candidates.first { access($0, X_OK) == 0 }
    }

    /// Starts the browser and waits until it can be talked to.
    /// - Parameters:
    ///   - program: path of a Chromium.
    ///   - folder: where it may keep what it likes.
    init(program: String, folder: String) throws {
        try FileSystem.makeFolders(folder)
        browser = try BenchChild.start(
            program,
            [
                "--headless", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--window-size=1280,1600",
                "--remote-debugging-port=0", "--user-data-dir=\(folder)/profile",
                // Its sandbox refuses root.
            ] + (geteuid() == 0 ? ["--no-sandbox"] : []) + ["about:blank"], log: folder + "/log", endsWith: SIGKILL)
        do {
            let (port, path) = try Self.address(
                folder + "/profile/DevToolsActivePort", of: browser, log: folder + "/log")
            client = try WebSocketClient(port: port, path: path, isPage: false)
        } catch {
            BenchChild.end(browser, with: SIGKILL)
            throw error
        }
    }

    /// Ends the browser.
    func end() { BenchChild.end(browser, with: SIGTERM) }

    /// Port and path at which it listens: two lines that it writes.
    private static func address(_ file: String, of browser: pid_t, log: String) throws -> (UInt16, String) {
        let limit = MonotonicTime.now() + patience
        while MonotonicTime.now() < limit, !BenchChild.hasEnded(browser) {
            do {
                let lines = String(decoding: try FileSystem.read(file), as: UTF8.self).split(separator: "\n")
                if lines.count == 2, let port = UInt16(lines[0]) { return (port, String(lines[1])) }
            } catch {
                guard case .missing = error else { throw error }
            }
            usleep(50_000)
        }
        let said = String(decoding: try FileSystem.read(log), as: UTF8.self)
        throw ConsoleBenchmarkError.ended(program: "Chromium", log: said)
    }

    /// What it calls itself: "HeadlessChrome/140.0.7339.80".
    func version() throws -> String { try call("Browser.getVersion")["product"]?.string ?? "a browser" }

    /// Opens a page, to which `evaluate` then belongs.
    func open(_ address: String) throws {
        session = nil
        let target = try call("Target.createTarget", .object(["url": JSONNode(address)]))["targetId"]?.string ?? ""
        session = try call("Target.attachToTarget", .object(["targetId": JSONNode(target), "flatten": true]))[
            "sessionId"]?.string
    }

    /// What a JavaScript expression comes to in the page, as JSON.
    func evaluate(_ expression: String) throws -> JSONNode? {
        let answer = try call(
            "Runtime.evaluate", .object(["expression": JSONNode(expression), "returnByValue": true]))
        if let wrong = answer["exceptionDetails"] {
            throw ConsoleBenchmarkError.setup("the page's script failed: \(wrong.text())")
        }
        return answer["result"]?["value"]
    }

    private func call(_ method: String, _ parameters: JSONNode = .object([:])) throws -> JSONNode {
        lastID += 1
        var message = JSONNode.object(["id": JSONNode(lastID), "method": JSONNode(method), "params": parameters])
        if let session { message = message.with("sessionId", JSONNode(session)) }
        try client.send(message)
        let limit = MonotonicTime.now() + Self.patience
        while MonotonicTime.now() < limit {
            var polled = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
            poll(&polled, 1, 100)
            for case .text(let bytes) in try client.receive() {
                let answer = try JSONNode(parsing: bytes)
                guard answer["id"]?.int == lastID else { continue }
                if let error = answer["error"] { throw ConsoleBenchmarkError.setup("\(method): \(error.text())") }
                return answer["result"] ?? .object([:])
            }
        }
        throw ConsoleBenchmarkError.setup("\(method): Chromium did not answer within \(Self.patience)")
    }
}

/// How old pictures are when they are on the page's canvas.
struct DrawnPictures {
    /// Ages, milliseconds.
    var ages: [Double]
    /// Pictures of the primary camera that were drawn in a second.
    var perSecond: Double
    /// What showed them.
    var browser: String

    /// Looks at what is drawn at the primary camera's place each time that the browser makes a frame, right before it
    /// does, and keeps when a picture of another number is there. The page has no part in it.
    private static let look = """
        (() => {
          const rows = window.octoBenchRows = [];
          const small = document.createElement('canvas');
          [small.width, small.height] = [\(ConsolePictures.squares), 1];
          const pen = small.getContext('2d', { willReadFrequently: true });
          let last = -1;
          const look = () => {
            const live = document.querySelector('figure.camera[data-camera="primary"] canvas.live');
            if (live && live.width > 0 && live.height > 0) {
              const side = live.width / \(ConsolePictures.squares);
              for (let i = 0; i < small.width; i++) {
                pen.drawImage(live, (i + 0.25) * side, 0.25 * side, side / 2, side / 2, i, 0, 1, 1);
              }
              const shades = [...pen.getImageData(0, 0, small.width, 1).data].filter((_, i) => i % 4 === 0);
              if (shades[0] > 160 && shades[1] < 96) {
                const number = shades.slice(2).reduce((sum, shade) => 2 * sum + (shade > 128 ? 1 : 0), 0);
                if (number !== last) rows.push([performance.now(), number]);
                last = number;
              }
            }
            requestAnimationFrame(look);
          };
          requestAnimationFrame(look);
        })()
        """

    /// Shows the console's page of a run, and measures for some seconds.
    /// - Throws: also where no picture was seen.
    static func measure(_ run: ConsoleRun, program: String, seconds: Double) throws -> DrawnPictures {
        let browser = try ConsoleBrowser(program: program, folder: run.folder + "/browser")
        defer { browser.end() }
        try browser.open("http://127.0.0.1:\(run.port)/")
        // The page loads meanwhile.
        _ = try run.measure(seconds: 3)
        _ = try browser.evaluate(look)
        let phase = try run.measure(seconds: seconds)
        let start = try clock(of: browser)
        var ages: [Double] = []
        for row in try browser.evaluate("window.octoBenchRows")?.array ?? [] {
            guard let shown = row.array?.first?.double, let number = row.array?.last?.int else { continue }
            let time = start + .fromSeconds(shown / 1_000)
            // Of those that were shown later the capture may not be known, and one of the same number before would be
            // taken for it.
            guard time > phase.start, time < phase.end - .milliseconds(100),
                let capture = phase.captures[number]?.last(where: { $0 < time })
            else { continue }
            ages.append((time - capture).inMilliseconds)
        }
        guard ages.count > 10 else {
            throw ConsoleBenchmarkError.setup(
                "the page showed \(ages.count) pictures, expected many in figure.camera[data-camera=\"primary\"] "
                    + "canvas.live")
        }
        return DrawnPictures(
            ages: ages, perSecond: Double(ages.count) / max((phase.end - phase.start).inSeconds - 0.1, 0.1),
            browser: try browser.version())
    }

    /// The time at which the page's performance.now() is zero: of many questions the one that was answered soonest is
    /// the most exact, to half of its time.
    private static func clock(of browser: ConsoleBrowser) throws -> MonotonicTime {
        var best: (took: Duration, zero: MonotonicTime)?
        for _ in 0..<50 {
            let asked = MonotonicTime.now()
            let value = try browser.evaluate("performance.now()")?.double ?? 0
            let took = MonotonicTime.now() - asked
            if let best, best.took <= took { continue }
            best = (took, asked + took / 2 - .fromSeconds(value / 1_000))
        }
        return best?.zero ?? .zero
    }
}
