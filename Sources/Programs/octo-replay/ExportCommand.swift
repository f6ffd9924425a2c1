import ArgumentParser
import CShims
import Control
import Datasets
import Files
import Foundation
import Images
import JSONTree
import Manifests
import NodeShell
import Recording
import Time

/// Size of a picture on the command line, pixels: 256x256.
struct PictureSize: ExpressibleByArgument {
    let width: Int
    let height: Int

    init?(argument: String) {
        let parts = argument.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let width = parts[0], let height = parts[1], (1...8192).contains(width),
            (1...8192).contains(height)
        else { return nil }
        self.width = width
        self.height = height
    }
}

extension ExportedEpisode.Outcome: ExpressibleByArgument {}
extension LeRobotDataset.Space: ExpressibleByArgument {}

/// Options that say which episodes, and how their timesteps are taken out.
struct SamplingOptions: ParsableArguments {
    @Argument(help: "Files of episodes, or folders with such; 'last' is the newest below episodes.")
    var episodes: [EpisodeArgument]

    @Option(help: "Take so many timesteps a second; by default the policy's rate.")
    var rate: Double?

    @Option(help: ArgumentHelp("Take only these cameras, with commas between.", valueName: "names"))
    var cameras: String?

    @Option(
        help: ArgumentHelp(
            "Scale all pictures to this size in pixels, such as 256x256; by default keep the camera's.",
            valueName: "size"))
    var size: PictureSize?

    @Option(help: ArgumentHelp("Give this as what was to be done; by default the goal's text.", valueName: "text"))
    var instruction: String?

    @Option(help: "Take only episodes that ended so: success, failure or open (nobody has said).")
    var outcome: ExportedEpisode.Outcome?

    @Flag(help: "Take discarded episodes, too.")
    var includeDiscarded = false

    @Flag(help: "Keep timesteps whose picture is old.")
    var allowGaps = false

    @Flag(help: "Leave out episodes that cannot be used, and say why, instead of ending at the first.")
    var skipUnusable = false

    init() {}

    func validate() throws {
        if episodes.isEmpty { throw ValidationError("name at least one episode.") }
        if let rate, !(0.1...240).contains(rate) {
            throw ValidationError("--rate is \(rate): give 0.1...240 a second.")
        }
    }

    /// The files, folders read through, each once.
    func paths() throws -> [String] {
        var paths: [String] = []
        for given in episodes.map(\.path) {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: given, isDirectory: &isFolder), isFolder.boolValue else {
                paths.append(given)
                continue
            }
            let given = given.count > 1 && given.hasSuffix("/") ? String(given.dropLast()) : given
            let names = try FileManager.default.subpathsOfDirectory(atPath: given).filter { $0.hasSuffix(".mcap") }
                .sorted()
            if names.isEmpty { throw ValidationError("\(given): there is no .mcap file in this folder.") }
            paths += names.map { "\(given)/\($0)" }
        }
        var known: Set<String> = []
        return paths.filter {
            known.insert(URL(fileURLWithPath: $0).resolvingSymlinksInPath().standardizedFileURL.path).inserted
        }
    }

    /// Reads the episodes one after the other.
    /// - Parameter take: told each one that is not left out.
    func sampled(_ report: inout ExportReport, take: (ExportedEpisode) throws -> Void) throws {
        let paths = try paths()
        let repeated = EpisodeIdentity.worseCopies(among: paths)
        let progress = ProgressLine(total: paths.count, of: "episodes", at: .now())
        defer { progress.end() }
        var form: DatasetForm?
        for (index, path) in paths.enumerated() {
            if let why = repeated[path] {
                report.skip(path, because: why)
            } else {
                let episode: ExportedEpisode?
                do {
                    episode = try sample(path, &report)
                    if let episode {
                        try form?.check(episode)
                        if form == nil { form = try DatasetForm(of: episode) }
                    }
                } catch let error where skipUnusable {
                    report.skip(path, because: "it cannot be used: \(error)")
                    continue
                }
                if let episode {
                    try take(episode)
                    report.add(episode)
                }
            }
            progress.show(index + 1, at: .now())
            // What is kept of each episode is little, and lies between the large pieces that were freed: without this
            // the heap only grows.
            if index % 8 == 7 { octo_memory_trim() }
        }
    }

    /// Samples an episode, unless the options leave it out.
    /// - Returns: nil for an episode that is left out.
    private func sample(_ path: String, _ report: inout ExportReport) throws -> ExportedEpisode? {
        let file = try EpisodeFile(path: path)
        let setup = try EpisodeSetup(file)
        let sampler = EpisodeSampler(
            file, calibration: try setup.calibration(of: file), policyRate: setup.manifest.policy.rate,
            options: .init(
                rate: rate.map { Rate(hertz: $0) },
                cameras: cameras.map { $0.split(separator: ",").map(String.init) } ?? [],
                size: size.map { ($0.width, $0.height) }, instruction: instruction, allowsGaps: allowGaps,
                maximumAge: setup.manifest.policy.maximumFrameAge))
        let found = try sampler.outcome()
        if found == .discarded && !includeDiscarded {
            report.skip(path, because: "it was discarded (--include-discarded takes it)")
            return nil
        }
        if let outcome, found != outcome {
            report.skip(path, because: "its outcome is \(found.rawValue)")
            return nil
        }
        return try sampler.sample()
    }
}

