import ArgumentParser
import Glibc
import Images
import NodeShell
import Recording
import Replay
import Time

struct FramesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "frames",
        abstract: "Take the pictures out of an episode.",
        discussion: """
            As one sheet with the time above each picture and the goal beside it, or as PNG files.

              octo-replay frames EPISODE --sheet grasp.png                 about 24 pictures of each camera
              octo-replay frames EPISODE --camera wrist --every 5 --folder frames
              octo-replay frames EPISODE --observation --sheet seen.png    what went into the network

            Exit codes: 0, 1 the pictures cannot be written, 2 there are none.
            """)
    private static let wanted = 24
    /// A sheet of more would not fit into a PNG that anybody opens.
    private static let most = 400

    @Argument(help: EpisodeArgument.help)
    var episode: EpisodeArgument

    @Option(parsing: .singleValue, help: ArgumentHelp("Take only this camera. May be repeated.", valueName: "name"))
    var camera: [String] = []

    @Option(help: "Take every nth picture of each camera. Without it as many as fill a sheet, or all for --folder.")
    var every: Int?

    @Option(help: ArgumentHelp("Begin so long after the first message.", valueName: "seconds"))
    var from = 0.0

    @Option(help: ArgumentHelp("End so long after the first message.", valueName: "seconds"))
    var to: Double?

    @Option(help: ArgumentHelp("Put all on one picture.", valueName: "file.png"))
    var sheet: String?

    @Option(
        help: ArgumentHelp(
            "Write each as CAMERA-NUMBER.png to this folder, which is made if it is not there.", valueName: "folder"))
    var folder: String?

    @Flag(help: "Take the pictures of policy/observation: as the network saw them.")
    var observation = false

    func validate() throws {
        if (sheet == nil) == (folder == nil) { throw ValidationError("Give either --sheet FILE.png or --folder DIR.") }
        if let every, every < 1 { throw ValidationError("--every: found \(every), give 1 or more.") }
        guard from >= 0, from < 1e9, (to ?? from) >= from, (to ?? 0) < 1e9 else {
            throw ValidationError(
                "--from \(from)\(to.map { " --to \($0)" } ?? ""): give seconds from 0 on, in this order.")
        }
    }

    func run() throws {
        let file = try EpisodeFile(path: episode.path)
        var options = FrameStrip.Options(
            cameras: camera.isEmpty ? nil : Set(camera), every: 1, from: .fromSeconds(from),
            to: to.map { .fromSeconds($0) },
            showsObservations: observation)
        var strip = try FrameStrip(file, options)
        let cameras = max(
            1,
            camera.isEmpty
                ? file.reader.topics.count { $0.hasPrefix("camera/") && $0.hasSuffix("/image") } : camera.count)
        let perCamera = observation ? strip.expectedCount : strip.expectedCount / cameras
        options.every = every ?? (folder == nil ? max(1, (perCamera + Self.wanted - 1) / Self.wanted) : 1)
        strip = try FrameStrip(file, options)
        let total = strip.expectedCount / options.every * (observation ? cameras : 1)
        if sheet != nil, total > Self.most {
            throw FramesError.tooMany(total, most: Self.most)
        }
        let start = MonotonicTime.now()
        let progress = ProgressLine(total: total, of: "pictures", at: start)
        defer { progress.end() }
        if let sheet {
            try writeSheet(strip, to: sheet, progress)
        } else if let folder {
            try writeFiles(strip, to: folder, progress)
        }
    }

    private func writeSheet(_ strip: FrameStrip, to path: String, _ progress: ProgressLine) throws {
        guard let picture = try strip.sheet(progress: { progress.show($0, at: .now()) }) else {
            throw FramesError.noneInRange(episode.path)
        }
        try working { try picture.writePNG(to: path) }
        progress.end()
        print("\(path): \(picture.width)x\(picture.height)")
    }

    private func writeFiles(_ strip: FrameStrip, to folder: String, _ progress: ProgressLine) throws {
        guard mkdir(folder, 0o777) == 0 || errno == EEXIST else {
            throw WorkFailure(
                "making the folder \(folder): \(String(cString: strerror(errno))), expected one to write to. Give "
                    + "another.")
        }
        var count = 0
        try strip.visit { picture in
            let digits = String(picture.number)
            let number = String(repeating: "0", count: max(0, 6 - digits.count)) + digits
            try working { try picture.image.writePNG(to: "\(folder)/\(picture.camera)-\(number).png") }
            count += 1
            progress.show(count, at: .now())
        }
        guard count > 0 else { throw FramesError.noneInRange(episode.path) }
        progress.end()
        print("\(folder): \(count) pictures")
    }
}

enum FramesError: Error, CustomStringConvertible {
    case tooMany(Int, most: Int)
    case noneInRange(String)

    var description: String {
        switch self {
        case .tooMany(let count, let most):
            "making a sheet: it would have about \(count) pictures, expected at most \(most). Give a larger --every, "
                + "or --from and --to, or --folder."
        case .noneInRange(let path):
            "taking pictures out of \(path): found none between --from and --to, expected some. 'octo-replay info "
                + "\(path)' says how long it is."
        }
    }
}
