import Files
import JSONTree
import Time

/// What a manifest says of the arm, for a program that drives it without a run: nothing else has to be there or right,
/// so that an arm can be tried before cameras, goal and checkpoint are chosen.
package struct ArmManifest: Equatable, Sendable {
    package var name: String
    package var arm: Manifest.Arm
    /// How often a policy would speak; the default where the manifest says nothing that can be used.
    package var policyRate: Rate

    package init(name: String, arm: Manifest.Arm, policyRate: Rate) {
        self.name = name
        self.arm = arm
        self.policyRate = policyRate
    }

    /// Reads a manifest and checks its section `arm`.
    /// - Parameter overrides: put into it, in order, before it is checked.
    /// - Throws: all problems of the section together. open(2), stat(2).
    package static func load(_ path: String, overrides: [ManifestOverride] = []) throws(ManifestError) -> ArmManifest {
        let (text, folder) = try Manifest.text(path)
        return try ArmManifest(
            parsing: text, path: path, folder: folder, overrides: overrides, workingFolder: FileSystem.workingFolder,
            files: .disk)
    }

    /// Parses a manifest as `Manifest.init(parsing:)` does, and checks its section `arm`.
    package init(
        parsing text: some Collection<UInt8>, path: String, folder: String, overrides: [ManifestOverride] = [],
        workingFolder: String, files: FileProbe?
    ) throws(ManifestError) {
        let tree = try Manifest.tree(parsing: text, path: path, overrides: overrides)
        var check = ManifestCheck(
            files: files, manifestFolder: folder, workingFolder: workingFolder, overridden: overrides.map(\.path))
        let sound = check.checkArmAlone(in: tree)
        guard let sound, check.problems.isEmpty, let arm = Manifest.Arm.form.read(sound) else {
            throw .invalid(path: path, check.problems)
        }
        let named = ManifestTree(root: tree)[.name]?.string.flatMap {
            ManifestRule.isName($0, separator: "-") ? $0 : nil
        }
        self.init(
            name: named ?? Manifest.name(fromFile: path), arm: arm, policyRate: Self.policyRate(in: tree, check))
    }

    /// The policy's rate as it is written, or else the usual one: what is wrong with the policy stops no arm.
    private static func policyRate(in tree: JSONNode, _ check: ManifestCheck) -> Rate {
        let form = ManifestForm.section(Manifest.Policy.rate)
        let written = ManifestTree(root: tree)[ManifestName.Policy.rate].map {
            JSONNode.object([ManifestName.Policy.rate.rawValue: $0])
        }
        for section in [written ?? .object([:]), .object([:])] {
            var check = check
            let sound = check.check(
                section, against: form.rule, at: ManifestPath([ManifestName.Section.policy.rawValue]))
            if let sound, check.problems.isEmpty, let rate = form.read(sound) { return rate }
        }
        return form.sample
    }
}

extension ManifestCheck {
    /// Checks the section `arm` of an arm that is driven without a run.
    /// - Returns: the section `arm` as `check` gives it; nil when it is missing or cannot be used.
    mutating func checkArmAlone(in tree: JSONNode) -> JSONNode? {
        let path = ManifestPath([ManifestName.Section.arm.rawValue])
        guard tree.object != nil, let arm = ManifestTree(root: tree)[.arm] else {
            report(path, tree, found: "nothing", allowed: "\(Manifest.Arm.form.rule.allowed()); this key is required")
            return nil
        }
        guard let sound = check(arm, against: Manifest.Arm.form.rule, at: path) else { return nil }
        checkRates(in: ManifestTree(root: .object([ManifestName.Section.arm.rawValue: sound])))
        if let port = sound[ManifestName.Arm.port.rawValue], port.string == Manifest.simulatedPort {
            report(
                path.appending(ManifestName.Arm.port.rawValue), port,
                found: "\"simulation\", the servos of a simulated world",
                allowed:
                    "a serial port: that world is there only in a run. Start it with octo-launch and leave --manifest "
                    + "out"
            )
        }
        return sound
    }
}
