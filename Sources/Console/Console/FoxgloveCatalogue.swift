import Files
import Wire

/// What a run has to show to viewers that speak Foxglove's protocol: a channel for each topic that was seen, and the
/// last message of each that is kept on the bus for those who come later. One for all viewers.
package struct FoxgloveCatalogue: Sendable {
    /// A run has some thirty topics; those beyond this number are not shown.
    package static let maximumChannels = 512

    /// Tells this console from others, and from itself before a restart: channels are numbered anew then.
    let console: String
    /// The run; nil while there is none.
    package private(set) var run: FoxgloveRun?
    /// All channels of the run, in the order in which they were first seen: their numbers ascend.
    package private(set) var channels: [FoxgloveChannel] = []
    /// Goes up whenever the run or the channels change.
    private(set) var revision = 0
    /// Messages that could not be shown because they could not be read.
    package private(set) var unreadableCount = 0
    private var channelsByTopic: [String: FoxgloveChannel] = [:]
    /// Definitions by the name of the schema; nil for those that are not known.
    private var definitions: [String: String?] = [:]
    /// Newest latched messages by the number of the channel.
    private var latched: [Int: FoxgloveMessage] = [:]
    private var channelCount = 0

    /// Makes a catalogue without channels.
    /// - Parameter console: another text at each start of the console.
    package init(console: String, run: FoxgloveRun? = nil) {
        self.console = console
        self.run = run
    }

    /// Forgets everything about the last run; nil where there is none now.
    package mutating func begin(_ run: FoxgloveRun?) {
        self.run = run
        channels = []
        channelsByTopic = [:]
        latched = [:]
        revision += 1
    }

    /// Takes a message of the bus.
    /// - Parameters:
    ///   - body: the message's protobuf, as it came.
    ///   - bulk: bytes beside it, as they came.
    ///   - isWanted: whether any viewer wants messages of this channel.
    /// - Returns: the message for the viewers; nil when none wants it, no run is there, or it cannot be shown: its
    ///   type is not known, or it is a camera frame that cannot be read.
    package mutating func receive(
        topic: String, envelope: Envelope, body: [UInt8], bulk: SharedBytes?, isWanted: (FoxgloveChannel) -> Bool
    ) -> FoxgloveMessage? {
        guard let run else { return nil }
        do {
            // The schema does not depend on the pixels, and copying them is what costs.
            let schema = try RecordedMessage(envelope: envelope, body: body, bulk: nil).schema
            guard let channel = channel(of: topic, schema) else { return nil }
            let (isWanted, isLatched) = (isWanted(channel), Self.isLatched(topic))
            guard isWanted || isLatched else { return nil }
            let message = FoxgloveMessage(
                channel: channel, time: run.wallNanoseconds(at: envelope.publishTime),
                data: try RecordedMessage(envelope: envelope, body: body, bulk: bulk).data)
            if isLatched { latched[channel.id] = message }
            return isWanted ? message : nil
        } catch {
            unreadableCount += 1
            return nil
        }
    }

    /// The channel with this number; nil if there is none now.
    func channel(_ id: Int) -> FoxgloveChannel? { channels.first { $0.id == id } }

    /// Whether there was a channel with this number, which is gone now.
    func isWithdrawn(_ id: Int) -> Bool { id >= 1 && id <= channelCount && channel(id) == nil }

    /// The last message of a channel whose topic is kept on the bus for those who come later; nil for others.
    func lastMessage(on channel: FoxgloveChannel) -> FoxgloveMessage? { latched[channel.id] }

    /// The topic's channel, made anew when the topic's messages are of another schema than before: viewers know one
    /// schema for a topic.
    private mutating func channel(of topic: String, _ schema: String) -> FoxgloveChannel? {
        let before = channelsByTopic[topic]
        if let before, before.schema == schema { return before }
        guard before != nil || channels.count < Self.maximumChannels, let definition = definition(of: schema) else {
            return nil
        }
        if let before {
            channels.removeAll { $0.id == before.id }
            latched[before.id] = nil
        }
        channelCount += 1
        let channel = FoxgloveChannel(id: channelCount, topic: topic, schema: schema, definition: definition)
        channels.append(channel)
        channelsByTopic[topic] = channel
        revision += 1
        return channel
    }

    private mutating func definition(of schema: String) -> String? {
        if let known = definitions[schema] { return known }
        guard definitions.count < Self.maximumChannels else { return nil }
        let definition = MessageSchemas.descriptorSet(of: schema).map(FoxgloveWire.base64)
        definitions[schema] = .some(definition)
        return definition
    }

    private static func isLatched(_ topic: String) -> Bool {
        switch topic {
        case Topics.goalCurrent.name, Topics.goalFit.name, Topics.episodeState.name: true
        default: Topics.allNodeStatuses.matches(topic)
        }
    }
}
