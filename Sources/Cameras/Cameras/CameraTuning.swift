import Time

/// Decides when a camera's automatic modes have found their values: once these and the picture's brightness stay as
/// they are for a while. It waits for nothing itself.
package struct CameraTuning: Sendable {
    /// How far the automatic modes have got.
    package enum Progress: Equatable, Sendable {
        /// Some values still change: their names.
        case settling([String])
        case steady
        /// The time is over while these still change.
        case expired([String])
    }

    /// How long nothing may change: exposure control of webcams takes steps with pauses of up to a second in between.
    package static let steadyTime = Duration.seconds(2)
    /// Changes within which a value counts as the same, as a share of it, and the brightness, of 255: automatic modes
    /// never quite rest.
    private static let (valueTolerance, brightnessTolerance) = (0.03, 3.0)

    private let followed: [V4L2Control]
    private let deadline: MonotonicTime
    private var reference: (values: [Int?], brightness: Double, since: MonotonicTime)?
    private var restless: [String] = ["the first frames"]

    /// Begins to watch controls until they rest.
    /// - Parameters:
    ///   - followed: the controls that automatic modes change.
    ///   - limit: time after which it has taken too long.
    package init(following followed: [V4L2Control], limit: Duration, at now: MonotonicTime) {
        self.followed = followed
        deadline = now + limit
    }

    /// Takes what one frame says, and tells whether everything rests.
    /// - Parameters:
    ///   - values: values of the followed controls, in their order; nil where the camera did not tell.
    ///   - brightness: brightness of the picture, 0...255.
    package mutating func add(_ values: [Int?], brightness: Double, at now: MonotonicTime) -> Progress {
        precondition(values.count == followed.count, "one value for each control that is followed")
        var changed: [String] = []
        if let reference {
            for (index, control) in followed.enumerated()
            where Self.differ(values[index], reference.values[index], control.step) {
                changed.append(control.name)
            }
            if abs(brightness - reference.brightness) > Self.brightnessTolerance { changed.append("brightness") }
        }
        guard let reference, changed.isEmpty else {
            // What changed together within the last while is named together.
            if !changed.isEmpty { restless = changed }
            self.reference = (values, brightness, now)
            return now >= deadline ? .expired(restless) : .settling(restless)
        }
        if now - reference.since >= Self.steadyTime { return .steady }
        return now >= deadline ? .expired(restless) : .settling(restless)
    }

    private static func differ(_ a: Int?, _ b: Int?, _ step: Int) -> Bool {
        guard let a, let b else { return a != b }
        return Double(abs(a - b)) > max(Double(step), Double(abs(b)) * valueTolerance)
    }

    // MARK: - What to set

    /// Steps that switch automatic modes on.
    /// - Parameter kept: names of controls that stay as they are, and so do modes that decide over them.
    package static func automaticModes(of readings: [ControlReading], keeping kept: Set<String>) -> [ControlPlan.Step] {
        let keptModes = Set(
            readings.filter { kept.contains($0.control.name) }.compactMap { $0.control.automatic?.name }
        ).union(kept)
        var steps: [ControlPlan.Step] = []
        for reading in readings {
            let mode = reading.control
            guard V4L2Control.automaticModes.contains(mode.name), !mode.isReadOnly, !keptModes.contains(mode.name)
            else { continue }
            let manual = readings.compactMap { $0.control.automatic }.first { $0.name == mode.name }?.manualValues ?? []
            // Aperture priority (3) before fully automatic (0): cameras with a fixed aperture have the former alone.
            let values = [3, 1, 0].filter { mode.allows($0) && !manual.contains($0) }
            if let value = values.first, !manual.isEmpty { steps.append(.init(control: mode, value: value)) }
        }
        return steps
    }

    /// Controls that the modes which are on decide over, and that tell what they are at.
    package static func followed(_ readings: [ControlReading], modes: [ControlPlan.Step]) -> [V4L2Control] {
        readings.map(\.control).filter { control in
            !control.isReadOnly && modes.contains { $0.control.name == control.automatic?.name }
        }
    }

    /// What `followed` controls are to be locked at: what automatic modes chose for them.
    /// - Parameter readings: the readings of those controls, taken with the modes on.
    package static func choice(_ readings: [ControlReading]) -> [ControlSetting] {
        readings.compactMap { reading in
            reading.value.map { ControlSetting(reading.control.name, .number(reading.control.nearest(to: $0))) }
        }
    }
}

extension V4L2Control {
    /// The allowed value that is nearest; cameras tell values between two steps.
    package func nearest(to value: Int) -> Int {
        guard case .integer = kind else { return value }
        let inside = min(max(value, range.lowerBound), range.upperBound)
        let steps = (inside - range.lowerBound + step / 2) / step
        let nearest = range.lowerBound + steps * step
        return nearest <= range.upperBound ? nearest : nearest - step
    }
}
