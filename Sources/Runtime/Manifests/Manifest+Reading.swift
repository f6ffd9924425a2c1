import Files
import JSONTree
import Messages
import Time

extension Manifest {
    /// Reads and checks a manifest.
    /// - Parameters:
    ///   - overrides: put into it, in order, before it is checked.
    ///   - asksForFiles: whether files that it names have to be there.
    /// - Throws: all problems together. open(2), stat(2), readdir(3).
    package static func load(
        _ path: String, overrides: [ManifestOverride] = [], asksForFiles: Bool = true
    ) throws(ManifestError) -> Manifest {
        let (text, folder) = try text(path)
        return try Manifest(
            parsing: text, path: path, folder: folder, overrides: overrides, workingFolder: FileSystem.workingFolder,
            files: asksForFiles ? .disk : nil)
    }

    /// The content of a manifest, and the folder that paths within it are seen from.
    static func text(_ path: String) throws(ManifestError) -> (text: [UInt8], folder: String) {
        let text: [UInt8]
        switch FileSystem.read(path) {
        case .success(let content): text = content
        case .failure(let error): throw .unreadable(path: path, reason: error.description)
        }
        let workingFolder = FileSystem.workingFolder
        let absolute = FileSystem.resolved(path) ?? FileSystem.absolute(path, from: workingFolder)
        // Paths in the manifest are seen from where the user says it lies, also when it is a link to elsewhere.
        let named = FileSystem.folder(of: FileSystem.absolute(path, from: workingFolder))
        return (text, FileSystem.resolved(named) ?? FileSystem.folder(of: absolute))
    }

    /// A manifest's JSON with `overrides` put into it.
    static func tree(
        parsing text: some Collection<UInt8>, path: String, overrides: [ManifestOverride]
    ) throws(ManifestError) -> JSONNode {
        var tree: JSONNode
        do throws(JSONSyntaxError) {
            tree = try JSONNode(parsing: text)
        } catch {
            throw .notJSON(path: path, error)
        }
        for override in overrides { try override.apply(to: &tree) }
        return tree
    }

    /// - Parameters:
    ///   - path: how error messages call it; without `name` in it, the manifest is named after it.
    ///   - folder: absolute; what paths within the manifest are relative to.
    ///   - workingFolder: absolute; what paths in `overrides` are relative to.
    ///   - files: answers whether files are there; nil: do not ask.
    package init(
        parsing text: some Collection<UInt8>, path: String, folder: String, overrides: [ManifestOverride] = [],
        workingFolder: String, files: FileProbe?
    ) throws(ManifestError) {
        let tree = try Self.tree(parsing: text, path: path, overrides: overrides)
        var check = ManifestCheck(
            files: files, manifestFolder: folder, workingFolder: workingFolder, overridden: overrides.map(\.path))
        let sound = check.check(tree, against: ManifestKeys.root, at: ManifestPath())
        if let sound { check.checkConflicts(in: sound) }
        guard let sound, check.problems.isEmpty else { throw .invalid(path: path, check.problems) }
        var complete = Self.with(folder: "goals", as: "library", of: "goal", in: sound, workingFolder: workingFolder)
        complete = Self.with(folder: "episodes", as: "folder", of: "record", in: complete, workingFolder: workingFolder)
        self.init(checked: complete, fallbackName: Self.name(fromFile: path))
    }

    /// Goals and episodes are kept where people work, not where the manifest happens to lie; all processes and programs
    /// of the run are to mean the same folder.
    private static func with(
        folder: String, as key: String, of section: String, in tree: JSONNode, workingFolder: String
    ) -> JSONNode {
        guard let node = tree[section], node[key] == nil else { return tree }
        return tree.with(section, node.with(key, JSONNode(FileSystem.absolute(folder, from: workingFolder))))
    }

    /// `My_robot.json` gives `my-robot`.
    static func name(fromFile path: String) -> String {
        var name = path.split(separator: "/").last.map(String.init) ?? ""
        if let dot = name.lastIndex(of: "."), dot != name.startIndex { name = String(name[..<dot]) }
        let signs = name.lowercased().map { ("a"..."z").contains($0) || ("0"..."9").contains($0) ? $0 : "-" }
        let trimmed = String(signs.drop { !("a"..."z").contains($0) }.prefix(ManifestRule.maximumNameLength))
        return ManifestRule.isName(trimmed, separator: "-") ? trimmed : "robot"
    }

    private init(checked: JSONNode, fallbackName: String) {
        var tree = checked
        if tree["name"] == nil {
            tree = JSONNode(.object([.init(key: "name", value: JSONNode(fallbackName))] + (tree.object ?? [])))
        }
        let root = CheckedSection(tree)
        name = root.string("name")
        bus = Bus(root.section("bus"))
        cameras = root.named("cameras").map { Camera(name: $0.name, CheckedSection($0.value)) }
        goal = Goal(root.section("goal"), cameras: cameras)
        policy = Policy(root.section("policy"))
        arm = Arm(root.section("arm"))
        simulation = root.has("simulation") ? Simulation(root.section("simulation")) : nil
        let beforeGoal = root.section("teleop").section("before_goal")
        teleop = Teleop(
            opensGripperBeforeGoal: beforeGoal.bool("open_gripper"), retreatBeforeGoal: beforeGoal.choice("pose"),
            confirmation: root.section("teleop").seconds("confirm_s"))
        record = Record(root.section("record"))
        supervision = Supervision(root.section("supervision"))
        self.tree = tree
    }
}