/// Exports episodes as a dataset for training.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write episodes as a dataset: RLDS as Octo's data loader reads it, or a LeRobotDataset.",
        discussion: """
            Timesteps are the policy's (or --rate a second); each has the newest frame of every camera that is not \
            newer, the measured state and the commanded action in Bridge's conventions (metres, radians, gripper 1 \
            open). What did not fit into them stands in resampling.json beside the data: frames that were dropped or \
            repeated, and how old a timestep's picture is at most.

              octo-replay export episodes/2026-01-31T12-00-00-robot --rlds data --size 256x256
              tfds.builder("octo_episodes", data_dir="data")
              octo-replay export cup-*.mcap --lerobot cup-dataset --instruction "pick up the cup"

            All episodes of a dataset have one rate, one arm, the same cameras and sizes: what differs is refused by \
            name. An episode that is named twice, or was recovered beside its cut file, is taken once, from the better \
            file. Angles that wrap at 180° are carried on, so that differences of states are motions. --outcome \
            success takes the successful ones alone; what is left out, and why, is told at the end.

            Exit codes: 0 written, 1 nothing was left to write or it could not be written, 2 the input cannot be used.
            """)

    @OptionGroup var sampling: SamplingOptions

    @Option(help: ArgumentHelp("Write the dataset DIR/NAME/1.0.0 in RLDS form.", valueName: "dir"))
    var rlds: String?

    @Option(help: ArgumentHelp("Write a LeRobotDataset v3.0 into this folder.", valueName: "dir"))
    var lerobot: String?

    @Option(
        help: ArgumentHelp(
            "With --lerobot: write actions as 'eef' (Bridge's conventions, which Octo is trained on) or 'joints' "
                + "(measured and commanded joint positions in degrees, gripper 0 to 100, as LeRobot's own policies "
                + "take them).",
            valueName: "space"))
    var actions = LeRobotDataset.Space.eef

    @Flag(
        help: """
            With --lerobot: keep pictures in movies (MP4 of the JPEG files as they are), as LeRobot's own datasets do.
            """)
    var video = false

    @Option(help: "Give the RLDS dataset this name.")
    var name = "octo_episodes"

    @Option(help: "Name the robot so in LeRobot's info.json; by default as the first episode's manifest does.")
    var robotType: String?

    @Flag(help: "Overwrite an RLDS dataset of that name.")
    var overwrite = false

    @OptionGroup var json: JSONFlag

    func validate() throws {
        if (rlds == nil) == (lerobot == nil) { throw ValidationError("give --rlds DIR or --lerobot DIR, one of them.") }
        if lerobot == nil, video {
            throw ValidationError("--video: give --lerobot with it; RLDS datasets have single pictures.")
        }
        if lerobot == nil, actions != .eef {
            throw ValidationError(
                "--actions \(actions.rawValue): give --lerobot with it; RLDS datasets have Bridge's conventions.")
        }
    }

    func run() throws {
        var report = ExportReport()
        let folder =
            try rlds.map { rlds in
                try working(where: RLDSError.isOfOutput) { try writeRLDS(into: rlds, &report) }
            } ?? writeLeRobot(into: lerobot ?? "", &report)
        guard let folder else {
            print(json.isWanted ? report.json.text(indented: true) : report.text)
            throw WorkFailure("no episode is left: nothing was written.")
        }
        if rlds != nil { try Self.write(report, into: folder) }
        print(
            json.isWanted
                ? report.json.text(indented: true)
                : report.text + "\n\(folder): \(report.count) episodes, \(report.timesteps) timesteps")
    }

    private static func write(_ report: ExportReport, into folder: String) throws {
        try working {
            try FileSystem.replace("\(folder)/resampling.json", with: report.json.text(indented: true) + "\n")
        }
    }

    // MARK: RLDS

    /// Keys of the cameras' pictures: `image_0` is the primary camera, the others follow by name.
    private static func keys(_ cameras: [String]) -> [String: String] {
        let sorted = cameras.sorted { ($0 == "primary" ? 0 : 1, $0) < ($1 == "primary" ? 0 : 1, $1) }
        return Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($0.element, "image_\($0.offset)") })
    }

    private func writeRLDS(into folder: String, _ report: inout ExportReport) throws -> String? {
        var writer: RLDSDatasetWriter?
        var keys: [String: String] = [:]
        var count: Int32 = 0
        do {
            try sampling.sampled(&report) { episode in
                if writer == nil {
                    keys = Self.keys(episode.timesteps.first.map { Array($0.pictures.keys) } ?? [])
                    let sizes = try DatasetForm(of: episode).pictures
                    writer = try RLDSDatasetWriter(
                        creating: name, in: folder,
                        features: RLDSFeatures(
                            pictures: sizes.map {
                                .init(keys[$0.camera] ?? $0.camera, width: $0.width, height: $0.height)
                            },
                            hasTimestamps: true), overwriting: overwrite)
                }
                try writer?.append(Self.rlds(episode, keys: keys, id: count))
                count += 1
            }
        } catch {
            writer?.giveUp()
            throw error
        }
        try writer?.finish()
        return writer?.folder
    }

    private static func rlds(_ episode: ExportedEpisode, keys: [String: String], id: Int32) -> RLDSEpisode {
        RLDSEpisode(
            recorded: episode.timesteps.map { timestep in
                RLDSEpisode.Step(
                    action: timestep.action, state: timestep.state,
                    pictures: Dictionary(
                        uniqueKeysWithValues: timestep.pictures.map { (keys[$0.key] ?? $0.key, $0.value) }),
                    languageInstruction: episode.instruction, timestampNanoseconds: timestep.time.nanoseconds)
            },
            metadata: .init(
                filePath: episode.path, episodeID: id, success: episode.outcome == .success,
                seed: Int64(truncatingIfNeeded: episode.seed)))
    }

    // MARK: LeRobot

    private func writeLeRobot(into given: String, _ report: inout ExportReport) throws -> String? {
        let folder = given.count > 1 && given.hasSuffix("/") ? String(given.dropLast()) : given
        guard !FileManager.default.fileExists(atPath: folder) else {
            throw ValidationError(
                "--lerobot \(folder): it is there already, expected a folder to be made. Name another, or remove it.")
        }
        let robot =
            try robotType ?? sampling.paths().first.map { try EpisodeSetup(EpisodeFile(path: $0)).manifest.name }
            ?? "robot"
        // Whole or not at all.
        let unfinished = folder + ".unfinished"
        do {
            if FileManager.default.fileExists(atPath: unfinished) {
                try FileManager.default.removeItem(atPath: unfinished)
            }
            var dataset: LeRobotDataset?
            let files = GrowingFiles(in: unfinished)
            try sampling.sampled(&report) { episode in
                if dataset == nil {
                    dataset = try LeRobotDataset(
                        robotType: robot, like: episode, space: actions, pictures: video ? .video : .images,
                        write: files.append)
                }
                try dataset?.append(episode)
            }
            guard let dataset else { return nil }
            try dataset.finish()
            try files.close()
            try Self.write(report, into: unfinished)
            try FileManager.default.moveItem(atPath: unfinished, toPath: folder)
        } catch let error as CocoaError {
            throw WorkFailure(
                "writing \(folder): \(error.reason), expected a place where a folder can be made. Name another, or "
                    + "make room.")
        }
        try working {
            let parent = FileSystem.folder(of: FileSystem.absolute(folder, from: FileSystem.workingFolder))
            try FileSystem.sync(folder: parent)
        }
        return folder
    }
}
