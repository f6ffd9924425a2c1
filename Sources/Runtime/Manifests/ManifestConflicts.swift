import Files
import JSONTree

/// Combinations of values that are each allowed, but not together.
extension ManifestCheck {
    /// - Parameter tree: what `check` returned: sound members only, defaults filled in.
    mutating func checkConflicts(in tree: JSONNode) {
        checkRates(in: tree)
        checkPorts(in: tree)
        checkCameraFolders(in: tree)
        checkPolicyCameras(in: tree)
        checkGoal(in: tree)
        checkSimulation(in: tree)
    }

    /// What is in the simulated world needs one.
    private mutating func checkSimulation(in tree: JSONNode) {
        let isSimulated = tree["simulation"] != nil
        if !isSimulated, isSound(ManifestPath(["simulation"])) {
            let allowed = "a real one, or a section \"simulation\" beside it: {} will do"
            for camera in tree["cameras"]?.object ?? [] where camera.value["source"]?.string == "simulated" {
                report(
                    ["cameras", camera.key, "source"], in: tree, found: "\"simulated\" without a simulated world",
                    allowed: allowed)
            }
            if tree["arm"]?["port"]?.string == Manifest.simulatedPort {
                report(["arm", "port"], in: tree, found: "\"simulation\" without a simulated world", allowed: allowed)
            }
        }
        if tree["arm"]?["port"]?.string == Manifest.simulatedPort, tree["arm"]?["driver"]?.string != "dynamixel" {
            report(
                ["arm", "driver"], in: tree, found: tree["arm"]?["driver"]?.text() ?? "",
                allowed: "\"dynamixel\": that is what the servos of the simulated world speak")
        }
        for camera in tree["cameras"]?.object ?? []
        where camera.value["source"]?.string == "simulated" && !Self.simulatedCameras.contains(camera.key) {
            report(
                ["cameras", camera.key], in: tree, found: "a simulated camera called \"\(camera.key)\"",
                allowed: "the cameras of the simulated world: " + Self.simulatedCameras.joined(separator: ", "))
        }
    }

    /// One state may then be lost, and the two around it are still near enough to each other. Hz.
    private static let leastStateRate = 20.0

    private static let simulatedCameras = ["primary", "wrist"]

    mutating func checkRates(in tree: JSONNode) {
        let (policy, arm, supervision) = (tree["policy"], tree["arm"], tree["supervision"])
        if let node = arm?["watchdog_s"], let watchdog = node.double, let rate = policy?["rate_hz"]?.double,
            watchdog < 1 / rate
        {
            report(
                ["arm", "watchdog_s"], in: tree, found: "\(node.text()) s",
                allowed:
                    "at least one policy step, \(Self.text(1 / rate)) s at policy.rate_hz \(Self.text(rate)), or the "
                    + "arm would stop between any two chunks")
        }
        if let node = arm?["control_rate_hz"], let control = node.double, let rate = policy?["rate_hz"]?.double,
            control < 4 * rate
        {
            report(
                ["arm", "control_rate_hz"], in: tree, found: "\(node.text()) Hz",
                allowed: "at least four times policy.rate_hz, here \(Self.text(4 * rate)) Hz, to move smoothly between "
                    + "policy steps")
        }
        if let node = arm?["state_rate_hz"], let state = node.double, let control = arm?["control_rate_hz"]?.double,
            state > control
        {
            report(
                ["arm", "state_rate_hz"], in: tree, found: "\(node.text()) Hz",
                allowed: "at most arm.control_rate_hz, here \(Self.text(control)) Hz")
        }
        if policy?["proprio"] != nil, let node = arm?["state_rate_hz"], let state = node.double,
            let rate = policy?["rate_hz"]?.double, state < max(Self.leastStateRate, 2 * rate)
        {
            report(
                ["arm", "state_rate_hz"], in: tree, found: "\(node.text()) Hz with policy.proprio",
                allowed:
                    "at least \(Self.text(max(Self.leastStateRate, 2 * rate))) Hz: each observation waits for the "
                    + "arm's "
                    + "state after it, and states more than 0.1 s apart are not bridged")
        }
        if let node = supervision?["backoff_max_s"], let most = node.double,
            let first = supervision?["backoff_s"]?.double, most < first
        {
            report(
                ["supervision", "backoff_max_s"], in: tree, found: "\(node.text()) s",
                allowed: "at least supervision.backoff_s, here \(Self.text(first)) s")
        }
        guard let age = policy?["max_frame_age_s"]?.double else { return }
        for camera in tree["cameras"]?.object ?? [] {
            guard let node = camera.value["rate_hz"], let rate = node.double, 1 / rate > age else { continue }
            report(
                ["cameras", camera.key, "rate_hz"], in: tree, found: "\(node.text()) Hz",
                allowed: "at least \(Self.text(1 / age)) Hz, or every frame is older than policy.max_frame_age_s "
                    + "(\(Self.text(age)) s) before the next one comes")
        }
    }

