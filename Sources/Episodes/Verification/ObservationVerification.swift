import DequeModule
import Images
import Messages
import Policy
import Proprioception
import Time

/// Makes an episode's observations again from its camera frames and the arm's states: preprocessing, interpolation,
/// window, padding.
package struct ObservationVerification {
    /// Most frames of a camera that are kept: more than can be between a frame and the tick that uses it.
    private static let mostFrames = 128
    /// Most states of the arm that are kept, likewise.
    private static let mostStates = 4096

    private let configuration: PolicyConfiguration
    private var preparation: FramePreparation
    private var window: ObservationWindow
    private var frames: [String: Deque<CameraFrame>] = [:]
    private var states: Deque<ArmState> = []
    private var lastTick: UInt64?

    /// Why an observation cannot be made again.
    package enum Failure: Error, Equatable {
        /// The frame that the observation names is not in the file.
        case noFrame(camera: String, captureTime: MonotonicTime)
        case unreadableFrame(camera: String, captureTime: MonotonicTime, problem: String)
        case noView(camera: String)
        /// The policy that was recorded did not read the arm, this one does.
        case noProprio
        /// A state that the observation names is not in the file.
        case noState(time: MonotonicTime)
        /// The states are not of the arm, or not read in full, or do not lie around the observation.
        case unusableStates(before: MonotonicTime, after: MonotonicTime)
    }

    package init(_ configuration: PolicyConfiguration) {
        self.configuration = configuration
        preparation = FramePreparation(configuration)
        window = ObservationWindow(size: configuration.windowSize)
    }

    package mutating func receive(_ frame: CameraFrame) {
        frames[frame.camera, default: []].append(frame)
        if frames[frame.camera, default: []].count > Self.mostFrames { frames[frame.camera]?.removeFirst() }
    }

    package mutating func receive(_ state: ArmState) {
        guard configuration.proprio != nil else { return }
        states.append(state)
        if states.count > Self.mostStates { states.removeFirst() }
    }

    /// The observation that these frames and states give.
    /// - Parameter logged: says which frames and states; its own pixels and numbers are not looked at. In the order of
    ///   the ticks.
    /// - Throws: when one of them is missing; the history then begins anew.
    package mutating func remake(_ logged: PolicyObservation) throws(Failure) -> PolicyObservation {
        // A tick that was missed or invalid made the policy begin a new history.
        if lastTick.map({ logged.tick != $0 + 1 }) ?? true { window.removeAll() }
        lastTick = logged.tick
        var images: [RGBImage?] = []
        var proprio: [Float] = []
        do throws(Failure) {
            for camera in configuration.cameras { images.append(try image(of: camera, in: logged)) }
            if let reading = configuration.proprio { proprio = try numbers(of: reading, in: logged) }
        } catch {
            window.removeAll()
            throw error
        }
        window.append(images, proprio: proprio)
        let captures = configuration.cameras.map { camera in
            logged.views.first { $0.camera == camera.name }?.captureTime ?? logged.time
        }
        return PolicyObservation(
            tick: logged.tick, time: logged.time, goalID: logged.goalID,
            views: window.views(of: configuration.cameras, captures: captures), timestepPadMask: window.padMask,
            proprio: configuration.proprio == nil
                ? nil
                : logged.proprio.map { .init(values: window.proprio, before: $0.before, after: $0.after) })
    }

    private func numbers(of reading: ProprioReading, in logged: PolicyObservation) throws(Failure) -> [Float] {
        guard let read = logged.proprio else { throw .noProprio }
        var history = ArmStateHistory(fields: reading.fields, joints: reading.joints)
        for time in [read.before, read.after] {
            guard let state = states.last(where: { $0.measured.time == time }) else { throw .noState(time: time) }
            history.receive(state, due: read.before)
        }
        do throws(ArmStateGap) {
            return try history.sample(at: logged.time).moment.numbers(of: reading.fields)
        } catch {
            throw .unusableStates(before: read.before, after: read.after)
        }
    }

    /// Prepares the newest frame of a camera again, as it went into the network.
    /// - Returns: nil where the observation says that the camera showed nothing.
    private mutating func image(of camera: PolicyCamera, in logged: PolicyObservation) throws(Failure) -> RGBImage? {
        guard let view = logged.views.first(where: { $0.camera == camera.name }) else {
            throw .noView(camera: camera.name)
        }
        if view.padMask.last == false { return nil }
        let captureTime = view.captureTime
        guard let frame = frames[camera.name]?.last(where: { $0.captureTime == captureTime }) else {
            throw .noFrame(camera: camera.name, captureTime: captureTime)
        }
        do throws(ImageError) {
            return try preparation.prepare(frame, for: camera)
        } catch {
            throw .unreadableFrame(camera: camera.name, captureTime: captureTime, problem: "\(error)")
        }
    }
}