/// A section whose values are known to keep the rules. A missing one is a broken promise of `ManifestCheck`.
private struct CheckedSection {
    private let node: JSONNode

    init(_ node: JSONNode) { self.node = node }

    private func expect<Value>(_ key: String, _ value: Value?) -> Value {
        guard let value else { preconditionFailure("the manifest's check let a faulty '\(key)' pass") }
        return value
    }
    func has(_ key: String) -> Bool { node[key] != nil }
    func bool(_ key: String) -> Bool { expect(key, node[key]?.bool) }
    func optionalDouble(_ key: String) -> Double? { node[key]?.double }
    func int(_ key: String) -> Int { expect(key, node[key]?.int) }
    func optionalInts(_ key: String) -> [Int]? { node[key]?.array?.compactMap(\.int) }
    func optionalInt(_ key: String) -> Int? { node[key]?.int }
    func double(_ key: String) -> Double { expect(key, node[key]?.double) }
    func string(_ key: String) -> String { expect(key, node[key]?.string) }
    func optionalString(_ key: String) -> String? { node[key]?.string }
    func rate(_ key: String) -> Rate { Rate(hertz: double(key)) }
    func seconds(_ key: String) -> Duration { .fromSeconds(double(key)) }
    func choice<Choice: RawRepresentable<String>>(_ key: String) -> Choice {
        expect(key, Choice(rawValue: string(key)))
    }
    func proprioLayout(_ key: String) -> ProprioLayout? {
        guard let written = node[key] else { return nil }
        if let fields = written.array {
            return .fields(fields.map { expect(key, $0.string.flatMap(ProprioField.init(name:))) })
        }
        return expect(key, written.string.flatMap(ProprioLayout.init(name:)))
    }
    func numbersByName(_ key: String) -> [String: [Double]] {
        Dictionary(
            uniqueKeysWithValues: (node[key]?.object ?? []).map { ($0.key, $0.value.array?.compactMap(\.double) ?? []) }
        )
    }
    /// Names in a section of named sections for which `flag` is true.
    func namesWhere(_ flag: String, in key: String) -> Set<String> {
        Set((node[key]?.object ?? []).filter { $0.value[flag]?.bool == true }.map(\.key))
    }
    func section(_ key: String) -> CheckedSection { CheckedSection(expect(key, node[key])) }
    /// Sorted, so that the order in the file decides nothing.
    func named(_ key: String) -> [(name: String, value: JSONNode)] {
        expect(key, node[key]?.object).map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
    }
    func doubles(_ key: String) -> [Double]? { node[key]?.array?.compactMap(\.double) }
}

extension Manifest.Record {
    fileprivate init(_ section: CheckedSection) {
        self.init(
            isEnabled: section.bool("enabled"), folder: section.string("folder"), start: section.choice("start"),
            ring: section.seconds("ring_s"), memoryBytes: section.int("memory_mb") << 20,
            compression: section.choice("compression"), packsFrames: section.bool("pack_frames"),
            mode: section.choice("mode"))
    }
}

extension Manifest.Bus {
    fileprivate init(_ section: CheckedSection) {
        self.init(transport: section.choice("transport"), basePort: section.int("base_port"))
    }
}

extension Manifest.Camera {
    fileprivate init(name: String, _ section: CheckedSection) {
        let rate = section.rate("rate_hz")
        let source: Source =
            switch section.string("source") {
            case "v4l2":
                .device(
                    Device(
                        path: section.string("device"), width: section.int("width"), height: section.int("height"),
                        rate: rate,
                        format: section.optionalString("format").flatMap(PixelFormat.init(rawValue:)),
                        calibration: section.optionalString("calibration")))
            case "simulated":
                .simulated(
                    Simulated(
                        width: section.int("width"), height: section.int("height"), rate: rate,
                        latency: section.seconds("latency_s"), noise: section.double("noise"),
                        exposureDrift: section.double("exposure_drift"), dropProbability: section.double("drop"),
                        freezesAfter: section.optionalDouble("freeze_after_s").map { .fromSeconds($0) },
                        seed: UInt64(section.int("seed"))))
            default:
                .images(
                    ImageFolder(
                        folder: section.string("folder"), pattern: section.string("pattern"), rate: rate,
                        loops: section.bool("loop")))
            }
        let mount = section.optionalString("mount") ?? (name.hasPrefix("wrist") ? "arm" : "scene")
        self.init(name: name, source: source, ridesOnArm: mount == "arm")
    }

    /// What its frames are called, where they are files.
    fileprivate var pattern: String? {
        switch source {
        case .images(let images): images.pattern
        case .device, .simulated: nil
        }
    }
}

