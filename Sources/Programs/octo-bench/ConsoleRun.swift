import Bus
import Files
import Foundation
import JSONTree
import Manifests
import Messages
import NodeShell
import Time
import Wire

enum ConsoleBenchmarkError: Error, CustomStringConvertible {
    case setup(String)
    case ended(program: String, log: String)
    case silent(String, log: String)

    var description: String {
        switch self {
        case .setup(let what): "preparing the console's benchmark: \(what)."
        case .ended(let program, let log):
            "measuring the console: \(program) ended, expected it to run on. It said:\n\(log)"
        case .silent(let what, let log):
            "measuring the console: \(what) within a minute, expected it. The run said:\n\(log)"
        }
    }
}

/// What was measured of the run for some seconds.
struct ConsolePhase {
    /// When it began to count.
    var start = MonotonicTime.zero
    var end = MonotonicTime.zero
    /// CPU time of octo-console, all its threads, seconds.
    var processorSeconds = 0.0
    /// Time from the newest picture's capture to the chunk, milliseconds.
    var frameToChunk: [Double] = []
    var jitter = LatencyHistogram()
    var ticks: Int64 = 0
    var overruns: Int64 = 0
    /// Age of the cameras' pictures when they came here over the bus, milliseconds.
    var overBus: [Double] = []
    /// Time at which the primary camera took each picture, by the number that the picture carries.
    var captures: [Int: [MonotonicTime]] = [:]
    /// Age of the pictures when they had come to a viewer, milliseconds, of all viewers together.
    var atViewers: [Double] = []
    var droppedPictures = 0

    var seconds: Double { (end - start).inSeconds }
}

/// A robot in processes of its own, with a console, and this process as one who listens to its bus.
final class ConsoleRun {
    private static let patience = Duration.seconds(60)
    /// How long a phase lasts before it counts: the loop reports on the second that has passed.
    private static let settling = Duration.milliseconds(1_500)

    /// A folder of this run's alone.
    let folder: String
    /// Port of the console on this machine.
    private(set) var port: UInt16 = 0
    /// Bytes of a picture.
    let pictureBytes: Int
    private let launcher: pid_t
    private let bus: BusNode
    private let frames: [Subscription<CameraFrame>]
    private let chunks: Subscription<ActionChunk>
    private let loops: Subscription<LoopReport>
    private let statuses: Subscription<NodeStatus>
    private var console: pid_t = 0

    init() throws {
        var template = Array("/tmp/octo-bench-XXXXXX".utf8CString)
        guard let folder = mkdtemp(&template).map({ String(cString: $0) }) else {
            throw ConsoleBenchmarkError.setup("no folder could be made in /tmp: \(SystemError(errno))")
        }
        self.folder = folder
        do {
            pictureBytes = try ConsolePictures.write(into: folder + "/pictures")
            let manifest = folder + "/bench-console.json"
            try FileSystem.replace(
                manifest, with: ConsolePictures.manifest(pictures: folder + "/pictures").text(indented: true))
            launcher = try BenchChild.start(
                BenchChild.ours("octo-launch"), [manifest, "--run-folder", folder + "/run", "--quiet"],
                log: folder + "/log", endsWith: SIGTERM)
        } catch {
            BenchChild.removeFolder(folder)
            throw error
        }
        do {
            let run = try Self.description(in: folder, launcher: launcher)
            bus = try BusNode(
                BusOptions(
                    node: "octo-bench", runID: run.runID, endpoint: nil, peers: run.endpoints.values.sorted(),
                    security: run.busSecurity))
            frames = try ConsolePictures.cameras.map { [bus] in
                try bus.subscribe(Topic<CameraFrame>(Topics.cameraImage($0).name, .every(capacity: 256)))
            }
            chunks = try bus.subscribe(Topics.policyChunk)
            loops = try bus.subscribe(Topics.armLoop)
            statuses = try bus.subscribe(Topics.nodeStatus("console"))
        } catch {
            BenchChild.end(launcher, with: SIGINT)
            BenchChild.removeFolder(folder)
            throw error
        }
    }

    /// Ends the run, and waits for that.
    func end() {
        bus.close()
        BenchChild.end(launcher, with: SIGINT)
        BenchChild.removeFolder(folder)
    }

    private static func log(_ folder: String) -> String {
        let path = folder + "/log"
        do {
            let lines = String(decoding: try FileSystem.read(path), as: UTF8.self).split(separator: "\n")
            return lines.suffix(12).map { "  \($0)" }.joined(separator: "\n")
        } catch {
            return "  \(error)"
        }
    }

