import Cameras
import Glibc
import Images
import Messages
import NodeShell
import Time

/// Shows pictures on a terminal, in a file that is replaced, or as text when the output goes elsewhere.
struct PictureScreen {
    private let file: String?
    private let period: Duration
    private var left: Int
    private var next = MonotonicTime.zero
    /// A terminal whose screen is ours until `end()`.
    private var isOpen = false
    private var hasTold = false
    private let isTerminal = isatty(STDOUT_FILENO) == 1

    init(file: String?, rate: Double, count: Int?) {
        self.file = file
        period = .fromSeconds(1 / rate)
        left = count ?? .max
    }

    var isDone: Bool { left <= 0 }

    /// Shows a frame, if it is time for one.
    /// - Throws: `ImageError`, `FileError`.
    mutating func show(_ frame: CameraFrame) throws {
        let now = MonotonicTime.now()
        guard !isDone, now >= next else { return }
        let image: RGBImage
        switch frame.pixels {
        case .rgb8(let pixels): image = pixels
        case .jpeg(let bytes, _, _): image = try RGBImage(decoding: bytes, source: "camera '\(frame.camera)'")
        }
        (next, left) = (now + period, left - 1)
        let line = Self.line(frame, image, at: now)
        if let file {
            try image.writePNG(to: file)
            if !hasTold { note("writing \(frame.width)x\(frame.height) to \(file), until Ctrl-C: \(line)") }
            hasTold = true
            return
        }
        guard isTerminal else {
            return Terminal.say((image.terminalLines(columns: 80, lines: 24) + [line]).joined(separator: "\n"))
        }
        let (columns, lines) = Terminal.size
        // An own screen without a cursor, so that what was there comes back afterwards.
        var text = isOpen ? "" : "\u{1B}[?1049h\u{1B}[?25l"
        isOpen = true
        text += "\u{1B}[H"
        for part in image.terminalLines(columns: columns, lines: max(1, lines - 1)) { text += part + "\u{1B}[K\r\n" }
        text += String(line.prefix(columns)) + "\u{1B}[K\u{1B}[J"
        Terminal.say(text, end: "")
    }

    /// Tells something below the picture.
    mutating func tell(_ text: String) {
        if isOpen { Terminal.say("\r\u{1B}[K" + text, end: "") } else { note(text) }
    }

    /// Gives the terminal back.
    mutating func end() {
        if isOpen { Terminal.say("\u{1B}[?25h\u{1B}[?1049l", end: "") }
        isOpen = false
    }

    private static func line(_ frame: CameraFrame, _ image: RGBImage, at now: MonotonicTime) -> String {
        let settings = frame.settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
        let exposure = ExposureShare(image)
        return [
            "\(frame.camera) #\(frame.sequence)", "\(frame.width)x\(frame.height)",
            "\(Int((now - frame.captureTime).inMilliseconds)) ms old",
            "brightness \(Int(exposure.brightness.rounded()))",
            settings.isEmpty ? nil : settings,
        ].compactMap(\.self).joined(separator: ", ")
    }
}
