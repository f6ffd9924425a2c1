import ArgumentParser
import Files
import Foundation
import Glibc
import Images
import MCAPFiles
import Time

struct RecordingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recording",
        abstract: "Measure MB/s into MCAP files and out of them, beside the same bytes by write(2).")

    @Option(help: "Record so many seconds of a robot's messages; 3.6 MB each.")
    var seconds = 30

    func run() throws {
        let folder = NSTemporaryDirectory() + "/octo-bench-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { _ = try? FileManager.default.removeItem(atPath: folder) }
        print("Recording")
        print(try RecordingFigures.measure(seconds: seconds, in: folder).report(seconds: seconds))
        print(try FramePackingFigures.measure().report)
    }
}

/// Time that a recorder needs to pack an uncompressed frame without loss, in turns with libpng.
struct FramePackingFigures {
    private static let size = (width: 640, height: 480)
    private static let frames = 40

    let packed: (times: [Duration], bytes: Int)
    let libpng: (times: [Duration], bytes: Int)

    static func measure() throws -> FramePackingFigures {
        let frame = noisy()
        func time(_ encode: () throws -> SharedBytes) rethrows -> (Duration, Int) {
            let start = MonotonicTime.now()
            let bytes = try encode().count
            return (.now() - start, bytes)
        }
        var (packed, libpng): ([(Duration, Int)], [(Duration, Int)]) = ([], [])
        for _ in 0..<frames {
            packed.append(time { frame.packedPNGData() })
            libpng.append(try time { try frame.pngData() })
        }
        return FramePackingFigures(
            packed: (packed.map(\.0).sorted(), packed[0].1), libpng: (libpng.map(\.0).sorted(), libpng[0].1))
    }

    /// A camera's picture as far as its bytes go: smooth, with noise of two levels, the same on every machine.
    private static func noisy() -> RGBImage {
        var state: UInt64 = 1
        let pixels = (0..<size.width * size.height * 3).map { place in
            var sum = 0
            for _ in 0..<4 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                sum += Int(state >> 62)
            }
            let (x, y) = (place / 3 % size.width, place / 3 / size.width)
            return UInt8(truncatingIfNeeded: 40 + x / 5 + y / 8 + sum)
        }
        return RGBImage(width: size.width, height: size.height, pixels: SharedBytes(copying: pixels))
    }

    var report: String {
        func row(_ name: String, _ figures: (times: [Duration], bytes: Int)) -> String {
            let (median, tail) = (figures.times[figures.times.count / 2], figures.times[figures.times.count * 99 / 100])
            let raw = Double(Self.size.width * Self.size.height * 3)
            return "  " + name.padding(toLength: 22, withPad: " ", startingAt: 0)
                + String(
                    format: "%7.2f ms median, %.2f p99; %.2f of the bytes; %.2f of libpng's time",
                    median.inMilliseconds,
                    tail.inMilliseconds, Double(figures.bytes) / raw, median / libpng.times[libpng.times.count / 2])
        }
        return
            (["  a frame of \(Self.size.width)x\(Self.size.height) with noise, packed without loss"]
            + [row("packed", packed), row("libpng", libpng)]).joined(separator: "\n")
    }
}

/// Recording throughput and cost, beside the same bytes by plain write(2) in the same run.
struct RecordingFigures {
    let megabytes: Double
    let plainWrite: Duration
    /// Rows by compression: time until the file is closed, the processor's time for it, and that of reading it again.
    let rows: [(name: String, write: Duration, processor: Duration, read: Duration, fileBytes: UInt64)]

