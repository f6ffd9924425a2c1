import ArgumentParser
import Cameras
import Images
import JSONTree
import NodeShell

/// Shows and sets what can be set on a camera.
struct SettingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Show, set and save a camera's controls: exposure, gain, white balance, focus.",
        discussion: """
            Also while a run uses the camera. Values that an automatic mode overrules are marked; setting one switches \
            its mode off. Everything set is read back, and told if the camera made something else of it:

              octo-camera settings usb:4F2A91 --set exposure_time_absolute=120 --set gain=0
              octo-camera settings usb:4F2A91 --save calibration/cameras/primary.json

            A manifest's camera with this file as its "calibration" is locked at these values whenever it is opened. \
            In a run the file decides: what is set here meanwhile is set back, and told. Exit codes: 0 done, 2 \
            refused.
            """)

    @Argument(
        help: "The camera, as 'octo-camera list' shows it: /dev/v4l/by-id/…, usb:SERIAL, its bus, or /dev/video0.")
    var device: String

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Set this control to a number, true, false or a choice's name.", valueName: "name=value"))
    var changes: [String] = []

    @Option(name: .customLong("press"), help: ArgumentHelp("Press a button.", valueName: "name"))
    var presses: [String] = []

    @Option(
        help: ArgumentHelp("Write the values into a calibration file; what else is in it stays.", valueName: "file"))
    var save: String?

    @OptionGroup var json: JSONFlag

    private var settings: [ControlSetting] {
        get throws {
            try changes.map { text in
                guard let sign = text.firstIndex(of: "="), sign > text.startIndex else {
                    throw ValidationError("--set \(text): expected NAME=VALUE, such as gain=0.")
                }
                return ControlSetting(String(text[..<sign]), .init(String(text[text.index(after: sign)...])))
            }
        }
    }

    func validate() throws { _ = try settings }

    func run() throws {
        try withDevice(device) { device in
            let controls = try device.controls()
            let plan = try ControlPlan(try settings, for: controls)
            let buttons = try presses.map { name in
                guard let button = controls.first(where: { $0.name == name && $0.kind == .button }) else {
                    throw V4L2Problem.controls([
                        .missing(name, present: controls.filter { $0.kind == .button }.map(\.name))
                    ])
                }
                return button
            }
            try device.apply(plan)
            try device.verify(plan)
            for button in buttons { try device.apply(ControlPlan(pressing: button)) }
            // Pressing a button may have cut the device off: then there is nothing more to read.
            guard buttons.isEmpty || save != nil || json.isWanted else { return }
            let readings = try device.readings()
            if let save {
                try CameraCalibrationFile(path: save).save(readings.lasting.compactMap(\.setting))
                let modes = readings.filter { readings.mode(over: $0.control) != nil }.map(\.control.name)
                note(
                    "saved \(readings.lasting.count) controls to \(save)"
                        + (modes.isEmpty
                            ? ""
                            : "; left out as automatic: \(modes.joined(separator: " ")). 'octo-camera tune' finds "
                                + "values for them")
                )
            }
            if json.isWanted {
                print(JSONNode.object(["controls": JSONNode(.array(readings.map { Self.json($0, readings) }))]).text())
            } else if save == nil {
                print(Self.text(readings))
            }
        }
    }

    static func json(_ reading: ControlReading, _ readings: [ControlReading]) -> JSONNode {
        let control = reading.control
        let kind =
            switch control.kind {
            case .integer: "integer"
            case .boolean: "boolean"
            case .menu: "menu"
            case .integerMenu: "integer_menu"
            case .button: "button"
            case .other: "other"
            }
        let choices = control.choices.map { JSONNode.object(["value": JSONNode($0.value), "name": JSONNode($0.name)]) }
        return .object([
            "name": JSONNode(control.name), "kind": JSONNode(kind), "value": reading.value.map { JSONNode($0) } ?? nil,
            "minimum": JSONNode(control.range.lowerBound), "maximum": JSONNode(control.range.upperBound),
            "step": JSONNode(control.step), "default": JSONNode(control.preset), "choices": JSONNode(.array(choices)),
            "read_only": JSONNode(.bool(control.isReadOnly)),
            "overruled_by": readings.mode(over: control).map { JSONNode($0.control.name) } ?? nil,
            "saved": JSONNode(.bool(readings.lasting.contains(reading))),
        ])
    }

    private static func text(_ readings: [ControlReading]) -> String {
        let width = readings.map(\.control.name.count).max() ?? 0
        return readings.map { reading in
            let control = reading.control
            let name = control.name.padding(to: width)
            guard let value = reading.value else {
                return "\(name)  \(control.kind == .button ? "a button" : "(not told)")"
            }
            var line = "\(name)  \(control.text(value))  [\(control.allowed)]"
            if control.isReadOnly { line += "  read only" }
            if let mode = readings.mode(over: control) { line += "  changed by \(mode.control.name)" }
            return line
        }.joined(separator: "\n")
    }
}

extension String {
    /// The text, filled up with spaces.
    func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
