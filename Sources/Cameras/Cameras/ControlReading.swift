import Glibc
import Messages

/// A control of a camera and what it is set to.
package struct ControlReading: Equatable, Sendable {
    package var control: V4L2Control
    /// The control's value; nil: it has none, or does not tell.
    package var value: Int?

    package init(_ control: V4L2Control, _ value: Int?) {
        self.control = control
        self.value = value
    }

    /// The value as a calibration file says it: readable, and the same on every kernel.
    package var setting: ControlSetting? {
        guard let value else { return nil }
        switch control.kind {
        case .integer: return ControlSetting(control.name, .number(value))
        case .boolean: return ControlSetting(control.name, .flag(value != 0))
        case .menu(let choices):
            // Names of choices may repeat or be missing; then the number has to do.
            let name = choices.filter { $0.value == value }.first?.name
            let isUnique = choices.filter { $0.name.lowercased() == name?.lowercased() }.count == 1
            return ControlSetting(control.name, name.flatMap { isUnique ? .choice($0) : nil } ?? .number(value))
        case .integerMenu: return ControlSetting(control.name, .number(value))
        case .button, .other: return nil
        }
    }
}

extension [ControlReading] {
    /// The automatic mode that decides over `control` now; nil: what it is set to is what it is.
    package func mode(over control: V4L2Control) -> ControlReading? {
        guard let (name, manual) = control.automatic, let mode = first(where: { $0.control.name == name }),
            let value = mode.value,
            !manual.contains(value)
        else { return nil }
        return mode
    }

    /// Readings that decide about the picture and stay as they are: everything that a calibration file keeps. Values
    /// that an automatic mode changes from frame to frame are left out.
    package var lasting: [ControlReading] {
        filter { $0.control.shapesThePicture && $0.value != nil && mode(over: $0.control) == nil }
    }

    /// The readings as they travel with frames.
    package var frameSettings: [CameraFrame.Setting] {
        compactMap { reading in reading.value.map { .init(name: reading.control.name, value: reading.control.text($0)) }
        }
    }
}

extension V4L2Device {
    /// Reads what the open device's controls are set to.
    package func readings() throws(V4L2Failure) -> [ControlReading] {
        try readings(of: controls())
    }

    /// Reads what these controls are set to; one that cannot be read has no value.
    /// - Parameter controls: controls of the open device.
    package func readings(of controls: [V4L2Control]) throws(V4L2Failure) -> [ControlReading] {
        var readings: [ControlReading] = []
        for control in controls {
            guard control.kind != .button && control.kind != .other else {
                readings.append(ControlReading(control, nil))
                continue
            }
            do throws(V4L2Failure) {
                readings.append(
                    ControlReading(control, try uninterrupted { () throws(V4L2Failure) in try value(of: control) }))
            } catch {
                // Some cameras announce controls that they do not have. One that is gone says ENODEV.
                if error.errno == ENODEV { throw error }
                readings.append(ControlReading(control, nil))
            }
        }
        return readings
    }
}
