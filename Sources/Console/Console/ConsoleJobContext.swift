import Files

/// What jobs are about: a run, its goals, the episodes on disk.
package struct ConsoleJobContext: Sendable {
    /// Folder of the run that is alive; nil without one.
    package var run: String?
    /// Folder of the goal library, absolute.
    package var goals: String
    /// Folder into which data sets are exported; nil puts them beside the episode, into "exports".
    package var exports: String?
    /// The names in a folder.
    package var names: @Sendable (String) -> Set<String>
    /// The path of an episode's file by its id.
    package var path: @Sendable (String) throws(EpisodeShelfError) -> String
    /// Number of the leading camera's frame at a moment of an episode.
    package var frame: @Sendable (String, EpisodeMoment) throws(EpisodeShelfError) -> Int

    package init(
        run: String?, goals: String, exports: String?, names: @escaping @Sendable (String) -> Set<String>,
        path: @escaping @Sendable (String) throws(EpisodeShelfError) -> String,
        frame: @escaping @Sendable (String, EpisodeMoment) throws(EpisodeShelfError) -> Int
    ) {
        self.run = run
        self.goals = goals
        self.exports = exports
        self.names = names
        self.path = path
        self.frame = frame
    }

    /// The context of a console.
    /// - Parameters:
    ///   - run: folder of the run that is alive.
    ///   - episodes: nil where the console shows none.
    package init(run: String?, goals: GoalShelf, episodes: EpisodeShelf?) {
        self.init(
            run: run, goals: goals.folder,
            exports: episodes.flatMap { $0.folder.isEmpty ? nil : "\($0.folder)/\(EpisodePlace.exports)" },
            names: { Set(FileSystem.names(in: $0) ?? []) },
            path: { (id) throws(EpisodeShelfError) in
                guard let episodes else { throw .noSuchEpisode(id) }
                return try episodes.path(of: id)
            },
            frame: { (id, moment) throws(EpisodeShelfError) in
                guard let episodes else { throw .noSuchEpisode(id) }
                return try episodes.leadingFrame(of: id, at: moment)
            })
    }
}
