import CShims
import Cameras
import Glibc
import Images
import Messages
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
            if !hasTold {
                Self.put("writing \(frame.width)x\(frame.height) to \(file), until Ctrl-C: \(line)\n", STDERR_FILENO)
            }
            hasTold = true
            return
        }
        guard isTerminal else {
            return Self.put(
                (image.terminalLines(columns: 80, lines: 24) + [line]).joined(separator: "\n") + "\n", STDOUT_FILENO)
        }
        var (columns, lines) = (Int32(80), Int32(24))
        _ = octo_terminal_size(STDOUT_FILENO, &columns, &lines)
        // A serial line does not know.
        if columns < 1 || lines < 2 { (columns, lines) = (80, 24) }
        // An own screen without a cursor, so that what was there comes back afterwards.
        var text = isOpen ? "" : "\u{1B}[?1049h\u{1B}[?25l"
        isOpen = true
        text += "\u{1B}[H"
        for part in image.terminalLines(columns: Int(columns), lines: Int(lines) - 1) { text += part + "\u{1B}[K\r\n" }
        text += String(line.prefix(Int(columns))) + "\u{1B}[K\u{1B}[J"
        Self.put(text, STDOUT_FILENO)
    }

    /// Tells something below the picture.
    mutating func tell(_ text: String) {
        if isOpen { Self.put("\r\u{1B}[K" + text, STDOUT_FILENO) } else { Self.put(text + "\n", STDERR_FILENO) }
    }

    /// Gives the terminal back.
    mutating func end() {
        if isOpen { Self.put("\u{1B}[?25h\u{1B}[?1049l", STDOUT_FILENO) }
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

    /// A terminal takes a picture in parts. write(2).
    private static func put(_ text: String, _ descriptor: Int32) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            sent += count
        }
    }
}
