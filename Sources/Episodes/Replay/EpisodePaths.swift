import Foundation
import Manifests

/// Files of episodes, as the user names them.
package enum EpisodePaths {
    /// The files themselves, and those in folders: of a session, or of the sessions in it. By name.
    /// - Throws: `EpisodePathError` for a path where nothing is, and for a folder without episodes.
    package static func files(_ paths: [String]) throws(EpisodePathError) -> [String] {
        var files: [String] = []
        for path in paths {
            switch FileProbe.disk.kind(path) {
            case .file: files.append(path)
            case .folder:
                var found = episodes(in: path)
                if found.isEmpty {
                    for name in FileProbe.disk.names(path).sorted() { found += episodes(in: path + "/" + name) }
                }
                guard !found.isEmpty else { throw .noEpisodes(folder: path) }
                files += found
            case nil: throw .nothing(path: path)
            }
        }
        return files
    }

    /// The newest episode where `path` ends with the word "last" and no such file is: below the folder before it, else
    /// below `episodes`, where runs put theirs. nil for other paths, and where there is none.
    package static func newest(_ path: String) -> String? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.last == "last", FileProbe.disk.kind(path) == nil else { return nil }
        let folder = parts.count == 1 ? "episodes" : parts.dropLast().joined(separator: "/")
        let sessions = FileProbe.disk.names(folder).map { folder + "/" + $0 }.filter {
            FileProbe.disk.kind($0) == .folder
        }
        let files = ([folder] + sessions).flatMap(episodes)
        // A run's folder begins with its time; a file in it may have been mended or amended much later.
        func age(_ file: String) -> (folder: String, written: Date, file: String) {
            let written = (try? FileManager.default.attributesOfItem(atPath: file))?[.modificationDate] as? Date
            return (
                String(file.prefix(upTo: file.lastIndex(of: "/") ?? file.startIndex)), written ?? .distantPast, file
            )
        }
        return files.map(age).max { $0 < $1 }?.file
    }

    private static func episodes(in folder: String) -> [String] {
        FileProbe.disk.names(folder).filter { $0.hasSuffix(".mcap") && !$0.hasPrefix(".") }.sorted().map {
            (folder.hasSuffix("/") ? folder : folder + "/") + $0
        }
    }
}

/// Why a path names no episodes.
package enum EpisodePathError: Error, CustomStringConvertible {
    case nothing(path: String)
    case noEpisodes(folder: String)

    package var description: String {
        switch self {
        case .nothing(let path):
            "looking for episodes at \(path): nothing is there, expected a file or a folder. List the folder above it "
                + "(ls), or record an episode: octo-record."
        case .noEpisodes(let folder):
            "looking for episodes in \(folder): found no file that ends in .mcap, expected at least one. Give the "
                + "folder of a session, as octo-record names it."
        }
    }
}
