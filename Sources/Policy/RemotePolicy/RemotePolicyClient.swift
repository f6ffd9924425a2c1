import Digests
import Files
import Images
import JSONTree
import Manifests
import Messages
import Policy
import Time

/// The robot's end of a policy that another machine computes: says what the network has to see, in few bytes, and takes
/// chunks for what was asked and for nothing else. Touches no socket and reads no clock.
package struct RemotePolicyClient: Sendable {
    /// Something to be said in the session.
    package struct Saying: Sendable {
        package var body: JSONNode
        package var parts: [SharedBytes]
    }

    /// Why there is no chunk.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// There is no session, or it ended while the answer was awaited.
        case noLink(String)
        /// The other machine could not.
        case failed(String)
        case malformed(String)

        package var description: String {
            switch self {
            case .noLink(let reason): reason
            case .failed(let problem): "the other machine could not infer: \(problem)"
            case .malformed(let found): "the other machine's answer cannot be read: \(found)"
            }
        }
    }

    /// What became of a request.
    package struct Answer: Sendable {
        package var result: Result<[Float], Failure>
        package var finished: MonotonicTime
    }

    private struct Pending: Sendable {
        let id: Int
        let request: PolicyNodeCore.Request
        var said: MonotonicTime
        /// How often the other machine wanted it said again.
        var refusals = 0
    }

    /// An answer that is not there after so long is asked for once more: queues on the way may have dropped it.
    private static let patience = Duration.seconds(2)
    /// Of a line of 200 kbit/s.
    private static let slowestBytesPerMillisecond = 25
    /// A request is said again at most so often because the other machine lacks something: each camera's picture may
    /// come out differently there, and a session may have forgotten. What it still lacks then it does not take.
    private static let mostRefusals = RemoteCheckpoint.Limit.cameras + 2

    private let pictures: Manifest.Policy.Pictures
    private var nextID = 0
    private var pending: Pending?
    private var isOpen = false
    private var linkProblem = "there is no link yet"
    /// The goal that the other machine has.
    private var saidGoal: UInt64?
    /// Pictures that the other machine has, by camera.
    private var saidSlots: [String: Set<UInt64>] = [:]
    /// Cameras whose JPEG came out differently there.
    private var unlikeCameras: Set<String> = []
    private var sayings: [Saying] = []
    private var answers: [Answer] = []

    private var chunks: Int64 = 0
    private var bytes: Int64 = 0
    /// Bytes that were said of the request that waits.
    private var saidBytes = 0
    private var jpegs: Int64 = 0
    private var askedAgain: Int64 = 0
    private var unlike: Int64 = 0
    /// Chunks that nobody waits for: of an earlier request, or with another stamp. They never reach the arm.
    package private(set) var refusedChunks: Int64 = 0
    /// What the last refused chunk was.
    package private(set) var lastRefused: String?
    private var inference = LatencyHistogram()
    private var onTheWay = LatencyHistogram()

    package init(pictures: Manifest.Policy.Pictures) { self.pictures = pictures }

    // MARK: What happens

    /// There is a session, which knows nothing of those before.
    package mutating func opened() {
        isOpen = true
        saidGoal = nil
        saidSlots = [:]
        unlikeCameras = []
    }

    /// The session is over: what waits fails.
    package mutating func lost(reason: String, at now: MonotonicTime) {
        isOpen = false
        linkProblem = reason
        sayings = []
        guard pending != nil else { return }
        pending = nil
        answers.append(Answer(result: .failure(.noLink(reason)), finished: now))
    }

    /// Asks for a chunk.
    package mutating func ask(_ request: PolicyNodeCore.Request, at now: MonotonicTime) {
        guard isOpen else {
            answers.append(Answer(result: .failure(.noLink(linkProblem)), finished: now))
            return
        }
        nextID += 1
        pending = Pending(id: nextID, request: request, said: now)
        say(at: now)
    }

    /// Time has passed.
    package mutating func tick(at now: MonotonicTime) {
        // On a slow line the request itself may be under way so long.
        let onTheWay = Duration.milliseconds(saidBytes / Self.slowestBytesPerMillisecond)
        guard isOpen, let pending, now - pending.said >= Self.patience + onTheWay else { return }
        sayInFull(at: now)
    }

    /// Takes what the other machine said.
    package mutating func received(_ body: JSONNode, parts: [SharedBytes], at now: MonotonicTime) {
        let reader = WordReader(body)
        guard let kind = body["t"]?.string, let id = body["id"]?.int else { return }
        guard let pending, id == pending.id else {
            if kind == RemoteWords.chunk { refuse("a chunk for request \(id), which nobody waits for") }
            return
        }
        switch kind {
        case RemoteWords.chunk: take(reader, parts, at: now)
        case RemoteWords.failed:
            answer(.failure(.failed(String((body["problem"]?.string ?? "").prefix(1_000)))), at: now)
        case RemoteWords.missing: sayAgain(at: now)
        case RemoteWords.unlike:
            guard let camera = body["camera"]?.string else { return }
            unlike += 1
            unlikeCameras.insert(camera)
            sayAgain(at: now)
        default: return
        }
    }

    private mutating func take(_ reader: WordReader, _ parts: [SharedBytes], at now: MonotonicTime) {
        guard let pending else { return }
        guard reader.node["time_ns"]?.int == Int(pending.request.observation.time.nanoseconds) else {
            return refuse("a chunk for request \(pending.id) with another stamp than its observation's")
        }
        guard parts.count == 1, let part = parts.first, let actions = RemoteWords.floats(part) else {
            return answer(.failure(.malformed("\(parts.count) parts in place of the actions")), at: now)
        }
        if let received = reader.node["received_ns"]?.int, let begun = reader.node["begun_ns"]?.int,
            let finished = reader.node["finished_ns"]?.int, received >= 0, received <= begun, begun <= finished
        {
            inference.record(.nanoseconds(finished - begun))
            // Differences of the other machine's stamps, and of ours: no clock is converted.
            onTheWay.record(max((now - pending.said) - .nanoseconds(finished - received), .zero))
        }
        chunks += 1
        answer(.success(actions), at: now)
    }

    private mutating func answer(_ result: Result<[Float], Failure>, at now: MonotonicTime) {
        pending = nil
        answers.append(Answer(result: result, finished: now))
    }

    private mutating func refuse(_ words: String) {
        refusedChunks += 1
        lastRefused = words
    }

    // MARK: What is said

    private mutating func sayAgain(at now: MonotonicTime) {
        guard let refusals = pending?.refusals, refusals < Self.mostRefusals else {
            return answer(.failure(.failed("it does not take the goal or a picture that it was told in full")), at: now)
        }
        pending?.refusals += 1
        sayInFull(at: now)
    }

    private mutating func sayInFull(at now: MonotonicTime) {
        askedAgain += 1
        saidGoal = nil
        saidSlots = [:]
        say(at: now)
    }

    private mutating func say(at now: MonotonicTime) {
        guard var pending else { return }
        pending.said = now
        self.pending = pending
        saidBytes = 0
        let request = pending.request
        let goal = RemoteWords.key(of: request.goal)
        if saidGoal != goal {
            let words = RemoteWords.words(of: request.goal, key: goal)
            add(words.body, words.parts)
            saidGoal = goal
        }
        var parts: [SharedBytes] = []
        var slots: [String: Set<UInt64>] = [:]
        let views = request.observation.views.map { view -> JSONNode in
            words(of: view, source: request.sources[view.camera], into: &parts, slots: &slots[view.camera, default: []])
        }
        saidSlots = slots
        let observation = request.observation
        var members: [JSONNode.Member] = [
            .init(key: "t", value: JSONNode(RemoteWords.request)), .init(key: "id", value: JSONNode(pending.id)),
            .init(key: "goal", value: JSONNode(RemoteWords.text(goal))),
            .init(key: "tick", value: JSONNode(String(observation.tick))),
            .init(key: "time_ns", value: JSONNode(observation.time.nanoseconds)),
            .init(key: "seed", value: JSONNode(String(request.noiseSeed))),
            .init(key: "counter", value: JSONNode(String(request.noiseCounter))),
            .init(key: "pad", value: RemoteWords.flags(observation.timestepPadMask)),
            .init(key: "views", value: JSONNode(.array(views))),
        ]
        if let proprio = observation.proprio {
            members.append(.init(key: "proprio", value: JSONNode(parts.count)))
            parts.append(SharedBytes(copying: RemoteWords.floats(proprio.values)))
        }
        add(JSONNode(.object(members)), parts)
    }

    /// What one camera showed: each picture by its hash, with its bytes unless the other machine has it.
    private mutating func words(
        of view: PolicyObservation.View, source: CameraFrame?, into parts: inout [SharedBytes], slots: inout Set<UInt64>
    ) -> JSONNode {
        let size = view.width * view.height * 3
        let count = size > 0 ? view.pixels.count / size : 0
        let known = saidSlots[view.camera] ?? []
        let words = (0..<count).map { slot -> JSONNode in
            let pixels = SharedBytes(copying: view.pixels.bytes[slot * size..<(slot + 1) * size])
            let hash = pixels.xxh3
            let isKnown = known.contains(hash) || slots.contains(hash)
            slots.insert(hash)
            if isKnown { return .object(["hash": JSONNode(RemoteWords.text(hash))]) }
            defer { parts.append(self.jpeg(of: view, slot: slot, count: count, source: source, size: size) ?? pixels) }
            let isJPEG = self.jpeg(of: view, slot: slot, count: count, source: source, size: size) != nil
            if isJPEG { jpegs += 1 }
            return .object([
                "hash": JSONNode(RemoteWords.text(hash)), "part": JSONNode(parts.count),
                "as": JSONNode(isJPEG ? "jpeg" : "rgb"),
            ])
        }
        return .object([
            "camera": JSONNode(view.camera), "pad": RemoteWords.flags(view.padMask),
            "slots": JSONNode(.array(words)),
        ])
    }

    /// The camera's own JPEG, where it is what the newest picture is made of and has fewer bytes.
    private func jpeg(
        of view: PolicyObservation.View, slot: Int, count: Int, source: CameraFrame?, size: Int
    ) -> SharedBytes? {
        guard slot == count - 1, view.padMask.last ?? true, !unlikeCameras.contains(view.camera),
            let source, source.captureTime == view.captureTime, case .jpeg(let data, _, _) = source.pixels
        else { return nil }
        return switch pictures {
        case .auto: data.count < size ? data : nil
        case .camera: data
        case .network: nil
        }
    }

    private mutating func add(_ body: JSONNode, _ parts: [SharedBytes]) {
        let count = parts.reduce(0) { $0 + $1.count }
        bytes += Int64(count)
        saidBytes += count
        sayings.append(Saying(body: body, parts: parts))
    }

    // MARK: What there is

    /// What is to be said since the last time, oldest first.
    package mutating func takeSayings() -> [Saying] {
        defer { sayings = [] }
        return sayings
    }

    /// Chunks and failures since the last time, oldest first.
    package mutating func takeAnswers() -> [Answer] {
        defer { answers = [] }
        return answers
    }

    package var counters: [NodeStatus.Counter] {
        [
            .init(name: "remote_chunks", value: chunks), .init(name: "refused_chunks", value: refusedChunks),
            .init(name: "remote_bytes", value: bytes), .init(name: "remote_jpegs", value: jpegs),
            .init(name: "remote_asked_again", value: askedAgain), .init(name: "remote_unlike", value: unlike),
        ]
    }

    package var latencies: [NodeStatus.Latency] {
        [.init(name: "remote_inference", of: inference), .init(name: "remote_way", of: onTheWay)]
    }
}
