import Wire

/// How topics that pass between two machines are delivered.
enum RelayTopics {
    /// Whether only the newest message counts.
    static func isNewestOnly(_ topic: String) -> Bool {
        (topic.hasPrefix("camera/") && topic.hasSuffix("/image")) || topic == Topics.armState.name
            || topic == Topics.armManual.name
    }

    /// Whether who comes late gets the newest message at once.
    static func isLatched(_ topic: String) -> Bool {
        Topics.allNodeStatuses.matches(topic)
            || [Topics.goalCurrent.name, Topics.goalFit.name, Topics.episodeState.name].contains(topic)
    }
}
