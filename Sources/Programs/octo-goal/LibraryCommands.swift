import ArgumentParser
import Foundation
import Goals
import Images
import JSONTree
import NodeShell
import Time

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the goals of the library, and what cannot be read in it.",
        discussion: "Exit codes: 0 all could be read, 1 some could not, 2 the library cannot be used.")

    @OptionGroup var choice: LibraryChoice

    @OptionGroup var json: JSONFlag

    func run() throws {
        let library = try choice.open()
        let entries = try library.entries()
        let isWhole = entries.allSatisfy { if case .success = $0.record { true } else { false } }
        if json.isWanted {
            let nodes = entries.map { entry in
                switch entry.record {
                case .success(let record): record.json
                case .failure(let error):
                    JSONNode.object(["name": JSONNode(entry.name), "error": JSONNode("\(error)")])
                }
            }
            print(JSONNode.object(["library": JSONNode(library.folder), "goals": JSONNode(.array(nodes))]).text())
        } else if entries.isEmpty {
            print("no goal in \(library.folder). Take one with 'octo-goal record NAME' while a robot runs.")
        }
        for entry in entries where !json.isWanted {
            switch entry.record {
            case .success(let record): print(record.line(at: .now()))
            case .failure(let error): note("error: \(error)")
            }
        }
        if !isWhole { throw ExitCode.failure }
    }
}

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show all that is known of a goal.",
        discussion: "Exit codes: 0 shown, 1 the file cannot be written, 2 there is no such goal, or it is damaged.")

    @Argument(help: "The goal's name.")
    var name: String

    @Option(help: ArgumentHelp("Write the goal's pictures, side by side, to this PNG file.", valueName: "file"))
    var png: String?

    @Flag(help: "Print the goal's goal.json.")
    var json = false

    @OptionGroup var choice: LibraryChoice

    func run() throws {
        let library = try choice.open()
        let record = try library.load(name)
        if let png, let sheet = RGBImage.tiled(record.views.map(\.image), columns: 4) {
            try working { try sheet.writePNG(to: png) }
        }
        if json { return print(record.json.text()) }
        print(record.line(at: .now()))
        print("  folder      \(library.path(of: name))")
        if let text = record.text { print("  text        \"\(text)\"") }
        for (key, values) in record.taskNumbers.sorted(by: { $0.key < $1.key }) {
            print("  numbers     \(key) \(values.map { "\($0)" }.joined(separator: " "))")
        }
        for view in record.views {
            print("  \(view.camera.padding(toLength: 11, withPad: " ", startingAt: 0)) \(view.summary)")
        }
        if let arm = record.arm {
            let place = arm.baseFromEEF.translation
            print(
                String(
                    format: "  arm         tool at %.3f %.3f %.3f m, gripper %.0f %%", place.x, place.y, place.z,
                    100 * arm.gripper))
        }
        if let png { print("  pictures    \(png)") }
    }
}

struct DeleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Take a goal out of the library, for good.",
        discussion:
            "Asks first; --yes answers for scripts. Exit codes: 0 deleted, 1 left as it is, 2 there is no such goal.")

    @Argument(help: "The goal's name.")
    var name: String

    @Flag(help: "Delete without asking.")
    var yes = false

    @OptionGroup var choice: LibraryChoice

    func run() throws {
        let library = try choice.open()
        if !yes {
            guard isatty(STDIN_FILENO) == 1 else {
                throw ValidationError(
                    "deleting '\(name)': nobody is here to be asked, expected a terminal. Give --yes.")
            }
            print("delete \(library.path(of: name))? [y/N] ", terminator: "")
            fflush(nil)
            guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
                print("left as it is")
                throw ExitCode.failure
            }
        }
        try working(where: GoalLibraryError.isOfDisk) { try library.delete(name) }
        print("deleted \(library.path(of: name))")
    }
}

extension GoalRecord {
    /// One line for a list.
    func line(at now: WallTime) -> String {
        let pictures =
            views.isEmpty
            ? "no pictures" : views.map { "\($0.camera) \($0.image.width)x\($0.image.height)" }.joined(separator: ", ")
        let words = text.map { " \"\($0.prefix(60))\"" } ?? ""
        return "\(name.padding(toLength: max(name.count, 20), withPad: " ", startingAt: 0)) \(id)  \(origin.words), "
            + "\(Self.age(now - recorded)) ago  \(pictures)\(words)"
    }

    /// How long ago, in one number.
    static func age(_ seconds: Double) -> String {
        switch seconds {
        case ..<120: "\(Int(max(seconds, 0))) s"
        case ..<7_200: "\(Int(seconds / 60)) min"
        case ..<172_800: "\(Int(seconds / 3_600)) h"
        default: "\(Int(seconds / 86_400)) days"
        }
    }
}

extension GoalRecord.Origin {
    var words: String {
        switch self {
        case .live: "live"
        case .teleop: "teleop"
        case .episode(let path, let frame):
            "\(path.split(separator: "/").last.map(String.init) ?? path), frame \(frame)"
        case .images: "image files"
        }
    }
}

extension GoalRecord.View {
    var summary: String {
        var parts = ["\(image.width)x\(image.height)"]
        if !pixelFormat.isEmpty { parts.append(pixelFormat) }
        if !deviceID.isEmpty { parts.append("of \(deviceID)") }
        if !calibrationHash.isEmpty { parts.append("calibration \(calibrationHash.prefix(12))") }
        parts += settings.map { "\($0.name) \($0.value)" }
        return parts.joined(separator: ", ")
    }
}
