import Bus
import JSONTree
import Messages
import Wire

/// How pages get the messages of a topic.
enum LiveTopic: Equatable {
    /// The newest counts, and a page that joins gets it.
    case latched
    /// The newest counts, as with `latched`, but no more than some a second.
    case state
    /// Each counts.
    case every
    /// Each counts for as long as the charts go back.
    case timeline
    /// Each counts; a page that joins gets the last ones.
    case event
    case picture
    case observation
    /// Not for pages: too much of it, or an operator's own words.
    case hidden

    init(_ topic: String) {
        switch topic {
        case Topics.armState.name: self = .state
        case Topics.goalCurrent.name, Topics.goalFit.name, Topics.episodeState.name, Topics.armLoop.name:
            self = .latched
        case Topics.policyChunk.name, Topics.armChunk.name: self = .timeline
        case Topics.goalResult.name, Topics.episodeResult.name, Topics.simulationResult.name: self = .every
        case Topics.policyObservation.name: self = .observation
        default:
            if Topics.allNodeStatuses.matches(topic) {
                self = .latched
            } else if Topics.allEvents.matches(topic) {
                self = .event
            } else if topic.hasPrefix("camera/"), topic.hasSuffix("/image") {
                self = .picture
            } else {
                self = .hidden
            }
        }
    }

    /// A bus message as pages get it.
    /// - Returns: nil for bytes that are no correct message of their schema.
    static func text(_ message: RawMessage) -> String? {
        let envelope = message.envelope
        guard let body = message.json else { return nil }
        let capture = envelope.captureTime.map { ",\"capture_ns\":\($0.nanoseconds)" } ?? ""
        return """
            {"type":"topic","topic":\(JSONNode(message.topic).text()),"node":\(JSONNode(envelope.sourceNode).text()),\
            "publish_ns":\(envelope.publishTime.nanoseconds)\(capture),"sequence":\(envelope.sequence),\
            "message":\(body)}
            """
    }
}
