import Launch

/// Files of episodes, as the user names them.
enum EpisodePaths {
    /// The files themselves, and those in folders: of a session, or of the sessions in it. By name.
    /// - Throws: for a path where nothing is, and for a folder without episodes.
    static func files(_ paths: [String]) throws(EpisodePathError) -> [String] {
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

    private static func episodes(in folder: String) -> [String] {
        FileProbe.disk.names(folder).filter { $0.hasSuffix(".mcap") && !$0.hasPrefix(".") }.sorted().map {
            (folder.hasSuffix("/") ? folder : folder + "/") + $0
        }
    }
}

enum EpisodePathError: Error, CustomStringConvertible {
    case nothing(path: String)
    case noEpisodes(folder: String)

    var description: String {
        switch self {
        case .nothing(let path):
            "looking for episodes at \(path): nothing is there, expected a file or a folder. List the folder above it (ls), or "
                + "record an episode: octo-record."
        case .noEpisodes(let folder):
            "looking for episodes in \(folder): found no file that ends in .mcap, expected at least one. Give the folder of a "
                + "session, as octo-record names it."
        }
    }
}
