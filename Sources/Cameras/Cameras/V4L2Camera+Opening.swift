import Glibc
import Messages
import Time

extension V4L2Camera {
    /// Frames the device may be ahead of us: one that we read, one that it fills, two for late wake-ups.
    private static var bufferCount: Int { 4 }

    /// Agrees on a format with the device and starts the stream. What fails leaves the device to be closed.
    func start(at now: MonotonicTime) throws(V4L2Problem) -> (session: Session, format: CameraFormat) {
        let descriptor = try device.open(DeviceName(configuration.path))
        let capability = try ask { () throws(V4L2Failure) in try device.capability() }
        guard capability.captures && capability.streams else {
            throw .noFrames(card: capability.card, present: device.presentPaths().filter { $0 != configuration.path })
        }
        let (encoding, format, isConverted) = try agreeOnFormat()
        let rate = try agreeOnRate()
        // Before the stream, so that its first frame is right already; read back in it, for there some cameras fall
        // back to what they like.
        let plan = try lockControls()
        let stampsAreMonotonic = try startStream()
        try device.verify(plan)
        let settings = try readSettings(plan)

        let frameRate = rate ?? configuration.rate
        let steady = max(frameRate.period * 5, .seconds(1))
        let session = Session(
            descriptor: descriptor, deviceID: deviceID(capability), encoding: encoding,
            bytesPerLine: format.bytesPerLine, start: now, steadyPatience: steady,
            patience: max(steady, Self.firstPatience), lastSign: now, settings: settings, plan: plan,
            nextCheck: now + Self.checkPeriod)
        let summary = [
            "\(capability.card) at \(configuration.path), \(format.pixelFormat)",
            isConverted ? "converted by libv4l" : nil,
            rateRemark(rate),
            plan.steps.isEmpty ? nil : "\(plan.steps.count) controls locked",
            stampsAreMonotonic ? nil : "stamped when fetched, as its driver has no monotonic time",
        ].compactMap(\.self).joined(separator: ", ")
        return (
            session,
            CameraFormat(
                width: format.width, height: format.height, rate: frameRate, summary: summary,
                locked: plan.steps.map { .init(name: $0.control.name, value: $0.value) })
        )
    }

    /// Identity of the device that stays the same when the machine restarts: the link's name, which names product and
    /// serial number or the socket; else product and socket.
    private func deviceID(_ capability: V4L2Capability) -> String {
        let path = configuration.path
        if case .path = DeviceName(path) {} else { return path }
        if path.contains("/v4l/by-"), let slash = path.lastIndex(of: "/") {
            return String(path[path.index(after: slash)...])
        }
        return "\(capability.card) (\(capability.bus))"
    }

    // MARK: - Format

    private func agreeOnFormat() throws(V4L2Problem) -> (FrameEncoding, V4L2Format, isConverted: Bool) {
        let (width, height) = (configuration.width, configuration.height)
        var isConverted = configuration.isConverted
        if isConverted { try ask { () throws(V4L2Failure) in try device.convert() } }
        var offers = try ask { () throws(V4L2Failure) in try device.offers() }
        let wanted = configuration.encoding.map { [$0] } ?? (isConverted ? [.rgb24] : FrameEncoding.allCases)
        func matching(_ wanted: [FrameEncoding], _ offers: [V4L2Offer]) -> [(FrameEncoding, V4L2Offer)] {
            wanted.flatMap { encoding in
                encoding.pixelFormats.flatMap { code in offers.filter { $0.format == code }.map { (encoding, $0) } }
            }
        }
        var candidates = matching(wanted, offers)
        // Bayer patterns and makers' own formats: those who know them are in the library.
        if candidates.isEmpty, !isConverted, !offers.isEmpty, wanted.contains(.rgb24) {
            try ask { () throws(V4L2Failure) in try device.convert() }
            isConverted = true
            offers = try ask { () throws(V4L2Failure) in try device.offers() }
            candidates = matching([.rgb24], offers)
        }
        guard !candidates.isEmpty else {
            throw .formatNotOffered(
                wanted: wanted.flatMap(\.pixelFormats).map(\.description).joined(separator: " or "), offers: offers)
        }
        guard let (encoding, offer) = candidates.first(where: { $0.1.mayHave(width: width, height: height) }) else {
            throw .sizeNotOffered(width: width, height: height, offers: candidates.map(\.1))
        }
        let asked = V4L2Format(offer.format, width: width, height: height)
        var given = try ask { () throws(V4L2Failure) in try device.setFormat(asked) }
        let least = encoding.lineBytes(width: width)
        // A driver that leaves it out has lines without gaps.
        if given.bytesPerLine == 0 { given.bytesPerLine = least }
        guard (given.pixelFormat, given.width, given.height) == (asked.pixelFormat, width, height), given.isWhole,
            given.bytesPerLine >= least
        else {
            throw .formatDiffers(wanted: asked, given: given, offers: candidates.map(\.1))
        }
        return (encoding, given, isConverted)
    }