    private mutating func checkPorts(in tree: JSONNode) {
        guard let bus = tree["bus"], bus["transport"]?.string == "tcp", let node = bus["base_port"],
            let first = node.int,
            let cameras = tree["cameras"]?.object
        else { return }
        let simulations = tree["simulation"] == nil ? 0 : 1
        let recorders = tree["record"]?["enabled"]?.bool == false ? 0 : 1
        // Goal, policy and arm beside them; arm and goal, simulation and recorder take commands
        // (`Manifest.commandedNodes`).
        let processes = cameras.count + 3 + simulations + recorders
        let ports = processes + 2 + simulations + recorders
        if first + ports - 1 > 65535 {
            report(
                ["bus", "base_port"], in: tree, found: "\(first) with \(processes) processes",
                allowed:
                    "at most \(65536 - ports), since each process takes one port, commands to some of them others, and "
                    + "65535 is the last")
        }
    }

    /// A policy that goes on without any camera would be blind.
    private mutating func checkPolicyCameras(in tree: JSONNode) {
        let names = (tree["cameras"]?.object ?? []).map(\.key)
        let known = names.sorted().joined(separator: ", ")
        for named in tree["policy"]?["cameras"]?.object ?? [] where !names.contains(named.key) && !names.isEmpty {
            report(
                ["policy", "cameras", named.key], in: tree, found: "a camera called \"\(named.key)\"",
                allowed: "the names of the manifest's cameras: \(known)")
        }
        let isNeeded = names.contains { tree["policy"]?["cameras"]?[$0]?["optional"]?.bool != true }
        if !isNeeded, !names.isEmpty {
            report(
                ["policy", "cameras"], in: tree, found: "all cameras optional",
                allowed: "at least one of \(known) that is not: the policy must see something")
        }
    }

    private mutating func checkCameraFolders(in tree: JSONNode) {
        guard let files else { return }
        for camera in tree["cameras"]?.object ?? [] {
            guard let folder = camera.value["folder"]?.string, let pattern = camera.value["pattern"]?.string,
                Self.count(pattern, in: folder, files) == 0
            else { continue }
            report(
                ["cameras", camera.key, "folder"], in: tree, found: "no file called '\(pattern)' in \(folder)",
                allowed: "a folder with image files; mend cameras.\(camera.key).folder or cameras.\(camera.key).pattern"
            )
        }
    }

    private mutating func checkGoal(in tree: JSONNode) {
        guard let goal = tree["goal"], let source = goal["source"]?.string else { return }
        let cameras = tree["cameras"]?.object ?? []
        if isSound(ManifestPath(["cameras"])) {
            for key in ["images", "patterns"] {
                for member in goal[key]?.object ?? [] where !cameras.contains(where: { $0.key == member.key }) {
                    report(
                        ["goal", key, member.key], in: tree, found: "a camera that is not there",
                        allowed: "the cameras of this manifest: " + cameras.map(\.key).joined(separator: ", "),
                        suggestion: NearestName.of(member.key, among: cameras.map(\.key)))
                }
            }
        }
        if source == "episode" { checkEpisode(goal, cameras, in: tree) }
    }

    private mutating func checkEpisode(_ goal: JSONNode, _ cameras: [JSONNode.Member], in tree: JSONNode) {
        guard let files, isSound(ManifestPath(["goal"])), isSound(ManifestPath(["cameras"])),
            let folder = goal["folder"]?.string, let frame = goal["frame"]?.int
        else { return }
        let patterns =
            goal["patterns"]?.object
            ?? cameras.map { camera in
                .init(key: camera.key, value: camera.value["pattern"] ?? "*")
            }
        for member in patterns {
            let pattern = member.value.string ?? "*"
            let count = Self.count(pattern, in: folder, files)
            if count == 0 {
                report(
                    ["goal", "folder"], in: tree,
                    found: "no file called '\(pattern)' (camera \(member.key)) in \(folder)",
                    allowed: "a folder with image files; mend goal.folder or goal.patterns.\(member.key)")
            } else if !(-count..<count).contains(frame) {
                report(
                    ["goal", "frame"], in: tree,
                    found: "\(frame) with \(count) frames called '\(pattern)' in \(folder)",
                    allowed: "a number from \(-count) to \(count - 1)")
            }
        }
    }

    private static func count(_ pattern: String, in folder: String, _ files: FileProbe) -> Int {
        if pattern == "*" { return files.names(folder).count(where: FileSystem.isPicture) }
        let pattern = FileNamePattern(pattern)
        return files.names(folder).count(where: pattern.matches)
    }

    private static func text(_ number: Double) -> String {
        JSONNode(number: (number * 1e6).rounded() / 1e6).text()
    }

    /// Reports at the nearest enclosing value that is written in the file: a default has no place of its own.
    private mutating func report(
        _ keys: [String], in tree: JSONNode, found: String, allowed: String, suggestion: String? = nil
    ) {
        var node = tree
        var isDefault = false
        for (index, key) in keys.enumerated() {
            guard let next = node[key], next.line > 0 || isOverridden(ManifestPath(Array(keys[...index]))) else {
                isDefault = node[key] != nil
                break
            }
            node = next
        }
        report(
            ManifestPath(keys), node, found: found + (isDefault ? ", the default" : ""), allowed: allowed,
            suggestion: suggestion)
    }

    /// Whether a command line gave the value, or something within it.
    private func isOverridden(_ path: ManifestPath) -> Bool {
        overridden.contains { path.isWithin($0) || $0.isWithin(path) }
    }
}
