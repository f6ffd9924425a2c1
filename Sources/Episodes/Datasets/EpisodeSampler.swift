import Files
import Images
import Kinematics
import Maths
import Messages
import Proprioception
import Recording
import Time
import Wire

/// Takes an episode's timesteps out of its file.
package struct EpisodeSampler {
    /// What of an episode is sampled, and how often.
    package struct Options: Sendable {
        /// Rate of the timesteps; nil: the policy's.
        package var rate: Rate?
        /// Names of the cameras; empty takes all.
        package var cameras: [String]
        /// Size of the pictures, pixels; nil leaves them as the camera delivered them.
        package var size: (width: Int, height: Int)?
        /// Sentence for what the arm is told to do; nil: the goal's text.
        package var instruction: String?
        package var allowsGaps: Bool
        /// Greatest age of a frame at its timestep; nil: a tenth of a second more than a timestep lasts.
        package var maximumAge: Duration?

        package init(
            rate: Rate? = nil, cameras: [String] = [], size: (width: Int, height: Int)? = nil,
            instruction: String? = nil,
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

    /// Quality of JPEG files that are encoded anew: 1 ... 100.
    private static let quality = 95

    private let options: Options
    private let file: EpisodeFile
    private let calibration: ArmCalibration
    private let chain: KinematicChain
    /// The policy's rate as the episode's manifest says; nil without one.
    private let policyRate: Rate?

    /// Makes a sampler of one episode's file.
    /// - Parameters:
    ///   - calibration: calibration of the episode's arm.
    ///   - policyRate: rate of the policy, as the episode's manifest says; nil if it says none.
    package init(_ file: EpisodeFile, calibration: ArmCalibration, policyRate: Rate?, options: Options) {
        self.file = file
        self.options = options
        self.policyRate = policyRate
        self.calibration = calibration
        chain = calibration.chain
    }

    /// Samples the episode at the timesteps of its grid.
    /// - Throws: `ExportError`, `EpisodeFileError`.
    package func sample() throws -> ExportedEpisode {
        let states = try file.messages(of: Topics.armState).map(\.message)
        let cameras = try chosenCameras()
        var captures: [String: [MonotonicTime]] = [:]
        for camera in cameras { captures[camera] = try captureTimes(of: camera) }
        let (times, period, seed) = try timesteps(captures: captures, states: states.map(\.measured.time))
        let metadata = try file.facts()
        // What was kept from before the episode began led to it, and is no part of it.
        let begin = metadata["start_ns"].flatMap { Int64($0) }.map(MonotonicTime.init(nanoseconds:)) ?? .zero
        let grid = TimestepGrid(
            times: times.filter { $0 >= begin }, captures: captures, states: states.map(\.measured.time),
            maximumAge: options.maximumAge ?? period + .milliseconds(100), endsWithAnAction: false)
        guard grid.timesteps.count >= 2, let start = grid.timesteps.first?.time else {
            throw ExportError.tooShort(path: file.path, timesteps: grid.timesteps.count)
        }
        guard grid.gaps.isEmpty || options.allowsGaps else {
            throw ExportError.gaps(path: file.path, grid.gaps, start: start)
        }
        var pictures: [String: [Int: SharedBytes]] = [:]
        var reencoded: [String: Int] = [:]
        for camera in cameras {
            // The last one has no action and is left out.
            let wanted = Set(grid.timesteps.dropLast().compactMap { $0.frames[camera] })
            let (found, count) = try self.pictures(of: camera, wanted: wanted)
            pictures[camera] = found
            reencoded[camera] = count
        }
        let (taken, unwrapped) = timesteps(grid, states, pictures)
        return ExportedEpisode(
            path: file.path, name: metadata["name"] ?? "", timesteps: taken, instruction: try instruction(),
            outcome: try outcome(),
            seed: seed, period: period, grid: grid, reencoded: reencoded, arm: calibration.name,
            joints: calibration.joints.map(\.name), unwrapped: unwrapped)
    }

    /// Reads what people said of the episode last.
    package func outcome() throws(EpisodeFileError) -> ExportedEpisode.Outcome {
        let amended = try file.metadata(named: RecordName.amended)?["outcome"]
        let said = try file.facts()["outcome"]
        return (amended ?? said).flatMap(ExportedEpisode.Outcome.init(rawValue:)) ?? .open
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
        var messages = file.messages(ofTopics: [Topics.cameraImage(camera).name])
        var times: [MonotonicTime] = []
        while let message = try messages.next() {
            let time = try message.envelope.captureTime ?? message.content(as: CameraFrame.self).captureTime
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

    /// Reads the frames of one camera at these places, in the size that is wanted.
    /// - Parameter wanted: places of frames among all of the camera's.
    /// - Returns: JPEG files by place, and how many of them were encoded anew.
    private func pictures(of camera: String, wanted: Set<Int>) throws -> ([Int: SharedBytes], Int) {
        var messages = file.messages(ofTopics: [Topics.cameraImage(camera).name])
        var found: [Int: SharedBytes] = [:]
        var place = 0
        var reencoded = 0
        var plan: ImageResize?
        while let message = try messages.next() {
            defer { place += 1 }
            guard wanted.contains(place) else { continue }
            let frame = try message.content(as: CameraFrame.self)
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
                        plan = ImageResize(
                            fromWidth: image.width, height: image.height, toWidth: size.width, height: size.height)
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
    ) -> (timesteps: [ExportedEpisode.Timestep], unwrapped: Int) {
        var gripper = GripperTarget(states.first?.setpoint.gripper ?? 1)
        var angles = UnwrappedAngles()
        let timesteps = zip(grid.timesteps, grid.timesteps.dropFirst()).map { now, next in
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
                state: angles.carryOn(ArmMoment(state).numbers(of: ProprioLayout.bridgeFields)),
                action: [
                    translation.x, translation.y, translation.z, turn.x, turn.y, turn.z, target,
                ].map { Float($0) }, jointState: Self.joints(state.measured.positions, state.measured.gripper),
                jointAction: Self.joints(states[next.state].setpoint.positions, target), pictures: chosen)
        }
        return (timesteps, angles.count)
    }

    /// Joints in degrees, and the gripper in percent.
    private static func joints(_ positions: JointVector, _ gripper: Double) -> [Float] {
        positions.array.map { Float($0 * 180 / .pi) } + [Float(gripper * 100)]
    }
}

/// Carries roll, pitch and yaw of one state after the other on beyond ±π where they wrap: differences of states, of
/// which labels are made, would else be a whole turn.
package struct UnwrappedAngles {
    /// Places of the angles in a state of Bridge's layout.
    private static let places = 3..<6

    private var last: [Float]?
    /// Number of states in which an angle was changed.
    package private(set) var count = 0

    package init() {}

    /// Carries the angles of the next state on from those of the last one.
    package mutating func carryOn(_ state: [Float]) -> [Float] {
        var state = state
        if let last {
            var isChanged = false
            for place in Self.places where place < state.count {
                let turns = ((last[place] - state[place]) / (2 * .pi)).rounded()
                state[place] += turns * 2 * .pi
                isChanged = isChanged || turns != 0
            }
            if isChanged { count += 1 }
        }
        last = state
        return state
    }
}

/// The target that the gripper was given: 1 open, 0 closed.
///
/// Where an object is held, the setpoint stands at the object, and not at 0: taken as it is, it would look like
/// neither, and those who make it binary would take the whole time until the release for open.
struct GripperTarget {
    /// Openings beyond which the setpoint itself says whether the gripper is closed or open.
    private static let (closed, open) = (0.05, 0.95)
    /// Lead of the setpoint before the fingers while it pushes, as a share of the stroke.
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
