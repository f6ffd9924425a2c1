import Glibc

/// Something that can be set on a camera, as its driver describes it.
package struct V4L2Control: Equatable, Sendable {
    /// What values a control takes.
    package enum Kind: Equatable, Sendable {
        case integer
        case boolean
        /// Named choices, and choices that are numbers.
        case menu([Choice])
        case integerMenu([Choice])
        /// Setting it does something; it keeps no value.
        case button
        /// A text, a bit mask: nothing that one number says.
        case other
    }
    /// One choice of a menu, with the value that stands for it.
    package struct Choice: Equatable, Sendable {
        package var value: Int
        package var name: String

        package init(_ value: Int, _ name: String) {
            self.value = value
            self.name = name
        }
    }

    package var id: UInt32
    /// Name as `v4l2-ctl` spells it: `exposure_time_absolute`.
    package var name: String
    package var kind: Kind
    package var range: ClosedRange<Int>
    /// Difference between two values, at least 1.
    package var step: Int
    /// Value that the driver starts with.
    package var preset: Int
    package var isReadOnly: Bool
    /// Whether the control has no effect, as while an automatic mode is on.
    package var isInactive: Bool

    /// Makes a control as the driver describes it.
    /// - Parameter driverName: name as the driver writes it: `Exposure Time, Absolute`.
    package init(
        id: UInt32, driverName: String, kind: Kind, range: ClosedRange<Int>, step: Int = 1, preset: Int = 0,
        isReadOnly: Bool = false, isInactive: Bool = false
    ) {
        self.id = id
        name = Self.names[id] ?? Self.name(driverName)
        self.kind = kind
        self.range = range
        self.step = max(step, 1)
        self.preset = preset
        self.isReadOnly = isReadOnly
        self.isInactive = isInactive
    }

    /// Names of the controls that decide about the picture. Kernels before 5.15 have other texts for some of them
    /// (`Exposure (Absolute)`): a calibration is to hold on both. The ids are those of linux/v4l2-controls.h.
    private static let names: [UInt32: String] = [
        0x98_0900: "brightness", 0x98_0901: "contrast", 0x98_0902: "saturation", 0x98_0903: "hue",
        0x98_090c: "white_balance_automatic", 0x98_090e: "red_balance", 0x98_090f: "blue_balance", 0x98_0910: "gamma",
        0x98_0911: "exposure", 0x98_0912: "gain_automatic", 0x98_0913: "gain", 0x98_0914: "horizontal_flip",
        0x98_0915: "vertical_flip", 0x98_0918: "power_line_frequency",
        0x98_0919: "hue_automatic", 0x98_091a: "white_balance_temperature", 0x98_091b: "sharpness",
        0x98_091c: "backlight_compensation", 0x98_0920: "brightness_automatic", 0x9a_0901: "auto_exposure",
        0x9a_0902: "exposure_time_absolute", 0x9a_0903: "exposure_dynamic_framerate", 0x9a_090a: "focus_absolute",
        0x9a_090c: "focus_automatic_continuous", 0x9a_090d: "zoom_absolute",
    ]

    /// Whether it decides about the picture, and is worth keeping in a calibration.
    package var shapesThePicture: Bool { Self.names[id] != nil }

    /// Makes a name of the driver's words: letters and digits in lower case, everything else as one underscore: what
    /// `v4l2-ctl` does.
    private static func name(_ driverName: String) -> String {
        driverName.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }.joined(separator: "_")
    }

    /// Choices of a menu; empty for other kinds.
    package var choices: [Choice] {
        switch kind {
        case .menu(let choices), .integerMenu(let choices): choices
        case .integer, .boolean, .button, .other: []
        }
    }

    /// Whether the control takes `value`: within its range and on a step, or a choice of its menu.
    package func allows(_ value: Int) -> Bool {
        switch kind {
        case .integer, .boolean: range.contains(value) && (value - range.lowerBound) % step == 0
        case .menu(let choices), .integerMenu(let choices): choices.contains { $0.value == value }
        case .button, .other: false
        }
    }

    /// Values that it may have, in words.
    package var allowed: String {
        switch kind {
        case .boolean: return "true or false"
        case .integer: return "\(range.lowerBound) to \(range.upperBound)" + (step > 1 ? " in steps of \(step)" : "")
        case .menu(let choices), .integerMenu(let choices):
            return choices.map { "\($0.value) (\($0.name))" }.joined(separator: ", ")
        case .button: return "to be pressed"
        case .other: return "nothing"
        }
    }

    /// Puts a value of the control into words.
    package func text(_ value: Int) -> String {
        if kind == .boolean, value == 0 || value == 1 { return value == 1 ? "true" : "false" }
        return choices.first { $0.value == value }.map { "\(value) (\($0.name))" } ?? "\(value)"
    }

    /// The automatic mode that overrules it, and the values at which that mode leaves it alone.
    package var automatic: (name: String, manualValues: [Int])? { Self.automatics[name] }

    private static let automatics: [String: (name: String, manualValues: [Int])] = [
        // V4L2_EXPOSURE_MANUAL; V4L2_EXPOSURE_SHUTTER_PRIORITY leaves the time alone as well.
        "exposure_time_absolute": ("auto_exposure", [1, 2]), "exposure": ("auto_exposure", [1, 2]),
        "gain": ("gain_automatic", [0]), "white_balance_temperature": ("white_balance_automatic", [0]),
        "red_balance": ("white_balance_automatic", [0]), "blue_balance": ("white_balance_automatic", [0]),
        "focus_absolute": ("focus_automatic_continuous", [0]), "hue": ("hue_automatic", [0]),
        "brightness": ("brightness_automatic", [0]),
    ]
    /// The modes that `automatic` speaks of.
    package static let automaticModes = Set(automatics.values.map(\.name))
}

extension V4L2Device {
    /// Lists the controls of the open device that can be set and read back.
    package func controls() throws(V4L2Failure) -> [V4L2Control] {
        var controls: [V4L2Control] = []
        var last: UInt32 = 0
        // No driver has a tenth as many.
        for _ in 0..<1_000 {
            var control: V4L2Control
            do throws(V4L2Failure) {
                control = try uninterrupted { () throws(V4L2Failure) in try self.control(after: last) }
            } catch {
                guard error.errno == EINVAL || error.errno == ENOTTY else { throw error }
                break
            }
            // A driver that does not go on would be asked for ever.
            guard control.id > last else { break }
            last = control.id
            switch control.kind {
            case .menu: control.kind = .menu(try choices(of: control))
            case .integerMenu: control.kind = .integerMenu(try choices(of: control))
            case .integer, .boolean, .button: break
            case .other: continue
            }
            controls.append(control)
        }
        return controls
    }

    /// A menu may have gaps: cameras leave out the modes they lack.
    private func choices(of control: V4L2Control) throws(V4L2Failure) -> [V4L2Control.Choice] {
        var choices: [V4L2Control.Choice] = []
        for value in control.range.prefix(256) {
            do throws(V4L2Failure) {
                let name = try uninterrupted { () throws(V4L2Failure) in try choice(value, of: control) }
                choices.append(.init(value, name))
            } catch {
                guard error.errno == EINVAL else { throw error }
            }
        }
        return choices
    }
}
