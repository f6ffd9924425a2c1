import Bus
import JSONTree
import Manifests
import Messages
import NodeShell
import Teleop
import Time
import Wire

/// What all pages see and ask, decided without a socket: bus messages come in and become what pages get, wishes of
/// pages become commands on the bus and their answers.
package struct ConsoleHub: Sendable {
    /// What the shell does next.
    package enum Effect: Sendable {
        case manual(ManualCommand)
        case arm(ArmCommand)
        case goal(GoalCommand)
        case episode(EpisodeCommand)
        /// The answer to a request that waits.
        case answer(request: UInt64, WebResponse)
    }
    private static let clockPeriod = Duration.milliseconds(500)
    private static let drivePeriod = Duration.milliseconds(100)
    /// Pages get no more states of the arm than they can draw: thirty a second.
    private static let statePeriod = Duration.milliseconds(33)

    private let operatorName: OperatorName
    /// Whether there are episodes to look at.
    private let hasEpisodes: Bool
    var pages: [Int: LivePage] = [:]
    private var pageCount = 0
    package private(set) var run: ConsoleRun?
    private var history = LiveHistory()
    var driver: ConsoleDriver?
    private(set) var armState: ArmState?
    /// The goal that is set, with its pictures.
    package private(set) var goal: Goal?
    var waiting: [WaitingCommand] = []
    private var ids = CommandIDs()
    private var effects: [Effect] = []
    private var ownCount: UInt64 = 0
    private var nextClock = MonotonicTime.zero
    private var nextDrive = MonotonicTime.zero
    private var lastState = MonotonicTime.zero
    private var toldDriver: Int?

    /// Begins without a run.
    /// - Parameters:
    ///   - operatorName: this program, in its commands.
    ///   - hasEpisodes: whether there is a folder of episodes.
    package init(operatorName: OperatorName, hasEpisodes: Bool) {
        self.operatorName = operatorName
        self.hasEpisodes = hasEpisodes
    }

    // MARK: Runs

    /// Turns to another run, or learns that the present one has ended. What was heard of another run is forgotten.
    package mutating func turn(to run: ConsoleRun?, at now: MonotonicTime) {
        let isOther = run?.description.runID != self.run?.description.runID
        if isOther || (self.run?.isLive == true && run?.isLive == false) {
            giveUpAll("the run has ended")
            driver?.end(at: now)
        }
        if isOther {
            history = LiveHistory()
            let holding = driver?.stalled ?? []
            (armState, goal, driver) = (nil, nil, nil)
            if let run, let arm = run.arm {
                let manifest = run.description.manifest
                driver = ConsoleDriver(
                    arm: arm, preparation: GoalTaking.Preparation(manifest.teleop), period: manifest.arm.manualPeriod,
                    stalled: holding, at: now)
            }
        }
        self.run = run
        for id in Array(pages.keys) {
            let text = hello(to: id)
            pages[id]?.queue.append(text)
        }
    }

    // MARK: Pages

    /// A page has connected.
    /// - Returns: its number.
    package mutating func join(mayOperate: Bool, address: String, at now: MonotonicTime) -> Int {
        pageCount += 1
        pages[pageCount] = LivePage(id: pageCount, mayOperate: mayOperate, address: address)
        for text in [hello(to: pageCount), Self.clock(now)] + history.texts { pages[pageCount]?.queue.append(text) }
        tellPeople()
        return pageCount
    }

    /// A page is gone: what it held is let go.
    package mutating func leave(_ id: Int, at now: MonotonicTime) {
        guard pages.removeValue(forKey: id) != nil else { return }
        driver?.leave(id, at: now)
        tellPeople()
    }

    /// The message that is to be sent to a page next; nil when none waits, or the page is gone.
    package mutating func next(for id: Int) -> SocketMessage? { pages[id]?.queue.next() }

    /// Whether something waits for a page.
    package func hasMessages(for id: Int) -> Bool { pages[id].map { !$0.queue.isEmpty } ?? false }

    /// A page says something over its WebSocket.
    /// - Returns: false for what no page of ours says.
    package mutating func receive(_ text: String, from id: Int, at now: MonotonicTime) -> Bool {
        guard let page = pages[id] else { return true }
        guard let wish = LiveWish(text) else { return false }
        switch wish {
        case .watch(let cameras, let network, let hertz):
            pages[id]?.watch(cameras: cameras, network: network, hertz: hertz)
        case .alive: driver?.hear(id, at: now)
        case .drive(let isHeld, let linear, let angular):
            guard page.mayOperate else { return refuse(id, "moving the arm needs the token for operating") }
            let refusal = driver?.drive(id, isDeadManHeld: isHeld, linear: linear, angular: angular, at: now)
            if let refusal { refuse(id, refusal) }
        case .button(let button):
            guard page.mayOperate else { return refuse(id, "moving the arm needs the token for operating") }
            if let refusal = driver?.press(button, by: id, at: now) { refuse(id, refusal) }
        }
        tellDriver()
        return true
    }

    @discardableResult
    private mutating func refuse(_ id: Int, _ words: String) -> Bool {
        pages[id]?.queue.replace(
            "refused", with: JSONNode.object(["type": "refused", "message": JSONNode(words)]).text())
        return true
    }

    /// Something that all pages are told once.
    package mutating func tell(_ text: String) { for id in pages.keys { pages[id]?.queue.append(text) } }

    // MARK: The bus

    /// A message has come over the bus.
    package mutating func receive(_ message: RawMessage, at now: MonotonicTime) {
        // A process of an earlier run may still say its last words.
        guard let run, message.envelope.runID == run.description.runID else { return }
        let kind = LiveTopic(message.topic)
        switch kind {
        case .hidden: return
        case .picture: return offerFrame(message, at: now)
        case .observation: return offerObservation(message, at: now)
        case .state:
            guard let state = message.read(as: ArmState.self) else { return }
            receive(state, at: now)
            guard now - lastState >= Self.statePeriod else { return }
            lastState = now
        case .every, .latched, .timeline, .event: understand(message)
        }
        guard let text = LiveTopic.text(message) else { return }
        switch kind {
        case .latched, .state:
            history.latch(text, of: message.topic)
            if kind == .state { history.keep(text, at: now) }
            for id in pages.keys { pages[id]?.queue.replace(message.topic, with: text) }
        case .timeline:
            history.keep(text, at: now)
            tell(text)
        case .event:
            history.keep(event: text)
            tell(text)
        case .every: tell(text)
        case .picture, .observation, .hidden: break
        }
    }

    /// Takes what the console says of itself.
    package mutating func receive(own status: NodeStatus, at now: MonotonicTime) {
        guard let run, let encoded = status.encodedForPages else { return }
        ownCount += 1
        let topic = Topics.nodeStatus(status.node)
        let envelope = Envelope(
            schema: NodeStatus.schemaName, sequence: ownCount, captureTime: nil, publishTime: now,
            sourceNode: status.node, instanceID: 0, runID: run.description.runID, traceID: 0, hostID: "")
        receive(
            RawMessage(
                topic: topic.name, envelope: envelope, body: encoded.body, bulk: nil, receivedTime: now,
                byteCount: encoded.body.count), at: now)
    }

    private mutating func receive(_ state: ArmState, at now: MonotonicTime) {
        armState = state
        driver?.receive(state, at: now)
        settleArm(state)
    }

    private mutating func understand(_ message: RawMessage) {
        switch message.topic {
        case Topics.goalCurrent.name: goal = message.read(as: Goal.self)
        case Topics.goalResult.name: if let result = message.read(as: GoalResult.self) { settle(result) }
        case Topics.episodeResult.name: if let result = message.read(as: EpisodeResult.self) { settle(result) }
        default: break
        }
    }

    private mutating func offerFrame(_ message: RawMessage, at now: MonotonicTime) {
        let camera = String(message.topic.dropFirst("camera/".count).dropLast("/image".count))
        let watchers = pages.values.filter { $0.wants(frameOf: camera) }.map(\.id)
        guard !watchers.isEmpty, let picture = LivePictures.frame(message) else { return }
        for id in watchers { pages[id]?.offer(picture, at: now) }
    }

    private mutating func offerObservation(_ message: RawMessage, at now: MonotonicTime) {
        let watchers = pages.values.filter(\.wantsNetwork).map(\.id)
        guard !watchers.isEmpty else { return }
        for picture in LivePictures.network(message) {
            for id in watchers { pages[id]?.offer(picture, at: now) }
        }
    }

    // MARK: Commands

    /// Begins to do what a person asks for.
    /// - Parameters:
    ///   - request: number by which the answer comes back.
    ///   - person: who asks, in words that go into logs: "page 3", "127.0.0.1".
    /// - Returns: the answer, where there is nothing to wait for.
    package mutating func begin(
        _ command: ConsoleCommand, request: UInt64, by person: String, at now: MonotonicTime
    ) -> WebResponse? {
        guard let run, run.isLive else { return .command(isAccepted: false, "no robot runs here", status: 503) }
        let id = ids.next()
        let name = "\(operatorName), \(person)"
        switch command {
        case .arm(let action):
            if action == .emergencyStop { forgetArmWishes() }
            let message = ArmCommand(id: id, operatorID: name, action: action, time: now)
            waiting.append(.init(request, .arm(message, ArmAnswer(to: action, in: armState, at: now)), at: now))
        case .goal(let action, let expected):
            let message = GoalCommand(
                id: id, operatorID: name, action: action, expectedGoalID: expected, time: now)
            waiting.append(.init(request, .goal(message), at: now))
        case .episode(let action, let text):
            guard run.description.manifest.record.isEnabled else {
                return .command(
                    isAccepted: false, "this run has no recorder: start one whose manifest has \"record\" enabled")
            }
            let message = EpisodeCommand(id: id, operatorID: name, action: action, text: text, time: now)
            waiting.append(.init(request, .episode(message), at: now))
        case .take(let recording, let viewer): return take(recording, viewer, request, at: now)
        case .deleteGoal: return .error(400, "goals are deleted on the disk")
        }
        return nil
    }

    private mutating func take(
        _ recording: GoalCommand.Recording, _ viewer: Int, _ request: UInt64, at now: MonotonicTime
    ) -> WebResponse? {
        guard pages[viewer] != nil else {
            return .command(isAccepted: false, "page \(viewer) is not connected: the arm moves only while it is")
        }
        guard driver != nil else {
            return .command(isAccepted: false, "the arm's calibration cannot be read here: use octo-goal record")
        }
        if let refusal = driver?.take(recording, for: viewer, request: request, at: now) {
            return .command(isAccepted: false, refusal)
        }
        return nil
    }

    // MARK: Time

    /// What is due now. Ask again at `wake`, and whenever something came in.
    /// - Parameter isHeard: whether the node that takes a topic's commands listens.
    package mutating func tick(at now: MonotonicTime, isHeard: (String) -> Bool) -> [Effect] {
        advanceTaking(at: now)
        if let command = driver?.command(at: now) { effects.append(.manual(command)) }
        tellDriver()
        advanceWaiting(at: now, isHeard: isHeard)
        if now >= nextClock {
            nextClock = now + Self.clockPeriod
            let text = Self.clock(now)
            for id in pages.keys {
                pages[id]?.queue.replace("clock", with: text)
                tellDrops(to: id)
            }
        }
        if now >= nextDrive {
            nextDrive = now + Self.drivePeriod
            if !pages.isEmpty, let text = driveText(at: now) {
                for id in pages.keys { pages[id]?.queue.replace("drive", with: text) }
            }
        }
        defer { effects = [] }
        return effects
    }

    /// Time of the next `tick`.
    package func wake(at now: MonotonicTime) -> MonotonicTime {
        let times = [driver?.wake(at: now), waiting.map(\.wake).min(), pages.isEmpty ? nil : min(nextClock, nextDrive)]
        return times.compactMap(\.self).min() ?? now + Self.clockPeriod
    }

    private mutating func advanceTaking(at now: MonotonicTime) {
        guard let taking = driver?.taking else { return }
        let asks = driver?.advanceTaking(at: now) ?? false
        let isAsked = waiting.contains { $0.request == taking.request }
        if asks, !isAsked {
            let message = GoalCommand(
                id: ids.next(), operatorID: "\(operatorName), page \(taking.viewer)",
                action: .record(taking.recording), time: now)
            waiting.append(.init(taking.request, .goal(message), at: now))
        } else if let failure = driver?.takingFailure, !isAsked {
            driver?.endTaking()
            effects.append(.answer(request: taking.request, .command(isAccepted: false, failure)))
        }
    }

    mutating func answer(_ request: UInt64, _ response: WebResponse) {
        waiting.removeAll { $0.request == request }
        effects.append(.answer(request: request, response))
        if driver?.taking?.request == request { driver?.endTaking() }
    }

    private mutating func giveUpAll(_ words: String) {
        for command in waiting { effects.append(.answer(request: command.request, .error(503, words))) }
        if let taking = driver?.taking, !waiting.contains(where: { $0.request == taking.request }) {
            effects.append(.answer(request: taking.request, .error(503, words)))
        }
        waiting = []
    }

    mutating func say(_ effect: Effect) { effects.append(effect) }

    // MARK: Words to pages

    private func hello(to id: Int) -> String {
        JSONNode.object([
            "type": "hello", "viewer": JSONNode(id),
            "role": pages[id]?.mayOperate == true ? "operate" : "view",
            "version": JSONNode(OctoRuntime.version), "run": run?.json ?? nil,
            "episodes": JSONNode(.bool(hasEpisodes)),
        ]).text()
    }

    private static func clock(_ now: MonotonicTime) -> String { "{\"type\":\"clock\",\"now_ns\":\(now.nanoseconds)}" }

    private mutating func tellDriver() {
        guard driver?.viewer != toldDriver else { return }
        toldDriver = driver?.viewer
        tellPeople()
    }

    private mutating func tellPeople() {
        let viewers = pages.values.sorted { $0.id < $1.id }.map { page in
            JSONNode.object([
                "viewer": JSONNode(page.id), "role": page.mayOperate ? "operate" : "view",
                "address": JSONNode(page.address), "drives": JSONNode(.bool(driver?.viewer == page.id)),
            ])
        }
        let text = JSONNode.object(["type": "people", "viewers": JSONNode(.array(viewers))]).text()
        for id in pages.keys { pages[id]?.queue.replace("people", with: text) }
    }

    private mutating func tellDrops(to id: Int) {
        guard var page = pages[id] else { return }
        let (pictures, messages) = (page.queue.droppedPictures, page.queue.droppedMessages)
        guard pictures != page.toldPictures || messages != page.toldMessages else { return }
        (page.toldPictures, page.toldMessages) = (pictures, messages)
        page.queue.replace("dropped", with: "{\"type\":\"dropped\",\"pictures\":\(pictures),\"messages\":\(messages)}")
        pages[id] = page
    }

    private func driveText(at now: MonotonicTime) -> String? {
        guard let driver, armState != nil else { return nil }
        let session = driver.session
        return JSONNode.object([
            "type": "drive", "viewer": driver.viewer.map { JSONNode($0) } ?? nil,
            "frame": JSONNode(session.frame.rawValue), "speed": JSONNode(number: session.jog.speed),
            "lines": JSONNode(.array(driver.words(at: now).map { JSONNode($0) })),
            "holder": session.holder(at: now).map { JSONNode($0.rawValue) } ?? nil,
            "taking": JSONNode(driver.taking?.steps.phaseName ?? "driving"),
            "stop_unconfirmed": JSONNode(.bool(waiting.contains(where: \.isStop))),
        ]).text()
    }
}
