import Foundation
import Messages
import Simulation
import TestSupport
import Testing

extension EndToEnd {
    /// What the documents name is there: files, headings, programs, their commands and options.
    @Suite struct DocumentTests {
        private static let root = Fixture.packageRoot

        private static func text(_ document: String) throws -> String {
            try String(contentsOf: root.appendingPathComponent(document), encoding: .utf8)
        }

        /// The anchors that a reader of the document can jump to, in the form that GitHub gives headings.
        private static func anchors(of document: String) throws -> Set<String> {
            let headings = try text(document).split(separator: "\n").filter { $0.hasPrefix("#") }
            return Set(
                headings.map { heading in
                    let words = heading.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
                    return String(
                        words.filter { $0.isLetter || $0.isNumber || " -_".contains($0) }.map { $0 == " " ? "-" : $0 })
                })
        }

        @Test(arguments: Documents.all) func everyLinkLeadsSomewhere(document: String) throws {
            let folder = URL(fileURLWithPath: document, relativeTo: Self.root).deletingLastPathComponent()
            for match in try Self.text(document).matches(of: /\]\(([^)\s]+)\)/) {
                let target = String(match.1)
                if target.contains("://") { continue }
                let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(
                    String.init)
                let path =
                    parts[0].isEmpty ? document : folder.appendingPathComponent(parts[0]).standardizedFileURL.path
                let file = parts[0].isEmpty ? Self.root.appendingPathComponent(document).path : path
                #expect(FileManager.default.fileExists(atPath: file), "\(document): \(target)")
                guard parts.count == 2, file.hasSuffix(".md") else { continue }
                let name = String(file.dropFirst(Self.root.path.count + 1))
                #expect(try Self.anchors(of: name).contains(parts[1]), "\(document): \(target)")
            }
        }

        /// A group's document names each of its targets, but for one that is called as the group, and the programs.
        @Test func everyRoomIsInTheDocumentOfItsGroup() throws {
            func folders(_ path: String) throws -> [String] {
                try FileManager.default.contentsOfDirectory(atPath: Self.root.path + "/" + path).filter {
                    FileManager.default.fileExists(atPath: "\(Self.root.path)/\(path)/\($0)/.")
                }
            }
            var count = 0
            for group in try folders("Sources") {
                let text = try Self.text("Sources/\(group)/README.md")
                for room in try folders("Sources/\(group)") where room != group && !room.hasPrefix("octo-") {
                    #expect(text.contains("`\(room)`"), "Sources/\(group)/README.md does not name \(room)")
                    count += 1
                }
            }
            #expect(count > 40, "\(count)")
        }

        /// Lines of code, and code within sentences, that begin with one of the programs.
        private static func commands(in document: String) throws -> [[String]] {
            let text = try text(document)
            // What a line goes on with is part of it.
            let joined = text.replacing("\\\n", with: " ")
            let lines = joined.split(separator: "\n").filter { $0.hasPrefix("    ") }.map(String.init)
            let spans = joined.matches(of: /`([^`]+)`/).map { String($0.1.replacing("\n", with: " ")) }
            return (lines + spans).compactMap { piece in
                let words = piece.split { " ()".contains($0) }.map(String.init)
                guard
                    let place = words.firstIndex(where: {
                        Program.names.contains(URL(fileURLWithPath: $0).lastPathComponent)
                    })
                else { return nil }
                let command = words[place...].prefix { !$0.hasPrefix("#") && $0 != "&&" && $0 != ";" }
                return [URL(fileURLWithPath: words[place]).lastPathComponent] + command.dropFirst()
            }
        }

        /// The help of a program, or of the command of it that the words name.
        private final class Help {
            private var known: [[String]: String] = [:]

            func text(_ words: [String]) throws -> String {
                if let text = known[words] { return text }
                let outcome = try Program.run(words[0], Array(words.dropFirst()) + ["--help"])
                known[words] = outcome.output
                return outcome.output
            }

            /// A program, as many of the words as are commands of it, and the command that is meant where none is
            /// named.
            func command(of words: [String]) throws -> [String] {
                var command = [words[0]]
                var rest = words.dropFirst()
                while let list = try text(command).split(separator: "SUBCOMMANDS:").dropFirst().first {
                    let lines = list.split(separator: "\n").map { $0.split(separator: " ") }
                    let usual = lines.first { $0.dropFirst().first == "(default)" }?.first
                    let named = rest.first.flatMap { word in lines.first { $0.first.map(String.init) == word }?.first }
                    guard let next = named ?? usual else { break }
                    if named != nil { rest = rest.dropFirst() }
                    command.append(String(next))
                }
                return command
            }
        }

        /// What `make install` leaves under a prefix, and a working folder elsewhere.
        private final class Installed {
            private let folder: URL
            let workingFolder: URL

            init() throws {
                folder = try TemporaryFolder.make("installed")
                workingFolder = try TemporaryFolder.make("elsewhere")
                let make = try RunningProgram(
                    executable: "/usr/bin/env",
                    [
                        "make", "-C", DocumentTests.root.path, "install-files", "BIN=\(Program.folder.path)",
                        "PREFIX=/opt/octo", "DESTDIR=\(folder.path)",
                    ]
                ).waitForEnd(limit: 60)
                #expect(make.exitCode == 0, "\(make.errors)")
            }

            deinit {
                try? FileManager.default.removeItem(at: folder)
                try? FileManager.default.removeItem(at: workingFolder)
            }

            /// Runs the launcher that was installed, in the working folder.
            func launch(_ words: String) throws -> Program.Outcome {
                let program = folder.path + "/opt/octo/bin/octo-launch"
                return try RunningProgram(
                    executable: "/bin/sh", ["-c", "cd \(workingFolder.path) && exec \(program) \(words)"]
                ).waitForEnd(limit: 60)
            }
        }

        @Test func whatIsInstalledRunsFromAnywhere() throws {
            let installed = try Installed()
            let version = try installed.launch("--version")
            #expect(version.exitCode == 0 && version.output == OctoRuntime.version + "\n", "\(version)")
            let folder = installed.workingFolder.path
            let outcome = try installed.launch(
                "launch/replay.json --run-folder \(folder)/run --for 1 --json --set policy.checkpoint="
                    + Fixture.url("octo/case1_primary_goal_w1/checkpoint").path)
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(
                FileManager.default.fileExists(atPath: folder + "/episodes"),
                "what it records is where it was started")
        }

        /// The simulated robot as it was brought, with its policy, goal and calibration.
        @Test(.enabled(if: (try? World.libraryVersion()) != nil, "MuJoCo 2.2.2 is not installed (libmujoco-dev)"))
        func theInstalledDemoRunsFromAnywhere() throws {
            let installed = try Installed()
            let outcome = try installed.launch(
                "launch/sim.json --run-folder \(installed.workingFolder.path)/run --for 3 --json")
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
        }

        @Test func everyCommandAndOptionThatIsNamedExists() throws {
            let help = Help()
            var options = 0
            for document in Documents.all {
                for words in try Self.commands(in: document) {
                    let command = try help.command(of: words)
                    let text = try help.text(command)
                    #expect(text.contains("USAGE"), "\(document): \(words.joined(separator: " "))")
                    for word in words where word.hasPrefix("--") && word.count > 2 {
                        let name = word.prefix { $0.isLetter || $0.isNumber || $0 == "-" }
                        let isKnown = text.contains(String(name)) || ["--help", "--version"].contains(String(name))
                        #expect(
                            isKnown,
                            """
                            \(document): \(words.joined(separator: " ")): \(command.joined(separator: " ")) has no \
                            \(name)
                            """
                        )
                        options += 1
                    }
                }
            }
            // A test that finds nothing to look at proves nothing.
            #expect(options > 60, "\(options)")
        }
    }
}
