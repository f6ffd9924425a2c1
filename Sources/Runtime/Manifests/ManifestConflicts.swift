import Files
import JSONTree

private typealias Name = ManifestName

/// Combinations of values that are each allowed, but not together.
extension ManifestCheck {
    /// Reports values that are each allowed, but not together.
    /// - Parameter sound: what `check` returned: sound members only, defaults filled in.
    mutating func checkConflicts(in sound: JSONNode) {
        let tree = ManifestTree(root: sound)
        checkRates(in: tree)
        checkPorts(in: tree)
        checkBus(in: tree)
        checkHosts(in: tree)
        checkCameraFolders(in: tree)
        checkPolicyCameras(in: tree)
        checkGoal(in: tree)
        checkSimulation(in: tree)
        checkConsole(in: tree)
    }

    /// Whom a page lets in that a whole network can reach.
    private mutating func checkConsole(in tree: ManifestTree) {
        guard let bind = tree[Name.Console.bind]?.string else { return }
        switch Manifest.Console.isLoopback(bind) {
        case nil:
            report(
                Name.Console.bind.path, in: tree, found: "\"\(bind)\"",
                allowed: "an IPv4 or IPv6 address of this machine, such as 127.0.0.1, or 0.0.0.0 for all it has")
        case false? where tree[Name.Console.tokenFile] == nil:
            report(
                Name.Console.bind.path, in: tree, found: "\"\(bind)\" without console.token_file",
                allowed:
                    "127.0.0.1, or another address together with a token_file ('octo-console token FILE' makes it): "
                    + "whoever reaches the page could move the arm")
        case _?: break
        }
    }

    /// What is in the simulated world needs one.
    private mutating func checkSimulation(in tree: ManifestTree) {
        let isSimulated = tree[Name.Section.simulation] != nil
        if !isSimulated, isSound(ManifestPath([Name.Section.simulation.rawValue])) {
            let allowed = "a real one, or a section \"simulation\" beside it: {} will do"
            for camera in tree[Name.Section.cameras]?.object ?? []
            where camera[Name.Camera.source]?.string == Name.simulated {
                report(
                    Name.Camera.source.path(of: camera.key), in: tree, found: "\"simulated\" without a simulated world",
                    allowed: allowed)
            }
            if tree[Name.Arm.port]?.string == Manifest.simulatedPort {
                report(
                    Name.Arm.port.path, in: tree, found: "\"simulation\" without a simulated world", allowed: allowed
                )
            }
        }
        if tree[Name.Arm.port]?.string == Manifest.simulatedPort,
            tree[Name.Arm.driver]?.string != Name.dynamixel
        {
            report(
                Name.Arm.driver.path, in: tree, found: tree[Name.Arm.driver]?.text() ?? "",
                allowed: "\"dynamixel\": that is what the servos of the simulated world speak")
        }
        for camera in tree[Name.Section.cameras]?.object ?? []
        where camera[Name.Camera.source]?.string == Name.simulated && !Self.simulatedCameras.contains(camera.key) {
            report(
                [Name.Section.cameras.rawValue, camera.key], in: tree,
                found: "a simulated camera called \"\(camera.key)\"",
                allowed: "the cameras of the simulated world: " + Self.simulatedCameras.joined(separator: ", "))
        }
    }

    /// One state may then be lost, and the two around it are still near enough to each other. Hz.
    private static let leastStateRate = 20.0

    private static let simulatedCameras = ["primary", "wrist"]

    mutating func checkRates(in tree: ManifestTree) {
        if let node = tree[Name.Arm.watchdog], let watchdog = node.double, let rate = tree[Name.Policy.rate]?.double,
            watchdog < 1 / rate
        {
            report(
                Name.Arm.watchdog.path, in: tree, found: "\(node.text()) s",
                allowed:
                    "at least one policy step, \(Self.text(1 / rate)) s at policy.rate_hz \(Self.text(rate)), or the "
                    + "arm would stop between any two chunks")
        }
        if let node = tree[Name.Arm.controlRate], let control = node.double, let rate = tree[Name.Policy.rate]?.double,
            control < 4 * rate
        {
            report(
                Name.Arm.controlRate.path, in: tree, found: "\(node.text()) Hz",
                allowed: "at least four times policy.rate_hz, here \(Self.text(4 * rate)) Hz, to move smoothly between "
                    + "policy steps")
        }
        if let node = tree[Name.Arm.stateRate], let state = node.double,
            let control = tree[Name.Arm.controlRate]?.double,
            state > control
        {
            report(
                Name.Arm.stateRate.path, in: tree, found: "\(node.text()) Hz",
                allowed: "at most arm.control_rate_hz, here \(Self.text(control)) Hz")
        }
        if tree[Name.Policy.proprio] != nil, let node = tree[Name.Arm.stateRate], let state = node.double,
            let rate = tree[Name.Policy.rate]?.double, state < max(Self.leastStateRate, 2 * rate)
        {
            report(
                Name.Arm.stateRate.path, in: tree, found: "\(node.text()) Hz with policy.proprio",
                allowed:
                    "at least \(Self.text(max(Self.leastStateRate, 2 * rate))) Hz: each observation waits for the "
                    + "arm's "
                    + "state after it, and states more than 0.1 s apart are not bridged")
        }
        if let node = tree[Name.Supervision.maximumBackoff], let most = node.double,
            let first = tree[Name.Supervision.backoff]?.double, most < first
        {
            report(
                Name.Supervision.maximumBackoff.path, in: tree, found: "\(node.text()) s",
                allowed: "at least supervision.backoff_s, here \(Self.text(first)) s")
        }
        guard let age = tree[Name.Policy.maximumFrameAge]?.double else { return }
        for camera in tree[Name.Section.cameras]?.object ?? [] {
            guard let node = camera[Name.Camera.rate], let rate = node.double, 1 / rate > age else { continue }
            report(
                Name.Camera.rate.path(of: camera.key), in: tree, found: "\(node.text()) Hz",
                allowed: "at least \(Self.text(1 / age)) Hz, or every frame is older than policy.max_frame_age_s "
                    + "(\(Self.text(age)) s) before the next one comes")
        }
    }