    private static func description(in folder: String, launcher: pid_t) throws -> RunDescription {
        let limit = MonotonicTime.now() + patience
        while MonotonicTime.now() < limit {
            guard !BenchChild.hasEnded(launcher) else {
                throw ConsoleBenchmarkError.ended(program: "octo-launch", log: log(folder))
            }
            do {
                return try RunDescription.load(folder: folder + "/run")
            } catch {
                guard case .noRun = error else { throw error }
                usleep(50_000)
            }
        }
        throw ConsoleBenchmarkError.silent("there was no run.json", log: log(folder))
    }

    /// Waits until the console has said where it is, and the arm executes what the policy says.
    func waitUntilReady() throws {
        let limit = MonotonicTime.now() + Self.patience
        var (hasChunk, hasLoop) = (false, false)
        while console == 0 || port == 0 || !hasChunk || !hasLoop {
            guard !BenchChild.hasEnded(launcher) else {
                throw ConsoleBenchmarkError.ended(program: "octo-launch", log: Self.log(folder))
            }
            guard MonotonicTime.now() < limit else {
                let missing =
                    console == 0
                    ? "octo-console did not say how it is"
                    : port == 0 ? "octo-console did not write its address" : "there was no chunk, or no arm"
                throw ConsoleBenchmarkError.silent(missing, log: Self.log(folder))
            }
            try bus.wait(until: .now() + .milliseconds(100))
            while let status = statuses.take() { console = status.message.processID }
            while chunks.take() != nil { hasChunk = true }
            while loops.take() != nil { hasLoop = true }
            for subscription in frames { while subscription.take() != nil {} }
            if port == 0 { port = try Self.readPort(folder + "/run/console.address") ?? 0 }
        }
    }

    /// The port in "http://127.0.0.1:8080/"; nil while the file is not there.
    private static func readPort(_ path: String) throws -> UInt16? {
        let text: String
        do {
            text = String(decoding: try FileSystem.read(path), as: UTF8.self)
        } catch {
            guard case .missing = error else { throw error }
            return nil
        }
        let address = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let port = URL(string: address)?.port.flatMap({ UInt16(exactly: $0) }) else {
            throw WebSocketError.address(address)
        }
        return port
    }

    /// Listens for some seconds, after some that do not count.
    /// - Parameter viewers: they are read meanwhile, and what they see is counted.
    func measure(seconds: Double, viewers: [ConsoleViewer] = []) throws -> ConsolePhase {
        var phase = ConsolePhase()
        let begin = MonotonicTime.now() + Self.settling
        let end = begin + .fromSeconds(seconds)
        var started: MonotonicTime?
        let descriptors = viewers.map(\.descriptor)
        while true {
            try bus.wait(until: started == nil ? begin : end, alsoOn: descriptors)
            for viewer in viewers { try viewer.receive() }
            take(into: &phase, counts: started != nil)
            let now = MonotonicTime.now()
            if let started, now >= end {
                (phase.start, phase.end) = (started, now)
                phase.processorSeconds += try ProcessTimes.processorSeconds(of: console)
                break
            }
            if started == nil, now >= begin {
                started = now
                phase.processorSeconds = -(try ProcessTimes.processorSeconds(of: console))
                for viewer in viewers { viewer.counts = true }
            }
        }
        for viewer in viewers {
            viewer.counts = false
            phase.atViewers += viewer.ages
            phase.droppedPictures += viewer.dropped
        }
        return phase
    }

    private func take(into phase: inout ConsolePhase, counts: Bool) {
        for (camera, subscription) in frames.enumerated() {
            while let frame = subscription.take() {
                let capture = frame.message.captureTime
                // Also those before: they may be seen later.
                if camera == 0 {
                    let number = Int(frame.message.sequence % UInt64(ConsolePictures.count))
                    phase.captures[number, default: []].append(capture)
                }
                if counts { phase.overBus.append((frame.receivedTime - capture).inMilliseconds) }
            }
        }
        while let chunk = chunks.take() {
            guard counts else { continue }
            phase.frameToChunk.append((chunk.message.inferredTime - chunk.message.captureTime).inMilliseconds)
        }
        while let report = loops.take() {
            guard counts else { continue }
            for bucket in report.message.jitter { phase.jitter.add(bucket) }
            phase.ticks += report.message.ticks
            phase.overruns += report.message.overruns
        }
        while statuses.take() != nil {}
    }
}
