import ArgumentParser
import Foundation
import Goals
import Images
import Messages
import NodeShell
import Recording
import Time

/// The option for the numbers of a task that an image encoder with FiLM layers reads.
struct TaskNumberOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Keep numbers of the task for a checkpoint that reads them (FiLM), in place of policy.task_numbers. May "
                + "be repeated.",
            valueName: "key=1,2,3"))
    var numbers: [String] = []

    init() {}

    /// The numbers of all options, by key.
    /// - Throws: `ValidationError` for what is no list of finite numbers, and for a key that comes twice.
    var byKey: [String: [Float]] {
        get throws {
            var found: [String: [Float]] = [:]
            for text in numbers {
                let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let values =
                    parts.count == 2
                    ? parts[1].split(separator: ",", omittingEmptySubsequences: false).map { Float($0) } : []
                guard let key = parts.first.map(String.init), !key.isEmpty, !values.isEmpty,
                    case let all = values.compactMap(\.self), all.count == values.count, all.allSatisfy(\.isFinite)
                else {
                    throw ValidationError(
                        "--numbers: found '\(text)', expected a name and numbers, such as speed=0.5,-1.")
                }
                guard found.updateValue(all, forKey: key) == nil else {
                    throw ValidationError("--numbers: '\(key)' is there twice.")
                }
            }
            return found
        }
    }

    func validate() throws { _ = try byKey }
}

/// Options that the two ways of importing share.
struct ImportOptions: ParsableArguments {
    @Option(help: "Keep this sentence with the pictures.")
    var text: String?

    @Flag(help: "Overwrite a goal of that name.")
    var replace = false

    @OptionGroup var numbers: TaskNumberOptions
    @OptionGroup var choice: LibraryChoice

    init() {}

    func save(
        _ views: [GoalRecord.View], text words: String?, name: String, origin: GoalRecord.Origin, taken: WallTime
    ) throws {
        let record = GoalRecord(
            name: name, recorded: taken, origin: origin, text: text ?? words, taskNumbers: try numbers.byKey,
            views: views)
        let library = try choice.open()
        let path = try working(where: GoalLibraryError.isOfDisk) { try library.save(record, replaces: replace) }
        print("\(record.line(at: .now()))\n  in \(path)")
    }
}

struct FromEpisodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "from-episode",
        abstract: "Make a goal of a moment of a recorded episode: what was reached then is asked for again.",
        discussion: """
            EPISODE is a recording of octo-record, or a folder of pictures, such as Bridge's; FRAME counts from 0, \
            negative ones from the end, and is the last if left out. Of a recording it counts the primary camera's \
            frames, and other cameras give their newest that is not newer:

              octo-goal from-episode episodes/2026-01-31T12-00-00-robot/cup.mcap cup-in-tray

              octo-goal from-episode runs/e17:42 drawer-open
              octo-goal from-episode runs/e17 done --pictures 'primary=image_0_*.png' --pictures 'wrist=image_1_*.png'

            Such a goal fits only a scene in which nothing has moved since. Exit codes: 0 done, 1 the goal cannot be \
            written, 2 it cannot be.
            """)

    @Argument(help: ArgumentHelp("The episode's folder, and the frame.", valueName: "episode[:frame]"))
    var episode: String

    @Argument(help: "Name that the goal gets.")
    var name: String

    @Option(
        help: ArgumentHelp(
            "Take these files as a camera's frames. May be repeated. Without it, image_0_* are the primary camera's.",
            valueName: "camera=pattern"))
    var pictures: [String] = []

    @OptionGroup var options: ImportOptions

    func run() throws {
        let (folder, frame) = split
        if folder.hasSuffix(".mcap") { return try saveMoment(of: folder, frame) }
        let source = GoalSource(
            views: .episode(.init(folder: folder, views: try patterns(in: folder), frame: frame)),
            text: FileManager.default.fileExists(atPath: folder + "/" + EpisodeDescription.fileName)
                ? .ofEpisode : .none)
        let goal = try Self.goal(of: source)
        var taken = frame
        if case .episode(_, let index) = goal.origin { taken = index }
        try options.save(
            goal.views.map { .init(camera: $0.camera, image: $0.image) }, text: goal.text, name: name,
            origin: .episode(path: folder, frame: taken), taken: .modification(of: folder))
    }

    /// The goal with its sentence where the episode has one.
    private static func goal(of source: GoalSource) throws(GoalError) -> Goal {
        do throws(GoalError) {
            return try Goal(loading: source)
        } catch {
            guard case .noInstruction = error else { throw error }
            return try Goal(loading: GoalSource(views: source.views))
        }
    }

    private func saveMoment(of path: String, _ frame: Int) throws {
        guard pictures.isEmpty else {
            throw ValidationError("--pictures is for folders of pictures; a recording knows its cameras.")
        }
        let moment = try RecordedMoment(EpisodeFile(path: path), frame: frame)
        try options.save(
            moment.frames.map { try GoalRecord.View($0) }, text: nil, name: name,
            origin: .episode(path: path, frame: moment.index), taken: .modification(of: path))
    }

    private var split: (String, Int) {
        if let colon = episode.lastIndex(of: ":"), let frame = Int(episode[episode.index(after: colon)...]) {
            return (String(episode[..<colon]), frame)
        }
        return (episode, -1)
    }

    private func patterns(in folder: String) throws -> [GoalSource.Episode.View] {
        if !pictures.isEmpty {
            return try pictures.map { text in
                guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                    throw ValidationError("--pictures \(text): give camera=pattern, such as 'primary=image_0_*.png'.")
                }
                return .init(camera: String(text[..<equals]), pattern: String(text[text.index(after: equals)...]))
            }
        }
        let isBridge = try !ImageFolder(path: folder, pattern: "image_0_*").names.isEmpty
        return [.init(camera: "primary", pattern: isBridge ? "image_0_*" : "*")]
    }
}

struct FromImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "from-image", abstract: "Make a goal of picture files.",
        discussion: """
            Give each camera's picture as CAMERA=FILE (PNG or JPEG, the size of the camera's frames), the name at the \
            end; a file alone is the primary camera's:

              octo-goal from-image goal.png cup
              octo-goal from-image primary=p.png wrist=w.png cup

            Exit codes: 0 done, 1 the goal cannot be written, 2 it cannot be.
            """)

    @Argument(help: ArgumentHelp("The pictures, then the name that the goal gets.", valueName: "file… name"))
    var words: [String]

    @OptionGroup var options: ImportOptions

    func validate() throws {
        guard words.count >= 2 else { throw ValidationError("Give at least one picture, and the goal's name.") }
    }

    func run() throws {
        let files = words.dropLast().map { word -> GoalSource.File in
            guard let equals = word.firstIndex(of: "="), GoalRecord.isName(String(word[..<equals])) else {
                return .init(camera: "primary", path: word)
            }
            return .init(camera: String(word[..<equals]), path: String(word[word.index(after: equals)...]))
        }
        let goal = try Goal(loading: GoalSource(views: .files(files)))
        try options.save(
            goal.views.map { .init(camera: $0.camera, image: $0.image) }, text: nil, name: words[words.count - 1],
            origin: .images(paths: files.map(\.path)), taken: .modification(of: files[0].path))
    }
}

extension WallTime {
    /// Time at which a file or folder was last written: the best that is known of when its pictures were taken.
    static func modification(of path: String) -> WallTime {
        let date = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
        return (date ?? nil).map { WallTime(seconds: $0.timeIntervalSince1970) } ?? .now()
    }
}