extension Manifest.Simulation {
    fileprivate init(_ section: CheckedSection) {
        self.init(
            scene: section.optionalString("scene"), model: section.optionalString("mjcf"),
            seed: section.optionalInt("seed").map { UInt64($0) },
            task: section.optionalString("task").flatMap(ManifestSimulatedTask.init(rawValue:)),
            object: section.optionalString("object"),
            film: section.optionalString("film"), filmRate: section.rate("film_rate_hz"))
    }
}

extension Manifest.Goal {
    fileprivate init(_ section: CheckedSection, cameras: [Manifest.Camera]) {
        let source: Source =
            switch section.string("source") {
            case "images":
                .images(section.named("images").map { CameraFile(camera: $0.name, path: $0.value.string ?? "") })
            case "episode":
                .episode(
                    folder: section.string("folder"), frame: section.int("frame"),
                    patterns: section.has("patterns")
                        ? section.named("patterns").map {
                            CameraPattern(camera: $0.name, pattern: $0.value.string ?? "")
                        }
                        : cameras.map { CameraPattern(camera: $0.name, pattern: $0.pattern ?? "*") })
            case "text": .text
            case "library": .library
            default: .none
            }
        self.init(
            source: source, text: section.optionalString("text"), name: section.optionalString("name"),
            library: section.string("library"), use: section.choice("use"))
    }
}

extension Manifest.Policy {
    fileprivate init(_ section: CheckedSection) {
        self.init(
            checkpoint: section.string("checkpoint"), step: section.optionalInt("step"),
            tokenizer: section.optionalString("tokenizer"), dataset: section.optionalString("dataset"),
            normalization: section.optionalString("normalization").flatMap(ManifestNormalization.init),
            rate: section.rate("rate_hz"), window: section.optionalInt("window"),
            proprio: section.proprioLayout("proprio"),
            taskNumbers: section.numbersByName("task_numbers"),
            optionalCameras: section.namesWhere("optional", in: "cameras"),
            preprocessing: section.choice("preprocess"),
            requiresGoal: section.bool("require_goal"), requiredFit: section.choice("require_goal_fit"),
            onDrift: section.choice("on_drift"), seed: UInt64(section.int("seed")), threads: section.int("threads"),
            cpus: section.optionalInts("cpus"), precision: section.choice("precision"),
            maximumFrameAge: section.seconds("max_frame_age_s"), actionSpace: section.choice("action_space"),
            keepsBLASCore: section.bool("keep_blas_core"))
    }
}

extension Manifest.Arm {
    /// - Parameter node: the section as its check gives it.
    init(checked node: JSONNode) { self.init(CheckedSection(node)) }

    fileprivate init(_ section: CheckedSection) {
        let realTime = section.section("realtime")
        let (gripper, servos) = (section.section("gripper"), section.section("servo_limits"))
        self.init(
            driver: Driver(section),
            calibration: section.string("calibration"), controlRate: section.rate("control_rate_hz"),
            strategy: section.choice("strategy"), executionHorizon: section.int("execution_horizon"),
            ensembleWeight: section.double("ensemble_weight"), ensembleSize: section.int("ensemble_size"),
            blend: section.seconds("blend_s"),
            gripper: Gripper(
                mode: gripper.choice("mode"), threshold: gripper.double("threshold"),
                stickySteps: gripper.int("sticky_steps")),
            servoLimits: ServoLimits(
                stallError: servos.double("stall_error_rad"), stallLoad: servos.double("stall_load"),
                stallTime: servos.seconds("stall_time_s"), overloadLoad: servos.double("overload_load"),
                overloadTime: servos.seconds("overload_time_s"), temperature: servos.double("temperature_c")),
            deadManTimeout: section.seconds("dead_man_timeout_s"), emergencyStop: section.choice("emergency_stop"),
            watchdog: section.seconds("watchdog_s"), stateRate: section.rate("state_rate_hz"),
            realTime: RealTime(
                priority: realTime.int("priority"), locksMemory: realTime.bool("lock_memory"),
                cpu: realTime.optionalInt("cpu"), isRequired: realTime.bool("required")))
    }
}

extension Manifest.Supervision {
    fileprivate init(_ section: CheckedSection) {
        self.init(
            readyTimeout: section.seconds("ready_timeout_s"), maximumRestarts: section.int("max_restarts"),
            backoff: section.seconds("backoff_s"), maximumBackoff: section.seconds("backoff_max_s"),
            statusTimeout: section.seconds("status_timeout_s"), stopTimeout: section.seconds("stop_timeout_s"))
    }
}

extension Manifest.Arm.Driver {
    fileprivate init(_ section: CheckedSection) {
        var line: Manifest.Arm.SerialLine { .init(port: section.string("port"), baud: section.int("baud")) }
        switch section.string("driver") {
        case "dynamixel": self = .dynamixel(line, watchdog: section.seconds("bus_watchdog_s"))
        case "feetech": self = .feetech(line)
        default:
            let simulated = section.section("simulated")
            self = .simulated(
                .init(
                    timeConstant: simulated.seconds("time_constant_s"),
                    initialPositions: simulated.doubles("initial_rad")))
        }
    }
}
