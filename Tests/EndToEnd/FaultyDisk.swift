import Foundation
import TestSupport

/// Programs of which the recorder writes to a disk that misbehaves (`disk/disk.c`): what OCTO_BIN_DIR is to name.
final class FaultyDisk {
    let folder: URL

    /// Compiled once, by the compiler that comes with Swift.
    private static let library: String? = {
        let target = "/tmp/octo-test-disk-\(getpid()).so"
        let source = Fixture.packageRoot.appendingPathComponent("Tests/EndToEnd/disk/disk.c").path
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["clang", "-shared", "-fPIC", "-O1", "-o", target, source, "-ldl"]
        guard (try? compiler.run()) != nil else { return nil }
        compiler.waitUntilExit()
        return compiler.terminationStatus == 0 ? target : nil
    }()

    /// Without clang these tests say that they are skipped.
    static var isThere: Bool { library != nil }

    /// - Parameters:
    ///   - faults: `disk.c` says which there are.
    ///   - isFaultyLater: the disk is as it should be until `spoil`.
    init(_ faults: [String: Int], isFaultyLater: Bool = false) throws {
        folder = try TemporaryFolder.make("disk")
        for name in ["octo-camera", "octo-goal", "octo-policy", "octo-arm", "octo-sim"] {
            try FileManager.default.createSymbolicLink(
                atPath: folder.appendingPathComponent(name).path, withDestinationPath: Program.path(name))
        }
        let words = faults.map { "\($0.key)=\($0.value)" } + (isFaultyLater ? ["DISK_FROM=\(folder.path)/spoilt"] : [])
        let settings = words.sorted().joined(separator: " ")
        let script = folder.appendingPathComponent("octo-record")
        let text =
            "#!/bin/sh\nexec env LD_PRELOAD=\(Self.library ?? "") \(settings) \(Program.path("octo-record")) \"$@\"\n"
        try Data(text.utf8).write(to: script)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script.path)
    }

    func spoil() throws { try Data().write(to: folder.appendingPathComponent("spoilt")) }

    var environment: [String: String] { ["OCTO_BIN_DIR": folder.path] }

    deinit { try? FileManager.default.removeItem(at: folder) }
}
