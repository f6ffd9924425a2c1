import Foundation
import Goals
import Images
import TestSupport
import Testing

/// The committed demo episode is what its generator makes.
@Suite struct DemoEpisodeGeneratorTests {
    private static let needed = [
        "/usr/include/mujoco/mujoco.h", "/usr/lib/x86_64-linux-gnu/libOSMesa.so.8", "/usr/bin/make", "/usr/bin/cc",
    ]
    private static let isInstalled = needed.allSatisfy { FileManager.default.fileExists(atPath: $0) }

    @Test(
        .enabled(if: isInstalled, "needs libmujoco-dev, libosmesa6, libpng-dev and a C compiler"),
        .timeLimit(.minutes(5)))
    func theGeneratorMakesTheCommittedEpisode() throws {
        let committed = Fixture.packageRoot.appendingPathComponent("launch/episode").path
        let made = try TemporaryFolder()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/make")
        process.arguments = [
            "-s", "-C", committed + "/generator", "PROGRAM=" + made.file("generate"), "OUTPUT=" + made.path,
        ]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)

        #expect(try EpisodeDescription(inFolder: made.path) == EpisodeDescription(inFolder: committed))
        let names = try ImageFolder(path: committed, pattern: "image_0_*.png").names
        #expect(try ImageFolder(path: made.path).names == names)
        for name in names {
            let (old, new) = (
                try RGBImage(contentsOf: "\(committed)/\(name)"), try RGBImage(contentsOf: made.file(name))
            )
            // The same libraries give the same bytes; another version of the rasteriser may shade a little differently.
            let difference = zip(old.pixels.bytes, new.pixels.bytes).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
            #expect(difference <= old.pixels.count, "\(name) differs by \(difference) levels in all")
        }
    }
}