    private mutating func checkPorts(in tree: ManifestTree) {
        guard tree[Name.Bus.transport]?.string == Manifest.Bus.Transport.tcp.rawValue,
            let node = tree[Name.Bus.basePort],
            let first = node.int,
            let cameras = tree[Name.Section.cameras]?.object
        else { return }
        let simulations = tree[Name.Section.simulation] == nil ? 0 : 1
        let recorders = tree[Name.Record.enabled]?.bool == false ? 0 : 1
        // Goal, policy and arm beside them; arm and goal, simulation and recorder take commands
        // (`Manifest.commandedNodes`).
        let consoles = tree[Name.Section.console] == nil ? 0 : 1
        let processes = cameras.count + 3 + simulations + recorders + consoles
        let ports = processes + 2 + simulations + recorders
        if first + ports - 1 > 65535 {
            report(
                Name.Bus.basePort.path, in: tree, found: "\(first) with \(processes) processes",
                allowed:
                    "at most \(65536 - ports), since each process takes one port, commands to some of them others, and "
                    + "65535 is the last")
        }
    }

    /// A policy that goes on without any camera would be blind.
    private mutating func checkPolicyCameras(in tree: ManifestTree) {
        let names = (tree[Name.Section.cameras]?.object ?? []).map(\.key)
        let known = names.sorted().joined(separator: ", ")
        for named in tree[Name.Policy.cameras]?.object ?? [] where !names.contains(named.key) && !names.isEmpty {
            report(
                Name.Policy.cameras.path + [named.key], in: tree, found: "a camera called \"\(named.key)\"",
                allowed: "the names of the manifest's cameras: \(known)")
        }
        let isNeeded = names.contains { tree[Name.Policy.cameras]?[$0]?[Name.optional]?.bool != true }
        if !isNeeded, !names.isEmpty {
            report(
                Name.Policy.cameras.path, in: tree, found: "all cameras optional",
                allowed: "at least one of \(known) that is not: the policy must see something")
        }
    }

    private mutating func checkCameraFolders(in tree: ManifestTree) {
        guard let files else { return }
        for camera in tree[Name.Section.cameras]?.object ?? [] {
            guard let folder = camera[Name.Camera.folder]?.string,
                let pattern = camera[Name.Camera.pattern]?.string,
                Self.count(pattern, in: folder, files) == 0
            else { continue }
            report(
                Name.Camera.folder.path(of: camera.key), in: tree, found: "no file called '\(pattern)' in \(folder)",
                allowed: "a folder with image files; mend cameras.\(camera.key).folder or cameras.\(camera.key).pattern"
            )
        }
    }

    private mutating func checkGoal(in tree: ManifestTree) {
        guard let source = tree[Name.Goal.source]?.string else { return }
        let cameras = tree[Name.Section.cameras]?.object ?? []
        if isSound(ManifestPath([Name.Section.cameras.rawValue])) {
            for key in [Name.Goal.images, .patterns] {
                for member in tree[key]?.object ?? [] where !cameras.contains(where: { $0.key == member.key }) {
                    report(
                        key.path + [member.key], in: tree, found: "a camera that is not there",
                        allowed: "the cameras of this manifest: " + cameras.map(\.key).joined(separator: ", "),
                        suggestion: NearestName.of(member.key, among: cameras.map(\.key)))
                }
            }
        }
        if source == Name.episode { checkEpisode(of: cameras, in: tree) }
    }

    private mutating func checkEpisode(of cameras: [JSONNode.Member], in tree: ManifestTree) {
        guard let files, isSound(ManifestPath([Name.Section.goal.rawValue])),
            isSound(ManifestPath([Name.Section.cameras.rawValue])),
            let folder = tree[Name.Goal.folder]?.string, let frame = tree[Name.Goal.frame]?.int
        else { return }
        let patterns =
            tree[Name.Goal.patterns]?.object
            ?? cameras.map { camera in
                .init(key: camera.key, value: camera[Name.Camera.pattern] ?? "*")
            }
        for member in patterns {
            let pattern = member.value.string ?? "*"
            let count = Self.count(pattern, in: folder, files)
            if count == 0 {
                report(
                    Name.Goal.folder.path, in: tree,
                    found: "no file called '\(pattern)' (camera \(member.key)) in \(folder)",
                    allowed: "a folder with image files; mend goal.folder or goal.patterns.\(member.key)")
            } else if !(-count..<count).contains(frame) {
                report(
                    Name.Goal.frame.path, in: tree,
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
    mutating func report(
        _ keys: [String], in tree: ManifestTree, found: String, allowed: String, suggestion: String? = nil
    ) {
        var node = tree.root
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
