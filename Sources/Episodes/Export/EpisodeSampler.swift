import Control
import Geometry
import Images
import Messages
import Proprioception
import Recording
import Time
import Wire

/// Takes an episode's timesteps out of its file.
package struct EpisodeSampler {
    package struct Options: Sendable {
        /// Nil: the policy's.
        package var rate: Rate?
        /// All if empty.
        package var cameras: [String]
        /// Pixels; nil: as the camera delivered them.
        package var size: (width: Int, height: Int)?
        /// Nil: the goal's text.
        package var instruction: String?
        package var allowsGaps: Bool
        /// Of a frame at its timestep; nil: a tenth of a second more than a timestep lasts.
        package var maximumAge: Duration?

        package init(
            rate: Rate? = nil, cameras: [String] = [], size: (width: Int, height: Int)? = nil, instruction: String? = nil,
            allowsGaps: Bool = false, maximumAge: Duration? = nil
        ) {
            self.rate = rate
            self.cameras = cameras
            self.size = size
            self.instruction = instruction
            self.allowsGaps = allowsGaps
            self.maximumAge = maximumAge
        }
    }

    /// Of JPEG files that are encoded anew.
    private static let quality = 95

    private let options: Options
    private let file: EpisodeFile
    private let chain: KinematicChain
    /// As the episode's manifest says; nil without one.
    private let policyRate: Rate?

    /// - Parameters:
    ///   - calibration: of the episode's arm.
    ///   - policyRate: as its manifest says.
    package init(_ file: EpisodeFile, calibration: ArmCalibration, policyRate: Rate?, options: Options) {
        self.file = file
        self.options = options
        self.policyRate = policyRate
        chain = calibration.chain
    }

    /// - Throws: `ExportError`, `EpisodeFileError`.
    package func sample() throws -> ExportedEpisode {
        let states = try file.messages(of: Topics.armState).map(\.message)
        let cameras = try chosenCameras()
        var captures: [String: [MonotonicTime]] = [:]
        for camera in cameras { captures[camera] = try captureTimes(of: camera) }
        let (times, period, seed) = try timesteps(captures: captures, states: states.map(\.measured.time))
        let metadata = try file.metadata(named: "episode") ?? [:]
        // What was kept from before the episode began led to it, and is no part of it.
        let begin = metadata["start_ns"].flatMap { Int64($0) }.map(MonotonicTime.init(nanoseconds:)) ?? .zero
        let grid = TimestepGrid(
            times: times.filter { $0 >= begin }, captures: captures, states: states.map(\.measured.time),
            maximumAge: options.maximumAge ?? period + .milliseconds(100))
        guard grid.timesteps.count >= 2, let start = grid.timesteps.first?.time else {
            throw ExportError.tooShort(path: file.path, timesteps: grid.timesteps.count)
        }
        guard grid.gaps.isEmpty || options.allowsGaps else { throw ExportError.gaps(path: file.path, grid.gaps, start: start) }
        var pictures: [String: [Int: SharedBytes]] = [:]
        var reencoded: [String: Int] = [:]
        for camera in cameras {
            let wanted = Set(grid.timesteps.compactMap { $0.frames[camera] })
            let (found, count) = try self.pictures(of: camera, wanted: wanted)
            pictures[camera] = found
            reencoded[camera] = count
        }
        return ExportedEpisode(
            path: file.path, name: metadata["name"] ?? "", timesteps: timesteps(grid, states, pictures),
            instruction: try instruction(), outcome: try outcome(),
            seed: seed, period: period, grid: grid, reencoded: reencoded)
    }

    /// What people said of it last.
    package func outcome() throws(EpisodeFileError) -> ExportedEpisode.Outcome {
        var metadata = try file.metadata(named: "episode/amended")
        if metadata == nil { metadata = try file.metadata(named: "episode") }
        return metadata?["outcome"].flatMap(ExportedEpisode.Outcome.init(rawValue:)) ?? .open
    }

    // MARK: What there is

    private func chosenCameras() throws -> [String] {
        let known = file.reader.topics.compactMap { topic -> String? in
            let parts = topic.split(separator: "/")
            return parts.count == 3 && parts[0] == "camera" && parts[2] == "image" ? String(parts[1]) : nil
        }
        guard !known.isEmpty else { throw ExportError.noCameras(path: file.path) }
        for camera in options.cameras where !known.contains(camera) {
            throw ExportError.unknownCamera(camera, path: file.path, known: known)
        }
        return options.cameras.isEmpty ? known : options.cameras
    }

    private func captureTimes(of camera: String) throws -> [MonotonicTime] {
        var events = file.events(of: [Topics.cameraImage(camera).name])
        var times: [MonotonicTime] = []
        while let event = try events.next() {
            let time = try event.envelope.captureTime ?? event.message(as: CameraFrame.self).captureTime
            // A stamp that goes back is no newer frame; its place is kept, so that places count frames.
            times.append(max(time, times.last ?? time))
        }
        return times
    }

    /// The policy's own ticks where there was one: what it saw is what is exported.
    private func timesteps(
        captures: [String: [MonotonicTime]], states: [MonotonicTime]
    ) throws -> (times: [MonotonicTime], period: Duration, seed: UInt64) {
        let seed = try file.messages(of: Topics.policyChunk).first?.message.noiseSeed ?? 0
        if options.rate == nil {
            let ticks = try file.messages(of: Topics.policyObservation).map(\.message.time)
            if ticks.count >= 2, let rate = policyRate {
                return (TimestepGrid.times(filling: ticks, period: rate.period), rate.period, seed)
            }
        }
        guard let rate = options.rate ?? policyRate else { throw ExportError.noRate(path: file.path) }
        return (TimestepGrid.times(captures: captures, states: states, period: rate.period), rate.period, seed)
    }

    private func instruction() throws -> String {
        if let given = options.instruction { return given }
        let goals = try file.messages(of: Topics.goalCurrent).map(\.message).filter { !$0.isNone }
        return goals.last?.text ?? ""
    }

    // MARK: Pictures

    /// - Parameter wanted: places of frames.
    /// - Returns: JPEG files by place, and how many of them were encoded anew.
    private func pictures(of camera: String, wanted: Set<Int>) throws -> ([Int: SharedBytes], Int) {
        var events = file.events(of: [Topics.cameraImage(camera).name])
        var found: [Int: SharedBytes] = [:]
        var place = 0
        var reencoded = 0
        var plan: ImageResize?
        while let event = try events.next() {
            defer { place += 1 }
            guard wanted.contains(place) else { continue }
            let frame = try event.message(as: CameraFrame.self)
            if case .jpeg(let data, let width, let height) = frame.pixels,
                options.size.map({ $0.width == width && $0.height == height }) ?? true
            {
                found[place] = data
                continue
            }
            do throws(ImageError) {
                var image: RGBImage
                switch frame.pixels {
                case .rgb8(let pixels): image = pixels
                case .jpeg(let data, _, _): image = try RGBImage(decoding: data, source: "camera '\(camera)'")
                }
                if let size = options.size, image.width != size.width || image.height != size.height {
                    if plan?.inputWidth != image.width || plan?.inputHeight != image.height {
                        plan = ImageResize(fromWidth: image.width, height: image.height, toWidth: size.width, height: size.height)
                    }
                    image = plan?.resize(image) ?? image
                }
                found[place] = try image.jpegData(quality: Self.quality)
                reencoded += 1
            } catch {
                throw ExportError.picture(path: file.path, camera: camera, error)
            }
        }
        return (found, reencoded)
    }

    // MARK: Numbers

    /// The last one, whose action nobody knows, is left out.
    private func timesteps(
        _ grid: TimestepGrid, _ states: [ArmState], _ pictures: [String: [Int: SharedBytes]]
    ) -> [ExportedEpisode.Timestep] {
        var gripper = GripperTarget(states.first?.setpoint.gripper ?? 1)
        return zip(grid.timesteps, grid.timesteps.dropFirst()).map { now, next in
            let state = states[now.state]
            let target = gripper.follow(states[next.state])
            let commanded = chain.baseFromEEF(state.setpoint.positions)
            let after = chain.baseFromEEF(states[next.state].setpoint.positions)
            let translation = after.translation - commanded.translation
            let turn = (after.rotation * commanded.rotation.inverse).rollPitchYaw
            var chosen: [String: SharedBytes] = [:]
            for (camera, index) in now.frames { chosen[camera] = pictures[camera]?[index] }
            return ExportedEpisode.Timestep(
                time: now.time,
                state: ArmMoment(state).numbers(of: ProprioLayout.bridgeFields),
                action: [
                    translation.x, translation.y, translation.z, turn.x, turn.y, turn.z, target,
                ].map { Float($0) }, pictures: chosen)
        }
    }
}

/// What the gripper was told to do: 1 open, 0 closed.
///
/// Where an object is held, the setpoint stands at the object, and not at 0: taken as it is, it would look like neither, and
/// those who make it binary would take the whole time until the release for open.
struct GripperTarget {
    /// Beyond these the setpoint itself says it.
    private static let (closed, open) = (0.05, 0.95)
    /// So far it leads the fingers while it pushes.
    private static let lead = 0.03

    private var target: Double

    init(_ opening: Double) { target = opening >= 0.5 ? 1 : 0 }

    mutating func follow(_ state: ArmState) -> Double {
        let (setpoint, measured) = (state.setpoint.gripper, state.measured.gripper)
        if setpoint > Self.open || setpoint - measured > Self.lead {
            target = 1
        } else if setpoint < Self.closed || measured - setpoint > Self.lead {
            target = 0
        }
        return target
    }
}
