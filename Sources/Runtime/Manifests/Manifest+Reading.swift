import Files
import JSONTree

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
        do throws(FileError) {
            text = try FileSystem.read(path)
        } catch {
            throw .unreadable(path: path, reason: error.found)
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

    /// Reads a manifest from its text.
    /// - Parameters:
    ///   - path: name of the manifest in error messages; without `name` in it, the manifest is named after it.
    ///   - folder: absolute path of the folder that paths within the manifest are relative to.
    ///   - workingFolder: absolute path of the folder that paths in `overrides` are relative to.
    ///   - files: answers whether files are there; nil does not ask.
    package init(
        parsing text: some Collection<UInt8>, path: String, folder: String, overrides: [ManifestOverride] = [],
        workingFolder: String, files: FileProbe?
    ) throws(ManifestError) {
        let tree = try Self.tree(parsing: text, path: path, overrides: overrides)
        var check = ManifestCheck(
            files: files, manifestFolder: folder, workingFolder: workingFolder, overridden: overrides.map(\.path),
            elsewhere: Self.elsewhere(in: tree))
        let sound = check.check(tree, against: Self.form.rule, at: ManifestPath())
        if let sound { check.checkConflicts(in: sound) }
        guard let sound, check.problems.isEmpty else { throw .invalid(path: path, check.problems) }
        self.init(checked: sound, fallbackName: Self.name(fromFile: path))
    }

    /// The section whose files are another machine's.
    private static func elsewhere(in tree: JSONNode) -> ManifestPath? {
        ManifestTree(root: tree)[ManifestName.Policy.host] == nil
            ? nil : ManifestPath([ManifestName.Section.policy.rawValue])
    }

    /// `My_robot.json` gives `my-robot`.
    static func name(fromFile path: String) -> String {
        var name = path.split(separator: "/").last.map(String.init) ?? ""
        if let dot = name.lastIndex(of: "."), dot != name.startIndex { name = String(name[..<dot]) }
        let signs = name.lowercased().map { ("a"..."z").contains($0) || ("0"..."9").contains($0) ? $0 : "-" }
        let trimmed = String(signs.drop { !("a"..."z").contains($0) }.prefix(ManifestRule.maximumNameLength))
        return ManifestRule.isName(trimmed, separator: "-") ? trimmed : "robot"
    }
}
