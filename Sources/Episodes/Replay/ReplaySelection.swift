import Wire

/// Which of an episode's messages are played, and under which topic.
package struct ReplaySelection: Equatable, Sendable {
    /// A topic's name, or the beginning of names: "camera/" or "camera/*".
    package struct Pattern: Equatable, Sendable {
        package let text: String

        package init(_ text: String) { self.text = text }

        /// Whether the pattern covers a topic.
        package func matches(_ topic: String) -> Bool {
            if text.hasSuffix("*") { return topic.hasPrefix(text.dropLast()) }
            return text.hasSuffix("/") ? topic.hasPrefix(text) : topic == text
        }
    }

    /// Topics that are played; nil: all but commands.
    package var topics: [Pattern]?
    package var without: [Pattern]
    /// Nodes whose messages are played; nil: all.
    package var nodes: Set<String>?
    /// Names of nodes that run themselves: what they published is not played.
    package var live: Set<String>
    package var names: [String: String]

    package init(
        topics: [Pattern]? = nil, without: [Pattern] = [], nodes: Set<String>? = nil, live: Set<String> = [],
        names: [String: String] = [:]
    ) {
        self.topics = topics
        self.without = without
        self.nodes = nodes
        self.live = live
        self.names = names
    }

    /// Decides whether a topic's messages are published.
    /// - Returns: the topic under which they are published; nil if they are not.
    package func name(ofTopic topic: String, schema: String, node: String) -> String? {
        if let nodes, !nodes.contains(node) { return nil }
        if live.contains(node) || without.contains(where: { $0.matches(topic) }) { return nil }
        if let topics {
            guard topics.contains(where: { $0.matches(topic) }) else { return nil }
        } else if StampedTypes.isCommand(schema) {
            return nil
        }
        return names[topic] ?? topic
    }

    /// Names and patterns that no topic of the episode matches.
    package func unmatched(in topicNames: [String], nodes nodeNames: [String]) -> [String] {
        let patterns = (topics ?? []) + without + names.keys.sorted().map { Pattern($0) }
        let unknown = patterns.filter { pattern in !topicNames.contains(where: { pattern.matches($0) }) }.map(\.text)
        return unknown + (nodes ?? []).union(live).subtracting(nodeNames).sorted()
    }
}
