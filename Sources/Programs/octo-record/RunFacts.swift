import Digests
import Files
import Foundation
import Logging
import MCAPFiles
import Manifests
import Recording
import Synchronization
import Threads
import Time

/// Facts that go into every file besides messages: the manifest as it was carried out, the calibrations, the
/// checkpoint, the programs, the machine.
struct RunFacts {
    let attachments: [MCAP.Attachment]
    let facts: [MCAP.Metadata]

    /// Gathers the facts of a run.
    /// - Parameters:
    ///   - now: time of the attachments, on the clock of the file's stamps.
    ///   - log: told of files that are there and cannot be read.
    init(_ run: RunDescription, at now: MonotonicTime, log: Logger) {
        func file(_ name: String, _ path: String) -> MCAP.Attachment? {
            do throws(FileError) {
                return MCAP.Attachment(json: try FileSystem.read(path), named: name, at: now)
            } catch .missing {
                return nil
            } catch {
                log.warning("the episodes go without \(name): \(error)")
                return nil
            }
        }
        let manifest = run.manifest
        var attachments = [MCAP.Attachment(json: manifest.tree.text().utf8, named: "manifest.json", at: now)]
        if let arm = file("calibration/arm.json", manifest.arm.calibration) { attachments.append(arm) }
        for camera in manifest.cameras {
            guard case .device(let device) = camera.source, let path = device.calibration,
                let calibration = file("calibration/cameras/\(camera.name).json", path)
            else { continue }
            attachments.append(calibration)
        }
        if let scene = manifest.simulation?.scene, let found = file("simulation/scene.json", scene) {
            attachments.append(found)
        }
        for name in ["config.json", "dataset_statistics.json"] {
            if let found = file("checkpoint/\(name)", "\(manifest.policy.checkpoint)/\(name)") {
                attachments.append(found)
            }
        }
        self.attachments = attachments
        facts = [
            MCAP.Metadata(
                name: "run",
                metadata: [
                    "run_id": run.runID, "robot": manifest.name, "started": run.started, "folder": run.folder,
                    "manifest_path": run.manifestPath,
                ]),
            MCAP.Metadata(name: "files", metadata: Self.digests(of: manifest, at: run.manifestPath)),
            MCAP.Metadata(name: "machine", metadata: Self.machine()),
        ]
    }

    /// Digest and size of the files that people wrote, by path. What is attached is the manifest as it was carried out,
    /// with what the command line changed; here is the file itself.
    private static func digests(of manifest: Manifest, at manifestPath: String) -> [String: String] {
        let calibrations = manifest.cameras.compactMap { camera in
            if case .device(let device) = camera.source { device.calibration } else { nil }
        }
        var digests: [String: String] = [:]
        for path in [manifestPath, manifest.arm.calibration] + calibrations
            + [manifest.simulation?.scene].compactMap({ $0 })
        {
            digests["file \(path)"] = MCAP.Metadata.digest(ofFile: path)
        }
        return digests
    }

    /// uname(2), /proc/cpuinfo.
    private static func machine() -> [String: String] {
        let information = ProcessInfo.processInfo
        let cpu: String
        do throws(FileError) {
            cpu = String(decoding: try FileSystem.read("/proc/cpuinfo"), as: UTF8.self)
        } catch {
            // Where the kernel does not tell, the name stays empty.
            cpu = ""
        }
        let model = cpu.split(separator: "\n").first { $0.hasPrefix("model name") }?.split(separator: ":").last
        var system = utsname()
        uname(&system)
        let kernel = withUnsafeBytes(of: &system.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return [
            "host": information.hostName, "system": information.operatingSystemVersionString, "kernel": kernel,
            "cpu": model.map { $0.trimmingCharacters(in: .whitespaces) } ?? "",
            "cores": "\(information.processorCount)",
            "memory_bytes": "\(information.physicalMemory)",
        ]
    }
}

/// Reads the checkpoint's files and the programs through, which takes a while, on a thread of its own.
final class Fingerprints: Sendable {
    private let found = Mutex<[MCAP.Metadata]>([])

    /// Begins to read in the background.
    /// - Parameter checkpoint: folder of the checkpoint; all files in it are read.
    init(checkpoint: String, step: Int?) {
        NamedThread.run("fingerprints") { [self] in
            var weights = Self.hashes(ofFilesIn: checkpoint) { _ in true }
            weights["folder"] = checkpoint
            weights["step"] = step.map { "\($0)" } ?? "newest"
            found.withLock { $0.append(MCAP.Metadata(name: "checkpoint", metadata: weights)) }
            let programs = Self.hashes(ofFilesIn: Self.programFolder) { name in
                name.hasPrefix("octo-") && !name.contains(".")
            }
            found.withLock { $0.append(MCAP.Metadata(name: "programs", metadata: programs)) }
        }
    }

    /// Takes what was found since the last call.
    func take() -> [MCAP.Metadata] {
        found.withLock { found in
            defer { found = [] }
            return found
        }
    }

    private static var programFolder: String {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
    }

    /// Digest and size of each file, by its path within the folder.
    private static func hashes(ofFilesIn folder: String, where isWanted: (String) -> Bool) -> [String: String] {
        var hashes: [String: String] = [:]
        for name in (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? [] where isWanted(name) {
            let url = URL(fileURLWithPath: "\(folder)/\(name)")
            guard (try? url.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true else { continue }
            hashes["file \(name)"] = MCAP.Metadata.digest(ofFile: url.path)
        }
        return hashes
    }
}

extension MCAP.Metadata {
    /// What a file was: "sha256 DIGITS bytes COUNT", the digits as `sha256sum` prints them; nil for one that cannot be
    /// read.
    fileprivate static func digest(ofFile path: String) -> String? {
        switch FileSystem.sha256(path) {
        case .success(let (hex, byteCount)): "sha256 \(hex) bytes \(byteCount)"
        case .failure: nil
        }
    }
}
