import Time

/// The line between a host and its servos: what is under way in either direction, and when it arrives.
///
/// A byte takes its time on the wire. Answers then pass the adapter, which may keep them (`BusFaults.latency`), and the
/// line may be frozen, hold answers back, or be behind by some requests.
struct EmulatedLine {
    /// An FTDI chip's packet of 64 bytes has two of status.
    private static let adapterBytes = 62

    private struct Piece {
        var due: MonotonicTime
        var bytes: [UInt8]
        /// Positions that are told once this is handed over.
        var readings: [PositionReading]
        /// Which request this answers, by the count of those answered.
        var request: Int
        /// Whether the adapter still collects.
        var isOpen = false
    }
    private var waiting: [Piece] = []
    /// The wire is busy until then.
    private var free = MonotonicTime.zero
    /// How far behind the wire the answers to this request are, seconds; and when the last of them all is due.
    private var lag = 0.0
    private var lastDue = MonotonicTime.zero
    let secondsPerByte: Double
    private var requests = 0
    private var isNewRequest = true
    private var stale = 0
    private var latency = 0.0
    private var heldUntil = MonotonicTime.zero
    private var frozenUntil = MonotonicTime.zero
    /// What the host has sent since the line froze.
    private var unheard: [UInt8] = []

    /// Makes an idle line.
    /// - Parameter baud: rate of the line, bits per second; a byte has ten bits.
    init(baud: Int) { secondsPerByte = 10 / Double(baud) }

    // MARK: Faults

    /// Takes up what is to go wrong from `now` on.
    mutating func take(_ faults: inout BusFaults, at now: MonotonicTime) {
        (stale, latency) = (faults.stale, faults.latency)
        if faults.hold > 0 {
            heldUntil = now + .fromSeconds(faults.hold)
            faults.hold = 0
        }
        if faults.pause > 0 {
            frozenUntil = now + .fromSeconds(faults.pause)
            // What was on the wire goes on from where it was.
            for index in waiting.indices where waiting[index].due > now {
                waiting[index].due += .fromSeconds(faults.pause)
            }
            if free > now { free += .fromSeconds(faults.pause) }
            if lastDue > now { lastDue += .fromSeconds(faults.pause) }
            faults.pause = 0
        }
    }

    func isFrozen(at now: MonotonicTime) -> Bool { now < frozenUntil }

    /// The host has sent something that the servos hear when the line goes on.
    mutating func keep(_ bytes: UnsafeRawBufferPointer) { unheard += bytes }

    /// What the servos hear now that the line goes on, and since when it does; nil while it is frozen or if there is
    /// nothing.
    mutating func thaw(at now: MonotonicTime) -> (bytes: [UInt8], time: MonotonicTime)? {
        guard !unheard.isEmpty, !isFrozen(at: now) else { return nil }
        defer { unheard = [] }
        return (unheard, frozenUntil)
    }

    // MARK: Bytes

    /// The host has begun to send so many bytes at `now`: what is answered comes after them.
    mutating func hostSends(_ bytes: Int, at now: MonotonicTime) {
        free = max(free, now) + .fromSeconds(secondsPerByte * Double(bytes))
        isNewRequest = true
        lag = 0
    }

    /// Puts an answer on the line.
    /// - Parameters:
    ///   - delay: time between what is on the wire and this answer, seconds.
    ///   - lateness: how much later than the one before it comes, seconds; the wire is free meanwhile.
    ///   - readings: the positions that it tells.
    mutating func append(_ bytes: [UInt8], delay: Double, lateness: Double, telling readings: [PositionReading]) {
        if isNewRequest { requests += 1 }
        isNewRequest = false
        free = free + .fromSeconds(delay)
        lag += lateness
        if latency > 0 {
            for byte in bytes { collect(byte) }
        } else {
            free = free + .fromSeconds(secondsPerByte * Double(bytes.count))
            waiting.append(Piece(due: arrival, bytes: bytes, readings: [], request: requests))
        }
        lastDue = arrival
        guard !waiting.isEmpty else { return }
        waiting[waiting.count - 1].readings += readings
    }

    /// Time at which what has just passed the wire is there: never before what was said earlier.
    private var arrival: MonotonicTime { max(free + .fromSeconds(lag), lastDue) }

    /// Takes a byte that reaches the adapter.
    private mutating func collect(_ byte: UInt8) {
        free = free + .fromSeconds(secondsPerByte)
        let arrival = arrival
        if let last = waiting.last, last.isOpen, arrival < last.due {
            waiting[waiting.count - 1].bytes.append(byte)
            waiting[waiting.count - 1].request = requests
        } else {
            let due = arrival + .fromSeconds(latency)
            waiting.append(Piece(due: due, bytes: [byte], readings: [], request: requests, isOpen: true))
        }
        guard waiting[waiting.count - 1].bytes.count == Self.adapterBytes else { return }
        waiting[waiting.count - 1].due = arrival
        waiting[waiting.count - 1].isOpen = false
    }

    /// Time at which something is due next; nil when nothing is.
    var next: MonotonicTime? {
        let answer = waiting.first.flatMap { $0.request + stale <= requests ? max($0.due, heldUntil) : nil }
        guard !unheard.isEmpty else { return answer }
        return min(answer ?? frozenUntil, frozenUntil)
    }

    /// Takes what has been handed over by `now`.
    /// - Parameter tell: takes the positions that the bytes tell.
    mutating func take(at now: MonotonicTime, tell: (PositionReading) -> Void) -> [UInt8] {
        var bytes: [UInt8] = []
        guard now >= heldUntil else { return bytes }
        while let first = waiting.first, first.due <= now, first.request + stale <= requests {
            bytes += first.bytes
            first.readings.forEach(tell)
            waiting.removeFirst()
        }
        return bytes
    }

    mutating func removeAll() {
        waiting = []
        unheard = []
    }
}