    // MARK: - Rate

    /// Asks the device for the rate, and returns what it gives; nil when the device does not say.
    private func agreeOnRate() throws(V4L2Problem) -> Rate? {
        do throws(V4L2Failure) {
            return try device.uninterrupted { () throws(V4L2Failure) in try device.setRate(configuration.rate) }
        } catch {
            // Some drivers have no such request: they deliver as they like.
            if error.errno == ENOTTY || error.errno == EINVAL { return nil }
            throw V4L2Problem(error, present: device.presentPaths)
        }
    }

    private func rateRemark(_ rate: Rate?) -> String? {
        guard let rate else { return "at a rate it does not tell" }
        let (given, asked) = (rate.hertz, configuration.rate.hertz)
        // 29.97 Hz for 30 is what was meant.
        guard abs(given - asked) > asked / 100 else { return nil }
        func text(_ hertz: Double) -> String { "\((hertz * 100).rounded() / 100)" }
        return "\(text(given)) frames a second, not the \(text(asked)) that were asked for"
    }

    // MARK: - Controls

    private func lockControls() throws(V4L2Problem) -> ControlPlan {
        guard !configuration.controls.isEmpty else { return ControlPlan() }
        let controls = try ask { () throws(V4L2Failure) in try device.controls() }
        let plan = try ControlPlan(configuration.controls, for: controls)
        try device.apply(plan)
        return plan
    }

    /// Reads the settings that travel with each frame. A camera that cannot tell them is accepted where nothing is to
    /// be locked.
    private func readSettings(_ plan: ControlPlan) throws(V4L2Problem) -> [CameraFrame.Setting] {
        do throws(V4L2Failure) {
            let lasting = try device.readings().lasting
            let others = plan.steps.filter { step in !lasting.contains { $0.control.id == step.control.id } }
            return (lasting + others.map { ControlReading($0.control, $0.value) }).frameSettings
        } catch {
            guard plan.steps.isEmpty && error.errno != ENODEV else {
                throw V4L2Problem(error, present: device.presentPaths)
            }
            return []
        }
    }

    /// Looks whether a control still is what it was locked at, and locks it again if it is not; one each time.
    func check(_ session: inout Session, at now: MonotonicTime) {
        guard now >= session.nextCheck, !session.plan.steps.isEmpty else { return }
        session.nextCheck = now + Self.checkPeriod
        let step = session.plan.steps[session.checked % session.plan.steps.count]
        session.checked += 1
        do throws(V4L2Failure) {
            let found = try device.uninterrupted { () throws(V4L2Failure) in try device.value(of: step.control) }
            guard found != step.value else { return }
            try device.uninterrupted { () throws(V4L2Failure) in try device.set(step.control, to: step.value) }
            session.changes += 1
            session.changed = (.differs(step.control, wanted: step.value, found: found), now)
        } catch {
            // A camera that does not answer for once: whether it is there, its frames tell.
        }
    }

    // MARK: - Stream

    /// Maps and queues the buffers, and starts the stream.
    /// - Returns: whether frames will be stamped with CLOCK_MONOTONIC.
    private func startStream() throws(V4L2Problem) -> Bool {
        let count = try ask { () throws(V4L2Failure) in try device.requestBuffers(Self.bufferCount) }
        guard count >= 2 else { throw .tooFewBuffers(count) }
        var stampsAreMonotonic = true
        for index in 0..<count {
            let buffer = try ask { () throws(V4L2Failure) in try device.map(index) }
            stampsAreMonotonic = stampsAreMonotonic && buffer.hasMonotonicStamp
            try ask { () throws(V4L2Failure) in try device.queue(index) }
        }
        try ask { () throws(V4L2Failure) in try device.start() }
        return stampsAreMonotonic
    }
}