    /// Records so many seconds of two JPEG cameras at 30 Hz and a robot's other topics, as fast as it goes.
    /// - Parameter seconds: recorded time, seconds; 60 s are about 220 MB.
    static func measure(seconds: Int, in folder: String) throws -> RecordingFigures {
        let messages = made(seconds: seconds)
        let bytes = messages.reduce(0) { $0 + $1.data.count }
        let plain = try plainWrite(messages, to: folder + "/plain")
        var rows: [(String, Duration, Duration, Duration, UInt64)] = []
        for compression in [MCAP.Compression.none, .lz4, .zstd(level: 1)] {
            let path = folder + "/\(compression.name.isEmpty ? "none" : compression.name).mcap"
            let processorStart = processorTime()
            let start = MonotonicTime.now()
            let writer = try MCAPFileWriter(
                creating: path,
                options: .init(format: .init(compression: compression), queueBytes: 1 << 30, syncs: false))
            for channel in 1...3 {
                writer.define(
                    MCAP.Channel(id: UInt16(channel), schemaID: 0, topic: "topic/\(channel)", messageEncoding: "x"))
            }
            for message in messages { writer.append(message) }
            let status = writer.close()
            let wrote = MonotonicTime.now() - start
            let processor = processorTime() - processorStart
            if let problem = status.problem { throw problem }
            let readStart = MonotonicTime.now()
            var cursor = try MCAPReader(MCAPFile(path: path)).messages()
            var found = 0
            while try cursor.next() != nil { found += 1 }
            precondition(found == messages.count, "the recording has \(found) messages of \(messages.count)")
            rows.append(
                (
                    compression.name.isEmpty ? "none" : compression.name, wrote, processor, .now() - readStart,
                    status.writtenBytes
                ))
        }
        return RecordingFigures(
            megabytes: Double(bytes) * 1e-6, plainWrite: plain,
            rows: rows.map { (name: $0.0, write: $0.1, processor: $0.2, read: $0.3, fileBytes: $0.4) })
    }

    private static func made(seconds: Int) -> [MCAP.Message] {
        var state: UInt64 = 1
        var messages: [MCAP.Message] = []
        for tick in 0..<30 * seconds {
            let time = UInt64(tick) * 33_333_333
            for camera in 1...2 {
                // Compressed pictures look like noise.
                let picture = [UInt8](unsafeUninitializedCapacity: 60_000) { buffer, count in
                    for index in 0..<60_000 {
                        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                        buffer[index] = UInt8(truncatingIfNeeded: state >> 56)
                    }
                    count = 60_000
                }
                messages.append(
                    .init(
                        channelID: UInt16(camera), sequence: UInt32(tick), logTime: time, publishTime: time,
                        data: picture))
            }
            for step in 0..<4 {
                let small = (0..<300).map { UInt8(truncatingIfNeeded: $0 / 8 + tick) }
                messages.append(
                    .init(
                        channelID: 3, sequence: UInt32(4 * tick + step), logTime: time + UInt64(step),
                        publishTime: time, data: small))
            }
        }
        return messages
    }

    private static func plainWrite(_ messages: [MCAP.Message], to path: String) throws -> Duration {
        let start = MonotonicTime.now()
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw MCAPError.file(path: path, step: "creating", errno: errno) }
        defer { close(file) }
        for message in messages {
            guard message.data.withUnsafeBytes({ write(file, $0.baseAddress, $0.count) }) == message.data.count else {
                throw MCAPError.file(path: path, step: "writing", errno: errno)
            }
        }
        return .now() - start
    }

    private static func processorTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// The figures as lines for people.
    /// - Parameter seconds: recorded time that was measured, seconds.
    func report(seconds: Int) -> String {
        func row(_ name: String, _ write: Duration, _ rest: String) -> String {
            "  " + name.padding(toLength: 22, withPad: " ", startingAt: 0)
                + String(
                    format: "%7.0f MB/s written, %.2f of write(2)", megabytes / write.inSeconds, plainWrite / write)
                + rest
        }
        return
            ([
                "  \(Int(megabytes)) MB: two JPEG cameras at 30 Hz and 120 small messages a second, \(seconds) s of "
                    + "them",
                row("plain write(2)", plainWrite, ""),
            ]
            + rows.map {
                row(
                    "recorded, \($0.name)", $0.write,
                    String(
                        format: "; %.0f MB/s read; %.2f %% of a core in real time; file %.0f MB",
                        megabytes / $0.read.inSeconds,
                        100 * $0.processor.inSeconds / Double(seconds), Double($0.fileBytes) * 1e-6))
            }).joined(separator: "\n")
    }
}
