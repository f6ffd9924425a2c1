import ArgumentParser
import Cameras
import JSONTree
import Messages
import NodeShell
import Time

/// Finds good fixed values for a camera with its own automatic modes.
struct TuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune",
        abstract:
            "Let a camera's automatic modes find exposure, gain, white balance and focus, and lock what they found.",
        discussion: """
            Set the scene up as it will be, with its light, arm and objects. Automatic modes are switched on until \
            their values and the picture's brightness stay the same for two seconds; then they are switched off, the \
            values set and read back:

              octo-camera tune usb:4F2A91 --save calibration/cameras/primary.json

            Then let "calibration" of the manifest's camera name the file, and take the goal again: an older one was \
            taken under other settings. A mode that never rests (autofocus on a moving arm) is left alone with --keep \
            focus_absolute. Exit codes: 0 done, 1 the values did not come to rest or did not stick, 2 the camera \
            cannot be used.
            """)

    @Argument(help: "The camera, as 'octo-camera list' shows it.")
    var device: String

    @OptionGroup var stream: StreamOptions

    @OptionGroup var speed: RateOption

    @Option(
        help: ArgumentHelp("Write the values into this calibration file; what else is in it stays.", valueName: "file"))
    var save: String?

    @Option(
        help: ArgumentHelp("Leave this control, and the mode that decides over it, as they are.", valueName: "name"))
    var keep: [String] = []

    @Option(help: ArgumentHelp("Give the automatic modes so long.", valueName: "seconds"))
    var limit = 20.0

    @OptionGroup var json: JSONFlag

    func validate() throws {
        guard (3...600).contains(limit) else { throw ValidationError("--limit: give 3 to 600 seconds.") }
    }

    func run() throws {
        var camera = try DeviceStream(device, stream, rate: speed.rate)
        defer { camera.close() }
        try working { try ControlCommandError.naming(device, camera.device) { try tune(&camera) } }
    }

    private func tune(_ camera: inout DeviceStream) throws {
        let device = camera.device
        let controls = try device.controls()
        let before = try device.readings(of: controls)
        for name in keep where !controls.contains(where: { $0.name == name }) {
            throw V4L2Problem.controls([.missing(name, present: controls.map(\.name))])
        }
        let modes = CameraTuning.automaticModes(of: before, keeping: Set(keep))
        let followed = CameraTuning.followed(before, modes: modes)
        // Longer exposures than a frame would lower the rate in the dark.
        if let steady = controls.first(where: { $0.name == "exposure_dynamic_framerate" && !$0.isReadOnly }) {
            try device.apply(ControlPlan([.init(control: steady, value: 0)]))
        }
        try device.apply(ControlPlan(modes))
        note(
            "automatic: "
                + (modes.isEmpty
                    ? "this camera has no automatic modes" : modes.map(\.control.name).joined(separator: " ")))

        let found = try settle(&camera, followed)
        let chosen = CameraTuning.choice(try device.readings(of: followed))
        let off = modes.filter { mode in
            !chosen.contains { name in controls.first { $0.name == name.name }?.automatic?.name == mode.control.name }
        }
        // A mode whose values the camera does not tell is switched off as well: it would go on deciding.
        let plan = try ControlPlan(chosen + off.compactMap(Self.manual), for: controls)
        try device.apply(plan)
        let after = try brightness(&camera, for: .seconds(1))
        try device.verify(plan)
        let readings = try device.readings(of: controls).lasting
        if let save { try CameraCalibrationFile(path: save).save(readings.compactMap(\.setting)) }
        tell(readings, before: found, after: after)
    }

    /// Switches off a mode of which nothing else is known.
    private static func manual(_ step: ControlPlan.Step) -> ControlSetting? {
        [1, 0].first { $0 != step.value && step.control.allows($0) }.map {
            ControlSetting(step.control.name, .number($0))
        }
    }

    /// Waits until the automatic modes rest.
    /// - Returns: brightness of the picture that they arrived at, 0...255.
    private func settle(_ camera: inout DeviceStream, _ followed: [V4L2Control]) throws -> Double {
        let line = LiveLine()
        defer { line.end() }
        var tuning = CameraTuning(following: followed, limit: .fromSeconds(limit), at: .now())
        while true {
            let level = try brightness(&camera, for: .milliseconds(200))
            let values = try camera.device.readings(of: followed).map(\.value)
            let shown = zip(followed, values).map { "\($0.name) \($1.map(String.init) ?? "?")" }
            line.show((shown + ["brightness \(Int(level))"]).joined(separator: ", "))
            switch tuning.add(values, brightness: level, at: .now()) {
            case .settling: continue
            case .steady: return level
            case .expired(let restless):
                throw WorkFailure(
                    "tuning the camera at \(device): \(restless.joined(separator: " ")) still changed after "
                        + "\(limit) s, expected rest for \(CameraTuning.steadyTime.inSeconds) s. Keep light and scene "
                        + "still, give it longer with --limit, or leave a control alone with --keep. Nothing was "
                        + "saved; automatic modes are on.")
            }
        }
    }

    /// Brightness of the first frame after `time`, 0...255; frames have to be fetched meanwhile, or the camera stands.
    private func brightness(_ camera: inout DeviceStream, for time: Duration) throws -> Double {
        let end = MonotonicTime.now() + time
        while true {
            guard let frame = try camera.next() else {
                throw WorkFailure("the camera at \(device) delivers no more frames. Plug it in again.")
            }
            if MonotonicTime.now() >= end, let share = ExposureShare(frame) { return share.brightness }
        }
    }

    private func tell(_ readings: [ControlReading], before: Double, after: Double) {
        if json.isWanted {
            print(
                JSONNode.object([
                    "device": JSONNode(device), "brightness_automatic": JSONNode(number: before.rounded()),
                    "brightness_locked": JSONNode(number: after.rounded()),
                    "controls": JSONNode(
                        .object(
                            readings.map { .init(key: $0.control.name, value: $0.value.map { JSONNode($0) } ?? nil) })),
                    "saved": save.map { JSONNode($0) } ?? nil,
                ]).text())
        } else {
            for reading in readings {
                print("\(reading.control.name)  \(reading.value.map(reading.control.text) ?? "?")")
            }
            print("brightness \(Int(after.rounded())) of 255, \(Int(before.rounded())) with automatic modes")
            if let save {
                print("saved to \(save): let \"calibration\" of the manifest's camera name it, and take the goal again")
            }
        }
        // A tenth of the scale is what anybody sees.
        if abs(after - before) > 25 {
            note(
                "note: locked, the picture is \(after < before ? "darker" : "brighter") (\(Int(after)), "
                    + "\(Int(before)) before): this camera does not tell what its automatic modes chose. Correct it "
                    + "by eye: octo-camera settings \(device) --set exposure_time_absolute=N, beside octo-camera view.")
        }
        if let period = exposure(readings), period > 1 / speed.rate {
            note(
                "note: it exposes \(Int(period * 1_000)) ms, longer than a frame lasts at \(speed.rate) Hz: motion "
                    + "blurs and the rate drops. Give it more light.")
        }
    }

    /// Exposure time, seconds; V4L2_CID_EXPOSURE_ABSOLUTE counts 100 microseconds.
    private func exposure(_ readings: [ControlReading]) -> Double? {
        readings.first { $0.control.name == "exposure_time_absolute" }?.value.map { Double($0) * 1e-4 }
    }
}
