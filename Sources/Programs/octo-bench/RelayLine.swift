import Maths
import Time

/// What a relay does to the bytes that it forwards, in each direction alike.
struct RelayConditions: Equatable, Sendable {
    /// How long they are on their way.
    var delay = Duration.zero
    /// Share of segments that are lost at first, 0...1.
    var loss = 0.0
    /// Bytes that pass in a second; nil: as many as come.
    var bytesPerSecond: Double?
}

/// Bytes on their way in one direction of a connection, and when they arrive. Knows no socket and no clock.
///
/// TCP gives its reader all bytes, in order, whatever the network loses: a lost segment shows as a pause. Here it is
/// the longest one that there is for it, a whole retransmission timeout, in which nothing behind the segment arrives
/// either. A kernel that sees three segments come after the lost one needs only a round trip more (RFC 5681), so what
/// is measured under loss is on the safe side.
struct RelayLine {
    /// Bytes of a segment on an Ethernet of 1500 with TCP's timestamps.
    static let segmentBytes = 1_448
    /// Linux's shortest retransmission timeout (TCP_RTO_MIN).
    static let retransmission = Duration.milliseconds(200)
    /// Bytes that may be on their way: what comes beyond waits at its sender, as before a full window.
    static let room = 4 << 20

    private struct Parcel {
        var bytes: [UInt8]
        var due: MonotonicTime
    }
    private var parcels: [Parcel] = []
    /// Index of the first parcel that has not arrived whole, and how much of it has.
    private var (first, arrived) = (0, 0)
    /// When the last byte so far has left the sender, and when the last one arrives.
    private var (left, latest) = (MonotonicTime.zero, MonotonicTime.zero)
    private var hasEnded = false
    /// Bytes that have not arrived.
    private(set) var waitingBytes = 0
    /// Segments that were lost at first.
    private(set) var lostSegments = 0

    var hasRoom: Bool { !hasEnded && waitingBytes < Self.room }
    /// Whether the sender is done, and all that it sent has arrived.
    var isOver: Bool { hasEnded && waitingBytes == 0 }
    /// When the next bytes arrive; nil where none are on their way.
    var nextTime: MonotonicTime? { first < parcels.count ? parcels[first].due : nil }

    /// Sends bytes off.
    /// - Parameter dice: says which segments are lost.
    mutating func take(
        _ bytes: ArraySlice<UInt8>, at now: MonotonicTime, under conditions: RelayConditions,
        dice: inout SplitMix64
    ) {
        guard !hasEnded else { return }
        var rest = bytes
        while !rest.isEmpty {
            let segment = rest.prefix(Self.segmentBytes)
            rest = rest.dropFirst(segment.count)
            left = max(left, now)
            if let rate = conditions.bytesPerSecond { left += .fromSeconds(Double(segment.count) / rate) }
            var due = left + conditions.delay
            if conditions.loss > 0, Double.random(in: 0..<1, using: &dice) < conditions.loss {
                due += Self.retransmission
                lostSegments += 1
            }
            latest = max(latest, due)
            waitingBytes += segment.count
            if first < parcels.count, parcels[parcels.count - 1].due == latest {
                parcels[parcels.count - 1].bytes += segment
            } else {
                parcels.append(Parcel(bytes: Array(segment), due: latest))
            }
        }
    }

    /// The sender is done.
    mutating func end() { hasEnded = true }

    /// Bytes that have arrived and were not handed on yet, as many as there are in one piece; nil where there are none.
    func due(at now: MonotonicTime) -> ArraySlice<UInt8>? {
        guard first < parcels.count, parcels[first].due <= now else { return nil }
        return parcels[first].bytes[arrived...]
    }

    /// So many of those bytes were handed on.
    mutating func handedOn(_ count: Int) {
        arrived += count
        waitingBytes -= count
        guard arrived == parcels[first].bytes.count else { return }
        parcels[first].bytes = []
        (first, arrived) = (first + 1, 0)
        // Not at each: removing moves all that follow.
        if first == parcels.count || first == 1_024 {
            parcels.removeFirst(first)
            first = 0
        }
    }
}