/// How an observation that was made again compares with the one that went into the network.
package enum ObservationComparison: Equatable, Sendable {
    case identical
    /// What both have is equal; the file lacks the frames before, which were in the window.
    case identicalAsFarAsKnown
    /// Bytes differ in one camera's slot of the window (oldest first), as many as `bytes`.
    case different(camera: String, slot: Int, bytes: Int)
    /// One number of the arm's state differs in a slot of the window (oldest first).
    case differentNumber(slot: Int, index: Int, found: Float, computed: Float)
    /// The two cannot be compared: another window, camera, picture size or number of the arm's numbers.
    case incomparable(String)

    /// Compares an observation that was made again with the logged one.
    /// - Parameter remade: the observation that `ObservationVerification` made from `logged`.
    package init(_ remade: PolicyObservation, with logged: PolicyObservation) {
        let slots = remade.timestepPadMask.count
        guard logged.timestepPadMask.count == slots else {
            self = .incomparable("a window of \(logged.timestepPadMask.count) timesteps, computed \(slots)")
            return
        }
        let known = remade.timestepPadMask.filter(\.self).count
        let real = logged.timestepPadMask.filter(\.self).count
        guard known <= real else {
            self = .incomparable("\(real) timesteps of history, computed \(known)")
            return
        }
        // Where history is unknown, only what is in both counts; else the padding, too.
        let first = known == real ? 0 : slots - known
        for view in remade.views {
            guard let other = logged.views.first(where: { $0.camera == view.camera }),
                other.width == view.width, other.height == view.height, other.pixels.count == view.pixels.count
            else {
                self = .incomparable("pictures of '\(view.camera)' of another size")
                return
            }
            let isShown = view.padMask.isEmpty ? [Bool](repeating: true, count: slots) : view.padMask
            let wasShown = other.padMask.isEmpty ? [Bool](repeating: true, count: slots) : other.padMask
            guard isShown[first...] == wasShown[first...] else {
                self = .incomparable("'\(view.camera)' masked at other timesteps")
                return
            }
            let size = view.width * view.height * 3
            for slot in first..<slots {
                let range = slot * size..<(slot + 1) * size
                // The pointers do not leave the call.
                let differing = withExtendedLifetime((view.pixels, other.pixels)) {
                    zip(
                        UnsafeRawBufferPointer(rebasing: view.pixels.bytes[range]),
                        UnsafeRawBufferPointer(rebasing: other.pixels.bytes[range])
                    ).reduce(0) { $0 + ($1.0 == $1.1 ? 0 : 1) }
                }
                if differing > 0 {
                    self = .different(camera: view.camera, slot: slot, bytes: differing)
                    return
                }
            }
        }
        self =
            Self.proprio(remade, with: logged, slots: first..<slots)
            ?? (known == real ? .identical : .identicalAsFarAsKnown)
    }

    /// Finds what differs in the arm's numbers; nil when nothing does.
    private static func proprio(_ remade: PolicyObservation, with logged: PolicyObservation, slots: Range<Int>) -> Self?
    {
        let (computed, found) = (remade.proprio?.values ?? [], logged.proprio?.values ?? [])
        guard computed.count == found.count else {
            return .incomparable("\(found.count) numbers of the arm's state, computed \(computed.count)")
        }
        let size = computed.count / logged.timestepPadMask.count
        for slot in slots {
            for index in 0..<size
            where found[slot * size + index].bitPattern != computed[slot * size + index].bitPattern {
                let place = slot * size + index
                return .differentNumber(slot: slot, index: index, found: found[place], computed: computed[place])
            }
        }
        return nil
    }
}
