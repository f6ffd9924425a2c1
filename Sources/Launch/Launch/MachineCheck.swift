import Manifests
import Time

/// What a sound manifest names and this machine lacks. Pure: what the machine has is told by a `MachineProbe`.
package struct MachineCheck: Equatable, Sendable {
    /// One thing that the manifest names and this machine lacks.
    package struct Finding: Equatable, Sendable {
        /// How much a finding matters.
        package enum Severity: String, Sendable {
            /// Something is missing: the robot cannot start.
            case missing
            /// The robot starts, with less than it asks for.
            case warning
            /// Nothing is wrong; somebody should know it.
            case note
        }
        /// Place in the manifest as JSONPath: `$.arm.port`.
        package var path: String
        package var severity: Severity
        package var found: String
        /// Words for what to do about it.
        package var fix: String

        package init(path: String, severity: Severity, found: String, fix: String) {
            self.path = path
            self.severity = severity
            self.found = found
            self.fix = fix
        }
    }
    package private(set) var findings: [Finding] = []

    package init(_ manifest: Manifest, on machine: MachineProbe) {
        for camera in manifest.cameras {
            if case .device(let device) = camera.source {
                check(
                    device.path, as: machine.camera(device.path), at: "$.cameras.\(camera.name).device", what: "camera",
                    group: "video", others: machine.cameras)
                checkStability(of: device.path, at: "$.cameras.\(camera.name).device", machine)
            }
        }
        switch manifest.arm.driver {
        case .simulated: break
        case .dynamixel(let line, _), .feetech(let line):
            // The simulated world brings its own.
            if manifest.simulation != nil, line.port == Manifest.simulatedPort { break }
            check(
                line.port, as: machine.device(line.port), at: "$.arm.port", what: "serial port", group: "dialout",
                others: machine.serialPorts)
        }
        checkRights(manifest.arm.realTime, machine)
        if manifest.bus.transport == .tcp, manifest.bus.isInsecure {
            report("$.bus.insecure", "true", Manifest.Bus.insecurityAdvice(at: manifest.bus.address), .warning)
        }
        if let host = manifest.policyHost {
            report(
                "$.policy.host", "that \(host) computes the policy",
                "its checkpoint is looked at there: octo-launch FILE --host \(host.name) --check", .note)
        }
    }

    /// Adds what the same manifest's files lack.
    package mutating func add(_ problems: [ManifestProblem]) {
        findings =
            problems.map { problem in
                let path = "\(problem.path)"
                let isCalibration = path.hasPrefix("$.cameras.") && path.hasSuffix(".calibration")
                return Finding(
                    path: path, severity: .missing, found: problem.found,
                    fix: "expected \(problem.allowed)" + (problem.suggestion.map { "; did you mean \"\($0)\"?" } ?? "")
                        + (isCalibration ? "; 'octo-camera tune' with --save writes it, or leave the key out" : ""))
            } + findings
    }

    package mutating func add(_ finding: Finding) { findings.append(finding) }

    package var isReady: Bool { !findings.contains { $0.severity == .missing } }

    // MARK: - Devices

    private mutating func check(
        _ path: String, as device: MachineProbe.Device, at place: String, what: String, group: String, others: [String]
    ) {
        let key = place.dropFirst(2)
        let others = others.filter { $0 != path }
        let choice =
            others.isEmpty
            ? "plug it in (no \(what) is there)" : "set \(key) to one that is there: \(others.joined(separator: ", "))"
        switch device {
        case .ready: break
        case .absent: report(place, "no \(path)", choice)
        case .noDevice: report(place, "\(path), which is no device", choice)
        case .forbidden:
            report(
                place, "\(path), without the right to read and write it",
                "join its group (sudo usermod -aG \(group) $USER), and log in again")
        }
    }

    /// Warns of numbers that the kernel gives anew at each start: what was the camera over the table is the wrist's
    /// tomorrow.
    private mutating func checkStability(of path: String, at place: String, _ machine: MachineProbe) {
        guard path.hasPrefix("/dev/video"), Int(path.dropFirst("/dev/video".count)) != nil else { return }
        let better = machine.stableCameraName(path)
        report(
            place, "\(path), which may be another camera after a restart",
            "set \(place.dropFirst(2)) to " + (better ?? "a name that 'octo-camera list' shows"), .warning)
    }

    private mutating func report(
        _ path: String, _ found: String, _ fix: String, _ severity: Finding.Severity = .missing
    ) {
        findings.append(Finding(path: path, severity: severity, found: found, fix: fix))
    }

    // MARK: - Rights

    private mutating func checkRights(_ wanted: Manifest.Arm.RealTime, _ machine: MachineProbe) {
        let severity = wanted.isRequired ? Finding.Severity.missing : .warning
        let fix =
            "add '@realtime - rtprio 90' and '@realtime - memlock unlimited' to /etc/security/limits.conf, join that "
            + "group, "
            + "and log in again (a container needs --ulimit rtprio=99, --ulimit memlock=-1 and --cap-add SYS_NICE)"
        if wanted.priority > machine.highestPriority {
            report(
                "$.arm.realtime.priority", "\(wanted.priority), and at most \(machine.highestPriority) is allowed here",
                fix,
                severity)
        }
        if wanted.locksMemory && !machine.mayLockMemory {
            report("$.arm.realtime.lock_memory", "true, and this user may not lock memory", fix, severity)
        }
        if let cpu = wanted.cpu, cpu >= machine.processors {
            report(
                "$.arm.realtime.cpu", "\(cpu), and this machine has \(machine.processors)",
                "set arm.realtime.cpu to at most \(machine.processors - 1)")
        }
    }
}

/// What this machine has; tests answer for one that is not there.
package struct MachineProbe: Sendable {
    /// What is at a device's path.
    package enum Device: Sendable {
        case ready
        case absent
        /// The path is that of a file or folder.
        case noDevice
        case forbidden
    }
    package var device: @Sendable (_ path: String) -> Device
    /// A camera by any of its names.
    package var camera: @Sendable (_ name: String) -> Device
    /// What a camera at a path can be called that outlives a restart; nil: nothing.
    package var stableCameraName: @Sendable (_ path: String) -> String?
    /// Paths of serial ports, names that stay first.
    package var serialPorts: [String]
    package var cameras: [String]
    /// Highest SCHED_FIFO priority that an ordinary process may ask for; 0: none.
    package var highestPriority: Int
    package var mayLockMemory: Bool
    package var processors: Int

    package init(
        device: @escaping @Sendable (_ path: String) -> Device,
        camera: (@Sendable (_ name: String) -> Device)? = nil,
        stableCameraName: @escaping @Sendable (_ path: String) -> String? = { _ in nil }, serialPorts: [String],
        cameras: [String], highestPriority: Int, mayLockMemory: Bool, processors: Int
    ) {
        self.device = device
        self.camera = camera ?? device
        self.stableCameraName = stableCameraName
        self.serialPorts = serialPorts
        self.cameras = cameras
        self.highestPriority = highestPriority
        self.mayLockMemory = mayLockMemory
        self.processors = processors
    }
}
