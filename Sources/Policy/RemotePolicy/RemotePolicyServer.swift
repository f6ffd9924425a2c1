import Digests
import Files
import Images
import JSONTree
import Messages
import Policy
import Time

/// The big machine's end: makes of what robots say the very requests that their own network would have had, and decides
/// whose turn it is. Touches no socket and reads no clock, and runs no network.
package struct RemotePolicyServer: Sendable {
    package typealias Saying = RemotePolicyClient.Saying

    /// One inference that a robot waits for.
    package struct Run: Sendable {
        package var session: String
        package var request: PolicyNodeCore.Request
    }

    /// Goals of a session that are kept: a robot says one again that it has not used for long.
    private static let mostGoals = 4
    private static let mostParts = RemoteCheckpoint.Limit.cameras * RemoteCheckpoint.Limit.window + 1

    private struct Waiting: Sendable {
        var id: Int
        var request: PolicyNodeCore.Request
        var received: MonotonicTime
        /// Counts all requests, so that the one that came first is known.
        var order: Int
    }

    private struct Session: Sendable {
        let configuration: PolicyConfiguration
        var preparation: FramePreparation
        /// Oldest first.
        var goals: [(key: UInt64, goal: PolicyNodeCore.PreparedGoal)] = []
        /// The pictures of the last request, by camera and hash.
        var slots: [String: [UInt64: SharedBytes]] = [:]
        var waiting: Waiting?
        var running: Waiting?
        var lastAnswer: (id: Int, saying: Saying)?
    }

    private var sessions: [String: Session] = [:]
    private var nextOrder = 0
    /// Requests that were overtaken by a newer one of their robot.
    package private(set) var overtaken = 0
    package private(set) var malformed = 0

    package init() {}

    /// A robot has a session with a policy of this configuration.
    package mutating func opened(_ session: String, _ configuration: PolicyConfiguration) {
        sessions[session] = Session(
            configuration: configuration, preparation: FramePreparation(configuration))
    }

    /// A robot's session is over.
    package mutating func closed(_ session: String) { sessions[session] = nil }

    /// Takes what a robot said.
    /// - Returns: what to say to it at once.
    package mutating func received(
        _ body: JSONNode, parts: [SharedBytes], in id: String, at now: MonotonicTime
    ) -> [Saying] {
        guard var session = sessions.removeValue(forKey: id) else { return [] }
        defer { sessions[id] = session }
        do throws(RemoteWordError) {
            switch body["t"]?.string {
            case RemoteWords.goal:
                let (key, goal) = try RemoteWords.goal(body, parts, for: session.configuration)
                session.goals.removeAll { $0.key == key }
                session.goals.append((key, goal))
                if session.goals.count > Self.mostGoals { session.goals.removeFirst() }
                return []
            case RemoteWords.request: return try take(body, parts, &session, at: now)
            default: throw RemoteWordError("t: \(body["t"]?.brief ?? "nothing"), expected goal or request")
            }
        } catch {
            malformed += 1
            guard let number = body["id"]?.int else { return [] }
            return [
                Saying(
                    body: .object([
                        "t": JSONNode(RemoteWords.failed), "id": JSONNode(number), "problem": JSONNode(error.found),
                    ]), parts: [])
            ]
        }
    }

    private mutating func take(
        _ body: JSONNode, _ parts: [SharedBytes], _ session: inout Session, at now: MonotonicTime
    ) throws(RemoteWordError) -> [Saying] {
        let reader = WordReader(body)
        let id = try reader.count("id", in: 1...Int(Int32.max))
        guard parts.count <= Self.mostParts else { throw RemoteWordError("\(parts.count) parts") }
        // Asked again: the answer is under way, or was lost on it.
        if let last = session.lastAnswer, last.id == id { return [last.saying] }
        if session.running?.id == id || session.waiting?.id == id { return [] }
        let key = try reader.hash("goal")
        guard let goal = session.goals.first(where: { $0.key == key })?.goal else { return [Self.missing(id)] }
        let window = session.configuration.windowSize
        var views: [PolicyObservation.View] = []
        var slots: [String: [UInt64: SharedBytes]] = [:]
        let time = MonotonicTime(nanoseconds: Int64(try reader.count("time_ns", in: 0...(1 << 60))))
        for view in try reader.list("views", most: session.configuration.cameras.count) {
            let name = try view.text("camera")
            guard let camera = session.configuration.cameras.first(where: { $0.name == name }), slots[name] == nil
            else {
                throw RemoteWordError("views: '\(name)' is no camera of this policy, or there twice")
            }
            switch try pictures(of: view, camera, parts, &session) {
            case .missing: return [Self.missing(id)]
            case .unlike:
                return [
                    Saying(
                        body: .object([
                            "t": JSONNode(RemoteWords.unlike), "id": JSONNode(id), "camera": JSONNode(name),
                        ]), parts: [])
                ]
            case .found(let found, let pixels):
                slots[name] = found
                let mask = view.node["pad"]?.array?.isEmpty ?? true ? [] : try view.flags("pad", exactly: window)
                views.append(
                    PolicyObservation.View(
                        camera: name, width: camera.width, height: camera.height, pixels: pixels, captureTime: time,
                        padMask: mask))
            }
        }
        guard views.count == session.configuration.cameras.count else {
            throw RemoteWordError("views: \(views.count) of \(session.configuration.cameras.count) cameras")
        }
        let observation = PolicyObservation(
            tick: try reader.wide("tick"), time: time, goalID: goal.id, views: views,
            timestepPadMask: try reader.flags("pad", exactly: window),
            proprio: try proprio(reader, parts, session.configuration, at: time))
        session.slots = slots
        if session.waiting != nil { overtaken += 1 }
        nextOrder += 1
        session.waiting = Waiting(
            id: id,
            request: PolicyNodeCore.Request(
                observation: observation, goal: goal, captureTime: time, noiseSeed: try reader.wide("seed"),
                noiseCounter: try reader.wide("counter")),
            // One that overtakes has the place of the other: a robot that asks often is not served more.
            received: now, order: session.waiting?.order ?? nextOrder)
        return []
    }

    private func proprio(
        _ reader: WordReader, _ parts: [SharedBytes], _ configuration: PolicyConfiguration, at time: MonotonicTime
    ) throws(RemoteWordError) -> PolicyObservation.Proprio? {
        guard let proprio = configuration.proprio else { return nil }
        let part = try reader.count("proprio", in: 0...max(parts.count - 1, 0))
        guard part < parts.count, let values = RemoteWords.floats(parts[part]),
            values.count == configuration.windowSize * proprio.fields.count, values.allSatisfy(\.isFinite)
        else { throw RemoteWordError("proprio: no \(configuration.windowSize) times \(proprio.fields.count) numbers") }
        return .init(values: values, before: time, after: time)
    }

    private enum Pictures {
        case found([UInt64: SharedBytes], SharedBytes)
        case missing
        case unlike
    }

    /// The pictures of one camera, the window's in one.
    private func pictures(
        of view: WordReader, _ camera: PolicyCamera, _ parts: [SharedBytes], _ session: inout Session
    ) throws(RemoteWordError) -> Pictures {
        let window = session.configuration.windowSize
        let slots = try view.list("slots", most: window)
        guard slots.count == window else { throw RemoteWordError("slots: \(slots.count) of \(window)") }
        var found: [UInt64: SharedBytes] = [:]
        var order: [SharedBytes] = []
        for (index, slot) in slots.enumerated() {
            let hash = try slot.hash("hash")
            var pixels = found[hash] ?? session.slots[camera.name]?[hash]
            if slot.has("part") {
                let part = try slot.count("part", in: 0...max(parts.count - 1, 0))
                guard part < parts.count else { throw RemoteWordError("slots.part: there are no parts") }
                switch try slot.text("as") {
                case "rgb": pixels = parts[part]
                // Only the newest is of the frame that has just come.
                case "jpeg" where index == window - 1:
                    guard let decoded = Self.decoded(parts[part], camera, &session.preparation) else { return .unlike }
                    pixels = decoded
                    if decoded.xxh3 != hash { return .unlike }
                default: throw RemoteWordError("slots.as: expected rgb or jpeg")
                }
                guard let pixels, pixels.count == camera.width * camera.height * 3, pixels.xxh3 == hash else {
                    throw RemoteWordError("slots: a picture of \(camera.name) that is not what its hash says")
                }
            }
            guard let pixels else { return .missing }
            found[hash] = pixels
            order.append(pixels)
        }
        let size = camera.width * camera.height * 3
        let all = SharedBytes(count: window * size) { (memory) throws(Never) in
            for (index, pixels) in order.enumerated() {
                UnsafeMutableRawBufferPointer(rebasing: memory[index * size..<(index + 1) * size])
                    .copyMemory(from: pixels.bytes)
            }
        }
        return .found(found, all)
    }

    /// A camera's JPEG as the network sees it; nil: it cannot be decoded here.
    private static func decoded(
        _ data: SharedBytes, _ camera: PolicyCamera, _ preparation: inout FramePreparation
    ) -> SharedBytes? {
        do throws(ImageError) {
            let (image, _) = try RGBImage.decoded(data, source: "camera '\(camera.name)'")
            return preparation.prepare(image, for: camera).pixels
        } catch { return nil }
    }

    private static func missing(_ id: Int) -> Saying {
        Saying(body: .object(["t": JSONNode(RemoteWords.missing), "id": JSONNode(id)]), parts: [])
    }

    // MARK: Whose turn it is

    /// Requests that wait, those first that came first, at most one of each session.
    package mutating func takeRuns(atMost count: Int) -> [Run] {
        let ready = sessions.compactMap { id, session -> (id: String, waiting: Waiting)? in
            guard session.running == nil, let waiting = session.waiting else { return nil }
            return (id, waiting)
        }
        return ready.sorted { $0.waiting.order < $1.waiting.order }.prefix(count).map { id, waiting in
            sessions[id]?.running = waiting
            sessions[id]?.waiting = nil
            return Run(session: id, request: waiting.request)
        }
    }

    /// Takes what became of a session's request.
    /// - Returns: what to say to the robot; nothing where it is gone.
    package mutating func finished(
        _ id: String, _ result: Result<[Float], any Error>, begun: MonotonicTime, finished: MonotonicTime, batch: Int
    ) -> [Saying] {
        guard let run = sessions[id]?.running else { return [] }
        let saying: Saying
        switch result {
        case .success(let actions):
            saying = Saying(
                body: .object([
                    "t": JSONNode(RemoteWords.chunk), "id": JSONNode(run.id),
                    "time_ns": JSONNode(run.request.observation.time.nanoseconds),
                    "received_ns": JSONNode(run.received.nanoseconds), "begun_ns": JSONNode(begun.nanoseconds),
                    "finished_ns": JSONNode(finished.nanoseconds), "batch": JSONNode(batch),
                ]), parts: [SharedBytes(copying: RemoteWords.floats(actions))])
        case .failure(let error):
            saying = Saying(
                body: .object([
                    "t": JSONNode(RemoteWords.failed), "id": JSONNode(run.id), "problem": JSONNode("\(error)"),
                ]), parts: [])
        }
        sessions[id]?.running = nil
        sessions[id]?.lastAnswer = (run.id, saying)
        return [saying]
    }
}
