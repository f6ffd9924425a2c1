import Files
import Images
import Time
import Wire

/// Brings what arrives to those who asked for it, and counts.
struct Router {
    /// Those to whom messages of one topic go, and the topic's counts.
    private final class Route {
        /// The readers, each with whether it has received anything on this topic: one that comes late still needs the
        /// latched value that the others have.
        var sinks: [(sink: any ArrivalSink, isServed: Bool)]
        var sequences = SequenceTracker()
        var counts = BusStatistics.Received()

        init(_ sinks: [any ArrivalSink]) { self.sinks = sinks.map { ($0, false) } }
    }

    /// A robot has tens of topics; a foreign peer that invents names must not fill the memory.
    private static let mostTopics = 4_096

    private var sinks: [any ArrivalSink] = []
    private var routes: [String: Route] = [:]
    private var unmatched: Int64 = 0

    mutating func add(_ sink: any ArrivalSink) {
        sinks.append(sink)
        for (topic, route) in routes where sink.matches(topic) { route.sinks.append((sink, false)) }
    }

    var statistics: BusStatistics {
        var statistics = BusStatistics()
        statistics.received = routes.mapValues(\.counts)
        statistics.unmatched = unmatched
        return statistics
    }

    /// Counts a message and hands it to the sinks of its topic.
    /// - Parameter rest: envelope, body and bulk part after the topic; nil when it was not the right number of parts.
    ///   The bytes are valid during the call only.
    mutating func route(
        topic bytes: UnsafeRawBufferPointer,
        rest: (envelope: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, bulk: SharedBytes?)?
    ) {
        guard let topic = String(wellFormed: bytes), let route = route(for: topic) else {
            unmatched += 1
            return
        }
        guard let rest, let envelope = try? Envelope(bytes: rest.envelope) else {
            route.counts.malformed += 1
            return
        }
        let verdict = route.sequences.record(envelope.sequence, from: envelope.instanceID)
        count(verdict, on: route)
        let arrival = Arrival(
            topic: topic, envelope: envelope, body: rest.body, bulk: rest.bulk,
            byteCount: bytes.count + rest.envelope.count + rest.body.count + (rest.bulk?.count ?? 0),
            receivedTime: MonotonicTime.now())
        var worst: Acceptance?
        for index in 0..<route.sinks.count where verdict != .duplicate || !route.sinks[index].isServed {
            let acceptance = route.sinks[index].sink.accept(arrival)
            switch acceptance {
            case .kept: break
            case .keptSuperseding: route.counts.superseded += 1
            case .keptDropping: route.counts.queueDropped += 1
            case .malformed, .unknownSchema:
                worst = acceptance
                continue
            }
            route.sinks[index].isServed = true
        }
        switch worst {
        case .malformed: route.counts.malformed += 1
        case .unknownSchema: route.counts.unknown += 1
        case .kept, .keptSuperseding, .keptDropping, nil: if verdict != .duplicate { route.counts.received += 1 }
        }
    }

    private mutating func route(for topic: String) -> Route? {
        if let known = routes[topic] { return known }
        let matching = sinks.filter { $0.matches(topic) }
        guard !matching.isEmpty, routes.count < Self.mostTopics else { return nil }
        let made = Route(matching)
        routes[topic] = made
        return made
    }

    private func count(_ verdict: SequenceTracker.Verdict, on route: Route) {
        switch verdict {
        case .first, .next: break
        case .duplicate: route.counts.duplicates += 1
        case .gap(let missing):
            // Saturating: a foreign sender may leave a gap of any size.
            let missing = Int64(clamping: missing)
            if route.sinks.allSatisfy(\.sink.newestOnly) {
                route.counts.superseded = route.counts.superseded.addingSaturating(missing)
            } else {
                route.counts.lost = route.counts.lost.addingSaturating(missing)
            }
        }
    }
}
