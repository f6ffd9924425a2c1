import Glibc

/// What a control is to be, as a calibration file or a command line says it.
package struct ControlSetting: Equatable, Sendable {
    /// A value as a person writes it, before it is known what the control takes.
    package enum Value: Equatable, Sendable, CustomStringConvertible {
        case number(Int)
        case flag(Bool)
        /// The name of a menu's choice.
        case choice(String)

        /// Reads a value from a command line: `true`, `157`, `Manual Mode`.
        package init(_ text: String) {
            self =
                Int(text).map(Self.number)
                ?? (text == "true" ? .flag(true) : text == "false" ? .flag(false) : .choice(text))
        }

        package var description: String {
            switch self {
            case .number(let number): "\(number)"
            case .flag(let flag): "\(flag)"
            case .choice(let name): "'\(name)'"
            }
        }
    }

    package var name: String
    package var value: Value

    package init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }
}

/// What is wrong with one control.
package enum ControlProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// The camera has no control of this name; `present` holds the names that it has.
    case missing(String, present: [String])
    case notAllowed(V4L2Control, found: ControlSetting.Value)
    case readOnly(V4L2Control)
    /// The automatic mode `mode` is asked for together with the value that it overrules.
    case overruled(V4L2Control, mode: V4L2Control, found: Int)
    case refused(V4L2Control, value: Int, problem: String)
    /// The control was read back as another value than the one that was set.
    case differs(V4L2Control, wanted: Int, found: Int)

    package var description: String {
        switch self {
        case .missing(let name, let present):
            "'\(name)' is not there, expected one of "
                + "\(present.isEmpty ? "none at all" : present.joined(separator: ", "))"
        case .notAllowed(let control, let found):
            "'\(control.name)' is asked to be \(found), expected \(control.allowed)"
        case .readOnly(let control): "'\(control.name)' can only be read, expected one that can be set"
        case .overruled(let control, let mode, let found):
            "'\(control.name)' is asked for while '\(mode.name)' is \(mode.text(found)), expected that to be "
                + (control.automatic?.manualValues.filter(mode.allows).map(mode.text)
                    .joined(separator: " or ") ?? "off")
        case .refused(let control, let value, let problem):
            "'\(control.name)' refuses \(control.text(value)) (\(problem)), expected it to take \(control.allowed)"
        case .differs(let control, let wanted, let found):
            "'\(control.name)' was set to \(control.text(wanted)) and reads \(control.text(found)), expected it to "
                + "stay within "
                + control.allowed
        }
    }
}

/// The steps that bring a camera to its settings: automatic modes first, for they overrule values.
package struct ControlPlan: Equatable, Sendable {
    /// One control with the number that is written to it.
    package struct Step: Equatable, Sendable {
        package var control: V4L2Control
        package var value: Int

        package init(control: V4L2Control, value: Int) {
            self.control = control
            self.value = value
        }
    }
    package private(set) var steps: [Step] = []

    /// Makes a plan without steps.
    package init() {}

    /// Makes the plan that presses a button.
    /// - Parameter button: a control of the kind `button`, which keeps no value that could be read back.
    package init(pressing button: V4L2Control) { steps = [Step(control: button, value: 1)] }

    /// Makes a plan of steps as they are.
    /// - Parameter steps: steps in order, with values that their controls allow.
    package init(_ steps: [Step]) { self.steps = steps }

    /// Makes the plan that brings a camera's controls to their settings.
    /// - Parameter controls: all controls of the camera.
    /// - Throws: `V4L2Problem.controls` with everything that is wrong.
    package init(_ settings: [ControlSetting], for controls: [V4L2Control]) throws(V4L2Problem) {
        var problems: [ControlProblem] = []
        for setting in settings {
            guard let control = controls.first(where: { $0.name == setting.name }) else {
                problems.append(.missing(setting.name, present: controls.filter { !$0.isReadOnly }.map(\.name)))
                continue
            }
            if control.isReadOnly {
                problems.append(.readOnly(control))
            } else if let value = Self.value(setting.value, for: control) {
                steps.append(Step(control: control, value: value))
            } else {
                problems.append(.notAllowed(control, found: setting.value))
            }
        }
        for step in steps {
            guard let (name, manual) = step.control.automatic, let mode = controls.first(where: { $0.name == name })
            else { continue }
            if let asked = steps.first(where: { $0.control.name == name }) {
                if !manual.contains(asked.value) {
                    problems.append(.overruled(step.control, mode: mode, found: asked.value))
                }
            } else if !mode.isReadOnly, let off = manual.first(where: mode.allows) {
                steps.append(Step(control: mode, value: off))
            }
        }
        guard problems.isEmpty else { throw .controls(problems) }
        func isMode(_ step: Step) -> Bool { V4L2Control.automaticModes.contains(step.control.name) }
        steps = steps.filter(isMode) + steps.filter { !isMode($0) }
    }

    private static func value(_ value: ControlSetting.Value, for control: V4L2Control) -> Int? {
        let number: Int? =
            switch value {
            case .number(let number): number
            case .flag(let flag): control.kind == .boolean ? (flag ? 1 : 0) : nil
            case .choice(let name): control.choices.first { $0.name.lowercased() == name.lowercased() }?.value
            }
        return number.flatMap { control.allows($0) ? $0 : nil }
    }
}

extension V4L2Device {
    /// Sets everything, in order.
    package func apply(_ plan: ControlPlan) throws(V4L2Problem) {
        var problems: [ControlProblem] = []
        for step in plan.steps {
            do throws(V4L2Failure) {
                try uninterrupted { () throws(V4L2Failure) in try set(step.control, to: step.value) }
            } catch {
                let problem = V4L2Problem(error, present: presentPaths)
                // EIO is how USB cameras refuse a value: one that is gone says ENODEV.
                if case .unplugged(let code) = problem, code != EIO { throw problem }
                problems.append(
                    .refused(step.control, value: step.value, problem: String(cString: strerror(error.errno))))
            }
        }
        if !problems.isEmpty { throw .controls(problems) }
    }

    /// Reads everything back.
    package func verify(_ plan: ControlPlan) throws(V4L2Problem) {
        var problems: [ControlProblem] = []
        for step in plan.steps {
            let found: Int
            do throws(V4L2Failure) {
                found = try uninterrupted { () throws(V4L2Failure) in try value(of: step.control) }
            } catch {
                throw V4L2Problem(error, present: presentPaths)
            }
            if found != step.value { problems.append(.differs(step.control, wanted: step.value, found: found)) }
        }
        if !problems.isEmpty { throw .controls(problems) }
    }
}
