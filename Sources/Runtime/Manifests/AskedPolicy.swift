import Files
import JSONTree

/// The policy that a robot asks another machine for, read on that machine.
package struct AskedPolicy: Equatable, Sendable {
    /// Its paths are absolute, and there.
    package let policy: Manifest.Policy
    /// The section with every default filled in, and paths as the robot has them: what is compared with other robots'.
    package let section: JSONNode

    /// Reads the section `policy` of a robot's manifest.
    /// - Parameters:
    ///   - section: the section; keys with defaults may be left out.
    ///   - folder: absolute path of the folder that its relative paths are seen from.
    ///   - files: answers whether the files are there; nil does not ask.
    /// - Throws: all problems together. stat(2).
    package init(_ section: JSONNode, folder: String, files: FileProbe? = .disk) throws(AskedPolicyError) {
        self.section = try Self.checked(section, folder: folder, files: nil, elsewhere: Self.place)
        let found = try Self.checked(section, folder: folder, files: files, elsewhere: nil)
        policy = ManifestKeys.read(found, Manifest.Policy.init)
    }

    /// What differs between the policy that this machine computes and the one that a robot asks for. What the robot
    /// calls this machine, and how it sends its pictures, changes nothing here.
    /// - Parameters:
    ///   - here: the section `policy` of this machine's manifest, with every default filled in.
    ///   - there: that of the robot.
    package static func difference(here: JSONNode, there: JSONNode) -> ManifestDifference {
        ManifestDifference(
            here: here, there: there, at: place,
            passingOver: [ManifestName.Policy.host, .pictures].map { place.appending($0.rawValue) })
    }

    private static let place = ManifestPath([ManifestName.Section.policy.rawValue])
    private static let form = ManifestForm.section(Manifest.Policy.init)

    private static func checked(
        _ section: JSONNode, folder: String, files: FileProbe?, elsewhere: ManifestPath?
    ) throws(AskedPolicyError) -> JSONNode {
        var check = ManifestCheck(
            files: files, manifestFolder: folder, workingFolder: folder, overridden: [], elsewhere: elsewhere)
        let sound = check.check(section, against: form.rule, at: place)
        guard let sound, check.problems.isEmpty else { throw AskedPolicyError(problems: check.problems) }
        return sound
    }
}

/// Why a policy that a robot asks for cannot be had on this machine.
package struct AskedPolicyError: Error, Equatable, CustomStringConvertible {
    package let problems: [ManifestProblem]

    package var description: String {
        "reading the policy section: found \(problems.count) problem\(problems.count == 1 ? "" : "s"), expected none: "
            + problems.map { problem in
                "\(problem.path): found \(problem.found); allowed: \(problem.allowed)."
                    + (problem.suggestion.map { " Did you mean \"\($0)\"?" } ?? "")
            }.joined(separator: " ")
    }
}
